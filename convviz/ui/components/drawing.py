"""A drawing of convviz' own as SVG, in the colours of the theme, with a button that saves it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from convviz.ui.keys import Component

_FOLDER = Path(__file__).parent


SAVE_JS = (_FOLDER / "save.js").read_text(encoding="utf-8")


SAVE_CSS = (_FOLDER / "save.css").read_text(encoding="utf-8")


_CSS = """
:host { display: block; color: var(--st-text-color); font-family: var(--st-font); }
svg { display: block; width: 100%; height: auto; fill: currentColor; }
"""


_JS = """
export default function ({ data, parentElement }) {
  const box = parentElement.querySelector(".drawing");
  box.innerHTML = data.svg;
  box.style.maxWidth = `${data.width}px`;
  const button = parentElement.querySelector(".save");
  button.onclick = () => saveDrawing(box.querySelector("svg"), data.name);
}
"""


def svg(markup: str, *, width: int, name: str, key: str) -> None:
    """Draw SVG that convviz wrote itself; `currentColor` is the theme's text colour.

    Args:
        markup: The whole `<svg>` element. It must not hold anything a visitor typed.
        width: The most it may take, in pixels.
        name: What the saved drawing is called, without its ending.
        key: The widget's key.
    """
    # st.html would take the drawing out: it lets no SVG through.
    _drawing(key=key, data={"svg": markup, "width": width, "name": name})


_drawing = st.components.v2.component(
    Component.SAVABLE_DRAWING,
    html='<div class="drawing"></div><button type="button" class="save">Save drawing</button>',
    css=_CSS + SAVE_CSS,
    js=SAVE_JS + _JS,
)
