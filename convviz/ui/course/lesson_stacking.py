"""Lesson: a stack of small kernels against one large kernel."""

from __future__ import annotations

import streamlit as st

from convviz.figures import lessons as figures
from convviz.figures import theme
from convviz.language import tr
from convviz.lessons.stacking import Stacking, replacing, stack
from convviz.ui import cache, charts, glossary, state
from convviz.ui.choice import Choice
from convviz.ui.components.drawing import drawing
from convviz.ui.course import findings
from convviz.ui.formulas import ledger
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key

_LARGE = (3, 5, 7, 9, 11)
_CHANNELS = (1, 3, 16, 64, 128, 256, 512)
_CELL, _ROW = 30, 62  # pixels


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    two = replacing(5)
    with st.container(key="course_point_stack"):
        st.markdown(glossary.mark(findings.stacking_point(two)))
    left, right = st.columns([2, 3], gap="large")
    with left:
        large = st.select_slider(
            tr("The large kernel"),
            _LARGE,
            format_func=lambda k: f"{k}×{k}",
            key=state.remember(Key.STACKED_KERNEL, 5, allowed=_LARGE),
        )
        channels = st.select_slider(
            tr("Channels C, in and out of every layer"),
            _CHANNELS,
            key=state.remember(Key.STACKED_WIDTH, 64, allowed=_CHANNELS),
        )
    stacking = replacing(large, 3, channels)
    with right:
        _draw_towers(stacking)
    ledger(findings.stacking_rows(stacking))
    charts.draw(
        figures.stack_against_single([replacing(kernel) for kernel in _LARGE], large),
        config=theme.save_as("stacks"),
        key="course_stacks",
    )
    _draw_vgg()
    how_we_know("parameters", "stack")


def _draw_towers(stacking: Stacking) -> None:
    """Draw one row of the image and of every layer's output, with what the middle one sees."""
    width = round(1.5 * (2 * stacking.receptive_field * _CELL + 70))
    name = f"stack-{stacking.layers}x{stacking.kernel}x{stacking.kernel}"
    drawing(svg(stacking), width=min(width, 760), save_as=name, key="course_stack")


def svg(stacking: Stacking) -> str:
    """Return the drawing: the stack at the left, the large kernel at the right."""
    side = stacking.receptive_field
    width = side * _CELL
    gap = 70
    height = stacking.layers * _ROW + _CELL + 30
    small = _tower(side, [stacking.kernel] * stacking.layers, 0)
    large = _tower(side, [side], width + gap, rows=stacking.layers)
    names = (
        f'<text x="{width / 2}" y="{height - 2}" text-anchor="middle">{stacking.layers} × '
        f"{stacking.kernel}×{stacking.kernel}</text>"
        f'<text x="{width * 1.5 + gap}" y="{height - 2}" text-anchor="middle">1 × '
        f"{side}×{side}</text>"
    )
    label = tr(
        "{layers} kernels of {kernel} and one of {side} see {side} pixels each",
        layers=stacking.layers,
        kernel=stacking.kernel,
        side=side,
    )
    return (
        f'<svg viewBox="-2 -2 {2 * width + gap + 4} {height + 6}" role="img" aria-label="{label}" '
        f'font-size="16.2">{small}{large}{names}</svg>'
    )


def _tower(side: int, kernels: list[int], left: float, rows: int | None = None) -> str:
    """Draw the rows of one tower, the image at the bottom."""
    levels = [side]
    for kernel in kernels:
        levels.append(levels[-1] - kernel + 1)
    step = (rows or len(kernels)) * _ROW / len(kernels)
    parts = []
    middle = left + side * _CELL / 2
    for level, count in enumerate(levels):
        y = (len(kernels) - level) * step
        start = middle - count * _CELL / 2
        if level:
            below = y + step
            first = middle - levels[level - 1] * _CELL / 2
            for i in range(count):
                x = start + i * _CELL
                reach = first + (i + kernels[level - 1]) * _CELL
                parts.append(
                    f'<path d="M{x} {y + _CELL} L{first + i * _CELL} {below} H{reach} '
                    f'L{x + _CELL} {y + _CELL} Z" fill="#0072b2" fill-opacity="0.13" '
                    'stroke="#0072b2" stroke-opacity="0.5"/>'
                )
        colour = "#e69f00" if level == len(levels) - 1 else "#0072b2"
        opacity = 0.25 if level == 0 else 0.85
        for i in range(count):
            parts.append(
                f'<rect x="{start + i * _CELL + 1.5}" y="{y + 1.5}" width="{_CELL - 3}" '
                f'height="{_CELL - 3}" rx="4" fill="{colour}" fill-opacity="{opacity}" '
                f'stroke="{colour}"/>'
            )
    return "".join(parts)


def _draw_vgg() -> None:
    """Compare a block of VGG16 with one large kernel, and all of VGG16 with AlexNet."""
    vgg = cache.costs("vgg16")
    block = [row for row in vgg.layers if row.title.startswith("conv5_") and row.macs]
    channels = block[0].output_shape[0]
    real = stack(3, len(block), channels)
    alexnet = cache.costs("alexnet")
    with st.expander(
        tr("Is VGG the lighter network, as the lecture notes of the course behind this app say?")
    ):
        st.markdown(findings.lighter_text(vgg, alexnet, block, real))
