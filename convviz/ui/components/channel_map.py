"""One channel's map, alone or over the photograph, coloured and blended by the browser.

The photograph travels once, through `store`; a map travels as one of 256 levels for each of its
values. So another channel costs the server a few kilobytes and encodes no image.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

import streamlit as st
from torch import Tensor

from convviz.sprites.colormaps import Colormap, lookup
from convviz.sprites.overlay import Box, levels
from convviz.ui.components.declare import declare
from convviz.ui.components.store import pack, store
from convviz.ui.keys import Component


@dataclass(frozen=True)
class Under:
    """The photograph that a map is laid over.

    Attributes:
        photograph: What goes into the network, as the bytes of a JPEG or PNG.
        box: Where the map lies on it, as shares of its side: top, left, bottom, right.
        blend: How much the map's highest values cover it, in 0…1.
    """

    photograph: bytes
    box: Box
    blend: float


def channel_map(
    values: Tensor,
    *,
    key: str,
    label: str,
    colours: Colormap,
    low: float | None = None,
    high: float | None = None,
    under: Under | None = None,
) -> None:
    """Draw a map, each value a rectangle; or, over a photograph, smoothed.

    Args:
        values: The map, shape (H, W).
        key: Of the component.
        label: Names the drawing for a screen reader.
        colours: Name of the colour map.
        low: As in `sprites.overlay.heatmap`.
        high: As in `sprites.overlay.heatmap`.
        under: The photograph; None for the map alone.
    """
    height, width = values.shape
    data = {
        "levels": _text(levels(values, low, high).tobytes()),
        "colours": _text(lookup(colours).tobytes()),
        "height": height,
        "width": width,
        "label": label,
    }
    with st.container(gap=None, key=f"{key}_box"):
        if under is not None:
            token, message = pack({}, [[under.photograph]])
            store(key=f"{key}_photograph", data=message)
            data |= {"photograph": token, "box": list(under.box), "blend": under.blend}
        _component(key=key, data=data)


def shares(box: Box | None, side: int) -> Box:
    """Turn a box on an image of some side into shares of it; None is the whole image."""
    if box is None:
        return (0.0, 0.0, 1.0, 1.0)
    top, left, bottom, right = box
    return (top / side, left / side, bottom / side, right / side)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


_component = declare(Component.CHANNEL_MAP, "edge")
