"""Figures of the page Transfer learning: losses, accuracies, confusions."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from convviz.figures import theme
from convviz.formatting import percent
from convviz.language import later, tr
from convviz.learning.separation import Separation
from convviz.learning.significance import interval
from convviz.plain_text import plain_html


def curves(
    epochs: Sequence[int], training: Sequence[float | None], validation: Sequence[float]
) -> go.Figure:
    """Draw the loss of training and validation pictures over the epochs.

    Args:
        epochs: Numbers of the epochs.
        training: Mean loss while each was trained; None before the first.
        validation: Loss at the end of each.
    """
    figure = go.Figure()
    for index, (name, values, hover) in enumerate(
        (
            (tr("training"), training, later("epoch {epoch}<br>training loss {loss}")),
            (tr("validation"), validation, later("epoch {epoch}<br>validation loss {loss}")),
        )
    ):
        figure.add_scatter(
            x=list(epochs),
            y=list(values),
            name=name,
            mode="lines+markers",
            line={"color": theme.series(index), "width": 2.5, "dash": ("solid", "dot")[index]},
            marker={"symbol": ("circle", "square")[index], "size": 7},
            hovertemplate=tr(hover, epoch="%{x}", loss="%{y:.3f}") + "<extra></extra>",
        )
    figure.update_xaxes(title=tr("epoch"), rangemode="tozero", dtick=_whole(epochs))
    figure.update_yaxes(title=tr("loss"), rangemode="tozero")
    return theme.style(figure, height=260, legend=True)


def _whole(epochs: Sequence[int]) -> int | None:
    """Keep the ticks of a few epochs from falling between them; None lets plotly choose."""
    return 1 if max(epochs, default=0) <= 10 else None


def accuracies(epochs: Sequence[int], shares: Sequence[float], guessing: float) -> go.Figure:
    """Draw the share of validation pictures classified correctly over the epochs, beside guessing.

    Args:
        epochs: Numbers of the epochs.
        shares: In 0…1, at the end of each.
        guessing: What always naming the largest class would give, in 0…1.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=list(epochs),
        y=list(shares),
        mode="lines+markers",
        line={"color": theme.GREEN, "width": 2.5},
        showlegend=False,
        customdata=[percent(share, 1) for share in shares],
        hovertemplate=tr(
            "epoch {epoch}<br>{share} classified correctly", epoch="%{x}", share="%{customdata}"
        )
        + "<extra></extra>",
    )
    theme.add_level(figure, guessing, tr("always the largest class"))
    figure.update_xaxes(title=tr("epoch"), rangemode="tozero", dtick=_whole(epochs))
    figure.update_yaxes(title=tr("validation accuracy"), range=[0, 1.04], **theme.percent_axis(1))
    return theme.style(figure, height=280, legend=True)


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> go.Figure:
    """Draw how many pictures of each class were taken for which.

    Args:
        classes: Their names.
        counts: Rows are the pictures' classes, columns what they were taken for.
    """
    names = [plain_html(name) for name in classes]
    figure = go.Figure(
        go.Heatmap(
            z=[list(row) for row in counts],
            x=names,
            y=names,
            text=[[str(value) if value else "" for value in row] for row in counts],
            texttemplate="%{text}" if len(classes) <= 15 else None,
            colorscale=[[0, "#e3eaf0"], [1, theme.BLUE]],
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate=tr(
                "{label} taken for {other}: {count}", label="%{y}", other="%{x}", count="%{z}"
            )
            + "<extra></extra>",
        )
    )
    figure.update_xaxes(title=tr("taken for"))
    figure.update_yaxes(title=tr("is"), autorange="reversed")
    return theme.style(figure, height=max(240, min(640, 120 + 36 * len(classes))))


def compared(names: Sequence[str], shares: Sequence[float], seconds: Sequence[float]) -> go.Figure:
    """Draw the accuracies of several trainings as bars with their names above them.

    Args:
        names: Of the trainings, from top to bottom.
        shares: In 0…1.
        seconds: How long each took.
    """
    rows = list(range(len(names)))
    figure = go.Figure(
        go.Bar(
            y=rows,
            x=list(shares),
            orientation="h",
            width=0.42,
            marker={"color": [theme.series(row) for row in rows]},
            text=[f"<b>{percent(share, 1)}</b>" for share in shares],
            textposition="auto",
            insidetextfont={"color": "white"},
            hoverinfo="skip",
        )
    )
    for row, name, duration in zip(rows, names, seconds, strict=True):
        # Beside the bars the names would leave no room for them on a phone.
        figure.add_annotation(
            x=0,
            y=row - 0.24,
            text=f"{plain_html(name)} · {duration:.0f} s",
            showarrow=False,
            xanchor="left",
            yanchor="bottom",
        )
    figure.update_xaxes(range=[0, 1], title=tr("accuracy"), **theme.percent_axis(1))
    figure.update_yaxes(range=[len(names) - 0.5, -0.75], showticklabels=False, showgrid=False)
    return theme.style(figure, height=90 + 66 * len(names))


# Of the trained and of the untrained encoder: how classes are told apart, the legend's entry, and
# what hovering says.
_PROBES = (
    (
        ("linear", later("trained, linear probe"), later("trained encoder, linear probe: {share}")),
        ("mean", later("trained, class mean"), later("trained encoder, class mean: {share}")),
    ),
    (
        (
            "linear",
            later("untrained, linear probe"),
            later("untrained encoder, linear probe: {share}"),
        ),
        ("mean", later("untrained, class mean"), later("untrained encoder, class mean: {share}")),
    ),
)


def separation(separation: Separation) -> go.Figure:
    """Draw how well each stage separates the classes: trained and untrained, beside guessing.

    Args:
        separation: The accuracies; their 95 % intervals are drawn as bars.
    """
    figure = go.Figure()
    titles = [plain_html(each.layer.title) for each in separation.stages]
    count, different = len(separation.indices), len(separation.different)
    trained = [each.answers for each in separation.stages]
    untrained = [each.untrained for each in separation.stages if each.untrained is not None]
    for encoder, answers in enumerate(filter(None, (trained, untrained))):
        for kind, (method, name, hover) in enumerate(_PROBES[encoder]):
            correct = [sum(getattr(each, method)) for each in answers]
            ends = [interval(right, count, different) for right in correct]
            shares = [right / count for right in correct]
            figure.add_scatter(
                x=titles,
                y=shares,
                name=tr(name),
                mode="lines+markers",
                line={
                    "color": theme.series(encoder),
                    "width": (2.5, 1.5)[kind],
                    "dash": ("solid", "dot")[kind],
                },
                marker={"symbol": ("circle", "square")[encoder], "size": (8, 6)[kind]},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [high - y for y, (_, high) in zip(shares, ends, strict=True)],
                    "arrayminus": [y - low for y, (low, _) in zip(shares, ends, strict=True)],
                    "thickness": 1,
                    "width": 3,
                },
                customdata=[
                    [percent(y, 1), percent(low), percent(high)]
                    for y, (low, high) in zip(shares, ends, strict=True)
                ],
                hovertemplate="%{x}<br>"
                + tr(hover, share="%{customdata[0]}")
                + "<br>"
                + tr(
                    "95 % interval {low} to {high}",
                    low="%{customdata[1]}",
                    high="%{customdata[2]}",
                )
                + "<extra></extra>",
            )
    theme.add_level(figure, separation.guessing, tr("always the largest class"))
    figure.update_xaxes(title=tr("stage, from the image on"), type="category")
    figure.update_yaxes(title=tr("accuracy"), range=[0, 1.04], **theme.percent_axis(1))
    return theme.style(figure, height=400, legend=True)
