"""Figures of the page Architectures: what networks cost, beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

import plotly.graph_objects as go

from convviz.figures import theme
from convviz.formatting import grouped, percent, short
from convviz.language import later, tr
from convviz.lessons.printed_figures import Reported
from convviz.plain_text import plain_html
from convviz.structure.costs import Costs

_PARTS = (
    ("encoder", later("Encoder"), theme.BLUE, ""),
    ("decoder", later("Decoder (classifier)"), theme.VERMILION, "/"),
    ("auxiliary", later("Auxiliary heads (training only)"), theme.GREY, "x"),
)
_BAR, _FRAME = 46, 96  # pixels per bar, and for axis and margins together


def parameters(networks: Sequence[Costs], *, log: bool) -> go.Figure:
    """Draw parameters as bars, split into encoder, decoder and auxiliary heads.

    Args:
        networks: From top to bottom.
        log: Whether the axis is logarithmic. The parts stand side by side there, since lengths on
            such an axis cannot be added; they are stacked on a linear axis.
    """
    figure = go.Figure()
    titles = [plain_html(costs.title) for costs in networks]
    totals = [costs.parameters_with_auxiliary for costs in networks]
    for part, message, colour, pattern in _PARTS:
        values = [costs.part(part).parameters for costs in networks]
        if not any(values):
            continue
        title = tr(message)
        figure.add_bar(
            y=titles,
            x=[value or None for value in values] if log else values,
            name=title,
            orientation="h",
            marker={"color": colour, "pattern": theme.hatched(pattern)},
            customdata=[
                [grouped(value), _share(part, value, costs)]
                for value, costs in zip(values, networks, strict=True)
            ],
            hovertemplate=f"<b>%{{y}}</b><br>{title}<br>"
            + tr("{count} parameters, {share}", count="%{customdata[0]}", share="%{customdata[1]}")
            + "<extra></extra>",
        )
    side_by_side = log and len(figure.data) > 1
    theme.style(
        figure,
        height=_FRAME + 30 + _BAR * len(networks) * (2 if side_by_side else 1),
        legend=True,
        saveable=True,
    )
    figure.update_layout(barmode="group" if log else "stack", bargap=0.3)
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix=" ")
    most = max(totals, default=1)
    if not log:
        theme.add_totals(figure, titles, totals, [_total_text(costs) for costs in networks])
        figure.update_xaxes(range=[0, 1.02 * most])
    figure.update_xaxes(
        title=tr("Parameters"),
        type="log" if log else "linear",
        **theme.amount_axis(1.02 * most, log=log),
    )
    if log:
        least = min((x for bar in figure.data for x in bar.x if x), default=1)
        low, high = floor(log10(least)) - 0.3, log10(most) + 0.2
        figure.update_xaxes(range=[low, high])
    return figure


def _share(part: str, value: int, costs: Costs) -> str:
    """Say which share of a network a part has; auxiliary heads are no part of what is kept."""
    if part == "auxiliary":
        share = percent(value / max(costs.parameters_with_auxiliary, 1), 1)
        return tr("{share} of what is trained, none of what is kept", share=share)
    return tr("{share} of the network", share=percent(value / max(costs.parameters, 1), 1))


def _total_text(costs: Costs) -> str:
    """Write a network's parameters, on a second line those with auxiliary heads if it has any."""
    if costs.parameters_with_auxiliary == costs.parameters:
        return short(costs.parameters)
    return tr(
        "{count},<br>{with_heads} with heads",
        count=short(costs.parameters),
        with_heads=short(costs.parameters_with_auxiliary),
    )


def amounts(
    titles: Sequence[str],
    values: Sequence[float],
    *,
    texts: Sequence[str],
    exact: Sequence[str],
    colours: Sequence[str] = (),
    longest: float | None = None,
) -> go.Figure:
    """Draw one amount of several networks as bars with their numbers beside them.

    Args:
        titles: The networks, from top to bottom.
        values: Length of each bar.
        texts: What to write beside it.
        exact: What to say when it is pointed at.
        colours: Of each bar; empty for the accent.
        longest: Value at the right-hand end; None: a little more than the largest.
    """
    figure = go.Figure(
        go.Bar(
            y=[plain_html(title) for title in titles],
            x=list(values),
            orientation="h",
            marker={"color": list(colours) or theme.ACCENT},
            text=[f"{theme.BEFORE_VALUES}{text}" for text in texts],
            textposition="outside",
            cliponaxis=False,
            customdata=list(exact),
            hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
        )
    )
    theme.style(figure, height=36 + 38 * len(titles), saveable=True)
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix=" ")
    end = 1.02 * max([*values, 1e-9]) if longest is None else longest
    figure.update_xaxes(visible=False, range=[0, end])
    # The numbers stand beside the bars, whatever the width of the screen.
    figure.update_layout(margin=theme.beside_bars(texts))
    return figure


def trade(
    networks: Sequence[Costs], reported: Sequence[Reported], colours: Sequence[str] = ()
) -> go.Figure:
    """Draw accuracy over MACs, each network a disc whose area is its number of parameters.

    Args:
        networks: Those that torchvision reports on.
        reported: What it reports, in the same order.
        colours: Of each disc; empty for the accent.
    """
    parameters = [costs.parameters for costs in networks]
    accuracies = [figures.top1 for figures in reported]
    figure = go.Figure(
        go.Scatter(
            x=[costs.macs / 1e9 for costs in networks],
            y=accuracies,
            mode="markers+text",
            text=[plain_html(costs.title) for costs in networks],
            textposition="top center",
            marker={
                "size": parameters,
                "sizemode": "area",
                "sizeref": max(parameters, default=1) / 52**2,
                "sizemin": 4,
                "color": list(colours) or theme.ACCENT,
                "opacity": 0.8,
                "line": {"width": 0},
            },
            customdata=[
                [grouped(count), grouped(costs.macs), percent(accuracy, 1)]
                for count, costs, accuracy in zip(parameters, networks, accuracies, strict=True)
            ],
            cliponaxis=False,
            hovertemplate="<b>%{text}</b><br>"
            + tr(
                "top-1 accuracy {accuracy}<br>{macs} MACs<br>{parameters} parameters",
                accuracy="%{customdata[2]}",
                macs="%{customdata[1]}",
                parameters="%{customdata[0]}",
            )
            + "<extra></extra>",
        )
    )
    theme.style(figure, height=400, saveable=True)
    figure.update_xaxes(title=tr("Billions of MACs for one image"), rangemode="tozero")
    figure.update_yaxes(title=tr("Top-1 accuracy on ImageNet"))
    if reported:
        low, high = min(accuracies) - 0.06, max(accuracies) + 0.07
        figure.update_yaxes(range=[low, high], **theme.percent_axis(high, low))
        most = max(costs.macs for costs in networks) / 1e9
        figure.update_xaxes(range=[-0.12 * most, 1.2 * most])
    return figure
