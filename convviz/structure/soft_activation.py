"""Activation functions that put out hardly any exact 0: SiLU, GELU, LeakyReLU, Sigmoid.

Behind a ReLU a channel is empty if its input was positive nowhere. Behind these functions it never
is, as they let a little of what is negative through. What corresponds to it is said by the function
itself:

- SiLU, GELU, ELU, Mish and their like are bounded below: for no input up to 0 are they further than
  some number, their *reach*, from 0 (0.278 for SiLU). A channel that never goes beyond it may not
  have had one positive input.
- LeakyReLU passes on a *share* of what is negative, its slope (0.01). A channel that never goes
  beyond that share of the layer's largest number shows no more than negative inputs of that size.
- A Sigmoid, and a Softplus, are positive everywhere; as a gate one is all but closed below a share
  of 0.01 of the layer's largest number.

The function is read from the trace: it is the operation that made a layer's output, whatever module
or function the network calls for it. One that is written out, such as ``x * torch.sigmoid(x)``, is
told by what its operations make of a row of numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from convviz.structure import ops
from convviz.structure.trace import Operation, Trace, Value

_CLOSED = 0.01  # of the layer's largest number, for functions that are positive everywhere
_LOWEST = -30.0  # all of the bounded functions have turned back towards their limit by then

# Operations that pass on some of the numbers of their input, and no others.
_PASSING = {
    *("view", "_unsafe_view", "reshape", "_reshape_alias", "alias", "detach", "clone", "permute"),
    *("transpose", "squeeze", "unsqueeze", "max_pool2d_with_indices", "max_pool2d", "select"),
    *("slice", "native_dropout", "dropout", "contiguous", "adaptive_max_pool2d"),
}


@dataclass(frozen=True)
class SoftActivation:
    """An activation function that puts out hardly any exact 0.

    Attributes:
        function: Its name, "SiLU".
        reach: The largest magnitude that it puts out for inputs up to 0; None where there is none,
            or it says nothing.
        share: Of the layer's largest number, up to which a channel counts as good as empty; None
            where no share means anything.
    """

    function: str
    reach: float | None = None
    share: float | None = None

    def threshold(self, largest: float) -> float | None:
        """Return the τ up to which channels are as good as empty; None where none means that.

        Args:
            largest: The layer's largest magnitude for the image.
        """
        if self.share is not None:
            return self.share
        if self.reach is None or not self.reach < largest < float("inf"):
            return None
        return self.reach / largest


# Functions that are bounded below, by the operation's name: what they are called, and how to
# compute them.
_BOUNDED: dict[str, tuple[str, Callable[..., Tensor]]] = {
    "silu": ("SiLU", functional.silu),
    "gelu": ("GELU", functional.gelu),
    "elu": ("ELU", torch.ops.aten.elu),
    "celu": ("CELU", functional.celu),
    "selu": ("SELU", functional.selu),
    "mish": ("Mish", functional.mish),
    "hardswish": ("Hardswish", functional.hardswish),
}
_SETTINGS = ("alpha", "scale", "input_scale", "approximate")
_POSITIVE = {
    **{"sigmoid": "Sigmoid", "hardsigmoid": "Hardsigmoid", "softplus": "Softplus"},
    "exp": "exp",
}
_OTHERS = {
    "tanh": "Tanh",
    "_prelu_kernel": "PReLU",
    "prelu": "PReLU",
    "log_sigmoid_forward": "LogSigmoid",
}

# Functions that networks write out, by their name; those that are bounded below first.
_Function = Callable[[Tensor], Tensor]
_WRITTEN_BOUNDED: dict[str, tuple[_Function, ...]] = {
    **{name: (function,) for name, function in _BOUNDED.values()},
    "GELU": (functional.gelu, functools.partial(functional.gelu, approximate="tanh")),
    "QuickGELU": (lambda x: x * torch.sigmoid(1.702 * x),),
}
_WRITTEN_POSITIVE: dict[str, _Function] = {
    "Sigmoid": torch.sigmoid,
    "Hardsigmoid": functional.hardsigmoid,
    "Softplus": functional.softplus,
    "exp": torch.exp,
}
_WRITTEN_OTHERS: dict[str, _Function] = {"Tanh": torch.tanh, "Softsign": functional.softsign}
_TOLERANCE = 1e-4  # of what they put out, as constants are written with a few digits
_WIDEST = 12.0
_MOST_OPERATIONS = 40  # of one that is written out


def soft_activations(trace: Trace) -> dict[Value, SoftActivation]:
    """Find the values whose numbers come out of such a function, and out of which."""
    known: dict[Value, SoftActivation] = {}
    written: dict[Value, _Written] = {}
    for operation in trace.operations:
        if not operation.inputs or operation.output in operation.inputs:
            continue
        made = _made_by(operation)
        if made is None and operation.name in _PASSING:
            made = known.get(operation.inputs[0])
        steps = _written(operation, written)
        if steps is not None:
            written[operation.output] = steps
            if made is None and any(value in written for value in operation.inputs):
                made = steps.activation()
        if made is not None:
            known[operation.output] = made
    return known


@dataclass(frozen=True, eq=False)
class _Written:
    """What makes a value of another one, number by number.

    Attributes:
        of: The other value.
        compute: Does the same to any numbers.
        operations: How many that takes.
    """

    of: Value
    compute: _Function
    operations: int = 0

    def activation(self) -> SoftActivation | None:
        """Tell which activation function it is; None if it is none of those here."""
        inputs = torch.linspace(-_WIDEST, _WIDEST, 97, dtype=torch.float64, device="cpu")
        try:
            outputs = self.compute(inputs)
        except (RuntimeError, TypeError):  # it counts with whole numbers, say
            return None
        if not outputs.is_floating_point():
            return None

        def is_like(function: _Function) -> bool:
            return torch.allclose(outputs, function(inputs), _TOLERANCE, _TOLERANCE)

        for name, functions in _WRITTEN_BOUNDED.items():
            for function in functions:
                if is_like(function):
                    return SoftActivation(name, reach=_largest(function))
        for name, function in _WRITTEN_POSITIVE.items():
            if is_like(function):
                return SoftActivation(name, share=_CLOSED)
        slope = float(outputs[0] / inputs[0])
        if 0 < abs(slope) < 1 and is_like(functools.partial(_leaky, slope=slope)):
            return SoftActivation("LeakyReLU", share=abs(slope))
        others = (name for name, function in _WRITTEN_OTHERS.items() if is_like(function))
        name = next(others, "")
        return SoftActivation(name) if name else None


def _leaky(inputs: Tensor, slope: float) -> Tensor:
    return torch.where(inputs > 0, inputs, slope * inputs)


def _written(operation: Operation, before: Mapping[Value, _Written]) -> _Written | None:
    """Tell what makes an operation's output of one value; None if it is not number by number."""
    if torch.Tag.pointwise not in operation.function.tags or len(operation.outputs) > 1:
        return None
    made = [
        None if value.number is not None else before.get(value, _Written(value, Tensor.clone))
        for value in operation.inputs
    ]
    roots = {each.of for each in made if each is not None}
    names = [name for name, each in operation.arguments.items() if isinstance(each, tuple)]
    operations = 1 + sum(each.operations for each in made if each is not None)
    if len(roots) != 1 or len(names) != len(made) or operations > _MOST_OPERATIONS:
        return None
    numbers = [value.number for value in operation.inputs]

    def compute(inputs: Tensor) -> Tensor:
        tensors = [
            torch.tensor(number, dtype=inputs.dtype) if each is None else each.compute(inputs)
            for each, number in zip(made, numbers, strict=True)
        ]
        arguments = dict(operation.arguments) | dict(zip(names, tensors, strict=True))
        result: Tensor = ops.run(operation.function, arguments)
        return result

    return _Written(roots.pop(), compute, operations)


def _made_by(operation: Operation) -> SoftActivation | None:
    name, arguments = operation.name, operation.arguments
    if name in _BOUNDED:
        settings = tuple((key, arguments[key]) for key in _SETTINGS if key in arguments)
        return SoftActivation(_BOUNDED[name][0], reach=_reach(name, settings))
    if name == "leaky_relu" and arguments["negative_slope"]:
        return SoftActivation("LeakyReLU", share=abs(float(arguments["negative_slope"])))
    if name in _POSITIVE:
        return SoftActivation(_POSITIVE[name], share=_CLOSED)
    if name == "rrelu_with_noise" and not arguments["training"]:
        slope = (float(arguments["lower"]) + float(arguments["upper"])) / 2
        return SoftActivation("RReLU", share=abs(slope)) if slope else None
    return SoftActivation(_OTHERS[name]) if name in _OTHERS else None


@functools.lru_cache(maxsize=64)
def _reach(name: str, settings: tuple[tuple[str, Any], ...]) -> float:
    """Find the largest magnitude that a function puts out for inputs up to 0."""
    return _largest(functools.partial(_BOUNDED[name][1], **dict(settings)))


def _largest(function: _Function) -> float:
    inputs = torch.linspace(_LOWEST, 0, 30_001, dtype=torch.float64, device="cpu")
    return float(function(inputs).abs().max())
