"""The receptive field of a layer's positions, drawn on the image."""

from __future__ import annotations

import base64
from pathlib import Path

import streamlit as st
from PIL import Image

from convviz.images.encode import jpeg
from convviz.structure.receptive_field import ReceptiveField
from convviz.ui.keys import Component

_FOLDER = Path(__file__).parent


def field_on_image(
    picture: Image.Image, field: ReceptiveField, *, name: str, title: str, key: str = "field"
) -> None:
    """Draw what goes into the network with what one position sees; the visitor moves the position.

    Args:
        picture: What goes into the network, at its full size.
        field: The layer's receptive field.
        name: What the saved picture is called, without its ending.
        title: The layer's title.
        key: The widget's key.
    """
    data = jpeg(picture, quality=92)
    _field(
        key=key,
        data={
            "picture": f"data:image/jpeg;base64,{base64.b64encode(data).decode()}",
            "side": picture.width,
            "rows": field.rows.seen,
            "columns": field.columns.seen,
            "field": field.size,
            "name": name,
            "title": title,
        },
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


_field = st.components.v2.component(
    Component.RECEPTIVE_FIELD,
    html=_read("receptive_field.html"),
    css=_read("receptive_field.css"),
    js=_read("receptive_field.js"),
)
