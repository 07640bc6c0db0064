"""What each operation does to the positions that its inputs hold.

`axis` says what happens to what positions see, `positions` where they lie in a tensor; here is what
an operation asks of the two. One that is not known here and does not work value by value ends what
can be followed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import torch

from convviz.language import later
from convviz.structure import ops
from convviz.structure.axis import Axis
from convviz.structure.position_views import (
    CONSTANT,
    REGROUPING,
    SAME,
    Known,
    cut_of,
    cut_out,
    order_of,
)
from convviz.structure.positions import (
    COLUMNS,
    ROWS,
    Dimension,
    Factor,
    Positions,
    concatenated,
    joined,
)
from convviz.structure.trace import Operation, Shape

Rule = Callable[[Operation, Sequence[Known]], Known]

# What made every position depend on the whole image; told where it is shown.
_SHARED = later("a value that all positions share")
_COMPUTED = later("kernels that are computed from the image")
_GROUP_NORM = later("the statistics of a group norm")
_LAYER_NORM = later("the statistics of a layer norm")
_RMS_NORM = later("the statistics of an RMS norm")
_OWN_STATISTICS = later("a norm that takes the image's own statistics")
_SOFTMAX = later("a softmax over all positions")
_ATTENTION = later("attention")
_SORTING = later("a sorting of all positions")
_FOURIER = later("a Fourier transform")
_CHOSEN = later("places that are computed from the image")


def after(operation: Operation, inputs: Sequence[Known]) -> Sequence[Known]:
    """Return what is known of an operation's outputs.

    Args:
        operation: The operation.
        inputs: What is known of each value that it reads.
    """
    count = len(operation.outputs)
    known = [each for each in inputs if isinstance(each, Positions)]
    if not known or ops.only_takes_shape(operation.name):
        unknown = None in inputs and not ops.only_takes_shape(operation.name)
        return [None if unknown else CONSTANT] * count
    if None in inputs:
        return [None] * count
    cuts = [cut_of(operation, i) for i in range(count)]
    if cuts[0] is not None:
        return [cut_out(known[0], operation, cut) for cut in cuts]
    rule = _RULES.get(operation.name, _by_value)
    result = rule(operation, inputs)
    if operation.name in _POOLED_WITH_INDICES and isinstance(result, Positions):
        windows = rule(operation, [Positions.of_image(operation.inputs[0].shape)])
        axes = windows.axes if isinstance(windows, Positions) else None
        return [result, replace(result, windows=axes)]
    shape = operation.output.shape
    return [result if value.shape == shape else None for value in operation.outputs]


def _known(inputs: Iterable[Known]) -> list[Positions]:
    return [each for each in inputs if isinstance(each, Positions)]


def _by_value(operation: Operation, inputs: Sequence[Known]) -> Known:
    """Follow an operation that works value by value; what it does is not known otherwise."""
    pointwise = torch.Tag.pointwise in operation.function.tags or operation.name in _BY_VALUE
    if not pointwise:
        return None
    return joined(_known(inputs), operation.output.shape, _SHARED, operation.call)


_BY_VALUE = frozenset(
    (
        *("hardswish", "hardsigmoid", "hardtanh", "leaky_relu", "elu", "celu", "selu", "softplus"),
        *("softshrink", "hardshrink", "log_sigmoid_forward", "_prelu_kernel", "prelu", "gelu"),
        *("relu", "relu6", "silu", "mish", "threshold", "masked_fill", "where", "lerp", "addcmul"),
        *("addcdiv", "rsub", "pow", "expand", "logical_not", "copysign", "fmax", "fmin", "maximum"),
        *("minimum", "clamp_min", "clamp_max", "native_dropout", "polar", "broadcast_to"),
    )
)


def _same(operation: Operation, inputs: Sequence[Known]) -> Known:
    return _known(inputs)[0]


def _regrouped(operation: Operation, inputs: Sequence[Known]) -> Known:
    return _known(inputs)[0].reshaped(operation.output.shape)


def _permuted(operation: Operation, inputs: Sequence[Known]) -> Known:
    order = order_of(operation)
    return None if order is None else _known(inputs)[0].permuted(order)


def _strided(operation: Operation, inputs: Sequence[Known]) -> Known:
    # PyTorch lays tensors of some formats out anew; other uses choose any numbers.
    return _known(inputs)[0] if operation.output.shape == operation.inputs[0].shape else None


def _copied(operation: Operation, inputs: Sequence[Known]) -> Known:
    source = inputs[1]
    if not isinstance(source, Positions):
        return source
    return joined([source], operation.output.shape)


def _repeated(operation: Operation, inputs: Sequence[Known]) -> Known:
    source, times = _known(inputs)[0], operation.arguments["repeats"]
    for _ in range(len(times) - len(source.dimensions)):
        source = source.with_new(0)
    for i, count in enumerate(times):
        if count > 1:
            source = source.with_dimension(i, (Factor(int(count)), *source.dimensions[i]))
    return source


def _flipped(operation: Operation, inputs: Sequence[Known]) -> Known:
    return _moved(_known(inputs)[0], operation.arguments["dims"], lambda seen, _: seen[::-1])


def _rolled(operation: Operation, inputs: Sequence[Known]) -> Known:
    source, shifts = _known(inputs)[0], list(operation.arguments["shifts"])
    dimensions = list(operation.arguments["dims"])
    if not dimensions:
        return None  # the flattened tensor is rolled

    def roll(seen: Any, i: int) -> Any:
        shift = shifts[i] % len(seen)
        return seen[-shift:] + seen[:-shift] if shift else seen

    return _moved(source, dimensions, roll)


def _moved(source: Positions, dimensions: Sequence[int], move: Callable[[Any, int], Any]) -> Known:
    for i, dimension in enumerate(map(source.index, dimensions)):
        found = source.pure(dimension)
        if found is None:
            return None
        source, axis = found
        if axis is not None:
            along = source.axes[axis]
            source = source.along(axis, replace(along, seen=move(along.seen, i)))
    return source


def _concatenated(operation: Operation, inputs: Sequence[Known]) -> Known:
    shape = operation.output.shape
    dimension = int(operation.arguments.get("dim", 0)) % len(shape)
    parts = [each if isinstance(each, Positions) else None for each in inputs]
    sizes = [1] * len(parts)
    if operation.name == "stack":
        parts = [None if part is None else part.with_new(dimension) for part in parts]
    else:
        sizes = [value.shape[dimension] for value in operation.inputs]
    return concatenated(parts, sizes, dimension, shape)


def _each_axis(
    source: Positions,
    first: int,
    shape: Shape,
    change: Callable[[Axis, int, int], Axis],
) -> Positions | None:
    """Change the positions along the last dimensions of a map, one after another.

    Args:
        source: The map's positions.
        first: The first of these dimensions.
        shape: Shape of the result.
        change: Takes an axis, which of the dimensions it lies in, and how many positions it is to
            have; returns the changed axis.
    """
    for i, dimension in enumerate(range(first, len(shape))):
        positions = shape[dimension]
        found = source.pure(dimension)
        if found is None:
            # Rows and columns in one dimension: nothing but a kernel of 1 can be followed.
            probe = Axis.of_input(positions)
            if change(probe, i, positions) != probe:
                return None
            continue
        source, axis = found
        factors: Dimension = (Factor(positions),) if positions > 1 else ()
        if axis is not None:
            source = source.along(axis, change(source.axes[axis], i, positions))
            factors = (Factor(positions, axis),)
        source = source.with_dimension(dimension, factors)
    return source


def _convolved(operation: Operation, inputs: Sequence[Known]) -> Known:
    arguments, shape = operation.arguments, operation.output.shape
    kernels = arguments["weight"][2:]
    count = len(kernels)
    stride, padding, dilation = (
        _spread(arguments[each], count) for each in ("stride", "padding", "dilation")
    )

    def change(axis: Axis, i: int, positions: int) -> Axis:
        slide = axis.slide_back if arguments.get("transposed") else axis.slide
        return slide(
            kernel=int(kernels[i]),
            stride=stride[i],
            padding=padding[i],
            dilation=dilation[i],
            positions=positions,
        )

    parts = []
    if isinstance(inputs[0], Positions):
        channels: Dimension = (Factor(shape[1]),) if shape[1] > 1 else ()
        source = inputs[0].reduced([1]).with_dimension(1, channels)
        if (set(kernels), set(stride), set(padding)) != ({1}, {1}, {0}):
            found = _each_axis(source, 2, shape, change)
            if found is None:
                return None
            source = found
        parts.append(source)
    for computed in _known(inputs[1:]):  # kernels that depend on the image
        parts.append(_shared(computed, len(shape)))
    return joined(parts, shape, _COMPUTED, operation.call)


def _shared(source: Positions, dimensions: int) -> Positions:
    """Return the positions of something that all of a map depends on, whatever its own shape is."""
    everything = source.reduced(range(len(source.dimensions)))
    return replace(everything, dimensions=((),) * dimensions)


def _pooled(operation: Operation, inputs: Sequence[Known]) -> Known:
    arguments, shape = operation.arguments, operation.output.shape
    count = 3 if "3d" in operation.name else 2
    kernel = _spread(arguments["kernel_size"], count)
    stride = _spread(arguments["stride"] or kernel, count)
    padding = _spread(arguments["padding"], count)
    dilation = _spread(arguments.get("dilation", 1), count)

    def change(axis: Axis, i: int, positions: int) -> Axis:
        return axis.slide(
            kernel=kernel[i],
            stride=stride[i],
            padding=padding[i],
            dilation=dilation[i],
            positions=positions,
        )

    return _each_axis(_known(inputs)[0], len(shape) - count, shape, change)


def _pooled_to(operation: Operation, inputs: Sequence[Known]) -> Known:
    shape = operation.output.shape
    count = 3 if "3d" in operation.name else 2
    source = _known(inputs)[0]
    return _each_axis(source, len(shape) - count, shape, lambda axis, _, n: axis.pool_to(n))


_POOLED_WITH_INDICES = frozenset(("max_pool2d_with_indices", "adaptive_max_pool2d"))


def _unpooled(operation: Operation, inputs: Sequence[Known]) -> Known:
    # A place is filled from whichever window had its largest number there: from any that covers it.
    source, indices = inputs[:2]
    shape = operation.output.shape
    windows = indices.windows if isinstance(indices, Positions) else None
    if not isinstance(source, Positions) or windows is None:
        return None
    if tuple(axis.pixels for axis in windows) != shape[2:]:
        return None  # the indices count along rows of another length
    if source.pure(2) is None or source.pure(3) is None:
        return None

    def change(axis: Axis, i: int, positions: int) -> Axis:
        along = windows[i]
        taps = [
            [number for number, (first, last) in enumerate(along.seen) if first <= place <= last]
            for place in range(positions)
        ]
        start = (Fraction(1, 2) - along.start) / along.jump
        return axis.gather(taps, jump=1 / along.jump, start=start)

    return _each_axis(source, 2, shape, change)


def _padded(operation: Operation, inputs: Sequence[Known]) -> Known:
    pad = operation.arguments.get("pad", operation.arguments.get("padding", ()))
    shape = operation.output.shape
    count = len(pad) // 2

    def change(axis: Axis, i: int, _: int) -> Axis:
        before, after = (int(n) for n in pad[2 * (count - 1 - i) :][:2])
        if operation.name == "constant_pad_nd":
            return axis.pad(before, after)
        last = len(axis.seen) - 1
        indices = range(-before, last + after + 1)
        if "reflection" in operation.name:
            taps = [[last - abs(last - abs(index))] for index in indices]
        else:
            taps = [[min(max(index, 0), last)] for index in indices]
        return axis.gather(taps, jump=Fraction(1), start=Fraction(-before))

    return _each_axis(_known(inputs)[0], len(shape) - count, shape, change)


def _resampled(operation: Operation, inputs: Sequence[Known]) -> Known:
    arguments, shape = operation.arguments, operation.output.shape

    def change(axis: Axis, i: int, positions: int) -> Axis:
        length = len(axis.seen)
        if arguments.get("align_corners"):
            jump = Fraction(length - 1, max(1, positions - 1))
            start = Fraction(0)
        else:
            jump = Fraction(length, positions)
            start = (jump - 1) / 2
        taps = _taps(operation, i, length, positions)
        return axis.gather(taps, jump=jump or Fraction(1, positions), start=start)

    return _each_axis(_known(inputs)[0], 2, shape, change)


_SCALES = {1: ("scales",), 2: ("scales_h", "scales_w"), 3: ("scales_d", "scales_h", "scales_w")}


def _taps(operation: Operation, i: int, length: int, positions: int) -> list[list[int]]:
    """Find what each position of an enlarged map reads, by enlarging maps that are 1 at one place.

    Args:
        operation: The upsampling.
        i: The axis: 0 for the first after the channels.
        length: Positions before.
        positions: Positions after.
    """
    _, *rest = operation.arguments
    count = len(operation.output.shape) - 2
    # The others are 2 long and stay so: with 1, PyTorch's antialiasing goes astray.
    sides = [length if axis == i else 2 for axis in range(count)]
    units = torch.eye(length, dtype=torch.float64, device="cpu")
    maps = units.reshape(1, length, *(n if axis == i else 1 for axis, n in enumerate(sides)))
    arguments = {name: operation.arguments[name] for name in rest}
    if arguments.get("output_size") is not None:
        arguments["output_size"] = [positions if axis == i else 2 for axis in range(count)]
    if arguments.get("scale_factors") is not None:
        scales = arguments["scale_factors"]
        arguments["scale_factors"] = [scales[axis] if axis == i else 1.0 for axis in range(count)]
    for axis, name in enumerate(_SCALES[count]):
        if name in arguments and axis != i:
            arguments[name] = None
    enlarged = operation.function(maps.expand(1, length, *sides).contiguous(), **arguments)
    weights = enlarged.movedim(2 + i, 2).flatten(3)[0, :, :, 0] if count > 1 else enlarged[0]
    return [weights[:, position].nonzero().flatten().tolist() for position in range(positions)]


def _normalised(operation: Operation, inputs: Sequence[Known]) -> Known:
    name, arguments = operation.name, operation.arguments
    source, count = _known(inputs)[0], len(operation.output.shape)
    if name == "native_group_norm":
        return source.mixed(range(1, count), _GROUP_NORM, operation.call)
    if "normalized_shape" in arguments:
        last = range(count - len(arguments["normalized_shape"]), count)
        return source.mixed(last, _RMS_NORM if "rms" in name else _LAYER_NORM, operation.call)
    of_image = arguments.get("training") or "with_update" in name
    if not of_image:
        return source
    others = [i for i in range(count) if i != 1]
    return source.mixed(others, _OWN_STATISTICS, operation.call)


def _softmaxed(operation: Operation, inputs: Sequence[Known]) -> Known:
    source = _known(inputs)[0]
    dimension = source.index(int(operation.arguments["dim"]))
    return source.mixed([dimension], _SOFTMAX, operation.call)


def _accumulated(operation: Operation, inputs: Sequence[Known]) -> Known:
    # Each position sees all up to itself.
    def accumulate(axis: Axis) -> Axis:
        taps = [range(position + 1) for position in range(len(axis.seen))]
        return axis.gather(taps, jump=Fraction(1), start=Fraction(0))

    source = _known(inputs)[0]
    found = source.pure(source.index(int(operation.arguments["dim"])))
    if found is None:
        return None
    source, along = found
    return source if along is None else source.along(along, accumulate(source.axes[along]))


def _sorted(operation: Operation, inputs: Sequence[Known]) -> Known:
    # What comes where depends on all of them.
    source = _known(inputs)[0]
    dimension = source.index(int(operation.arguments["dim"]))
    source = source.mixed([dimension], _SORTING, operation.call)
    count = operation.output.shape[dimension]
    if count != operation.inputs[0].shape[dimension]:  # the largest of them
        source = source.reduced([dimension]).with_dimension(dimension, (Factor(count),))
    return source


def _transformed(operation: Operation, inputs: Sequence[Known]) -> Known:
    # A frequency is made of all positions, and a position of all frequencies.
    source = _known(inputs)[0]
    dimensions = [source.index(int(i)) for i in operation.arguments["dim"]]
    source = source.mixed(dimensions, _FOURIER, operation.call)
    before, after = operation.inputs[0].shape, operation.output.shape
    for i in dimensions:
        if before[i] != after[i]:  # of real numbers half of the frequencies do
            source = source.reduced([i]).with_dimension(i, (Factor(after[i]),))
    return source


def _in_parts(operation: Operation, inputs: Sequence[Known]) -> Known:
    # Complex numbers as pairs of real ones.
    source = _known(inputs)[0]
    return source.with_new(len(source.dimensions), 2)


def _reduced(operation: Operation, inputs: Sequence[Known]) -> Known:
    source, arguments = _known(inputs)[0], operation.arguments
    asked = arguments.get("dim")
    if asked is None or asked == ():
        asked = range(len(source.dimensions))
    dimensions = {source.index(i) for i in ([asked] if isinstance(asked, int) else asked)}
    source = source.reduced(dimensions)
    if len(operation.output.shape) < len(source.dimensions):
        for dimension in sorted(dimensions, reverse=True):
            source = source.without(dimension)
    return source


def _multiplied(operation: Operation, inputs: Sequence[Known]) -> Known:
    shape = operation.output.shape
    *added, one, two = inputs
    parts = [*_known(added)]
    if operation.name in {"mv", "addmv", "dot", "vdot"}:
        for each in _known((one, two)):
            last = len(each.dimensions) - 1
            parts.append(each.reduced([last]).without(last))
        return joined(parts, shape)
    before, last = len(shape) - 2, len(shape) - 1
    if isinstance(one, Positions):
        parts.append(one.reduced([last]))
    if isinstance(two, Positions):
        two = two.reduced([before])
        if isinstance(one, Positions):
            two = two.reduced([last])  # every pair of positions meets
        parts.append(two)
    return joined(parts, shape, _ATTENTION, operation.call)


def _attended(operation: Operation, inputs: Sequence[Known]) -> Known:
    shape = operation.output.shape
    before, last = len(shape) - 2, len(shape) - 1
    query, *others = inputs
    parts = [query.reduced([last])] if isinstance(query, Positions) else []
    parts += [each.reduced([before, last]) for each in _known(others[:2])]
    parts += [_shared(each, len(shape)) for each in _known(others[2:])]
    return joined(parts, shape, _ATTENTION, operation.call)


def _attended_whole(operation: Operation, inputs: Sequence[Known]) -> Known:
    # PyTorch runs a transformer's attention, or its whole layer, as one operation where it can.
    return _known(inputs)[0].mixed([1], _ATTENTION, operation.call)


def _unfolded(operation: Operation, inputs: Sequence[Known]) -> Known:
    arguments, source = operation.arguments, _known(inputs)[0]
    dimension, size = source.index(int(arguments["dimension"])), int(arguments["size"])
    found = source.pure(dimension)
    if found is None:
        return None
    source, axis = found
    count = operation.output.shape[dimension]
    if axis is None:
        source = source.with_dimension(dimension, (Factor(count),))
    else:
        step = int(arguments["step"])
        along = source.axes[axis].slide(
            kernel=size, stride=step, padding=0, dilation=1, positions=count
        )
        source = source.along(axis, along).with_dimension(dimension, (Factor(count, axis),))
    return source.with_new(len(source.dimensions), size)


def _columns(operation: Operation, inputs: Sequence[Known]) -> Known:
    # Patches of a map as columns, or a map put together from such.
    arguments, source, shape = operation.arguments, _known(inputs)[0], operation.output.shape
    kernel, dilation, padding, stride = (
        _spread(arguments[each], 2) for each in ("kernel_size", "dilation", "padding", "stride")
    )
    back = operation.name == "col2im"
    height, width = shape[2:] if back else operation.inputs[0].shape[2:]
    patches = [
        (length + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
        for i, length in enumerate((height, width))
    ]

    def change(axis: Axis, i: int, positions: int) -> Axis:
        slide = axis.slide_back if back else axis.slide
        return slide(
            kernel=kernel[i],
            stride=stride[i],
            padding=padding[i],
            dilation=dilation[i],
            positions=positions,
        )

    before = operation.inputs[0].shape
    maps: Positions | None = source
    if back:
        maps = source.reshaped((*before[:2], *patches))
    if maps is None:
        return None
    maps = maps.reduced([1]).with_dimension(1, (Factor(shape[1]),))
    found = _each_axis(maps, 2, shape if back else (*shape[:2], *patches), change)
    return found if back or found is None else found.reshaped(shape)


def _shuffled(operation: Operation, inputs: Sequence[Known]) -> Known:
    source, shape = _known(inputs)[0], operation.output.shape
    *others, channels, height, width = operation.inputs[0].shape
    n = len(others)
    if operation.name == "pixel_shuffle":
        r = int(operation.arguments["upscale_factor"])
        apart: Shape = (*others, channels // r**2, r, r, height, width)
        order = [*range(n), n, n + 3, n + 1, n + 4, n + 2]
    else:
        r = int(operation.arguments["downscale_factor"])
        apart = (*others, channels, height // r, r, width // r, r)
        order = [*range(n), n, n + 2, n + 4, n + 1, n + 3]
    divided = source.reshaped(apart)
    return None if divided is None else divided.permuted(order).reshaped(shape)


def _indexed(operation: Operation, inputs: Sequence[Known]) -> Known:
    source, *indices = inputs
    if _known(indices) or not isinstance(source, Positions):
        return None
    shape = operation.output.shape
    if operation.name == "index_select":
        asked = {source.index(int(operation.arguments["dim"])): operation.arguments["index"]}
    else:
        given = operation.arguments["indices"]
        asked = {i: index for i, index in enumerate(given) if index is not None}
    if len(asked) > 1 or any(source.has_places(i) for i in asked):
        return None
    for i, index in asked.items():
        source = source.without(i)
        for k in range(len(index) or (1 if operation.name == "index_select" else 0)):
            source = source.with_new(i + k, shape[i + k])
    return source


def _gathered(operation: Operation, inputs: Sequence[Known]) -> Known:
    # Which are taken depends on what was taken for: it may be any of them.
    source, index = inputs
    if not isinstance(source, Positions) or not isinstance(index, Positions):
        return None
    dimension = source.index(int(operation.arguments["dim"]))
    parts = [source.reduced([dimension]), index]
    return joined(parts, operation.output.shape, _CHOSEN, operation.call)


def _grid(operation: Operation, inputs: Sequence[Known]) -> Known:
    # Every place of it is computed from the few numbers of one transformation.
    shape = operation.output.shape
    return joined([_shared(_known(inputs)[0], len(shape))], shape)


def _sampled(operation: Operation, inputs: Sequence[Known]) -> Known:
    # Where it is read depends on the image: it may be anywhere.
    source, *places = inputs
    if not isinstance(source, Positions) or not _known(places):
        return None
    shape = operation.output.shape
    if len(shape) != 4:
        return None
    axes = []
    for axis in (ROWS, COLUMNS):
        parts = [each.axes[axis].pool_to(1) for each in (source, *_known(places))]
        along = functools.reduce(Axis.join, parts).spread(shape[2 + axis])
        axes.append(replace(along, whole=True))
    by, call = (source.mixed_by, source.mixed_in) if source.mixed_by else (_CHOSEN, operation.call)
    maps = Positions.of_image(shape)
    return replace(maps, axes=(axes[0], axes[1]), mixed_by=by, mixed_in=call)


def _put(operation: Operation, inputs: Sequence[Known]) -> Known:
    indices = operation.arguments["indices"]
    if len(indices) != 1 or indices[0] != operation.inputs[0].shape:
        return None
    source, mask, *_ = inputs  # a mask, where the same numbers are put everywhere
    if operation.arguments["values"]:
        return None
    return joined(_known((source, mask)), operation.output.shape)


def _gated(operation: Operation, inputs: Sequence[Known]) -> Known:
    source = _known(inputs)[0]
    dimension = source.index(int(operation.arguments["dim"]))
    if source.has_places(dimension):
        return None
    return source.with_dimension(dimension, (Factor(operation.output.shape[dimension]),))


def _spread(value: Any, count: int) -> list[int]:
    """Return one number for each axis of an argument that may be one for all."""
    numbers = [value] if isinstance(value, int) else list(value)
    return [int(number) for number in (numbers * count if len(numbers) == 1 else numbers)]


_RULES: dict[str, Rule] = {
    **dict.fromkeys(REGROUPING, _regrouped),
    **dict.fromkeys(SAME, _same),
    **dict.fromkeys(("permute", "transpose", "t", "numpy_T"), _permuted),
    **dict.fromkeys(("as_strided", "resize"), _strided),
    "copy": _copied,
    "repeat": _repeated,
    "flip": _flipped,
    "roll": _rolled,
    **dict.fromkeys(("cat", "stack"), _concatenated),
    **dict.fromkeys(("convolution", "_convolution"), _convolved),
    **dict.fromkeys(("avg_pool2d", "avg_pool3d"), _pooled),
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices"), _pooled),
    **dict.fromkeys(("_adaptive_avg_pool2d", "_adaptive_avg_pool3d"), _pooled_to),
    **dict.fromkeys(("adaptive_max_pool2d", "adaptive_max_pool3d"), _pooled_to),
    "max_unpool2d": _unpooled,
    "constant_pad_nd": _padded,
    **{f"{kind}_pad{n}d": _padded for kind in ("reflection", "replication") for n in (1, 2, 3)},
    **dict.fromkeys(
        (
            *("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"),
            *("_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "upsample_linear1d"),
            *("upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d"),
            *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "_upsample_lanczos2d_aa"),
        ),
        _resampled,
    ),
    **dict.fromkeys(
        (
            *("native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm"),
            *("_native_batch_norm_legit_no_training", "_batch_norm_no_update"),
            *("_batch_norm_with_update", "_native_batch_norm_legit_functional"),
            *("native_group_norm", "native_layer_norm", "_fused_rms_norm", "rms_norm"),
        ),
        _normalised,
    ),
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), _softmaxed),
    **dict.fromkeys(("cumsum", "cumprod", "logcumsumexp", "cummax", "cummin"), _accumulated),
    **dict.fromkeys(("sort", "topk"), _sorted),
    **dict.fromkeys(("_fft_r2c", "_fft_c2c", "_fft_c2r"), _transformed),
    "view_as_real": _in_parts,
    **dict.fromkeys(
        (
            *("mean", "sum", "amax", "amin", "max", "min", "prod", "any", "all", "logsumexp"),
            *("var", "std", "var_mean", "std_mean", "linalg_vector_norm", "norm", "median"),
            *("argmax", "argmin", "aminmax"),
        ),
        _reduced,
    ),
    **dict.fromkeys(("mm", "bmm", "addmm", "baddbmm", "mv", "addmv", "dot", "vdot"), _multiplied),
    **dict.fromkeys(
        (
            *("_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention"),
            *("_scaled_dot_product_flash_attention_for_cpu", "scaled_dot_product_attention"),
            *("_scaled_dot_product_cudnn_attention", "_scaled_dot_product_attention_math"),
            "_scaled_dot_product_fused_attention_overrideable",
        ),
        _attended,
    ),
    **dict.fromkeys(
        ("_native_multi_head_attention", "_transformer_encoder_layer_fwd"), _attended_whole
    ),
    "unfold": _unfolded,
    **dict.fromkeys(("im2col", "col2im"), _columns),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), _shuffled),
    **dict.fromkeys(("index", "index_select"), _indexed),
    "index_put": _put,
    "gather": _gathered,
    "affine_grid_generator": _grid,
    **dict.fromkeys(("grid_sampler_2d", "cudnn_grid_sampler", "deform_conv2d"), _sampled),
    "glu": _gated,
}
