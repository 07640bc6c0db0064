"""Hand on a finished run: a link that opens its result read-only, until sharing ends."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from convviz import limits
from convviz.errors import JobError
from convviz.formatting import say_seconds
from convviz.jobs.handed_on import HandedOn, HandedOnRuns
from convviz.jobs.job import JobView
from convviz.language import again, later, tr, trn
from convviz.ui import state
from convviz.ui.errors import guarded
from convviz.ui.keys import Entry, Key

# Not in Streamlit's cache, which any visitor can clear.
RUNS = HandedOnRuns(
    lambda: limits.SHARED_HOURS.value * 3600.0,
    lambda: limits.SHARED_RUNS.value,
    lambda: limits.SHARED_MEGABYTES.bytes,
)

Holds = Literal["image", "pictures", "nothing"]
"""What of their owner's may be part of the results of a page."""

# What a link carries beside the id, for pages that show results in one of their views alone.
_VIEWS = (Key.WATCH, Key.DESIGN_VIEW, Key.TRANSFER_VIEW)
_PLACES = {
    "activations": (
        *(Key.NETWORK, Key.LAYER, Key.CHANNEL, Key.ACTIVATIONS_VIEW, Key.QUESTION, Key.WAY),
    ),
}

_GONE = later(
    "The result in this link is not shared, or no longer: ask whoever sent the link to "
    "share it again."
)
_READ_ONLY = later(
    "Somebody shared this result with you. You can look and save, and change nothing."
)


def opened(page: str) -> JobView | None:
    """Return the result that this page's address opens; None where it opens none.

    Args:
        page: The page's folder in `ui`; a result opens on its own page alone.
    """
    asked = state.visit().link.pop(Key.HANDED_ON, None)
    if asked is not None or state.visit().restoring:
        st.session_state[Entry.HANDED_ON] = asked
    shared_id = st.session_state.get(Entry.HANDED_ON)
    if shared_id is None:
        return None
    shared = RUNS.get(shared_id)
    if shared is None or shared.page != page:
        if shared is None:
            st.info(tr(_GONE), icon=":material/link_off:")
            close()
        return None
    state.write_url(Key.HANDED_ON, shared_id)
    return JobView(
        id=shared.id,
        title=shared.title,
        page=shared.page,
        about=shared.about,
        state="done",
        newest=shared.result,
        note=shared.note,
        handed_on=True,
    )


def close() -> None:
    """Show the visitor's own runs again."""
    st.session_state[Entry.HANDED_ON] = None
    state.write_url(Key.HANDED_ON, None)


def draw_banner() -> None:
    """Say that a result is somebody else's, beside the button that closes it."""
    with st.container(horizontal=True, vertical_alignment="center", key="handed_on_banner"):
        st.info(tr(_READ_ONLY), icon=":material/visibility:")
        st.button(
            tr("Close"), icon=":material/close:", key="handed_on_close", on_click=guarded(close)
        )


def draw_button(view: JobView, owner: str, *, holds: Holds) -> None:
    """Draw the button that shares a visitor's own result, unless it is shared.

    Args:
        view: The run, which has ended and has a result.
        owner: The visitor's secret.
        holds: What of the owner's is part of the result.
    """
    if _shared(view, owner) is None:
        st.button(
            share_label(limits.SHARED_HOURS.value, holds),
            icon=":material/share:",
            key="handed_on_share",
            on_click=_share,
            args=(view, owner),
            help=tr(
                "Makes a link that opens this result, read-only, for whoever has it. Until "
                "then nobody else can see it. It ends with “Stop sharing” or “Forget my "
                "data”."
            ),
        )


def draw_link(view: JobView, owner: str, *, holds: Holds) -> None:
    """Draw the link to a visitor's own result if it is shared, or why it could not be.

    Args:
        view: The run.
        owner: The visitor's secret.
        holds: What of the owner's is part of the result.
    """
    refusal = st.session_state.pop(Entry.SHARING_REFUSAL, "")
    if refusal:
        st.warning(again(refusal), icon=":material/share_off:")
    shared = _shared(view, owner)
    if shared is not None:
        _draw_link(shared, owner, holds)


def _shared(view: JobView, owner: str) -> HandedOn | None:
    return next((each for each in RUNS.of(owner) if each.job_id == view.id), None)


def draw_others(page: str, owner: str, view: JobView | None, *, holds: Holds) -> None:
    """Draw what else of a page the visitor shares, so that they can end it.

    Args:
        page: The page, which is open: a link names no other.
        owner: The visitor's secret.
        view: The run that is shown, whose link is drawn beside it.
        holds: What of the owner's is part of the page's results.
    """
    of_page = (each for each in RUNS.of(owner) if each.page == page)
    others = [each for each in of_page if view is None or each.job_id != view.id]
    if others:
        with st.expander(tr("Results that you share"), icon=":material/share:"):
            for each in others:
                st.markdown(f"**{state.plain(each.title)}**")
                _draw_link(each, owner, holds)


def _draw_link(shared: HandedOn, owner: str, holds: Holds) -> None:
    st.caption(sharing_ends(RUNS.seconds_left(shared), holds))
    with st.container(horizontal=True, vertical_alignment="center", key=f"handed_on:{shared.id}"):
        st.code(_link(shared), language=None, wrap_lines=True)
        st.button(
            tr("Stop sharing"),
            icon=":material/link_off:",
            key=f"handed_on_stop:{shared.id}",
            on_click=_stop,
            args=(shared.id, owner),
        )


def share_label(count: int, holds: Holds = "image") -> str:
    """Say on the button what is shared and for how many hours."""
    if holds == "nothing":
        return tr("Share for {hours}", hours=hours(count))
    if holds == "pictures":
        return tr("Share with its pictures for {hours}", hours=hours(count))
    return tr("Share with its image for {hours}", hours=hours(count))


def sharing_ends(seconds: float, holds: Holds = "image") -> str:
    """Say who can see a shared result, and for how long.

    Args:
        seconds: How long it is still shared.
        holds: What of the owner's is part of it.
    """
    left = (
        tr("about {hours}", hours=hours(round(seconds / 3600)))
        if seconds >= 5400
        else say_seconds(seconds)
    )
    if holds == "nothing":
        return tr("Whoever has this link sees the result, for {left} more.", left=left)
    if holds == "pictures":
        return tr(
            "Whoever has this link sees the result and its pictures, for {left} more.", left=left
        )
    return tr("Whoever has this link sees the result and its image, for {left} more.", left=left)


def _link(shared: HandedOn) -> str:
    """Return the address of the open page, with the id and the view that shows such results."""
    here, address = urlsplit(st.context.url or ""), state.visit().address
    keys = _PLACES.get(shared.page, _VIEWS)
    view = {key.value: address[key] for key in keys if key in address}
    query = urlencode({**view, Key.HANDED_ON.value: shared.id})
    return urlunsplit((here.scheme, here.netloc, here.path, query, ""))


@guarded
def _share(view: JobView, owner: str) -> None:
    try:
        RUNS.share(
            owner,
            view.id,
            page=view.page,
            title=view.title,
            result=view.newest,
            note=view.note if view.state == "stopped" else "",
            about=view.about,
        )
    except JobError as error:
        st.session_state[Entry.SHARING_REFUSAL] = str(error)


@guarded
def _stop(shared_id: str, owner: str) -> None:
    RUNS.stop(shared_id, owner)


def hours(count: int) -> str:
    """Write a number of hours; 24 are a day."""
    return tr("a day") if count == 24 else trn("an hour", "{count} hours", count)
