"""The language of whoever reads the page: at first the browser's, then the visitor's choice."""

from __future__ import annotations

import threading

import streamlit as st
from starlette.datastructures import Headers
from starlette.types import Scope
from streamlit.runtime.scriptrunner import get_script_run_ctx

from convviz import language
from convviz.ui import state
from convviz.ui.components.declare import out_of_sight
from convviz.ui.keys import Component, Key

# Screen readers pronounce a page in this language, and browsers offer no translation of it.
_NAME = "export default function ({ data }) { document.documentElement.lang = data.language; }"
_name = st.components.v2.component(Component.LANGUAGE, js=_NAME)

# The language of the run that a thread is at: texts ask for it thousands of times.
_run = threading.local()

# For what is done to texts on their way to the browser, outside of the run.
_spoken: dict[str, str] = {}
_MOST_SESSIONS = 1000


def ask_visitors() -> None:
    """Tell every text in the language of the visitor whose script runs.

    The shell calls this at the beginning of each run: within one the language does not change.
    """
    _run.code = _chosen()
    language.follow(_of_visitor)
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None:
        _spoken.pop(context.session_id, None)
        _spoken[context.session_id] = _run.code
        if len(_spoken) > _MOST_SESSIONS:
            _spoken.pop(next(iter(_spoken)))


def spoken_in(session: str) -> str:
    """Return the language of a session's texts, as its last run of a page has told them.

    Args:
        session: Streamlit's id of it.
    """
    return _spoken.get(session, language.ENGLISH)


def draw() -> None:
    """Draw the choice of the language, each by its own name, and tell the browser of it."""
    st.segmented_control(
        "Language · Sprog",
        list(language.LANGUAGES),
        format_func=language.LANGUAGES.__getitem__,
        key=state.remember(Key.LANGUAGE, _of_browser(), allowed=language.LANGUAGES),
        required=True,
        label_visibility="collapsed",
        on_change=state.set_anew,
    )
    with out_of_sight("language"):
        _name(key="language_name", data={"language": language.current()})


def of_request(scope: Scope) -> str:
    """Return the language that the browser reads that has sent a request."""
    return accepted(Headers(scope=scope).get("accept-language", ""))


def accepted(header: str) -> str:
    """Return the language that a browser asks for outside of a visit.

    Args:
        header: What it sends as Accept-Language: languages, what it likes best first.
    """
    codes = (_code(part.partition(";")[0]) for part in header.split(","))
    return next((code for code in codes if code in language.LANGUAGES), language.ENGLISH)


def _of_visitor() -> str:
    """Return the language of the visitor whose script runs; English where none runs."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return language.ENGLISH
    code: str | None = getattr(_run, "code", None)
    if code is None:  # a part of a page that runs by itself, in a thread of its own
        code = _run.code = _chosen()
    return code


def _chosen() -> str:
    """Work out the language of the visitor whose script runs.

    Texts are told before the choice has been drawn: after Back or Forward it is what the address
    says, on arrival what the link says, and after Reset what is remembered.
    """
    visit, key = state.visit(), Key.LANGUAGE
    chosen: object
    if state.is_back_or_forward():
        chosen = st.query_params.get(key)
    else:
        chosen = st.session_state.get(key) or visit.link.get(key) or visit.values.get(key)
    is_known = isinstance(chosen, str) and chosen in language.LANGUAGES
    return str(chosen) if is_known else _of_browser()


def _of_browser() -> str:
    code = _code(st.context.locale or "")
    return code if code in language.LANGUAGES else language.ENGLISH


def _code(tag: str) -> str:
    """Return the language of a tag such as "da-DK"."""
    return tag.strip().partition("-")[0].lower()
