"""The browser's camera, live: what a layer answers to the newest frame, and a button to keep it.

The component sends its frames to the route of `ui.camera` itself, without a run of the script.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import asdict, dataclass

import streamlit as st

from convviz.sprites.colormaps import Colormap, lookup
from convviz.sprites.grid import LEVELS
from convviz.sprites.overlay import Box
from convviz.ui.components import texts
from convviz.ui.components.declare import declare
from convviz.ui.keys import Component

_MOST_TEXT = 12_000_000  # of a frame that is kept, as base64


@dataclass(frozen=True)
class LiveView:
    """What the browser must know to send frames and to draw the answers.

    Attributes:
        path: Where frames are sent to.
        secret: The page's secret, as from `ui.camera.live`.
        network: The network's name, as in the answers.
        layer: The layer's name, as in the answers.
        channel: The picked channel.
        side: Side of the square that is sent, in pixels.
        margin: What the network cuts off on each side, as a share of what it sees.
        box: Where the picked map lies on what the network sees, as shares: top, left, bottom,
            right.
        blend: How much the map's highest values cover the image, in 0…1.
        label: Names the image with the map for a screen reader.
        grid_label: Names the grid.
    """

    path: str
    secret: str
    network: str
    layer: str
    channel: int
    side: int
    margin: float
    box: Box
    blend: float
    label: str
    grid_label: str


def camera(
    view: LiveView,
    *,
    key: str,
    colours: Colormap,
    on_pick: Callable[[int], None],
    on_freeze: Callable[[bytes], None],
) -> None:
    """Draw the camera.

    Args:
        view: What the browser must know.
        key: Of the component.
        colours: Name of the colour map.
        on_pick: Called with a channel that the visitor picks.
        on_freeze: Called with the frame, as a JPEG, that the visitor wants to keep.
    """

    def picked() -> None:
        channel = st.session_state[key].get("channel")
        if isinstance(channel, int) and not isinstance(channel, bool) and channel >= 0:
            on_pick(channel)

    def frozen() -> None:
        data = kept_frame(st.session_state[key].get("frozen"))
        if data:
            on_freeze(data)

    table = base64.b64encode(lookup(colours, LEVELS).tobytes()).decode()
    _component(
        key=key,
        data={**asdict(view), "colours": table, "texts": texts.told(Component.CAMERA)},
        on_channel_change=picked,
        on_frozen_change=frozen,
        on_resumed_change=_run,
    )


def _run() -> None:
    """Let the page run, which tells `ui.camera` again what frames pass through."""


def kept_frame(value: object) -> bytes:
    """Read what the browser sent as a frame to keep; b"" if it is none."""
    text = value.get("jpeg") if isinstance(value, dict) else None
    if not isinstance(text, str) or len(text) > _MOST_TEXT:
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # what a browser sends may be anything
        return b""


_component = declare(Component.CAMERA, "buttons")
