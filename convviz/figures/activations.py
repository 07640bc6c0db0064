"""Figures of the page Activations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from convviz.features.ablation import Change
from convviz.features.activations import LayerSummary
from convviz.features.arithmetic_steps import WeightedSum
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


_DIVERGING = ((0.0, theme.VERMILION), (0.5, "#f4f4f4"), (1.0, theme.BLUE))


_BARS = 40


_READABLE = 7  # numbers are written into a kernel up to this many across


def histogram(values: Tensor) -> go.Figure:
    """Draw how often each value occurs in a map, shape (H, W)."""
    numbers = values.flatten().float()
    low, high = float(numbers.min()), float(numbers.max())
    if high <= low:
        low, high = low - 0.5, high + 0.5
    counts = torch.histc(numbers, _BARS, low, high)
    edges = torch.linspace(low, high, _BARS + 1)
    figure = go.Figure(
        go.Bar(
            x=((edges[1:] + edges[:-1]) / 2).tolist(),
            y=counts.tolist(),
            width=(high - low) / _BARS,
            marker={"color": theme.ACCENT, "line": {"width": 0}},
            hovertemplate="about %{x:.3g}: %{y:.0f} positions<extra></extra>",
        )
    )
    theme.style(figure, height=230)
    figure.update_layout(bargap=0)
    figure.update_xaxes(title="Activation")
    figure.update_yaxes(title="Positions")
    return figure


def contributions(stage: WeightedSum, names: Sequence[str], most: int = 12) -> go.Figure:
    """Draw what the strongest input channels add to the sum, and the others together.

    Args:
        stage: The weighted sum.
        names: Name of each input channel.
        most: How many channels have a bar of their own.
    """
    order = stage.order().tolist()
    values = stage.contributions
    rows = [(names[place], float(values[place])) for place in order[:most]]
    if len(order) > most:
        rest = float(values[torch.tensor(order[most:])].sum())
        rows.append((f"the other {len(order) - most}", rest))
    if stage.has_bias:
        rows.append(("bias", stage.bias))
    figure = go.Figure(
        go.Bar(
            x=[value for _, value in rows],
            y=[name for name, _ in rows],
            orientation="h",
            marker={"color": [theme.BLUE if value >= 0 else theme.VERMILION for _, value in rows]},
            text=[f"{value:+.4g}" for _, value in rows],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:+.6g}<extra></extra>",
        )
    )
    theme.style(figure, height=70 + 27 * len(rows))
    least = min(0.0, *(value for _, value in rows))
    largest = max(0.0, *(value for _, value in rows))
    room = 0.3 * (largest - least)  # for the numbers beside the bars
    figure.update_xaxes(range=(least - room * (least < 0), largest + room))
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    figure.update_xaxes(title="Contribution to the sum")
    return figure


def products(stage: WeightedSum, place: int) -> go.Figure:
    """Draw one input channel's patch, its kernel slice and their products, with numbers."""
    parts = (stage.patch[place], stage.kernel[place], stage.products[place])
    titles = ("input", "× kernel", "= products")
    figure = make_subplots(1, 3, subplot_titles=titles, horizontal_spacing=0.04)
    for column, (part, padded) in enumerate(zip(parts, (True, False, True), strict=True), start=1):
        numbers = part.double()
        bound = float(numbers.abs().max()) or 1.0
        text = [
            [
                "padding" if padded and not inside else f"{value + 0.0:.3g}"  # no "-0"
                for value, inside in zip(row, on_map, strict=True)
            ]
            for row, on_map in zip(numbers.tolist(), stage.inside.tolist(), strict=True)
        ]
        figure.add_trace(
            go.Heatmap(
                z=numbers.tolist(),
                text=text,
                texttemplate="%{text}" if numbers.shape[-1] <= _READABLE else None,
                textfont={"size": 13},
                zmin=-bound,
                zmax=bound,
                colorscale=_DIVERGING,
                showscale=False,
                xgap=1,
                ygap=1,
                hovertemplate="row %{y}, column %{x}: %{text}<extra></extra>",
            ),
            row=1,
            col=column,
        )
    theme.style(figure, height=300)
    figure.update_layout(margin={"t": 40})
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", constrain="domain")
    for column in (1, 2, 3):
        anchor = "x" if column == 1 else f"x{column}"
        figure.update_yaxes(scaleanchor=anchor, row=1, col=column)
    return figure


def changes(found: Sequence[Change]) -> go.Figure:
    """Draw how much each deeper layer changed."""
    figure = go.Figure(
        go.Bar(
            x=list(range(len(found))),
            y=[change.relative for change in found],
            marker={"color": theme.ACCENT},
            customdata=[[change.layer.title, change.layer.kind] for change in found],
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>changed by %{y:.1%}"
            "<extra></extra>",
        )
    )
    theme.style(figure, height=260)
    places, titles = [], []
    start = 0
    for stage, members in groupby(found, key=lambda change: change.layer.stage):
        count = len(list(members))
        places.append(start + (count - 1) / 2)
        titles.append(stage.removeprefix("inception") or stage)
        start += count
    figure.update_xaxes(tickvals=places, ticktext=titles, showgrid=False, title="Layers, in order")
    figure.update_yaxes(title="Change", tickformat=".2~%", rangemode="tozero")
    return figure
