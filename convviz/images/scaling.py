"""How numbers of more than eight bits become the 0…255 of an image. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEUTRAL = 128
"""Grey for what has no value, halfway between black and white."""

WHITE = 65_535
"""The largest number of 16 bits."""

_SMALL_PART = 16_384  # a quarter of their range: 14 bits


@dataclass(frozen=True)
class Scaling:
    """Takes values to 0…255, in a straight line.

    Attributes:
        low: The value that becomes black.
        high: The value that becomes white.
        is_stretched: Whether these are the image's own extremes, and not the range of its numbers.
        bits: 16 if the numbers have a range of 16 bits; 0 if they have none (floats, say).
        is_inverted: Whether the file says that white is the lowest number.
    """

    low: float
    high: float
    is_stretched: bool = False
    bits: int = 16
    is_inverted: bool = False

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


def choose(
    found: tuple[float, float] | None,
    dtype: np.dtype[Any],
    *,
    white: int = WHITE,
    is_inverted: bool = False,
) -> Scaling:
    """Choose how an image's values become 0…255.

    - Floats, signed bytes, and integers outside 0…65,535 have no range that would mean black and
      white: the image's least value becomes black, its greatest one white.
    - Bytes stay as they are; so do wider integers of which none exceeds 255.
    - Other integers have 16 bits. If they span less than a quarter of that range, greatest minus
      least below 16,384, as those of cameras of 10, 12 or 14 bits and of fluorescence do, they are
      stretched in the same way; else 0 is black and 65,535 white. So it is with an image of one
      value alone, which has nothing to stretch.

    Args:
        found: The image's extreme values, of all colours together so that they keep their hue;
            None without any.
        dtype: Of the values.
        white: What is white among the integers, where a file says so itself; then nothing is
            stretched.
        is_inverted: Whether the file says that white is the lowest number.
    """
    low, high = found or (0.0, 0.0)
    is_bytes = dtype.itemsize == 1 and dtype.kind == "u"
    if not is_bytes and (dtype.kind == "f" or dtype.itemsize == 1 or low < 0 or high > WHITE):
        return Scaling(low, high, is_stretched=True, bits=0, is_inverted=is_inverted)
    if is_bytes or (dtype.itemsize > 2 and high <= 255):
        return Scaling(0, 255, is_inverted=is_inverted)
    if white == WHITE and 0 < high - low < _SMALL_PART:
        return Scaling(low, high, is_stretched=True, is_inverted=is_inverted)
    return Scaling(0, white, is_inverted=is_inverted)
