"""How the maps of a design grew while it learned: a film with a slider."""

from __future__ import annotations

import streamlit as st

from convviz.figures import theme
from convviz.language import again, current, tr
from convviz.learning.design_results import DesignComparison, DesignFilm, DesignResult
from convviz.learning.snapshots import Snapshot
from convviz.ui import state
from convviz.ui.components.film import Chart, Line, Still, film
from convviz.ui.components.film_pictures import kernels_png, maps_png
from convviz.ui.design import findings


def draw(comparison: DesignComparison) -> None:
    """Draw the film of one design and one layer, which are chosen; nothing where there is none."""
    filmed = {i: each for i, each in enumerate(comparison.results) if each.film is not None}
    if not filmed:
        return
    st.header(tr("While they learned"), anchor=False)
    names = {number: findings.design_label(number, each.name) for number, each in filmed.items()}
    with st.container(horizontal=True, gap="medium", key="design_film_row"):
        number = st.segmented_control(
            tr("Design"),
            list(names),
            format_func=names.__getitem__,
            default=min(names),
            key="design_film_of",
            required=True,
            wrap=True,
        )
        result = filmed[min(names) if number is None else number]
        taken = result.film
        assert taken is not None  # noqa: S101  # as filmed says
        layers = {maps.layer.name: again(maps.layer.title) for maps in taken.frames[0].maps}
        layer = st.segmented_control(
            tr("Feature maps of"),
            list(layers),
            format_func=layers.__getitem__,
            default=next(iter(layers)),
            key=f"design_film_layer_{number}",
            required=True,
            wrap=True,
        )
        layer = layer or next(iter(layers))
    with st.spinner(tr("Developing the film…")):
        stills = _stills(result.source, layer, current(), taken)
    film(
        stills,
        [_curve(result)],
        titles=(
            tr("What the first convolution looks for"),
            tr("What {layer} answers", layer=layers[layer]),
        ),
        key="design_film_shown",
    )
    st.caption(state.plain(findings.filmed(taken)))


# A film takes about half a second, and the page needs it again after each click beside it. Its
# notes are in one language.
@st.cache_resource(max_entries=8, show_spinner=False)
def _stills(source: str, layer: str, language: str, _taken: DesignFilm) -> tuple[Still, ...]:
    return tuple(_still(frame, layer) for frame in _taken.frames)


def _still(frame: Snapshot, layer: str) -> Still:
    maps = next(maps for maps in frame.maps if maps.layer.name == layer)
    kernels, bound = kernels_png(frame)
    return Still(
        label=tr("step {step}", step=frame.step),
        at=frame.seconds,
        pictures=(kernels, maps_png(maps)),
        notes=(findings.film_kernels(bound) if kernels else "", findings.film_maps(maps)),
    )


def _curve(result: DesignResult) -> Chart:
    """Make the curve of the training that was filmed."""
    run = result.complete[0]
    points = [(point.seconds, point.accuracy) for point in run.points]
    return Chart(
        tr("Validation accuracy"),
        (Line(tr("validation accuracy"), points, theme.VERMILION, marks=True),),
        left=tr("share classified correctly"),
        across=tr("seconds"),
        top=1.0,
    )
