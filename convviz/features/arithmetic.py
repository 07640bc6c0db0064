"""Where one number of a map comes from, step by step.

A layer's number is followed back to the last place where many numbers became one: the weighted sum
of a convolution or linear layer, or a pooling. What comes between (bias, batch norm, ReLU, the
choice of a branch in a concatenation) is a stage each. The last stage ends in the number that the
map shows, to float32 rounding; a test holds this for every kind of layer of the built-in networks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import torch
from PIL import Image
from torch import Tensor, nn

from convviz.features.capture import capture, input_for, truncated
from convviz.features.stages import Given, Stage
from convviz.features.ways import Next, Place, Ways
from convviz.networks.network import Network
from convviz.structure.layers import Layer, check_channel, check_position, layer
from convviz.structure.ops import kind_of

_KEPT = 3
_Kept = dict[tuple[str, str, bytes], tuple[Tensor, Tensor]]
_known: WeakKeyDictionary[nn.Module, _Kept] = WeakKeyDictionary()
_lock = Lock()


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """How one number of a map is made.

    Attributes:
        layer: The layer whose map it is.
        channel: The map's channel.
        row: The number's row in the map.
        column: The number's column.
        number: The number, as the map shows it.
        stages: The steps that lead to it, in order; the last one's `after` is the number.
    """

    layer: Layer
    channel: int
    row: int
    column: int
    number: float
    stages: tuple[Stage, ...]

    @property
    def result(self) -> float:
        """What the stages end in."""
        return self.stages[-1].after

    @property
    def difference(self) -> float:
        """By how much the result misses the number: what rounding to float32 made of the sums."""
        return abs(self.result - self.number)


def arithmetic(
    network: Network, image: Image.Image, layer_name: str, channel: int, row: int, column: int
) -> Arithmetic:
    """Take one number of a map apart.

    Raises:
        NetworkError: There is no such layer.
        SettingError: The layer has no such channel or position.
    """
    found = layer(network, layer_name)
    check_channel(found.shape, channel)
    check_position(found.shape, row, column)
    ways = Ways(network)
    place, later = Place(found.name, channel, row, column), list[Next]()
    while (step := ways.back(place)) is not None:
        stage, place = step
        later.append(stage)
    batch = input_for(network, image)
    inputs, output = _kept(network.module, batch, found.name, place.name)
    stages = [ways.first(place, inputs) or _given(network, batch, place)]
    for stage in reversed(later):
        stages.append(stage(stages[-1].after))
    number = _number(output, channel, row, column)
    return Arithmetic(found, channel, row, column, number, tuple(stages))


def _kept(module: nn.Module, batch: Tensor, name: str, source: str) -> tuple[Tensor, Tensor]:
    """Do as `_run` does, or remember what it did: one asks for one number of a layer after another.

    A few are kept for each network; of a layer of VGG16 they take up to 26 MB.
    """
    key = name, source, hashlib.sha256(batch.numpy().tobytes()).digest()
    with _lock:
        held = _known.setdefault(module, {})
        found = held.get(key)
    if found is None:
        found = _run(module, batch, name, source)
        with _lock:
            while len(held) >= _KEPT:
                held.pop(next(iter(held)))
            held[key] = found
    return found


def _run(module: nn.Module, batch: Tensor, name: str, source: str) -> tuple[Tensor, Tensor]:
    """Run a network up to a layer; return what went into `source`, and what the layer put out."""
    taken: list[Tensor] = []

    def take(_module: nn.Module, arguments: Any) -> None:
        taken[:] = [arguments[0].detach().clone()]  # of several calls the last one counts

    cut = truncated(module, name)
    cut.get_submodule(f"network.{source}").register_forward_pre_hook(take)
    with torch.no_grad():
        output = cut(batch)
    return taken[0][0].float(), output[0]


def _given(network: Network, batch: Tensor, place: Place) -> Given:
    output = capture(network.module, batch, [place.name])[place.name][0]
    number = _number(output, place.channel, place.row, place.column)
    return Given(number, kind_of(network.module.get_submodule(place.name)))


def _number(output: Tensor, channel: int, row: int, column: int) -> float:
    return float(output[channel] if output.dim() == 1 else output[channel, row, column])
