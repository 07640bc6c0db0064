"""Images as points of a plane: pointing at one shows it, a click chooses it.

The thumbnails travel once, through `store`; another plane is a few kilobytes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import streamlit as st
from torch import Tensor

from convviz.ui.components import texts
from convviz.ui.components.declare import declare
from convviz.ui.components.store import pack, store
from convviz.ui.keys import Component


def image_scatter(
    points: Tensor,
    labels: Sequence[int],
    classes: Sequence[str],
    titles: Sequence[str],
    thumbnails: Sequence[bytes],
    *,
    colours: Sequence[str],
    axes: tuple[str, str],
    label: str,
    picked: int,
    key: str,
) -> int:
    """Draw the points; each class has a colour and a shape.

    Args:
        points: (N, 2).
        labels: Number of each one's class; the number of classes for one that has none, which is
            drawn large: the visitor's own.
        classes: Their names.
        titles: Of the images.
        thumbnails: Of the images, each a PNG or JPEG.
        colours: That the classes take in turn, as "#rrggbb".
        axes: What runs across and up; empty for axes that mean nothing.
        label: Names the drawing for a screen reader.
        picked: The row that is marked at first.
        key: Of the component.

    Returns:
        The row that was clicked on last.
    """
    told = (st.session_state.get(key) or {}).get("pick")
    if isinstance(told, dict) and told.get("row") in range(len(titles)):
        picked = int(told["row"])
    token, message = pack({}, [list(thumbnails)])
    values = points.float().contiguous().numpy().tobytes()
    with st.container(gap=None, key=f"{key}_box"):
        store(key=f"{key}_store", data=message)
        _component(
            key=key,
            data={
                "token": token,
                "points": base64.b64encode(values).decode(),
                "labels": list(labels),
                "classes": list(classes),
                "titles": list(titles),
                "colours": list(colours),
                "axes": list(axes),
                "label": label,
                "picked": picked,
                "texts": texts.told(Component.IMAGE_SCATTER),
            },
            on_pick_change=lambda: None,
        )
    return picked


_component = declare(Component.IMAGE_SCATTER, "tip")
