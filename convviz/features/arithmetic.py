"""Where one number of a map comes from, step by step.

A layer's number is followed back to the last place where many numbers became one: the weighted sum
of a convolution or linear layer, or a pooling. What comes between (bias, batch norm, ReLU, the
choice of a branch in a concatenation) is a stage each. The last stage ends in the number that the
map shows, to float32 rounding; a test holds this for every kind of layer of the built-in networks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import torch
from PIL import Image
from torch import Tensor, nn

from convviz.features.arithmetic_steps import (
    BranchChoice,
    Identity,
    Opaque,
    Rectified,
    Stage,
    convolved,
    multiplied,
    normalised,
    pooled,
)
from convviz.features.capture import capture, input_for, truncated
from convviz.networks.network import Network
from convviz.structure.dataflow import Flow
from convviz.structure.layers import Layer, check_channel, check_position, layer, layers
from convviz.structure.ops import kind_of
from convviz.structure.tracing import Call, Trace, trace

Next = Callable[[float], Stage]


_PASSING = (nn.Dropout, nn.Dropout2d, nn.Identity)


@dataclass(frozen=True)
class Unit:
    """One number: which module's output, and where in it."""

    name: str
    channel: int
    row: int
    column: int


_derivations: WeakKeyDictionary[nn.Module, dict[int, tuple[Trace, Flow]]] = WeakKeyDictionary()


_derivations_lock = Lock()


def _recorded(network: Network) -> tuple[Trace, Flow]:
    """Run a network once for its record; it is kept for as long as the network is."""
    with _derivations_lock:
        found = _derivations.get(network.module, {}).get(network.input_size)
    if found is None:
        record = trace(network.module, network.input_size)
        found = record, Flow(record)
        with _derivations_lock:
            _derivations.setdefault(network.module, {})[network.input_size] = found
    return found


class Derivation:
    """The ways back from a layer's output to what it was made of."""

    def __init__(self, network: Network) -> None:
        self._network = network
        record, self._flow = _recorded(network)
        self._calls = record.calls
        self._layers = {each.name: each for each in layers(network)}
        self._last = {call.name: order for order, call in enumerate(record.calls)}

    def back(self, place: Unit) -> tuple[Next, Unit] | None:
        """Go back by one step that works number by number; None where many numbers became one."""
        shown, module = self._layers.get(place.name), self._module(place.name)
        if shown is not None and shown.branches:
            branch = next(b for b in shown.branches if b.start <= place.channel < b.stop)
            channel = place.channel - branch.start
            inside = Unit(branch.name, channel, place.row, place.column)
            return lambda value: BranchChoice(value, branch, channel), inside
        if next(module.children(), None) is not None:
            last = self._whole(place.name)
            return None if last is None else (Rectified, self._moved(place, last.name))
        source = self._source(place.name)
        before = None if source is None else self._same(place, source)
        if before is None:
            return None
        if isinstance(module, nn.ReLU):
            return Rectified, before
        if isinstance(module, _PASSING):
            return lambda value: Identity(value, kind_of(module)), before
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            return lambda value: normalised(module, value, place.channel), before
        return None

    def before_relu(self, place: Unit) -> Unit:
        """Go back to the number that a ReLU took in, through the choice of a branch as well."""
        while (step := self.back(place)) is not None:
            stage, earlier = step
            if not isinstance(stage(0.0), BranchChoice | Rectified):
                break
            place = earlier
        return place

    def first(self, place: Unit, inputs: Tensor) -> Stage | None:
        """Take the number apart that many numbers became; None if that is not known here.

        Args:
            place: The number.
            inputs: What goes into its module, shape (C, H, W) or (C,).
        """
        module, source = self._module(place.name), self._source(place.name)
        name = "" if source is None else source.name
        at = (place.channel, place.row, place.column)
        if isinstance(module, nn.Conv2d):
            return convolved(module, inputs, name, *at)
        if isinstance(module, nn.Linear) and inputs.dim() == 1:
            shape = (len(inputs), 1, 1) if source is None else source.shape[1:]
            shape = shape if prod(shape) == len(inputs) and len(shape) == 3 else (len(inputs), 1, 1)
            return multiplied(module, inputs, shape, name, place.channel)
        if inputs.dim() != 3:
            return None
        shape = self._calls[self._last[place.name]].shape[2:]
        return pooled(module, inputs[place.channel], shape, name, place.row, place.column)

    def _module(self, name: str) -> nn.Module:
        return self._network.module.get_submodule(name)

    def _source(self, name: str) -> Call | None:
        """Find the layer whose output goes into a module; None: the image.

        Layers that only hand their input on, or flatten it, are passed by.
        """
        order = self._last[name]
        values = {self._flow.origin(value) for value in self._calls[order].inputs}
        for call in reversed(self._calls[:order]):
            if call.name not in self._layers or isinstance(call.module, (*_PASSING, nn.Flatten)):
                continue
            if call.output is not None and self._flow.origin(call.output) in values:
                return call
        return None

    def _whole(self, name: str) -> Call | None:
        """Find the last part of a module that only adds a ReLU to its parts."""
        shown = self._layers.get(name)
        if shown is None or not shown.kind.endswith("+ ReLU"):
            return None
        order = self._last[name]
        inside = self._calls[self._calls[order].inside : order]
        return next((call for call in reversed(inside) if call.leaf), None)

    def _moved(self, place: Unit, name: str) -> Unit:
        return Unit(name, place.channel, place.row, place.column)

    def _same(self, place: Unit, source: Call) -> Unit | None:
        """Find the same number in the output that goes in; it may have been flattened."""
        shape = self._calls[self._last[place.name]].shape[1:]
        if shape == source.shape[1:]:
            return self._moved(place, source.name)
        if len(shape) == 1 and len(source.shape) == 4 and prod(source.shape[1:]) == shape[0]:
            channel, rest = divmod(place.channel, prod(source.shape[2:]))
            return Unit(source.name, channel, *divmod(rest, source.shape[3]))
        return None


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
    ways = Derivation(network)
    place, later = Unit(found.name, channel, row, column), list[Next]()
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


def _given(network: Network, batch: Tensor, place: Unit) -> Opaque:
    output = capture(network.module, batch, [place.name])[place.name][0]
    number = _number(output, place.channel, place.row, place.column)
    return Opaque(number, kind_of(network.module.get_submodule(place.name)))


def _number(output: Tensor, channel: int, row: int, column: int) -> float:
    return float(output[channel] if output.dim() == 1 else output[channel, row, column])
