"""Forget my data: everything that the server holds of one visit, gone at once.

A visit is what happens in one tab of a browser; runs and live cameras are those of all its tabs.
What was made of the images of a visit goes with the visit too, without being asked: runs a while
later, when nobody has come back to them (`jobs/queue`).
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import streamlit as st
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from convviz.language import tr, trn
from convviz.ui import camera, handed_on, jobs, state, visitor
from convviz.ui.byte_store import ByteStore
from convviz.ui.choice import BROUGHT
from convviz.ui.errors import guarded
from convviz.ui.keys import Entry

_ARRIVING_SECONDS = 60.0  # an image that has just been decoded may be in no visit yet


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


def let_go_of_ended_visits() -> None:
    """Drop what was computed from images that nobody who is here has brought; called now and then.

    Streamlit keeps a visit for two minutes after its connection is gone.
    """
    if not BROUGHT:
        return
    before = time.monotonic() - _ARRIVING_SECONDS
    here = _images_here()
    ended = {sha256 for sha256, at in list(BROUGHT.items()) if at < before and sha256 not in here}
    if not ended:
        return
    for store in byte_stores():
        store.drop(lambda key: (key[0] if isinstance(key, tuple) else key) in ended)
    for cached in caches_of("image", "job", "made_of"):
        cached.clear()  # no cache of Streamlit's says what is in it
    for sha256 in ended:
        BROUGHT.pop(sha256, None)


def _images_here() -> set[str]:
    """Find the images that belong to visits, those without a connection for a moment included."""
    runtime = Runtime.instance()
    images = []
    for info in runtime._session_mgr.list_sessions():
        held = info.session.session_state
        if Entry.VISIT in held:
            images.append(held[Entry.VISIT].own_image)
        if Entry.SECOND_IMAGE in held:
            images.append(held[Entry.SECOND_IMAGE])
    return {image.sha256 for image in images if image is not None}


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
