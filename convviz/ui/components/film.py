"""A film of a training: images at many moments, a slider through them, and curves with a mark.

All moments are in the browser, so that the slider needs no server. Two components, as for the grid
of channels: one receives the images, which are large and seldom change; the other shows them, and
tells Python, a little after the slider has come to rest, which moment is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from convviz.language import tr
from convviz.ui.components import texts
from convviz.ui.components.declare import declare
from convviz.ui.components.store import pack, store
from convviz.ui.keys import Component


@dataclass(frozen=True)
class Still:
    """One moment.

    Attributes:
        label: What to call it, "step 128".
        at: Where it lies on the curves' axis.
        pictures: A PNG for each of the film's panels; empty for none.
        notes: What to say under each.
    """

    label: str
    at: float
    pictures: tuple[bytes, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        name: What it shows.
        points: Its points.
        colour: As "#rrggbb".
        side: Which axis it is read from, "left" or "right".
        dash: Whether it is dotted.
        marks: Whether each point has a mark.
    """

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    side: str = "left"
    dash: bool = False
    marks: bool = False


@dataclass(frozen=True)
class Chart:
    """A figure of curves over the same axis as the moments.

    Attributes:
        title: What it is about.
        lines: Its curves.
        left: Name of the left axis.
        right: Name of the right axis; empty for none. It is in percent.
        across: Name of the axis that runs across; empty for steps.
        top: Highest value of the left axis; None for the largest that is drawn.
        length: Highest value across; None for the largest that is drawn.
    """

    title: str
    lines: tuple[Line, ...]
    left: str
    right: str = ""
    across: str = ""
    top: float | None = None
    length: float | None = None


def film(
    stills: Sequence[Still],
    charts: Sequence[Chart],
    *,
    titles: Sequence[str],
    key: str,
    at: int = -1,
    live: bool = False,
    on_rest: Callable[[int], None] | None = None,
    on_reach: Callable[[], None] | None = None,
) -> None:
    """Show a film.

    Args:
        stills: Its moments, at least one.
        charts: Its curves.
        titles: What each panel shows.
        key: Of the element.
        at: The moment to begin with; -1 for the last.
        live: Whether there is more to come: then there is no slider.
        on_rest: Called with the number of a moment that the visitor has gone to.
        on_reach: Called when the visitor first reaches for the slider while pictures are missing.
    """
    token, message = _pack(stills)
    name = f"{key}_film"

    def rested() -> None:
        rest = st.session_state[name].get("rest")
        if on_rest and isinstance(rest, dict) and rest.get("at") in range(len(stills)):
            on_rest(rest["at"])

    def reached() -> None:
        if on_reach:
            on_reach()

    with st.container(gap=None, key=f"{key}_box"):
        store(key=f"{key}_store", data=message)
        _film(
            key=name,
            data={
                "token": token,
                "titles": list(titles),
                "moments": [{"label": still.label, "at": still.at} for still in stills],
                "charts": [_told(chart) for chart in charts],
                "at": at if at >= 0 else len(stills) - 1,
                "live": live,
                "partial": on_reach is not None and not all(map(_is_whole, stills)),
                "texts": texts.told(Component.FILM),
            },
            on_rest_change=rested,
            on_reach_change=reached,
        )


def _told(chart: Chart) -> dict[str, object]:
    return {**asdict(chart), "across": chart.across or tr("step")}


def _is_whole(still: Still) -> bool:
    return all(still.pictures)


def _pack(stills: Sequence[Still]) -> tuple[str, bytes]:
    """Pack moments for the browser: a token that names them, and the bytes."""
    texts = [{"label": still.label, "at": still.at, "notes": still.notes} for still in stills]
    return pack({"stills": texts}, [still.pictures for still in stills])


_film = declare(Component.FILM, "slider")
