"""The activation grid as one picture to keep: title, scale, every channel with its number."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from convviz.features.activations import Activations
from convviz.features.dead import DeadChannels
from convviz.sprites.colormaps import Colormap, lookup
from convviz.sprites.lettering import drawable, font, number
from convviz.sprites.tiles import (
    GAP,
    Contrast,
    dead_tile,
    draw_tiles,
    effective_contrast,
    empty_tile,
    lay_out,
    palette,
    scale_of,
    tile_size,
)

_MARGIN, _GAP, _WIDTH = 16, 3, 1400  # pixels
_TITLE, _TEXT, _LABEL = 22, 15, 11  # heights of letters in pixels
_BAR = (160, 14)  # the colour scale
_INK, _PAPER = (24, 24, 24), (255, 255, 255)


@dataclass(frozen=True)
class Section:
    """A titled part of the grid: the channels it shows, in this order."""

    title: str
    indices: tuple[int, ...]


def branch_sections(
    activations: Activations, order: Sequence[int], threshold: float = 0.0
) -> tuple[Section, ...]:
    """Divide channels by the branches of a concatenation, with each one's count of empty ones.

    Args:
        activations: What the layer answers to an image.
        order: The channels to show, in the order to show them.
        threshold: τ, as in `Activations.empty`.

    Returns:
        One section per branch; one without a title for any other layer.
    """
    if not activations.layer.branches:
        return (Section("", tuple(order)),)
    empty = activations.empty(threshold)
    found = []
    for branch in activations.layer.branches:
        count = int(empty[branch.start : branch.stop].sum())
        found.append(
            Section(
                f"{branch.title}: {count} of {branch.stop - branch.start} channels empty",
                tuple(index for index in order if branch.start <= index < branch.stop),
            )
        )
    return tuple(found)


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
    """Draw the activation grid as a picture that explains itself.

    Args:
        activations: What the layer answers to an image.
        title: First line; the network's name, say. The layer and the count of empty channels
            follow by themselves.
        order: The channels to show, in the order to show them; None for all by index.
        sections: Titled parts instead of one grid; `order` does not count then.
        contrast: "channel" gives each channel its own scale, "shared" one to all.
        threshold: τ, as in `Activations.empty`.
        tile: Side of a tile in pixels; None chooses it by the number of channels.
        colormap: Name of the colour map.
        dead: As in `atlas`.
        ends: As in `atlas`.

    Returns:
        An RGB picture.

    Raises:
        SettingError: The threshold, contrast or colour map does not exist.
    """
    contrast = effective_contrast(activations, contrast)
    empty = activations.empty(threshold)
    scale = scale_of(activations, contrast, empty, ends)
    marked = dead.of(activations) if dead else ()
    shown = range(activations.channels) if order is None else order
    parts = [*sections] if sections is not None else [("", shown)]
    pairs = [(p.title, p.indices) if isinstance(p, Section) else p for p in parts]
    side = tile or tile_size(activations.channels, *activations.maps.shape[1:])
    layer = activations.layer
    name = layer.title if layer.title == layer.name else f"{layer.title} ({layer.name})"
    head = _head(
        drawable(" · ".join(part for part in (title, name) if part)),
        drawable(_explain(activations, threshold)),
        None if contrast == "channel" else (number(scale.low), number(scale.high)),
        colormap,
        with_empty=bool(empty.any()),
        dead_over=dead.seen if dead and marked else 0,
    )
    tiles = draw_tiles(activations, scale, empty, side, marked)
    longest = max((len(indices) for _, indices in pairs), default=1)
    columns = max(1, min(_WIDTH // (side + _GAP), max(longest, 1), _square(longest)))
    blocks = [head]
    for heading, indices in pairs:
        if heading:
            blocks.append(_line(drawable(heading), _TEXT))
        blocks.append(_grid(tiles, indices, columns, colormap))
    return _stack(blocks)


def colour_bar(colormap: Colormap, width: int, height: int) -> Image.Image:
    """Draw a colour map's scale, low at the left."""
    row = lookup(colormap, max(width, 2))[:width]
    return Image.fromarray(np.broadcast_to(row, (height, width, 3)).copy())


def _explain(activations: Activations, threshold: float) -> str:
    sentence = activations.sentence(threshold)
    if threshold:
        sentence += f" Empty: at most {number(threshold)} times the layer's largest activation."
    return sentence


def _square(count: int) -> int:
    """Return the columns that make a grid about twice as wide as it is high."""
    return round((2 * count) ** 0.5) or 1


def _head(
    title: str,
    sentence: str,
    ends: tuple[str, str] | None,
    colormap: Colormap,
    *,
    with_empty: bool,
    dead_over: int,
) -> Image.Image:
    legend = _legend(ends, colormap, with_empty=with_empty, dead_over=dead_over)
    return _stack([_line(title, _TITLE), _line(sentence, _TEXT), legend], margin=0, gap=8)


def _legend(
    ends: tuple[str, str] | None, colormap: Colormap, *, with_empty: bool, dead_over: int
) -> Image.Image:
    bar = colour_bar(colormap, *_BAR)
    low, high = ends or ("low", "high (each channel on its own scale)")
    pieces = [_line(low, _TEXT), bar, _line(high, _TEXT)]
    if with_empty:
        pieces += [_space(16), _paint(empty_tile(_TEXT + 6), colormap), _line("empty", _TEXT)]
    if dead_over:
        said = f"dead: empty for each of {dead_over} pictures"
        pieces += [_space(16), _paint(dead_tile(_TEXT + 6), colormap), _line(said, _TEXT)]
    height = max(piece.height for piece in pieces)
    row = Image.new("RGB", (sum(p.width for p in pieces) + 8 * (len(pieces) - 1), height), _PAPER)
    left = 0
    for piece in pieces:
        row.paste(piece, (left, (height - piece.height) // 2))
        left += piece.width + 8
    return row


def _grid(
    tiles: NDArray[np.uint8], indices: Sequence[int], columns: int, colormap: Colormap
) -> Image.Image:
    """Lay out the chosen tiles, each with its channel's number below it."""
    chosen = np.asarray(list(indices), np.intp)
    if not len(chosen):
        return _line("no channel to show", _TEXT)
    side = tiles.shape[1]
    foot = _LABEL + 3
    framed = np.pad(tiles[chosen], ((0, 0), (0, foot), (0, 0)), constant_values=GAP)
    picture = _paint(lay_out(framed, columns, _GAP), colormap)
    draw = ImageDraw.Draw(picture)
    for place, index in enumerate(chosen.tolist()):
        row, column = divmod(place, columns)
        corner = (column * (side + _GAP), row * (side + foot + _GAP) + side)
        draw.text(corner, str(index), _INK, font(_LABEL))
    return picture


def _paint(indices: NDArray[np.uint8], colormap: Colormap) -> Image.Image:
    picture = Image.fromarray(indices)
    picture.putpalette(palette(colormap))
    return picture.convert("RGB")


def _line(text: str, size: int) -> Image.Image:
    """Draw one line of text, just large enough for it."""
    width = round(font(size).getlength(text)) + 1
    line = Image.new("RGB", (width, round(size * 1.3)), _PAPER)
    ImageDraw.Draw(line).text((0, 0), text, _INK, font(size))
    return line


def _space(width: int) -> Image.Image:
    return Image.new("RGB", (width, 1), _PAPER)


def _stack(blocks: Sequence[Image.Image], margin: int = _MARGIN, gap: int = _MARGIN) -> Image.Image:
    """Stack pictures from top to bottom, aligned at the left."""
    width = max(block.width for block in blocks)
    height = sum(block.height for block in blocks) + gap * (len(blocks) - 1)
    page = Image.new("RGB", (width + 2 * margin, height + 2 * margin), _PAPER)
    top = margin
    for block in blocks:
        page.paste(block, (margin, top))
        top += block.height + gap
    return page
