"""Choose a network and its weights, and fetch weights that are not here yet."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from convviz import networks
from convviz.errors import WeightsError
from convviz.networks import Network, fetch, sources
from convviz.networks.fetch import Fetch
from convviz.networks.weights import AUTO_ORDER, SourceStatus, size_text
from convviz.ui import cache, state

DEFAULT_NETWORK = "googlenet"  # its weights ship with convviz, so the app opens without a network
_UNASKED_BYTES = 100_000_000  # what is fetched at first need without asking
_POLL_SECONDS = 0.5


def pick_network() -> str:
    """Draw the list of networks and return the chosen one's name."""
    names = networks.available()
    key = state.remember("network", DEFAULT_NETWORK, allowed=names, default_in_url=True)
    return st.selectbox(
        "Network",
        names,
        format_func=lambda name: networks.spec(name).title,
        key=key,
        help="All are ConvNets that were trained to name what a photograph shows: AlexNet (2012), "
        "the VGG family (2014; the number counts its layers with weights) and GoogLeNet (2014).",
    )


def pick_weights(name: str, missing: DeltaGenerator | None) -> Network | None:
    """Draw the list of weights, what is in use, and return the loaded network.

    Args:
        name: The network.
        missing: Where to say what can be done if the weights are not here; the script then ends.
            None: do without them.

    Returns:
        The network, or None if its weights are not here and the page can do without.
    """
    statuses = {status.source: status for status in sources.status(name)}
    chosen = statuses[_settle(name, statuses)]
    st.selectbox(
        "Weights",
        list(statuses),
        format_func=lambda source: statuses[source].title,
        key="weights",
        on_change=_choose_weights,
        args=(name,),
        help="The numbers a network has learned. Full weights can name what they see; an encoder "
        "has the convolutional layers only.",
    )
    if not _is_ready(chosen):
        if missing is None:
            st.caption("Not fetched yet; this page does without.")
            return None
        with missing:
            _get(name, chosen, statuses)
    try:
        with st.spinner(f"Loading {networks.spec(name).title}…"):
            loaded = cache.network(name, chosen.source)
    except WeightsError as error:
        if missing is None:
            st.caption(str(error))
            return None
        with missing:
            _offer(name, chosen, statuses, str(error))
    _describe(name, loaded, statuses)
    return loaded


def _settle(name: str, statuses: dict[str, SourceStatus]) -> str:
    """Decide which weights: the link's, else the visitor's last choice, else what is here."""
    here = state.visit()
    asked = here.link.pop("weights", None)
    wanted = asked or here.sources.get(name)
    if wanted is None or wanted not in statuses:
        wanted = _automatic(statuses)
        if asked:
            state.notice(
                "weights",
                f"{networks.spec(name).title} has no weights called “{state.shorten(asked)}”, as "
                f"the link asks; here are others instead ({statuses[wanted].title}).",
            )
    here.sources[name] = wanted
    state.put("weights", wanted)
    return wanted


def _automatic(statuses: dict[str, SourceStatus]) -> str:
    """Choose what is here, in the order of `auto`, else what is quickest to fetch."""
    for source in ("own", *AUTO_ORDER):
        if source in statuses and _is_ready(statuses[source]):
            return source
    fetchable = [status for status in statuses.values() if status.fetch_bytes]
    if fetchable:
        return min(fetchable, key=lambda status: status.fetch_bytes).source
    return "random"


def _choose_weights(name: str) -> None:
    """Take over a choice from the list."""
    _use(name, st.session_state["weights"])


def _use(name: str, source: str) -> None:
    here = state.visit()
    here.sources[name] = source
    here.notices.pop("weights", None)
    here.fetches.pop((name, source), None)


def _use_now(name: str, source: str) -> None:
    """Take over a choice from a button, which has said how much it fetches, if anything."""
    _use(name, source)
    status = next(status for status in sources.status(name) if status.source == source)
    if not _is_ready(status):
        _start(name, source)


def _start(name: str, source: str) -> None:
    state.visit().fetches[name, source] = fetch.start(name, source)


def _is_ready(status: SourceStatus) -> bool:
    return status.here or status.source in ("random", "own")


def _get(name: str, chosen: SourceStatus, statuses: dict[str, SourceStatus]) -> None:
    """Fetch weights and show how far it is; ends the script."""
    here = state.visit()
    key = (name, chosen.source)
    if key not in here.fetches and 0 < chosen.fetch_bytes <= _UNASKED_BYTES:
        _start(*key)
    ticket = here.fetches.get(key)
    title = networks.spec(name).title
    if ticket is None:
        _offer(name, chosen, statuses, f"These weights ({chosen.title}) are not here yet.")
    elif ticket.state in ("failed", "cancelled"):
        _offer(name, chosen, statuses, ticket.error or "The download was stopped.")
    elif ticket.state != "done":
        with st.container(border=True, key="fetching"):
            st.subheader(f"Fetching the weights of {title}", anchor=False)
            st.markdown(
                f"{chosen.title}. This happens once; afterwards they are here for every visitor."
            )
            _show_progress(ticket)
            with st.container(horizontal=True):
                st.button("Cancel", key="fetch_cancel", on_click=ticket.cancel)
                _untrained_button(name)
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


def _offer(
    name: str, chosen: SourceStatus, statuses: dict[str, SourceStatus], sentence: str
) -> None:
    """Say what is missing and what can be done; ends the script."""
    with st.container(border=True, key="weights_missing"):
        st.subheader(f"{networks.spec(name).title} has no weights yet", anchor=False)
        st.warning(sentence, icon=":material/cloud_off:")
        with st.container(horizontal=True):
            if chosen.fetch_bytes:
                st.button(
                    f"Fetch them ({size_text(chosen.fetch_bytes)})",
                    key="fetch_again",
                    type="primary",
                    on_click=_use_now,
                    args=(name, chosen.source),
                )
            _untrained_button(name)
            if name != DEFAULT_NETWORK:
                st.button(
                    f"Look at {networks.spec(DEFAULT_NETWORK).title} instead",
                    key="use_default_network",
                    on_click=lambda: st.session_state.update(network=DEFAULT_NETWORK),
                    help="Its weights ship with convviz.",
                )
        st.caption(
            "Without a network: put weight files into a folder, start convviz with "
            "CONVVIZ_WEIGHTS=that folder, and open this page again."
        )
    st.stop()


def _untrained_button(name: str) -> None:
    st.button(
        "Use untrained weights",
        key="use_untrained",
        on_click=_use,
        args=(name, "random"),
        help="Random numbers: good for sizes and shapes, but the network has learned nothing.",
    )


def _describe(name: str, loaded: Network, statuses: dict[str, SourceStatus]) -> None:
    """Say what is in use, and offer the full ImageNet weights where they are not."""
    weights = loaded.weights
    said = [f"Trained on {weights.training_set}"]
    said.append("with decoder" if weights.has_decoder else "no decoder")
    if weights.source == "random":
        said = ["Not trained: random numbers"]
    said.append(size_text(weights.bytes).replace(" ", "\u00a0"))  # not to be torn apart
    st.caption(
        " · ".join([*said, f"sha256 `{weights.sha256[:8]}`"]),
        help=f"Full sha256, a fingerprint of the weights: `{weights.sha256}`. {weights.note}",
    )
    full = statuses.get("imagenet")
    if full is not None and weights.source != "imagenet":
        cost = "" if full.here else f" (fetch {size_text(full.fetch_bytes)})"
        st.button(
            f"Use the full ImageNet weights{cost}",
            key="use_full_weights",
            on_click=_use_now,
            args=(name, "imagenet"),
            width="stretch",
        )
