"""The view “Compare”: two images, layers or networks side by side, with linked controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from convviz.errors import ConvvizError
from convviz.features.activations import Activations
from convviz.networks.network import Network
from convviz.networks.registry import available, spec
from convviz.structure.layers import Layer
from convviz.ui import cache, layer_picker, second_image, state
from convviz.ui import dead as dead_channels
from convviz.ui.compare import sides, table
from convviz.ui.compare.sides import Side
from convviz.ui.keys import Key
from convviz.ui.legend import legend
from convviz.ui.looks import Looks, controls
from convviz.ui.pictures import ChosenImage
from convviz.ui.shell import Choice

TITLE = "Compare"
_WHAT = ("Two images", "Two layers", "Two networks")
_HANDED_ON = ("ReLU", "max pooling", "average pooling", "batch norm", "dropout")


def draw(choice: Choice, shown: Activations, threshold: float) -> None:
    """Draw both sides with the same controls, and the table."""
    st.html(Path(__file__).with_name("style.css"))
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_controls"):
        what = str(
            st.segmented_control(
                "Compare",
                _WHAT,
                required=True,
                key=state.remember(Key.ACTIVATIONS_COMPARE, _WHAT[0], allowed=_WHAT),
            )
        )
        image, network, layer = _other(choice, shown.layer, what)
    if network is None or layer is None:
        st.info("The weights of that network are not here: choose it in the sidebar to fetch them.")
    elif image is None:
        st.info("Bring a second picture to compare it with this one.")
    else:
        scale, looks = controls(threshold)
        other = cache.activations(image, network, layer)
        left = _side("left", choice.image, choice.network, shown, looks)
        right = _side("right", image, network, other, looks)
        if looks.contrast == "shared" and what == _WHAT[0]:
            left, right = _on_one_scale(left, right, looks)
        with scale:
            legend(left.atlas, looks, shown, left.dead)
        place = f"{choice.network_name}/{shown.layer.name}"
        state.remember_channel(int(shown.maximum.argmax()), shown.channels, place)
        same = what == _WHAT[0] or (
            what == _WHAT[1] and handed_on(cache.layers(network), shown.layer, layer)
        )
        sides.draw(left, right, looks, same)
    st.subheader("Empty and dead channels by layer and network", anchor=False)
    table.draw(choice, threshold, load)


def handed_on(layers: Sequence[Layer], one: Layer, other: Layer) -> bool:
    """Tell whether two layers have the same channels: nothing between them mixes channels.

    Args:
        layers: The network's layers, in order.
        one: A layer.
        other: Another layer; which one comes first does not matter.
    """
    first, last = sorted((one, other), key=lambda each: each.index)
    wholes = tuple(f"{each.name}." for each in layers if each.branches)
    if first.shape[0] != last.shape[0] or last.name.startswith(wholes):
        return False
    between = [each for each in layers if first.index < each.index <= last.index]
    return all(each.kind in _HANDED_ON for each in between)


def load(name: str) -> Network | None:
    """Load a network from the best weights that are here; None if there are none."""
    try:
        return cache.network(name, "auto")
    except ConvvizError:
        return None


def _other(
    choice: Choice, layer: Layer, what: str
) -> tuple[ChosenImage | None, Network | None, Layer | None]:
    """Draw the choice of what stands on the right."""
    used = choice.network
    if what == _WHAT[0]:
        return second_image.choose(choice.image, "With", 260), used, layer
    if what == _WHAT[1]:
        listed = {each.name: each for each in layer_picker.choices(cache.layers(used))}
        names = [name for name in listed if name != layer.name]
        key = state.remember(Key.COMPARE_LAYER, names[-1], allowed=names, in_url=False)
        name = st.selectbox(
            "With",
            names,
            format_func=lambda name: layer_picker.label(listed[name]),
            key=key,
            width=320,
        )
        return choice.image, used, listed[name]
    names = [name for name in available() if name != used.name]
    usual = next(name for name in ("googlenet", "alexnet") if name != used.name)
    key = state.remember(Key.COMPARE_NETWORK, usual, allowed=names, in_url=False)
    name = st.selectbox(
        "With", names, format_func=lambda name: spec(name).title, key=key, width=220
    )
    found = load(name)
    if found is None:
        return choice.image, None, None
    mine = [each for each in cache.layers(used) if each.in_encoder]
    depth = mine.index(layer) / max(len(mine) - 1, 1) if layer in mine else 1.0
    return choice.image, found, layer_picker.comparable(cache.layers(found), depth)


def _side(key: str, image: ChosenImage, network: Network, shown: Activations, looks: Looks) -> Side:
    dead = dead_channels.known(network, shown.layer)
    atlas = cache.atlas(image, network, shown, looks.contrast, looks.threshold, looks.colours, dead)
    return Side(key, image, network, shown, dead, atlas)


def _on_one_scale(left: Side, right: Side, looks: Looks) -> tuple[Side, Side]:
    """Draw the same layer's maps for two images on one scale."""
    ends = min(left.atlas.low, right.atlas.low), max(left.atlas.high, right.atlas.high)
    looked = looks.contrast, looks.threshold, looks.colours
    one, two = (
        replace(
            side,
            atlas=cache.atlas(side.image, side.network, side.shown, *looked, side.dead, ends),
        )
        for side in (left, right)
    )
    return one, two
