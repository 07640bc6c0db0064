"""Settings that nobody needs to touch: what is left empty stays as measurement found it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from convviz.networks.device import PRECISIONS
from convviz.reconstruction.config import MOST_STEPS, OPTIMIZERS, STARTS, ReconstructionConfig
from convviz.ui import state
from convviz.ui.keys import Key

_OPTIMIZER_TITLES = {"lbfgs": "L-BFGS", "adam": "Adam"}
_START_TITLES = {"noise": "Noise", "grey": "Plain grey"}
_LARGEST_SEED = 2**31 - 1
_PRECISION_TITLES = {"auto": "Automatic", "float32": "float32", "bfloat16": "bfloat16"}


def adjusted(configs: Sequence[ReconstructionConfig]) -> tuple[ReconstructionConfig, ...]:
    """Draw the advanced settings and return the settings with what was changed in them.

    Args:
        configs: The settings of each run as measured.
    """
    with st.expander("Advanced", icon=":material/tune:"):
        st.caption(
            "Left empty, a setting is what was measured to work best for the network and depth."
        )
        chosen = _widgets()
    changes = {name: value for name, value in chosen.items() if value is not None}
    return tuple(_changed(config, changes) for config in configs)


def _widgets() -> dict[str, Any]:
    first, second = st.columns(2, gap="large")
    with first:
        optimizer = st.selectbox(
            "Optimiser",
            OPTIMIZERS,
            index=None,
            placeholder="as measured",
            format_func=lambda name: _OPTIMIZER_TITLES.get(name, name),
            key=state.remember(Key.OPTIMIZER, None, allowed=OPTIMIZERS, in_url=False),
            help="L-BFGS estimates how the loss curves and takes long steps; Adam follows averaged "
            "gradients with one step length for each coordinate.",
        )
        learning_rate = _number(
            "Learning rate",
            Key.LEARNING_RATE,
            "Length of a step: for L-BFGS as a multiple of what it computes (1 is usual), for Adam "
            "the change of each coordinate (0.02 is usual).",
            above=1e-6,
            format="%g",
        )
        decay = _number(
            "Decay",
            Key.DECAY,
            "p in learning rate · (1 − t)^p, with t going from 0 to 1 over the run: 0 keeps the "
            "rate, 1 lets it fall to zero evenly.",
            most=10.0,
        )
        variation = _number(
            "Total variation",
            Key.TOTAL_VARIATION,
            "Weight of a penalty on differences between neighbouring pixels: more makes smoother "
            "images.",
            most=1e6,
            format="%g",
        )
    with second:
        start = st.selectbox(
            "Start from",
            STARTS,
            format_func=lambda name: _START_TITLES.get(name, name),
            key=state.remember(Key.START_FROM, STARTS[0], allowed=STARTS, in_url=False),
        )
        seed = st.number_input(
            "Seed",
            min_value=0,
            max_value=_LARGEST_SEED,
            key=state.remember(Key.SEED, 0, allowed=range(_LARGEST_SEED + 1), in_url=False),
            help="Chooses the noise: the same seed gives the same start.",
        )
        steps = st.number_input(
            "Steps at most",
            min_value=1,
            max_value=MOST_STEPS,
            value=None,
            placeholder="as many as fit into the time",
            key=state.remember(Key.MOST_STEPS, None, in_url=False),
        )
        precision = st.selectbox(
            "Precision",
            PRECISIONS,
            format_func=lambda name: _PRECISION_TITLES.get(name, name),
            key=state.remember(Key.PRECISION, PRECISIONS[0], allowed=PRECISIONS, in_url=False),
            help="bfloat16 has 8 bits of precision instead of 24; processors with instructions "
            "for it take several times as many steps. The last steps are in float32 either way.",
        )
    return {
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "decay": decay,
        "tv": variation,
        "start": start,
        "seed": seed,
        "steps": steps,
        "precision": precision,
    }


def _number(
    label: str,
    key: Key,
    said: str,
    *,
    above: float = 0.0,
    most: float | None = None,
    format: str | None = None,
) -> float | None:
    value: float | None = st.number_input(
        label,
        min_value=above,
        max_value=most,
        value=None,
        format=format,
        placeholder="as measured",
        key=state.remember(key, None, in_url=False),
        help=said,
    )
    return value


def _changed(config: ReconstructionConfig, changes: dict[str, Any]) -> ReconstructionConfig:
    """Change some settings; rate and decay belong to an optimiser and go with it."""
    if changes.get("optimizer", config.optimizer) != config.optimizer:
        config = replace(config, learning_rate=None, decay=None)
    return replace(config, **changes)
