"""Choose a network and its weights in the sidebar."""

from __future__ import annotations

from collections import Counter

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from convviz.errors import WeightsError
from convviz.formatting import size_text
from convviz.networks.network import Network
from convviz.networks.registry import available, spec
from convviz.ui import cache, downloads, state
from convviz.ui.keys import Key
from convviz.weights import trained
from convviz.weights.load import open_saved, source_statuses
from convviz.weights.source import AUTO_ORDER, SourceStatus

MAX_MEGABYTES = 200  # as .streamlit/config.toml allows


def draw() -> None:
    """Draw what opens a file, and what came of the last one."""
    here = state.visit()
    with st.popover(
        "Open a saved network", icon=":material/folder_open:", width="stretch", key="open_saved"
    ):
        st.file_uploader(
            "The file of a trained network",
            type=["safetensors"],
            key="saved_upload",
            on_change=_take,
            max_upload_size=MAX_MEGABYTES,
            help="Saved on the page Transfer learning or by “convviz train”: a whole network, or a "
            "decoder alone. It becomes one more choice of weights in this visit, and is not passed "
            "on.",
        )
    if here.unopened:
        st.error(f"{here.unopened} The weights in use have not changed.", icon=":material/error:")
    elif here.opened:
        st.success(here.opened, icon=":material/check:")


def _take() -> None:
    """Take over a file; one that cannot be used changes nothing but what is said."""
    file = st.session_state.get("saved_upload")
    if file is None:
        return
    here = state.visit()
    here.opened = here.unopened = ""
    name = state.shorten(file.name, 40)
    try:
        found = open_saved(file.getvalue())
    except WeightsError as error:
        here.unopened = state.plain(f"{name}: {error}")
        return
    source = trained.keep(found)
    if source not in here.trained:
        here.trained.append(source)
    downloads.use(found.name, source)
    st.session_state[Key.NETWORK] = found.name
    classes = len(found.weights.classes)
    here.opened = f"{state.plain(name)} is in use: {found.title} with {classes} classes."


def pick_network() -> str:
    """Draw the list of networks and return the chosen one's name."""
    names = available()
    key = state.remember(Key.NETWORK, downloads.DEFAULT_NETWORK, allowed=names, default_in_url=True)
    return st.selectbox(
        "Network",
        names,
        format_func=lambda name: spec(name).title,
        key=key,
        help="ConvNets made to name what a photograph shows. The number after VGG counts its "
        "layers with weights.",
    )


def pick_weights(
    name: str, missing: DeltaGenerator | None, about: DeltaGenerator
) -> Network | None:
    """Draw the list of weights, and return the loaded network.

    Args:
        name: The network.
        missing: Where to say what can be done if the weights are not here; the script then ends.
            None: do without them.
        about: Where to say which weights are in use, and to offer others.

    Returns:
        The network, or None if its weights are not here and the page can do without.
    """
    _take_link(name)
    statuses = {status.source: status for status in (*source_statuses(name), *_trained(name))}
    chosen = statuses[_settle(name, statuses)]
    titles = Counter(status.title for status in statuses.values())
    st.selectbox(
        "Weights",
        list(statuses),
        format_func=lambda source: (
            statuses[source].title
            # The same data may have been learned twice; the end of the checksum tells them apart.
            + (f" · {source[-4:]}" if titles[statuses[source].title] > 1 else "")
        ),
        key=Key.WEIGHTS,
        on_change=_choose_weights,
        args=(name,),
        help="The numbers a network has learned. Full weights can name what they see; an encoder "
        "has the convolutional layers, with a small decoder that convviz trained where there is "
        "one.",
    )
    with about:
        in_use = st.container()
        draw()
    if not downloads.is_ready(chosen) or downloads.is_fetching(name, chosen.source):
        if missing is None:
            st.caption("Not fetched yet; this page does without.")
            return None
        with missing:
            downloads.get(name, chosen.source, statuses)
    try:
        with st.spinner(f"Loading {spec(name).title}…"):
            loaded = cache.network(name, chosen.source)
    except WeightsError as error:
        if missing is None:
            st.caption(str(error))
            return None
        with missing:
            downloads.offer(name, chosen.source, statuses, str(error))
    with in_use:
        _describe(name, loaded, statuses)
    return loaded


def _take_link(name: str) -> None:
    """Let a link name a network that was trained on this server, as long as that is in memory."""
    here = state.visit()
    asked = here.link.get(Key.WEIGHTS, "")
    found = trained.find(asked) if asked.startswith(trained.PREFIX) else None
    if found is not None and found.name == name and asked not in here.trained:
        here.trained.append(asked)


def _trained(name: str) -> list[SourceStatus]:
    """List what this visitor trained on the page Transfer learning."""
    kept = [trained.find(source) for source in state.visit().trained]
    return [
        SourceStatus(each.weights.source, each.weights.title, True, each.weights.bytes)
        for each in kept
        if each is not None and each.name == name
    ]


def _settle(name: str, statuses: dict[str, SourceStatus]) -> str:
    """Decide which weights: the link's, else the visitor's last choice, else what is here."""
    here = state.visit()
    asked = here.link.pop(Key.WEIGHTS, None)
    wanted = asked or (None if here.restoring else here.sources.get(name))
    if wanted is None or wanted not in statuses:
        gone = wanted or ""
        wanted = _automatic(statuses)
        if asked:
            state.notice(
                Key.WEIGHTS,
                f"{spec(name).title} has no weights called “{state.shorten(asked)}”, as "
                f"the link asks; here are others instead ({statuses[wanted].title}).",
            )
        elif gone.startswith(trained.PREFIX):
            state.notice(
                Key.WEIGHTS,
                f"The trained {spec(name).title} is no longer in the server's memory: "
                "open its file, if you saved one, or train it again.",
            )
    here.sources[name] = wanted
    state.put(Key.WEIGHTS, wanted)
    return wanted


def _automatic(statuses: dict[str, SourceStatus]) -> str:
    """Choose what is here, in the order of `auto`, else what is quickest to fetch."""
    for source in AUTO_ORDER:
        if source in statuses and downloads.is_ready(statuses[source]):
            return source
    fetchable = [status for status in statuses.values() if status.fetch_bytes]
    if fetchable:
        return min(fetchable, key=lambda status: status.fetch_bytes).source
    return "random"


def _choose_weights(name: str) -> None:
    """Take over a choice from the list."""
    downloads.use(name, st.session_state[Key.WEIGHTS])
    state.visit().opened = ""


def _describe(name: str, loaded: Network, statuses: dict[str, SourceStatus]) -> None:
    """Say what is in use, and offer the full ImageNet weights where they are not."""
    weights = loaded.weights
    said = [f"Weights trained on {state.plain(weights.training_set)}"]
    decoder = f"decoder from {weights.decoder_set}" if weights.decoder_set else "with decoder"
    said.append(decoder if weights.has_decoder else "no decoder")
    if weights.source == "random":
        said = ["Weights not trained: random numbers"]
    said.append(size_text(weights.bytes).replace(" ", "\u00a0"))  # not to be torn apart
    st.caption(
        " · ".join([*said, f"sha256 `{weights.sha256[:8]}`"]),
        help=f"Full sha256, a fingerprint of the weights: `{weights.sha256}`. "
        f"{state.plain(weights.note)}",
    )
    full = statuses.get("imagenet")
    if full is not None and weights.source != "imagenet":
        cost = "" if full.here else f" (fetch {size_text(full.fetch_bytes)})"
        st.button(
            f"Use the full ImageNet weights{cost}",
            key="use_full_weights",
            on_click=downloads.use if full.here else downloads.fetch_now,
            args=(name, "imagenet"),
            width="stretch",
        )
