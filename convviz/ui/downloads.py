"""Weights that are not here: fetch them and show how far it is, or say what else can be done."""

from __future__ import annotations

import streamlit as st

from convviz.datasets import published
from convviz.downloads.tickets import Fetch
from convviz.formatting import size_text
from convviz.networks.registry import spec
from convviz.ui import state
from convviz.ui.keys import Key
from convviz.weights.load import start_fetch
from convviz.weights.source import SourceStatus

DEFAULT_NETWORK = "googlenet"  # its weights ship with convviz, so the app opens without a network


_UNASKED_BYTES = 100_000_000  # what is fetched at first need without asking


_POLL_SECONDS = 0.5


Statuses = dict[str, SourceStatus]


def is_ready(status: SourceStatus) -> bool:
    """Whether weights can be used without fetching anything."""
    return status.here or status.source in ("random", "own")


def use(name: str, source: str) -> None:
    """Choose the weights of a network; for callbacks."""
    here = state.visit()
    here.sources[name] = source
    here.notices.pop(Key.WEIGHTS, None)
    here.fetches.pop((name, source), None)


def fetch_now(name: str, source: str) -> None:
    """Choose weights and fetch them, or fetch them anew if they are damaged; for callbacks."""
    use(name, source)
    state.visit().fetches[name, source] = start_fetch(name, source)


def is_fetching(name: str, source: str) -> bool:
    """Whether this visitor waits for these weights."""
    ticket = state.visit().fetches.get((name, source))
    return ticket is not None and ticket.state in ("waiting", "running")


def get(name: str, source: str, statuses: Statuses) -> None:
    """Fetch weights and show how far it is; the script ends here unless they have come.

    Little is fetched without asking. For more, and after a failure or a stop, the visitor is asked.
    """
    chosen = statuses[source]
    here = state.visit()
    if (name, source) not in here.fetches and 0 < chosen.fetch_bytes <= _UNASKED_BYTES:
        fetch_now(name, source)
    ticket = here.fetches.get((name, source))
    if ticket is None:
        offer(name, source, statuses, f"These weights ({chosen.title}) are not here yet.")
    elif ticket.state in ("failed", "cancelled"):
        offer(name, source, statuses, ticket.error or "The download was stopped.")
    elif ticket.state != "done":
        with st.container(border=True, key="fetching"):
            st.subheader(f"Fetching the weights of {_title(name)}", anchor=False)
            st.markdown(
                f"{chosen.title}. This happens once; afterwards they are here for every visitor."
            )
            _show_progress(ticket)
            with st.container(horizontal=True):
                st.button("Cancel", key="fetch_cancel", on_click=ticket.cancel)
                _alternatives(name, source, statuses)
        st.stop()


def offer(name: str, source: str, statuses: Statuses, sentence: str) -> None:
    """Say why weights cannot be used and what can be done; the script ends here."""
    with st.container(border=True, key="weights_missing"):
        st.subheader(f"{_title(name)} needs weights first", anchor=False)
        st.warning(sentence, icon=":material/cloud_off:")
        with st.container(horizontal=True):
            if source == "imagenet":
                bytes_to_come = statuses[source].fetch_bytes
                cost = f" ({size_text(bytes_to_come)})" if bytes_to_come else " again"
                st.button(
                    f"Fetch them{cost}",
                    key="fetch_again",
                    type="primary",
                    on_click=fetch_now,
                    args=(name, source),
                )
            _alternatives(name, source, statuses)
        st.caption(
            "Without a network: put weight files into a folder, start convviz with "
            "CONVVIZ_WEIGHTS=that folder, and open this page again."
        )
    st.stop()


@st.fragment(run_every=_POLL_SECONDS)
def _show_progress(ticket: Fetch) -> None:
    if ticket.state in ("done", "failed", "cancelled"):
        st.rerun()
    said = size_text(ticket.received)
    if ticket.total:
        said = f"{said} of {size_text(ticket.total)}"
    if ticket.state == "waiting":
        said += " (another convviz on this machine is fetching them)"
    st.progress(ticket.fraction, text=said)


def _alternatives(name: str, source: str, statuses: Statuses) -> None:
    """Offer what can be used at once: other weights that are here, or the default network."""
    for other in statuses.values():
        if is_ready(other) and other.source not in (source, "random"):
            st.button(
                f"Use {other.title}",
                key=f"use_{other.source}",
                on_click=use,
                args=(name, other.source),
            )
    st.button(
        "Use untrained weights",
        key="use_untrained",
        on_click=use,
        args=(name, "random"),
        help="Random numbers: good for sizes and shapes, but the network has learned nothing.",
    )
    if name != DEFAULT_NETWORK:
        st.button(
            f"Look at {_title(DEFAULT_NETWORK)} instead",
            key="use_default_network",
            on_click=lambda: st.session_state.update({Key.NETWORK: DEFAULT_NETWORK}),
            help="Its weights ship with convviz.",
        )


def _title(name: str) -> str:
    return spec(name).title


_SET_POLL_SECONDS = 0.5


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


@st.fragment(run_every=_SET_POLL_SECONDS)
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
