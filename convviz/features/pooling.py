"""The window that one output number of a pooling looks at."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from convviz.features.stages import Pooled

Adaptive = nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d
POOLINGS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


def pooled(
    module: nn.Module, values: Tensor, shape: tuple[int, ...], source: str, row: int, column: int
) -> Pooled | None:
    """Take one output number of a pooling apart.

    Args:
        module: The pooling.
        values: The channel's map that goes in, shape (H, W).
        shape: Height and width of the map that comes out.
        source: Dotted name of the layer that is pooled.
        row: Of the output number.
        column: Of the output number.

    Returns:
        The stage; None for a pooling that is not known here, or that leaves values out between
        those it looks at.
    """
    height, width = values.shape
    if isinstance(module, Adaptive):
        top, bottom = _shared(row, height, shape[0])
        left, right = _shared(column, width, shape[1])
        kind = "average" if isinstance(module, nn.AdaptiveAvgPool2d) else "maximum"
        divisor = (bottom - top) * (right - left)
        return Pooled(source, kind, values[top:bottom, left:right].clone(), top, left, divisor)
    if isinstance(module, nn.MaxPool2d) and _pair(module.dilation) == (1, 1):
        kind, counts_padding, fixed = "maximum", False, None
    elif isinstance(module, nn.AvgPool2d):
        kind, counts_padding, fixed = "average", module.count_include_pad, module.divisor_override
    else:
        return None
    sizes, steps = _pair(module.kernel_size), _pair(module.stride or module.kernel_size)
    pads = _pair(module.padding)
    bounds = [
        _slid(at, size, step, pad, length)
        for at, size, step, pad, length in zip(
            (row, column), sizes, steps, pads, (height, width), strict=True
        )
    ]
    (top, bottom, tall), (left, right, wide) = bounds
    window = values[top:bottom, left:right].clone()
    divisor = fixed or (tall * wide if counts_padding else window.numel())
    return Pooled(source, kind, window, top, left, divisor)


def _shared(place: int, length: int, places: int) -> tuple[int, int]:
    return place * length // places, -(-(place + 1) * length // places)


def _slid(place: int, size: int, step: int, pad: int, length: int) -> tuple[int, int, int]:
    """Give a window's start and end on the map, and how many positions an average counts."""
    start = place * step - pad
    end = min(start + size, length + pad)
    return max(0, start), min(end, length), end - start


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
