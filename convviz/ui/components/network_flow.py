"""A whole network on one screen: the image, and what each stage makes of it.

The maps travel as one of 256 levels for each of their values and are coloured in the browser.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from math import ceil

import streamlit as st

from convviz.features.overview import StageSummary
from convviz.language import again, tr
from convviz.sprites.colormaps import lookup
from convviz.sprites.overlay import levels
from convviz.ui import colour_scales
from convviz.ui.components import findings, texts
from convviz.ui.components.declare import declare
from convviz.ui.keys import Component, Key

_MOST_IN_A_ROW = 8  # stages; more stand in several rows, together with the image
_MOST_COLUMNS = 7


def network_flow(
    summaries: Sequence[StageSummary], photograph: bytes, input_size: int, *, key: str
) -> str | None:
    """Draw a network's stages from the image on.

    Args:
        summaries: Of its stages, in order.
        photograph: What goes into the network, as the bytes of a JPEG.
        input_size: Side of the network's input in pixels.
        key: Of the component.

    Returns:
        The name of the stage's layer that the visitor has just opened, otherwise None.
    """
    cells = len(summaries) + 1
    many = len(summaries) > _MOST_IN_A_ROW
    data = {
        "columns": ceil(cells / ceil(cells / _MOST_COLUMNS)) if many else len(summaries),
        "many": many,
        "presented": bool(st.session_state.get(Key.PRESENT)),
        "photograph": f"data:image/jpeg;base64,{_text(photograph)}",
        "input": [tr("3 colours"), f"{input_size} × {input_size}"],
        "colours": _text(lookup("viridis").tobytes()),
        "stages": [_stage(summary) for summary in summaries],
        "texts": texts.told(Component.NETWORK_FLOW),
    }
    # Its name says how high the drawing will be, for the room that is kept for it.
    with st.container(gap="xsmall", key=f"{key}_{'rows' if many else 'row'}"):
        told = _component(key=key, data=data, on_open_change=lambda: None).get("open")
        if any(summary.strongest for summary in summaries):
            low, high = tr("Each map: lowest"), tr("highest value")
            st.html(colour_scales.between("viridis", low, high))
    names = {summary.layer.name for summary in summaries}
    return told if told in names else None


def _stage(summary: StageSummary) -> dict[str, object]:
    return {
        "layer": summary.layer.name,
        "title": again(summary.layer.title),
        "lines": findings.stage_lines(summary),
        "label": findings.stage_sentence(summary),
        "channels": summary.strongest,
        "height": summary.maps.shape[1],
        "width": summary.maps.shape[2],
        "maps": [_text(levels(values).tobytes()) for values in summary.maps],
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


_component = declare(Component.NETWORK_FLOW)
