"""The clickable diagram of a network, from the image to the classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from convviz.ui.architectures.drawing import SAVE_CSS, SAVE_JS
from convviz.ui.keys import Component

_FOLDER = Path(__file__).parent


def diagram(
    drawing: dict[str, Any],
    *,
    selected: str,
    open_module: str = "",
    marks: dict[str, str] | None = None,
    on_pick: Callable[[str], None] | None = None,
    only_module: bool = False,
    name: str = "network",
    key: str = "diagram",
) -> None:
    """Draw a network.

    Args:
        drawing: From `layout.message`.
        selected: Name of the row that is picked.
        open_module: Name of the module whose branches are drawn below; empty for none.
        marks: Notes to put above blocks, by the row's name.
        on_pick: Called with a row's name when the visitor picks it, before the script runs again.
        only_module: Whether to draw only the open module's branches.
        name: What the saved drawing is called, without its ending.
        key: The widget's key.
    """
    known = {block["id"] for block in drawing["blocks"]}
    for module in drawing["modules"].values():
        known |= {step["id"] for lane in module["lanes"] for step in lane["steps"]}

    def picked() -> None:
        pick = st.session_state[key].get("pick")
        if isinstance(pick, dict) and pick.get("id") in known and on_pick is not None:
            on_pick(pick["id"])

    last = st.session_state.get(key, {}).get("pick") or {}
    _diagram(
        key=key,
        data={
            **drawing,
            "selected": selected,
            "open": open_module,
            "marks": marks or {},
            "only": only_module,
            "fixed": on_pick is None,
            "name": name,
            "serial": last.get("serial", 0),
        },
        on_pick_change=picked,
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


_diagram = st.components.v2.component(
    Component.NETWORK_DIAGRAM,
    html='<div class="strip"></div><div class="foot"></div><div class="module"></div>'
    '<div class="tip" role="presentation" hidden></div>',
    css=_read("diagram.css") + SAVE_CSS,
    js=SAVE_JS + _read("diagram.js"),
)
