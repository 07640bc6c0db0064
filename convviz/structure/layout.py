"""How the axes of a module's output stand for channels, rows and columns.

ConvNets return maps (N, C, H, W). Others do not: ConvNeXt and Swin compute with channels last,
(N, H, W, C); a transformer returns tokens, (N, T, C), in the order of a grid, before which a class
token may stand; and an attention may work in windows, which stand among the images of the batch.
Which axis is which cannot be told from sizes. So it is followed through the trace: the image
has channels, rows and columns; whatever splits, merges, moves or cuts axes on the way does so to
what they stand for. Convolutions, poolings and batch norms are defined on (N, C, H, W), a fully
connected layer on the last axis.

An axis is a product of *factors*, the slowest first: of 56 rows that were split into windows of 7,
one factor counts the 8 windows (in strides of 7 rows) and another one the 7 rows inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from convviz.structure.trace import Operation, Shape, Trace, Value, lookup

_CHANNELS, _ROWS, _COLUMNS, _TOKENS, _OTHER = "channels", "rows", "columns", "tokens", "other"
_PLACES = {_ROWS, _COLUMNS}

# Operations that are defined on (N, C, H, W).
_ON_MAPS = {
    *("convolution", "_convolution", "max_pool2d_with_indices", "max_pool2d", "avg_pool2d"),
    *("_adaptive_avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d"),
    *("fractional_max_pool2d", "native_batch_norm", "_native_batch_norm_legit"),
    *("_native_batch_norm_legit_no_training", "cudnn_batch_norm", "_batch_norm_with_update"),
    *("native_group_norm", "upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d"),
    *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "reflection_pad2d"),
    *("replication_pad2d", "pixel_shuffle", "pixel_unshuffle", "grid_sampler_2d"),
}
_VIEWS = {"view", "_unsafe_view", "reshape", "_reshape_alias", "squeeze", "unsqueeze", "flatten"}
_REDUCTIONS = {"mean", "sum", "amax", "amin", "max", "min"}


class AxisFactor(NamedTuple):
    """One factor of an axis.

    Attributes:
        kind: What it counts: channels, rows, columns, tokens, or something else.
        stride: How many of these lie between two neighbours.
        size: How many neighbours there are.
        tokens: Of tokens, which of them stand for the places of a grid.
    """

    kind: str
    stride: int
    size: int
    tokens: Tokens | None = None


class Tokens(NamedTuple):
    """What an axis of tokens holds.

    Attributes:
        before: How many tokens, such as a class token, come before the grid's.
        after: How many come after them.
        grid: The factors of the grid.
    """

    before: int
    after: int
    grid: tuple[AxisFactor, ...]


Factors = tuple[AxisFactor, ...]  # of one axis
Axes = tuple[Factors, ...]


@dataclass(frozen=True)
class Layout:
    """How a module's output is turned into maps, and back.

    Attributes:
        shape: Of the maps of one image, (C, H, W); (C,) of a vector.
        split: Sizes into which the output's axes are split, −1 for the batch; empty where the
            output is as its maps are.
        order: The order in which the split axes are wanted: batch, channels, rows, columns.
        axes: Sizes of the output's axes, −1 for the one that the batch is in.
        before: How many tokens before the grid's belong to no place, such as a class token.
        after: How many tokens after it do.
        by_columns: Whether the tokens of a grid follow one another down its columns.
        words: What it is called: "channels last", "tokens" or "windows"; "" for plain maps.
    """

    shape: tuple[int, ...]
    split: tuple[int, ...] = ()
    order: tuple[int, ...] = ()
    axes: tuple[int, ...] = ()
    before: int = 0
    after: int = 0
    by_columns: bool = False
    words: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether the output is maps (N, C, H, W), or vectors (N, C), already."""
        return not self.split

    def channels_first(self, output: Tensor) -> Tensor:
        """Bring the channels to the front, (N, C, H, W), or (N, C, T) where not all are places."""
        if self.is_plain:
            return output
        parts = output.reshape(self.split).permute(self.order)
        rest = self.shape[1:] if not self.before + self.after else (-1,)
        return parts.reshape(len(parts), self.shape[0], *rest)

    def restored(self, values: Tensor) -> Tensor:
        """Undo `channels_first`; the number of images may have changed."""
        if self.is_plain:
            return values
        sizes = [self.split[axis] for axis in self.order]
        sizes[0] = len(values)
        inverse = [self.order.index(axis) for axis in range(len(self.order))]
        return values.reshape(sizes).permute(inverse).reshape(self.axes)

    def maps(self, output: Tensor) -> Tensor:
        """Turn an output into maps, (N, C, H, W); a vector stays (N, C). Gradients flow."""
        values = self.channels_first(output)
        if not self.before + self.after:
            return values
        _, height, width = self.shape
        tokens = values.narrow(2, self.before, height * width)
        if self.by_columns:
            return tokens.reshape(*values.shape[:2], width, height).mT
        return tokens.reshape(*values.shape[:2], height, width)

    def class_token(self, output: Tensor) -> Tensor:
        """Take the first token that comes before the grid's, (N, C)."""
        return self.channels_first(output)[:, :, 0]


def layouts_in(trace: Trace) -> dict[int, Layout | None]:
    """Find how what each call returned is turned into maps.

    Returns:
        Position of the call to its layout; None where it returned neither maps, nor tokens that
        stand for places of the image, nor one vector for the image, or what is the same for every
        image.
    """
    axes = _followed(trace)
    return {
        call.position: None
        if call.output is None or call.output not in trace.of_image
        else layout_of(call.output.shape, lookup(axes, call.output))
        for call in trace.calls
    }


def layout_of(shape: Shape, axes: Axes | None) -> Layout | None:
    """Find how a value is turned into maps, given what its axes stand for, if that is known."""
    if not shape or 0 in shape:
        return None
    if len(shape) == 2:
        return Layout(shape[1:]) if shape[0] == 1 else None
    plain = Layout(shape[1:]) if len(shape) == 4 and shape[0] == 1 else None
    if axes is None or _are_maps(axes):
        return plain
    arranged = _arranged(axes, len(shape))
    if plain is None or arranged is not None:
        return arranged
    if [_kind(axis) == _CHANNELS for axis in axes] == [False, False, False, True]:
        # What rows and columns went through may not have been followed; channels come last.
        arranged = _arranged(((), *map(_axis, (_ROWS, _COLUMNS), shape[1:3]), axes[3]), 4)
    return arranged or plain


def _are_maps(axes: Axes) -> bool:
    """Whether the axes are batch, channels, rows and columns, in this order."""
    if len(axes) != 4 or axes[0]:
        return False
    kinds = ({f.kind for f in axis} for axis in axes[1:])
    return all(
        kind <= {wanted} for kind, wanted in zip(kinds, (_CHANNELS, _ROWS, _COLUMNS), strict=True)
    )


def _arranged(axes: Axes, dims: int) -> Layout | None:
    """Bring axes into the order of maps; None where they do not make up maps."""
    batch = next((i for i, axis in enumerate(axes) if not axis), 0) if axes[0] else 0
    split: list[int] = []
    places: dict[str, list[tuple[AxisFactor, int]]] = {kind: [] for kind in (_CHANNELS, *_PLACES)}
    units: list[int] = []
    tokens: tuple[Tokens, int] | None = None
    first = 0
    for i, axis in enumerate(axes):
        if i == batch:
            first = len(split)
            split.append(-1)
        elif not axis:
            units.append(len(split))
            split.append(1)
        for factor in axis:
            if factor.kind in places:
                places[factor.kind].append((factor, len(split)))
            elif factor.tokens is not None and len(axis) == 1 and tokens is None:
                tokens = factor.tokens, len(split)
            else:
                return None
            split.append(factor.size)
    channels = places[_CHANNELS]
    are_places = bool(places[_ROWS] or places[_COLUMNS] or tokens)
    # Numbers of a vector that were laid out as maps, in a decoder, are in the order of maps.
    is_pooled = dims == 4 and sum(_kind(axis) == _CHANNELS for axis in axes) == 1
    if not channels or not (are_places or is_pooled):
        return None
    whole = tuple(-1 if i == batch else _size(axis) for i, axis in enumerate(axes))
    count = prod(factor.size for factor, _ in channels)
    order = [first, *units, *(place for _, place in channels)]
    if tokens is not None:
        (before, after, grid), place = tokens
        size = _grid_size(grid)
        if size is None or places[_ROWS] or places[_COLUMNS]:
            return None
        by_columns = grid[0].kind == _COLUMNS and len(grid) > 1
        order.append(place)
        shape = (count, *size)
        return Layout(shape, tuple(split), tuple(order), whole, before, after, by_columns, "tokens")
    sides = []
    for kind in (_ROWS, _COLUMNS):
        members = sorted(places[kind], key=lambda member: -member[0].stride)
        side = _merged([factor for factor, _ in members])
        if len(side) > 1:
            return None
        sides.append(_size(side))
        order += [place for _, place in members]
    words = "channels last" if dims == 4 else "tokens"
    if max(len(places[_ROWS]), len(places[_COLUMNS])) > 1:
        words = "windows"
    return Layout((count, *sides), tuple(split), tuple(order), whole, words=words)


def _grid_size(grid: Factors) -> tuple[int, int] | None:
    """Return height and width of a grid of tokens; None if it is cut into windows."""
    sizes = {factor.kind: factor.size for factor in grid}
    if len(sizes) != len(grid) or not set(sizes) <= _PLACES:
        return None
    return sizes.get(_ROWS, 1), sizes.get(_COLUMNS, 1)


def _followed(trace: Trace) -> dict[Value, Axes]:
    """Follow what the axes of every value stand for."""
    channels, height, width = trace.image.shape[-3:]
    sides = _axis(_CHANNELS, channels), _axis(_ROWS, height), _axis(_COLUMNS, width)
    axes: dict[Value, Axes] = {trace.image: ((), *sides)}
    for operation in trace.operations:
        sources = [lookup(axes, value) for value in operation.inputs]
        if all(source is None for source in sources):
            continue
        for value, result in zip(operation.outputs, _after(operation, sources), strict=True):
            axes.setdefault(value, result)
    return axes


def _axis(kind: str, size: int) -> Factors:
    return () if size == 1 else (AxisFactor(kind, 1, size),)


def _size(axis: Factors) -> int:
    return prod(factor.size for factor in axis)


def _unknown(shape: Shape) -> Axes:
    return tuple(_axis(_OTHER, size) for size in shape)


def _after(operation: Operation, sources: list[Axes | None]) -> list[Axes]:
    """Find what the axes of an operation's outputs stand for.

    Args:
        operation: The operation.
        sources: What those of its inputs do, where it is known.
    """
    shapes = [value.shape for value in operation.outputs]
    axes = _known(operation, sources, shapes)
    return [
        result if tuple(map(_size, result)) == shape else _unknown(shape)
        for result, shape in zip(axes, shapes, strict=True)
    ]


def _known(operation: Operation, sources: list[Axes | None], shapes: list[Shape]) -> list[Axes]:
    name, arguments, shape = operation.name, operation.arguments, shapes[0]
    first = sources[0] or _unknown(operation.inputs[0].shape)
    if name in _ON_MAPS:
        return [_on_maps(first, each) for each in shapes]
    if name in _VIEWS:
        return [_viewed(first, shape)]
    if name == "permute":
        return [tuple(first[dim] for dim in arguments["dims"])]
    if name in {"transpose", "t"}:
        one, other = (arguments["dim0"], arguments["dim1"]) if name == "transpose" else (0, -1)
        moved = list(first)
        moved[one], moved[other] = first[other], first[one]
        return [tuple(moved)]
    if name in {"mm", "bmm", "addmm", "baddbmm"}:
        left, right = sources[-2], sources[-1]
        # A product with weights makes channels; one with values has the channels of these.
        rows = (*_unknown(shape[:-2]), _axis(_CHANNELS, shape[-2])) if left is None else left[:-1]
        return [(*rows, _axis(_CHANNELS, shape[-1]) if right is None else right[-1])]
    if name == "linear":
        return [(*first[:-1], _axis(_CHANNELS, shape[-1]))]
    if name in {"cat", "concat"}:
        return [_joined(operation, sources, shape)]
    if name in {"slice", "split", "split_with_sizes", "chunk", "constant_pad_nd", "narrow"}:
        return [_resized(first, each, operation) for each in shapes]
    if name in {"select", "unbind"}:
        dim = arguments["dim"] % len(first)
        return [first[:dim] + first[dim + 1 :] for _ in shapes]
    if name in _REDUCTIONS and arguments.get("dim") is not None:
        return [_reduced(first, arguments, each) for each in shapes]
    pointwise = torch.Tag.pointwise in operation.function.tags or name == "expand"
    return [_alike(sources, each, broadcast=pointwise) for each in shapes]


def _on_maps(source: Axes, shape: Shape) -> Axes:
    """Find the axes of maps that a convolution, a pooling or the like makes of others."""
    if len(shape) != 4 or len(source) != 4:
        return _unknown(shape)
    on_its_side = (_kind(source[2]), _kind(source[3])) == (_COLUMNS, _ROWS)
    rows, columns = (_COLUMNS, _ROWS) if on_its_side else (_ROWS, _COLUMNS)
    if any({factor.kind for factor in axis} >= _PLACES for axis in source[2:]):
        rows = columns = _OTHER  # all places in one row: a pooling or convolution along it
    kinds = (_CHANNELS, rows, columns)
    return (source[0], *(_axis(kind, size) for kind, size in zip(kinds, shape[1:], strict=True)))


def _kind(axis: Factors) -> str:
    """Return what an axis counts; "" if that is several things or nothing."""
    kinds = {factor.kind for factor in axis}
    return kinds.pop() if len(kinds) == 1 else ""


def _viewed(source: Axes, shape: Shape) -> Axes:
    """Split and merge axes as a view does that keeps the order of all numbers."""
    left = [factor for axis in source for factor in axis]
    axes: list[Factors] = []
    for size in shape:
        taken: list[AxisFactor] = []
        while (needed := size // _size(tuple(taken))) > 1:
            if not left:
                return _unknown(shape)
            factor = left.pop(0)
            if needed % factor.size == 0:
                taken.append(factor)
            elif factor.size % needed == 0 and factor.tokens is None:
                inner = factor.size // needed
                taken.append(AxisFactor(factor.kind, factor.stride * inner, needed))
                left.insert(0, factor._replace(size=inner))
            else:
                return _unknown(shape)
        axes.append(_merged(taken))
    return tuple(axes)


def _merged(factors: Sequence[AxisFactor]) -> Factors:
    """Merge factors that follow one another as they did before an axis was split."""
    merged: list[AxisFactor] = []
    for factor in factors:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.kind == factor.kind
            and last.stride == factor.stride * factor.size
        ):
            merged[-1] = factor._replace(size=last.size * factor.size)
        else:
            merged.append(factor)
    return tuple(merged)


def _joined(operation: Operation, sources: list[Axes | None], shape: Shape) -> Axes:
    """Find the axes of a concatenation."""
    inputs = [value.shape for value in operation.inputs]
    dim = operation.arguments.get("dim", 0) % len(shape)
    known = next(source for source in sources if source is not None)
    parts = [
        source[dim] if source is not None else _axis(_OTHER, sizes[dim])
        for source, sizes in zip(sources, inputs, strict=True)
        if len(sizes) == len(shape)
    ]
    return (*known[:dim], _joined_axis(parts, shape[dim]), *known[dim + 1 :])


def _joined_axis(parts: list[Factors], size: int) -> Factors:
    kinds = [_kind(part) for part in parts]
    if _CHANNELS in kinds:
        return _axis(_CHANNELS, size)
    if kinds[0] in _PLACES and len(set(kinds)) == 1:
        return _axis(kinds[0], size)
    grids = [
        i
        for i, part in enumerate(parts)
        if part and (part[0].tokens or {factor.kind for factor in part} <= _PLACES)
    ]
    if len(grids) != 1:
        return _axis(_OTHER, size)
    (at,) = grids
    before, after = (sum(map(_size, some)) for some in (parts[:at], parts[at + 1 :]))
    within = parts[at][0].tokens or Tokens(0, 0, parts[at])
    return _tokens(Tokens(within.before + before, within.after + after, within.grid))


def _tokens(tokens: Tokens) -> Factors:
    if not tokens.before + tokens.after:
        return tokens.grid
    return (AxisFactor(_TOKENS, 1, tokens.before + _size(tokens.grid) + tokens.after, tokens),)


def _resized(source: Axes, shape: Shape, operation: Operation) -> Axes:
    """Find the axes of what is cut off from, or padded around, others."""
    axes: list[Factors] = []
    for axis, size in zip(source, shape, strict=True):
        if _size(axis) == size:
            axes.append(axis)
        elif len(axis) == 1 and axis[0].tokens is not None and operation.name == "slice":
            axes.append(_tokens_from(axis[0].tokens, size, operation))
        elif len(axis) == 1 and axis[0].tokens is None and size > 1:
            axes.append((axis[0]._replace(size=size),))
        else:
            axes.append(_axis(_OTHER, size))
    return tuple(axes)


def _tokens_from(tokens: Tokens, size: int, operation: Operation) -> Factors:
    """Find what is left of tokens when those before or after the grid are cut off."""
    total = tokens.before + _size(tokens.grid) + tokens.after
    start = operation.arguments.get("start") or 0
    start = min(start + total if start < 0 else start, total)
    before, after = tokens.before - start, start + size - tokens.before - _size(tokens.grid)
    if operation.arguments.get("step", 1) != 1 or before < 0 or after < 0:
        return _axis(_OTHER, size)
    return _tokens(Tokens(before, after, tokens.grid))


def _reduced(source: Axes, arguments: Mapping[str, Any], shape: Shape) -> Axes:
    """Find the axes that are left when others are averaged or added up."""
    if len(shape) == len(source):  # the others stay, with one position
        return tuple(
            axis if _size(axis) == size else () for axis, size in zip(source, shape, strict=True)
        )
    dim = arguments["dim"]
    dims = {each % len(source) for each in ([dim] if isinstance(dim, int) else dim)}
    return tuple(axis for i, axis in enumerate(source) if i not in dims)


def _alike(sources: list[Axes | None], shape: Shape, *, broadcast: bool) -> Axes:
    """Find the axes of what has the shape of an input, or to which inputs are broadcast."""
    known = [source for source in sources if source is not None]
    for source in known:
        if tuple(map(_size, source)) == shape:
            return source
    if not broadcast:
        return _unknown(shape)
    axes = []
    for back, size in enumerate(reversed(shape), start=1):
        fitting = (source[-back] for source in known if len(source) >= back)
        axes.append(next((axis for axis in fitting if _size(axis) == size), _axis(_OTHER, size)))
    return tuple(reversed(axes))
