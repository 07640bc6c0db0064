"""The question “Arithmetic”: where one number of the map comes from."""

from __future__ import annotations

import streamlit as st

from convviz.errors import NetworkError
from convviz.features import channel_findings
from convviz.features.activations import Activations
from convviz.features.arithmetic import arithmetic as derive
from convviz.features.arithmetic_steps import Pooled, WeightedSum
from convviz.features.sliding_window import SlidingWindow, sliding_window
from convviz.language import later, tr
from convviz.networks.network import Network
from convviz.plain_text import code, plain
from convviz.structure.costs import receptive_field
from convviz.structure.layers import layer
from convviz.ui import cache, state
from convviz.ui.activations.map_and_field import position_context
from convviz.ui.choice import Choice
from convviz.ui.components import position_map
from convviz.ui.components import sliding_window as component
from convviz.ui.how_we_know import how_we_know

_COLOURS = (later("red"), later("green"), later("blue"))


@state.fragment
def draw(choice: Choice, activations: Activations, channel: int) -> None:
    """Let a window slide over the layer's input, and take the chosen number apart."""
    values = activations.maps[channel]
    context = position_context(choice, activations)
    row, column = position_map.position(context, values)
    arithmetic = derive(
        choice.network, choice.image.pixels, activations.layer.name, channel, row, column
    )
    window = sliding_window(choice.network, choice.image.pixels, activations.layer.name, channel)
    if window is not None:
        _draw_window(choice, activations, channel, window, (row, column))
    if values.numel() > 1:
        _choose_position(context, row, column, *values.shape)
    st.markdown(channel_findings.arithmetic_number(arithmetic, is_map=values.numel() > 1))
    for number, stage in enumerate(arithmetic.stages, start=1):
        source = ""
        if isinstance(stage, WeightedSum | Pooled):
            source = _title(stage.source, choice.network)
        st.markdown(f"{number}. {channel_findings.stage(stage, source)}")
    st.caption(channel_findings.arithmetic_check(arithmetic))
    how_we_know("arithmetic")


def _draw_window(
    choice: Choice,
    activations: Activations,
    channel: int,
    window: SlidingWindow,
    position: tuple[int, int],
) -> None:
    network, target = choice.network, activations.layer
    context = position_context(choice, activations)
    source = layer(network, window.source).title if window.source else tr("the image")
    component.draw(
        window,
        component.Captions(
            inputs=_input_names(window),
            source=source,
            output=channel_findings.window_map(channel),
            contributions=channel_findings.contributions_heading(source),
        ),
        photograph=cache.photograph(choice.image, network),
        side=network.input_size,
        field=receptive_field(network, target.name, channel),
        relu_follows=target.pre_relu is not None,
        position=position,
        on_pick=lambda row, column: position_map.choose(context, row, column),
        key="activations_window",
    )
    if not window.source and bool((window.inputs < 0).any()):
        st.caption(channel_findings.image_numbers())


def _input_names(window: SlidingWindow) -> list[str]:
    if not window.source and window.channels == (0, 1, 2) and not window.others:
        return [tr(colour) for colour in _COLOURS]
    return [tr("channel {channel}", channel=channel) for channel in window.channels]


def _choose_position(context: str, row: int, column: int, height: int, width: int) -> None:
    """Draw the position's row and column, counted from 1, as numbers that can be changed."""
    with st.container(horizontal=True, key="activations_arithmetic_position"):
        for name, label, value, count in (
            ("row", tr("Row, 1 to {count}", count=height), row, height),
            ("column", tr("Column, 1 to {count}", count=width), column, width),
        ):
            st.session_state[f"activations_arithmetic_{name}"] = value + 1
            st.number_input(
                label,
                1,
                count,
                key=f"activations_arithmetic_{name}",
                on_change=_take_position,
                args=(context,),
                width=150,
            )


def _take_position(context: str) -> None:
    position_map.choose(
        context,
        st.session_state["activations_arithmetic_row"] - 1,
        st.session_state["activations_arithmetic_column"] - 1,
    )


def _title(source: str, network: Network) -> str:
    """Name a layer, safe to show; "" is the image."""
    if not source:
        return tr("the image")
    try:
        return plain(layer(network, source).title)
    except NetworkError:
        return code(source)
