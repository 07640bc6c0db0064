"""What torch's basic operations cost, and what they do to a receptive field.

A network is followed at the level where every module and every function call (``F.relu``,
``torch.cat``, ``x @ w``) has become one of torch's basic operations, so nothing can hide.

Convention for MACs, used in the whole project: one multiply–accumulate for every weight that meets
a value in a convolution, a fully connected layer or a matrix product. Adding the bias, ReLU,
pooling and normalisation multiply nothing by a learned kernel and count 0. A FLOP count is twice
the MACs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.utils.flop_counter import flop_registry

_KINDS: tuple[tuple[type[nn.Module] | tuple[type[nn.Module], ...], str], ...] = (
    (nn.modules.conv._ConvTransposeNd, "transposed convolution"),
    (nn.modules.conv._ConvNd, "convolution"),
    (nn.modules.batchnorm._BatchNorm, "batch norm"),
    (nn.modules.instancenorm._InstanceNorm, "instance norm"),
    (nn.GroupNorm, "group norm"),
    (nn.LayerNorm, "layer norm"),
    (nn.LocalResponseNorm, "local response normalisation"),
    (nn.ReLU, "ReLU"),
    ((nn.MaxPool2d, nn.AdaptiveMaxPool2d, nn.FractionalMaxPool2d), "max pooling"),
    ((nn.AvgPool2d, nn.AdaptiveAvgPool2d), "average pooling"),
    (nn.Linear, "linear"),
    (nn.modules.dropout._DropoutNd, "dropout"),
    (nn.Flatten, "flatten"),
    (nn.Identity, "identity"),
    (nn.Softmax, "softmax"),
)


def kind_of(module: nn.Module) -> str:
    """Say in plain words what a module without parts does."""
    for classes, words in _KINDS:
        if isinstance(module, classes):
            return words
    return type(module).__name__


def is_norm(module: nn.Module) -> bool:
    """Whether a module shifts and scales its channels, by its kind or its class's name."""
    return "norm" in type(module).__name__.lower() and not isinstance(module, nn.LocalResponseNorm)


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


def _is_global_mean(called: str, given: Mapping[str, Any]) -> bool:
    if called != "mean" or given["self"].dim() != 4:
        return False
    return {d % 4 for d in given.get("dim") or ()} == {2, 3}


def _pair(value: Any) -> Pair:
    numbers = [value] if isinstance(value, int) else list(value)
    return int(numbers[0]), int(numbers[-1])
