"""The page's job: start it, and draw it whether it waits, runs or has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from convviz.images.encode import png
from convviz.jobs.job import JobView
from convviz.reconstruction import progress
from convviz.reconstruction.progress import Plan, ReconstructionProgress, SeriesProgress
from convviz.ui import cache
from convviz.ui.components.drawing import drawing
from convviz.ui.jobs import PageJobs
from convviz.ui.reconstruction import run as run_panel
from convviz.ui.reconstruction import series

_WORDS = """
What do the feature maps of one layer still know about an image **x**? Make another image **y** from
them: begin with noise, send it through the same network, compare its maps with those of x, and
change y a little so that they come closer; again, some hundred times. In training, the image is
given and the *weights* change; here the weights are given and the ***pixels*** change. What y
shares with x in the end is what the layer still knows. Where y looks different although its maps
are almost the same, the layer cannot tell the two apart: that is what it has thrown away.
"""


_SOURCES = (
    "After Mahendran & Vedaldi, *Understanding deep image representations by inverting them* "
    "(2015), and the content term of Gatys, Ecker & Bethge, *Image style transfer using "
    "convolutional neural networks* (2016)."
)


TITLE = "The idea: optimise the image, not the weights"


def drawn() -> None:
    """Draw the idea."""
    drawing(Path(__file__).with_name("idea.html").read_text("utf-8"), key="idea")


def told() -> None:
    """Tell the idea in one paragraph."""
    with st.container(key="idea_words", gap=None):
        st.markdown(_WORDS)
        st.caption(_SOURCES)


def start_button(page_jobs: PageJobs, plans: Sequence[Plan], view: JobView | None) -> None:
    """Draw the button that starts what the settings say."""
    page_jobs.start_button(
        "Start", view, ready=bool(plans), on_click=_start, args=(page_jobs, plans), what="run"
    )


def preview(plans: Sequence[Plan]) -> None:
    """Draw what there is before the first run: the images, the places to come, and the idea."""
    pictures, drawing = run_panel.columns()
    with pictures:
        if len(plans) == 1:
            original = png(plans[0].original)
            place = run_panel.pair(plans[0].subject, original)
            place.draw(b"", "**y** will grow here from noise")
        elif plans:
            subjects = tuple(plan.subject for plan in plans)
            series.tiles(SeriesProgress(subjects, ()), [png(plan.original) for plan in plans])
    with drawing:
        drawn()
    told()


def draw(page_jobs: PageJobs, view: JobView) -> None:
    """Draw the job, with what can be done about it."""
    page_jobs.show(
        view,
        live=_live,
        ended=_ended,
        # The work was slower than a stop may take; its last measurements still come.
        closing="Measuring what came of it…",
        phase=_phase,
        beside=lambda view: _offer_to_continue(page_jobs, view),
    )
    with st.expander(TITLE, icon=":material/lightbulb:"):
        drawn()
        told()


def _live(view: JobView) -> Callable[[JobView], None]:
    """Lay out a job that runs; return what draws its newest view."""
    if isinstance(view.newest, SeriesProgress):
        return series.live(view.newest)
    return run_panel.live(view.newest)


def _phase(view: JobView) -> object:
    """Say when a running job needs another layout: for each run of a series."""
    return len(view.newest.runs) if isinstance(view.newest, SeriesProgress) else None


def _ended(view: JobView) -> None:
    """Draw what came of a job."""
    if isinstance(view.newest, SeriesProgress):
        series.ended(view.newest)
    else:
        run_panel.ended(view.newest)


def _start(page_jobs: PageJobs, plans: Sequence[Plan]) -> None:
    seconds = sum(plan.config.seconds or 0.0 for plan in plans) or None
    first = plans[0].subject
    if len(plans) == 1:
        title = f"{first.image}, from {first.layer_title} of {first.network}"
        page_jobs.start(progress.reconstruct_one, title=title, seconds=seconds, plan=plans[0])
        return
    networks = {plan.subject.network for plan in plans}
    title = f"{first.image}, from {len(plans)} layers of {first.network}"
    if len(networks) > 1:
        title = f"{first.image}, from {', '.join(plan.subject.network for plan in plans)}"
    page_jobs.start(progress.reconstruct_series, title=title, seconds=seconds, plans=tuple(plans))


def _offer_to_continue(page_jobs: PageJobs, view: JobView) -> None:
    if isinstance(view.newest, ReconstructionProgress) and view.newest.result:
        st.button(
            "Continue from here",
            icon=":material/resume:",
            key="continue",
            on_click=_continue,
            args=(page_jobs, view),
            help="Goes on from this picture, for as long as it was set to before.",
        )


def _continue(page_jobs: PageJobs, view: JobView) -> None:
    run = view.newest
    network = cache.network(run.subject.network_name, run.subject.weights_source)
    plan = progress.continuation(network, run)
    page_jobs.start(
        progress.reconstruct_one,
        title=view.title,
        seconds=plan.config.seconds,
        plan=plan,
        before=run,
    )
