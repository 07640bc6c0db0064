"""The film of a live training: its images, its curves, and the texts beside them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from convviz import language
from convviz.figures import theme
from convviz.language import again, tr
from convviz.learning.live import LiveProgress
from convviz.learning.snapshots import Maps, Snapshot
from convviz.ui import exports
from convviz.ui.components.film import Chart, Line, Still
from convviz.ui.components.film_pictures import kernels_png, maps_png
from convviz.ui.training import findings


def titles(view: LiveProgress, layer: str) -> tuple[str, str]:
    """Name the two panels."""
    title = maps_of(view.frames[0], layer).layer.title
    return tr("What conv1 looks for"), tr("What {layer} answers", layer=title)


def layers(view: LiveProgress) -> dict[str, str]:
    """Return the titles of the watched layers, by dotted name."""
    return {maps.layer.name: again(maps.layer.title) for maps in view.frames[0].maps}


def maps_of(frame: Snapshot, layer: str) -> Maps:
    """Find one layer's maps in a snapshot."""
    return next(maps for maps in frame.maps if maps.layer.name == layer)


def newest(view: LiveProgress, layer: str) -> tuple[Still, ...]:
    """Make the newest moment."""
    return (_still(view, view.frames[-1], layer),)


def all_stills(job: str, view: LiveProgress, layer: str) -> tuple[Still, ...]:
    """Make every moment of a training that is over."""
    with st.spinner(tr("Developing the film…")):
        return _stills(job, layer, len(view.frames), language.current(), view)


# A film has a few megabytes, and the page needs it again after each click beside it.
@st.cache_resource(max_entries=8, show_spinner=False)
def _stills(
    job: str, layer: str, count: int, language: str, _view: LiveProgress
) -> tuple[Still, ...]:
    return tuple(_still(_view, frame, layer) for frame in _view.frames)


def _still(view: LiveProgress, frame: Snapshot, layer: str) -> Still:
    maps = maps_of(frame, layer)
    kernels, bound = kernels_png(frame)
    return Still(
        label=label(view, frame),
        at=frame.step,
        pictures=(kernels, maps_png(maps)),
        notes=(
            findings.moment_kernels(frame, bound),
            findings.moment_maps(frame, maps, view.probe),
        ),
    )


def end(view: LiveProgress) -> int:
    """Find the moment at which the training ended; the best weights may follow as one more."""
    frames = view.frames
    earlier = len(frames) > 1 and frames[-1].step < frames[-2].step
    return len(frames) - (2 if earlier else 1)


def label(view: LiveProgress, frame: Snapshot) -> str:
    """Name a moment."""
    return findings.label(view, frame, is_back=end(view) < len(view.frames) - 1)


def charts(view: LiveProgress) -> tuple[Chart, ...]:
    """Make the curves."""
    length = max(view.step, 10) if view.outcome is None else view.step
    chance = view.guessing.accuracy
    learning = Chart(
        tr("Loss and accuracy"),
        (
            Line(
                tr("training loss"), [(point.step, point.loss) for point in view.points], theme.BLUE
            ),
            Line(
                tr("validation accuracy"),
                [(check.step, check.accuracy) for check in view.checks],
                theme.VERMILION,
                side="right",
                dash=True,
                marks=True,
            ),
            Line(
                tr("guessing"), [(0, chance), (length, chance)], theme.GREY, side="right", dash=True
            ),
        ),
        left=tr("loss"),
        right=tr("accuracy"),
        length=length,
    )
    empty_and_dead = Chart(
        findings.counted_channels(view),
        (
            Line(
                tr("empty for your image"),
                [(count.step, count.empty) for count in view.counts],
                theme.PURPLE,
            ),
            Line(
                findings.dead_curve(view),
                [(count.step, count.dead) for count in view.counts],
                theme.OLIVE,
                dash=True,
            ),
        ),
        left=tr("channels"),
        top=view.channels * 1.05,
        length=length,
    )
    return learning, empty_and_dead


def table(view: LiveProgress) -> str:
    """Write the curves as CSV, one row for each step that has a number."""
    rows: dict[int, list[object]] = {}

    def put(step: int, column: int, value: object) -> None:
        rows.setdefault(step, [step, None, None, None, None, None])[column] = value

    for point in view.points:
        put(point.step, 1, point.loss)
    for check in view.checks:
        put(check.step, 2, check.loss)
        put(check.step, 3, check.accuracy)
    for count in view.counts:
        put(count.step, 4, count.empty)
        put(count.step, 5, count.dead)
    header = ["step", "training_loss", "validation_loss", "validation_accuracy", "empty", "dead"]
    ordered: Sequence[Sequence[object]] = [rows[step] for step in sorted(rows)]
    return exports.table(header, ordered)
