"""Whether a network ends in a softmax or a sigmoid, so that what it puts out is probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import torch
from torch import nn

from convviz.networks.clone import per_module
from convviz.structure import ops
from convviz.structure.trace import Call, Operation, Shape, Trace, TraceError, trace

_NAMES: dict[str, tuple[Literal["softmax", "sigmoid"], int]] = {
    "_softmax": ("softmax", 0),
    "_safe_softmax": ("softmax", 0),
    "_log_softmax": ("softmax", 1),
    "sigmoid": ("sigmoid", 0),
    "log_sigmoid_forward": ("sigmoid", 1),
}
_LOGARITHMS = {"log": 1, "exp": -1}  # how many more have been taken after them


@dataclass(frozen=True)
class FinalActivation:
    """What turns a network's scores into probabilities, where its own forward() does so.

    Attributes:
        name: A softmax shares 1 among the classes; a sigmoid gives each class a probability of its
            own.
        is_log: Whether the network puts out the probabilities' logarithms.
    """

    name: Literal["softmax", "sigmoid"]
    is_log: bool


@per_module(key=lambda _size: ())
def final_activation(module: nn.Module, size: int | Shape) -> FinalActivation | None:
    """Find the softmax or sigmoid over the classes that is the last thing a network does.

    Only reshaping, copying, a logarithm and its opposite may come after it. One that is written
    out, such as ``x.exp() / x.exp().sum(1)``, is not found.

    Args:
        module: The network; it is not changed.
        size: Side of its square input in pixels, or the shape (C, H, W) of the input.

    Returns:
        What it is; None where the network ends in something else, or cannot be followed.
    """
    try:
        with torch.inference_mode(False):  # in which PyTorch does not take all operations apart
            return _of_trace(trace(module, size))
    except TraceError:
        return None


def _of_trace(recorded: Trace) -> FinalActivation | None:
    last = recorded.events[-1] if recorded.events else None
    value = last.output if isinstance(last, Call) and not last.name else None
    producers = {made: each for each in recorded.operations for made in each.outputs}
    classes, logarithms = 0 if value is None else prod(value.shape[1:]), 0
    while value is not None and prod(value.shape[1:]) == classes and value in producers:
        operation = producers[value]
        if operation.name in _NAMES:
            name, own = _NAMES[operation.name]
            taken = logarithms + own
            fits = name == "sigmoid" or _is_over_classes(operation, classes)
            return FinalActivation(name, bool(taken)) if fits and taken in (0, 1) else None
        if operation.name not in _LOGARITHMS and not ops.is_bookkeeping(operation.name):
            return None
        logarithms += _LOGARITHMS.get(operation.name, 0)
        value = next(iter(operation.sources), None)
    return None


def _is_over_classes(softmax: Operation, classes: int) -> bool:
    shape = softmax.output.shape
    axis = int(softmax.arguments["dim"]) % len(shape)
    return axis > 0 and shape[axis] == classes
