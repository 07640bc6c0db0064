"""What one position of a feature map can see of the input image.

Three quantities are followed through a network, along each axis.

- Size and jump: the receptive field's size grows by (k − 1) · dilation · jump with every kernel
  of width k, and the jump (pixels between two neighbouring positions) is multiplied by the stride.
  This is the size on an infinite plane: it may be larger than the image.
- Start: where the centre of the first position lies; the centres of the others follow it, one jump
  after another.
- The exact first and last input pixel that each position depends on. Padding is not part of the
  image and pixels dropped at the right-hand edge are not seen, so near the borders this is smaller.

Where branches meet (concatenation, addition), the largest of them counts. Normalisation counts as
one position: statistics over the whole map are not followed. The method is that of Araujo, Norris
and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import nn

from convviz.structure import ops
from convviz.structure.ops import Window
from convviz.structure.trace import Operation, Shape, Trace, Value, lookup

# What a padded position sees: an interval that changes no union.
NOTHING = (10**9, -1)

# Operations whose output positions see what their input positions see; others are pointwise.
_POSITION_WISE = {
    *("native_batch_norm", "_native_batch_norm_legit_no_training", "native_group_norm"),
    *("cat", "_softmax"),
}


@dataclass(frozen=True)
class Axis:
    """One axis of a feature map.

    Attributes:
        size: Receptive field on an infinite plane, in input pixels.
        jump: Input pixels between two neighbouring positions; a fraction after an upsampling.
        seen: For each position the first and last input pixel that it depends on.
        start: Centre of the first position's receptive field on an infinite plane, in pixels from
            the image's edge; the first pixel's own centre is 1/2.
    """

    size: int
    jump: Fraction
    seen: tuple[tuple[int, int], ...]
    start: Fraction = Fraction(1, 2)

    @classmethod
    def of_input(cls, pixels: int) -> "Axis":
        """Return the axis of the image itself: each position sees its own pixel."""
        return cls(1, Fraction(1), tuple((i, i) for i in range(pixels)))

    def slide(
        self, *, kernel: int, stride: int, padding: int, dilation: int, positions: int
    ) -> "Axis":
        """Return the axis after a convolution or pooling with a sliding kernel.

        Args:
            kernel: Taps of the kernel.
            stride: Positions between two neighbouring outputs.
            padding: Padded positions at each end.
            dilation: Positions between two taps.
            positions: Number of outputs.
        """
        intervals = []
        for position in range(positions):
            tap = position * stride - padding
            taps = range(tap, tap + dilation * (kernel - 1) + 1, dilation)
            intervals.append(_union(self.seen[t] for t in taps if 0 <= t < len(self.seen)))
        reach = dilation * (kernel - 1) * self.jump
        first = Fraction(dilation * (kernel - 1), 2) - padding  # of the kernel's middle
        start = self.start + first * self.jump
        return Axis(self.size + int(reach), self.jump * stride, tuple(intervals), start)

    def pool_to(self, positions: int) -> "Axis":
        """Return the axis after adaptive pooling, whose windows divide the map evenly."""
        length = len(self.seen)
        windows = [
            (i * length // positions, -(-(i + 1) * length // positions)) for i in range(positions)
        ]
        widest = max(stop - start for start, stop in windows)
        seen = tuple(_union(self.seen[start:stop]) for start, stop in windows)
        size = self.size + int((widest - 1) * self.jump)
        # A single window has no neighbour; its jump is the whole map.
        window = Fraction(length, positions)
        start = self.start + (window - 1) / 2 * self.jump
        return Axis(size, self.jump * window, seen, start)

    def pad(self, before: int, after: int) -> "Axis":
        """Return the axis with positions added (or, where negative, cut off) at its two ends."""
        remaining = self.seen[max(0, -before) : len(self.seen) - max(0, -after)]
        seen = (NOTHING,) * max(0, before) + remaining + (NOTHING,) * max(0, after)
        return Axis(self.size, self.jump, seen, self.start - before * self.jump)

    def join(self, other: "Axis") -> "Axis":
        """Return the axis of two branches that meet: the larger of the two counts."""
        seen = tuple(_union(pair) for pair in zip(self.seen, other.seen, strict=True))
        widest = max(self, other, key=lambda axis: (axis.jump, axis.size))
        return Axis(max(self.size, other.size), widest.jump, seen, widest.start)

    @property
    def extent(self) -> tuple[float, float]:
        """Where the map begins and ends along this axis, in pixels from the image's edge.

        Each position takes one jump around the centre of its receptive field. The map may begin
        inside the image, where no padding lets a kernel reach the edge, and may end beyond it.
        """
        begin = self.start - self.jump / 2
        return float(begin), float(begin + len(self.seen) * self.jump)


@dataclass(frozen=True)
class ReceptiveField:
    """What the positions of a feature map see of the input image.

    Attributes:
        rows: The vertical axis.
        columns: The horizontal axis.
    """

    rows: Axis
    columns: Axis

    @classmethod
    def of_input(cls, height: int, width: int) -> "ReceptiveField":
        """Return the receptive field of the image itself."""
        return cls(Axis.of_input(height), Axis.of_input(width))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the feature map."""
        return len(self.rows.seen), len(self.columns.seen)

    @property
    def size(self) -> int:
        """Pixels, of the longer side, on an infinite plane."""
        return max(self.rows.size, self.columns.size)

    @property
    def jump(self) -> float:
        """Input pixels between two neighbouring positions."""
        return float(max(self.rows.jump, self.columns.jump))

    @property
    def map_box(self) -> tuple[float, float, float, float]:
        """Where the whole map lies on the image: (top, left, bottom, right), in input pixels.

        A map that is drawn over the image belongs there. Stretched over the whole image instead,
        it lies up to 14 pixels beside what it has looked at (AlexNet's last pooling).
        """
        (top, bottom), (left, right) = self.rows.extent, self.columns.extent
        return top, left, bottom, right

    def box(self, row: int, column: int) -> tuple[int, int, int, int] | None:
        """Return what one position sees, cut at the image's edges.

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
        """Return the field of one unit that reads every position (a fully connected layer)."""
        return ReceptiveField(self.rows.pool_to(1), self.columns.pool_to(1))


def _union(intervals: Iterable[tuple[int, int]]) -> tuple[int, int]:
    low, high = NOTHING
    for first, last in intervals:
        low, high = min(low, first), max(high, last)
    return low, high


def receptive_fields(trace: Trace) -> dict[Value, ReceptiveField]:
    """Follow what every value of a forward pass sees of the image, as far as it can be followed."""
    fields = {trace.image: ReceptiveField.of_input(*trace.image.shape[-2:])}
    for event in trace.events:
        field: ReceptiveField | None = None
        if isinstance(event, Operation):
            field = _after(event, [lookup(fields, source) for source in event.sources])
        elif isinstance(event.module, nn.LocalResponseNorm) and event.inputs:
            # It works across channels through other shapes; each position sees what it saw.
            field = lookup(fields, event.inputs[0])
        if field is not None and event.output is not None:
            fields[event.output] = field
    return fields


def _after(operation: Operation, inputs: list[ReceptiveField | None]) -> ReceptiveField | None:
    """Return what the positions of an operation's output see; None where it cannot be followed.

    Args:
        operation: The operation.
        inputs: What each of its sources sees.
    """
    sources = [field for field in inputs if field is not None]
    if not sources or len(sources) < len(inputs):
        return None
    source = sources[0]
    for field in sources[1:]:
        union = source.join(field)
        if union is None:
            return None
        source = union
    name, arguments, output = operation.name, operation.arguments, operation.output.shape
    pooled = ops.adaptive_output(name, arguments)
    if pooled is not None:
        return ReceptiveField(source.rows.pool_to(pooled[0]), source.columns.pool_to(pooled[1]))
    window = ops.window(name, arguments)
    if window is not None:
        return _slide(source, window, output)
    if name == "constant_pad_nd":
        left, right, top, bottom = (*arguments["pad"], 0, 0, 0, 0)[:4]
        return ReceptiveField(source.rows.pad(top, bottom), source.columns.pad(left, right))
    if name in {"addmm", "mm"}:
        return source.gathered()
    if name in {"view", "_unsafe_view", "reshape"} and len(output) == 2:
        return source.gathered()  # flattened: what follows reads every position
    pointwise = torch.Tag.pointwise in operation.function.tags
    position_wise = pointwise or ops.is_reshaping(name) or name in _POSITION_WISE
    is_vector = len(output) == 2 and source.shape == (1, 1)
    keeps_shape = is_vector or output[-2:] == source.shape
    return source if position_wise and keeps_shape else None


def _slide(source: ReceptiveField, window: Window, output: Shape) -> ReceptiveField:
    axes: list[Axis] = []
    for i, axis in enumerate((source.rows, source.columns)):
        axes.append(
            axis.slide(
                kernel=window.kernel[i],
                stride=window.stride[i],
                padding=window.padding[i],
                dilation=window.dilation[i],
                positions=output[i - 2],
            )
        )
    return ReceptiveField(*axes)
