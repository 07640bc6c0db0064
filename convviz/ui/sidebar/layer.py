"""The layer: a list to search in, and steps towards the image and towards the classes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import streamlit as st

from convviz.networks.network import Network
from convviz.structure.findings import left_out_sentence
from convviz.structure.layers import Layer, comparable, encoder_depth, left_out
from convviz.ui import state
from convviz.ui.keys import Key
from convviz.ui.sidebar import findings


def choices(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers worth choosing: no parts of parts, no dropout, which does nothing here."""
    return tuple(layer for layer in layers if not layer.detail and layer.kind != "dropout")


def titles(layers: Sequence[Layer]) -> dict[str, str]:
    """Return what layers are called in a list, by their names."""
    return {layer.name: label(layer) for layer in layers}


def label(layer: Layer) -> str:
    """Name a layer for a list: stage, title and output shape."""
    shape = " × ".join(map(str, layer.shape))
    title = layer.title
    if not title.startswith(layer.stage):
        title = f"{layer.stage} · {title}"
    return f"{title} — {shape}"


def pick(network: Network, layers: Sequence[Layer]) -> Layer:
    """Draw the picker and return the chosen layer.

    When the network changes, it goes back to the layer last looked at there, or else to one about
    as deep as the layer before.
    """
    by_name = {layer.name: layer for layer in layers}
    offered = choices(layers)
    _settle(network, by_name, offered)
    # A link may name a part of a layer: it is listed as well, while it is looked at.
    names = [layer.name for layer in offered]
    looked_at = st.session_state[Key.LAYER]
    if looked_at not in names:
        names = sorted([*names, looked_at], key=lambda name: by_name[name].index)
    with st.container(key="sidebar_layer", gap="small"):
        name = st.selectbox(
            "Layer",
            names,
            format_func=titles(layers).__getitem__,
            key=Key.LAYER,
            help="Grouped by stage, from the image to the classes, each with its output: channels "
            "× height × width. Type to search.",
        )
        position = names.index(name)
        steps = st.container(horizontal=True, wrap=False, gap="small")
        steps.button(
            "Shallower",
            icon=":material/arrow_back:",
            key="sidebar_layer_shallower",
            disabled=position == 0,
            width="stretch",
            on_click=_go,
            args=(names[max(position - 1, 0)],),
            help="One layer towards the image",
        )
        steps.button(
            "Deeper",
            icon=":material/arrow_forward:",
            icon_position="right",
            key="sidebar_layer_deeper",
            disabled=position == len(names) - 1,
            width="stretch",
            on_click=_go,
            args=(names[min(position + 1, len(names) - 1)],),
            help="One layer towards the classes",
        )
        layer = by_name[name]
        dotted = "" if layer.name == layer.title else f"{state.code(layer.name)}, "
        st.caption(f"{dotted}{state.plain(layer.kind)}, {prod(layer.shape):,} values")
        if sentence := left_out_sentence(left_out(network)):
            st.caption(sentence)
    state.visit().layers[network.name] = layer.name
    state.put(Key.LAYER, layer.name)
    return layer


def as_deep(layers: Sequence[Layer], depth: float) -> Layer:
    """Return the layer to go to in another network: the first for a first one, else one as deep.

    Args:
        layers: Those that are worth choosing, in order.
        depth: Of the layer that was looked at, as `encoder_depth` measures it.
    """
    if depth <= 0:
        return layers[0]
    return comparable(layers, depth)


def _settle(network: Network, by_name: dict[str, Layer], offered: Sequence[Layer]) -> None:
    """Set the remembered layer to one of this network's."""
    visit = state.visit()
    asked = visit.link.pop(Key.LAYER, None)
    before: str | None = visit.layers.get(network.name)
    if visit.restoring:
        before, visit.layer_depth = None, state.USUAL_DEPTH
    elif visit.layer_network == network.name:
        before = st.session_state.get(Key.LAYER, before)
    name = asked or before
    if name is None or name not in by_name:
        layer = as_deep(offered, visit.layer_depth)
        if asked:
            state.notice(
                Key.LAYER,
                findings.no_such_layer(network.title, asked, layer.title),
            )
        name = layer.name
    elif name != visit.values.get(Key.LAYER):
        state.notice(Key.LAYER, None)
    state.put(Key.LAYER, name)
    visit.layer_network = network.name
    visit.layer_depth = encoder_depth(list(by_name.values()), by_name[name])


def _go(name: str) -> None:
    st.session_state[Key.LAYER] = name
