"""What can be done with any page: copy its link, save a worksheet, present it, and reset it."""

from __future__ import annotations

import streamlit as st

from convviz.language import tr
from convviz.ui import state
from convviz.ui.components.presenter import presenter
from convviz.ui.keys import Key

WORKSHEET = "tools_worksheet"  # key of the button

NOT_IN_LINKS = (Key.JOB, Key.HANDED_ON, Key.PRESENT)
"""What a link for others leaves out: runs, which are the visitor's own, and presenter mode."""

_COPY = "tools_copy_link"
_BACK, _FORWARD = "course_back", "course_next"  # the buttons of the page Course


def listen() -> None:
    """Let the page hear the keys of presenter mode; the shell calls this once."""
    on = bool(st.session_state[state.remember(Key.PRESENT, 0, allowed=(0, 1))])
    presenter(
        on=on,
        on_toggle=_toggle,
        copy=_COPY,
        left_out=NOT_IN_LINKS,
        back=_BACK,
        forward=_FORWARD,
    )


def draw() -> None:
    """Draw the buttons."""
    with st.container(gap="xxsmall", key="tools"):
        st.button(
            tr("Copy link"),
            icon=":material/link:",
            key=_COPY,
            type="tertiary",
            help=tr("The address of this page with everything that is chosen on it."),
        )
        st.button(
            tr("Worksheet"),
            icon=":material/description:",
            key=WORKSHEET,
            type="tertiary",
            help=tr(
                "Saves what this page shows as one HTML file to print: figures, settings, "
                "two questions with space to write, and how to make the same again."
            ),
        )
        st.button(
            tr("Present"),
            icon=":material/present_to_all:",
            key="tools_present",
            type="tertiary",
            on_click=_toggle,
            help=tr(
                "Large text for a projector; a click on an image fills the screen, the arrow "
                "keys go on, Esc ends. Key: p."
            ),
        )
        st.button(
            tr("Reset to defaults"),
            icon=":material/restart_alt:",
            key="tools_reset",
            type="tertiary",
            on_click=state.reset,
            help=tr("All choices of this page, and those of the sidebar."),
        )


def _toggle() -> None:
    on = int(st.session_state.get(Key.PRESENT, 0))
    state.put(Key.PRESENT, 1 - on, in_url=not on)
