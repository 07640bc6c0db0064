"""How the two networks are trained."""

from __future__ import annotations

import streamlit as st

from convviz.language import later, numeral, tr
from convviz.learning.auxiliary import Settings
from convviz.ui import auxiliary_settings, state
from convviz.ui.auxiliary import findings
from convviz.ui.keys import Key

_WIDTH = 214  # pixels of each: where they take several rows, they stand below one another
_DEFAULTS = Settings()
_STEPS = (100, 200, 400, 800)
_RATES = (0.001, 0.002, 0.004, 0.008, 0.01, 0.02, 0.05, 0.1)
_NORMS = {False: later("none, as in the paper"), True: later("after each convolution")}


def choose() -> Settings:
    """Draw the settings and return what is chosen."""
    with st.container(
        horizontal=True, gap="medium", vertical_alignment="bottom", key="auxiliary_settings"
    ):
        weight = auxiliary_settings.weight(width=_WIDTH, help=findings.weight_help())
        start = st.selectbox(
            tr("First weights"),
            findings.STARTS,
            format_func=lambda start: tr(findings.STARTS[start]),
            key=state.remember(Key.AUXILIARY_START, _DEFAULTS.start, allowed=findings.STARTS),
            help=tr(
                "In 2014 the rule of He et al., which makes up for what a ReLU takes away, "
                "was not known yet."
            ),
            width=_WIDTH,
        )
        norm = st.selectbox(
            tr("Batch norm"),
            _NORMS,
            format_func=lambda norm: tr(_NORMS[norm]),
            key=state.remember(Key.AUXILIARY_NORM, _DEFAULTS.batch_norm, allowed=_NORMS),
            help=tr(
                "It came a year after GoogLeNet (Ioffe and Szegedy 2015), and brings each "
                "channel's values to mean 0 and standard deviation 1 over a batch, before a "
                "scale and a shift that are learned. What it does to the gradients of this "
                "network is measured: train, and compare the stages."
            ),
            width=_WIDTH,
        )
        rate = st.select_slider(
            tr("Learning rate"),
            _RATES,
            format_func=lambda rate: numeral(str(rate)),
            key=state.remember(Key.AUXILIARY_RATE, _DEFAULTS.learning_rate, allowed=_RATES),
            help=tr("Of SGD with Nesterov's momentum. A cosine schedule lowers it to nearly zero."),
            width=_WIDTH,
        )
        steps = st.select_slider(
            tr("Steps"),
            _STEPS,
            key=state.remember(Key.AUXILIARY_STEPS, _DEFAULTS.steps, allowed=_STEPS),
            help=findings.steps_help(_DEFAULTS),
            width=_WIDTH,
        )
        seed = auxiliary_settings.seed(
            help=tr("Of the first weights and of the order of the pictures.")
        )
    return Settings(
        weight=weight,
        steps=steps,
        learning_rate=rate,
        start=start,
        batch_norm=bool(norm),
        seed=seed,
    )
