"""Colours, fonts and margins that all figures share.

The colours are Okabe and Ito's, which colour-blind people tell apart. A colour never carries a
meaning alone: there is always a label, a shape or a position as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Any

import plotly.graph_objects as go

from convviz.formatting import MINUS, short, short_round
from convviz.language import numeral

BLUE = "#0072b2"
VERMILION = "#d55e00"
GREEN = "#009e73"
PURPLE = "#cc79a7"
ORANGE = "#e69f00"
SKY = "#56b4e9"
OLIVE = "#8c6d1f"
GREY = "#8a97a1"

SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, OLIVE)
"""The order in which several things in one figure take their colours."""

NETWORKS = (GREEN, ORANGE, PURPLE, SKY, OLIVE)
"""Colours of networks that are compared; encoders and decoders have blue and vermilion."""

BEFORE_VALUES = "\u2002"
"""Stands before a number beside a bar; Plotly drops a plain space there."""

NEUTRAL = "#74828d"
"""Of what belongs to none of the things that have colours in the figure beside it."""

ACCENT = BLUE
QUIET = GREY

CONFIG = {"displaylogo": False, "displayModeBar": False, "responsive": True, "scrollZoom": False}
"""For `st.plotly_chart`: no tool bar, and a figure never catches the scrolling of the page."""

_GRID = "rgba(128, 145, 158, 0.28)"  # seen on white and on black


def series(index: int) -> str:
    """Return the colour of the index-th thing in a figure, starting again after the last."""
    return SERIES[index % len(SERIES)]


def network(index: int) -> str:
    """Return the colour of the index-th network that there is, the same in every figure."""
    return NETWORKS[index % len(NETWORKS)]


def style(
    figure: go.Figure, *, height: int, legend: bool = False, saveable: bool = False
) -> go.Figure:
    """Set the layout that all figures share.

    Args:
        figure: Changed in place.
        height: In pixels.
        legend: Whether to show a legend, in a row above the plot.
        saveable: Whether it is shown with `save_as`: its button takes the theme's colours, and the
            text is larger, as in a picture that goes onto a slide.

    Returns:
        The same figure.
    """
    shared: dict[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 36 if legend else 12, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": legend,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "font": {"size": 14},
        "hoverlabel": {"font": {"size": 14}, "align": "left"},
        "dragmode": False,
        "bargap": 0.25,
        "separators": numeral(".,"),
    }
    shared["legend"]["title"] = {"text": ""}
    axis: dict[str, Any] = {
        "gridcolor": _GRID,
        "zerolinecolor": _GRID,
        "linecolor": _GRID,
        "automargin": True,
    }
    across, up = axis, axis
    if saveable:
        shared["modebar"] = {"bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": BLUE}
        shared["legend"] |= {"traceorder": "normal", "font": {"size": 15}}
        across = axis | {"tickfont": {"size": 14}, "title": {"font": {"size": 15}}}
        up = axis | {"tickfont": {"size": 15}, "title": {"font": {"size": 15}}}
    layout = figure.layout
    axes = [name for name in layout if re.fullmatch(r"[xy]axis\d*", name)]
    for name in axes:
        shared[name] = across if name.startswith("x") else up
    # plotly's update_layout and update_xaxes come to the same and take eight times as long: they
    # look at every value on its own.
    for name, value in shared.items():
        if isinstance(value, dict):
            layout[name] = _merged(layout[name].to_plotly_json(), value)
        else:
            layout[name] = value
    for trace in figure.data:
        # Its text is the numbers and names that the figure is there for.
        if trace.type in ("bar", "scatter") and trace.text is not None:
            trace.textfont.size = trace.textfont.size or _VALUES
    return figure


def enlarged(figure: go.Figure) -> go.Figure:
    """Return a copy for a projector, with larger text, margins, offsets and height.

    Plotly lays such a figure out for the room that there is, which a page's zoom would cut off.

    Returns:
        Its text has 24 pixels at least.
    """
    larger = go.Figure(_scaled(figure.to_plotly_json()))
    for axis in (*larger.select_xaxes(), *larger.select_yaxes()):
        # Where a figure leaves these sizes to the page's theme, they are the theme's small ones.
        axis.title.font.size = axis.title.font.size or _LEAST_TEXT
        least = _LEAST_BESIDE_POWERS if axis.type == "log" else _LEAST_TEXT
        axis.tickfont.size = max(axis.tickfont.size or 0, least)
    legend = larger.layout.legend
    legend.font.size = legend.font.size or _LEAST_TEXT
    return larger


_LARGER = 1.8
_VALUES = 16  # pixels of text beside bars and points
_LEAST_TEXT = 24  # pixels, read from the back of a room where the screen has 1920
# Plotly writes the 10 of a power a quarter larger, and its exponent 0.7 times as large as that.
_LEAST_BESIDE_POWERS = 28
_OFFSETS = frozenset({"ax", "ay", "xshift", "yshift", "standoff", "ticklen"})


def _scaled(part: Any, name: str = "") -> Any:
    """Enlarge what is a length in pixels in a part of a figure, by the name it stands under."""
    if isinstance(part, list | tuple):
        return [_scaled(each, name) for each in part]
    if isinstance(part, dict):
        return {key: _scaled_value(name, key, value) for key, value in part.items()}
    return part


def _scaled_value(parent: str, name: str, value: Any) -> Any:
    is_number = isinstance(value, int | float)
    if is_number and name == "size" and (parent == "font" or parent.endswith("font")):
        return max(_LEAST_TEXT, round(_LARGER * value))
    if is_number and (
        (name == "height" and parent == "layout")
        or parent == "margin"
        or name in _OFFSETS
        or (name == "size" and parent == "marker")
    ):
        return round(_LARGER * value)
    return _scaled(value, name)


def _merged(present: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return a nested dictionary with the values of another one put in."""
    merged = dict(present)
    for name, value in new.items():
        inside = merged.get(name)
        merged[name] = (
            _merged(inside, value)
            if isinstance(inside, dict) and isinstance(value, dict)
            else value
        )
    return merged


def percent_axis(highest: float, lowest: float = 0.0, *, points: bool = False) -> dict[str, Any]:
    """Return ticks for an axis of shares, written "20 %" as percentages are everywhere else.

    Plotly's own format writes "20%". There are three to seven ticks, at round numbers.

    Args:
        highest: The largest share on the axis.
        lowest: The smallest.
        points: Whether they are differences of shares, in percentage points: "+20".
    """
    ticks = _round_ticks(lowest, highest)
    plus, unit = ("+", "") if points else ("", " %")
    signs = [MINUS if tick < 0 else plus if tick > 0 else "" for tick in ticks]
    texts = [
        numeral(f"{sign}{100 * abs(tick):.10g}{unit}")
        for sign, tick in zip(signs, ticks, strict=True)
    ]
    return {"tickmode": "array", "tickvals": ticks, "ticktext": texts}


def amount_axis(highest: float, *, log: bool = False) -> dict[str, Any]:
    """Return ticks for an axis of large numbers from 0, written "20 M" as they are beside bars.

    Args:
        highest: The largest number on the axis.
        log: Whether the axis is logarithmic: there is a tick at each power of ten.
    """
    if log:
        ticks = [10.0**power for power in range(ceil(log10(max(highest, 1.0))) + 1)]
    else:
        ticks = _round_ticks(0.0, highest)
    texts = [short_round(tick) for tick in ticks]
    return {"tickmode": "array", "tickvals": ticks, "ticktext": texts}


def _round_ticks(lowest: float, highest: float) -> list[float]:
    """Return three to seven round numbers between two."""
    span = max(highest - lowest, 1e-6)
    power = 10.0 ** floor(log10(span))
    step = next(
        power * part for part in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if span <= 6 * power * part
    )
    return [
        step * index
        for index in range(ceil(lowest / step - 1e-9), floor(highest / step + 1e-9) + 1)
    ]


def save_as(name: str) -> dict[str, Any]:
    """Return the options for `st.plotly_chart` that give a figure a button to save it.

    Args:
        name: Of the file, without its ending.
    """
    return CONFIG | {
        "displayModeBar": True,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": "png", "filename": name, "scale": 3},
    }


def hatched(shape: str) -> dict[str, Any]:
    """Return a pattern over a bar's colour, so that colour is not all that tells bars apart.

    Args:
        shape: Plotly's sign of the pattern, "/" or "x"; empty for none.
    """
    return {"shape": shape, "fgcolor": "white", "fillmode": "overlay", "size": 7, "solidity": 0.2}


def add_level(
    figure: go.Figure,
    value: float,
    name: str,
    colour: str = QUIET,
    dash: str = "dash",
    width: float = 2,
) -> None:
    """Draw a level across the plot that results are held against.

    Its name is in the legend: beside the line, results would cross it.

    Args:
        figure: Changed in place; it needs a legend.
        value: Where the level lies on the vertical axis.
        name: For people.
        colour: Of the line.
        dash: How the line is broken, as Plotly calls it.
        width: In pixels; a wide line can be seen behind another that lies on it.
    """
    line = {"color": colour, "dash": dash, "width": width}
    figure.add_hline(y=value, line=line, name=name, showlegend=True)


def beside_bars(texts: Sequence[str]) -> dict[str, int]:
    """Return the margin, in pixels, that texts beside the longest horizontal bar need.

    Args:
        texts: Each may have several lines, as Plotly breaks them.
    """
    longest = max((len(line) for text in texts for line in text.split("<br>")), default=0)
    return {"r": round(24 + 0.56 * _VALUES * longest)}


def add_totals(
    figure: go.Figure,
    titles: Sequence[str],
    totals: Sequence[int],
    texts: Sequence[str] | None = None,
) -> None:
    """Write each total beside its horizontal bar, shortened: "61.1 M".

    Args:
        figure: Changed in place: room is left at the right-hand end.
        titles: The bars.
        totals: Their lengths.
        texts: What to write in place of the totals.
    """
    texts = texts or [short(total) for total in totals]
    figure.update_layout(margin=beside_bars(texts))
    figure.add_scatter(
        y=list(titles),
        x=list(totals),
        mode="text",
        text=[f"{BEFORE_VALUES}{text}".replace("<br>", f"<br>{BEFORE_VALUES}") for text in texts],
        textposition="middle right",
        textfont={"size": _VALUES},
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )
