"""The layer: a list to search in, and steps towards the image and towards the classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import streamlit as st

from convviz.language import again, later, tr
from convviz.networks.network import Network, is_within
from convviz.networks.titles import stage_text
from convviz.structure.findings import (
    left_out_sentence,
    on_zeros_sentence,
    own_attention_sentence,
    windows_sentence,
)
from convviz.structure.layers import (
    Layer,
    attention_windows,
    left_out,
    own_attention,
    runs_on_zeros,
)
from convviz.structure.ops import kind_text
from convviz.structure.trunk import comparable, encoder_depth, stepping_stones, trunk
from convviz.ui import cache, state
from convviz.ui.components.layer_keys import layer_keys
from convviz.ui.keys import Key
from convviz.ui.sidebar import findings

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_PLACES = ("sidebar_layer", "sidebar_page_layer")
_STEPS = (
    ("shallower", later("Shallower"), "arrow_back", -1),
    ("deeper", later("Deeper"), "arrow_forward", 1),
)


def choices(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers worth choosing: no parts of parts, no dropout, which does nothing here."""
    return tuple(layer for layer in layers if not layer.detail and layer.kind != "dropout")


def titles(layers: Sequence[Layer]) -> dict[str, str]:
    """Return what layers are called in a list, by their names."""
    return {layer.name: label(layer) for layer in layers}


def label(layer: Layer) -> str:
    """Name a layer for a list: stage, title and output shape.

    What a title says of this network alone, “(3×3 here)”, is left out: lists are narrow.
    """
    shape = " × ".join(map(str, layer.shape))
    title = re.sub(r"(?<=[”«]) \([^()]*\)", "", again(layer.title))
    if not title.startswith(layer.stage):
        title = f"{stage_text(layer.stage)} · {title}"
    return f"{title} — {shape}"


def pick(
    network: Network,
    layers: Sequence[Layer],
    in_page: DeltaGenerator,
    first_depth: float = state.USUAL_DEPTH,
) -> Layer:
    """Draw the picker and return the chosen layer.

    When the network changes, it goes back to the layer last looked at there, or else to one about
    as deep as the layer before.

    Args:
        network: The network.
        layers: All of its layers.
        in_page: Container at the top of the page for the steps where the sidebar would cover it.
        first_depth: Depth of the layer that the page begins with, until one is chosen; 1 for the
            last one of the trunk.
    """
    further = cache.further_layers(network)
    by_name = {layer.name: layer for layer in (*layers, *further)}
    offered = choices(layers)
    _settle(network, by_name, offered, first_depth)
    # A link may name a part of a layer: it is listed as well, while it is looked at.
    names = [layer.name for layer in offered]
    looked_at = st.session_state[Key.LAYER]
    if looked_at not in names:
        names = sorted([*names, looked_at], key=lambda name: by_name[name].index)
    with st.container(key="sidebar_layer", gap="small"):
        name = st.selectbox(
            tr("Layer"),
            names,
            format_func=titles(tuple(by_name.values())).__getitem__,
            key=Key.LAYER,
            help=tr(
                "Grouped by stage, from the image to the classes, each with its output: "
                "channels × height × width. Type to search."
            ),
        )
        _draw_steps(steps(network, layers), name, in_page)
        layer = by_name[name]
        dotted = "" if layer.name == layer.title else f"{state.code(layer.name)}, "
        kind, count = state.plain(kind_text(layer.kind)), prod(layer.shape)
        st.caption(dotted + tr("{kind}, {count:,} values", kind=kind, count=count))
        _draw_related(related(layer, layers, further))
        if sentence := left_out_sentence(left_out(network)):
            st.caption(sentence)
        if windows := attention_windows(network, layer.name):
            name = state.code(layer.name)
            st.caption(windows_sentence(name, windows.count, windows.positions))
        elif attention := own_attention(network, layer.name):
            st.caption(own_attention_sentence(state.code(attention)))
        if runs_on_zeros(network):
            st.caption(on_zeros_sentence(state.plain(network.title)))
    state.visit().layers[network.name] = layer.name
    state.put(Key.LAYER, layer.name)
    return layer


def _settle(
    network: Network, by_name: dict[str, Layer], offered: Sequence[Layer], first_depth: float
) -> None:
    """Set the remembered layer to one of this network's."""
    visit = state.visit()
    asked = visit.link.pop(Key.LAYER, None)
    before: str | None = visit.layers.get(network.name)
    if visit.restoring:
        visit.layer_chosen = False
    elif visit.layer_network == network.name:
        before = st.session_state.get(Key.LAYER, before)
        # The list, the buttons or the keys have set another one than the page had.
        visit.layer_chosen |= before != visit.values.get(Key.LAYER, before)
    visit.layer_chosen |= asked in by_name
    name = asked or (before if visit.layer_chosen else None)
    if name is None or name not in by_name:
        if first_depth == 1 and not visit.layer_chosen and trunk(offered):
            layer = trunk(offered)[-1]
        else:
            layer = comparable(offered, visit.layer_depth if visit.layer_chosen else first_depth)
        if asked:
            state.notice(
                Key.LAYER,
                findings.no_such_layer(again(network.title), asked, layer.title),
            )
        name = layer.name
    elif name != visit.values.get(Key.LAYER):
        state.notice(Key.LAYER, None)
    state.put(Key.LAYER, name)
    visit.layer_network = network.name
    visit.layer_depth = encoder_depth(list(by_name.values()), by_name[name])


@dataclass(frozen=True)
class Steps:
    """How one steps through the layers of a network.

    Attributes:
        order: Every layer's place in the order in which they run.
        trunk: Names of the layers that one goes by; see `stepping_stones`.
        names: Of all that are in the list: those of the trunk, and the parts of modules.
    """

    order: Mapping[str, int]
    trunk: Sequence[str]
    names: Sequence[str]

    @classmethod
    def of(cls, network: Network, layers: Sequence[Layer]) -> Steps:
        """Find the steps through a network's layers."""
        offered = choices(layers)
        return cls(
            {layer.name: layer.index for layer in layers},
            [layer.name for layer in stepping_stones(network.module, offered)],
            [layer.name for layer in offered],
        )

    @property
    def has_parts(self) -> bool:
        """Whether some layers are parts of modules."""
        return len(self.trunk) < len(self.names)

    def target(self, name: str, along_trunk: int, by_parts: int = 0) -> str:
        """Return the layer so many steps from another; beyond the ends there is none.

        From a part of a module, the next on the trunk is the module as a whole, and the one before
        is what the module reads.

        Args:
            name: Where to begin.
            along_trunk: Steps along the trunk; towards the image if negative.
            by_parts: Steps through all names, after those along the trunk.
        """
        for names, steps in ((self.trunk, along_trunk), (self.names, by_parts)):
            before = [each for each in names if self.order[each] < self.order[name]]
            after = [each for each in names if self.order[each] > self.order[name]]
            if steps > 0 and after:
                name = after[min(steps, len(after)) - 1]
            elif steps < 0 and before:
                name = before[max(len(before) + steps, 0)]
        return name


def steps(network: Network, layers: Sequence[Layer]) -> Steps:
    """Return how one steps through a network's layers; found once."""
    everything = (*layers, *cache.further_layers(network))
    return cache.once(lambda: Steps.of(network, everything), "layer steps", network)


def _draw_steps(steps: Steps, name: str, in_page: DeltaGenerator) -> None:
    """Draw the buttons that step from a layer to its neighbours, and listen to the keys.

    On a phone the sidebar lies over the page: there the same buttons stand in the page.
    """
    in_sidebar = st.container(horizontal=True, wrap=False, gap="small")
    in_page = in_page.container(horizontal=True, wrap=False, gap="small", key="sidebar_page_layer")
    for place, row in zip(_PLACES, (in_sidebar, in_page), strict=True):
        with row:
            _draw_step_buttons(steps, name, place)
    layer_keys(
        {f"{place}_{key}": by for place in _PLACES for key, _, _, by in _STEPS},
        lambda along_trunk, by_parts: _go(steps.target(name, along_trunk, by_parts)),
    )


def _draw_step_buttons(steps: Steps, name: str, place: str) -> None:
    for key, title, icon, by in _STEPS:
        st.button(
            tr(title),
            icon=f":material/{icon}:",
            icon_position="right" if by > 0 else "left",
            key=f"{place}_{key}",
            disabled=steps.target(name, by) == name == steps.target(name, 0, by),
            width="stretch",
            on_click=_go,
            args=(steps.target(name, by),),
            help=findings.step_help(by, has_parts=steps.has_parts),
        )


def related(layer: Layer, layers: Sequence[Layer], further: Sequence[Layer]) -> tuple[Layer, ...]:
    """List what else can be looked at around a layer: its other uses, its parts, and its blocks.

    The network's whole encoder is no block here: it puts out what its last layer does.

    Args:
        layer: The layer in use.
        layers: All layers of the network.
        further: What else can be looked at there.

    Returns:
        Uses and parts of the same module first, then the blocks around it, the innermost first.
    """
    encoder = [each.module for each in layers if each.in_encoder]
    same = [
        each
        for each in (*further, *layers)
        if each.module == layer.module and each.name != layer.name
    ]
    blocks = [
        each
        for each in (*further, *layers)
        if each.name == each.module != layer.module
        and is_within(layer.module, each.module)
        and not all(is_within(name, each.module) for name in encoder)
    ]
    blocks.sort(key=lambda block: -len(block.name))
    return (*same, *blocks)


def _draw_related(layers: Sequence[Layer]) -> None:
    """Draw a list of what else can be looked at around the layer in use, if there is anything."""
    if not layers:
        return
    by_name = {layer.name: layer for layer in layers}
    st.selectbox(
        tr("Uses, parts and blocks"),
        by_name,
        index=None,
        format_func=lambda name: f"{again(by_name[name].title)} ({kind_text(by_name[name].kind)})",
        key="sidebar_layer_related",
        on_change=_open_related,
        placeholder=tr("Around this layer"),
        label_visibility="collapsed",
        help=tr(
            "What else can be looked at here: other uses of the same module, a class token "
            "or the heads of an attention, and the blocks that the layer is in."
        ),
    )


def _open_related() -> None:
    name = st.session_state["sidebar_layer_related"]
    st.session_state["sidebar_layer_related"] = None
    if name is not None:
        _go(name)


def _go(name: str) -> None:
    state.visit().stepped_to = name
    st.session_state[Key.LAYER] = name
