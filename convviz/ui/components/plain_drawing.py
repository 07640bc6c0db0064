"""Line drawings that take the page's colours.

Streamlit removes SVG from HTML, and an SVG shown as an image cannot know the colour of the text
around it; inside a component it can.
"""

from __future__ import annotations

import streamlit as st

from convviz.ui.keys import Component

_JS = """
export default function ({ data, parentElement }) {
  parentElement.querySelector("div").innerHTML = data;
}
"""


_component = st.components.v2.component(Component.DRAWING, html="<div></div>", js=_JS)


def drawing(svg: str, *, key: str) -> None:
    """Draw an SVG; one that uses `currentColor` looks right in light and dark.

    Args:
        svg: Comes from this project only: it goes into the page as it is.
        key: Of the element.
    """
    _component(key=key, data=svg)
