"""What a page shows when something goes wrong: one sentence, never a traceback.

There are three nets, each under the one before it. `errors` surrounds a part of a page, `fragment`
makes a part of a page that runs by itself, and `uncaught`, which the server is given, takes what
both let through: faults in callbacks, and in what is drawn outside any boundary. A fault's id is in
the server's log; the same fault of the same visit has the same id and is logged once, however
often a part of the page that runs every second meets it.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import ParamSpec

import streamlit as st
from streamlit.errors import FragmentHandledException
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

from convviz.errors import ConvvizError, is_about_memory, memory_short
from convviz.jobs.gate import GATE
from convviz.language import again, tr
from convviz.plain_text import plain
from convviz.ui.keys import Entry

Arguments = ParamSpec("Arguments")

_log = logging.getLogger(__name__)

_MOST_KEPT = 100  # faults of one visit whose ids are remembered
_CALLBACKS = "_call_callbacks"  # the function of Streamlit that runs them


@contextmanager
def errors() -> Iterator[None]:
    """Show what goes wrong inside as a sentence; the rest of the page goes on.

    A ConvvizError is the user's to mend, so its text is shown. Anything else is a bug: it is
    logged in full under an id, and the page shows the id.
    """
    try:
        yield
    except FragmentHandledException:  # the fragment has shown its sentence
        return
    except Exception as error:  # noqa: BLE001 - whatever the bug is, the user gets a sentence
        show(error)


def fragment(
    function: Callable[Arguments, object], run_every: float | None = None
) -> Callable[Arguments, None]:
    """Make a function a fragment, `st.fragment`, that shows what goes wrong as a sentence.

    Like a page, it goes before the steps of jobs, unless it runs by itself: what looks at a job
    every second must not hold it up.

    Args:
        function: What the fragment draws.
        run_every: After how many seconds it runs again by itself; None for not at all.
    """

    @wraps(function)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        with nullcontext() if run_every else GATE.page(), errors():
            function(*args, **kwargs)

    return st.fragment(run, run_every=run_every)


def polled(
    seconds: float,
) -> Callable[[Callable[Arguments, object]], Callable[Arguments, None]]:
    """Make a decorator for a fragment that runs again by itself after so many seconds."""

    def decorate(function: Callable[Arguments, object]) -> Callable[Arguments, None]:
        return fragment(function, seconds)

    return decorate


def guarded(callback: Callable[Arguments, object]) -> Callable[Arguments, None]:
    """Make a callback whose fault is shown on the page that is drawn next."""

    @wraps(callback)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - or Streamlit would draw no page at all
            _keep(error)

    return run


def uncaught(error: Exception) -> bool:
    """Show what nothing else has caught; the server calls this, and Streamlit shows nothing more.

    A fault in a callback has kept the page from being drawn: it is drawn then, with the sentence.
    """
    if not _is_from_callback(error):
        show(error)
        return True
    _keep(error)
    context = get_script_run_ctx()
    if context is not None and context.script_requests is not None:
        context.script_requests.request_rerun(
            RerunData(
                query_string=context.query_string,
                page_script_hash=context.page_script_hash,
                cached_message_hashes=context.cached_message_hashes,
                context_info=context.context_info,
            )
        )
    return True


def show(error: Exception) -> None:
    """Draw the sentence about an error."""
    _draw(sentence(error), isinstance(error, ConvvizError))


def draw_kept() -> None:
    """Draw the sentences about callbacks that failed before this run; the shell calls this."""
    for text, is_users in st.session_state.get(Entry.FAULTS, []):
        _draw(again(text), is_users)


def forget_kept() -> None:
    """Drop them; the shell calls this when the page has been drawn to its end."""
    st.session_state.pop(Entry.FAULTS, None)


def sentence(error: Exception) -> str:
    """Say what went wrong: a user's error in its own words, a bug by the id that the log has."""
    if isinstance(error, ConvvizError):
        return plain(str(error))
    error_id = log(error, _ids())
    return memory_short(error_id) if is_about_memory(error) else fault(error_id)


def fault(error_id: str) -> str:
    """Say that there is a bug, with the id under which the log has it."""
    return tr(
        "Something went wrong inside convviz (error {error_id}). The server's log has "
        "the details under this number; try again, or choose something else.",
        error_id=error_id,
    )


def log(error: Exception, ids: dict[str, str] | None = None) -> str:
    """Log an error in full under an id, and return the id.

    Args:
        error: The error.
        ids: The ids of the faults that are known; one of these is not logged again.
    """
    where = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f"{frame.filename}:{frame.lineno}" for frame in where)
    known = {} if ids is None else ids
    name = f"{type(error).__qualname__} {place} {error}"[:500]
    if name not in known:
        while len(known) >= _MOST_KEPT:
            known.pop(next(iter(known)))
        known[name] = secrets.token_hex(4)
        _log.error("error %s", known[name], exc_info=error)
    return known[name]


def _ids() -> dict[str, str]:
    ids: dict[str, str] = st.session_state.setdefault(Entry.FAULT_IDS, {})
    return ids


def _keep(error: Exception) -> None:
    kept = st.session_state.setdefault(Entry.FAULTS, [])
    kept.append((sentence(error), isinstance(error, ConvvizError)))


def _draw(text: str, is_users: bool) -> None:
    st.error(text, icon=":material/error:" if is_users else ":material/bug_report:")


def _is_from_callback(error: Exception) -> bool:
    """Tell whether an error comes from a widget's callback, from the functions it passed."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_code.co_name == _CALLBACKS for frame, _ in frames)
