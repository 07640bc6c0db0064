"""Choose a network and its weights in the sidebar."""

from __future__ import annotations

from collections import Counter

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from convviz import limits
from convviz.datasets import published
from convviz.errors import ConvvizError, WeightsError
from convviz.language import again, tr
from convviz.networks.catalogue import COURSE
from convviz.networks.findings import replaces_built_in
from convviz.networks.network import Network
from convviz.networks.registry import available, is_unlisted, replaces, spec
from convviz.structure.layers import layers
from convviz.ui import cache, downloads, state
from convviz.ui.errors import guarded
from convviz.ui.keys import Key
from convviz.ui.sidebar import findings
from convviz.weights import trained
from convviz.weights.class_names import read_class_names
from convviz.weights.findings import NOT_STATED
from convviz.weights.fitting import networks_fitting
from convviz.weights.load import open_saved, open_sent, source_statuses
from convviz.weights.sent_file import SentFile
from convviz.weights.source import AUTO_ORDER, SourceStatus
from convviz.weights.unused import UnusedFile, unused_files

_KNOWN_SECONDS = 10
_NAMES_MEGABYTES = 2

MAX_MEGABYTES = limits.UPLOAD_MEGABYTES.value


def draw() -> None:
    """Draw what opens a file, and the outcome of the last one.

    Files of any type are taken: what they are is told by their bytes.
    """
    visit = state.visit()
    with st.popover(
        tr("Open a saved network"),
        icon=":material/folder_open:",
        width="stretch",
        key="sidebar_open_saved",
    ):
        st.file_uploader(
            tr("A network's weights"),
            key=state.fresh("sidebar_saved_upload"),
            on_change=_take,
            max_upload_size=MAX_MEGABYTES,
            help=tr(
                "A state dict of PyTorch (torch.save or safetensors), a training's "
                "checkpoint, or what Transfer learning or “convviz train” saved. Nothing in "
                "the file is run. It becomes one more choice of weights in this visit, and "
                "is not passed on."
            ),
        )
        st.caption(findings.what_may_be_opened(MAX_MEGABYTES))
        st.file_uploader(
            tr("Names of its classes (optional)"),
            key=state.fresh("sidebar_names_upload"),
            on_change=_take,
            max_upload_size=_NAMES_MEGABYTES,
            help=tr(
                "A text file with one name a line, in the order of the scores, or JSON. "
                "Without it the file's own names are used, or else numbers."
            ),
        )
        if visit.fitting:
            st.selectbox(
                findings.several_fit(len(visit.fitting)),
                visit.fitting,
                index=None,
                placeholder=tr("Choose one"),
                format_func=lambda name: again(spec(name).title),
                key="sidebar_saved_network",
                on_change=_take,
            )
    if visit.unopened:
        sentence = state.plain(visit.unopened)
        st.error(findings.unopened(sentence), icon=":material/error:")
    elif visit.opened:
        st.success(again(visit.opened), icon=":material/check:")


@guarded
def _take() -> None:
    """Open a file; one that cannot be used changes nothing but the sentence about it."""
    visit = state.visit()
    visit.opened = visit.unopened = ""
    file = st.session_state.get(state.fresh("sidebar_saved_upload"))
    if file is None:
        visit.fitting = ()
        return
    name = state.shorten(file.name, 40)
    try:
        network = _opened(SentFile(file.name, file.getvalue()))
    except ConvvizError as error:
        visit.unopened = tr("{file}: {error}", file=name, error=error)
        return
    if network is None:
        return
    source = trained.keep(network)
    if source not in visit.trained:
        visit.trained.append(source)
    _make_room(source, trained.memory_of(network))
    downloads.use(network.name, source)
    st.session_state[Key.NETWORK] = network.name
    visit.opened = findings.opened(state.plain(name), network)


def _opened(file: SentFile) -> Network | None:
    """Open a file as the network that it fits; None where the visitor has to choose one.

    Raises:
        ConvvizError: The file, or that with the names of its classes, cannot be used.
    """
    visit = state.visit()
    visit.fitting, before = (), visit.fitting
    if trained.begins_as_saved(file.data):
        return open_saved(file.data)
    names = st.session_state.get(state.fresh("sidebar_names_upload"))
    classes = read_class_names(names.name, names.getvalue()) if names is not None else ()
    fitting = networks_fitting(file)
    if len(fitting) == 1:
        return open_sent(file, fitting[0], classes)
    visit.fitting = fitting
    chosen = st.session_state.get("sidebar_saved_network") if fitting == before else None
    return open_sent(file, chosen, classes) if chosen in fitting else None


def _make_room(source: str, size: int) -> None:
    """Let the networks of a visitor's earlier files go that are more than a visitor may hold."""
    visit = state.visit()
    visit.brought.pop(source, None)
    visit.brought[source] = size
    while sum(visit.brought.values()) > limits.VISITOR_MEGABYTES.bytes and len(visit.brought) > 1:
        oldest = next(iter(visit.brought))
        del visit.brought[oldest]
        if oldest in visit.trained:
            visit.trained.remove(oldest)
        if not any(oldest in other.trained for other in state.others()):
            trained.forget(oldest)


def pick_network(*, draw: bool = True) -> str:
    """Draw the list of networks and return the chosen one's name.

    Args:
        draw: Whether the list is drawn; without it the network stays as it was chosen elsewhere.
    """
    names = (*_designs(), *available())
    key = state.remember(Key.NETWORK, _default_network(), allowed=names, default_in_url=True)
    if not draw:
        # Left there, it would come back when the widget goes, in place of what was chosen since.
        return str(st.session_state.pop(key))
    listed = available()
    here = dict(zip(listed, _are_here(listed), strict=True))
    labels = {
        name: findings.network_label(again(spec(name).title), here=here.get(name, True))
        for name in names
    }
    name = st.selectbox(
        tr("Network"),
        names,
        format_func=labels.__getitem__,
        key=key,
        help=tr(
            "Networks made to name what a photograph shows: the designs that you trained, "
            "those of the course, then all other classifiers of torchvision by family. Type "
            "a part of a name to find one. Where no trained weights are on this machine, "
            "they can be fetched."
        ),
    )
    if replaces(name):
        st.caption(state.plain(replaces_built_in(spec(name))))
    return str(name)


def _designs() -> tuple[str, ...]:
    """Name the designs of which this visit has trained networks, the newest first.

    The link's is among them.
    """
    visit = state.visit()
    linked = visit.link.get(Key.NETWORK, "")
    if is_unlisted(linked):
        _take_link(linked)
    networks = [trained.find(source) for source in reversed(visit.trained)]
    names = [network.name for network in networks if network and is_unlisted(network.name)]
    return tuple(dict.fromkeys(names))


@st.cache_data(ttl=_KNOWN_SECONDS, max_entries=256, show_spinner=False)
def _are_here(names: tuple[str, ...]) -> tuple[bool, ...]:
    """Tell which networks have trained weights on this machine; looked up now and then."""
    return tuple(
        any(status.here for status in source_statuses(name) if status.source != "random")
        for name in names
    )


@st.cache_data(ttl=_KNOWN_SECONDS, max_entries=1, show_spinner=False)
def _unused() -> tuple[UnusedFile, ...]:
    """List what lies in the folder of weights and is not used; looked up now and then."""
    return unused_files({each.archive for each in published.SETS.values()})


def _default_network() -> str:
    """Return the network to begin with: the first that has what the link asks for without one."""
    link = state.visit().link
    source, layer = link.get(Key.WEIGHTS), link.get(Key.LAYER)
    if Key.NETWORK in link or source is layer is None:
        return downloads.DEFAULT_NETWORK
    for name in dict.fromkeys((downloads.DEFAULT_NETWORK, *COURSE)):
        statuses = {status.source: status for status in source_statuses(name)}
        if source not in (None, *statuses):
            continue
        within_encoder = (source or _automatic(statuses)) == "encoder"
        listed = [each for each in layers(spec(name)) if each.in_encoder or not within_encoder]
        if layer in (None, *(each.name for each in listed)):
            return name
    return downloads.DEFAULT_NETWORK


def pick_weights(
    name: str, missing: DeltaGenerator | None, about: DeltaGenerator
) -> Network | None:
    """Draw the list of weights, and return the loaded network.

    Args:
        name: The network.
        missing: Container for what can be done if the weights are not here; the script then ends.
            None: do without them.
        about: Container that says which weights are in use, and offers others.

    Returns:
        The network, or None if its weights are not here and the page can do without.
    """
    chosen, statuses = settle_weights(name)
    titles = Counter(status.title for status in statuses.values())
    st.selectbox(
        tr("Weights"),
        list(statuses),
        format_func=lambda source: (
            statuses[source].title
            # The same data may have been learned twice; the end of the checksum tells them apart.
            + (f" · {source[-4:]}" if titles[statuses[source].title] > 1 else "")
        ),
        key=Key.WEIGHTS,
        on_change=_choose_weights,
        args=(name,),
        help=tr(
            "The numbers a network has learned. Full weights can name what they see; an "
            "encoder has the convolutional layers, with a small decoder that convviz trained "
            "where there is one."
        ),
    )
    with about:
        in_use = st.container()
        draw()
    if not chosen.here or downloads.is_fetching(name, chosen.source):
        if missing is None:
            st.caption(tr("Not fetched yet; this page does without."))
            return None
        with missing:
            downloads.get(name, chosen.source, statuses)
    try:
        with st.spinner(tr("Loading {network}…", network=spec(name).title)):
            network = cache.network(name, chosen.source)
    except WeightsError as error:
        if missing is None:
            st.caption(state.plain(str(error)))
            return None
        with missing:
            downloads.offer(name, chosen.source, statuses, str(error))
    with in_use:
        _describe(network, statuses)
    return network


def settle_weights(name: str) -> tuple[SourceStatus, dict[str, SourceStatus]]:
    """Decide which weights a network has; a view that uses none calls this alone.

    Returns:
        Those chosen, and all there are, by source.
    """
    _take_link(name)
    statuses = {status.source: status for status in (*source_statuses(name), *_trained(name))}
    return statuses[_settle(name, statuses)], statuses


def _take_link(name: str) -> None:
    """Let a link name a network that was trained on this server, as long as that is in memory."""
    visit = state.visit()
    source = visit.link.get(Key.WEIGHTS, "")
    network = trained.find(source) if source.startswith(trained.PREFIX) else None
    if network is not None and network.name == name and source not in visit.trained:
        visit.trained.append(source)


def _trained(name: str) -> list[SourceStatus]:
    """List what this visitor trained on the page Transfer learning."""
    networks = [trained.find(source) for source in state.visit().trained]
    weights = [network.weights for network in networks if network and network.name == name]
    return [SourceStatus(each.source, again(each.title), True, each.bytes) for each in weights]


def others_here(name: str, source: str) -> dict[str, str]:
    """List the titles of a network's weights that are here, but for those given, by source."""
    statuses = (*_trained(name)[::-1], *source_statuses(name))
    return {each.source: each.title for each in statuses if each.here and each.source != source}


def _settle(name: str, statuses: dict[str, SourceStatus]) -> str:
    """Decide which weights: the link's, else the visitor's last choice, else what is here."""
    visit = state.visit()
    linked = visit.link.pop(Key.WEIGHTS, None)
    source = linked or (None if visit.restoring else visit.sources.get(name))
    if source is None or source not in statuses:
        gone = source or ""
        source = _automatic(statuses)
        if linked:
            state.notice(
                Key.WEIGHTS,
                findings.no_such_weights(again(spec(name).title), linked, statuses[source].title),
            )
        elif gone.startswith(trained.PREFIX):
            state.notice(
                Key.WEIGHTS,
                findings.no_longer_here(state.plain(spec(name).title)),
            )
    visit.sources[name] = source
    state.put(Key.WEIGHTS, source)
    return source


def usual_source(name: str) -> str:
    """Return the source of the weights that a network has until the visitor chooses others."""
    return _automatic({status.source: status for status in source_statuses(name)})


def _automatic(statuses: dict[str, SourceStatus]) -> str:
    """Choose what is here, in the order of `auto`, else what is quickest to fetch."""
    for source in AUTO_ORDER:
        if source in statuses and statuses[source].here:
            return source
    fetchable = [status for status in statuses.values() if status.fetch_bytes]
    if fetchable:
        return min(fetchable, key=lambda status: status.fetch_bytes).source
    trained_here = [source for source in statuses if source.startswith(trained.PREFIX)]
    return trained_here[-1] if trained_here else "random"


def _choose_weights(name: str) -> None:
    """Use the weights chosen from the list."""
    downloads.use(name, st.session_state[Key.WEIGHTS])
    state.visit().opened = ""


def _describe(network: Network, statuses: dict[str, SourceStatus]) -> None:
    """Say which weights are in use; in the details, offer the full ImageNet weights as well."""
    weights = network.weights
    if weights.training_set == NOT_STATED:
        learned = tr("What the weights learned from is not stated")
    else:
        learned = tr("Weights trained on {set}", set=state.plain(weights.training_set))
    if not weights.has_decoder:
        decoder = tr("classes not known") if weights.source == "own" else tr("no decoder")
    elif weights.decoder_set:
        decoder = tr("decoder from {set}", set=state.plain(weights.decoder_set))
    else:
        decoder = tr("with decoder")
    if weights.source == "random":
        st.caption(tr("Weights not trained: random numbers"))
    else:
        st.caption(f"{learned}, {decoder}")
    if weights.warning:
        st.warning(state.plain(weights.warning), icon=":material/warning:")
    full = statuses.get("imagenet")
    with st.expander(tr("Details of the weights"), key="sidebar_weights_details"):
        st.caption(findings.details(weights.bytes, weights.sha256, weights.note))
        if unused := _unused():
            st.caption(findings.unused(unused))
        if full is not None and weights.source != "imagenet":
            st.button(
                findings.use_full_weights(full),
                key="sidebar_full_weights",
                on_click=downloads.use if full.here else downloads.fetch_now,
                args=(network.name, "imagenet"),
                width="stretch",
            )
            if not full.here:
                downloads.say_licence(network.name)
