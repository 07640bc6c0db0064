"""How numbers of more than eight bits become the 0…255 of an image. Loads no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEUTRAL = 128
"""Grey for what has no value, halfway between black and white."""

WHITE = 65_535
"""The largest number of 16 bits."""

_SMALL_PART = 4  # of a range: what spans less than a quarter of it is stretched
_STRAY = 1000  # one pixel of so many may lie outside of what is stretched


@dataclass(frozen=True)
class Scaling:
    """Takes values to 0…255, in a straight line.

    Attributes:
        low: The value that becomes black.
        high: The value that becomes white.
        is_stretched: Whether these are the image's own extremes, and not the range of its numbers.
        bits: How many the numbers of the file have, 12 or 16; 0 where no range is told (floats).
        is_inverted: Whether the file says that white is the lowest number.
        outside: How many values lie outside of what is stretched, such as those of hot pixels.
    """

    low: float
    high: float
    is_stretched: bool = False
    bits: int = 16
    is_inverted: bool = False
    outside: int = 0

    def __call__(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Scale values.

        Infinities become black or white; NaN, and images without any contrast, become grey.
        """
        if self.is_stretched:
            scaled = self._stretch(values)
        else:
            white = round(self.high)
            grey = (values.astype(np.uint32) * 255 + white // 2) // white
            scaled = grey.clip(0, 255).astype(np.uint8)
        return 255 - scaled if self.is_inverted else scaled

    def _stretch(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        values = values.astype(np.float64)  # the range of float32 values need not fit into float32
        if self.high > self.low:
            half = (self.high / 2) - (self.low / 2)  # nor that of float64 values into float64
            scaled = (values / 2 - self.low / 2) / half * 255.0
        else:
            scaled = np.where(np.isfinite(values), float(NEUTRAL), values)
        bounded = np.nan_to_num(scaled, nan=float(NEUTRAL), posinf=255.0, neginf=0.0)
        return bounded.clip(0.0, 255.0).round().astype(np.uint8)


def extremes(arrays: Iterable[NDArray[Any]]) -> tuple[float, float] | None:
    """Find the least and the greatest finite value of an image in parts; None if none is finite."""
    low, high = np.inf, -np.inf
    for values in arrays:
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else None


@dataclass(frozen=True)
class Bulk:
    """What nearly all values of an image of whole numbers lie in.

    Attributes:
        low: The least of them.
        high: The greatest of them.
        outside: How many others there are.
    """

    low: float
    high: float
    outside: int


def bulk(arrays: Iterable[NDArray[Any]], span: int) -> Bulk | None:
    """Find fewer than so many neighbouring numbers that nearly all values of an image lie in.

    Args:
        arrays: The image in parts; its values are whole, in 0…65,535.
        span: How many.

    Returns:
        What is left once those are taken out that lie far off, by more than what is left spans:
        values that go on to the brightest lights are the picture's own. None if they would be more
        than one in a thousand at either end.
    """
    counts = np.zeros(WHITE + 1, np.int64)
    for values in arrays:
        counts += np.bincount(values.reshape(-1).astype(np.intp), minlength=WHITE + 1)
    up_to = counts.cumsum()
    total = int(up_to[-1])
    stray = total // _STRAY
    low = int(np.searchsorted(up_to, stray, side="right"))
    high = int(np.searchsorted(up_to, total - stray))
    if high - low >= span:
        return None
    there = np.flatnonzero(counts)
    low = int(there[there > high - span][0])
    high = int(there[there < low + span][-1])
    gaps = (*(low - there[there < low]), *(there[there > high] - high))
    if min(gaps, default=span) < high - low:
        return None
    return Bulk(low, high, total - int(counts[low : high + 1].sum()))


def choose(
    found: tuple[float, float] | None,
    dtype: np.dtype[Any],
    *,
    white: int = WHITE,
    is_inverted: bool = False,
    arrays: Callable[[], Iterable[NDArray[Any]]] | None = None,
) -> Scaling:
    """Choose how an image's values become 0…255.

    - Floats, signed bytes, and integers outside 0…65,535 have no range that would mean black and
      white: the image's least value becomes black, its greatest one white.
    - Bytes stay as they are.
    - Other integers have the range that the file states, else 16 bits; those of 32 bits and more of
      which none exceeds 255 that of bytes. If they span less than a quarter of that range, greatest
      minus least below 16,384 of 16 bits, as those of cameras of 10, 12 or 14 bits and of
      fluorescence do, they are stretched in the same way; else 0 is black and the greatest number
      of the range white. One value in a thousand does not count for that, such as those of hot
      pixels. An image of one value alone has nothing to stretch.

    Args:
        found: The image's extreme values, of all colours together so that they keep their hue;
            None without any.
        dtype: Of the values.
        white: What is white among the integers, where a file says so itself.
        is_inverted: Whether the file says that white is the lowest number.
        arrays: Goes through the values once more, for what nearly all of them lie in; None to go
            by the extremes alone.
    """
    low, high = found or (0.0, 0.0)
    is_bytes = dtype.itemsize == 1 and dtype.kind == "u"
    if not is_bytes and (dtype.kind == "f" or dtype.itemsize == 1 or low < 0 or high > WHITE):
        return Scaling(low, high, is_stretched=True, bits=0, is_inverted=is_inverted)
    if is_bytes:
        return Scaling(0, 255, is_inverted=is_inverted)
    is_wide = dtype.itemsize > 2
    if is_wide and high <= 255:
        white = 255
    bits = 0 if is_wide else white.bit_length()
    span, outside = (white + 1) // _SMALL_PART, 0
    if high - low >= span and arrays is not None:
        most = bulk(arrays(), span)
        if most is not None and most.high > most.low:
            low, high, outside = most.low, most.high, most.outside
    if 0 < high - low < span:
        return Scaling(
            low,
            high,
            is_stretched=True,
            bits=bits,
            is_inverted=is_inverted,
            outside=outside,
        )
    return Scaling(0, white, bits=bits, is_inverted=is_inverted)
