"""PyTorch's basic operations: their names, kinds, sliding windows and multiply–accumulates.

A network is followed at the level where every module and every function call (``F.relu``,
``torch.cat``, ``x @ w``) has become one of these operations, so that none is missed. Each has a
function in PyTorch's dispatcher, a name (``relu``) and arguments by the names of its schema, with
shapes instead of tensors.

Convention for MACs, used in the whole project: one multiply–accumulate for every product of a
weight and a value in a convolution, a fully connected layer or a matrix product. Adding the bias,
ReLU, pooling and normalisation do not multiply by a learned kernel and count 0. A FLOP count is
twice the MACs. A bilinear layer multiplies each weight by two values: one multiply–accumulate too,
since the product of the two values is no product with a weight.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.flop_counter import flop_registry

from convviz.language import in_english, later, tr

_KINDS: tuple[tuple[type[nn.Module] | tuple[type[nn.Module], ...], str], ...] = (
    (nn.modules.conv._ConvTransposeNd, later("transposed convolution")),
    (nn.modules.conv._ConvNd, later("convolution")),
    (nn.modules.batchnorm._BatchNorm, later("batch norm")),
    (nn.modules.instancenorm._InstanceNorm, later("instance norm")),
    (nn.GroupNorm, later("group norm")),
    (nn.LayerNorm, later("layer norm")),
    (nn.LocalResponseNorm, later("local response normalisation")),
    (nn.ReLU, later("ReLU")),
    ((nn.MaxPool2d, nn.AdaptiveMaxPool2d, nn.FractionalMaxPool2d), later("max pooling")),
    ((nn.AvgPool2d, nn.AdaptiveAvgPool2d), later("average pooling")),
    (nn.Linear, later("linear")),
    (nn.modules.dropout._DropoutNd, later("dropout")),
    (nn.Flatten, later("flatten")),
    (nn.Identity, later("identity")),
    (nn.Softmax, later("softmax")),
    (nn.Bilinear, later("bilinear")),
    (nn.MultiheadAttention, later("attention")),
)


def kind_of(module: nn.Module) -> str:
    """Return the kind of a module without parts, in plain words."""
    for classes, kind in _KINDS:
        if isinstance(module, classes):
            return kind
    return class_of(module).__name__


def kind_text(kind: str) -> str:
    """Tell a kind in the reader's language: "convolution + ReLU"; names of classes stay.

    Args:
        kind: As a layer, or a row of costs, has it.
    """
    text, *others = (tr(word) if word in _TOLD else word for word in kind.split(" + "))
    for other in others:
        text = tr("{kind} + {other}", kind=text, other=other)
    return text


def part_title(layer: str, kind: str) -> str:
    """Name a part of a layer by its kind, "conv1 · batch norm", in English.

    Args:
        layer: The layer's own title.
        kind: Of the part, which `again` tells in the reader's language.
    """
    return in_english(tr("{layer} · {kind}", layer=layer, kind=kind_text(kind)))


def class_of(module: nn.Module) -> type[nn.Module]:
    """Return a module's class, without what computes its weights: Conv2d for a normed Conv2d."""
    kind: type[nn.Module] = parametrize.type_before_parametrizations(module)
    return kind


def parts(module: nn.Module) -> list[nn.Module]:
    """Return the modules inside a module, without those that compute its own weights."""
    computing = module.parametrizations if parametrize.is_parametrized(module) else None
    return [part for part in module.children() if part is not computing]


def computes_its_weights(module: nn.Module) -> bool:
    """Whether a module's weights are computed from others in each pass.

    PyTorch's weight_norm, spectral_norm and prune do so, in a hook or as a parametrization.
    """
    hooks = module._forward_pre_hooks.values()
    return parametrize.is_parametrized(module) or any(map(is_weight_hook, hooks))


def is_weight_hook(hook: object) -> bool:
    """Whether a hook is one of PyTorch's that compute a module's weights before it runs."""
    return type(hook).__module__.startswith("torch.nn.utils.")


def weight_of(module: nn.Module) -> Tensor:
    """Return the weight that a layer multiplies by, computed from others where it is.

    A hook computes it only when the layer runs, so that after a file of weights has been loaded the
    layer still holds the one of before.
    """
    hooks = [hook for hook in module._forward_pre_hooks.values() if is_weight_hook(hook)]
    with torch.no_grad():
        if hooks:
            module = copy.copy(module).eval()  # which shares its tensors
            for hook in hooks:
                hook(module, ())
        weight: Tensor = module.weight.detach()  # type: ignore[operator]  # a tensor, by hooks too
    return weight


def is_norm(module: nn.Module) -> bool:
    """Whether a module shifts and scales its channels, by its kind or its class's name."""
    return "norm" in type(module).__name__.lower() and not isinstance(module, nn.LocalResponseNorm)


Pair = tuple[int, int]
Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Window:
    """The kernel of a convolution or pooling, each as (rows, columns)."""

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1


# The kinds of operations in plain words, and the functions that users call.
WORDS = {
    "convolution": later("convolution"),
    "addmm": later("linear"),
    "mm": later("matrix product"),
    "bmm": later("matrix product"),
    "baddbmm": later("matrix product"),
    "relu": later("ReLU"),
    "cat": later("concatenation"),
    "stack": later("concatenation"),
    "add": later("addition"),
    "sub": later("subtraction"),
    "mul": later("multiplication"),
    "div": later("division"),
    "max_pool2d_with_indices": later("max pooling"),
    "avg_pool2d": later("average pooling"),
    "_adaptive_avg_pool2d": later("average pooling"),
    "mean": later("average pooling"),
    "adaptive_max_pool2d": later("max pooling"),
    "native_batch_norm": later("batch norm"),
    "_native_batch_norm_legit_no_training": later("batch norm"),
    "_softmax": later("softmax"),
    "_log_softmax": later("softmax"),
    "native_dropout": later("dropout"),
    "_trilinear": later("bilinear"),
}
# Of modules with parts, of a step that is none of these, and of tokens.
SUM, PRODUCT, BLOCK, LAYER = later("sum"), later("product"), later("block"), later("layer")
INPUT_TRANSFORM = later("input transform")
CLASS_TOKEN, HEADS = later("class token"), later("heads of the attention")
HEADS_TITLE = later("heads")
_TOLD = {
    *WORDS.values(),
    *(kind for _, kind in _KINDS),
    *(SUM, PRODUCT, BLOCK, LAYER, INPUT_TRANSFORM, CLASS_TOKEN, HEADS, HEADS_TITLE),
}
CALLS = {
    "convolution": "conv2d",
    "addmm": "linear",
    "max_pool2d_with_indices": "max_pool2d",
    "_adaptive_avg_pool2d": "adaptive_avg_pool2d",
    "_softmax": "softmax",
    "_log_softmax": "log_softmax",
    "_trilinear": "bilinear",
}


# Poolings that slide a window, and those that divide a map evenly among their outputs.
_SLIDING = {"max_pool2d_with_indices", "avg_pool2d"}
_ADAPTIVE = {"_adaptive_avg_pool2d", "adaptive_max_pool2d"}

_RESHAPING = {
    *("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze", "select", "slice", "expand"),
    *("permute", "transpose", "t", "alias", "detach", "clone", "split", "unbind", "chunk"),
    *("split_with_sizes", "_to_copy", "contiguous", "as_strided", "lift_fresh", "_reshape_alias"),
}
_CREATING = {
    "empty",
    "zeros",
    "ones",
    "full",
    "arange",
    "scalar_tensor",
    "empty_like",
    "zeros_like",
}

# Of one value, and number by number; what weighs each channel by a number of its own is one too.
_EACH_CHANNEL = {
    *("relu", "hardtanh", "clamp", "clamp_min", "clamp_max", "threshold", "leaky_relu", "elu"),
    *("celu", "gelu", "silu", "mish", "sigmoid", "tanh", "hardswish", "hardsigmoid", "softplus"),
    *("prelu", "_prelu_kernel", "abs", "neg", "pow", "add", "sub", "mul", "div", "dropout"),
    *("native_dropout", "native_group_norm", "constant_pad_nd", "reflection_pad2d"),
    *("replication_pad2d", "clone", "alias", "detach", "contiguous", "_to_copy", "slice"),
}


@functools.cache  # of the dispatcher's operations, which PyTorch looks up in Python
def name(function: Any) -> str:
    """Return an operation's plain name: ``relu`` for ``aten.relu_.default``."""
    return str(function.overloadpacket.__name__).removesuffix("_")


def arguments(function: Any, args: tuple[Any, ...], kwargs: Arguments) -> dict[str, Any]:
    """Return an operation's arguments by name, in the order of its schema, defaults included.

    Args:
        function: The operation.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """
    schema = _schema(function)
    values = {a.name: value for a, value in zip(schema, args, strict=False)} | dict(kwargs)
    return {
        a.name: values.get(a.name, a.default) for a in schema if a.name in values or a.has_default
    }


def run(function: Any, arguments: Arguments) -> Any:
    """Run an operation on arguments by the names of its schema, as `arguments` returns them."""
    args, kwargs = _as_called(function, arguments)
    return function(*args, **kwargs)


def _as_called(function: Any, arguments: Arguments) -> tuple[list[Any], dict[str, Any]]:
    keywords = {a.name for a in function._schema.arguments if a.kwarg_only}
    args = [value for key, value in arguments.items() if key not in keywords]
    return args, {key: value for key, value in arguments.items() if key in keywords}


def written(function: Any) -> tuple[str, ...]:
    """Return the names of the arguments that an operation writes to.

    Args:
        function: The operation.
    """
    return tuple(argument.name for argument in _schema(function) if argument.is_written)


@dataclass(frozen=True)
class _Argument:
    """One argument of an operation's schema, which PyTorch makes anew whenever it is asked."""

    name: str
    has_default: bool
    default: Any
    is_written: bool


@functools.cache
def _schema(function: Any) -> tuple[_Argument, ...]:
    return tuple(
        _Argument(
            name=argument.name,
            has_default=argument.has_default_value(),
            default=argument.default_value,
            is_written=argument.alias_info is not None and argument.alias_info.is_write,
        )
        for argument in function._schema.arguments
    )


def is_bookkeeping(name: str) -> bool:
    """Tell whether an operation only creates or reshapes tensors: not a row of a table."""
    return name in _RESHAPING or name in _CREATING


def is_batch_norm(name: str) -> bool:
    """Tell whether an operation is a batch norm, under any of PyTorch's names for it."""
    return "batch_norm" in name


def is_arithmetic(name: str) -> bool:
    """Tell whether an operation works value by value or only gathers values."""
    return name in {"add", "sub", "mul", "div", "cat", "stack", "rsub", "clamp", "pow"}


def kernels(name: str) -> int:
    """Count the kernels that an operation applies one after another, for the depth.

    Whether they are learned depends on what it reads. PyTorch runs a transformer's whole layer, or
    its attention, as one operation where it can.
    """
    return _KERNELS.get(name, 0)


def rectifies(name: str, arguments: Arguments) -> bool:
    """Tell whether an operation replaces negative numbers by zero."""
    match name:
        case "relu":
            return True
        case "clamp" | "clamp_min":
            return bool(arguments["min"] == 0)
        case "hardtanh":
            return bool(arguments["min_val"] == 0)
        case "threshold":
            return bool(arguments["threshold"] == 0 and arguments["value"] == 0)
        case "leaky_relu":
            return bool(arguments["negative_slope"] == 0)
    return False


def is_positive_mask(name: str, arguments: Arguments) -> bool:
    """Tell whether an operation marks the numbers above 0: ``y > 0``, or ``y >= 0``."""
    return name in {"gt", "ge"} and arguments.get("other") == 0


def is_negative_mask(name: str, arguments: Arguments) -> bool:
    """Tell whether an operation marks the numbers below 0: ``y < 0``, or ``y <= 0``."""
    return name in {"lt", "le"} and arguments.get("other") == 0


def keeps_channels(name: str) -> bool:
    """Tell whether an operation that reads one value works on each of its channels by itself.

    Pooling, norms, activation functions, and what scales or copies, do. Padding, cutting and
    resizing do where the number of channels stays.
    """
    return name in _EACH_CHANNEL or is_batch_norm(name) or "pool2d" in name or "upsample" in name


def only_takes_shape(name: str) -> bool:
    """Tell whether an operation makes a tensor like another one, without reading its numbers."""
    return name.endswith("_like") or name.startswith("new_")


def makes_zeros(name: str, arguments: Arguments) -> bool:
    """Tell whether an operation makes a tensor that is 0 everywhere."""
    if name in {"zeros", "zeros_like", "new_zeros", "zero"}:
        return True
    filled = {"full": "fill_value", "full_like": "fill_value", "new_full": "fill_value"}
    filled |= {"scalar_tensor": "s", "fill": "value"}
    return name in filled and arguments.get(filled[name]) == 0


def ceiling(name: str, arguments: Arguments) -> float | None:
    """Return the largest number that a ReLU lets through, 6 for a ReLU6; None for no limit."""
    limit = arguments.get("max_val" if name == "hardtanh" else "max")
    return float(limit) if isinstance(limit, int | float) else None


_KERNELS = {
    **dict.fromkeys(("convolution", "addmm", "mm", "bmm", "baddbmm", "mv", "addmv"), 1),
    **dict.fromkeys(("_trilinear", "mkldnn_rnn_layer"), 1),
    "_native_multi_head_attention": 2,
    "_transformer_encoder_layer_fwd": 4,
}


def _count(shape: Sequence[int]) -> int:
    return prod(shape)


def _bilinear_macs(arguments: Arguments) -> int:
    # Its inputs are i1 (N, in1) and i3 (N, in2), its weight i2 (out, in1, in2).
    return _count(arguments["i1"][:-1]) * _count(arguments["i2"])


def _recurrent_macs(arguments: Arguments) -> int:
    # One layer of an LSTM on the CPU: at each step the input and the last state are weighed.
    steps = _count(arguments["input"][:-1])
    return steps * (_count(arguments["weight0"]) + _count(arguments["weight1"]))


def _attention_macs(tokens: tuple[int, ...], qkv: Sequence[int], projection: Sequence[int]) -> int:
    # Each of the T × T pairs of tokens costs C products for its weight, and C for the sum.
    *batch, count, channels = tokens
    pairs = 2 * _count(batch) * count**2 * channels
    return pairs + _count(tokens[:-1]) * (_count(qkv) + _count(projection))


def _attention_layer_macs(arguments: Arguments) -> int:
    return _attention_macs(arguments["query"], arguments["qkv_weight"], arguments["proj_weight"])


def _encoder_layer_macs(arguments: Arguments) -> int:
    tokens = arguments["src"]
    ffn = _count(arguments["ffn_weight_1"]) + _count(arguments["ffn_weight_2"])
    attention = _attention_macs(tokens, arguments["qkv_weight"], arguments["proj_weight"])
    return attention + _count(tokens[:-1]) * ffn


# What PyTorch's own counter leaves out.
_MACS: dict[str, Callable[[Arguments], int]] = {
    "_trilinear": _bilinear_macs,
    "mkldnn_rnn_layer": _recurrent_macs,
    "mv": lambda arguments: prod(arguments["self"]),
    "addmv": lambda arguments: prod(arguments["mat"]),
    "dot": lambda arguments: prod(arguments["self"]),
    "_native_multi_head_attention": _attention_layer_macs,
    "_transformer_encoder_layer_fwd": _encoder_layer_macs,
}


def macs(function: Any, arguments: Arguments, output: tuple[int, ...]) -> int:
    """Return the multiply–accumulates of one operation, by the convention above.

    Args:
        function: The operation.
        arguments: Its arguments.
        output: Shape of its output.
    """
    if name(function) in _MACS:
        return _MACS[name(function)](arguments)
    # PyTorch counts attention under each device's name for it, except the CPU's.
    operation = name(function).removesuffix("_for_cpu")
    count = flop_registry.get(getattr(torch.ops.aten, operation, function.overloadpacket))
    if count is None:
        return 0
    args, kwargs = _as_called(function, arguments)
    # PyTorch counts FLOPs: two for each multiply–accumulate.
    return int(count(*args, **kwargs, out_val=output)) // 2


def window(name: str, arguments: Arguments) -> Window | None:
    """Return the sliding window of a two-dimensional convolution or pooling, or None."""
    if name == "convolution" and len(arguments["weight"]) == 4 and not arguments["transposed"]:
        return Window(
            pair(arguments["weight"][2:]),
            pair(arguments["stride"]),
            pair(arguments["padding"]),
            pair(arguments["dilation"]),
            int(arguments["groups"]),
        )
    if name in _SLIDING:
        kernel = pair(arguments["kernel_size"])
        stride = pair(arguments["stride"] or kernel)
        dilation = pair(arguments.get("dilation", 1))
        return Window(kernel, stride, pair(arguments["padding"]), dilation)
    outputs = adaptive_output(name, arguments)
    if outputs is None:
        return None
    (height, width), (rows, columns) = arguments["self"][-2:], outputs
    if height % rows or width % columns:
        return None  # windows of different sizes have no common kernel
    kernel = (height // rows, width // columns)
    return Window(kernel, kernel)


def adaptive_output(name: str, arguments: Arguments) -> Pair | None:
    """Return the output rows and columns of a pooling that divides a map evenly among them.

    None for any other operation. A mean over whole maps is such a pooling, to 1 × 1.
    """
    if name in _ADAPTIVE:
        return pair(arguments["output_size"])
    if name == "mean" and len(arguments["self"]) == 4:
        dimensions = {dimension % 4 for dimension in arguments.get("dim") or ()}
        return (1, 1) if dimensions == {2, 3} else None
    return None


def pair(value: int | Sequence[int]) -> Pair:
    """Return (rows, columns) of an argument that may be one number for both."""
    numbers = [value] if isinstance(value, int) else list(value)
    return int(numbers[0]), int(numbers[-1])
