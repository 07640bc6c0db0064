"""One axis of a feature map: which pixels of the image each of its positions depends on.

Three quantities are followed along an axis.

- Reach and jump: with every kernel of width k the receptive field grows by (k − 1) · dilation ·
  jump, and the jump (pixels between two neighbouring positions) is multiplied by the stride. This
  is the field on an infinite plane: it may be larger than the image.
- Start: where the centre of the first position lies; the centres of the others follow it, one jump
  after another.
- The exact first and last input pixel that each position depends on. Padding with zeros is not part
  of the image and pixels dropped at the right-hand edge are not seen, so near the borders this is
  smaller; where the padding repeats the map, it is what the repeated positions see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

# What a padded position sees: an interval that changes no union.
NOTHING = (10**9, -1)

Interval = tuple[int, int]


@dataclass(frozen=True)
class Axis:
    """One axis of a feature map.

    Attributes:
        reach: Pixels from the centre of the first to that of the last pixel that a position sees on
            an infinite plane.
        jump: Input pixels between two neighbouring positions; a fraction after an upsampling.
        seen: For each position the first and last input pixel that it depends on.
        pixels: The image's own pixels along this axis.
        start: Centre of the first position's receptive field on an infinite plane, in pixels from
            the image's edge; the first pixel's own centre is 1/2.
        whole: Whether every position depends on all others, through statistics of the map.
    """

    reach: Fraction
    jump: Fraction
    seen: tuple[Interval, ...]
    pixels: int
    start: Fraction = Fraction(1, 2)
    whole: bool = False

    @classmethod
    def of_input(cls, pixels: int) -> Axis:
        """Return the axis of the image itself: each position sees its own pixel."""
        return cls(Fraction(0), Fraction(1), tuple((i, i) for i in range(pixels)), pixels)

    @property
    def size(self) -> int:
        """Receptive field in input pixels: on an infinite plane, or all there are."""
        return self.pixels if self.whole else ceil(self.reach) + 1

    def slide(
        self, *, kernel: int, stride: int, padding: int, dilation: int, positions: int
    ) -> Axis:
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
        return replace(
            self,
            reach=self.reach + reach,
            jump=self.jump * stride,
            seen=tuple(intervals),
            start=self.start + first * self.jump,
        )

    def slide_back(
        self, *, kernel: int, stride: int, padding: int, dilation: int, positions: int
    ) -> Axis:
        """Return the axis after a transposed convolution, which spreads every position.

        Args:
            kernel: Taps of the kernel, over which one position is spread.
            stride: Outputs between those of two neighbouring positions.
            padding: Outputs cut off at each end.
            dilation: Outputs between two taps.
            positions: Number of outputs.
        """
        intervals: list[list[Interval]] = [[] for _ in range(positions)]
        for position, interval in enumerate(self.seen):
            for tap in range(kernel):
                output = position * stride + tap * dilation - padding
                if 0 <= output < positions:
                    intervals[output].append(interval)
        span = dilation * (kernel - 1)
        middle = padding - Fraction(span, 2)
        return replace(
            self,
            reach=self.reach + span // stride * self.jump,
            jump=self.jump / stride,
            seen=tuple(map(_union, intervals)),
            start=self.start + middle * self.jump / stride,
        )

    def pool_to(self, positions: int) -> Axis:
        """Return the axis after adaptive pooling, whose windows divide the map evenly."""
        length = len(self.seen)
        windows = [
            (i * length // positions, -(-(i + 1) * length // positions)) for i in range(positions)
        ]
        widest = max(stop - start for start, stop in windows)
        return replace(
            self,
            reach=self.reach + (widest - 1) * self.jump // 1,
            # A single window has no neighbour; its jump is the whole map.
            jump=self.jump * Fraction(length, positions),
            seen=tuple(_union(self.seen[start:stop]) for start, stop in windows),
            start=self.start + (Fraction(length, positions) - 1) / 2 * self.jump,
        )

    def pad(self, before: int, after: int) -> Axis:
        """Return the axis with positions added (or, where negative, cut off) at its two ends."""
        remaining = self.seen[max(0, -before) : len(self.seen) - max(0, -after)]
        seen = (NOTHING,) * max(0, before) + remaining + (NOTHING,) * max(0, after)
        return replace(self, seen=seen, start=self.start - before * self.jump)

    def gather(self, taps: Sequence[Sequence[int]], *, jump: Fraction, start: Fraction) -> Axis:
        """Return the axis of positions that each read some of this one's.

        Args:
            taps: For each new position, the positions that it reads.
            jump: Positions between two neighbouring new ones.
            start: Where the centre of the first new one lies, in positions.
        """
        widest = max((max(each) - min(each) for each in taps if each), default=0)
        return replace(
            self,
            reach=self.reach + widest * self.jump,
            jump=self.jump * jump,
            seen=tuple(_union(self.seen[tap] for tap in each) for each in taps),
            start=self.start + start * self.jump,
        )

    def mix(self, size: int, stride: int) -> Axis:
        """Return the axis after positions have been combined with one another, but not dropped.

        Args:
            size: How many positions are combined; all of them make the axis `whole`.
            stride: Positions between two of those.
        """
        if size == len(self.seen):
            return replace(self, seen=(_union(self.seen),) * size, whole=True)
        groups = [
            position - position // stride % size * stride for position in range(len(self.seen))
        ]
        unions = {
            first: _union(self.seen[first + i * stride] for i in range(size))
            for first in set(groups)
        }
        return replace(
            self,
            reach=self.reach + (size - 1) * stride * self.jump,
            seen=tuple(unions[first] for first in groups),
        )

    def spread(self, positions: int) -> Axis:
        """Return the axis of a single position whose value is given to many."""
        jump = self.jump / positions
        start = self.start + (jump - self.jump) / 2
        return replace(self, jump=jump, seen=self.seen * positions, start=start)

    def join(self, other: Axis) -> Axis:
        """Return the axis of two branches that meet: it sees what any of them sees."""
        seen = tuple(_union(pair) for pair in zip(self.seen, other.seen, strict=True))
        widest = max(self, other, key=lambda axis: (axis.jump, axis.size))
        whole = self.whole or other.whole
        if whole or self.jump != other.jump:
            reach, start = max(self.reach, other.reach), widest.start
        else:
            both = (self, other)
            low = min(axis.start - axis.reach / 2 for axis in both)
            high = max(axis.start + axis.reach / 2 for axis in both)
            reach, start = high - low, (low + high) / 2
        return replace(widest, reach=reach, seen=seen, start=start, whole=whole)

    @property
    def extent(self) -> tuple[float, float]:
        """Where the map begins and ends along this axis, in pixels from the image's edge.

        Each position takes one jump around the centre of its receptive field. The map may begin
        inside the image, where no padding lets a kernel reach the edge, and may end beyond it.
        """
        begin = self.start - self.jump / 2
        return float(begin), float(begin + len(self.seen) * self.jump)


def _union(intervals: Iterable[Interval]) -> Interval:
    low, high = NOTHING
    for first, last in intervals:
        low, high = min(low, first), max(high, last)
    return low, high
