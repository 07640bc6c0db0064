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
from convviz.features.class_target import (
    ClassTarget,
    check_target,
    class_scores,
    decoder_input,
)
from convviz.language import tr, trp
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
        return _by_pixel(self.uncovered - self.responses, self.patch, side)


@dataclass(frozen=True, eq=False)
class ScoreOcclusionStep:
    """Where an occlusion that measures a class's score stands.

    Attributes:
        target: The class, or the two classes that are compared.
        patch: Side of the covering square, in pixels of the input.
        side: Side of the input.
        done: Positions covered so far.
        total: Positions to cover.
        uncovered: The score of the whole image.
        scores: The score with each position covered, shape (rows, columns); not-a-number where
            nothing was covered yet.
    """

    target: ClassTarget
    patch: int
    side: int
    done: int
    total: int
    uncovered: float
    scores: Tensor

    @property
    def falls(self) -> Tensor:
        """By how much covering each position lowers the score, shape (rows, columns)."""
        return self.uncovered - self.scores

    @property
    def map(self) -> Tensor:
        """By how much the score falls, for each pixel, none below 0, shape (side, side)."""
        return _by_pixel(self.falls, self.patch, self.side).clamp(min=0)

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return self.done / self.total

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        return self.scores.nbytes


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
    size = _patch_size(patch, positions, network.input_size)
    if measure not in MEASURES:
        raise SettingError(
            tr(
                "There is no measure {measure!r}; choose {measures}.",
                measure=measure,
                measures=", ".join(MEASURES),
            )
        )
    batch = input_for(network, image)
    maps = _maps(network, target, channel, batch)
    if bool(is_empty(strength(target, maps)).all()):
        raise SettingError(
            tr(
                "Channel {channel} is empty for this image, so it has nothing to lose: "
                "choose another channel or image.",
                channel=channel,
            )
        )
    uncovered = float(_responses(target, maps, measure)[0])
    if not isfinite(uncovered):
        raise SettingError(
            tr(
                "The {measure} of channel {channel} is no finite number for this image, so "
                "no change of it can be measured: choose another layer, channel or image.",
                measure=_name(measure),
                channel=channel,
            )
        )
    if uncovered == 0:
        raise SettingError(
            tr(
                "The {measure} of channel {channel} is 0 for this image, so no share of it "
                "can be lost: choose another measure, channel or image.",
                measure=_name(measure),
                channel=channel,
            )
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
    def respond(covered: Tensor) -> Tensor:
        return _responses(layer, _maps(network, layer, channel, covered), measure)

    for done, responses in _cover(batch, size, positions, respond):
        total = responses.numel()
        yield OcclusionStep(layer, channel, size, done, total, uncovered, responses)
        if stop():
            return


def occlude_class(
    network: Network,
    image: Image.Image,
    target: ClassTarget,
    *,
    patch: int | None = None,
    positions: int = 12,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[ScoreOcclusionStep]:
    """Cover parts of an image and measure what the score of a class loses.

    Args:
        network: The network.
        image: The image.
        target: The class, or the two classes that are compared.
        patch: Side of the covering square, in pixels of the input; None for one sixth of it.
        positions: How many along each side; the first and the last touch the borders.
        stop: Asked after every step whether to end.

    Yields:
        A step after every few positions.

    Raises:
        NetworkError: The weights have no decoder, or the scores are no finite numbers.
        SettingError: A number makes no sense, or there is no such class.
    """
    batch = decoder_input(network, image)
    check_target(network, target)
    size = _patch_size(patch, positions, batch.shape[-1])
    uncovered = float(target.score(class_scores(network, batch))[0])
    return _occlude_class(network, target, batch, size, positions, uncovered, stop)


def _occlude_class(
    network: Network,
    target: ClassTarget,
    batch: Tensor,
    size: int,
    positions: int,
    uncovered: float,
    stop: Callable[[], bool],
) -> Iterator[ScoreOcclusionStep]:
    def score(covered: Tensor) -> Tensor:
        return target.score(class_scores(network, covered))

    side = batch.shape[-1]
    for done, scores in _cover(batch, size, positions, score):
        total = scores.numel()
        yield ScoreOcclusionStep(target, size, side, done, total, uncovered, scores)
        if stop():
            return


def _cover(
    batch: Tensor, size: int, positions: int, respond: Callable[[Tensor], Tensor]
) -> Iterator[tuple[int, Tensor]]:
    """Cover one position after another; yield how many were, and all responses so far.

    Args:
        batch: The input, shape (1, 3, S, S).
        size: Side of the covering square, in pixels.
        positions: How many along each side.
        respond: Returns the response, shape (N,), to covered inputs, shape (N, 3, S, S).
    """
    starts = _starts(batch.shape[-1], size, positions)
    corners = [(top, left) for top in starts for left in starts]
    found = torch.full((len(corners),), torch.nan)
    for start in range(0, len(corners), _BATCH):
        members = corners[start : start + _BATCH]
        covered = batch.repeat(len(members), 1, 1, 1)
        for image, (top, left) in zip(covered, members, strict=True):
            image[:, top : top + size, left : left + size] = 0
        found = found.clone()  # what was yielded must not change
        found[start : start + len(members)] = respond(covered)
        yield start + len(members), found.reshape(positions, positions)


def _name(measure: Measure) -> str:
    if measure == "mean":
        return trp("of a channel", "mean")
    return trp("of a channel", "maximum")


def _patch_size(patch: int | None, positions: int, side: int) -> int:
    """Return the side of the covering square.

    Raises:
        SettingError: It, or the number of positions, makes no sense.
    """
    size = max(1, side // 6) if patch is None else patch
    if not 1 <= size <= side:
        raise SettingError(
            tr(
                "A square of {size} pixels cannot cover a part: choose 1 to {side}.",
                size=size,
                side=side,
            )
        )
    if not 2 <= positions <= 64:
        raise SettingError(
            tr(
                "{positions} places along a side cannot be covered: choose 2 to 64.",
                positions=positions,
            )
        )
    return size


def _by_pixel(falls: Tensor, patch: int, side: int) -> Tensor:
    """Give each pixel the mean of the squares that covered it, shape (side, side)."""
    total, times = torch.zeros(side, side), torch.zeros(side, side)
    starts = _starts(side, patch, len(falls))
    for row, top in enumerate(starts):
        for column, left in enumerate(starts):
            value = float(falls[row, column])
            if value == value:  # not-a-number: not covered yet
                square = (slice(top, top + patch), slice(left, left + patch))
                total[square] += value
                times[square] += 1
    return total / times.clamp(min=1)


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
