"""Fetch weights and sets of images that are not on this machine, or say what else can be done.

`get` and `offer` are for weights, `set_is_here` is for the sets of images in `published.SETS`.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from convviz.datasets import published
from convviz.downloads.tickets import Fetch
from convviz.formatting import percent, size_text
from convviz.language import again, tr
from convviz.networks.registry import spec
from convviz.ui import errors, state
from convviz.ui.keys import Key
from convviz.weights import imagenet
from convviz.weights.findings import licence
from convviz.weights.load import start_fetch
from convviz.weights.source import SourceStatus

DEFAULT_NETWORK = "alexnet"  # what the app opens with; its encoder ships with convviz

_POLL_SECONDS = 0.5
_UNDER_WAY = ("waiting", "running")

Statuses = dict[str, SourceStatus]


def use(name: str, source: str) -> None:
    """Choose the weights of a network; for callbacks."""
    visit = state.visit()
    visit.sources[name] = source
    visit.notices.pop(Key.WEIGHTS, None)
    visit.fetches.pop((name, source), None)


def fetch_now(name: str, source: str) -> None:
    """Choose weights and fetch them, or fetch them anew if they are damaged; for callbacks."""
    use(name, source)
    state.visit().fetches[name, source] = start_fetch(name, source)


def is_fetching(name: str, source: str) -> bool:
    """Whether this visitor waits for these weights."""
    ticket = state.visit().fetches.get((name, source))
    return ticket is not None and ticket.state in _UNDER_WAY


def get(name: str, source: str, statuses: Statuses) -> None:
    """Offer weights with their size and licence, or draw the progress of their fetch.

    The script ends here unless they have arrived.
    """
    status = statuses[source]
    ticket = state.visit().fetches.get((name, source))
    if ticket is None:
        offer(name, source, statuses, not_here_yet(status.title))
    elif ticket.state in ("failed", "cancelled"):
        offer(name, source, statuses, ticket.error or tr("The download was stopped."))
    elif ticket.state != "done":
        with st.container(border=True, key="fetching"):
            st.header(
                tr("Fetching the weights of {network}", network=state.plain(_title(name))),
                anchor=False,
            )
            st.markdown(happens_once(state.plain(status.title)))
            _show_progress(ticket, _progress_of_weights)
            with st.container(horizontal=True):
                st.button(tr("Cancel"), key="fetch_cancel", on_click=ticket.cancel)
                _alternatives(name, source, statuses)
        state.stop()


def not_here_yet(title: str) -> str:
    """Return the sentence on weights that have not been fetched."""
    return tr("These weights ({weights}) are not here yet.", weights=title)


def happens_once(title: str) -> str:
    """Return the sentence on weights that are being fetched."""
    return tr(
        "{weights}. This happens once; afterwards they are here for every visitor.", weights=title
    )


def fetching_once(title: str) -> str:
    """Return the sentence on a set of images that is being fetched."""
    return tr("**Fetching {title}**, once for every visitor", title=title)


def not_fetched(title: str, error: str) -> str:
    """Return the sentence on a set of images that could not be fetched, with the reason."""
    return tr(
        "{title} could not be fetched: {error} The generated shapes, the samples' crops "
        "and your own pictures need no network.",
        title=title,
        error=error,
    )


def offer(name: str, source: str, statuses: Statuses, sentence: str) -> None:
    """Say why weights cannot be used and what can be done; the script ends here."""
    with st.container(border=True, key="weights_missing"):
        network = state.plain(_title(name))
        st.header(tr("{network} needs weights first", network=network), anchor=False)
        st.warning(state.plain(sentence), icon=":material/cloud_off:")
        with st.container(horizontal=True):
            if source == "imagenet":
                size = statuses[source].fetch_bytes
                st.button(
                    tr("Fetch them ({size})", size=size_text(size))
                    if size
                    else tr("Fetch them again"),
                    key="fetch_again",
                    type="primary",
                    on_click=fetch_now,
                    args=(name, source),
                )
            _alternatives(name, source, statuses)
        if source == "imagenet":
            say_licence(name)
        st.caption(
            tr(
                "Without a network: put weight files into a folder, start convviz with "
                "CONVVIZ_WEIGHTS=that folder, and open this page again."
            )
        )
    state.stop()


def say_licence(name: str) -> None:
    """Draw under which licence torchvision's weights of a network are."""
    if file := imagenet.torchvision_file(spec(name)):
        st.caption(state.plain(licence(file.licence)))


def set_is_here(key: str) -> bool:
    """Say whether a set of images is on this machine; if it is not, draw what fetches it.

    Args:
        key: One of `published.SETS`.
    """
    images = published.SETS[key]
    st.caption(tr(images.about))
    if published.is_here(key):
        return True
    ticket = state.visit().fetches.get((key, "images"))
    if ticket is not None and ticket.state in _UNDER_WAY:
        with st.container(border=True, key=f"fetching_{key}"):
            st.markdown(fetching_once(images.title))
            _show_progress(ticket, _progress_of_images)
            st.button(tr("Stop"), icon=":material/stop:", key=f"stop_{key}", on_click=ticket.cancel)
        return False
    if ticket is not None and ticket.state == "failed":
        reason = state.plain(ticket.error)
        st.error(not_fetched(images.title, reason), icon=":material/cloud_off:")
    elif ticket is not None and ticket.state == "cancelled":
        st.info(tr("The download was stopped; nothing was kept of it."), icon=":material/stop:")
    st.button(
        tr("Fetch {title} ({size})", title=images.title, size=size_text(images.bytes)),
        icon=":material/download:",
        key=f"fetch_{key}",
        on_click=_start,
        args=(key,),
        help=tr("From where torchvision fetches it, too; kept in convviz's cache folder."),
    )
    return False


def _start(key: str) -> None:
    state.visit().fetches[key, "images"] = published.start(key)


@errors.polled(_POLL_SECONDS)
def _show_progress(ticket: Fetch, text: Callable[[Fetch], str]) -> None:
    if ticket.state not in _UNDER_WAY:
        st.rerun()
    st.progress(ticket.fraction, text=text(ticket))


def _progress_of_weights(ticket: Fetch) -> str:
    text = size_text(ticket.received)
    if ticket.total:
        text = tr("{received} of {total}", received=text, total=size_text(ticket.total))
    if ticket.state == "waiting":
        text = tr("{progress} (another convviz on this machine is fetching them)", progress=text)
    return text


def _progress_of_images(ticket: Fetch) -> str:
    text = size_text(ticket.received)
    if ticket.total:
        text = tr(
            "{share} · {received} of {total}",
            share=percent(ticket.fraction, 0),
            received=text,
            total=size_text(ticket.total),
        )
    if ticket.state == "waiting":
        text = tr("{progress} (another convviz on this machine is fetching it)", progress=text)
    elif ticket.fraction == 1:
        text = tr("{progress} · unpacking", progress=text)
    return text


def _alternatives(name: str, source: str, statuses: Statuses) -> None:
    """Draw buttons for what can be used at once: other weights, or the default network."""
    for other in statuses.values():
        if other.here and other.source not in (source, "random"):
            st.button(
                tr("Use {weights}", weights=state.plain(other.title)),
                key=f"use_{other.source}",
                on_click=use,
                args=(name, other.source),
            )
    st.button(
        tr("Use untrained weights"),
        key="use_untrained",
        on_click=use,
        args=(name, "random"),
        help=tr("Random numbers: good for sizes and shapes, but the network has learned nothing."),
    )
    if name != DEFAULT_NETWORK:
        st.button(
            tr("Look at {network} instead", network=_title(DEFAULT_NETWORK)),
            key="use_default_network",
            on_click=lambda: st.session_state.update({Key.NETWORK: DEFAULT_NETWORK}),
            help=tr("Its weights ship with convviz."),
        )


def _title(name: str) -> str:
    return again(spec(name).title)
