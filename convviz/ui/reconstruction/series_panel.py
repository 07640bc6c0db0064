"""Several reconstructions side by side: from one network's layers, or from several networks."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from convviz.figures import reconstruction as figures
from convviz.figures import theme
from convviz.jobs import JobView
from convviz.reconstruction import findings
from convviz.reconstruction.views import RunView, SeriesView
from convviz.ui.reconstruction import save
from convviz.ui.reconstruction.run_panel import WAITING, progress_text


def live(view: JobView, series: SeriesView | None) -> None:
    """Draw a series that goes on; called about once a second."""
    if series is None:
        st.progress(0.0, text=WAITING)
        return
    at, run = len(series.runs), series.runs[-1]
    text = f"Picture {at} of {len(series.subjects)}, {run.subject.layer_title}"
    st.progress(
        min(1.0, series.fraction),
        text=f"{text} · {progress_text(run, stopping=view.stopping)}",
    )
    tiles(series)


def ended(series: SeriesView) -> None:
    """Draw what came of a series."""
    tiles(series)
    compares = _compares_networks(series)
    said = findings.what_differs(series.runs) if compares else findings.what_is_lost(series.runs)
    if said:
        st.markdown(said)
    st.caption(
        "The relative error is that of the feature maps at each picture's own layer: 0.10 means "
        "that they differ by 10 % of the length of the original's."
    )
    done = [run for run in series.runs if run.ending]
    if not done:
        return
    save.series_buttons(series, [["x, the original", ""], *map(_lines, done)])
    if len(done) > 1 and not compares:
        st.subheader("What survives", anchor=False)
        figure = figures.survival(
            [run.subject.layer_title for run in done],
            [run.ending.layout if run.ending else None for run in done],
            [run.ending.detail if run.ending else None for run in done],
        )
        st.plotly_chart(figure, config=theme.CONFIG, key="survival")


def tiles(series: SeriesView, originals: Sequence[bytes] = ()) -> None:
    """Draw the original and a tile for each run, those to come as well.

    Args:
        series: The runs so far.
        originals: The image as each run sees it, where no run has begun yet.
    """
    compares = _compares_networks(series)
    originals = [run.original for run in series.runs] or originals
    with st.container(key="series_tiles"):
        if not compares:
            _tile(originals[0], "**x**, the original")
        for i, subject in enumerate(series.subjects):
            run = series.runs[i] if i < len(series.runs) else None
            name = f"{subject.network}, {subject.layer_title}" if compares else subject.layer_title
            picture = run.picture if run else b""
            original = originals[i] if compares and i < len(originals) else b""
            _tile(picture, f"**{name}**  \n{_standing(run)}", above=original)


def _tile(picture: bytes, said: str, *, above: bytes = b"") -> None:
    with st.container(gap="small"):
        if above:
            st.image(above, width="stretch", alt="The original")
        if picture:
            st.image(picture, width="stretch", alt=said.replace("*", "").replace("\n", " "))
        else:
            st.html('<div class="convviz-to-come"></div>')
        st.markdown(said)


def _standing(run: RunView | None) -> str:
    if run is None:
        return "to come"
    if run.relative_error is None:
        return "beginning"
    return f"relative error {run.relative_error:.2f}{'' if run.ending else ', going on'}"


def _lines(run: RunView) -> list[str]:
    said = "" if run.relative_error is None else f"relative error {run.relative_error:.2f}"
    return [f"{run.subject.network}, {run.subject.layer_title}", said]


def _compares_networks(series: SeriesView) -> bool:
    return len({subject.network for subject in series.subjects}) > 1
