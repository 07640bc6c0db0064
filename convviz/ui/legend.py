"""The scale of a colour map, with the sign for an empty channel."""

from __future__ import annotations

import streamlit as st

from convviz.sprites import Colormap, hex_colours


def legend(low: float, high: float, colours: Colormap, *, shared: bool) -> None:
    """Draw the scale under the grid's controls.

    Args:
        low: The value of the darkest colour, where all channels share one scale.
        high: The value of the lightest colour.
        colours: Name of the colour map.
        shared: Whether all channels share one scale.
    """
    ends = (f"{low:.3g}", f"{high:.3g}") if shared else ("channel's lowest", "channel's highest")
    stops = ", ".join(hex_colours(colours))
    ramp = f'<span class="ramp" style="background:linear-gradient(90deg, {stops})"></span>'
    st.html(
        f'<div class="convviz-legend"><span>{ends[0]}</span>{ramp}<span>{ends[1]}</span>'
        f'<span class="sign"><span class="cross"></span>empty channel</span></div>'
    )
