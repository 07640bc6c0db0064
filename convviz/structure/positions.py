"""Where the positions of a map lie in a tensor, whatever its shape is.

A tensor's dimensions are written as products of *factors*: (N, C, H, W) maps as [C], [rows],
[columns], tokens (N, T, C) as [rows × columns], [C], windows of a map as [rows of windows × columns
of windows], [rows in one × columns in one], [C]. Reshaping regroups factors, permuting moves them,
and so what a position sees of the image stays known through channels-last layouts, flattening,
shuffles of channels and of pixels, and windows.

An axis may have positions whose factor is in no dimension: then nothing depends on which of them it
is, as after a mean over the map.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

from convviz.structure.axis import NOTHING, Axis
from convviz.structure.trace import Shape

ROWS, COLUMNS = 0, 1
TOKENS = 2


class Factor(NamedTuple):
    """A factor of a dimension.

    Attributes:
        size: How many there are.
        axis: `ROWS`, `COLUMNS`, None for what is no place on the map (images, channels), or
            `TOKENS` for positions among other tokens.
        stride: Positions of the axis between two neighbours.
    """

    size: int
    axis: int | None = None
    stride: int = 1


Dimension = tuple[Factor, ...]


@dataclass(frozen=True, eq=False)
class Positions:
    """What the positions of a tensor see, and where they lie in it.

    Attributes:
        axes: The vertical and the horizontal axis.
        dimensions: The factors of every dimension.
        mixed_by: What made every position depend on the whole map, "attention"; empty if nothing.
        mixed_in: Position of the call in which that happened.
        windows: Of indices that a pooling returns: what each of its windows covers of the map that
            it pools, along each axis. None for anything else.
    """

    axes: tuple[Axis, Axis]
    dimensions: tuple[Dimension, ...]
    mixed_by: str = ""
    mixed_in: int = -1
    windows: tuple[Axis, Axis] | None = None

    @classmethod
    def of_image(cls, shape: Shape) -> Positions:
        """Return the positions of a batch of images, shape (N, C, H, W)."""
        *others, height, width = shape
        dimensions = (*map(_other, others), (Factor(height, ROWS),), (Factor(width, COLUMNS),))
        return cls((Axis.of_input(height), Axis.of_input(width)), dimensions)

    def along(self, axis: int, changed: Axis) -> Positions:
        """Return the same with another axis."""
        axes = (changed, self.axes[1]) if axis == ROWS else (self.axes[0], changed)
        return replace(self, axes=axes)

    def with_dimension(self, dimension: int, factors: Dimension) -> Positions:
        """Return the same with another dimension."""
        before, after = self.dimensions[:dimension], self.dimensions[dimension + 1 :]
        return replace(self, dimensions=(*before, factors, *after))

    def without(self, dimension: int) -> Positions:
        """Return the same with one dimension less."""
        dimensions = self.dimensions[:dimension] + self.dimensions[dimension + 1 :]
        return replace(self, dimensions=dimensions)

    def with_new(self, dimension: int, size: int = 1) -> Positions:
        """Return the same with one dimension more, which is no place on the map."""
        dimensions = list(self.dimensions)
        dimensions.insert(dimension, _other(size))
        return replace(self, dimensions=tuple(dimensions))

    def index(self, dimension: int) -> int:
        """Return the index of a dimension that may be counted from the last."""
        return dimension % max(1, len(self.dimensions))

    def has_places(self, dimension: int) -> bool:
        """Whether a dimension tells places on the map apart."""
        return _has_places(self.dimensions[dimension])

    def permuted(self, order: Sequence[int]) -> Positions:
        """Return the positions after dimensions have been put into another order."""
        return replace(self, dimensions=tuple(self.dimensions[self.index(i)] for i in order))

    def reshaped(self, shape: Shape) -> Positions | None:
        """Return the positions after a reshaping; None if it cuts a row of the map in parts."""
        factors = [f for dimension in self.dimensions for f in dimension if f.size != 1]
        if prod(shape) != prod(f.size for f in factors):
            return None
        factors.reverse()
        dimensions: list[Dimension] = []
        for size in shape:
            group: list[Factor] = []
            while size > 1:
                factor = factors.pop()
                if factor.size > size:
                    inner, rest = divmod(factor.size, size)
                    if rest or factor.axis == TOKENS:
                        return None
                    factors.append(Factor(inner, factor.axis, factor.stride))
                    # What is no place is never counted, so that equal parts of it stay equal.
                    stride = 1 if factor.axis is None else factor.stride * inner
                    factor = Factor(size, factor.axis, stride)
                size, rest = divmod(size, factor.size)
                if rest:
                    return None
                group.append(factor)
            dimensions.append(_merged(group))
        return replace(self, dimensions=tuple(dimensions))

    def pure(self, dimension: int) -> tuple[Positions, int | None] | None:
        """Make the positions along a dimension those of one axis.

        Positions that lie in other dimensions, as channels after pixels have been unshuffled, are
        taken together: a map's channels count as one.

        Returns:
            The positions and their axis, None for the axis of a dimension that is no place on the
            map; None if they cannot be written so.
        """
        factors = self.dimensions[dimension]
        axes = {factor.axis for factor in factors if factor.axis is not None}
        if not axes:
            return self, None
        if len(axes) > 1 or TOKENS in axes:
            return None
        (axis,) = axes
        along = self.axes[axis]
        if factors == (Factor(len(along.seen), axis),):
            return self, axis
        if any(factor.axis == axis for factor in self.dimensions[0]) and dimension != 0:
            return None  # parts of the map are images of their own
        dimensions = [
            tuple(Factor(f.size) if f.axis == axis else f for f in other)
            for other in self.dimensions
        ]
        together = self.mixed(i for i in range(len(dimensions)) if i != dimension).axes[axis]
        offsets = [0]
        for factor in factors:
            step = factor.stride if factor.axis == axis else 0
            offsets = [offset + i * step for offset in offsets for i in range(factor.size)]
        jump = along.jump * len(along.seen) / len(offsets)
        changed = replace(
            together,
            jump=jump,
            seen=tuple(together.seen[offset] for offset in offsets),
            start=along.start + (jump - along.jump) / 2,
        )
        dimensions[dimension] = (Factor(len(offsets), axis),)
        return replace(self.along(axis, changed), dimensions=tuple(dimensions)), axis

    def mixed(self, dimensions: Iterable[int], by: str = "", call: int = -1) -> Positions:
        """Return the positions after all along some dimensions have been combined.

        Args:
            dimensions: The dimensions.
            by: What combines them; named if every position then depends on the whole map.
            call: Position of the call that this happens in.
        """
        axes = list(self.axes)
        for dimension in dimensions:
            for factor in self.dimensions[dimension]:
                if factor.axis == TOKENS:
                    axes = [axis.mix(len(axis.seen), 1) for axis in axes]
                elif factor.axis is not None:
                    axes[factor.axis] = axes[factor.axis].mix(factor.size, factor.stride)
        changed = replace(self, axes=(axes[0], axes[1]))
        if by and changed.is_whole and not self.mixed_by:
            return replace(changed, mixed_by=by, mixed_in=call)
        return changed

    @property
    def is_whole(self) -> bool:
        """Whether every position depends on the whole map."""
        return all(axis.whole for axis in self.axes)

    def reduced(self, dimensions: Collection[int]) -> Positions:
        """Return the positions after all along some dimensions have become one."""
        changed = self
        for dimension in dimensions:
            for factor in self.dimensions[dimension]:
                for axis in (ROWS, COLUMNS) if factor.axis == TOKENS else (factor.axis,):
                    if axis is None:
                        continue
                    along = changed.axes[axis]
                    is_all = factor.axis == TOKENS or factor.size == len(along.seen)
                    changed = changed.along(
                        axis, along.pool_to(1) if is_all else along.mix(factor.size, factor.stride)
                    )
            changed = changed.with_dimension(dimension, ())
        return changed

    def sliced(self, dimension: int, start: int, stop: int, step: int) -> Positions | None:
        """Return every step-th position from start up to stop, along a dimension."""
        count = len(range(start, stop, step))
        if count == prod(factor.size for factor in self.dimensions[dimension]):
            return self
        found = self.pure(dimension)
        if found is None and self.is_whole:
            return self.reduced([dimension]).with_dimension(dimension, _other(count))
        if found is None:
            return None
        changed, axis = found
        if axis is None:
            return changed.with_dimension(dimension, _other(count))
        along = changed.axes[axis]
        cut = replace(
            along,
            seen=along.seen[start:stop:step],
            jump=along.jump * step,
            start=along.start + start * along.jump,
        )
        return changed.along(axis, cut).with_dimension(dimension, (Factor(count, axis),))

    def written(
        self, part: Positions, dimension: int, start: int, stop: int, step: int
    ) -> Positions | None:
        """Return the positions after a part of them, as `sliced` returns it, was written to."""
        if not self.has_places(dimension) and not part.has_places(dimension):
            both = [each.with_dimension(dimension, ()) for each in (self, part)]
            return joined(both, tuple(prod(f.size for f in each) for each in self.dimensions))
        mine, other = self.pure(dimension), part.pure(dimension)
        if mine is None or other is None or mine[1] != other[1] or mine[1] is None:
            return None
        axis = mine[1]
        along, new = mine[0].axes[axis], other[0].axes[axis]
        across, beside = mine[0].axes[1 - axis], other[0].axes[1 - axis]
        if len(across.seen) != len(beside.seen):
            return None
        seen = list(along.seen)
        is_blank = not any(last >= first for first, last in seen)
        seen[start:stop:step] = new.seen
        changed = replace(
            along,
            seen=tuple(seen),
            reach=max(along.reach, new.reach),
            start=new.start - start * new.jump if is_blank else along.start,
            whole=along.whole or new.whole,
        )
        return mine[0].along(axis, changed).along(1 - axis, across.join(beside))


def blank(part: Positions, shape: Shape) -> Positions:
    """Return the positions of a tensor of zeros that is to hold a part of a map.

    Args:
        part: The part that is to be written to it.
        shape: The tensor's shape.
    """
    found = part
    for dimension, size in enumerate(shape):
        pure = found.pure(dimension)
        if pure is None or pure[1] is None:
            found = found.with_dimension(dimension, _other(size))
            continue
        found, axis = pure[0], pure[1]
        along = replace(found.axes[axis], seen=(NOTHING,) * size)
        found = found.along(axis, along).with_dimension(dimension, (Factor(size, axis),))
    return found


def joined(
    parts: Sequence[Positions], shape: Shape, by: str = "", call: int = -1
) -> Positions | None:
    """Return the positions where tensors meet value by value, as PyTorch broadcasts them.

    Args:
        parts: The tensors' positions.
        shape: Shape of the result.
        by: What makes every position depend on the whole map if the value of one tensor is given
            to all positions of another.
        call: Position of the call that this happens in.

    Returns:
        None if the same dimension is another place in two of them.
    """
    if len(parts) == 1 and len(parts[0].dimensions) == len(shape):
        part = parts[0]
        if all(prod(f.size for f in d) == n for d, n in zip(part.dimensions, shape, strict=True)):
            return part
    for axis in (ROWS, COLUMNS):
        lengths = {len(part.axes[axis].seen) for part in parts} - {1}
        if len(lengths) > 1:
            parts = [_purified(part, axis) for part in parts]
    dimensions: list[Dimension] = [()] * len(shape)
    for part in parts:
        for i, factors in enumerate(part.dimensions, len(shape) - len(part.dimensions)):
            size = prod(factor.size for factor in factors)
            if size != shape[i] or not _has_places(factors):
                continue
            if _has_places(dimensions[i]) and dimensions[i] != factors:
                return None
            dimensions[i] = factors
    for axis in (ROWS, COLUMNS):
        sizes = [f.size for dimension in dimensions for f in dimension if f.axis == axis]
        if prod(sizes) > max(len(part.axes[axis].seen) for part in parts):
            return None  # rows of one are columns of the other, for instance
    filled = tuple(
        d if _has_places(d) else _other(n) for d, n in zip(dimensions, shape, strict=True)
    )
    axes = []
    for axis in (ROWS, COLUMNS):
        length = max(len(part.axes[axis].seen) for part in parts)
        meeting = []
        for part in parts:
            each = part.axes[axis]
            if len(each.seen) not in {1, length}:
                return None
            if len(each.seen) != length:
                each = each.spread(length)
                each = replace(each, whole=each.whole or _covers(each, parts, axis))
            meeting.append(each)
        axes.append(functools.reduce(Axis.join, meeting))
    first = next((part for part in parts if part.mixed_by), parts[0])
    result = replace(first, axes=(axes[0], axes[1]), dimensions=filled)
    if result.is_whole and not result.mixed_by:
        return replace(result, mixed_by=by, mixed_in=call)
    return result


def concatenated(
    parts: Sequence[Positions | None], sizes: Sequence[int], dimension: int, shape: Shape
) -> Positions | None:
    """Return the positions of tensors that are put one after another.

    Args:
        parts: The tensors' positions; None for one that is the same for every image.
        sizes: The size of each along the dimension.
        dimension: The dimension.
        shape: Shape of the result.
    """
    known = [part for part in parts if part is not None]
    if not any(part.has_places(dimension) for part in known):
        in_order = _put_in_order(known, dimension, shape) if len(known) == len(parts) else None
        if in_order is not None and set(sizes) == {1}:
            return in_order
        return joined([part.with_dimension(dimension, ()) for part in known], shape)
    places = {f.axis for part in known for f in part.dimensions[dimension]} - {None}
    if len(known) == 1 and (len(places) > 1 or TOKENS in places):
        return known[0].with_dimension(dimension, (Factor(shape[dimension], TOKENS),))
    pure = [None if part is None else part.pure(dimension) for part in parts]
    found = [each for each in pure if each is not None]
    axes = {axis for _, axis in found}
    if len(found) < len(known) or len(axes) > 1:
        return None
    axis = axes.pop()
    if axis is None:
        return None
    seen: list[tuple[int, int]] = []
    before = 0
    starts: list[tuple[Axis, int]] = []
    for each, size in zip(pure, sizes, strict=True):
        if each is not None:
            starts.append((each[0].axes[axis], before))
        seen += (NOTHING,) * size if each is None else each[0].axes[axis].seen
        before += size
    widest, offset = max(starts, key=lambda start: len(start[0].seen))
    along = replace(
        widest,
        seen=tuple(seen),
        start=widest.start - offset * widest.jump,
        reach=max(start.reach for start, _ in starts),
        whole=any(start.whole for start, _ in starts),
    )
    # Across, they meet position by position.
    narrow = [
        p.along(axis, replace(along, seen=(NOTHING,))).with_dimension(dimension, ())
        for p, _ in found
    ]
    across = joined(narrow, _one(shape, dimension))
    if across is None:
        return None
    return across.along(axis, along).with_dimension(dimension, (Factor(len(seen), axis),))


def _put_in_order(parts: Sequence[Positions], dimension: int, shape: Shape) -> Positions | None:
    """Return the positions of parts that are each one place of an axis, put one after another.

    So a recurrent layer puts together what it has made of each column of a map.

    Returns:
        None where they are not places of one axis, so that they are channels of one another.
    """
    cut = [
        axis
        for axis in (ROWS, COLUMNS)
        if all(len(part.axes[axis].seen) == 1 for part in parts)
        and len({part.axes[axis].seen for part in parts}) > 1
    ]
    if len(cut) != 1:
        return None
    (axis,) = cut
    others = {i for part in parts for i in range(len(shape)) if part.has_places(i)}
    if len(shape) == 4 and dimension == 1 and max(others, default=0) == 3:
        return None  # the channels of a map of one row or column
    across = joined(
        [part.along(axis, parts[0].axes[axis]) for part in parts], _one(shape, dimension)
    )
    if across is None:
        return None
    along = [part.axes[axis] for part in parts]
    apart = (along[-1].start - along[0].start) / (len(along) - 1)
    result = replace(
        along[0],
        seen=tuple(each.seen[0] for each in along),
        reach=max(each.reach for each in along),
        jump=max(along[0].jump, apart),
        whole=any(each.whole for each in along),
    )
    return across.along(axis, result).with_dimension(dimension, (Factor(len(parts), axis),))


def _one(shape: Shape, dimension: int) -> Shape:
    """Return a shape with one number along a dimension."""
    return (*shape[:dimension], 1, *shape[dimension + 1 :])


def _purified(part: Positions, axis: int) -> Positions:
    """Make the dimension in which an axis lies alone one of that axis' positions."""
    for dimension, factors in enumerate(part.dimensions):
        if any(factor.axis == axis for factor in factors):
            found = part.pure(dimension)
            return part if found is None else found[0]
    return part


def _covers(shared: Axis, parts: Sequence[Positions], axis: int) -> bool:
    """Whether a value that all positions share depends on all that they see by themselves."""
    first, last = shared.seen[0]
    seen = [each for part in parts for each in part.axes[axis].seen if each != NOTHING]
    return all(first <= low and high <= last for low, high in seen)


def _other(size: int) -> Dimension:
    return () if size == 1 else (Factor(size),)


def _has_places(factors: Dimension) -> bool:
    return any(factor.axis is not None for factor in factors)


def _merged(factors: Sequence[Factor]) -> Dimension:
    """Write neighbouring factors of one axis as one."""
    merged: list[Factor] = []
    for factor in factors:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.axis == factor.axis
            and factor.axis != TOKENS
            and (factor.axis is None or last.stride == factor.stride * factor.size)
        ):
            merged[-1] = Factor(last.size * factor.size, factor.axis, factor.stride)
        else:
            merged.append(factor)
    return tuple(merged)
