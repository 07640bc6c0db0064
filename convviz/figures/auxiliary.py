"""Figures of auxiliary classifiers: gradients by depth, and two trainings beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import floor, isfinite, log10

import plotly.graph_objects as go

from convviz.figures import theme
from convviz.formatting import percent
from convviz.language import later, numeral, tr
from convviz.learning.auxiliary import Moment
from convviz.learning.gradients import LayerGradient

# Name, colour, dash and symbol of each of the two in every figure.
_WITH_HEADS = (later("with the auxiliary losses"), theme.BLUE, "solid", "diamond")
_WITHOUT = (later("main loss alone"), theme.VERMILION, "dash", "circle")


def gradient_norms(stages: Sequence[LayerGradient], heads: Mapping[str, str]) -> go.Figure:
    """Draw the gradient's norm over depth, with and without the auxiliary losses.

    Args:
        stages: From the image to the classes.
        heads: Name of each auxiliary head, and of the stage whose output it reads.
    """
    figure = go.Figure()
    for (message, colour, dash, symbol), values in (
        (_WITHOUT, [stage.without for stage in stages]),
        (_WITH_HEADS, [stage.with_heads for stage in stages]),
    ):
        title = tr(message)
        figure.add_scatter(
            x=[stage.title.removeprefix("inception") for stage in stages],
            y=[value if _can_be_drawn(value) else None for value in values],
            mode="lines+markers",
            name=title,
            line={"color": colour, "width": 3, "dash": dash},
            marker={"size": 9, "symbol": symbol},
            customdata=[[stage.title, numeral(f"{stage.factor:,.3g}")] for stage in stages],
            hovertemplate=f"<b>%{{customdata[0]}}</b><br>{title}: %{{y:.3g}}<br>"
            + tr("with ÷ without: {factor}", factor="%{customdata[1]}")
            + "<extra></extra>",
        )
    _mark_heads(figure, [stage.name for stage in stages], heads)
    theme.style(figure, height=400, legend=True, saveable=True)
    figure.update_xaxes(title=tr("Stage, from the image to the classes"), type="category")
    figure.update_yaxes(title=tr("Gradient norm (log scale)"), type="log", exponentformat="power")
    norms = _nonzero_norms(stages)
    if norms and max(norms) > 50 * min(norms):
        figure.update_yaxes(dtick=1)
    return figure


def gradients(moments: Sequence[Moment], index: int, heads: Mapping[str, str]) -> go.Figure:
    """Draw the gradient's norm over depth at one moment, on a scale that fits all of them.

    Args:
        moments: All that were measured.
        index: Which of them to draw.
        heads: Name of each auxiliary head, and of the stage whose output it reads.
    """
    figure = gradient_norms(moments[index].stages, heads)
    norms = _nonzero_norms([stage for moment in moments for stage in moment.stages])
    if norms:
        low, high = floor(log10(min(norms))), log10(max(norms))
        figure.update_yaxes(range=[low, high + 0.3], dtick=1)
    figure.update_yaxes(title=tr("gradient norm (log scale)"))
    figure.update_xaxes(title=tr("from the image to the classes"))
    figure.update_layout(legend={"traceorder": "reversed"})
    return figure


def losses(moments: Sequence[Moment], guessing: float, steps: int) -> go.Figure:
    """Draw the main classifier's loss of both networks over the steps.

    Args:
        moments: The oldest first.
        guessing: Loss of giving every image the classes' shares.
        steps: Where the axis ends.
    """
    measured = [moment for moment in moments if moment.with_heads.loss is not None]
    figure = go.Figure()
    _add_curves(
        figure,
        [moment.step for moment in measured],
        [moment.with_heads.loss for moment in measured],
        [moment.without.loss for moment in measured],
        tr("step {step}<br>main loss {loss}", step="%{x:,}", loss="%{customdata}"),
        lambda loss: numeral(f"{loss:.3f}"),
    )
    theme.add_level(figure, guessing, tr("guessing"), dash="dot")
    figure.update_yaxes(title=tr("main loss"), rangemode="tozero")
    return _style_curves(figure, steps)


def accuracies(moments: Sequence[Moment], guessing: float, steps: int) -> go.Figure:
    """Draw both networks' accuracy on the validation images over the steps.

    Args:
        moments: The oldest first.
        guessing: Accuracy of guessing.
        steps: Where the axis ends.
    """
    figure = go.Figure()
    _add_curves(
        figure,
        [moment.step for moment in moments],
        [moment.with_heads.validation.accuracy for moment in moments],
        [moment.without.validation.accuracy for moment in moments],
        tr("step {step}<br>{share} named correctly", step="%{x:,}", share="%{customdata}"),
        lambda share: percent(share, 1),
    )
    theme.add_level(figure, guessing, tr("guessing"), dash="dot")
    figure.update_yaxes(title=tr("validation accuracy"), range=[0, 1.04], **theme.percent_axis(1))
    return _style_curves(figure, steps)


def _mark_heads(figure: go.Figure, stages: Sequence[str], heads: Mapping[str, str]) -> None:
    """Draw a dotted line with a head's name behind the stage whose output it reads."""
    for head, stage in heads.items():
        if stage in stages:
            x = stages.index(stage) + 0.5
            figure.add_vline(x=x, line={"color": theme.GREY, "dash": "dot", "width": 2})
            figure.add_annotation(
                x=x, y=1, yref="paper", text=head, showarrow=False, xanchor="left", xshift=4
            )


def _can_be_drawn(norm: float) -> bool:
    """Whether a norm has a place on a logarithmic axis: 0 and not-a-number have none."""
    return isfinite(norm) and norm > 0


def _nonzero_norms(stages: Sequence[LayerGradient]) -> list[float]:
    norms = (norm for stage in stages for norm in (stage.without, stage.with_heads))
    return [norm for norm in norms if _can_be_drawn(norm)]


def _add_curves(
    figure: go.Figure,
    steps: Sequence[int],
    with_heads: Sequence[float | None],
    without: Sequence[float | None],
    hover: str,
    write: Callable[[float], str],
) -> None:
    """Draw one curve for each of the two networks; `write` makes what hovering says of a value."""
    for (message, colour, dash, symbol), values in (
        (_WITH_HEADS, with_heads),
        (_WITHOUT, without),
    ):
        title = tr(message)
        figure.add_scatter(
            x=list(steps),
            y=list(values),
            name=title,
            mode="lines+markers",
            line={"color": colour, "width": 2.5, "dash": dash},
            marker={"symbol": symbol, "size": 7},
            customdata=[None if value is None else write(value) for value in values],
            hovertemplate=f"<b>{title}</b><br>{hover}<extra></extra>",
        )


def _style_curves(figure: go.Figure, steps: int) -> go.Figure:
    figure.update_xaxes(title=tr("step"), range=[0, 1.02 * steps], tickformat=",")
    return theme.style(figure, height=300, legend=True, saveable=True)
