"""What torch's basic operations cost, and what they do to a receptive field.

A network is followed at the level where every module and every function call (``F.relu``,
``torch.cat``, ``x @ w``) has become one of torch's basic operations, so nothing can hide.

Convention for MACs, used in the whole project: one multiply–accumulate for every weight that meets
a value in a convolution, a fully connected layer or a matrix product. Adding the bias, ReLU,
pooling and normalisation multiply nothing by a learned kernel and count 0. A FLOP count is twice
the MACs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry

from convviz.networks.receptive import Axis, ReceptiveField

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """The kernel of a convolution or pooling, each as (rows, columns)."""

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1


WORDS = {
    "convolution": "convolution",
    "addmm": "linear",
    "mm": "matrix product",
    "bmm": "matrix product",
    "baddbmm": "matrix product",
    "relu": "ReLU",
    "cat": "concatenation",
    "stack": "concatenation",
    "add": "addition",
    "sub": "subtraction",
    "mul": "multiplication",
    "div": "division",
    "max_pool2d_with_indices": "max pooling",
    "avg_pool2d": "average pooling",
    "_adaptive_avg_pool2d": "average pooling",
    "mean": "average pooling",
    "adaptive_max_pool2d": "max pooling",
    "native_batch_norm": "batch norm",
    "_native_batch_norm_legit_no_training": "batch norm",
    "_softmax": "softmax",
    "_log_softmax": "softmax",
    "native_dropout": "dropout",
}
CALLS = {
    "convolution": "conv2d",
    "addmm": "linear",
    "max_pool2d_with_indices": "max_pool2d",
    "_adaptive_avg_pool2d": "adaptive_avg_pool2d",
    "_softmax": "softmax",
    "_log_softmax": "log_softmax",
}
_SLIDING = {"max_pool2d_with_indices", "avg_pool2d"}
_SHARING = {"_adaptive_avg_pool2d", "adaptive_max_pool2d"}
_NORMS = {"native_batch_norm", "_native_batch_norm_legit_no_training", "native_group_norm"}
_RESHAPING = {
    *("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze", "select", "slice", "expand"),
    *("permute", "transpose", "t", "alias", "detach", "clone", "split", "unbind", "chunk"),
    *("split_with_sizes", "_to_copy", "contiguous", "as_strided", "lift_fresh", "_reshape_alias"),
}
_MAKING = {"empty", "zeros", "ones", "full", "arange", "scalar_tensor", "empty_like", "zeros_like"}


def name(operation: Any) -> str:
    """Return an operation's plain name: ``relu`` for ``aten.relu_.default``."""
    return str(operation.overloadpacket.__name__).removesuffix("_")


def is_bookkeeping(operation: Any) -> bool:
    """Tell whether an operation only makes or re-labels memory: no row of a table."""
    return name(operation) in _RESHAPING | _MAKING


def is_arithmetic(operation: Any) -> bool:
    """Tell whether an operation works value by value or only gathers values."""
    return name(operation) in {"add", "sub", "mul", "div", "cat", "stack", "rsub", "clamp", "pow"}


def has_kernel(operation: Any) -> bool:
    """Tell whether an operation is what makes a layer of a network deep: a kernel to learn."""
    return name(operation) in {"convolution", "addmm", "mm", "bmm", "baddbmm"}


def arguments(operation: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operation's arguments by name, defaults included."""
    schema = operation._schema.arguments
    given = {a.name: a.default_value for a in schema if a.has_default_value()}
    return given | {a.name: value for a, value in zip(schema, args, strict=False)} | dict(kwargs)


def macs(operation: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> int:
    """Return the multiply–accumulates of one operation, by the convention above."""
    called = name(operation)
    if called == "convolution":
        given = arguments(operation, args, kwargs)
        source, weight = given["input"], given["weight"]
        # A weight meets one value per position: of the output, or of the input if transposed.
        positions = (source if given["transposed"] else out).shape[2:].numel()
        return int(source.shape[0] * positions * weight.numel())
    if called in {"mm", "bmm"}:
        return int(out.numel() * args[0].shape[-1])
    if called in {"addmm", "baddbmm"}:
        return int(out.numel() * args[1].shape[-1])
    count: Callable[..., int] | None = flop_registry.get(operation.overloadpacket)
    # torch counts attention in FLOPs: two for each multiply–accumulate.
    return count(*args, **kwargs, out_val=out) // 2 if count else 0


def window(operation: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Window | None:
    """Return the sliding window of a two-dimensional convolution or pooling, or None."""
    called = name(operation)
    given = arguments(operation, args, kwargs)
    if called == "convolution" and given["weight"].dim() == 4 and not given["transposed"]:
        return Window(
            _pair(given["weight"].shape[2:]),
            _pair(given["stride"]),
            _pair(given["padding"]),
            _pair(given["dilation"]),
            int(given["groups"]),
        )
    if called in _SLIDING:
        kernel = _pair(given["kernel_size"])
        stride = _pair(given["stride"] or kernel)
        return Window(kernel, stride, _pair(given["padding"]), _pair(given.get("dilation", 1)))
    if called in _SHARING or _is_global_mean(called, given):
        height, width = (int(n) for n in args[0].shape[-2:])
        rows, columns = (1, 1) if called == "mean" else _pair(given["output_size"])
        if height % rows or width % columns:
            return None  # windows of different sizes: there is no one kernel to name
        shared = (height // rows, width // columns)
        return Window(shared, shared)
    return None


def field(
    operation: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    out: Tensor,
    fields: list[ReceptiveField],
) -> ReceptiveField | None:
    """Return what the output's positions see of the picture.

    Args:
        operation: The operation, as torch's dispatcher hands it over.
        args: Its arguments.
        kwargs: Its arguments by name.
        out: Its (first) output.
        fields: What each of the operation's inputs sees.

    Returns:
        The receptive field, or None where it cannot be followed.
    """
    called = name(operation)
    source = fields[0]
    for other in fields[1:]:
        joined = source.join(other)
        if joined is None:
            return None
        source = joined
    given = arguments(operation, args, kwargs)
    if called in _SHARING or _is_global_mean(called, given):
        rows, columns = (1, 1) if called == "mean" else _pair(given["output_size"])
        return ReceptiveField(source.rows.pool_to(rows), source.columns.pool_to(columns))
    slid = window(operation, args, kwargs)
    if slid is not None:
        return _slide(source, slid, out)
    if called == "constant_pad_nd":
        left, right, top, bottom = (*given["pad"], 0, 0, 0, 0)[:4]
        return ReceptiveField(source.rows.pad(top, bottom), source.columns.pad(left, right))
    if called in {"addmm", "mm"}:
        return source.gathered()
    if called in {"view", "_unsafe_view", "reshape"} and out.dim() == 2:
        return source.gathered()  # flattened: what follows looks at every position
    pointwise = torch.Tag.pointwise in operation.tags
    faithful = pointwise or called in _RESHAPING | _NORMS or called in {"cat", "_softmax"}
    flat = out.dim() == 2 and source.shape == (1, 1)
    keeps_shape = flat or tuple(out.shape[-2:]) == source.shape
    return source if faithful and keeps_shape else None


def _slide(source: ReceptiveField, slid: Window, out: Tensor) -> ReceptiveField:
    axes: list[Axis] = []
    for i, axis in enumerate((source.rows, source.columns)):
        axes.append(
            axis.slide(
                kernel=slid.kernel[i],
                stride=slid.stride[i],
                padding=slid.padding[i],
                dilation=slid.dilation[i],
                positions=int(out.shape[i - 2]),
            )
        )
    return ReceptiveField(*axes)


def _is_global_mean(called: str, given: Mapping[str, Any]) -> bool:
    if called != "mean" or given["self"].dim() != 4:
        return False
    return {d % 4 for d in given.get("dim") or ()} == {2, 3}


def _pair(value: Any) -> Pair:
    numbers = [value] if isinstance(value, int) else list(value)
    return int(numbers[0]), int(numbers[-1])
