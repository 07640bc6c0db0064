"""A side view of a stack of kernels: which pixels one output sees, layer by layer."""

from __future__ import annotations

from convviz.lessons.stacking import Stacking
from convviz.ui.architectures import drawing

_CELL, _ROW = 30, 62  # pixels


def pyramid(found: Stacking) -> None:
    """Draw one row of the image and of every layer's output, with what the middle one sees."""
    width = round(1.5 * (2 * found.receptive_field * _CELL + 70))
    name = f"stack-{found.layers}x{found.kernel}x{found.kernel}"
    drawing.svg(svg(found), width=min(width, 760), name=name, key="pyramid")


def svg(found: Stacking) -> str:
    """Return the drawing: the stack at the left, the large kernel at the right."""
    side = found.receptive_field
    width = side * _CELL
    gap = 70
    height = found.layers * _ROW + _CELL + 30
    stack = _tower(side, [found.kernel] * found.layers, 0)
    single = _tower(side, [side], width + gap, rows=found.layers)
    names = (
        f'<text x="{width / 2}" y="{height - 2}" text-anchor="middle">{found.layers} × '
        f"{found.kernel}×{found.kernel}</text>"
        f'<text x="{width * 1.5 + gap}" y="{height - 2}" text-anchor="middle">1 × '
        f"{side}×{side}</text>"
    )
    label = f"{found.layers} kernels of {found.kernel} and one of {side} see {side} pixels each"
    return (
        f'<svg viewBox="-2 -2 {2 * width + gap + 4} {height + 6}" role="img" aria-label="{label}" '
        f'font-size="15">{stack}{single}{names}</svg>'
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
