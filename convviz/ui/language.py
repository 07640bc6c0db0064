"""The language of whoever reads the page: at first the browser's, then the visitor's choice."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from convviz import language
from convviz.ui import state
from convviz.ui.keys import Key


def ask_visitors() -> None:
    """Tell every text in the language of the visitor whose script runs; the shell calls this."""
    language.follow(_of_visitor)


def draw() -> None:
    """Draw the choice of the language, each by its own name."""
    st.segmented_control(
        "Language · Sprog",
        list(language.LANGUAGES),
        format_func=language.LANGUAGES.__getitem__,
        key=state.remember(Key.LANGUAGE, _of_browser(), allowed=language.LANGUAGES),
        required=True,
        label_visibility="collapsed",
    )


def _of_visitor() -> str:
    """Return the language of the visitor whose script runs; English where none runs."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return language.ENGLISH
    # Before the choice has been drawn, what a link asks for is still with the visit.
    chosen = st.session_state.get(Key.LANGUAGE) or state.visit().link.get(Key.LANGUAGE, "")
    return chosen if chosen in language.LANGUAGES else _of_browser()


def _of_browser() -> str:
    code = (st.context.locale or "").partition("-")[0].lower()
    return code if code in language.LANGUAGES else language.ENGLISH
