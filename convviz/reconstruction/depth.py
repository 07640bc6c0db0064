"""Which layers to compare, and what the deeper ones lose.

The trunk of a network is what every image passes through: its layers that follow a ReLU, without
the parts inside an Inception module. Depth is a layer's place in the encoder's trunk: 0 is the
first layer, 1 the last.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from convviz.networks.layers import Layer

PATCH = 8
"""Side in pixels of the patches that separate an image's layout from its detail."""


def trunk(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers of the encoder's trunk, in order; all of them where no ReLU is known."""
    maps = [layer for layer in layers if layer.in_encoder and len(layer.shape) == 3]
    joined = [f"{layer.name}." for layer in maps if layer.branches]
    through = [
        layer
        for layer in maps
        if not layer.detail and not any(layer.name.startswith(name) for name in joined)
    ]
    answering = [layer for layer in through if layer.branches or "ReLU" in layer.kind]
    return tuple(answering or through or maps)


def one_per_stage(layers: Sequence[Layer], at_most: int = 6) -> tuple[Layer, ...]:
    """Return the last trunk layer of each stage, thinned evenly if they are too many."""
    last = {layer.stage: layer for layer in trunk(layers)}
    found = list(last.values())
    if len(found) <= at_most:
        return tuple(found)
    step = (len(found) - 1) / (at_most - 1)
    return tuple(found[round(i * step)] for i in range(at_most))


def depth_of(layers: Sequence[Layer], layer: Layer) -> float:
    """Return how deep a layer lies in the trunk, from 0 to 1."""
    through = trunk(layers)
    before = sum(other.index < layer.index for other in through)
    return min(1.0, before / max(1, len(through) - 1))


def at_depth(layers: Sequence[Layer], depth: float) -> Layer:
    """Return the trunk layer nearest to a depth from 0 to 1."""
    through = trunk(layers)
    return through[round(min(1.0, max(0.0, depth)) * (len(through) - 1))]


def agreement(image: Tensor, other: Tensor) -> tuple[float | None, float | None]:
    """Compare two images in their layout and in their detail.

    The layout is each patch's mean colour; the detail is what the pixels add to it.

    Args:
        image: The one, shape (3, H, W).
        other: The other one, of the same shape.

    Returns:
        The correlation of the layouts and that of the details, -1 to 1 each: 1 for the same up to
        contrast, about 0 for unrelated. None where one of the two images has none, as a flat one.
    """
    coarse = [_layout(each.to(torch.float64)) for each in (image, other)]
    fine = [
        each.to(torch.float64) - functional.interpolate(layout[None], each.shape[-2:])[0]
        for each, layout in zip((image, other), coarse, strict=True)
    ]
    return _correlation(*coarse), _correlation(*fine)


def _layout(image: Tensor) -> Tensor:
    side = (max(1, image.shape[-2] // PATCH), max(1, image.shape[-1] // PATCH))
    return functional.adaptive_avg_pool2d(image, side)


def _correlation(first: Tensor, second: Tensor) -> float | None:
    """Pearson's correlation, each colour channel about its own mean."""
    first = first - first.mean((-2, -1), keepdim=True)
    second = second - second.mean((-2, -1), keepdim=True)
    scale = float(first.norm() * second.norm())
    # Rounding leaves about 1e-14 of a flat image.
    return None if scale < 1e-9 else float((first * second).sum()) / scale
