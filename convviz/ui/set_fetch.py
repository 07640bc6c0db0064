"""A published set of images that may have to be fetched first: the offer, the progress, Stop."""

from __future__ import annotations

import streamlit as st

from convviz.datasets import published
from convviz.downloads.tickets import Fetch
from convviz.formatting import size_text
from convviz.ui import state

_POLL_SECONDS = 0.5


def here(key: str) -> bool:
    """Say whether a set is on this machine; where it is not, draw what brings it.

    Args:
        key: One of `fetching.SETS`.
    """
    wanted = published.SETS[key]
    st.caption(wanted.about)
    if published.is_here(key):
        return True
    ticket = state.visit().fetches.get((key, "images"))
    if ticket is not None and ticket.state in ("waiting", "running"):
        with st.container(border=True, key=f"fetching_{key}"):
            st.markdown(f"**Fetching {wanted.title}**, once for every visitor")
            _progress(ticket)
            st.button("Stop", icon=":material/stop:", key=f"stop_{key}", on_click=ticket.cancel)
        return False
    if ticket is not None and ticket.state == "failed":
        st.error(
            f"{wanted.title} could not be fetched: {state.plain(ticket.error)} The generated "
            "shapes, the samples' crops and your own pictures need no network.",
            icon=":material/cloud_off:",
        )
    elif ticket is not None and ticket.state == "cancelled":
        st.info("The download was stopped; nothing was kept of it.", icon=":material/stop:")
    st.button(
        f"Fetch {wanted.title} ({size_text(wanted.bytes)})",
        icon=":material/download:",
        key=f"fetch_{key}",
        on_click=_start,
        args=(key,),
        help="From where torchvision fetches it, too; kept in convviz's cache folder.",
    )
    return False


def _start(key: str) -> None:
    state.visit().fetches[key, "images"] = published.start(key)


@st.fragment(run_every=_POLL_SECONDS)
def _progress(ticket: Fetch) -> None:
    if ticket.state in ("done", "failed", "cancelled"):
        st.rerun()
    said = size_text(ticket.received)
    if ticket.total:
        said = f"{ticket.fraction:.0%} · {said} of {size_text(ticket.total)}"
    if ticket.state == "waiting":
        said += " (another convviz on this machine is fetching it)"
    elif ticket.fraction == 1:
        said += " · unpacking"
    st.progress(ticket.fraction, text=said)
