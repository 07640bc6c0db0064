"""What a live training is told: the network's size, the learning rate, and the time."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from convviz.datasets.labelled_set import Dataset, Split
from convviz.datasets.labelled_set import split as split_set
from convviz.learning.config import TrainingSettings
from convviz.learning.live import Rate, learning_rate
from convviz.learning.small_networks import SmallDesign
from convviz.ui import state
from convviz.ui.keys import Key

_WIDTHS = (4, 8, 16, 32)
_DEPTHS = (1, 2, 3, 4, 5, 6)
_SECONDS = (20, 40, 60, 120)
_PIXELS = 48
_RATES: dict[Rate, str] = {
    "usual": "Usual",
    "tiny": "Far too small: hardly anything moves",
    "deadly": "Far too large: kills ReLUs",
}


@dataclass(frozen=True)
class Wanted:
    """Everything a training needs to start."""

    design: SmallDesign
    dataset: Dataset
    split: Split
    settings: TrainingSettings


def choose(dataset: Dataset) -> Wanted:
    """Choose the network and how it is trained."""
    left, right = st.columns(2, gap="large")
    with left:
        depth = st.select_slider(
            "Depth: stacks of convolution, ReLU and max pooling",
            _DEPTHS,
            key=state.remember(Key.LIVE_DEPTH, 3, allowed=_DEPTHS),
        )
        width = st.select_slider(
            "Width: channels of the first stack",
            _WIDTHS,
            key=state.remember(Key.LIVE_WIDTH, 16, allowed=_WIDTHS),
            help="Each further stack has twice as many, up to 128.",
        )
        seconds = st.select_slider(
            "Time for the training",
            _SECONDS,
            format_func=lambda each: f"{each} s",
            key=state.remember(Key.LIVE_SECONDS, 40, allowed=_SECONDS),
        )
    with right:
        rate = st.radio(
            "Learning rate",
            list(_RATES),
            format_func=_RATES.__getitem__,
            key=state.remember(Key.LIVE_RATE, "usual", allowed=_RATES),
            on_change=_rate_changed,
        )
        norm = st.toggle(
            "Batch norm after each convolution",
            key=state.remember(Key.LIVE_NORM, rate != "deadly"),
            help="Pulls each channel's values around 0 before the ReLU, over the pictures of a "
            "batch.",
        )
        number = learning_rate(rate, batch_norm=norm)
        st.caption(_about(rate, number, depth, batch_norm=norm))
    design = SmallDesign(width, depth, norm, _PIXELS)
    st.caption(_arithmetic(design, len(dataset.classes)))
    settings = TrainingSettings(epochs=None, seconds=float(seconds), learning_rate=number)
    return Wanted(design, dataset, split_set(dataset), settings)


def in_short(wanted: Wanted) -> str:
    """Say in one line what a training will be."""
    design, settings = wanted.design, wanted.settings
    return (
        f"{design.title}, on {state.plain(wanted.dataset.name)}, learning rate "
        f"{settings.learning_rate:g}, {settings.seconds:.0f} seconds."
    )


def _rate_changed() -> None:
    """Switch batch norm off with the deadly rate, as it would rescue many, and on with others."""
    state.put(Key.LIVE_NORM, st.session_state[Key.LIVE_RATE] != "deadly")


def _about(rate: Rate, number: float, depth: int, *, batch_norm: bool) -> str:
    said = f"AdamW with a learning rate of {number:g}, falling to nearly zero along half a cosine."
    if rate != "deadly":
        return said
    said += (
        " A step that large can push a channel's inputs to its ReLU below zero for every picture. "
        "Then it lets nothing through, gets no gradient back, and stays dead."
    )
    if depth == 1:
        said += (
            " The first stack alone hardly dies, as the picture's values lie on both sides of "
            "zero: choose more stacks."
        )
    if batch_norm:
        return f"{said} Batch norm rescues many of them: switch it off to compare."
    return f"{said} Batch norm, which rescues many, was switched off: switch it on to compare."


def _arithmetic(design: SmallDesign, classes: int) -> str:
    """Say what becomes of a picture, stack by stack."""
    sizes = [f"{s.output} × {s.output} × {s.channels}" for s in design.stacks()]
    channels = design.stacks()[-1].channels
    way = " → ".join([f"{design.pixels} × {design.pixels} × 3", *sizes])
    return (
        f"{way} → global average pooling: {channels} numbers → {classes} classes. "
        f"{design.parameters(classes):,} parameters, all drawn at random at first."
    )
