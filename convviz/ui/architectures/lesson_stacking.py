"""Lesson: a stack of small kernels against one large kernel."""

from __future__ import annotations

import streamlit as st

from convviz.figures import lessons as drawn
from convviz.figures import theme as figures
from convviz.lessons.stacking import Stacking, replacing, stack
from convviz.ui import state
from convviz.ui.architectures import counted
from convviz.ui.architectures.formula import ledger, percent
from convviz.ui.architectures.pyramid import pyramid
from convviz.ui.keys import Key
from convviz.ui.shell import Choice

_LARGE = (3, 5, 7, 9, 11)
_CHANNELS = (1, 3, 16, 64, 128, 256, 512)


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    two = replacing(5)
    with st.container(key="point_stack"):
        st.markdown(
            f"**Two layers of 3×3 see as much as one of 5×5, with {two.stack_per_pair} weights "
            f"instead of {two.single_per_pair}**, and with two ReLUs instead of one. That is the "
            "idea of VGG."
        )
    left, right = st.columns([2, 3], gap="large")
    with left:
        large = st.select_slider(
            "The large kernel",
            _LARGE,
            format_func=lambda k: f"{k}×{k}",
            key=state.remember(Key.STACKED_KERNEL, 5, allowed=_LARGE),
        )
        channels = st.select_slider(
            "Channels C, in and out of every layer",
            _CHANNELS,
            key=state.remember(Key.STACKED_WIDTH, 64, allowed=_CHANNELS),
        )
    found = replacing(large, 3, channels)
    with right:
        pyramid(found)
    _compared(found)
    stackings = [replacing(k) for k in _LARGE]
    st.plotly_chart(
        drawn.stack_against_single(stackings, large),
        config=figures.save_as("stacks"),
        key="stack_chart",
    )
    _in_vgg()


def _compared(found: Stacking) -> None:
    k, side = found.kernel, found.receptive_field
    many = found.layers > 1
    layers = f"{found.layers} layers of {k}×{k}" if many else f"1 layer of {k}×{k}"
    relus = f"{found.layers} ReLUs: more non-linear steps for the same view" if many else "1 ReLU"
    ledger(
        [
            ("Both see", found.field_formula, "pixels, along each side"),
            (layers, found.stack_formula, f"weights, with {relus}"),
            (f"1 layer of {side}×{side}", found.single_formula, "weights, with 1 ReLU"),
            (
                "Saved",
                percent(found.saving) if found.saving else "nothing: it is the same layer",
                "the same share for any number of channels, since both grow with C·C",
            ),
        ]
    )


def _in_vgg() -> None:
    """Show the same with a real block of VGG16, and the other side of the coin."""
    vgg = counted.of("vgg16")
    block = [row for row in vgg.layers if row.title.startswith("conv5_") and row.macs]
    channels = block[0].output_shape[0]
    real = stack(3, len(block), channels)
    alexnet = counted.of("alexnet")
    with st.expander("So is VGG the lighter network? The course notes say so"):
        st.markdown(
            f"**Yes, for what a kernel sees.** The last block of VGG16 ({len(block)} layers of "
            f"3×3, {channels} channels) holds {sum(row.weights for row in block):,} weights; one "
            f"layer of {real.receptive_field}×{real.receptive_field} with the same channels would "
            f"hold {real.single_weights:,}.\n\n"
            f"**No, for the whole network.** VGG16 has {vgg.parameters:,} parameters, AlexNet "
            f"{alexnet.parameters:,}: VGG has more layers and more channels, and its fully "
            f"connected layers alone hold {vgg.part('decoder').parameters:,}."
        )
