"""The page's two views: a recorded training, and a small network that is trained on the page."""

from __future__ import annotations

import streamlit as st

from convviz.ui import state
from convviz.ui.choice import Choice
from convviz.ui.keys import Key
from convviz.ui.training import live, recorded

_VIEWS = {"recorded": "A recorded training", "live": "Train one here"}


def draw(choice: Choice) -> None:
    """Draw the view that is chosen."""
    view = st.segmented_control(
        "What to watch",
        _VIEWS,
        format_func=_VIEWS.__getitem__,
        key=state.remember(Key.WATCH, "recorded", allowed=_VIEWS),
        label_visibility="collapsed",
        required=True,
    )
    if view == "live":
        live.draw(choice)
    else:
        recorded.draw(choice)
