"""The question “Arithmetic”: where one number of the map comes from."""

from __future__ import annotations

import streamlit as st

from convviz.errors import NetworkError
from convviz.features import findings
from convviz.features.activations import Activations
from convviz.features.arithmetic import arithmetic as derive
from convviz.features.arithmetic_steps import Pooled, WeightedSum
from convviz.figures import activations as figures
from convviz.figures import theme
from convviz.networks.network import Network
from convviz.plain_text import code, plain
from convviz.structure.layers import layer
from convviz.ui.activations.map_and_field import position_context
from convviz.ui.choice import Choice
from convviz.ui.components import position_map
from convviz.ui.how_we_know import how_we_know

_COLOURS = ("red", "green", "blue")
_MOST_INPUTS = 64  # input channels to choose from: the strongest


def draw(choice: Choice, activations: Activations, channel: int) -> None:
    """Take the chosen number apart."""
    values = activations.maps[channel]
    context = position_context(choice, activations)
    row, column = position_map.position(context, values)
    if values.numel() > 1:
        _choose_position(context, row, column, *values.shape)
    arithmetic = derive(
        choice.network, choice.image.pixels, activations.layer.name, channel, row, column
    )
    st.markdown(findings.arithmetic_number(arithmetic, is_map=values.numel() > 1))
    for number, stage in enumerate(arithmetic.stages, start=1):
        source = (
            _title(stage.source, choice.network) if isinstance(stage, WeightedSum | Pooled) else ""
        )
        st.markdown(f"{number}. {findings.stage(stage, source)}")
    st.caption(findings.arithmetic_check(arithmetic))
    first = arithmetic.stages[0]
    if isinstance(first, WeightedSum):
        _weighted_sum(first, choice.network)
    elif isinstance(first, Pooled):
        st.dataframe(
            window_table(first), width="content", hide_index=True, key="activations_pooling_window"
        )
    how_we_know("arithmetic")


def window_table(pooled: Pooled) -> dict[str, list[float]]:
    """Return a pooling's window as columns of a table, with the map's rows and columns from 1."""
    rows, columns = pooled.window.shape
    table: dict[str, list[float]] = {"Row": [pooled.top + row + 1 for row in range(rows)]}
    for column in range(columns):
        table[f"Column {pooled.left + column + 1}"] = pooled.window[:, column].tolist()
    return table


def _choose_position(context: str, row: int, column: int, height: int, width: int) -> None:
    """Draw the position's row and column, counted from 1, as numbers that can be changed."""
    with st.container(horizontal=True, key="activations_arithmetic_position"):
        for name, label, value, count in (
            ("row", "Row", row, height),
            ("column", "Column", column, width),
        ):
            st.session_state[f"activations_arithmetic_{name}"] = value + 1
            st.number_input(
                f"{label}, 1 to {count}",
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


def _weighted_sum(stage: WeightedSum, network: Network) -> None:
    """Draw what each input channel adds, and the products of one of them."""
    names = _input_names(stage)
    left, right = st.columns([2, 3], gap="large")
    with left:
        source = _title(stage.source, network)
        st.markdown(findings.contributions_heading(source))
        figure = figures.contributions(stage, names)
        st.plotly_chart(figure, config=theme.CONFIG, key="activations_contributions")
    with right:
        index = st.selectbox(
            "One input channel, number by number",
            stage.order().tolist()[:_MOST_INPUTS],
            format_func=lambda index: f"{names[index]}: {float(stage.contributions[index]):+.4g}",
            key="activations_contributing",
        )
        st.markdown(findings.contribution(names[index], float(stage.contributions[index])))
    figure = figures.products(stage, index)
    st.plotly_chart(figure, config=theme.CONFIG, key="activations_products")
    st.caption(
        "Numbers are rounded; point at one to read it exactly. A dot is padding around the map."
    )


def _input_names(stage: WeightedSum) -> list[str]:
    if not stage.source and len(stage.kernel) == len(_COLOURS):
        return list(_COLOURS)
    return [f"channel {stage.first + index}" for index in range(len(stage.kernel))]


def _title(source: str, network: Network) -> str:
    """Name a layer, safe to show; "" is the image."""
    if not source:
        return "the image"
    try:
        return plain(layer(network, source).title)
    except NetworkError:
        return code(source)
