"""The ways back through a network, from one number of a map to what it was made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from threading import Lock
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from convviz.features.pooling import pooled
from convviz.features.stages import (
    Passed,
    Picked,
    Rectified,
    Stage,
    convolved,
    multiplied,
    normalised,
)
from convviz.networks.network import Network
from convviz.structure.dataflow import Flow
from convviz.structure.layers import layers
from convviz.structure.ops import kind_of
from convviz.structure.tracing import Call, Trace, trace

Next = Callable[[float], Stage]
_PASSING = (nn.Dropout, nn.Dropout2d, nn.Identity)


@dataclass(frozen=True)
class Place:
    """One number: which module's output, and where in it."""

    name: str
    channel: int
    row: int
    column: int


_known: WeakKeyDictionary[nn.Module, dict[int, tuple[Trace, Flow]]] = WeakKeyDictionary()
_lock = Lock()


def _recorded(network: Network) -> tuple[Trace, Flow]:
    """Run a network once for its record; it is kept for as long as the network is."""
    with _lock:
        found = _known.get(network.module, {}).get(network.input_size)
    if found is None:
        record = trace(network.module, network.input_size)
        found = record, Flow(record)
        with _lock:
            _known.setdefault(network.module, {})[network.input_size] = found
    return found


class Ways:
    """The ways back from a layer's output to what it was made of."""

    def __init__(self, network: Network) -> None:
        self._network = network
        record, self._flow = _recorded(network)
        self._calls = record.calls
        self._layers = {each.name: each for each in layers(network)}
        self._last = {call.name: order for order, call in enumerate(record.calls)}

    def back(self, place: Place) -> tuple[Next, Place] | None:
        """Go back by one step that works number by number; None where many numbers became one."""
        shown, module = self._layers.get(place.name), self._module(place.name)
        if shown is not None and shown.branches:
            branch = next(b for b in shown.branches if b.start <= place.channel < b.stop)
            channel = place.channel - branch.start
            inside = Place(branch.name, channel, place.row, place.column)
            return lambda value: Picked(value, branch, channel), inside
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
            return lambda value: Passed(value, kind_of(module)), before
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            return lambda value: normalised(module, value, place.channel), before
        return None

    def before_relu(self, place: Place) -> Place:
        """Go back to the number that a ReLU took in, through the choice of a branch as well."""
        while (step := self.back(place)) is not None:
            stage, earlier = step
            if not isinstance(stage(0.0), Picked | Rectified):
                break
            place = earlier
        return place

    def first(self, place: Place, inputs: Tensor) -> Stage | None:
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

    def _moved(self, place: Place, name: str) -> Place:
        return Place(name, place.channel, place.row, place.column)

    def _same(self, place: Place, source: Call) -> Place | None:
        """Find the same number in the output that goes in; it may have been flattened."""
        shape = self._calls[self._last[place.name]].shape[1:]
        if shape == source.shape[1:]:
            return self._moved(place, source.name)
        if len(shape) == 1 and len(source.shape) == 4 and prod(source.shape[1:]) == shape[0]:
            channel, rest = divmod(place.channel, prod(source.shape[2:]))
            return Place(source.name, channel, *divmod(rest, source.shape[3]))
        return None
