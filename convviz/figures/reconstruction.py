"""Figures of the page Reconstruction: a run's loss, what survives with depth, a layer's answer.

The loss curve comes in two forms. While a run goes on it is a plain SVG: a page draws it about once
a second, and the optimisation needs the processor more. At the end it is a plotly figure with
values under the pointer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from convviz.figures import theme
from convviz.language import numeral, tr
from convviz.plain_text import plain_html

_HEIGHT = 220
_WIDE, _HIGH = 400, 190  # the drawing's own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 10, 10, 26


def loss(steps: Sequence[int], losses: Sequence[float], *, at: int | None = None) -> go.Figure:
    """Draw the loss over the steps, on a logarithmic axis.

    Args:
        steps: Numbers of the steps.
        losses: The loss at each; what is not above zero is left out.
        at: A step to mark: the one whose image is shown.
    """
    points = [(step, value) for step, value in zip(steps, losses, strict=True) if _drawable(value)]
    figure = go.Figure(
        go.Scatter(
            x=[step for step, _ in points],
            y=[value for _, value in points],
            mode="lines",
            line={"color": theme.ACCENT, "width": 2.5},
            hovertemplate=tr("step {step}<br>loss {loss}", step="%{x}", loss="%{y:.3g}")
            + "<extra></extra>",
        )
    )
    if at is not None:
        figure.add_vline(x=at, line={"color": theme.VERMILION, "width": 2, "dash": "dot"})
    figure.update_xaxes(title=tr("step"), rangemode="tozero")
    figure.update_yaxes(title=tr("loss"), type="log", tickformat="~g", **_ticks(points))
    return theme.style(figure, height=_HEIGHT)


def _ticks(points: Sequence[tuple[int, float]]) -> dict[str, object]:
    """Put marks at powers of ten, and at 2 and 5 times these where there would be few."""
    if not points:
        return {}
    values = [value for _, value in points]
    low, high = (math.floor(math.log10(value)) for value in (min(values), max(values)))
    between = (1, 2, 5) if high - low < 2 else (1,)
    return {"tickvals": [m * 10.0**power for power in range(low, high + 2) for m in between]}


def loss_drawing(steps: Sequence[int], losses: Sequence[float], *, last: int | None = None) -> str:
    """Draw the same as an SVG for a page's HTML: costs next to nothing.

    Args:
        steps: Numbers of the steps.
        losses: The loss at each; what is not above zero is left out.
        last: The step at which the run will end, if known: the axis goes as far.
    """
    points = [(step, value) for step, value in zip(steps, losses, strict=True) if _drawable(value)]
    if not points:
        return _svg("", tr("No loss yet"))
    logs = [math.log10(value) for _, value in points]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    high = max(high, low + 1)
    end = max(last or 0, points[-1][0], 1)

    def x(step: float) -> float:
        return _LEFT + (_WIDE - _LEFT - _RIGHT) * step / end

    def y(log: float) -> float:
        return _TOP + (_HIGH - _TOP - _BOTTOM) * (high - log) / (high - low)

    lines, labels = [], []
    for decade in range(low, high + 1, max(1, (high - low) // 4)):
        across = f"M{_LEFT} {y(decade):.1f}H{_WIDE - _RIGHT}"
        lines.append(f'<path d="{across}" stroke="{theme.QUIET}" stroke-opacity=".35"/>')
        number = numeral(f"{10.0**decade:g}")
        labels.append(
            f'<text x="{_LEFT - 8}" y="{y(decade) + 4:.1f}" text-anchor="end">{number}</text>'
        )
    for step, anchor in ((0, "start"), (end, "end")):
        labels.append(
            f'<text x="{x(step):.1f}" y="{_HIGH - 6}" text-anchor="{anchor}">{step}</text>'
        )
    step_title, loss_title = tr("step"), tr("loss")
    labels.append(
        f'<text x="{x(end / 2):.1f}" y="{_HIGH - 6}" text-anchor="middle">{step_title}</text>'
        f'<text x="14" y="{_HIGH / 2:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 14 {_HIGH / 2:.0f})">{loss_title}</text>'
    )
    corners = " ".join(
        f"{x(step):.1f},{y(log):.1f}" for (step, _), log in zip(points, logs, strict=True)
    )
    curve = (
        f'<polyline points="{corners}" fill="none" stroke="{theme.ACCENT}" stroke-width="2.5" '
        'stroke-linejoin="round"/>'
    )
    label = tr(
        "Loss curve: {first:.3g} at first, {last:.3g} at step {step}",
        first=points[0][1],
        last=points[-1][1],
        step=points[-1][0],
    )
    return _svg("".join((*lines, curve, *labels)), label)


def answers(steps: Sequence[int], scores: Sequence[float], *, at: int | None = None) -> go.Figure:
    """Draw how strongly a layer or a channel answers over the steps, the original at step 0.

    Args:
        steps: Numbers of the steps.
        scores: What was measured after each.
        at: A step to mark: the one whose image is shown.
    """
    figure = go.Figure(
        go.Scatter(
            x=list(steps),
            y=list(scores),
            mode="lines+markers",
            line={"color": theme.ACCENT, "width": 2.5},
            hovertemplate=tr("step {step}<br>answer {answer}", step="%{x}", answer="%{y:.3g}")
            + "<extra></extra>",
        )
    )
    if at is not None:
        figure.add_vline(x=at, line={"color": theme.VERMILION, "width": 2, "dash": "dot"})
    figure.update_xaxes(title=tr("step"), rangemode="tozero")
    figure.update_yaxes(title=tr("answer"))
    return theme.style(figure, height=_HEIGHT)


def survival(
    titles: Sequence[str], layouts: Sequence[float | None], details: Sequence[float | None]
) -> go.Figure:
    """Draw how much of an image's layout and detail the reconstructions share with it.

    Args:
        titles: The layers, from shallow to deep.
        layouts: Correlation of the layouts, -1 to 1, for each.
        details: Correlation of the details, -1 to 1, for each.
    """
    figure = go.Figure()
    for index, (name, values, symbol) in enumerate(
        ((tr("layout"), layouts, "circle"), (tr("detail"), details, "square"))
    ):
        figure.add_scatter(
            x=[plain_html(title) for title in titles],
            y=list(values),
            name=name,
            mode="lines+markers",
            line={"color": theme.series(index), "width": 2.5},
            marker={"symbol": symbol, "size": 10},
            hovertemplate=f"%{{x}}<br>{name} %{{y:.2f}}<extra></extra>",
        )
    correlations = [value for value in (*layouts, *details) if value is not None]
    figure.update_yaxes(
        title=tr("correlation with the original"), range=[min([0.0, *correlations]) - 0.05, 1.05]
    )
    return theme.style(figure, height=280, legend=True)


def _drawable(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _svg(content: str, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDE} {_HIGH}" width="100%" role="img" aria-label="{label}" '
        f'font-size="13" fill="currentColor" font-family="inherit">{content}</svg>'
    )
