"""Figures of the page Evidence: curves of deletion and insertion, and of a worsening image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from convviz.features.corruption import CORRUPTIONS, CorruptionStep
from convviz.features.deletion import Curve
from convviz.figures import theme
from convviz.formatting import percent, probability
from convviz.language import numeral, tr


def curves(map_curve: Curve, shuffled: Sequence[Curve], action: str) -> go.Figure:
    """Draw how a class's probability changes with the share of pixels that are changed.

    Args:
        map_curve: In the order of the map.
        shuffled: In the order of shuffled maps.
        action: What is done to the pixels, "deleted" or "inserted".
    """
    figure = go.Figure()
    for index, curve in enumerate(shuffled):
        _add(figure, curve, tr("shuffled map"), theme.QUIET, "dot", action, legend=index == 0)
    _add(figure, map_curve, tr("map"), theme.ACCENT, "solid", action)
    theme.style(figure, height=280, legend=True)
    figure.update_xaxes(
        title=tr("Pixels deleted") if action == "deleted" else tr("Pixels inserted"),
        range=[0, 1],
        **theme.percent_axis(1.0),
    )
    highest = max(max(curve.probabilities) for curve in (map_curve, *shuffled))
    top = max(0.01, 1.08 * highest)
    figure.update_yaxes(title=tr("Probability"), range=[0, top], **theme.percent_axis(top))
    return figure


def _add(
    figure: go.Figure,
    curve: Curve,
    name: str,
    colour: str,
    dash: str,
    action: str,
    *,
    legend: bool = True,
) -> None:
    share, value = "%{customdata[0]}", "%{customdata[1]}"
    hover = (
        tr(
            "{curve}<br>{share} deleted<br>probability {probability}",
            curve=name,
            share=share,
            probability=value,
        )
        if action == "deleted"
        else tr(
            "{curve}<br>{share} inserted<br>probability {probability}",
            curve=name,
            share=share,
            probability=value,
        )
    )
    figure.add_scatter(
        x=list(curve.shares),
        y=list(curve.probabilities),
        name=name,
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": 2.5},
        marker={"size": 5},
        showlegend=legend,
        customdata=[
            [percent(share), probability(value)]
            for share, value in zip(curve.shares, curve.probabilities, strict=True)
        ],
        hovertemplate=f"{hover}<extra></extra>",
    )


def corruption(
    kind: str, now: float, step: CorruptionStep | None, before: CorruptionStep | None = None
) -> go.Figure:
    """Draw how a class's score changes over the range of one kind of corruption.

    Args:
        kind: The kind, a name in `CORRUPTIONS`.
        now: The value that is set.
        step: The curve, or what is known of it; None for nothing yet.
        before: An older curve, which is drawn in grey below it.
    """
    limits = CORRUPTIONS[kind]
    figure = go.Figure()
    if before is not None:
        figure.add_trace(_curve(before, {"color": theme.GREY, "width": 1.5}, "lines"))
    if step is not None:
        line = {"color": theme.ACCENT, "width": 2.5}
        figure.add_trace(_curve(step, line, "lines+markers"))
    theme.style(figure, height=280)
    figure.add_vline(x=now, line={"color": theme.VERMILION, "dash": "dot", "width": 2})
    middle = (limits.low + limits.high) / 2
    figure.add_annotation(
        x=now,
        y=1,
        yref="paper",
        text=tr("set above: {value}", value=numeral(f"{now:g}")),
        showarrow=False,
        xanchor="left" if now <= middle else "right",
        xshift=6 if now <= middle else -6,
        yanchor="top",
    )
    margin = 0.03 * (limits.high - limits.low)
    figure.update_xaxes(title=tr(limits.title), range=[limits.low - margin, limits.high + margin])
    figure.update_yaxes(title=tr("Score"))
    return figure


def _curve(step: CorruptionStep, line: dict[str, Any], mode: str) -> go.Scatter:
    return go.Scatter(
        x=list(step.values),
        y=list(step.scores),
        mode=mode,
        line=line,
        marker={"size": 6},
        customdata=[probability(each) for each in step.probabilities],
        hovertemplate="%{x:.3g}<br>"
        + tr(
            "score {score}<br>probability {probability}",
            score="%{y:.2f}",
            probability="%{customdata}",
        )
        + "<extra></extra>",
        showlegend=False,
    )
