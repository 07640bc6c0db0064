"""Figures of the page Activations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import plotly.graph_objects as go

from convviz.features.activations import LayerSummary
from convviz.figures import theme

_MANY_STAGES = 12


def empty_by_depth(summaries: Sequence[LayerSummary], looked_at: str) -> go.Figure:
    """Draw the share of empty channels of each layer, from the image to the classes.

    Args:
        summaries: One per layer, in the order of execution.
        looked_at: Dotted name of the layer to point out.
    """
    names = [each.layer.name for each in summaries]
    chosen = [name == looked_at for name in names]
    figure = go.Figure(
        go.Bar(
            x=list(range(len(summaries))),
            y=[each.share for each in summaries],
            marker={
                "color": [theme.VERMILION if point else theme.ACCENT for point in chosen],
                "pattern": {"shape": ["/" if point else "" for point in chosen]},
                "line": {"width": 0},
            },
            customdata=[
                [each.layer.title, each.layer.name, each.layer.kind, each.empty, each.channels]
                for each in summaries
            ],
            hovertemplate="<b>%{customdata[0]}</b> (%{customdata[1]})<br>%{customdata[2]}<br>"
            "%{customdata[3]} of %{customdata[4]} channels empty, %{y:.1%}<extra></extra>",
        )
    )
    theme.style(figure, height=340)
    figure.update_layout(hovermode="x")
    places, titles = _stage_ticks(summaries)
    figure.update_xaxes(tickvals=places, ticktext=titles, showgrid=False, title="Layers, in order")
    figure.update_yaxes(
        title="Empty channels", tickformat=".0%", rangemode="tozero", range=_range(summaries)
    )
    if looked_at in names:
        here = names.index(looked_at)
        # Above all bars, lest a taller neighbour covers it.
        top = _range(summaries)[1]
        line = {"color": theme.VERMILION, "width": 1, "dash": "dot"}
        figure.add_shape(x0=here, x1=here, y0=summaries[here].share, y1=top, line=line)
        figure.add_annotation(
            x=here, y=top, text=summaries[here].layer.title, showarrow=False, yanchor="bottom"
        )
        figure.update_layout(margin_t=30)
    return figure


def _stage_ticks(summaries: Sequence[LayerSummary]) -> tuple[list[float], list[str]]:
    """Put the name of each stage under the middle of its layers."""
    places, titles = [], []
    start = 0
    for stage, members in groupby(summaries, key=lambda each: each.layer.stage):
        count = len(list(members))
        places.append(start + (count - 1) / 2)
        titles.append(stage.removeprefix("inception") or stage)
        start += count
    if len(places) > 2 * _MANY_STAGES:
        places, titles = places[::2], titles[::2]
    return places, titles


def _range(summaries: Sequence[LayerSummary]) -> tuple[float, float]:
    """Leave room above the highest bar; never zoom in below five in a hundred."""
    return 0, max(0.05, 1.08 * max((each.share for each in summaries), default=0))
