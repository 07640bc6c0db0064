"""Forget my data: everything that the server holds of one visit, gone at once.

A visit is what happens in one tab of a browser; runs and live cameras are those of all its tabs.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

import streamlit as st
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from convviz.language import tr, trn
from convviz.ui import camera, handed_on, jobs, state, visitor
from convviz.ui.byte_store import ByteStore
from convviz.ui.errors import guarded


def draw() -> None:
    """Draw the button."""
    st.button(
        tr("Forget my data"),
        icon=":material/delete_forever:",
        key="forget_my_data",
        type="tertiary",
        on_click=_forget,
        help=tr(
            "Drops at once what this server holds of this tab: your image and other files, and "
            "the networks you trained or opened; and of all your tabs the runs with their results, "
            "those that you share among them. Nothing that you brought is on disk. Results made "
            "from samples may be, and stay for everybody."
        ),
    )


@guarded
def _forget() -> None:
    """Drop all that is held for this visitor, and start the visit anew."""
    visit = state.visit()
    has_image = visit.own_image is not None
    runs = jobs.forget_all(visitor.known_owner())
    shared = handed_on.RUNS.forget_all(visitor.known_owner())
    camera.end_all(visitor.known_owner())
    networks = len(visit.trained)
    _forget_networks(visit.trained)
    for cached in (*caches_of("image", "job", "made_of"), *byte_stores()):
        cached.clear()
    if visit.trained:
        for cached in caches_of("network", "source"):
            cached.clear()
    _forget_uploads()
    state.forget(forgotten(has_image=has_image, runs=runs, networks=networks, shared=shared))


def forgotten(*, has_image: bool, runs: int, networks: int, shared: int = 0) -> str:
    """Say what was forgotten."""
    parts = [tr("your image")] if has_image else []
    if runs:
        parts.append(
            trn("{count} run with what came of them", "{count} runs with what came of them", runs)
        )
    if networks:
        parts.append(
            trn(
                "{count} network you trained or opened",
                "{count} networks you trained or opened",
                networks,
            )
        )
    if shared:
        parts.append(trn("{count} shared result", "{count} shared results", shared))
    what = ", ".join([*parts[:-2], tr(" and ").join(parts[-2:])]) if parts else tr("all choices")
    return tr(
        "Forgotten: {what}. The server holds nothing that you brought to this tab any more; if you "
        "have others open, forget in each of them.",
        what=what,
    )


def caches_of(*parameters: str) -> Iterator[Any]:
    """Find the app's cached functions that take one of these parameters.

    A cache belongs to everybody. Emptying it costs others the time to compute a result again, and
    it is the only way to be sure that nothing made from a visitor's image is left in it.
    """
    for name, module in list(sys.modules.items()):
        if not name.startswith("convviz.ui"):
            continue
        for value in list(vars(module).values()):
            function: Callable[..., object] | None = getattr(value, "__wrapped__", None)
            if function is None or not hasattr(value, "clear"):
                continue
            if getattr(function, "__module__", "") == name and set(parameters) & set(
                inspect.signature(function).parameters
            ):
                yield value


def byte_stores() -> Iterator[ByteStore[Any]]:
    """Find the app's stores of what was computed from images, the decoded images among them."""
    for name, module in list(sys.modules.items()):
        if name.startswith("convviz.ui"):
            yield from (each for each in vars(module).values() if isinstance(each, ByteStore))


def _forget_networks(sources: list[str]) -> None:
    """Drop trained networks, but for those that somebody else has trained or opened as well."""
    module = sys.modules.get("convviz.weights.trained")
    if module is None:  # nobody has trained anything yet
        return
    elsewhere = {source for other in state.others() for source in other.trained}
    for source in sources:
        if source not in elsewhere:
            module.forget(source)


def _forget_uploads() -> None:
    """Drop the files that the browser has sent."""
    context = get_script_run_ctx()
    if context is not None and Runtime.exists():
        context.uploaded_file_mgr.remove_session_files(context.session_id)
