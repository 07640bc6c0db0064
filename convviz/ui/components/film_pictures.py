"""The pictures of a film's moments: the first kernels, and a layer's maps."""

from __future__ import annotations

from torch import Tensor

from convviz.learning.snapshots import Maps, Snapshot
from convviz.sprites.grid import atlas
from convviz.sprites.kernels import kernel_sheet

_KERNEL_PIXELS = 48
_TILE_PIXELS = 48
_KERNELS_IN_A_ROW = 8


def kernels_png(frame: Snapshot) -> tuple[bytes, float]:
    """Draw the first layer's kernels; also return the magnitude at the ends of their scale."""
    if frame.kernels is None:
        return b"", 0.0
    kernels = [_drawable(kernel) for kernel in frame.kernels]
    sheet = kernel_sheet(kernels, tile=_KERNEL_PIXELS, columns=_KERNELS_IN_A_ROW)
    return sheet.png, sheet.bound


def _drawable(kernel: Tensor) -> Tensor:
    """Return a kernel as it is drawn: in colour, or of grey images as one slice."""
    return kernel[0] if len(kernel) == 1 else kernel


def maps_png(maps: Maps) -> bytes:
    """Draw a layer's maps, empty ones crossed out."""
    columns = 8 if maps.channels <= 32 else 16
    return atlas(maps.activations(), tile=_TILE_PIXELS, columns=columns).png
