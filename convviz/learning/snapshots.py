"""Snapshots: the maps of a network in training for one image at one moment, in little memory.

A snapshot holds the kernels of the first convolution and the maps of chosen layers for one probe
image, in eval mode. Maps are kept as bytes: each channel's values are rounded to 256 levels between
its own least and greatest value, which are kept as well, so that an empty channel stays exactly
empty. `Watch` says what snapshots hold, `SnapshotSchedule` when they are taken, and `add` which of
them are kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import SettingError
from convviz.features.activations import (
    Activations,
    activations_in,
    is_empty,
    needed,
    observe_strengths,
)
from convviz.features.capture import capture
from convviz.images.preprocess import to_tensor
from convviz.language import tr
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layers

FRAMES = 48
"""At most so many snapshots of one training are kept."""

BYTES = 24_000_000
"""And at most so many bytes of them."""

_LEVELS = 255
_GROWTH = 1.18  # from one snapshot to the next, by the number of steps


@dataclass(frozen=True, eq=False)
class Maps:
    """One layer's maps for the probe, rounded to bytes.

    Attributes:
        layer: The layer.
        levels: Its output, shape (C, H, W), uint8: 0 stands for `low`, 255 for `high`.
        low: Least value of each channel, shape (C,).
        high: Greatest value of each channel, shape (C,).
        maximum: Strength of each channel: the largest value that its ReLU lets through, or where no
            ReLU follows the largest absolute value, shape (C,).
        active_share: Share of each channel's positions that it lets through, shape (C,).
        mean: Mean of each channel, shape (C,).
        dead: How many channels are empty for every one of the other images; None without any.
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
    def of(cls, activations: Activations, dead: int | None = None) -> Maps:
        """Round a layer's activations."""
        flat = activations.maps.flatten(1).nan_to_num()
        low, high = flat.amin(1), flat.amax(1)
        # In double precision, because a training that diverges has values near the largest.
        span = (high.double() - low.double()).clamp(min=torch.finfo(torch.float64).tiny)
        share = (flat.double() - low.double()[:, None]) / span[:, None]
        levels = (share * _LEVELS).round().to(torch.uint8).reshape(activations.maps.shape)
        return cls(
            activations.layer,
            levels,
            low,
            high,
            activations.strength,
            activations.mean,
            activations.active_share,
            dead,
        )

    def values(self) -> Tensor:
        """Return the maps, shape (C, H, W), float32, each value within half a level."""
        span = (self.high.double() - self.low.double())[:, None, None]
        return (self.levels.double() / _LEVELS * span + self.low.double()[:, None, None]).float()

    def activations(self) -> Activations:
        """Return them as a layer's activations, for drawing."""
        values = self.values()
        # Where no ReLU is to come, the largest value is the map's own, which may be negative.
        has_own = torch.tensor(self.layer.pre_relu is None)
        return Activations(
            self.layer,
            values,
            values,
            torch.where(has_own & self.maximum.isfinite(), self.high, self.maximum),
            self.mean,
            self.active_share,
            self.maximum,
        )

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.levels.shape[0]

    @property
    def empty(self) -> int:
        """How many channels are empty for the probe."""
        return int(is_empty(self.maximum).sum())

    @property
    def nbytes(self) -> int:
        """Memory that they take, in bytes."""
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
        others: With how many other images dead channels were looked for.
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
        return sum(maps.channels for maps in self.maps)

    @property
    def empty(self) -> int:
        """How many of them are empty for the probe."""
        return sum(maps.empty for maps in self.maps)

    @property
    def dead(self) -> int | None:
        """How many are empty for every one of the other images; None without any."""
        counts = [maps.dead for maps in self.maps if maps.dead is not None]
        return sum(counts) if counts else None

    @property
    def nbytes(self) -> int:
        """Memory that it takes, in bytes."""
        kernels = 0 if self.kernels is None else self.kernels.nbytes
        return kernels + sum(maps.nbytes for maps in self.maps)


@dataclass(frozen=True, eq=False)
class Watch:
    """What snapshots hold.

    Attributes:
        probe: One image as the network's input, shape (1, 3, S, S).
        layers: The layers whose maps are kept.
        kernels: Dotted name of the convolution whose kernels are kept; None for none.
        others: Images to look for dead channels with, shape (N, 3, S, S); None for none.
        every_seconds: Longest time between two snapshots; it is shorter at the beginning.
    """

    probe: Tensor
    layers: tuple[Layer, ...]
    kernels: str | None = None
    others: Tensor | None = None
    every_seconds: float = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """Dotted names of the layers to capture, with those that feed the ReLUs after them."""
        return tuple(dict.fromkeys(name for layer in self.layers for name in needed(layer)))

    def take(
        self, module: nn.Module, *, step: int, epoch: int, seconds: float, kept: bool = False
    ) -> Snapshot:
        """Take a snapshot of a network as it is now.

        Args:
            module: The network; it is not changed.
            step: Steps behind its weights.
            epoch: Epochs behind them.
            seconds: Since the training began.
            kept: Whether the training ends with these weights.
        """
        outputs = capture(module, self.probe, self.names)
        dead = self._dead(module)
        maps = []
        for layer in self.layers:
            maps.append(Maps.of(activations_in(layer, outputs), dead.get(layer.name)))
        kernels = None
        if self.kernels is not None:
            weight = module.get_submodule(self.kernels).weight
            kernels = weight.detach().float().clone()  # type: ignore[operator]  # a Conv2d's
        others = 0 if self.others is None else len(self.others)
        return Snapshot(step, epoch, seconds, kernels, tuple(maps), others, kept)

    def _dead(self, module: nn.Module) -> dict[str, int]:
        """Count, for each layer, the channels that are empty for every one of the others."""
        if self.others is None:
            return {}
        strengths = observe_strengths(module, self.others, self.layers)
        return {name: int(is_empty(strength).all(0).sum()) for name, strength in strengths.items()}


def watch(
    network: Network,
    image: Image.Image,
    size: int,
    *,
    layer_names: Sequence[str] | None = None,
    others: Sequence[Image.Image] = (),
    every_seconds: float = 1.0,
) -> Watch:
    """Choose what snapshots hold.

    Args:
        network: The network that will learn, or the one it is made from.
        image: The probe; its middle square is used.
        size: Side of the training images, in pixels.
        layer_names: Dotted names of the layers; None for every ReLU of the encoder.
        others: Images to look for dead channels with.
        every_seconds: Longest time between two snapshots.

    Raises:
        SettingError: There is no such layer, or it has no maps.
    """
    candidates = {layer.name: layer for layer in layers(network, size) if len(layer.shape) == 3}
    if layer_names is None:
        relus = [
            layer for layer in candidates.values() if layer.kind == "ReLU" and layer.in_encoder
        ]
        layer_names = [layer.name for layer in relus]
    missing = [name for name in layer_names if name not in candidates]
    if missing or not layer_names:
        raise SettingError(
            tr(
                "{title} has no maps of a layer {layer} to watch; choose from {layers}.",
                title=network.title,
                layer=missing[0] if missing else tr("(none named)"),
                layers=", ".join(candidates),
            )
        )
    first = next(
        (n for n, part in network.module.named_modules() if isinstance(part, nn.Conv2d)), None
    )

    def batch(images: Sequence[Image.Image]) -> Tensor:
        mean, std = network.spec.mean, network.spec.std
        inputs = [to_tensor(image, size=size, resize=size, mean=mean, std=std) for image in images]
        return torch.cat(inputs)

    return Watch(
        batch([image]),
        tuple(candidates[name] for name in layer_names),
        first,
        batch(others) if others else None,
        every_seconds,
    )


class SnapshotSchedule:
    """When to take snapshots: after almost every step first, later once in a while.

    Args:
        watch: What snapshots hold; None for no snapshots.
    """

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self._newest_step = -1  # the step behind the weights of the newest snapshot
        self._next_step = 0
        self._next_seconds = 0.0

    def take_if_due(
        self, module: nn.Module | None, *, step: int, epoch: int, seconds: float, now: bool = False
    ) -> Snapshot | None:
        """Take a snapshot if it is time for one and there is none of these weights.

        Args:
            module: The network; None for no snapshot.
            step: Steps behind its weights.
            epoch: Epochs behind them.
            seconds: Since the training began.
            now: Whether it is time in any case.
        """
        watch = self._watch
        if watch is None or module is None or step == self._newest_step:
            return None
        if not now and step < self._next_step and seconds < self._next_seconds:
            return None
        self._newest_step = step
        self._next_step = max(step + 1, math.ceil(step * _GROWTH))
        snapshot = watch.take(module, step=step, epoch=epoch, seconds=seconds)
        self._next_seconds = seconds + watch.every_seconds
        return snapshot

    def take_last(
        self, module: nn.Module, *, step: int, epoch: int, seconds: float
    ) -> Snapshot | None:
        """Take a snapshot of the weights that the training ends with."""
        if self._watch is None:
            return None
        return self._watch.take(module, step=step, epoch=epoch, seconds=seconds, kept=True)


def add(
    frames: Sequence[Snapshot],
    newest: Snapshot,
    *,
    most: int = FRAMES,
    most_bytes: int = BYTES,
) -> tuple[Snapshot, ...]:
    """Append a snapshot to others, and drop some in between where there are too many.

    The first and the newest are never dropped, nor the end of the training before kept weights of
    an earlier step. The others are dropped where they lie closest by the logarithm of their steps,
    so that the beginning stays densest, where most happens.

    Args:
        frames: In the order in which they were taken.
        newest: Replaces the last one if it is of the same step.
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
        len(kept) > room or least + sum(frame.nbytes for frame in kept) > most_bytes
    ):
        gaps = [
            math.log1p(after.step) - math.log1p(before.step)
            for before, after in zip(kept, kept[2:], strict=False)
        ]
        kept.pop(1 + gaps.index(min(gaps)))
    return tuple(kept) if last is None else (*kept, last)
