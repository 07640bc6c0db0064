"""The views of the page Architectures, and what each of them uses of the sidebar."""

from __future__ import annotations

import streamlit as st

from convviz.language import later, tr
from convviz.ui import state
from convviz.ui.choice import Use
from convviz.ui.keys import Key
from convviz.ui.widgets import views

VIEWS = {
    "compare": later("Compare"),
    "layers": later("Layer by layer"),
    "papers": later("Papers"),
}
_FIRST_VIEW = "compare"
_FORMERLY = Key.ACTIVATIONS_VIEW

# Views that are not named use nothing: they are about the networks named in them.
_USES: dict[str, tuple[Use, ...]] = {"layers": ("image", "network")}

# The lessons were a view of this page once: which step of the course has each of them now.
_LESSONS = "lessons"
_STEPS = {
    "size": "filters",
    "stack": "vgg",
    "bottleneck": "bottleneck",
    "inception": "inception",
    "gap": "gap",
    "auxiliary": "auxiliary",
}


def uses() -> tuple[Use, ...]:
    """Return what the view in the address, or the one chosen last, uses of the sidebar."""
    _follow_old_link()
    key = state.remember(Key.ARCHITECTURES_VIEW, _FIRST_VIEW, allowed=VIEWS, formerly=_FORMERLY)
    return _USES.get(str(st.session_state[key]), ())


def choose_view() -> str:
    """Draw the views to choose from and return the chosen one's name."""
    return views(tr("View"), VIEWS, Key.ARCHITECTURES_VIEW, _FIRST_VIEW, formerly=_FORMERLY)


def _follow_old_link() -> None:
    """Open the course where a link asks for a lesson, at its step and with its laboratory."""
    link = state.visit().link
    asked = [key for key in (Key.ARCHITECTURES_VIEW, _FORMERLY) if link.get(key) == _LESSONS]
    if not asked:
        return
    for key in asked:
        del link[key]
    step = _STEPS.get(link.pop(Key.LESSON, "size"), _STEPS["size"])
    state.ask({Key.STEP: step, Key.LABORATORY: str(True)})
    st.switch_page("pages/0_Course.py")
