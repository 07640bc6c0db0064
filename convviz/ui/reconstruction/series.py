"""Several reconstructions side by side: from one network's layers, or from several networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from convviz.figures import reconstruction as figures
from convviz.figures import theme
from convviz.jobs.job import JobView
from convviz.language import again, tr
from convviz.plain_text import plain
from convviz.reconstruction import findings
from convviz.reconstruction.progress import ReconstructionProgress, SeriesProgress, Subject
from convviz.ui import charts
from convviz.ui.reconstruction import exports
from convviz.ui.reconstruction.run import ImageSlot, progress_text


def live(series: SeriesProgress) -> Callable[[JobView], None]:
    """Lay out a series that goes on.

    Returns:
        A function that draws the series' newest view into that layout, as long as no other run
        begins. On a cluster several runs go on at a time.
    """
    progress = st.empty()
    slots = tiles(series)
    going_on = [index for index, run in enumerate(series.runs) if not run.result]

    def draw(view: JobView) -> None:
        now: SeriesProgress = view.newest
        number = next((i for i in going_on if not now.runs[i].result), len(now.runs) - 1) + 1
        run = now.runs[number - 1]
        text = tr(
            "Picture {number} of {count}, {layer}",
            number=number,
            count=len(now.subjects),
            layer=plain(run.subject.layer_title),
        )
        left = findings.series_left(now.seconds_left) if len(now.subjects) > 1 else None
        text += f" · {progress_text(run, stopping=view.stopping, left=left)}"
        progress.progress(min(1.0, now.fraction), text=text)
        for index in going_on:
            slots[index].draw(now.runs[index].image, _caption(now, index))

    return draw


def ended(series: SeriesProgress, *, about: str = "") -> None:
    """Draw the results of a series.

    Args:
        series: The series.
        about: What else is to be said of all images; empty for nothing.
    """
    tiles(series)
    compares = _compares_networks(series)
    text = findings.what_differs(series.runs) if compares else findings.what_is_lost(series.runs)
    if text:
        st.markdown(text)
    st.caption(
        tr(
            "The relative error is that of the feature maps at each picture's own layer: "
            "0.10 means that they differ by 10 % of the length of the original's."
        )
    )
    if about:
        st.caption(about)
    done = [run for run in series.runs if run.result]
    if not done:
        return
    exports.series_buttons(series, [[tr("x, the original"), ""], *map(_lines, done)])
    if len(done) > 1 and not compares:
        st.header(tr("Agreement with the original"), anchor=False)
        figure = figures.survival(
            [run.subject.layer_title for run in done],
            [run.result.layout if run.result else None for run in done],
            [run.result.detail if run.result else None for run in done],
        )
        charts.draw(figure, config=theme.CONFIG, key="reconstruction_survival")


def tiles(series: SeriesProgress, originals: Sequence[bytes] = ()) -> list[ImageSlot]:
    """Draw the original and a tile for each run, also for runs that have not begun.

    Args:
        series: The runs so far.
        originals: The image as each run sees it, where no run has begun yet.

    Returns:
        The slot of each run's image. That of a run that goes on is left empty.
    """
    compares = _compares_networks(series)
    originals = [run.original for run in series.runs] or originals
    slots = []
    with st.container(key="reconstruction_tiles"):
        if not compares:
            _tile().draw(originals[0], _original(series.subjects[0]))
        for i in range(len(series.subjects)):
            slot = _tile(originals[i] if compares and i < len(originals) else b"")
            run = series.runs[i] if i < len(series.runs) else None
            if run is None or run.result:
                slot.draw(run.image if run else b"", _caption(series, i))
            slots.append(slot)
    return slots


def _original(subject: Subject) -> str:
    """Name the original by its image, where that has a name."""
    if not subject.image:
        return tr("**x**, the original")
    return tr("**x**, the original: {image}", image=plain(again(subject.image)))


def _tile(above: bytes = b"") -> ImageSlot:
    with st.container(gap="small"):
        if above:
            st.image(above, width="stretch", alt=tr("The original"), output_format="PNG")
        return ImageSlot(st.empty(), st.empty())


def _caption(series: SeriesProgress, index: int) -> str:
    """Name a tile and say how its run stands."""
    subject = series.subjects[index]
    run = series.runs[index] if index < len(series.runs) else None
    name = plain(subject.layer_title)
    if _compares_networks(series):
        name = f"{plain(subject.network)}, {name}"
    if run is None:
        return tr("**{name}**  \nto come", name=name)
    if run.relative_error is None:
        return tr("**{name}**  \nbeginning", name=name)
    if run.result is None:
        return tr("**{name}**  \n{error}, going on", name=name, error=_error(run))
    return f"**{name}**  \n{_error(run)}"


def _lines(run: ReconstructionProgress) -> list[str]:
    return [f"{run.subject.network}, {again(run.subject.layer_title)}", _error(run)]


def _error(run: ReconstructionProgress) -> str:
    if run.relative_error is None:
        return ""
    return tr(
        "relative error {error}",
        error=findings.error_text(run.relative_error, is_silent=run.is_silent),
    )


def _compares_networks(series: SeriesProgress) -> bool:
    return len({subject.network for subject in series.subjects}) > 1
