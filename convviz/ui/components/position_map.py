"""A map beside the image, with what each position sees, and the position that is chosen."""

from __future__ import annotations

import base64
import hashlib

import streamlit as st
import torch
from PIL import Image
from torch import Tensor

from convviz.images.encode import png
from convviz.language import tr
from convviz.sprites.colormaps import Colormap
from convviz.sprites.overlay import heatmap
from convviz.structure.receptive_field import ReceptiveField
from convviz.ui import findings, state
from convviz.ui.components import texts
from convviz.ui.components.declare import declare
from convviz.ui.keys import Component, Key

_KEY = "field_view"
_PIXELS = 448  # of the image: sharp on a projector


def position(context: str, values: Tensor) -> tuple[int, int]:
    """Return the chosen position of a map; at first that of its largest value.

    Args:
        context: Names the network, the layer and the image: elsewhere the choice means nothing.
        values: The map, shape (H, W).
    """
    height, width = values.shape
    asked = state.visit().link.pop(Key.POSITION, None)
    if asked is not None:
        state.notice(Key.POSITION, findings.no_such_position(asked))
        state.write_url(Key.POSITION, None)
    chosen = state.visit().values.get(Key.POSITION)
    if isinstance(chosen, tuple) and chosen[0] == context:
        row, column = chosen[1:]
        if row < height and column < width:
            return row, column
    comparable = values.flatten().nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    row, column = divmod(int(comparable.argmax()), width)
    return row, column


def choose(context: str, row: int, column: int) -> None:
    """Choose a position."""
    state.visit().values[Key.POSITION] = (context, row, column)


def draw(
    context: str,
    image: Image.Image,
    values: Tensor,
    field: ReceptiveField | None,
    colours: Colormap,
    label: str,
) -> None:
    """Draw the image with the map over it and, beside it, the map alone.

    Args:
        context: As in `position`.
        image: What goes into the network.
        values: The map, shape (H, W).
        field: What its positions see; None where that is not known.
        colours: Name of the colour map.
        label: Names the map for a screen reader.
    """
    row, column = position(context, values)
    height, width = values.shape
    raw = values.float().contiguous().numpy().tobytes()
    token = hashlib.sha256(context.encode() + raw + colours.encode()).hexdigest()[:16]

    def picked() -> None:
        pick = st.session_state[_KEY].get("pick")
        if isinstance(pick, dict) and pick.get("token") == token:
            row, column = pick.get("row", -1), pick.get("column", -1)
            if row in range(height) and column in range(width):
                choose(context, int(row), int(column))

    _component(
        key=_KEY,
        data={
            "token": token,
            "image": _enlarged(image),
            "map": _url(png(heatmap(values, (width, height), colours))),
            "values": base64.b64encode(raw).decode(),
            "height": height,
            "width": width,
            "side": image.width,
            "box": [0, 0, image.height, image.width] if field is None else field.map_box,
            "rows": None if field is None else field.rows.seen,
            "columns": None if field is None else field.columns.seen,
            "picked": [row, column],
            "label": described(label),
            "texts": texts.told(Component.POSITION_MAP),
        },
        on_pick_change=picked,
    )


def described(label: str) -> str:
    """Name the map for a screen reader, and say how it is used."""
    return tr("{label}; the arrow keys move the chosen position", label=label)


@st.cache_data(
    max_entries=24, show_spinner=False, hash_funcs={Image.Image: lambda image: image.tobytes()}
)
def _enlarged(image: Image.Image) -> str:
    return _url(png(image.resize((_PIXELS, _PIXELS))))


def _url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


_component = declare(Component.POSITION_MAP, "edge", "slider")
