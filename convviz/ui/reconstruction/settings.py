"""What is reconstructed, from which layers, and how long it may take."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from convviz.networks.network import Network
from convviz.networks.registry import available, spec
from convviz.reconstruction.config import preset
from convviz.reconstruction.progress import Plan, plan
from convviz.structure import layers as structure_layers
from convviz.structure.layers import Layer
from convviz.ui import cache, layer_picker, state
from convviz.ui.keys import Key
from convviz.ui.reconstruction import advanced
from convviz.ui.shell import Choice
from convviz.weights import sources
from convviz.weights.source import AUTO_ORDER

ONE, DEPTH, NETWORKS = "layer", "depth", "networks"
MODES = {ONE: "One layer", DEPTH: "Depth series", NETWORKS: "Networks"}

MOST_SECONDS = 270  # for all pictures of a job together; the runner ends a job after 300
MOST_PICTURES = 10

_TRIO = ("alexnet", "vgg16", "googlenet")
_USUAL_SECONDS = 12
_SECONDS = (4, 8, 12, 20, 30, 60, 120, 240)


def mode() -> str:
    """Choose between one layer, several layers, and several networks."""
    chosen = st.segmented_control(
        "What to reconstruct from",
        MODES,
        format_func=MODES.__getitem__,
        key=state.remember(Key.SERIES, ONE, allowed=MODES),
        label_visibility="collapsed",
        required=True,
    )
    return str(chosen)


def layers(network: Network) -> tuple[Layer, ...]:
    """Choose the layers of a depth series, from shallow to deep."""
    found = cache.layers(network)
    by_name = {layer.name: layer for layer in layer_picker.choices(found)}
    stages = [layer.name for layer in structure_layers.one_per_stage(found)]
    chosen = st.multiselect(
        "Layers",
        list(by_name),
        default=stages,
        format_func=lambda name: by_name[name].title,
        key=f"series_layers:{network.name}:{network.weights.source}",
        max_selections=MOST_PICTURES,
        help="At first the last layer of each stage. They are done one after the other, from "
        "shallow to deep.",
    )
    return tuple(by_name[name] for name in sorted(chosen, key=lambda name: by_name[name].index))


def compared(choice: Choice) -> tuple[tuple[Network, Layer], ...]:
    """Choose the networks to compare, and find in each the layer about as deep as the chosen."""
    here = {name: source for name in available() if (source := _source_here(name))}
    here[choice.network.name] = choice.network.weights.source
    missing = [spec(name).title for name in _TRIO if name not in here]
    names = st.multiselect(
        "Networks",
        list(here),
        default=[name for name in here if name in (*_TRIO, choice.network.name)],
        format_func=lambda name: spec(name).title,
        key=f"series_networks:{','.join(here)}",
        max_selections=MOST_PICTURES,
    )
    layer = choice.layer
    if layer is None:
        raise RuntimeError("the page was opened without a layer")
    at = structure_layers.depth_of(cache.layers(choice.network), layer)
    pairs = []
    for name in names:
        if name == choice.network.name:
            pairs.append((choice.network, layer))
        else:
            network = cache.network(name, here[name])
            pairs.append((network, structure_layers.at_depth(cache.layers(network), at)))
    said = ", ".join(f"{layer.title} of {network.title}" for network, layer in pairs)
    st.caption(
        f"At about the same share of each encoder's depth as the layer in the sidebar: {said}."
        if pairs
        else "Choose at least one network."
    )
    if missing:
        st.caption(
            f"The weights of {' and '.join(missing)} are not here yet: choose the network once in "
            "the sidebar to fetch them."
        )
    return tuple(pairs)


def plans(choice: Choice) -> tuple[tuple[Plan, ...], DeltaGenerator]:
    """Draw the settings.

    Returns:
        The runs to be done, and a place beside the settings for the button that starts them.
    """
    if choice.layer is None:
        raise RuntimeError("the page was opened without a layer")
    chosen = mode()
    if chosen == ONE:
        pairs: tuple[tuple[Network, Layer], ...] = ((choice.network, choice.layer),)
    elif chosen == DEPTH:
        pairs = tuple((choice.network, layer) for layer in layers(choice.network))
    else:
        pairs = compared(choice)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="settings")
    with row:
        seconds = _seconds(len(pairs))
    presets = [preset(network.name, layer.name) for network, layer in pairs]
    configs = advanced.adjusted([replace(each, seconds=seconds) for each in presets])
    image = choice.image
    made = (
        plan(network, layer, image.image, image.title, config)
        for (network, layer), config in zip(pairs, configs, strict=True)
    )
    return tuple(made), row


def _seconds(pictures: int) -> float:
    """Choose how long each picture may take, so that all of them fit into one job."""
    most = MOST_SECONDS // max(1, pictures)
    choices = [seconds for seconds in _SECONDS if seconds <= most]
    key = state.remember(Key.SECONDS, _USUAL_SECONDS, allowed=_SECONDS)
    if st.session_state[key] > choices[-1]:  # chosen for fewer pictures
        state.put(key, choices[-1])
    chosen = st.select_slider(
        "Seconds" if pictures == 1 else "Seconds for each picture",
        choices,
        key=key,
        help="Longer comes closer. A run can be stopped at any time, and one picture continued.",
        width=320,
    )
    return float(chosen)


def _source_here(name: str) -> str | None:
    """Return the best trained weights of a network that are on this machine."""
    statuses = {status.source: status for status in sources.status(name)}
    for source in ("own", *AUTO_ORDER):
        if source in statuses and (statuses[source].here or source == "own"):
            return source
    return None
