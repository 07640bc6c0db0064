"""A layer's maps as small square tiles of palette indices.

The palette holds a colour map's levels, lowest first, then the colours of what is not a value: the
gaps between tiles, and the marks. A mark is a shape, so it shows in every colour map, on a
projector and to colour-blind people: an empty channel is a grey tile, crossed out and outlined; a
dead one is a dark tile with a light line through its middle, like a pulse that has stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from convviz.errors import SettingError
from convviz.features.activations import Activations
from convviz.sprites.colormaps import Colormap, lookup

Contrast = Literal["channel", "shared"]
CONTRASTS: tuple[Contrast, ...] = get_args(Contrast)

LEVELS = 64  # more would make the files larger without showing more in so small a tile
GAP, EMPTY, MARK, LINE = LEVELS, LEVELS + 1, LEVELS + 2, LEVELS + 3  # palette indices
_EXTRA_COLOURS = (255, 255, 255, 160, 160, 160, 38, 38, 38, 240, 240, 240)

SMALLEST_TILE, LARGEST_TILE = 24, 112
_TILES = (
    (32, 112),
    (64, 96),
    (128, 64),
    (256, 52),
    (512, 44),
    (1024, 32),
)  # up to so many channels, pixels


def palette(colormap: Colormap) -> list[int]:
    """Return the palette of the tiles as Pillow wants it: red, green, blue, red, …."""
    return [*lookup(colormap, LEVELS).flatten().tolist(), *_EXTRA_COLOURS]


def tile_size(channels: int, height: int, width: int) -> int:
    """Choose a tile's side in pixels: the fewer channels the larger.

    Where the maps are smaller than that, it is a multiple of theirs, so that every value becomes a
    square of equal size.
    """
    wished = next((pixels for most, pixels in _TILES if channels <= most), SMALLEST_TILE)
    side = max(height, width)
    return wished if side > wished else min(side * round(wished / side), LARGEST_TILE)


def effective_contrast(activations: Activations, contrast: Contrast) -> Contrast:
    """Return the contrast to use: maps of one pixel have no contrast of their own.

    Raises:
        SettingError: There is no such contrast.
    """
    if contrast not in CONTRASTS:
        raise SettingError(f"There is no contrast {contrast!r}; choose {' or '.join(CONTRASTS)}.")
    return "shared" if activations.maps.shape[1:].numel() == 1 else contrast


@dataclass(frozen=True)
class Scale:
    """Which values become the lowest and the highest colour.

    Attributes:
        lows: Low end of each channel's scale, shape (C, 1, 1).
        highs: High end of each channel's scale, shape (C, 1, 1).
        low: Low end over all channels that are shown.
        high: High end over all channels that are shown.
    """

    lows: NDArray[np.float32]
    highs: NDArray[np.float32]
    low: float
    high: float


def scale_of(
    activations: Activations,
    contrast: Contrast,
    empty: Tensor,
    ends: tuple[float, float] | None = None,
) -> Scale:
    """Find the scale of every channel.

    The lowest colour is 0, or the least value where some are negative. Channels that are crossed
    out as empty do not count for the others, unless all are.

    Args:
        activations: What the layer answers to an image.
        contrast: As in `atlas`.
        empty: Which channels are empty, shape (C,).
        ends: What a shared scale runs from and to; None to take it from these maps.
    """
    maps = activations.maps.numpy()
    pixels = np.where(np.isfinite(maps), maps, np.float32(0)).reshape(len(maps), -1, 1)
    lows = pixels.min(1, keepdims=True).clip(max=0)
    highs = pixels.max(1, keepdims=True)
    shown = ~empty.numpy() if not bool(empty.all()) else np.ones(len(maps), bool)
    low, high = float(lows[shown].min()), float(highs[shown].max())
    if contrast == "shared" and ends is not None:
        low, high = ends
    if contrast == "shared":
        lows, highs = np.full_like(lows, low), np.full_like(highs, high)
    return Scale(lows, highs, low, high)


def draw_tiles(
    activations: Activations, scale: Scale, empty: Tensor, side: int, dead: Sequence[int] = ()
) -> NDArray[np.uint8]:
    """Draw every channel, shape (C, side, side), as palette indices.

    Maps larger than a tile are averaged down to it, smaller ones are enlarged without smoothing.
    Empty channels and, before them, dead ones get their mark instead.
    """
    # NumPy rather than torch: on a busy server torch's threads wait for one another far longer
    # than these few operations take.
    maps = np.nan_to_num(activations.maps.numpy(), nan=0.0)
    maps = maps.clip(scale.lows, np.maximum(scale.highs, scale.lows))
    maps = _averaged(_averaged(maps, side, axis=1), side, axis=2)
    span = np.where(scale.highs > scale.lows, scale.highs - scale.lows, np.float32(1))
    scaled = (maps - scale.lows) / span
    indices = (scaled.clip(0, 1) * (LEVELS - 1)).round().astype(np.uint8)
    _, height, width = indices.shape
    rows, columns = np.arange(side) * height // side, np.arange(side) * width // side
    tiles = indices[:, rows[:, None], columns]
    tiles[empty.numpy()] = empty_tile(side)
    tiles[list(dead)] = dead_tile(side)
    return tiles


def _averaged(maps: NDArray[np.float32], length: int, axis: int) -> NDArray[np.float32]:
    """Average along one axis down to a length; shorter axes stay as they are."""
    present = maps.shape[axis]
    if present <= length:
        return maps
    starts = np.arange(length) * present // length
    counts = np.diff(starts, append=present).astype(np.float32)
    shape = [1, 1, 1]
    shape[axis] = length
    sums: NDArray[np.float32] = np.add.reduceat(maps, starts, axis=axis)
    averages: NDArray[np.float32] = sums / counts.reshape(shape)
    return averages


def empty_tile(side: int) -> NDArray[np.uint8]:
    """Draw the mark of an empty channel, shape (side, side), as palette indices."""
    tile = Image.new("L", (side, side), EMPTY)
    draw = ImageDraw.Draw(tile)
    stroke = max(1, round(side / 20))
    draw.line((0, 0, side - 1, side - 1), MARK, stroke)
    draw.line((0, side - 1, side - 1, 0), MARK, stroke)
    draw.rectangle((0, 0, side - 1, side - 1), outline=MARK, width=stroke)
    return np.asarray(tile)


def dead_tile(side: int) -> NDArray[np.uint8]:
    """Draw the mark of a dead channel, shape (side, side), as palette indices."""
    tile = np.full((side, side), MARK, np.uint8)
    stroke = max(2, round(side / 10))
    top, margin = (side - stroke) // 2, side // 8
    tile[top : top + stroke, margin : side - margin] = LINE
    return tile


def lay_out(tiles: NDArray[np.uint8], columns: int, gap: int) -> NDArray[np.uint8]:
    """Lay tiles, shape (N, H, W), row by row with gaps between, into one picture.

    Returns:
        Palette indices, shape (rows × (H + gap) − gap, columns × (W + gap) − gap).
    """
    count, height, width = tiles.shape
    rows = -(-count // columns)
    down, across = height + gap, width + gap
    canvas = np.full((rows * columns, down, across), GAP, np.uint8)
    canvas[:count, :height, :width] = tiles
    picture = canvas.reshape(rows, columns, down, across).swapaxes(1, 2)
    return picture.reshape(rows * down, columns * across)[:-gap, :-gap]
