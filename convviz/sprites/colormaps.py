"""Perceptually uniform colour maps as lookup tables.

viridis, magma (S. van der Walt and N. Smith, 2015) and cividis (Nuñez, Anderton and Renslow, 2018)
are in the public domain (CC0). Ten colours of each, evenly spaced, are kept; those between are
interpolated. All four run from dark to light, so they stay readable in grey and for colour-blind
people.
"""

from functools import cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from convviz.errors import SettingError
from convviz.language import tr

Colormap = Literal["viridis", "magma", "cividis", "grey"]
COLORMAPS: tuple[Colormap, ...] = get_args(Colormap)

_ANCHORS: dict[Colormap, str] = {
    "viridis": "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
    "magma": "000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf",
    "cividis": "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
    "grey": "000000 ffffff",
}


@cache
def lookup(colormap: Colormap, levels: int = 256) -> NDArray[np.uint8]:
    """Tabulate a colour map from its low to its high end, shape (levels, 3), RGB; do not change it.

    Raises:
        SettingError: There is no such colour map.
    """
    if colormap not in _ANCHORS:
        raise SettingError(
            tr(
                "There is no colour map {colormap!r}; choose {names}.",
                colormap=colormap,
                names=", ".join(COLORMAPS),
            )
        )
    anchors = np.array([list(bytes.fromhex(colour)) for colour in _ANCHORS[colormap].split()])
    positions = np.linspace(0, len(anchors) - 1, levels)
    table = [np.interp(positions, np.arange(len(anchors)), anchors[:, band]) for band in range(3)]
    return np.stack(table, axis=1).round().astype(np.uint8)


def hex_colours(colormap: Colormap, count: int = 10) -> tuple[str, ...]:
    """List evenly spaced colours of a map, low to high, as "#rrggbb", for a gradient in CSS."""
    return tuple("#" + bytes(colour).hex() for colour in lookup(colormap, count))


def colour(values: NDArray[Any], colormap: Colormap) -> NDArray[np.uint8]:
    """Colour values in 0…1, shape (…), as RGB, shape (…, 3)."""
    table = lookup(colormap)
    return table[(values * (len(table) - 1)).round().astype(np.intp)]
