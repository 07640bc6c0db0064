"""Figures of the page Auxiliary classifiers: two trainings side by side, and their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

import plotly.graph_objects as go

from convviz.figures import lessons, theme
from convviz.learning.auxiliary import Moment

# The same as in the figure of the gradients.
_LOOKS = (
    ("with the auxiliary losses", theme.BLUE, "solid", "diamond"),
    ("main loss alone", theme.VERMILION, "dash", "circle"),
)


def losses(moments: Sequence[Moment], guessing: float, steps: int) -> go.Figure:
    """Draw the main classifier's loss of both networks over the steps.

    Args:
        moments: The oldest first.
        guessing: Loss of naming every class with the same probability.
        steps: Where the axis ends.
    """
    figure = go.Figure()
    later = [each for each in moments if each.with_heads.loss is not None]
    _pair(
        figure,
        [each.step for each in later],
        [each.with_heads.loss for each in later],
        [each.without.loss for each in later],
        "step %{x:,}<br>main loss %{y:.3f}",
    )
    _guess(figure, guessing)
    figure.update_yaxes(title="main loss", rangemode="tozero")
    return _styled(figure, steps)


def accuracies(moments: Sequence[Moment], guessing: float, steps: int) -> go.Figure:
    """Draw the share of validation pictures that both networks name rightly.

    Args:
        moments: The oldest first.
        guessing: Share that guessing would name rightly.
        steps: Where the axis ends.
    """
    figure = go.Figure()
    _pair(
        figure,
        [each.step for each in moments],
        [each.with_heads.validation.accuracy for each in moments],
        [each.without.validation.accuracy for each in moments],
        "step %{x:,}<br>%{y:.1%} named rightly",
    )
    _guess(figure, guessing)
    figure.update_yaxes(title="validation accuracy", tickformat=".0%", range=[0, 1.04])
    return _styled(figure, steps)


def gradients(moments: Sequence[Moment], at: int, heads: dict[str, str]) -> go.Figure:
    """Draw the gradient's norm over depth at one moment, on a scale that fits all of them.

    Args:
        moments: All that were measured.
        at: Which of them to draw.
        heads: Names of the auxiliary heads, and of the stage whose output each one reads.
    """
    figure = lessons.gradient_norms(moments[at].stages, list(heads.items()))
    known = [
        value
        for each in moments
        for stage in each.stages
        for value in (stage.without, stage.with_heads)
        if value
    ]
    if known:
        low, high = floor(log10(min(known))), log10(max(known))
        figure.update_yaxes(range=[low, high + 0.3], dtick=1)
    figure.update_yaxes(title="gradient norm (log scale)")
    figure.update_xaxes(title="from the image to the classes")
    figure.update_layout(legend={"traceorder": "reversed"})
    return figure


def _pair(
    figure: go.Figure,
    steps: Sequence[int],
    with_heads: Sequence[float | None],
    without: Sequence[float | None],
    hover: str,
) -> None:
    for (name, colour, dash, symbol), values in zip(_LOOKS, (with_heads, without), strict=True):
        figure.add_scatter(
            x=list(steps),
            y=list(values),
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2.5, "dash": dash},
            marker={"symbol": symbol, "size": 7},
            hovertemplate=f"<b>{name}</b><br>{hover}<extra></extra>",
        )


def _guess(figure: go.Figure, value: float) -> None:
    figure.add_hline(
        y=value,
        line={"color": theme.QUIET, "dash": "dot"},
        annotation_text="guessing",
        annotation_position="top right",
    )


def _styled(figure: go.Figure, steps: int) -> go.Figure:
    figure.update_xaxes(title="step", range=[0, 1.02 * steps], tickformat=",")
    return theme.style(figure, height=300, legend=True, saveable=True)
