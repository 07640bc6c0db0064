"""All channels of a layer as one image: a grid of small square tiles.

Two images are made of the same tiles: `atlas`, all channels by index for the browser, which lays
them out, enlarges and marks them itself, and `grid_picture`, chosen channels with a title and a
legend, to be saved.

Tiles are palette indices. The palette holds the levels of a colour map, lowest first, then the
colours of what has no value: the gaps between tiles, and the marks. A mark is a shape, so that it
shows in every colour map, on a projector and to colour-blind people: an empty channel is a grey
tile, crossed out and outlined; a dead one is a dark tile with a light line through its middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from convviz.errors import SettingError
from convviz.features import findings
from convviz.features.activations import Activations
from convviz.features.dead import DeadChannels
from convviz.formatting import called, significant
from convviz.images.encode import png
from convviz.language import again, tr
from convviz.sprites.colormaps import Colormap, lookup
from convviz.sprites.lettering import drawable, font

Contrast = Literal["channel", "shared"]
CONTRASTS: tuple[Contrast, ...] = get_args(Contrast)

LEVELS = 64  # more would make the files larger without showing more in so small a tile
GAP, EMPTY, MARK, LINE = LEVELS, LEVELS + 1, LEVELS + 2, LEVELS + 3  # palette indices
_EXTRA_COLOURS = (255, 255, 255, 160, 160, 160, 38, 38, 38, 240, 240, 240)

SMALLEST_TILE, LARGEST_TILE = 24, 112
_TILES = ((32, 112), (64, 96), (128, 64), (256, 52), (512, 44), (1024, 32))  # channels, pixels
_WIDTH = 1400  # pixels; browsers draw images of a few thousand pixels without trouble
_ATLAS_GAP = 2

_MARGIN, _GAP = 16, 3  # pixels
_TITLE, _TEXT, _LABEL = 22, 15, 11  # heights of letters in pixels
_BAR = (160, 14)  # the colour scale
_INK, _PAPER = (24, 24, 24), (255, 255, 255)


@dataclass(frozen=True)
class TileGrid:
    """One image of equally large square tiles, row by row, with transparent gaps.

    Tile i lies at column ``i % columns`` and row ``i // columns``; its upper left corner is at
    ``(column × (tile + gap), row × (tile + gap))``.

    Attributes:
        png: The image's file.
        columns: Tiles per row.
        tile: Side of a tile, in pixels.
        gap: Space between two tiles, in pixels.
        count: Number of tiles.
    """

    png: bytes
    columns: int
    tile: int
    gap: int
    count: int

    @property
    def rows(self) -> int:
        """Rows of tiles, at least 1."""
        return rows_of(self.count, self.columns)

    @property
    def width(self) -> int:
        """Width of the image, in pixels."""
        return self.columns * (self.tile + self.gap) - self.gap

    @property
    def height(self) -> int:
        """Height of the image, in pixels."""
        return self.rows * (self.tile + self.gap) - self.gap

    def geometry(self) -> dict[str, int]:
        """Return all numbers that say where a tile lies."""
        names = ("width", "height", "columns", "rows", "tile", "gap", "count")
        return {name: getattr(self, name) for name in names}


def columns_of(count: int, limit: int, tile: int, gap: int) -> int:
    """Return how many columns fit: at most `limit`, and at most as many as there are tiles."""
    return max(1, min(_WIDTH // (tile + gap), limit, count))


def rows_of(count: int, columns: int) -> int:
    """Return how many rows a number of tiles takes, at least 1."""
    return max(1, -(-count // columns))


@dataclass(frozen=True)
class Atlas(TileGrid):
    """One image of all channels, in the order of their index.

    Attributes:
        low: The value that got the lowest colour, in a channel that is not empty.
        high: The value that got the highest colour.
        contrast: "shared" if low and high hold for every channel; "channel" if each channel runs
            from its own least value, or 0 if that is less, to its own greatest, or 0 if that is
            more. Maps of one pixel always share.
        ends: What the lowest and the highest colour stand for, in words that `again` tells.
    """

    low: float
    high: float
    contrast: Contrast
    ends: tuple[str, str]


@dataclass(frozen=True)
class Section:
    """A titled part of the grid: the channels it shows, in this order; `again` tells its title."""

    title: str
    indices: tuple[int, ...]


def atlas(
    activations: Activations,
    *,
    contrast: Contrast = "channel",
    threshold: float = 0.0,
    tile: int | None = None,
    colormap: Colormap = "viridis",
    dead: DeadChannels | None = None,
    ends: tuple[float, float] | None = None,
    columns: int | None = None,
    marks: bool = True,
) -> Atlas:
    """Draw all channels of a layer into one PNG; empty ones are crossed out.

    Args:
        activations: The layer's activations for an image.
        contrast: "channel" gives each channel its own scale, "shared" one to all.
        threshold: τ, as in `Activations.empty`.
        tile: Side of a tile in pixels; None chooses it by the number of channels.
        colormap: Name of the colour map.
        dead: Channels that are dead over a set of images: those that are empty for this image as
            well get their own mark.
        ends: Lowest and highest value of a shared scale; None to take them from these maps.
        columns: Tiles per row; None chooses them by the number of channels.
        marks: Whether empty and dead channels get their marks. If not, their maps are drawn.

    Raises:
        SettingError: The threshold, contrast or colour map does not exist.
    """
    drawing = _draw(activations, contrast, threshold, tile, dead, ends, marks)
    count, side = activations.channels, drawing.tiles.shape[1]
    columns = columns_of(count, columns or ceil(sqrt(count * 2)), side, _ATLAS_GAP)
    image = Image.fromarray(lay_out(drawing.tiles, columns, _ATLAS_GAP))
    image.putpalette(palette(colormap))
    data = png(image, transparency=GAP, quick=True)
    scale = drawing.scale
    return Atlas(
        png=data,
        columns=columns,
        tile=side,
        gap=_ATLAS_GAP,
        count=count,
        low=scale.low,
        high=scale.high,
        contrast=drawing.contrast,
        ends=drawing.ends,
    )


def branch_sections(
    activations: Activations, order: Sequence[int], threshold: float = 0.0
) -> tuple[Section, ...]:
    """Divide channels by the branches of a concatenation, with each one's count of empty ones.

    Args:
        activations: The layer's activations for an image.
        order: The channels to show, in the order to show them.
        threshold: τ, as in `Activations.empty`.

    Returns:
        One section per branch; one without a title for any other layer.
    """
    if not activations.layer.branches:
        return (Section("", tuple(order)),)
    empty = activations.empty(threshold)
    sections = []
    for branch in activations.layer.branches:
        count = int(empty[branch.start : branch.stop].sum())
        sections.append(
            Section(
                tr(
                    "{branch}: {count} of {channels} channels empty",
                    branch=branch.title,
                    count=count,
                    channels=branch.stop - branch.start,
                ),
                tuple(index for index in order if branch.start <= index < branch.stop),
            )
        )
    return tuple(sections)


def grid_picture(
    activations: Activations,
    *,
    title: str = "",
    order: Sequence[int] | None = None,
    sections: Sequence[Section | tuple[str, Sequence[int]]] | None = None,
    contrast: Contrast = "channel",
    threshold: float = 0.0,
    tile: int | None = None,
    colormap: Colormap = "viridis",
    dead: DeadChannels | None = None,
    ends: tuple[float, float] | None = None,
) -> Image.Image:
    """Draw the activation grid as an image with a title and a legend.

    Args:
        activations: The layer's activations for an image.
        title: Beginning of the first line, such as the network's name. The layer and the count of
            empty channels follow.
        order: The channels to show, in the order to show them; None for all by index.
        sections: Titled parts instead of one grid; `order` does not count then.
        contrast: "channel" gives each channel its own scale, "shared" one to all.
        threshold: τ, as in `Activations.empty`.
        tile: Side of a tile in pixels; None chooses it by the number of channels.
        colormap: Name of the colour map.
        dead: As in `atlas`.
        ends: As in `atlas`.

    Returns:
        An RGB image.

    Raises:
        SettingError: The threshold, contrast or colour map does not exist.
    """
    drawing = _draw(activations, contrast, threshold, tile, dead, ends)
    channels = range(activations.channels) if order is None else order
    parts = [*sections] if sections is not None else [("", channels)]
    pairs = [(p.title, p.indices) if isinstance(p, Section) else p for p in parts]
    layer = activations.layer
    name = called(layer.title, layer.name)
    blocks = [
        _head(
            drawable(" · ".join(part for part in (again(title), name) if part)),
            drawable(_explain(activations, threshold)),
            drawing.ends,
            colormap,
            with_empty=bool(drawing.empty.any()),
            dead=findings.dead_mark(dead) if dead and drawing.dead else "",
        )
    ]
    longest = max((len(indices) for _, indices in pairs), default=1)
    # About twice as wide as it is high.
    columns = columns_of(longest, round((2 * longest) ** 0.5), drawing.tiles.shape[1], _GAP)
    for heading, indices in pairs:
        if heading:
            blocks.append(_line(drawable(again(heading)), _TEXT))
        blocks.append(_numbered(drawing.tiles, indices, columns, colormap))
    return _stack(blocks)


@dataclass(frozen=True)
class _Drawing:
    """The tiles of all channels.

    Attributes:
        tiles: Palette indices, shape (C, side, side).
        scale: Which values became the lowest and the highest colour.
        contrast: The contrast that they were drawn with.
        empty: Which channels are empty, shape (C,).
        dead: The channels that are marked as dead.
        ends: What the lowest and the highest colour stand for, in words.
    """

    tiles: NDArray[np.uint8]
    scale: Scale
    contrast: Contrast
    empty: Tensor
    dead: tuple[int, ...]
    ends: tuple[str, str]


def _draw(
    activations: Activations,
    contrast: Contrast,
    threshold: float,
    tile: int | None,
    dead: DeadChannels | None,
    ends: tuple[float, float] | None,
    marks: bool = True,
) -> _Drawing:
    """Draw the tiles of all channels; arguments as in `atlas`."""
    contrast = effective_contrast(activations, contrast)
    empty = activations.empty(threshold)
    scale = scale_of(activations, contrast, empty, ends)
    dead_channels = dead.of(activations) if dead else ()
    side = tile or tile_size(activations.channels, *activations.maps.shape[1:])
    tiles = draw_tiles(activations, scale, side)
    if marks:
        tiles[empty.numpy()] = empty_tile(side)
        tiles[list(dead_channels)] = dead_tile(side)
    return _Drawing(tiles, scale, contrast, empty, dead_channels, _ends(scale, contrast, empty))


def _ends(scale: Scale, contrast: Contrast, empty: Tensor) -> tuple[str, str]:
    """Say what the lowest and the highest colour stand for, over the channels that are drawn."""
    if contrast == "shared":
        return significant(scale.low), significant(scale.high)
    counts = _counting(empty)
    low, high = "0", tr("channel's highest")
    if (scale.lows[counts] < 0).any():
        low = tr("channel's lowest, at most 0")
    if ((scale.highs[counts] == 0) & (scale.lows[counts] < 0)).any():
        high = tr("channel's highest, at least 0")
    return low, high


def _counting(empty: Tensor) -> NDArray[np.bool_]:
    """Tell which channels count for a scale, shape (C,): those not empty, or all if all are."""
    marked: NDArray[np.bool_] = empty.numpy()
    return np.ones_like(marked) if marked.all() else ~marked


def palette(colormap: Colormap) -> list[int]:
    """Return the palette of the tiles in Pillow's order: red, green, blue, red, …."""
    return [*lookup(colormap, LEVELS).flatten().tolist(), *_EXTRA_COLOURS]


def tile_size(channels: int, height: int, width: int) -> int:
    """Choose a tile's side in pixels: the fewer channels the larger.

    Where the maps are smaller than that, it is a multiple of theirs, so that every value becomes a
    square of equal size.
    """
    target = next((pixels for limit, pixels in _TILES if channels <= limit), SMALLEST_TILE)
    side = max(height, width)
    if side > target:
        return target
    return min(side * round(target / side), LARGEST_TILE)


def own_size(channels: int, height: int, width: int) -> int:
    """Choose the least side in pixels of a tile that shows as much of a map as `tile_size` does."""
    side = tile_size(channels, height, width)
    return min(height, side) if height == width else side


def effective_contrast(activations: Activations, contrast: Contrast) -> Contrast:
    """Return the contrast to draw with: maps of one pixel are always drawn on a shared scale.

    Raises:
        SettingError: There is no such contrast.
    """
    if contrast not in CONTRASTS:
        raise SettingError(
            tr(
                "There is no contrast {contrast!r}; choose {contrasts}.",
                contrast=contrast,
                contrasts=tr(" or ").join(CONTRASTS),
            )
        )
    return "shared" if activations.maps.shape[1:].numel() == 1 else contrast


@dataclass(frozen=True)
class Scale:
    """Which values become the lowest and the highest colour.

    Attributes:
        lows: Low end of each channel's scale, shape (C, 1, 1).
        highs: High end of each channel's scale, shape (C, 1, 1).
        low: Low end over all channels that count.
        high: High end over all channels that count.
        covers: Whether all values are numbers between the ends of their channel's scale.
    """

    lows: NDArray[np.float32]
    highs: NDArray[np.float32]
    low: float
    high: float
    covers: bool


def scale_of(
    activations: Activations,
    contrast: Contrast,
    empty: Tensor,
    ends: tuple[float, float] | None = None,
) -> Scale:
    """Find the scale of every channel.

    The lowest colour is 0, or the least value where some are negative; the highest colour is the
    greatest value, or 0 where all are negative. So 0 is on every scale, and of maps behind a ReLU
    dark is nothing. Channels that are crossed out as empty do not count for the others, unless all
    are.

    Args:
        activations: The layer's activations for an image.
        contrast: As in `atlas`.
        empty: Which channels are empty, shape (C,).
        ends: Lowest and highest value of a shared scale; None to take them from these maps.
    """
    maps = activations.maps.numpy()
    pixels = maps.reshape(len(maps), -1, 1)
    lows, highs = pixels.min(1, keepdims=True), pixels.max(1, keepdims=True)
    finite = bool(np.isfinite(lows).all() and np.isfinite(highs).all())
    if not finite:
        pixels = np.where(np.isfinite(pixels), pixels, np.float32(0))
        lows, highs = pixels.min(1, keepdims=True), pixels.max(1, keepdims=True)
    least, greatest = lows, highs
    lows, highs = lows.clip(max=0), highs.clip(min=0)
    counts = _counting(empty)
    low, high = float(lows[counts].min()), float(highs[counts].max())
    if contrast == "shared" and ends is not None:
        low, high = ends
    if contrast == "shared":
        lows, highs = np.full_like(lows, low), np.full_like(highs, high)
    covers = finite and bool((lows <= least).all() and (greatest <= highs).all())
    return Scale(lows, highs, low, high, covers)


def draw_tiles(activations: Activations, scale: Scale, side: int) -> NDArray[np.uint8]:
    """Draw every channel, shape (C, side, side), as palette indices.

    Maps larger than a tile are averaged down to it, smaller ones are enlarged without smoothing.
    """
    # NumPy rather than torch: on a busy server torch's threads wait for one another far longer
    # than these few operations take.
    maps = activations.maps.numpy()
    if not scale.covers:
        maps = np.nan_to_num(maps, nan=0.0)
        maps = maps.clip(scale.lows, np.maximum(scale.highs, scale.lows))
    maps = _averaged(_averaged(maps, side, axis=1), side, axis=2)
    span = np.where(scale.highs > scale.lows, scale.highs - scale.lows, np.float32(1))
    scaled = (maps - scale.lows) / span
    indices = (scaled.clip(0, 1) * (LEVELS - 1)).round().astype(np.uint8)
    _, height, width = indices.shape
    rows, columns = np.arange(side) * height // side, np.arange(side) * width // side
    tiles: NDArray[np.uint8] = indices[:, rows[:, None], columns]
    return tiles


def _averaged(maps: NDArray[np.float32], length: int, axis: int) -> NDArray[np.float32]:
    """Average along one axis down to a length; shorter axes stay as they are."""
    present = maps.shape[axis]
    if present <= length:
        return maps
    starts = np.arange(length) * present // length
    counts = np.diff(starts, append=present)
    shape = [1, 1, 1]
    shape[axis] = length
    # Slices are added up in a half to a third of the time that np.add.reduceat takes.
    sums: NDArray[np.float32] = maps.take(starts, axis)
    for step in range(1, counts.max()):
        longer = np.flatnonzero(counts > step)
        more = maps.take(starts[longer] + step, axis)
        if axis == 1:
            sums[:, longer] += more
        else:
            sums[..., longer] += more
    averages: NDArray[np.float32] = sums / counts.astype(np.float32).reshape(shape)
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


def empty_picture(side: int, colormap: Colormap) -> Image.Image:
    """Draw the mark of an empty channel as an image of its own, as the grid draws it."""
    image = Image.fromarray(empty_tile(side))
    image.putpalette(palette(colormap))
    return image.convert("RGB")


def dead_tile(side: int) -> NDArray[np.uint8]:
    """Draw the mark of a dead channel, shape (side, side), as palette indices."""
    tile = np.full((side, side), MARK, np.uint8)
    stroke = max(2, round(side / 10))
    top, margin = (side - stroke) // 2, side // 8
    tile[top : top + stroke, margin : side - margin] = LINE
    return tile


def lay_out(tiles: NDArray[np.uint8], columns: int, gap: int) -> NDArray[np.uint8]:
    """Lay tiles, shape (N, H, W), out row by row with gaps between.

    Returns:
        Palette indices, shape (rows × (H + gap) − gap, columns × (W + gap) − gap).
    """
    count, height, width = tiles.shape
    rows = rows_of(count, columns)
    down, across = height + gap, width + gap
    canvas = np.full((rows * columns, down, across), GAP, np.uint8)
    canvas[:count, :height, :width] = tiles
    image = canvas.reshape(rows, columns, down, across).swapaxes(1, 2)
    return image.reshape(rows * down, columns * across)[:-gap, :-gap]


def colour_bar(colormap: Colormap, width: int, height: int) -> Image.Image:
    """Draw a colour map's scale, low at the left."""
    row = lookup(colormap, max(width, 2))[:width]
    return Image.fromarray(np.broadcast_to(row, (height, width, 3)).copy())


def _explain(activations: Activations, threshold: float) -> str:
    sentence = activations.sentence(threshold)
    if not threshold:
        return sentence
    share = significant(threshold)
    rule = (
        tr("Empty: at most {threshold} times the layer's largest absolute value.", threshold=share)
        if activations.is_signed
        else tr("Empty: at most {threshold} times the layer's largest activation.", threshold=share)
    )
    return f"{sentence} {rule}"


def _head(
    title: str,
    sentence: str,
    ends: tuple[str, str],
    colormap: Colormap,
    *,
    with_empty: bool,
    dead: str,
) -> Image.Image:
    legend = _legend(ends, colormap, with_empty=with_empty, dead=dead)
    return _stack([_line(title, _TITLE), _line(sentence, _TEXT), legend], margin=0, gap=8)


def _legend(
    ends: tuple[str, str], colormap: Colormap, *, with_empty: bool, dead: str
) -> Image.Image:
    bar = colour_bar(colormap, *_BAR)
    low, high = ends
    pieces = [_line(drawable(low), _TEXT), bar, _line(drawable(high), _TEXT)]
    if with_empty:
        pieces += [
            _space(16),
            _paint(empty_tile(_TEXT + 6), colormap),
            _line(drawable(tr("empty")), _TEXT),
        ]
    if dead:
        dead_sign = _paint(dead_tile(_TEXT + 6), colormap)
        pieces += [_space(16), dead_sign, _line(drawable(dead), _TEXT)]
    height = max(piece.height for piece in pieces)
    row = Image.new("RGB", (sum(p.width for p in pieces) + 8 * (len(pieces) - 1), height), _PAPER)
    x = 0
    for piece in pieces:
        row.paste(piece, (x, (height - piece.height) // 2))
        x += piece.width + 8
    return row


def _numbered(
    tiles: NDArray[np.uint8], indices: Sequence[int], columns: int, colormap: Colormap
) -> Image.Image:
    """Lay out the chosen tiles, each with its channel's number below it."""
    channels = np.asarray(list(indices), np.intp)
    if not len(channels):
        return _line(drawable(tr("no channel to show")), _TEXT)
    side = tiles.shape[1]
    foot = _LABEL + 3
    framed = np.pad(tiles[channels], ((0, 0), (0, foot), (0, 0)), constant_values=GAP)
    image = _paint(lay_out(framed, columns, _GAP), colormap)
    draw = ImageDraw.Draw(image)
    for position, index in enumerate(channels.tolist()):
        row, column = divmod(position, columns)
        corner = (column * (side + _GAP), row * (side + foot + _GAP) + side)
        draw.text(corner, str(index), _INK, font(_LABEL))
    return image


def _paint(indices: NDArray[np.uint8], colormap: Colormap) -> Image.Image:
    image = Image.fromarray(indices)
    image.putpalette(palette(colormap))
    return image.convert("RGB")


def _line(text: str, size: int) -> Image.Image:
    """Draw one line of text, just large enough for it."""
    width = round(font(size).getlength(text)) + 1
    line = Image.new("RGB", (width, round(size * 1.3)), _PAPER)
    ImageDraw.Draw(line).text((0, 0), text, _INK, font(size))
    return line


def _space(width: int) -> Image.Image:
    return Image.new("RGB", (width, 1), _PAPER)


def _stack(blocks: Sequence[Image.Image], margin: int = _MARGIN, gap: int = _MARGIN) -> Image.Image:
    """Stack images from top to bottom, aligned at the left."""
    width = max(block.width for block in blocks)
    height = sum(block.height for block in blocks) + gap * (len(blocks) - 1)
    page = Image.new("RGB", (width + 2 * margin, height + 2 * margin), _PAPER)
    top = margin
    for block in blocks:
        page.paste(block, (margin, top))
        top += block.height + gap
    return page
