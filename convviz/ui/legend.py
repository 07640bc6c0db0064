"""The scale of a colour map, with the signs for empty and for dead channels."""

from __future__ import annotations

import streamlit as st

from convviz.features.activations import Activations
from convviz.features.dead import DeadChannels
from convviz.sprites.colormaps import hex_colours
from convviz.sprites.grid import Atlas
from convviz.ui.looks import Looks


def legend(atlas: Atlas, looks: Looks, shown: Activations, dead: DeadChannels | None) -> None:
    """Draw the scale under the grid's controls.

    Args:
        atlas: The grid's picture.
        looks: How it is drawn.
        shown: The layer's activations.
        dead: What is known of the layer's dead channels; None before a set was looked through.
    """
    ends = ("channel's lowest", "channel's highest")
    if atlas.contrast == "shared":
        ends = (f"{atlas.low:.3g}", f"{atlas.high:.3g}")
    stops = ", ".join(hex_colours(looks.colours))
    ramp = f'<span class="ramp" style="background:linear-gradient(90deg, {stops})"></span>'
    most = looks.threshold * float(shown.maximum.max())
    above = f"{most:.3g}" if most else "zero"
    signs = _sign("cross", f"empty: never above {above} in this image")
    if dead is not None:
        count = len(dead.numbers) or "none"
        meaning = f"dead: never above zero in any of N = {dead.seen} pictures ({count} here)"
        signs += _sign("line", meaning)
    scale = f'<span class="scale">{ends[0]}{ramp}{ends[1]}</span>'
    st.html(f'<div class="convviz-legend">{scale}{signs}</div>')


def _sign(mark: str, meaning: str) -> str:
    return f'<span class="sign"><span class="{mark}"></span>{meaning}</span>'
