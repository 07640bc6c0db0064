"""Line drawings of convviz' own as SVG, in the colours of the page.

Streamlit removes SVG from HTML, and an SVG shown as an image cannot know the colour of the text
around it; inside a component it can.
"""

from __future__ import annotations

from convviz.ui.components import texts
from convviz.ui.components.declare import declare
from convviz.ui.keys import Component


def drawing(svg: str, *, key: str, width: int | None = None, save_as: str = "") -> None:
    """Draw an SVG; `currentColor` is the theme's text colour.

    Args:
        svg: The whole `<svg>` element. It goes into the page as it is, so it must not hold
            anything a visitor typed.
        key: Of the element.
        width: The most it may take, in pixels; None for what there is.
        save_as: What the saved drawing is called, without its ending; "" for no button that saves.
    """
    _drawing(
        key=key,
        data={
            "svg": svg,
            "width": width,
            "name": save_as,
            "texts": texts.told(Component.DRAWING),
        },
    )


_drawing = declare(Component.DRAWING, "buttons")
