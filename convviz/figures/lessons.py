"""Figures of the lessons on architectures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go

from convviz.figures import theme
from convviz.formatting import short
from convviz.language import tr
from convviz.lessons.bottleneck import Bottleneck
from convviz.lessons.inception import InceptionModule
from convviz.lessons.pooling import Classifiers
from convviz.lessons.stacking import Stacking


def stack_against_single(stackings: Sequence[Stacking], chosen: int) -> go.Figure:
    """Draw the weights per pair of channels of stacks and of single kernels that see as much.

    Args:
        stackings: One per receptive field, growing.
        chosen: The receptive field to point out.
    """
    fields = [f"{stacking.receptive_field}×{stacking.receptive_field}" for stacking in stackings]
    figure = go.Figure()
    for title, colour, pattern, weights in (
        (
            tr("one large kernel"),
            theme.VERMILION,
            "/",
            [stacking.single_per_pair for stacking in stackings],
        ),
        (
            tr("stack of small ones"),
            theme.BLUE,
            "",
            [stacking.stack_per_pair for stacking in stackings],
        ),
    ):
        figure.add_bar(
            x=fields,
            y=weights,
            name=title,
            marker={"color": colour, "pattern": theme.hatched(pattern)},
            opacity=1,
            text=[str(count) for count in weights],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=tr(
                "sees {field}<br>{kernels}: {count} weights per pair",
                field="%{x}",
                kernels=title,
                count="%{y}",
            )
            + "<extra></extra>",
        )
    theme.style(figure, height=340, legend=True, saveable=True)
    figure.update_layout(barmode="group", bargap=0.3)
    highlight = f"{chosen}×{chosen}"
    ticks = [f"<b>{field}</b>" if field == highlight else field for field in fields]
    figure.update_xaxes(title=tr("Pixels seen"), tickvals=fields, ticktext=ticks, showgrid=False)
    figure.update_yaxes(title=tr("Weights per pair of channels"), rangemode="tozero")
    return figure


def break_even(bottleneck: Bottleneck) -> go.Figure:
    """Draw a bottleneck's multiplications over the number of channels it leaves."""
    most = max(bottleneck.channels, round(1.4 * bottleneck.break_even), bottleneck.reduced)
    steps = sorted({1, bottleneck.reduced, *range(1, most + 1, max(1, most // 120)), most})
    macs = [replace(bottleneck, reduced=reduced).bottleneck_macs for reduced in steps]
    figure = go.Figure()
    figure.add_scatter(
        x=steps,
        y=macs,
        mode="lines",
        name=tr("with the 1×1 convolution"),
        line={"color": theme.BLUE, "width": 3},
        hovertemplate=tr("{channels} channels left: {count} MACs", channels="%{x}", count="%{y:,}")
        + "<extra></extra>",
    )
    figure.add_scatter(
        x=[steps[0], most],
        y=[bottleneck.direct_macs] * 2,
        mode="lines",
        name=tr("without"),
        line={"color": theme.VERMILION, "width": 3, "dash": "dash"},
        hovertemplate=tr("without: {count} MACs", count="%{y:,}") + "<extra></extra>",
    )
    figure.add_scatter(
        x=[bottleneck.reduced],
        y=[bottleneck.bottleneck_macs],
        mode="markers",
        marker={"size": 14, "color": theme.BLUE, "line": {"width": 2, "color": "white"}},
        showlegend=False,
        hoverinfo="skip",
    )
    figure.add_annotation(
        x=bottleneck.reduced,
        y=bottleneck.bottleneck_macs,
        text=tr(
            "<b>{channels} channels: {macs}</b>",
            channels=bottleneck.reduced,
            macs=short(bottleneck.bottleneck_macs),
        ),
        showarrow=True,
        arrowhead=0,
        ax=0,
        ay=-56,
        yanchor="bottom",  # on the end of the line, which would cross it
        xanchor="left" if bottleneck.reduced < most / 2 else "right",
        font={"size": 15},
    )
    theme.style(figure, height=340, legend=True, saveable=True)
    figure.update_xaxes(title=tr("Channels that the 1×1 convolution leaves"), rangemode="tozero")
    figure.update_yaxes(
        title=tr("MACs"),
        rangemode="tozero",
        **theme.amount_axis(1.05 * max(*macs, bottleneck.direct_macs)),
    )
    return figure


def module_savings(modules: Sequence[InceptionModule]) -> go.Figure:
    """Draw every Inception module's multiplications with and without its 1×1 reductions."""
    names = [module.name.removeprefix("inception") for module in modules]
    figure = go.Figure()
    for title, colour, pattern, values in (
        (
            tr("without reductions"),
            theme.VERMILION,
            "/",
            [module.macs_without for module in modules],
        ),
        (tr("as built"), theme.BLUE, "", [module.cost.macs for module in modules]),
    ):
        figure.add_bar(
            x=names,
            y=values,
            name=title,
            marker={"color": colour, "pattern": theme.hatched(pattern)},
            hovertemplate=f"%{{x}}, {title}<br>"
            + tr("{count} MACs", count="%{y:,}")
            + "<extra></extra>",
        )
    theme.style(figure, height=340, legend=True, saveable=True)
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_xaxes(title=tr("Inception module"), type="category", showgrid=False)
    figure.update_yaxes(
        title=tr("MACs"),
        **theme.amount_axis(max(module.macs_without for module in modules)),
    )
    return figure


def classifiers(networks: Sequence[Classifiers]) -> go.Figure:
    """Draw what networks weigh with their own classifier and with averaged maps, encoder below."""
    figure = go.Figure()
    rows = [
        (f"{network.title},<br>{how}", network.encoder, decoder)
        for network in networks
        for how, decoder in _forms(network)
    ]
    for title, colour, pattern, column in (
        (tr("Encoder"), theme.BLUE, "", 1),
        (tr("Classifier"), theme.VERMILION, "/", 2),
    ):
        figure.add_bar(
            y=[row[0] for row in rows],
            x=[row[column] for row in rows],
            name=title,
            orientation="h",
            marker={"color": colour, "pattern": theme.hatched(pattern)},
            hovertemplate="%{y}<br>"
            + tr("{part}: {count} parameters", part=title, count="%{x:,}")
            + "<extra></extra>",
        )
    theme.style(figure, height=110 + 46 * len(rows), legend=True, saveable=True)
    totals = [encoder + decoder for _, encoder, decoder in rows]
    theme.add_totals(figure, [title for title, _, _ in rows], totals)
    figure.update_layout(barmode="stack", bargap=0.3)
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix=" ")
    figure.update_xaxes(
        title=tr("Parameters"),
        range=[0, 1.02 * max(totals)],
        **theme.amount_axis(1.02 * max(totals)),
    )
    return figure


def _forms(network: Classifiers) -> list[tuple[str, int]]:
    """Name a network's classifier and the averaging one, which may be the same, and weigh them."""
    if network.own == network.averaged:
        return [(tr("as built, averaged"), network.own)]
    return [(tr("as built"), network.own), (tr("averaged maps"), network.averaged)]
