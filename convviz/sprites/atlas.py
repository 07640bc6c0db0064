"""All channels of a layer in one PNG, for the page that lays them out itself."""

from dataclasses import dataclass
from io import BytesIO
from math import ceil, sqrt

from PIL import Image

from convviz.features.activations import Activations
from convviz.features.dead import DeadChannels
from convviz.sprites.colormaps import Colormap
from convviz.sprites.tiles import (
    GAP,
    Contrast,
    draw_tiles,
    effective_contrast,
    lay_out,
    palette,
    scale_of,
    tile_size,
)

_WIDTH = 1400  # pixels; browsers draw pictures of a few thousand pixels without trouble
_GAP = 2


@dataclass(frozen=True)
class Atlas:
    """One picture of all channels, in the order of their index, row by row.

    Channel i lies at column ``i % columns`` and row ``i // columns``; its upper left corner is at
    ``(column × (tile + gap), row × (tile + gap))``. The gaps are transparent.

    Attributes:
        png: The picture's file.
        columns: Tiles per row.
        tile: Side of a tile, in pixels.
        gap: Space between two tiles, in pixels.
        count: Number of channels.
        low: The value that got the lowest colour, in a channel that is not empty.
        high: The value that got the highest colour.
        contrast: "shared" if low and high hold for every channel; "channel" if each channel runs
            from its own least value (or 0) to its own greatest. Maps of one pixel always share.
    """

    png: bytes
    columns: int
    tile: int
    gap: int
    count: int
    low: float
    high: float
    contrast: Contrast


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
) -> Atlas:
    """Draw all channels of a layer into one PNG; empty ones are crossed out.

    Args:
        activations: What the layer answers to an image.
        contrast: "channel" gives each channel its own scale, "shared" one to all.
        threshold: τ, as in `Activations.empty`.
        tile: Side of a tile in pixels; None chooses it by the number of channels.
        colormap: Name of the colour map.
        dead: Channels that a set of pictures showed to be dead: those that this image does not
            wake up either get a mark of their own.
        ends: What a shared scale runs from and to; None to take it from these maps.
        columns: Tiles in a row; None chooses them by the number of channels.

    Raises:
        SettingError: The threshold, contrast or colour map does not exist.
    """
    contrast = effective_contrast(activations, contrast)
    empty = activations.empty(threshold)
    scale = scale_of(activations, contrast, empty, ends)
    count = activations.channels
    side = tile or tile_size(count, *activations.maps.shape[1:])
    columns = max(1, min(_WIDTH // (side + _GAP), columns or ceil(sqrt(count * 2)), count))
    tiles = draw_tiles(activations, scale, empty, side, dead.of(activations) if dead else ())
    picture = Image.fromarray(lay_out(tiles, columns, _GAP))
    picture.putpalette(palette(colormap))
    buffer = BytesIO()
    picture.save(buffer, "PNG", transparency=GAP)
    return Atlas(buffer.getvalue(), columns, side, _GAP, count, scale.low, scale.high, contrast)
