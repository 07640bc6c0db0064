"""Figures of the page Activations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import floor, isfinite, log10

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from convviz.features.ablation import Change
from convviz.features.activations import LayerSummary
from convviz.features.arithmetic_steps import WeightedSum
from convviz.figures import theme
from convviz.formatting import percent
from convviz.plain_text import plain_html
from convviz.structure.layers import Layer

_DIVERGING = ((0.0, theme.VERMILION), (0.5, "#f4f4f4"), (1.0, theme.BLUE))
_BARS = 40  # of the histogram
_READABLE = 11  # numbers are written into a kernel up to this many across
_PART_PIXELS = 310  # width of a patch, a kernel or their products, beside each other at 1440 pixels
_MOST_TICKS = 24  # beyond, every second stage is named


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
            marker={
                "color": [theme.VERMILION if point else theme.ACCENT for point in highlighted],
                "pattern": {"shape": ["/" if point else "" for point in highlighted]},
                "line": {"width": 0},
            },
            customdata=[
                [
                    *map(plain_html, (summary.layer.title, summary.layer.name, summary.layer.kind)),
                    *(summary.empty, summary.channels, percent(summary.share, 1)),
                ]
                for summary in summaries
            ],
            hovertemplate="<b>%{customdata[0]}</b> (%{customdata[1]})<br>%{customdata[2]}<br>"
            "%{customdata[3]} of %{customdata[4]} channels empty, %{customdata[5]}<extra></extra>",
        )
    )
    theme.style(figure, height=340)
    figure.update_layout(hovermode="x")
    _name_stages(figure, [summary.layer for summary in summaries])
    figure.update_yaxes(
        title="Empty channels", range=_range(summaries), **theme.percent_axis(_range(summaries)[1])
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
    """Leave room above the highest bar; never zoom in below five in a hundred."""
    return 0, max(0.05, 1.08 * max((summary.share for summary in summaries), default=0))


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
        most: How many channels get one bar each.
    """
    order = stage.order().tolist()
    values = stage.contributions
    rows = [(names[channel], float(values[channel])) for channel in order[:most]]
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
    smallest = min(0.0, *(value for _, value in rows))
    largest = max(0.0, *(value for _, value in rows))
    room = 0.3 * (largest - smallest)  # for the numbers beside the bars
    figure.update_xaxes(range=(smallest - room * (smallest < 0), largest + room))
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    figure.update_xaxes(title="Contribution to the sum")
    return figure


def products(stage: WeightedSum, channel: int) -> go.Figure:
    """Draw one input channel's patch, its kernel slice and their products, with numbers."""
    parts = (stage.patch[channel], stage.kernel[channel], stage.products[channel])
    titles = ("input", "× kernel", "= products")
    figure = make_subplots(1, 3, subplot_titles=titles, horizontal_spacing=0.04)
    for column, (part, padded) in enumerate(zip(parts, (True, False, True), strict=True), start=1):
        numbers = part.double()
        bound = float(numbers.abs().max()) or 1.0
        exact = [
            [
                "padding" if padded and not on_map else f"{value + 0.0:.6g}"  # no "-0"
                for value, on_map in zip(row, inside_row, strict=True)
            ]
            for row, inside_row in zip(numbers.tolist(), stage.inside.tolist(), strict=True)
        ]
        text = [
            ["·" if each == "padding" else _two_digits(float(each), bound) for each in row]
            for row in exact
        ]
        figure.add_trace(
            go.Heatmap(
                z=numbers.tolist(),
                x=list(range(1, numbers.shape[1] + 1)),
                y=list(range(1, numbers.shape[0] + 1)),
                text=text,
                texttemplate="%{text}" if numbers.shape[-1] <= _READABLE else None,
                customdata=exact,
                textfont={"size": _font_size(text)},
                zmin=-bound,
                zmax=bound,
                colorscale=_DIVERGING,
                showscale=False,
                xgap=1,
                ygap=1,
                hovertemplate="row %{y}, column %{x}: %{customdata}<extra></extra>",
            ),
            row=1,
            col=column,
        )
    theme.style(figure, height=390)
    figure.update_layout(margin={"t": 40})
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", constrain="domain")
    for column in (1, 2, 3):
        anchor = "x" if column == 1 else f"x{column}"
        figure.update_yaxes(scaleanchor=anchor, row=1, col=column)
    return figure


def _two_digits(value: float, largest: float) -> str:
    """Write a number to as many places as give the largest of its fellows two digits."""
    if not isfinite(value) or not isfinite(largest):
        return f"{value:.2g}"
    places = max(0, 1 - floor(log10(largest)))
    text = f"{value:.{places}f}"
    if float(text) == 0:
        return "0"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def _font_size(text: Sequence[Sequence[str]]) -> float:
    """Return the size, in pixels, at which the longest text fits into its cell."""
    longest = max(len(each) for row in text for each in row)
    cell = _PART_PIXELS / max(len(text), len(text[0]))
    return min(16.0, max(7.0, 0.95 * cell / (0.58 * longest)))


def changes(layers: Sequence[Change]) -> go.Figure:
    """Draw how much each deeper layer changed after an ablation.

    Args:
        layers: In the order of execution.
    """
    figure = go.Figure(
        go.Bar(
            x=list(range(len(layers))),
            y=[change.relative for change in layers],
            marker={"color": theme.ACCENT},
            customdata=[
                [
                    *map(plain_html, (change.layer.title, change.layer.kind)),
                    percent(change.relative, 1),
                ]
                for change in layers
            ],
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>"
            "changed by %{customdata[2]}<extra></extra>",
        )
    )
    theme.style(figure, height=260)
    _name_stages(figure, [change.layer for change in layers])
    highest = max((change.relative for change in layers), default=1.0)
    figure.update_yaxes(title="Change", rangemode="tozero", **theme.percent_axis(highest))
    return figure


def _name_stages(figure: go.Figure, layers: Sequence[Layer]) -> None:
    """Write the name of each stage under the middle of its layers, which stand at 0, 1, 2, …."""
    middles, titles = [], []
    start = 0
    for stage, members in groupby(layers, key=lambda layer: layer.stage):
        count = len(list(members))
        middles.append(start + (count - 1) / 2)
        titles.append(plain_html(stage.removeprefix("inception") or stage))
        start += count
    if len(middles) > _MOST_TICKS:
        middles, titles = middles[::2], titles[::2]
    figure.update_xaxes(tickvals=middles, ticktext=titles, showgrid=False, title="Layers, in order")
