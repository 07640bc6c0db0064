"""Declare a browser component from the files that stand beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from convviz.ui.keys import Component

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer
    from streamlit.delta_generator import DeltaGenerator

_FOLDER = Path(__file__).parent


def declare(component: Component, *styles: str, scripts: Sequence[str] = ()) -> ComponentRenderer:
    """Declare a component whose html, css and js have the name of its member, in lower case.

    What shared.js defines is known to its script; print.css says what of it goes on paper.

    Args:
        component: Its html and css may be missing.
        styles: Names of style sheets that go before its own.
        scripts: Names of further scripts that its own uses.

    Returns:
        The function that puts the component on a page.
    """
    name = component.name.lower()
    css = [text for style in (*styles, name, "print") if (text := _read(f"{style}.css"))]
    return st.components.v2.component(
        component,
        html=_read(f"{name}.html") or None,
        css="\n".join(css),
        js="".join(_read(f"{script}.js") for script in ("shared", *scripts, name)),
    )


def out_of_sight(name: str) -> DeltaGenerator:
    """Return a container for components that draw nothing; sidebar/style.css hides it."""
    return st.container(key=f"components_{name}", height=1, border=False)


def _read(name: str) -> str:
    """Read a file; "" where there is none."""
    file = _FOLDER / name
    return file.read_text(encoding="utf-8") if file.is_file() else ""
