"""Choose a layer of the network: a list to search in, and steps towards image and classes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import streamlit as st

from convviz.networks.network import Network
from convviz.structure.layers import Layer, comparable, encoder_depth
from convviz.ui import state
from convviz.ui.keys import Key


def choices(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers worth choosing: no parts of parts, no dropout, which does nothing here."""
    return tuple(layer for layer in layers if not layer.detail and layer.kind != "dropout")


def label(layer: Layer) -> str:
    """Name a layer for a list: stage, title and output shape."""
    shape = " × ".join(map(str, layer.shape))
    title = layer.title
    if not title.startswith(layer.stage):
        title = f"{layer.stage} · {title}"
    return f"{title} — {shape}"


def pick(used: Network, layers: Sequence[Layer]) -> Layer:
    """Draw the picker and return the chosen layer.

    When the network changes, it goes back to the layer last looked at there, or else to one about
    as deep as the layer before.
    """
    here = state.visit()
    listed = choices(layers)
    by_name = {layer.name: layer for layer in layers}
    names = [layer.name for layer in listed]
    _settle(used, by_name, listed)
    # A link may name a part of a layer: it is listed as well, while it is looked at.
    looked_at = st.session_state[Key.LAYER]
    if looked_at not in names:
        names = sorted([*names, looked_at], key=lambda name: by_name[name].index)
    with st.container(key="layer_picker", gap="small"):
        name = st.selectbox(
            "Layer",
            names,
            format_func=lambda name: label(by_name[name]),
            key=Key.LAYER,
            help="Grouped by stage, from the image to the classes, each with its output: channels "
            "× height × width. Type to search.",
        )
        position = names.index(name)
        steps = st.container(horizontal=True, wrap=False, gap="small")
        steps.button(
            "Shallower",
            icon=":material/arrow_back:",
            key="layer_shallower",
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
            key="layer_deeper",
            disabled=position == len(names) - 1,
            width="stretch",
            on_click=_go,
            args=(names[min(position + 1, len(names) - 1)],),
            help="One layer towards the classes",
        )
        chosen = by_name[name]
        dotted = "" if chosen.name == chosen.title else f"`{chosen.name}`, "
        st.caption(f"{dotted}{chosen.kind}, {prod(chosen.shape):,} values")
    here.layers[used.name] = chosen.name
    state.put(Key.LAYER, chosen.name)
    return chosen


def _settle(used: Network, by_name: dict[str, Layer], listed: Sequence[Layer]) -> None:
    """See to it that the remembered layer is one of this network's."""
    here = state.visit()
    asked = here.link.pop(Key.LAYER, None)
    before: str | None = here.layers.get(used.name)
    if here.restoring:
        before, here.layer_depth = None, state.USUAL_DEPTH
    elif here.layer_network == used.name:
        before = st.session_state.get(Key.LAYER, before)
    wanted = asked or before
    if wanted is None or wanted not in by_name:
        found = comparable(listed, here.layer_depth)
        if asked:
            state.notice(
                Key.LAYER,
                f"{used.title} has no layer called “{state.shorten(asked)}”, as the link asks; "
                f"here is {found.title} instead.",
            )
        wanted = found.name
    elif wanted != here.values.get(Key.LAYER):
        state.notice(Key.LAYER, None)
    state.put(Key.LAYER, wanted)
    here.layer_network = used.name
    here.layer_depth = encoder_depth(list(by_name.values()), by_name[wanted])


def _go(name: str) -> None:
    st.session_state[Key.LAYER] = name
