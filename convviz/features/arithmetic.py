"""How one number of a map is computed, step by step.

A layer's number is followed back to the last step that combines many numbers into one: the weighted
sum of a convolution or linear layer, or a pooling. What comes between (batch norm, ReLU, the choice
of a branch in a concatenation) is one stage each. The last stage ends in the number that the map
shows, to float32 rounding; a test holds this for every kind of layer of the built-in networks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite, prod

from PIL import Image
from torch import Tensor, nn

from convviz.errors import SettingError
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
from convviz.features.capture import capture, capture_with_input, input_for
from convviz.language import tr
from convviz.networks.clone import per_module
from convviz.networks.network import Network
from convviz.structure.dataflow import flow
from convviz.structure.layers import Layer, check_channel, check_position, layer, layers
from convviz.structure.ops import kind_of, parts
from convviz.structure.trace import Call

Next = Callable[[float], Stage]

_PASSING = (nn.Dropout, nn.Dropout2d, nn.Identity)  # the identity in eval mode


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
        """The number that the stages end in."""
        return self.stages[-1].after

    @property
    def difference(self) -> float:
        """Distance from the result to the number: the rounding of sums to float32."""
        return abs(self.result - self.number)


def arithmetic(
    network: Network, image: Image.Image, layer_name: str, channel: int, row: int, column: int
) -> Arithmetic:
    """Derive one number of a map.

    Args:
        network: The network.
        image: The image.
        layer_name: Dotted name of the layer.
        channel: The map's channel.
        row: The number's row in the map.
        column: The number's column.

    Raises:
        NetworkError: There is no such layer.
        SettingError: The layer has no such channel or position, or the number there is infinite or
            none at all.
    """
    target = layer(network, layer_name)
    check_channel(target.shape, channel)
    check_position(target.shape, row, column)
    batch = input_for(network, image)
    if target.name != target.module:  # an earlier use of a module, or a part of its output
        output = capture(network.module, batch, [target.name])[target.name][0]
        number = _number(output, channel, row, column)
        made = (Opaque(number, target.kind),)
        return Arithmetic(target, channel, row, column, number, made)
    derivation = Derivation(network)
    unit, stages_after = derivation.to_the_first(Unit(target.name, channel, row, column))
    inputs, output = run_with_input(network.module, batch, target.name, unit.name)
    number = _number(output, channel, row, column)
    if not isfinite(number):
        raise SettingError(
            tr(
                "The number of channel {channel} at row {row}, column {column} is infinite "
                "or none at all for this image, so there is nothing to derive: choose "
                "another layer or weights.",
                channel=channel,
                row=row + 1,
                column=column + 1,
            )
        )
    stages = [derivation.first(unit, inputs) or _opaque(network, batch, unit)]
    for stage in stages_after:
        stages.append(stage(stages[-1].after))
    return Arithmetic(target, channel, row, column, number, tuple(stages))


@dataclass(frozen=True)
class Unit:
    """One number of a module's output, at a channel and a position."""

    name: str
    channel: int
    row: int
    column: int


class Derivation:
    """Follows one unit of a layer's output back to the units that it is computed from."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._flow = flow(network.module, network.input_size)
        self._calls = self._flow.calls
        self._layers = {layer.name: layer for layer in layers(network)}
        self._last = {call.name: order for order, call in enumerate(self._calls)}

    def back(self, unit: Unit) -> tuple[Next, Unit] | None:
        """Go back by one step that works number by number; None where a step combines many."""
        layer, module = self._layers.get(unit.name), self.module(unit.name)
        if layer is not None and layer.branches:
            branch = next(b for b in layer.branches if b.start <= unit.channel < b.stop)
            channel = unit.channel - branch.start
            branch_unit = Unit(branch.name, channel, unit.row, unit.column)
            return lambda value: BranchChoice(value, branch, channel), branch_unit
        if parts(module):
            last = self._whole(unit.name)
            if last is None:
                return None
            part = self._layers.get(last.name)
            return _rectified(part.ceiling if part else None), replace(unit, name=last.name)
        source = self._source(unit.name)
        input_unit = None if source is None else self._same(unit, source)
        if input_unit is None:
            return None
        relu = self._flow.rectified_by(self._calls[self._last[unit.name]])
        if relu is not None:
            return _rectified(relu[1]), input_unit
        if isinstance(module, _PASSING):
            return lambda value: Identity(value, kind_of(module)), input_unit
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            return lambda value: normalised(module, value, unit.channel), input_unit
        return None

    def to_the_first(self, unit: Unit) -> tuple[Unit, list[Next]]:
        """Go back to the unit that combines many numbers; return the stages after it, in order."""
        stages_after = list[Next]()
        while (step := self.back(unit)) is not None:
            stage, unit = step
            stages_after.append(stage)
        return unit, stages_after[::-1]

    def before_relu(self, unit: Unit) -> Unit:
        """Go back to the input of a ReLU, through the choice of a branch as well."""
        while (step := self.back(unit)) is not None:
            stage, previous = step
            if not isinstance(stage(0.0), BranchChoice | Rectified):
                break
            unit = previous
        return unit

    def first(self, unit: Unit, inputs: Tensor) -> Stage | None:
        """Derive a unit that combines many numbers; None for a module that is not known here.

        Args:
            unit: The unit.
            inputs: The input of its module, shape (C, H, W) or (C,).
        """
        module, source = self.module(unit.name), self._source(unit.name)
        name = "" if source is None else source.name
        at = (unit.channel, unit.row, unit.column)
        if isinstance(module, nn.Conv2d):
            return convolved(module, inputs, name, *at)
        if isinstance(module, nn.Linear) and inputs.dim() == 1:
            shape = (len(inputs), 1, 1) if source is None else source.shape[1:]
            shape = shape if prod(shape) == len(inputs) and len(shape) == 3 else (len(inputs), 1, 1)
            return multiplied(module, inputs, shape, name, unit.channel)
        if inputs.dim() != 3 or unit.channel >= len(inputs):  # a flattening, for one
            return None
        values, shape = inputs[unit.channel], self.map_shape(unit.name)
        return pooled(module, values, shape, name, unit.row, unit.column)

    def module(self, name: str) -> nn.Module:
        """Return the module of a dotted name."""
        return self._network.module.get_submodule(name)

    def map_shape(self, name: str) -> tuple[int, ...]:
        """Return height and width of a module's output maps; () where it has none."""
        return self._calls[self._last[name]].shape[2:]

    def _source(self, name: str) -> Call | None:
        """Find the layer whose output goes into a module; None: the image.

        Layers that only pass their input on, or flatten it, are skipped.
        """
        order = self._last[name]
        values = {self._flow.source_of(value) for value in self._calls[order].inputs}
        for call in reversed(self._calls[:order]):
            if call.name not in self._layers or isinstance(call.module, (*_PASSING, nn.Flatten)):
                continue
            if call.output is not None and self._flow.source_of(call.output) in values:
                return call
        return None

    def _whole(self, name: str) -> Call | None:
        """Find the last part of a module that only adds a ReLU to its parts."""
        layer = self._layers.get(name)
        if layer is None or not layer.kind.endswith("+ ReLU"):
            return None
        order = self._last[name]
        inner_calls = self._calls[self._calls[order].inside : order]
        return next((call for call in reversed(inner_calls) if call.leaf), None)

    def _same(self, unit: Unit, source: Call) -> Unit | None:
        """Find the same unit in the output that goes in; it may have been flattened."""
        shape = self._calls[self._last[unit.name]].shape[1:]
        if shape == source.shape[1:]:
            return replace(unit, name=source.name)
        if len(shape) == 1 and len(source.shape) == 4 and prod(source.shape[1:]) == shape[0]:
            channel, rest = divmod(unit.channel, prod(source.shape[2:]))
            return Unit(source.name, channel, *divmod(rest, source.shape[3]))
        return None


def _rectified(ceiling: float | None) -> Next:
    return lambda value: Rectified(value, ceiling)


def _key(batch: Tensor, name: str, source: str) -> tuple[str, str, bytes]:
    return name, source, hashlib.sha256(batch.numpy().tobytes()).digest()


# Readers ask for one number of a layer after another; a layer of VGG16 takes up to 26 MB.
@per_module(key=_key, keep=3)
def run_with_input(
    module: nn.Module, batch: Tensor, name: str, source: str
) -> tuple[Tensor, Tensor]:
    """Run a network up to a layer; return the input of `source` and the layer's output."""
    return capture_with_input(module, batch, name, source)


def _opaque(network: Network, batch: Tensor, unit: Unit) -> Opaque:
    output = capture(network.module, batch, [unit.name])[unit.name][0]
    number = _number(output, unit.channel, unit.row, unit.column)
    return Opaque(number, kind_of(network.module.get_submodule(unit.name)))


def _number(output: Tensor, channel: int, row: int, column: int) -> float:
    return float(output[channel] if output.dim() == 1 else output[channel, row, column])
