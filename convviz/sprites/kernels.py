"""Kernels as images: many filters, or the slices of one, on one scale.

The middle of the scale is 0. Filters that look at the image's three colours are shown in colour:
grey is 0, and a weight of the largest magnitude is full or no red, green or blue. Others are shown
from orange (negative) over white to blue (positive), colours that colour-blind people tell apart.
Weights beyond the ends of the scale have the colours of its ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from convviz.images.encode import png
from convviz.sprites.grid import TileGrid, columns_of, rows_of
from convviz.sprites.lettering import font

_NEGATIVE, _ZERO, _POSITIVE = (213, 94, 0), (247, 247, 247), (0, 114, 178)
SCALE = tuple("#" + bytes(colour).hex() for colour in (_NEGATIVE, _ZERO, _POSITIVE))
"""The colours of weights from the lowest to the highest, as "#rrggbb", for a gradient in CSS."""

_GAP = 3  # pixels
_TILE, _SMALL_TILE, _MANY = 66, 40, 128  # pixels; the small one for more filters than these
_LETTERS = 0.24  # height of a tile's name, as a share of its side
_INK, _PAPER = (24, 24, 24), (218, 224, 229)  # a weight of 0, which is white, shows on it


@dataclass(frozen=True)
class KernelSheet(TileGrid):
    """Kernels in one image.

    Attributes:
        bound: The magnitude at the ends of the scale.
    """

    bound: float


def kernel_picture(kernel: Tensor, size: int, bound: float) -> Image.Image:
    """Draw one kernel, shape (3, h, w) in colour or (h, w), without smoothing.

    Args:
        kernel: The weights.
        size: Length of the image's longer side, in pixels.
        bound: The magnitude at the ends of the scale.
    """
    colours = _coloured(kernel, bound)
    height, width = colours.shape[:2]
    scale = size / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    return Image.fromarray(colours).resize(shape, Image.Resampling.NEAREST)


def tile_side(filters: int) -> int:
    """Say how large, in pixels, each of so many filters is drawn where all stand together."""
    return _TILE if filters <= _MANY else _SMALL_TILE


def kernel_sheet(
    kernels: Sequence[Tensor], *, tile: int = 64, bound: float | None = None, columns: int = 16
) -> KernelSheet:
    """Draw kernels, each of shape (3, h, w) or (h, w), side by side on one scale.

    Args:
        kernels: The weights.
        tile: Side of a tile, in pixels.
        bound: The magnitude at the ends of the scale; None for the largest there is.
        columns: Tiles per row, at most.
    """
    reach = bound
    if reach is None:
        reach = max((float(kernel.abs().max()) for kernel in kernels), default=0.0)
    reach = reach or 1.0
    count = len(kernels)
    columns = columns_of(count, columns, tile, _GAP)
    width, height = (n * (tile + _GAP) - _GAP for n in (columns, rows_of(count, columns)))
    sheet = Image.new("RGBA", (width, height))
    for index, kernel in enumerate(kernels):
        row, column = divmod(index, columns)
        image = kernel_picture(kernel, tile, reach)
        sheet.paste(image, (column * (tile + _GAP), row * (tile + _GAP)))
    return KernelSheet(png(sheet), columns, tile, _GAP, count, reach)


def named_sheet(
    kernels: Sequence[Tensor], names: Sequence[str], *, tile: int, bound: float, columns: int
) -> Image.Image:
    """Draw kernels, each of shape (3, h, w) or (h, w), with a name below each.

    Args:
        kernels: The weights.
        names: What stands below each.
        tile: Side of a tile, in pixels.
        bound: The magnitude at the ends of the scale.
        columns: Tiles per row, at most.
    """
    letters = round(_LETTERS * tile)
    across, down = tile + 2 * _GAP, tile + 2 * _GAP + round(1.3 * letters)
    columns = min(columns, max(1, len(kernels)))
    sheet = Image.new("RGB", (columns * across, rows_of(len(kernels), columns) * down), _PAPER)
    pen, type_ = ImageDraw.Draw(sheet), font(letters)
    for index, (kernel, name) in enumerate(zip(kernels, names, strict=True)):
        row, column = divmod(index, columns)
        left, top = column * across + _GAP, row * down + _GAP
        sheet.paste(kernel_picture(kernel, tile, bound), (left, top))
        pen.text((left + tile / 2, top + tile + _GAP), name, _INK, type_, anchor="mt")
    return sheet


def _coloured(kernel: Tensor, bound: float) -> NDArray[np.uint8]:
    """Colour weights, shape (3, h, w) or (h, w), as RGB, shape (h, w, 3)."""
    scaled = (kernel.detach().double() / (bound or 1.0)).clamp(-1, 1)
    if scaled.dim() == 3:
        return (scaled.permute(1, 2, 0) * 127.5 + 127.5).round().to(torch.uint8).numpy()
    share = scaled.unsqueeze(-1)
    ends = torch.where(share < 0, torch.tensor(_NEGATIVE), torch.tensor(_POSITIVE)).double()
    zero = torch.tensor(_ZERO).double()
    mixed = zero + (ends - zero) * share.abs()
    return mixed.round().to(torch.uint8).numpy()
