"""Figures of the page Activations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import plotly.graph_objects as go
import torch
from torch import Tensor

from convviz.features.ablation import Change
from convviz.features.activations import LayerSummary
from convviz.figures import theme
from convviz.formatting import percent
from convviz.language import tr
from convviz.networks.titles import stage_text
from convviz.plain_text import plain_html, shorten
from convviz.structure.layers import Layer
from convviz.structure.ops import kind_text

_DIVERGING = ((0.0, theme.VERMILION), (0.5, "#f4f4f4"), (1.0, theme.BLUE))
_BARS = 40  # of the histogram
_READABLE = 11  # numbers are written into a kernel up to this many across
_PART_PIXELS = 310  # width of a patch, a kernel or their products, beside each other at 1440 pixels
_MOST_TICKS = 24  # beyond, every second stage is named
_MOST_NAMED_LAYERS = 36  # beyond, stages are named in place of layers
_LONGEST_NAME = 19  # letters of a layer's title below its bar
_STUB = 3  # pixels around a bar: of a layer at 0 % they are all there is to see and to click


def empty_by_depth(summaries: Sequence[LayerSummary], layer_name: str) -> go.Figure:
    """Draw the share of empty channels of each layer, from the image to the classes.

    Args:
        summaries: One per layer, in the order of execution.
        layer_name: Dotted name of the layer to point out.
    """
    names = [summary.layer.name for summary in summaries]
    highlighted = [name == layer_name for name in names]
    figure = go.Figure(
        go.Bar(
            x=list(range(len(summaries))),
            y=[summary.share for summary in summaries],
            marker=_marker(highlighted),
            customdata=[
                [
                    *map(plain_html, (summary.layer.title, summary.layer.name)),
                    plain_html(kind_text(summary.layer.kind)),
                    *(summary.empty, summary.channels, percent(summary.share, 1)),
                ]
                for summary in summaries
            ],
            hovertemplate="<b>%{customdata[0]}</b> (%{customdata[1]})<br>%{customdata[2]}<br>"
            + tr(
                "{empty} of {channels} channels empty, {share}",
                empty="%{customdata[3]}",
                channels="%{customdata[4]}",
                share="%{customdata[5]}",
            )
            + "<extra></extra>",
        )
    )
    theme.style(figure, height=340)
    figure.update_layout(hovermode="x")
    _name_layers(figure, [summary.layer for summary in summaries])
    figure.update_yaxes(
        title=tr("Empty channels"),
        range=_range(summaries),
        **theme.percent_axis(_range(summaries)[1]),
    )
    if layer_name in names:
        index = names.index(layer_name)
        top = _range(summaries)[1]  # above all bars, so that no taller neighbour covers the name
        line = {"color": theme.VERMILION, "width": 1, "dash": "dot"}
        figure.add_shape(x0=index, x1=index, y0=summaries[index].share, y1=top, line=line)
        figure.add_annotation(
            x=index,
            y=top,
            text=plain_html(summaries[index].layer.title),
            showarrow=False,
            yanchor="bottom",
        )
        figure.update_layout(margin_t=30)
    return figure


def _range(summaries: Sequence[LayerSummary]) -> tuple[float, float]:
    """Leave room above the highest bar; never zoom in below five in a hundred.

    A little below 0 is seen as well, where the stubs of empty bars are.
    """
    top = max(0.05, 1.08 * max((summary.share for summary in summaries), default=0))
    return -0.012 * top, top


def histogram(values: Tensor) -> go.Figure:
    """Draw how often each finite value occurs in a map, shape (H, W)."""
    numbers = values.flatten().float()
    numbers = numbers[numbers.isfinite()]
    low, high = (float(numbers.min()), float(numbers.max())) if len(numbers) else (0.0, 0.0)
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
            hovertemplate=tr(
                "about {activation}: {count} positions", activation="%{x:.3g}", count="%{y:.0f}"
            )
            + "<extra></extra>",
        )
    )
    theme.style(figure, height=340)
    figure.update_layout(bargap=0)
    figure.update_xaxes(title=tr("Activation"))
    figure.update_yaxes(title=tr("Positions"))
    return figure


def changes(layers: Sequence[Change], layer_name: str) -> go.Figure:
    """Draw how much each deeper layer changed after an ablation.

    Args:
        layers: In the order of execution.
        layer_name: Dotted name of the layer whose maps are shown below the chart.
    """
    highlighted = [change.layer.name == layer_name for change in layers]
    figure = go.Figure(
        go.Bar(
            x=list(range(len(layers))),
            y=[change.relative for change in layers],
            marker=_marker(highlighted),
            customdata=[
                [
                    plain_html(change.layer.title),
                    plain_html(kind_text(change.layer.kind)),
                    percent(change.relative, 1),
                ]
                for change in layers
            ],
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>"
            + tr("changed by {share}", share="%{customdata[2]}")
            + "<extra></extra>",
        )
    )
    theme.style(figure, height=300)
    _name_layers(figure, [change.layer for change in layers])
    highest = max((change.relative for change in layers), default=1.0)
    figure.update_yaxes(title=tr("Change"), rangemode="tozero", **theme.percent_axis(highest))
    if any(highlighted):
        index = highlighted.index(True)
        figure.add_annotation(
            x=index,
            y=layers[index].relative,
            text=tr("shown below"),
            showarrow=False,
            yanchor="bottom",
            yshift=2,
        )
        figure.update_layout(margin_t=30)
    return figure


def _marker(highlighted: Sequence[bool]) -> dict[str, Any]:
    """Return what bars look like of which some are pointed out, by colour and pattern."""
    colours = [theme.VERMILION if point else theme.ACCENT for point in highlighted]
    return {
        "color": colours,
        "pattern": {"shape": ["/" if point else "" for point in highlighted]},
        "line": {"width": _STUB, "color": colours},
    }


def _name_layers(figure: go.Figure, layers: Sequence[Layer]) -> None:
    """Write each layer's title under its bar; where there are many, their stages' names."""
    if len(layers) > _MOST_NAMED_LAYERS:
        _name_stages(figure, layers)
        return
    figure.update_xaxes(
        tickvals=list(range(len(layers))),
        ticktext=[plain_html(shorten(layer.title, _LONGEST_NAME)) for layer in layers],
        showgrid=False,
        title=tr("Layers, in order"),
    )


def _name_stages(figure: go.Figure, layers: Sequence[Layer]) -> None:
    """Write the name of each stage under the middle of its layers, which stand at 0, 1, 2, …."""
    middles, titles = [], []
    start = 0
    for stage, members in groupby(layers, key=lambda layer: layer.stage):
        count = len(list(members))
        middles.append(start + (count - 1) / 2)
        titles.append(plain_html(stage_text(stage).removeprefix("inception") or stage))
        start += count
    if len(middles) > _MOST_TICKS:
        middles, titles = middles[::2], titles[::2]
    figure.update_xaxes(
        tickvals=middles, ticktext=titles, showgrid=False, title=tr("Layers, in order")
    )
