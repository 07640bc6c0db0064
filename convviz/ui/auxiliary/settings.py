"""How the two networks are trained."""

from __future__ import annotations

import streamlit as st

from convviz.learning.auxiliary import Settings
from convviz.learning.small_networks import SmallInitialisation
from convviz.networks.network import AUXILIARY_WEIGHT
from convviz.ui import auxiliary_settings, state
from convviz.ui.keys import Key

_DEFAULTS = Settings()
_STEPS = (100, 200, 400, 800)
_RATES = (0.001, 0.002, 0.004, 0.008, 0.01, 0.02, 0.05, 0.1)
_STARTS: dict[SmallInitialisation, str] = {
    "lecun": "variance 1 / inputs (1998)",
    "he": "variance 2 / inputs (He, 2015)",
}
_NORMS = {False: "none, as in the paper", True: "after each convolution"}


def choose() -> Settings:
    """Draw the settings in one row and return what is chosen."""
    with st.container(
        horizontal=True, gap="medium", vertical_alignment="bottom", key="auxiliary_settings"
    ):
        weight = auxiliary_settings.weight(
            width=240,
            help=f"{AUXILIARY_WEIGHT:g} in the paper. With 0 both networks are the same, and learn "
            "the same.",
        )
        start = st.selectbox(
            "First weights",
            _STARTS,
            format_func=_STARTS.__getitem__,
            key=state.remember(Key.AUXILIARY_START, _DEFAULTS.start, allowed=_STARTS),
            help="In 2014 the rule of He et al., which makes up for what a ReLU takes away, was "
            "not known yet.",
            width=250,
        )
        norm = st.selectbox(
            "Batch norm",
            _NORMS,
            format_func=_NORMS.__getitem__,
            key=state.remember(Key.AUXILIARY_NORM, _DEFAULTS.batch_norm, allowed=_NORMS),
            help="It came a year after GoogLeNet, and keeps signals and gradients at their "
            "strength from layer to layer.",
            width=230,
        )
        rate = st.select_slider(
            "Learning rate",
            _RATES,
            key=state.remember(Key.AUXILIARY_RATE, _DEFAULTS.learning_rate, allowed=_RATES),
            help="Of SGD with Nesterov's momentum; it falls to nearly zero along half a cosine.",
            width=200,
        )
        steps = st.select_slider(
            "Steps",
            _STEPS,
            key=state.remember(Key.AUXILIARY_STEPS, _DEFAULTS.steps, allowed=_STEPS),
            help=f"Of {_DEFAULTS.batch} pictures each. {_DEFAULTS.steps} steps of both networks "
            "take about a minute on two processor cores.",
            width=160,
        )
        seed = auxiliary_settings.seed(
            help="Of the first weights and of the order of the pictures."
        )
    return Settings(
        weight=weight,
        steps=steps,
        learning_rate=rate,
        start=start,
        batch_norm=bool(norm),
        seed=seed,
    )


def in_short(settings: Settings) -> str:
    """Say in one line how two networks are trained."""
    norm = "batch norm" if settings.batch_norm else "no batch norm"
    return (
        f"Auxiliary losses weighted {settings.weight:g} against none, {norm}, first weights with "
        f"{_STARTS[settings.start]}, learning rate {settings.learning_rate:g}, seed "
        f"{settings.seed}."
    )
