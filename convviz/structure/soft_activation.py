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
or function the network calls for it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

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
_POSITIVE = {"sigmoid": "Sigmoid", "hardsigmoid": "Hardsigmoid", "softplus": "Softplus"}
_OTHERS = {
    "tanh": "Tanh",
    "_prelu_kernel": "PReLU",
    "prelu": "PReLU",
    "log_sigmoid_forward": "LogSigmoid",
}


def soft_activations(trace: Trace) -> dict[Value, SoftActivation]:
    """Find the values whose numbers come out of such a function, and out of which."""
    known: dict[Value, SoftActivation] = {}
    for operation in trace.operations:
        if not operation.inputs or operation.output in operation.inputs:
            continue
        made = _made_by(operation)
        if made is None and operation.name in _PASSING:
            made = known.get(operation.inputs[0])
        if made is not None:
            known[operation.output] = made
    return known


def _made_by(operation: Operation) -> SoftActivation | None:
    name, arguments = operation.name, operation.arguments
    if name in _BOUNDED:
        settings = tuple((key, arguments[key]) for key in _SETTINGS if key in arguments)
        return SoftActivation(_BOUNDED[name][0], reach=_reach(name, settings))
    if name == "leaky_relu" and arguments["negative_slope"]:
        return SoftActivation("LeakyReLU", share=abs(float(arguments["negative_slope"])))
    if name in _POSITIVE:
        return SoftActivation(_POSITIVE[name], share=_CLOSED)
    return SoftActivation(_OTHERS[name]) if name in _OTHERS else None


@functools.lru_cache(maxsize=64)
def _reach(name: str, settings: tuple[tuple[str, Any], ...]) -> float:
    """Find the largest magnitude that a function puts out for inputs up to 0."""
    inputs = torch.linspace(_LOWEST, 0, 30_001, dtype=torch.float64)
    return float(_BOUNDED[name][1](inputs, **dict(settings)).abs().max())
