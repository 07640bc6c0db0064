"""Guided backpropagation: which steps of a pass are ReLUs, and what passes back through them.

Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity: The All Convolutional
Net", ICLR workshop 2015: a ReLU passes back only what is positive. Most ReLUs, a module's, a
function's or an operation's in place, are found in the graph that PyTorch keeps for the backward
pass. There a ReLU that is written with a mask, such as ``y * (y > 0)``, is a product like any
other; `MaskedReLUs` finds those while the network runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

# What PyTorch calls the operations that may be a ReLU, in the graph of the backward pass, and what
# it calls the bounds there of which a ReLU has one at 0.
_RELU_NODES = {
    "Hardtanh": ("_saved_min_val",),  # a ReLU6 is hardtanh from 0 to 6
    "Clamp": ("_saved_min",),
    "ClampMin": ("_saved_min",),
    "Threshold": ("_saved_threshold",),
    "Maximum": ("_saved_self", "_saved_other"),
}

# Functions without their underscores: comparisons, and whether they mark what is positive.
_COMPARISONS = {"gt": True, "greater": True, "ge": True, "greater_equal": True}
_COMPARISONS |= {"lt": False, "less": False, "le": False, "less_equal": False}
_COPIES = {
    "float",
    "double",
    "half",
    "bfloat16",
    "to",
    "type",
    "type_as",
    "bool",
    "clone",
    "detach",
}
_NEGATIONS = {"logical_not", "bitwise_not", "invert"}
_PRODUCTS = {"mul", "rmul", "imul", "multiply"}


def guide(value: Tensor, masked: MaskedReLUs) -> int:
    """Let only what is positive pass back through each ReLU that a value was computed with.

    Args:
        value: The value, before its gradient is taken.
        masked: What was active while it was computed.

    Returns:
        How many ReLUs there are.
    """
    count = 0
    seen: set[Any] = set()
    ahead = [value.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if _is_relu(node) or node in masked.nodes:
            node.register_prehook(_positive_parts)
            count += 1
        ahead += [before for before, _ in node.next_functions]
    return count


def _positive_parts(gradients: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    return tuple(None if each is None else each.clamp(min=0) for each in gradients)


def _is_relu(node: Any) -> bool:
    """Whether a step of the backward pass is that of a ReLU, in whatever words it was written."""
    name = node.name().partition("Backward")[0]
    bounds = (getattr(node, bound, None) for bound in _RELU_NODES.get(name, ()))
    return name == "Relu" or any(map(_is_zero, bounds))


def _is_zero(bound: Any) -> bool:
    if isinstance(bound, Tensor):
        return not bool(bound.any())
    return isinstance(bound, int | float) and bound == 0


@dataclass(frozen=True)
class _Mask:
    """A tensor that marks where another is positive, or where it is not.

    Attributes:
        mask: The tensor itself, kept so that no other has its id.
        source: What it was made of.
        version: How often that had been written to by then.
        is_positive: Whether it marks what is positive.
    """

    mask: Tensor
    source: Tensor
    version: int
    is_positive: bool

    def marks(self, tensor: object, *, is_positive: bool) -> bool:
        """Whether it was made of a tensor as it is now, with this sense."""
        is_same = tensor is self.source and self.source._version == self.version
        return is_same and self.is_positive is is_positive


class MaskedReLUs(TorchFunctionMode):
    """Finds the ReLUs that are written with a mask, while it is active.

    These are ``torch.where(y > 0, y, 0)``, ``y * (y > 0)``, ``y.masked_fill(y < 0, 0)``,
    ``y[y < 0] = 0``, and the same with the mask turned round or as numbers.

    Attributes:
        nodes: Their steps of the backward pass.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nodes: set[Any] = set()
        self._masks: dict[int, _Mask] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one of PyTorch's functions."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").strip("_")
        is_relu = self._is_relu(name, func, args, kwargs)
        result = func(*args, **kwargs)
        written = args[0] if name == "setitem" else result
        if is_relu and isinstance(written, Tensor) and written.grad_fn is not None:
            self.nodes.add(written.grad_fn)
        elif isinstance(result, Tensor) and args and isinstance(args[0], Tensor):
            self._note(name, args, kwargs, result)
        return result

    def _note(self, name: str, args: Any, kwargs: Mapping[str, Any], result: Tensor) -> None:
        """Remember a result that is a mask."""
        source = args[0]
        before = self._masks.get(id(source))
        if name in _COMPARISONS:
            bound = args[1] if len(args) > 1 else kwargs.get("other")
            if _is_zero(bound):
                mask = _Mask(result, source, source._version, _COMPARISONS[name])
                self._masks[id(result)] = mask
        elif before is not None and name in (_COPIES | _NEGATIONS):
            is_positive = before.is_positive is (name in _COPIES)
            mask = _Mask(result, before.source, before.version, is_positive)
            self._masks[id(result)] = mask

    def _marks(self, mask: object, tensor: object, *, is_positive: bool) -> bool:
        known = self._masks.get(id(mask))
        return known is not None and known.marks(tensor, is_positive=is_positive)

    def _is_relu(self, name: str, func: Any, args: Any, kwargs: Mapping[str, Any]) -> bool:
        """Whether a call returns the positive part of a tensor, or leaves that in its place."""
        if name == "where":
            mask, first, second = _of_where(func, args, kwargs)
            return (_is_zero(second) and self._marks(mask, first, is_positive=True)) or (
                _is_zero(first) and self._marks(mask, second, is_positive=False)
            )
        if name in _PRODUCTS and len(args) == 2:
            first, second = args
            return self._marks(second, first, is_positive=True) or self._marks(
                first, second, is_positive=True
            )
        if name in ("masked_fill", "setitem"):
            given = [*args, *(kwargs[key] for key in ("mask", "value") if key in kwargs)]
            if len(given) != 3:
                return False
            tensor, mask, value = given
            return _is_zero(value) and self._marks(mask, tensor, is_positive=False)
        return False


def _of_where(func: Any, args: Any, kwargs: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Return the condition of a ``where``, and what is taken where it holds and where it does not.

    ``Tensor.where`` is called on the second of these.
    """
    given = [*args, *(kwargs[key] for key in ("condition", "input", "other") if key in kwargs)]
    if len(given) != 3:
        return None, None, None
    mask, first, second = given
    return (first, mask, second) if func is Tensor.where else (mask, first, second)
