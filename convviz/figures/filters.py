"""Figures of the page Filters."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from convviz.features.filters import Filters
from convviz.figures import theme
from convviz.formatting import percent
from convviz.language import tr
from convviz.plain_text import plain_html

_ROOM = 1.2  # above the highest bar, for a label


def weights(sets: Sequence[tuple[str, Filters]]) -> go.Figure:
    """Draw how often each weight occurs, of one set of filters or of several on one scale.

    Args:
        sets: Name and filters of each.
    """
    bound = max((filters.largest for _, filters in sets), default=1.0)
    figure = go.Figure()
    highest = 0.0
    for index, (title, filters) in enumerate(sets):
        name = plain_html(title)
        counts, centres = filters.histogram(bound)
        share = counts / max(float(counts.sum()), 1.0)
        highest = max(highest, float(share.max()))
        figure.add_trace(
            go.Scatter(
                x=centres.tolist(),
                y=share.tolist(),
                name=name,
                mode="lines",
                line={
                    "color": theme.series(index),
                    "shape": "hvh",
                    "dash": "solid" if index == 0 else "dot",
                },
                fill="tozeroy" if index == 0 else None,
                customdata=[percent(each, 1) for each in share.tolist()],
                hovertemplate=tr(
                    "{filters}: {share} of the weights are about {weight}",
                    filters=name,
                    share="%{customdata}",
                    weight="%{x:.3g}",
                )
                + "<extra></extra>",
            )
        )
    theme.style(figure, height=280, legend=len(sets) > 1)
    figure.update_xaxes(title=tr("Weight"))
    figure.update_yaxes(
        title=tr("Share of weights"), rangemode="tozero", **theme.percent_axis(highest)
    )
    return figure


def norms(filters: Filters, order: Sequence[int], channel: int) -> go.Figure:
    """Draw the norm of every filter, in the order in which they are shown.

    Args:
        filters: The filters.
        order: Their numbers.
        channel: The filter to point out.
    """
    values = filters.norms.tolist()
    figure = go.Figure(
        go.Bar(
            x=list(range(len(order))),
            y=[values[index] for index in order],
            marker={
                "color": [theme.VERMILION if c == channel else theme.ACCENT for c in order],
                "line": {"width": 0},
            },
            customdata=list(order),
            hovertemplate=tr(
                "filter {filter}: norm {norm}", filter="%{customdata}", norm="%{y:.3g}"
            )
            + "<extra></extra>",
        )
    )
    theme.style(figure, height=280)
    figure.update_layout(bargap=0.1 if len(order) < 100 else 0)
    top = _ROOM * max(values, default=1.0)
    if channel in order:
        # Of hundreds of bars one is too narrow to be found by its colour.
        index = order.index(channel)
        figure.add_annotation(
            x=index,
            y=values[channel],
            text=tr("filter {filter}", filter=channel),
            arrowhead=2,
            arrowwidth=2,
            arrowcolor=theme.VERMILION,
            standoff=1,
            # From above all bars, so that none is behind the words.
            axref="x",
            ax=index,
            ayref="y",
            ay=top,
        )
    figure.update_xaxes(
        title=tr("Filters, in the order shown"), showticklabels=False, showgrid=False
    )
    figure.update_yaxes(title=tr("Norm"), range=(0, top))
    return figure
