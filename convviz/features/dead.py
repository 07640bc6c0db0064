"""Which channels of every layer are dead: empty for every image of a set.

One pass over the set serves all layers; of each channel only whether it was empty for every image
so far is kept. A channel that is empty for N images may be active for the next, so N is part of
the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from convviz.datasets.image_set import ImageSet
from convviz.datasets.zip_archive import LeftOut
from convviz.features.activations import (
    Activations,
    is_empty,
    layers_with_maps,
    observe_strengths,
)
from convviz.features.capture import check_images, input_batches
from convviz.language import again, tr
from convviz.networks.network import Network
from convviz.structure.layers import Layer


@dataclass(frozen=True)
class DeadChannels:
    """The channels of one layer that were empty for every image of a set.

    Attributes:
        numbers: The channels.
        seen: N, how many images were looked at.
        pictures: What the set is called.
        seen_images: N in words, with how many pictures these images come from: "83 crops of 5
            photographs"; empty if each is a picture of its own.
    """

    numbers: tuple[int, ...]
    seen: int
    pictures: str
    seen_images: str = ""

    @property
    def images(self) -> str:
        """N with its unit, "83 crops of 5 photographs" or "250 pictures"."""
        return again(self.seen_images) or tr("{count} pictures", count=self.seen)

    def of(self, activations: Activations) -> tuple[int, ...]:
        """List those that are empty for this image as well."""
        empty = activations.empty().tolist()
        return tuple(number for number in self.numbers if empty[number])


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
        done: Images looked at or left out.
        total: Images in the set.
        seen: N, how many images were looked at.
        seen_images: The same in words: "83 crops of 5 photographs".
        layers: One entry per layer with maps, in the order of execution.
        left_out: Images that could not be read, and why.
    """

    done: int
    total: int
    seen: int
    seen_images: str
    layers: tuple[LayerDead, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return self.done / self.total

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        return sum(100 + 8 * layer.dead for layer in self.layers)


def count_dead(
    network: Network, pictures: ImageSet, *, stop: Callable[[], bool] = lambda: False
) -> Iterator[DeadStep]:
    """Count the dead channels of every layer that pickers show, over a set of images.

    Args:
        network: The network.
        pictures: The set.
        stop: Asked after every step whether to end.

    Yields:
        A step after every few images; the last one has seen all.

    Raises:
        SettingError: The set is empty.
        ImageError: Not one image of the set can be read.
    """
    check_images(pictures)
    return _count(network, pictures, stop)


def _count(network: Network, images: ImageSet, stop: Callable[[], bool]) -> Iterator[DeadStep]:
    selection = layers_with_maps(network)
    dead: dict[str, Tensor] = {}
    gaps: dict[str, str] = {}  # what cannot be shown is left out of the list
    for batch in input_batches(network, images):
        if batch.indices:
            strengths = observe_strengths(network.module, batch.inputs, selection, gaps)
            selection = tuple(layer for layer in selection if layer.name not in gaps)
            for layer in selection:
                empty = is_empty(strengths[layer.name]).all(0)
                dead[layer.name] = dead.get(layer.name, empty) & empty
        if not dead:
            continue
        counts = tuple(_layer_dead(layer, dead[layer.name]) for layer in selection)
        yield DeadStep(
            batch.done, len(images), batch.seen, batch.seen_images, counts, batch.left_out
        )
        if stop():
            return


def _layer_dead(layer: Layer, dead: Tensor) -> LayerDead:
    return LayerDead(layer, len(dead), tuple(dead.nonzero().flatten().tolist()))
