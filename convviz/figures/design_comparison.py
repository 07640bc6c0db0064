"""Figures of designs that are trained and compared: curves, test accuracies, gradients by layer."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, log

import plotly.graph_objects as go

from convviz.figures import theme
from convviz.formatting import percent, significant, with_sign
from convviz.language import numeral, tr
from convviz.learning.design_results import DesignComparison
from convviz.learning.design_sweep import Cost, DesignSweep
from convviz.learning.significance import PairedInterval
from convviz.plain_text import plain_html

_SYMBOLS = ("circle", "square", "diamond", "cross")
_DASHES = ("solid", "dot", "dash", "dashdot")


def curves(comparison: DesignComparison) -> go.Figure:
    """Draw every run's validation accuracy, over epochs or over seconds, as they were equal."""
    figure = go.Figure()
    timed = comparison.settings.seconds is not None
    for index, result in enumerate(comparison.results):
        for run in result.runs:
            figure.add_scatter(
                x=[point.seconds if timed else point.epoch for point in run.points],
                y=[point.accuracy for point in run.points],
                name=plain_html(result.name),
                legendgroup=str(index),
                showlegend=run.seed == 0,
                mode="lines",
                line={"color": theme.series(index), "width": 2, "dash": _DASHES[index % 4]},
                customdata=[percent(point.accuracy, 1) for point in run.points],
                hovertemplate=tr(
                    "{design}, seed {seed}<br>{time}<br>{share} of the validation pictures",
                    design=plain_html(result.name),
                    seed=run.seed,
                    time=tr("{seconds} s", seconds="%{x:.3~g}")
                    if timed
                    else tr("{epochs} epochs", epochs="%{x:.3~g}"),
                    share="%{customdata}",
                )
                + "<extra></extra>",
            )
    theme.add_level(figure, comparison.guessing, tr("guessing"))
    figure.update_xaxes(
        title=tr("seconds of training") if timed else tr("epoch"), rangemode="tozero"
    )
    figure.update_yaxes(title=tr("validation accuracy"), range=[0, 1.04], **theme.percent_axis(1))
    return theme.style(figure, height=300, legend=True, saveable=True)


def accuracies(comparison: DesignComparison) -> go.Figure:
    """Draw the test accuracy of every seed, those of one seed joined, with the baselines."""
    figure = go.Figure()
    names = [plain_html(result.name) for result in comparison.results]
    for seed in range(comparison.seeds):
        figure.add_scatter(
            x=list(range(len(names))),
            y=[result.accuracies[seed] for result in comparison.results],
            mode="lines",
            line={"color": theme.QUIET, "width": 1},
            showlegend=False,
            hoverinfo="skip",
        )
    for index, result in enumerate(comparison.results):
        figure.add_scatter(
            x=[index] * len(result.complete),
            y=list(result.accuracies),
            mode="markers",
            marker={"color": theme.series(index), "symbol": _SYMBOLS[index % 4], "size": 11},
            showlegend=False,
            customdata=[(run.seed, percent(run.accuracy, 1)) for run in result.complete],
            hovertemplate=tr(
                "{design}, seed {seed}<br>{share} of the test pictures",
                design=names[index],
                seed="%{customdata[0]}",
                share="%{customdata[1]}",
            )
            + "<extra></extra>",
        )
    # The two may lie on each other: the wide one behind, and each with its number.
    if comparison.linear is not None:
        theme.add_level(
            figure,
            comparison.linear,
            tr("a linear classifier on pixels: {share}", share=percent(comparison.linear, 1)),
            theme.ORANGE,
            "solid",
            width=6,
        )
    theme.add_level(
        figure,
        comparison.guessing,
        tr("guessing: {share}", share=percent(comparison.guessing, 1)),
        theme.NEUTRAL,
    )
    figure.update_xaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[-0.5, len(names) - 0.5]
    )
    figure.update_yaxes(title=tr("test accuracy"), range=[0, 1.04], **theme.percent_axis(1))
    return theme.style(figure, height=340, legend=True, saveable=True)


def differences(comparison: DesignComparison, paired: PairedInterval) -> go.Figure:
    """Draw the difference of each seed, and their mean with its 95 % interval.

    Args:
        comparison: Of two designs.
        paired: Its interval.
    """
    first, second = comparison.results
    values = [b - a for a, b in zip(first.accuracies, second.accuracies, strict=False)]
    figure = go.Figure()
    figure.add_scatter(
        x=values,
        y=[1] * len(values),
        mode="markers",
        marker={"color": theme.NEUTRAL, "size": 11, "symbol": "circle-open", "line": {"width": 2}},
        customdata=[with_sign(100 * value, 1) for value in values],
        hovertemplate=tr("one seed: {difference}", difference="%{customdata}") + "<extra></extra>",
    )
    figure.add_scatter(
        x=[paired.mean],
        y=[0],
        mode="markers",
        marker={"color": theme.NEUTRAL, "size": 12, "symbol": "diamond"},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [paired.high - paired.mean],
            "arrayminus": [paired.mean - paired.low],
            "thickness": 2.5,
            "width": 8,
        },
        hovertemplate=tr(
            "mean {mean}<br>95 % interval {low} to {high}",
            mean=with_sign(100 * paired.mean, 1),
            low=with_sign(100 * paired.low, 1),
            high=with_sign(100 * paired.high, 1),
        )
        + "<extra></extra>",
    )
    figure.add_vline(x=0, line={"color": theme.QUIET, "dash": "dash"})
    # An interval of two seeds may be longer than accuracies can differ.
    ends = [max(-1.0, min(paired.low, *values, 0.0)), min(1.0, max(paired.high, *values, 0.0))]
    room = 0.06 * (ends[1] - ends[0]) or 0.05
    figure.update_xaxes(
        title=tr(
            "{design} minus {other}, in percentage points",
            design=plain_html(second.name),
            other=plain_html(first.name),
        ),
        range=[ends[0] - room, ends[1] + room],
        **theme.percent_axis(ends[1] + room, ends[0] - room, points=True),
    )
    figure.update_yaxes(
        tickvals=[0, 1], ticktext=[tr("mean, 95 %"), tr("each seed")], range=[-0.6, 1.6]
    )
    return theme.style(figure, height=200, saveable=True)


def gradients(comparison: DesignComparison) -> go.Figure:
    """Draw the gradient's norm at each layer's weights, before and after training."""
    figure = go.Figure()
    for index, result in enumerate(comparison.results):
        names = [norm.name for norm in result.gradients]
        for when, title in (
            ("before", tr("{design}, before training", design=plain_html(result.name))),
            ("after", tr("{design}, after training", design=plain_html(result.name))),
        ):
            values = [getattr(norm, when) for norm in result.gradients]
            figure.add_scatter(
                x=list(range(1, len(names) + 1)),
                y=[value if isfinite(value) and value > 0 else None for value in values],
                name=title,
                mode="lines+markers",
                line={
                    "color": theme.series(index),
                    "width": 2,
                    "dash": "dot" if when == "before" else "solid",
                },
                marker={"symbol": _SYMBOLS[index % 4], "size": 8},
                customdata=[
                    (name, significant(value) if isfinite(value) else tr("no number"))
                    for name, value in zip(names, values, strict=True)
                ],
                hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
            )
    figure.update_xaxes(title=tr("layer with weights, from the image on"), dtick=1)
    figure.update_yaxes(title=tr("norm of the gradient"), type="log", exponentformat="power")
    return theme.style(figure, height=320, legend=True, saveable=True)


def sweep(points: DesignSweep, kind: Cost) -> go.Figure:
    """Draw every variant's test accuracy against its cost, and join the best front.

    Args:
        points: The sweep.
        kind: Which cost runs along the axis.
    """
    figure = go.Figure()
    best = points.front(kind)
    costs = [point.cost(kind) for point in points.trained]
    figure.add_scatter(
        x=[point.cost(kind) for point in best],
        y=[point.accuracy for point in best],
        name=tr("best front"),
        mode="lines",
        line={"color": theme.VERMILION, "width": 2, "shape": "hv"},
        hoverinfo="skip",
    )
    for name, shown, on_front in (
        (tr("on the front"), best, True),
        (tr("beaten"), tuple(point for point in points.trained if point not in best), False),
    ):
        labels = [
            ", ".join(f"{tr(what)} {numeral(f'{value:g}')}" for what, value in point.values)
            for point in shown
        ]
        figure.add_scatter(
            x=[point.cost(kind) for point in shown],
            y=[point.accuracy for point in shown],
            name=name,
            mode="markers+text" if on_front else "markers",
            text=labels,
            textposition=[_inwards(point.cost(kind), costs) for point in shown],
            cliponaxis=False,
            marker={
                "color": theme.VERMILION if on_front else theme.BLUE,
                "symbol": "diamond" if on_front else "circle",
                "size": 11,
            },
            customdata=[
                (label, percent(point.accuracy or 0.0, 1))
                for label, point in zip(labels, shown, strict=True)
            ],
            hovertemplate="%{customdata[0]}<br>"
            + tr("{share} of the test pictures", share="%{customdata[1]}")
            + "<br>%{x:,}<extra></extra>",
        )
    title = tr("parameters") if kind == "parameters" else tr("MACs for one image")
    figure.update_xaxes(title=title, type="log")
    figure.update_yaxes(title=tr("mean test accuracy"), range=[0, 1.12], **theme.percent_axis(1))
    return theme.style(figure, height=380, legend=True, saveable=True)


def _inwards(cost: int, costs: Sequence[int]) -> str:
    """Say where a point's label stands: at the edges of the chart on the side that has room."""
    low, high = (log(max(1, end)) for end in (min(costs), max(costs)))
    share = (log(max(1, cost)) - low) / (high - low) if high > low else 0.5
    return f"top {'right' if share < 1 / 3 else 'left' if share > 2 / 3 else 'center'}"
