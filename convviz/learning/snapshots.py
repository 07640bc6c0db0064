"""Snapshots: what a network that learns made of one picture at one moment, kept small.

A snapshot holds the kernels of the first convolution and the maps of chosen layers for one probe
picture, in eval mode. Maps are kept as bytes: each channel's values are rounded to 256 levels
between its own least and greatest value, which are kept as well, so that an empty channel stays
exactly empty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from convviz.features.activations import Activations
from convviz.structure.layers import Layer

FRAMES = 48
"""At most so many snapshots of one training are kept."""

BYTES = 24_000_000
"""And at most so many bytes of them."""

_LEVELS = 255


@dataclass(frozen=True, eq=False)
class Maps:
    """One layer's maps for the probe, rounded to bytes.

    Attributes:
        layer: The layer.
        levels: Its output, shape (C, H, W), uint8: 0 stands for `low`, 255 for `high`.
        low: Least value of each channel, shape (C,).
        high: Greatest value of each channel, shape (C,).
        maximum: Largest value of each channel that its ReLU lets through, shape (C,).
        active_share: Share of each channel's positions that it lets through, shape (C,).
        mean: Their mean, shape (C,).
        dead: How many channels are empty for every one of the other pictures; None without any.
    """

    layer: Layer
    levels: Tensor
    low: Tensor
    high: Tensor
    maximum: Tensor
    mean: Tensor
    active_share: Tensor
    dead: int | None = None

    @classmethod
    def of(cls, shown: Activations, dead: int | None = None) -> Maps:
        """Round what a layer answers."""
        flat = shown.maps.flatten(1).nan_to_num()
        low, high = flat.amin(1), flat.amax(1)
        # In double precision, because a network that goes astray has values near the largest.
        span = (high.double() - low.double()).clamp(min=torch.finfo(torch.float64).tiny)
        share = (flat.double() - low.double()[:, None]) / span[:, None]
        levels = (share * _LEVELS).round().to(torch.uint8).reshape(shown.maps.shape)
        return cls(
            shown.layer, levels, low, high, shown.maximum, shown.mean, shown.active_share, dead
        )

    def values(self) -> Tensor:
        """Return the maps, shape (C, H, W), float32, each value within half a level."""
        span = (self.high.double() - self.low.double())[:, None, None]
        return (self.levels.double() / _LEVELS * span + self.low.double()[:, None, None]).float()

    def activations(self) -> Activations:
        """Return them as what a layer answers to a picture, to be drawn as such."""
        values = self.values()
        return Activations(
            self.layer,
            values,
            values,
            self.maximum,
            self.mean,
            self.active_share,
        )

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.levels.shape[0]

    @property
    def empty(self) -> int:
        """How many channels are empty for the probe."""
        return int((self.maximum <= 0).sum())

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return self.levels.nbytes + 5 * self.low.nbytes


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One moment of a training.

    Attributes:
        step: Steps of the optimiser behind these weights.
        epoch: Epochs behind them.
        seconds: Since the training began.
        kernels: Of the first convolution, shape (C, 3, h, w), float32; None where there is none.
        maps: Of each chosen layer.
        others: For how many other pictures dead channels were looked for.
        kept: Whether these are the weights that the training ends with.
    """

    step: int
    epoch: int
    seconds: float
    kernels: Tensor | None
    maps: tuple[Maps, ...]
    others: int = 0
    kept: bool = False

    @property
    def channels(self) -> int:
        """Number of channels of all layers."""
        return sum(each.channels for each in self.maps)

    @property
    def empty(self) -> int:
        """How many of them are empty for the probe."""
        return sum(each.empty for each in self.maps)

    @property
    def dead(self) -> int | None:
        """How many are empty for every one of the other pictures; None without any."""
        counts = [each.dead for each in self.maps if each.dead is not None]
        return sum(counts) if counts else None

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        kernels = 0 if self.kernels is None else self.kernels.nbytes
        return kernels + sum(each.nbytes for each in self.maps)


def add(
    frames: Sequence[Snapshot],
    newest: Snapshot,
    *,
    most: int = FRAMES,
    most_bytes: int = BYTES,
) -> tuple[Snapshot, ...]:
    """Put a snapshot behind others, and drop some in between where there are too many.

    The first and the newest are never dropped, nor the end of the training before kept weights of
    an earlier step. The others are dropped where they lie closest by the logarithm of their steps,
    so that the beginning stays densest, where most happens.

    Args:
        frames: In the order in which they were taken.
        newest: Replaces the last one if it shows the weights of the same step.
        most: How many may be kept, at least 3.
        most_bytes: How many bytes they may take together.
    """
    kept = list(frames)
    if kept and kept[-1].step == newest.step:
        kept.pop()
    kept.append(newest)
    last = kept.pop() if newest.kept else None
    room = max(most - (last is not None), 2)
    least = 0 if last is None else last.nbytes
    while len(kept) > 2 and (
        len(kept) > room or least + sum(each.nbytes for each in kept) > most_bytes
    ):
        gaps = [
            math.log1p(after.step) - math.log1p(before.step)
            for before, after in zip(kept, kept[2:], strict=False)
        ]
        kept.pop(1 + gaps.index(min(gaps)))
    return tuple(kept) if last is None else (*kept, last)
