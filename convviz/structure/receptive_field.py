"""What one position of a feature map can see of the input picture.

Two things are followed side by side through a network, along each axis.

- The textbook pair: the receptive field's size grows by (k − 1) · dilation · jump with every kernel
  of width k, and the jump (pixels between two neighbouring positions) is multiplied by the stride.
  This is the size on an endless plane: it may be larger than the picture.
- The exact first and last input pixel that each position depends on. Padding holds no picture and
  pixels dropped at the right-hand edge are seen by nobody, so near the borders this is smaller.

Where branches meet (concatenation, addition), the largest of them counts. Normalisation counts as
one position: statistics over the whole map are not followed. The method is that of Araujo, Norris
and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from convviz.structure.ops import (
    _NORMS,
    _RESHAPING,
    _SHARING,
    Window,
    _is_global_mean,
    _pair,
    arguments,
    name,
    window,
)

NOTHING = (10**9, -1)


"""What a padded position sees: an interval that any union ignores."""


@dataclass(frozen=True)
class Axis:
    """One axis of a feature map.

    Attributes:
        size: Receptive field on an endless plane, in input pixels.
        jump: Input pixels between two neighbouring positions; a fraction after an upsampling.
        seen: For each position the first and last input pixel that it depends on.
    """

    size: int
    jump: Fraction
    seen: tuple[tuple[int, int], ...]

    @classmethod
    def of_input(cls, pixels: int) -> "Axis":
        """Return the axis of the picture itself: each position sees its own pixel."""
        return cls(1, Fraction(1), tuple((i, i) for i in range(pixels)))

    def slide(
        self, *, kernel: int, stride: int, padding: int, dilation: int, positions: int
    ) -> "Axis":
        """Return the axis after a kernel has slid over this one and stopped `positions` times."""
        seen = []
        for position in range(positions):
            start = position * stride - padding
            taps = range(start, start + dilation * (kernel - 1) + 1, dilation)
            seen.append(_union(self.seen[t] for t in taps if 0 <= t < len(self.seen)))
        reach = dilation * (kernel - 1) * self.jump
        return Axis(self.size + int(reach), self.jump * stride, tuple(seen))

    def pool_to(self, positions: int) -> "Axis":
        """Return the axis after adaptive pooling, whose windows share the map out evenly."""
        length = len(self.seen)
        windows = [
            (i * length // positions, -(-(i + 1) * length // positions)) for i in range(positions)
        ]
        widest = max(stop - start for start, stop in windows)
        seen = tuple(_union(self.seen[start:stop]) for start, stop in windows)
        size = self.size + int((widest - 1) * self.jump)
        # One window has no neighbour to jump to; the whole map is the honest distance.
        return Axis(size, self.jump * Fraction(length, positions), seen)

    def pad(self, before: int, after: int) -> "Axis":
        """Return the axis with positions added (or, where negative, cut off) at its two ends."""
        kept = self.seen[max(0, -before) : len(self.seen) - max(0, -after)]
        seen = (NOTHING,) * max(0, before) + kept + (NOTHING,) * max(0, after)
        return Axis(self.size, self.jump, seen)

    def join(self, other: "Axis") -> "Axis":
        """Return the axis where this branch and another meet: the larger of the two counts."""
        seen = tuple(_union(pair) for pair in zip(self.seen, other.seen, strict=True))
        return Axis(max(self.size, other.size), max(self.jump, other.jump), seen)


@dataclass(frozen=True)
class ReceptiveField:
    """What the positions of a feature map see of the input picture.

    Attributes:
        rows: The vertical axis.
        columns: The horizontal axis.
    """

    rows: Axis
    columns: Axis

    @classmethod
    def of_input(cls, height: int, width: int) -> "ReceptiveField":
        """Return the receptive field of the picture itself."""
        return cls(Axis.of_input(height), Axis.of_input(width))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the feature map."""
        return len(self.rows.seen), len(self.columns.seen)

    @property
    def size(self) -> int:
        """Pixels, of the longer side, on an endless plane."""
        return max(self.rows.size, self.columns.size)

    @property
    def jump(self) -> float:
        """Input pixels between two neighbouring positions."""
        return float(max(self.rows.jump, self.columns.jump))

    def box(self, row: int, column: int) -> tuple[int, int, int, int] | None:
        """Return what one position sees, cut at the picture's edges.

        Returns:
            (top, left, bottom, right) in input pixels, the last two exclusive, or None for a
            position that sees padding only.
        """
        top, bottom = self.rows.seen[row]
        left, right = self.columns.seen[column]
        if bottom < top or right < left:
            return None
        return top, left, bottom + 1, right + 1

    def join(self, other: "ReceptiveField") -> "ReceptiveField | None":
        """Return the field where two branches meet, or None if their maps do not fit."""
        if self.shape != other.shape:
            return None
        return ReceptiveField(self.rows.join(other.rows), self.columns.join(other.columns))

    def gathered(self) -> "ReceptiveField":
        """Return the field of one unit that looks at every position (a fully connected layer)."""
        return ReceptiveField(self.rows.pool_to(1), self.columns.pool_to(1))


def _union(intervals: Iterable[tuple[int, int]]) -> tuple[int, int]:
    low, high = NOTHING
    for first, last in intervals:
        low, high = min(low, first), max(high, last)
    return low, high


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
