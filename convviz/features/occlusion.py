"""Occlusion: cover one part of the image after another, and measure what a channel loses.

A square that is 0 after normalisation (the network's mean colour, for ImageNet a grey) slides over
its input, as in Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV
2014.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

import torch
from PIL import Image
from torch import Tensor

from convviz.errors import SettingError
from convviz.features.activations import is_empty, judged, rectified, strength
from convviz.features.capture import copied, input_for, observe
from convviz.networks.network import Network
from convviz.structure.layers import Layer, check_channel, layer

Measure = Literal["mean", "maximum"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
_BATCH = 4  # covered images that run at once: a run that is stopped ends within one batch


@dataclass(frozen=True, eq=False)
class OcclusionStep:
    """Where an occlusion stands.

    Attributes:
        layer: The layer.
        channel: The channel.
        patch: Side of the covering square, in pixels of the input.
        done: Positions covered so far.
        total: Positions to cover.
        uncovered: The channel's response to the whole image; below 0 for a channel of a layer that
            no ReLU follows, if it is negative.
        responses: Its response with each position covered, shape (rows, columns); not-a-number
            where nothing was covered yet.
    """

    layer: Layer
    channel: int
    patch: int
    done: int
    total: int
    uncovered: float
    responses: Tensor

    @property
    def loss(self) -> Tensor:
        """By how much covering each position lowers the response, shape (rows, columns).

        As a share of the response's size: 1 where nothing of a positive response is left, below 0
        where the response rises, not-a-number where nothing was covered yet. A negative response
        that comes nearer to 0 has risen.
        """
        return (self.uncovered - self.responses) / abs(self.uncovered)

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return self.done / self.total

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        return self.responses.nbytes

    def by_pixel(self, side: int) -> Tensor:
        """Spread over the input's pixels by how much the response falls, shape (side, side).

        Each pixel gets the mean fall, in the response's own unit, of the squares that covered it:
        above 0 where the response falls, below 0 where it rises, 0 where nothing covered it.
        """
        total, times = torch.zeros(side, side), torch.zeros(side, side)
        falls = self.uncovered - self.responses
        starts = _starts(side, self.patch, len(falls))
        for row, top in enumerate(starts):
            for column, left in enumerate(starts):
                value = float(falls[row, column])
                if value == value:  # not-a-number: not covered yet
                    square = (slice(top, top + self.patch), slice(left, left + self.patch))
                    total[square] += value
                    times[square] += 1
        return total / times.clamp(min=1)


def occlude(
    network: Network,
    image: Image.Image,
    layer_name: str,
    channel: int,
    *,
    patch: int | None = None,
    positions: int = 12,
    measure: Measure = "mean",
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[OcclusionStep]:
    """Cover parts of an image and measure what a channel loses.

    Args:
        network: The network.
        image: The image.
        layer_name: Dotted name of the layer.
        channel: The channel.
        patch: Side of the covering square, in pixels of the input; None for one sixth of it.
        positions: How many along each side; the first and the last touch the borders.
        measure: The channel's response: the mean or the maximum of its map after the ReLU.
        stop: Asked after every step whether to end.

    Yields:
        A step after every few positions.

    Raises:
        NetworkError: There is no such layer.
        SettingError: A number makes no sense, the channel is empty for this image, or
            its response is 0 or no finite number.
    """
    target = layer(network, layer_name)
    check_channel(target.shape, channel)
    side = network.input_size
    size = max(1, side // 6) if patch is None else patch
    if not 1 <= size <= side:
        raise SettingError(f"A square of {size} pixels cannot cover a part: choose 1 to {side}.")
    if not 2 <= positions <= 64:
        raise SettingError(f"{positions} places along a side cannot be covered: choose 2 to 64.")
    if measure not in MEASURES:
        raise SettingError(f"There is no measure {measure!r}; choose {', '.join(MEASURES)}.")
    batch = input_for(network, image)
    maps = _maps(network, target, channel, batch)
    if bool(is_empty(strength(target, maps)).all()):
        raise SettingError(
            f"Channel {channel} is empty for this image, so it has nothing to lose: choose another "
            "channel or image."
        )
    uncovered = float(_responses(target, maps, measure)[0])
    if not isfinite(uncovered):
        raise SettingError(
            f"The {measure} of channel {channel} is no finite number for this image, so no change "
            "of it can be measured: choose another layer, channel or image."
        )
    if uncovered == 0:
        raise SettingError(
            f"The {measure} of channel {channel} is 0 for this image, so no share of it can be "
            "lost: choose another measure, channel or image."
        )
    return _occlude(network, target, channel, batch, size, positions, measure, uncovered, stop)


def _occlude(
    network: Network,
    layer: Layer,
    channel: int,
    batch: Tensor,
    size: int,
    positions: int,
    measure: Measure,
    uncovered: float,
    stop: Callable[[], bool],
) -> Iterator[OcclusionStep]:
    starts = _starts(batch.shape[-1], size, positions)
    corners = [(top, left) for top in starts for left in starts]
    found = torch.full((len(corners),), torch.nan)
    for start in range(0, len(corners), _BATCH):
        members = corners[start : start + _BATCH]
        covered = batch.repeat(len(members), 1, 1, 1)
        for image, (top, left) in zip(covered, members, strict=True):
            image[:, top : top + size, left : left + size] = 0
        responses = _responses(layer, _maps(network, layer, channel, covered), measure)
        found = found.clone()  # what was yielded must not change
        found[start : start + len(members)] = responses
        done = start + len(members)
        yield OcclusionStep(
            layer, channel, size, done, len(corners), uncovered, found.reshape(positions, positions)
        )
        if stop():
            return


def _maps(network: Network, layer: Layer, channel: int, batch: Tensor) -> Tensor:
    """Run a network and keep one channel of what a layer is judged by, shape (N, 1, H, W)."""

    def reduce(output: Tensor) -> Tensor:
        return copied(output[:, channel : channel + 1])

    name = judged(layer)
    return observe(network.module, batch, [name], reduce)[name]


def _responses(layer: Layer, maps: Tensor, measure: Measure) -> Tensor:
    """Measure the response of one channel, maps of shape (N, 1, H, W), to each image, (N,)."""
    values = rectified(layer, maps).flatten(1)
    return values.mean(1) if measure == "mean" else values.amax(1)


def _starts(side: int, size: int, positions: int) -> list[int]:
    """Spread squares evenly from border to border along one side."""
    return [round(i * (side - size) / (positions - 1)) for i in range(positions)]
