"""For how long and from how many seeds designs are trained, for both views that train."""

from __future__ import annotations

import streamlit as st

from convviz import limits
from convviz.language import later, numeral, tr
from convviz.learning.design_results import LEARNING_RATE, DesignSettings
from convviz.ui import state
from convviz.ui.design import findings
from convviz.ui.keys import Key

_EQUAL = {"seconds": later("Equal time"), "epochs": later("Equal epochs")}
_SECONDS = (5, 10, 20, 30, 60)
_EPOCHS = (2, 5, 10, 20, 50)
_SEEDS = (1, 2, 3, 5, 8)
_RATES = (0.0005, 0.001, 0.002, 0.005, 0.01)


def settle(view: str) -> DesignSettings:
    """Choose how long and how often each design is trained.

    Args:
        view: Name of the view, for its widgets.
    """
    with st.container(
        horizontal=True,
        gap="medium",
        vertical_alignment="bottom",
        key=f"design_{view}_settings",
    ):
        equal = st.segmented_control(
            tr("Trained for"),
            _EQUAL,
            format_func=lambda equal: tr(_EQUAL[equal]),
            key=state.remember(Key.DESIGN_EQUAL, "seconds", allowed=_EQUAL),
            required=True,
            help=tr(
                "Equal epochs ask which design learns more from the same pictures, equal "
                "time which one gets further on this machine."
            ),
            wrap=True,
        )
        seconds = epochs = None
        if equal == "epochs":
            epochs = st.select_slider(
                tr("Epochs of each training"),
                _EPOCHS,
                key=state.remember(Key.DESIGN_EPOCHS, 10, allowed=_EPOCHS),
                width=220,
            )
        else:
            seconds = st.select_slider(
                tr("Time of each training"),
                _SECONDS,
                format_func=lambda seconds: f"{seconds} s",
                key=state.remember(Key.DESIGN_SECONDS, 20, allowed=_SECONDS),
                width=220,
            )
        seeds = st.select_slider(
            tr("Seeds"),
            _SEEDS,
            key=state.remember(Key.DESIGN_SEEDS, 3, allowed=_SEEDS),
            help=tr(
                "How often each design is trained, from other first weights and in another "
                "order of the pictures. All designs have the same seeds."
            ),
            width=180,
        )
        rate = st.select_slider(
            tr("Learning rate"),
            _RATES,
            format_func=lambda rate: numeral(str(rate)),
            key=state.remember(Key.DESIGN_RATE, LEARNING_RATE, allowed=_RATES),
            help=tr("The largest, of AdamW. A cosine lowers it to nearly zero. The same for all."),
            width=180,
        )
    return DesignSettings(
        epochs=epochs,
        seconds=None if seconds is None else float(seconds),
        seeds=seeds,
        learning_rate=rate,
    )


def too_long(settings: DesignSettings, designs: int) -> str:
    """Say that trainings of so many designs take longer than a run may; empty if they do not."""
    most = limits.RUN_SECONDS.value
    if (settings.most_seconds(designs) or 0) > most:
        return findings.too_long(settings, designs, most)
    return ""
