"""Which channels of every layer are dead: empty for every picture of a set.

One pass over the set serves all layers; of each channel only whether anything woke it up is kept. A
channel that is empty for one image may answer to the next, so the number of pictures, N, is part of
the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from convviz.datasets.image_set import ImageSet
from convviz.datasets.zip_archive import LeftOut
from convviz.errors import ImageError, SettingError
from convviz.features.activations import Activations
from convviz.features.capture import input_for, observe
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layers

_BATCH = 4  # pictures: a stopped pass ends within one of these


@dataclass(frozen=True)
class DeadChannels:
    """The channels of one layer that were empty for every picture of a set.

    Attributes:
        numbers: The channels.
        seen: N, how many pictures were looked at.
        pictures: What the set is called.
    """

    numbers: tuple[int, ...]
    seen: int
    pictures: str

    def of(self, activations: Activations) -> tuple[int, ...]:
        """List those that are empty for this image as well; another image may wake one up."""
        maximum = activations.maximum
        return tuple(number for number in self.numbers if float(maximum[number]) == 0)


@dataclass(frozen=True)
class LayerDead:
    """Which channels of one layer are dead so far.

    Attributes:
        layer: The layer.
        channels: How many channels it has.
        numbers: Those that are dead.
    """

    layer: Layer
    channels: int
    numbers: tuple[int, ...]

    @property
    def dead(self) -> int:
        """How many channels are dead."""
        return len(self.numbers)

    @property
    def share(self) -> float:
        """Share of the channels that are dead, in 0…1."""
        return self.dead / self.channels


@dataclass(frozen=True)
class DeadStep:
    """Where a pass over a set stands.

    Attributes:
        done: Pictures looked at or left out.
        total: Pictures in the set.
        seen: N, how many pictures were looked at.
        layers: One entry per layer with maps, in the order of execution.
        left_out: Pictures that could not be read, and why.
    """

    done: int
    total: int
    seen: int
    layers: tuple[LayerDead, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return self.done / self.total

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        return sum(100 + 8 * each.dead for each in self.layers)


def count_dead(
    network: Network, pictures: ImageSet, *, stop: Callable[[], bool] = lambda: False
) -> Iterator[DeadStep]:
    """Count the dead channels of every layer that pickers show, over a set of images.

    Args:
        network: The network.
        pictures: The set.
        stop: Asked after every step whether to end.

    Yields:
        A step after every few pictures; the last one has seen all.

    Raises:
        SettingError: The set is empty.
        ImageError: Not one picture of the set can be read.
    """
    if not len(pictures):
        raise SettingError("There is no picture to look at: choose a set with at least one.")
    return _count(network, pictures, stop)


def _count(network: Network, pictures: ImageSet, stop: Callable[[], bool]) -> Iterator[DeadStep]:
    shown = [each for each in layers(network) if not each.detail and len(each.shape) == 3]
    names = [each.pre_relu or each.name for each in shown]
    alive: dict[tuple[str, bool], Tensor] = {}
    left_out: list[LeftOut] = []
    total = len(pictures)
    for start in range(0, total, _BATCH):
        batch = []
        done = min(start + _BATCH, total)
        for place in range(start, done):
            try:
                batch.append(input_for(network, pictures.picture(place)))
            except ImageError as error:
                left_out.append(LeftOut(pictures.titles[place], str(error)))
        if batch:
            found = observe(network.module, torch.cat(batch), names, _answers)
            for each, name in zip(shown, names, strict=True):
                rectified = each.pre_relu is not None
                now = found[name][0 if rectified else 1]
                before = alive.get((name, rectified))
                alive[name, rectified] = now if before is None else now | before
        if len(left_out) == total:
            raise ImageError(
                "Not one picture of the set can be read; the first: "
                f"{left_out[0].title}: {left_out[0].reason}"
            )
        if alive:
            counted = tuple(
                LayerDead(each, len(living), tuple((~living).nonzero().flatten().tolist()))
                for each, name in zip(shown, names, strict=True)
                for living in [alive[name, each.pre_relu is not None]]
            )
            yield DeadStep(done, total, done - len(left_out), counted, tuple(left_out))
            if stop():
                return


def _answers(output: Tensor) -> Tensor:
    """Tell which channels of (N, C, H, W) have a value above 0, and one that is not 0, (2, C).

    A channel with a NaN has both: NaN is never empty, so such a channel is not dead.
    """
    values = output.transpose(0, 1).flatten(1)
    return torch.stack(((~(values <= 0)).any(1), (values != 0).any(1)))
