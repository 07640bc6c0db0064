"""Change training images a little, anew each time: mirror, crop, and shift their colours.

A network then never sees the same image twice, and learns less of the images by heart. The ranges
are mild ones of those in use since Krizhevsky et al. ("ImageNet Classification with Deep
Convolutional Neural Networks", NeurIPS 2012), who mirrored, cropped and changed colours as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from convviz.datasets.labelled_set import to_input
from convviz.networks.network import Network

LEAST_SIDE = 0.8
"""The shortest side of a crop, of the image's: at least 64 % of its area are kept."""

COLOUR_CHANGE = 0.2
"""Brightness, contrast and saturation are multiplied by 1 ± this at most."""

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601: how much of each colour makes a grey
_TIMED = 8  # images


def augment(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Change images, each in its own way.

    Half of them are mirrored. Of each a square is cut out, with sides of `LEAST_SIDE` to 1 of the
    image's, and scaled to the image's size. Brightness, contrast and saturation are changed by
    `COLOUR_CHANGE` at most, in this order.

    Args:
        pixels: The images, (N, 3, H, W), 0…255; they stay as they are.
        generator: Draws the changes.

    Returns:
        The changed images, (N, 3, H, W) float32, 0…255.
    """
    count = len(pixels)

    def drawn(least: float, most: float) -> Tensor:
        return least + (most - least) * torch.rand(count, generator=generator)

    side = drawn(LEAST_SIDE, 1.0)
    mirrored = torch.where(drawn(0, 1) < 0.5, -1.0, 1.0)
    across, down = ((1 - side) * drawn(-1, 1) for _ in range(2))
    zero = torch.zeros(count)
    # From the place in the result, −1…1, to the place in the image.
    places = torch.stack(
        (torch.stack((side * mirrored, zero, across), 1), torch.stack((zero, side, down), 1)), 1
    )
    grid = affine_grid(places, list(pixels.shape), align_corners=False)
    images = grid_sample(pixels.float(), grid, padding_mode="border", align_corners=False)
    factors = [
        drawn(1 - COLOUR_CHANGE, 1 + COLOUR_CHANGE).reshape(count, 1, 1, 1) for _ in range(3)
    ]
    brightness, contrast, saturation = factors
    images = (images * brightness).clamp(0, 255)
    mean = _grey(images).mean((2, 3), keepdim=True)
    images = (mean + (images - mean) * contrast).clamp(0, 255)
    grey = _grey(images)
    return (grey + (images - grey) * saturation).clamp(0, 255)


def _grey(images: Tensor) -> Tensor:
    """Return the grey of images, (N, 1, H, W)."""
    weights = torch.tensor(_GREY).reshape(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True)


@torch.no_grad()
def seconds_an_epoch(
    network: Network, images: int, size: int, *, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Estimate how long the network takes over all training images once, from a few of them.

    That much each epoch costs where images change and nothing can be computed once.

    Args:
        network: The network.
        images: How many there are to learn from.
        size: Their side, in pixels.
        clock: Tells the time in seconds.
    """
    spec = network.spec
    batch = to_input(torch.zeros(_TIMED, 3, size, size), spec.mean, spec.std)
    network.module(batch)  # what only the first pass of this size takes
    start = clock()
    network.module(batch)
    return (clock() - start) * images / _TIMED
