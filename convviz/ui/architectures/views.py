"""The views of the page Architectures, its lessons, and what each of them uses of the sidebar."""

from __future__ import annotations

import streamlit as st

from convviz.ui import state
from convviz.ui.choice import USES, Use
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of, views

VIEWS = {
    "compare": "Compare",
    "layers": "Layer by layer",
    "lessons": "Lessons",
    "papers": "Papers",
}
LESSONS = {
    "size": "Output size",
    "stack": "Stacking 3×3",
    "bottleneck": "1×1 bottleneck",
    "inception": "Inception",
    "gap": "Global average pooling",
    "auxiliary": "Auxiliary classifiers",
}
_FIRST_VIEW, _FIRST_LESSON = "compare", "size"
_FORMERLY = Key.ACTIVATIONS_VIEW

# Views and lessons that are not named use nothing: they are about the networks named in them.
_USES: dict[str, tuple[Use, ...]] = {
    "layers": ("image", "network"),
    "inception": USES,
    "gap": USES,
    "auxiliary": ("image",),
}


def uses() -> tuple[Use, ...]:
    """Return what the view in the address, or the one chosen last, uses of the sidebar."""
    key = state.remember(Key.ARCHITECTURES_VIEW, _FIRST_VIEW, allowed=VIEWS, formerly=_FORMERLY)
    view = str(st.session_state[key])
    if view == "lessons":
        view = str(st.session_state[state.remember(Key.LESSON, _FIRST_LESSON, allowed=LESSONS)])
    return _USES.get(view, ())


def choose_view() -> str:
    """Draw the views to choose from and return the chosen one's name."""
    return views("View", VIEWS, Key.ARCHITECTURES_VIEW, _FIRST_VIEW, formerly=_FORMERLY)


def choose_lesson() -> str:
    """Draw the lessons to choose from and return the chosen one's name."""
    return one_of("Lesson", LESSONS, Key.LESSON, _FIRST_LESSON, pills=True)
