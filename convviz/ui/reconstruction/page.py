"""The page: its settings, the job that they start, and the idea behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from convviz.images.encode import png
from convviz.jobs.job import JobView
from convviz.reconstruction import progress
from convviz.reconstruction.progress import Plan, ReconstructionProgress, SeriesProgress
from convviz.ui import cache, jobs
from convviz.ui.choice import Choice
from convviz.ui.components.drawing import drawing
from convviz.ui.how_we_know import how_we_know
from convviz.ui.jobs import PageJobs
from convviz.ui.reconstruction import run as one_run
from convviz.ui.reconstruction import series, settings

_IDEA_TITLE = "The idea: optimise the image, not the weights"
_IDEA = """
What do the feature maps of one layer still know about an image **x**? Make another image **y** from
them: begin with noise, send it through the same network, compare its maps with those of x, and
change y a little so that they come closer; again, some hundred times. In training, the image is
given and the *weights* change; here the weights are given and the ***pixels*** change. Once the
maps are the same, the layer cannot tell y from x: what y shares with x is what the layer still
knows, and where y looks different, the layer has lost what was there. A short run does not get that
far, so each result says how far it is from done.
"""
_SOURCES = (
    "After Mahendran & Vedaldi, *Understanding deep image representations by inverting them* "
    "(2015), and the content term of Gatys, Ecker & Bethge, *Image style transfer using "
    "convolutional neural networks* (2016)."
)


def draw(choice: Choice) -> None:
    """Draw the settings with the start button, and the job or, before the first, the idea."""
    page_jobs = jobs.page_jobs("reconstruction")
    plans, row = settings.plans(choice)
    view = page_jobs.find()
    with row:
        page_jobs.start_button(
            "Start", view, ready=bool(plans), on_click=_start, args=(page_jobs, plans), what="run"
        )
    if view is None:
        _preview(plans)
    else:
        _draw_job(page_jobs, view)
    how_we_know(
        "relative error",
        "psnr",
        "ssim",
        "layout and detail",
        "reconstruction settled",
        "reconstruction loss",
        "reconstruction presets",
    )


def _preview(plans: Sequence[Plan]) -> None:
    """Draw the original, empty tiles for the images to come, and the idea."""
    images, idea = one_run.columns()
    with images:
        if len(plans) == 1:
            slot = one_run.pair(plans[0].subject, png(plans[0].original))
            slot.draw(b"", "**y** will grow here from noise")
        elif plans:
            subjects = tuple(plan.subject for plan in plans)
            series.tiles(SeriesProgress(subjects, ()), [png(plan.original) for plan in plans])
    with idea:
        _draw_idea()
    _explain_idea()


def _draw_idea() -> None:
    svg = Path(__file__).with_name("idea.html").read_text("utf-8")
    drawing(svg, key="reconstruction_idea")


def _explain_idea() -> None:
    with st.container(key="reconstruction_idea_words", gap=None):
        st.markdown(_IDEA)
        st.caption(_SOURCES)


def _draw_job(page_jobs: PageJobs, view: JobView) -> None:
    """Draw the job that waits, runs or has ended, and the idea below it."""
    page_jobs.show(
        view,
        live=_live,
        ended=_ended,
        # The work took longer to stop than it may; its last measurements still come.
        closing="Measuring what came of it…",
        phase=_phase,
        beside=lambda view: _offer_to_continue(page_jobs, view),
    )
    with st.expander(_IDEA_TITLE, icon=":material/lightbulb:"):
        _draw_idea()
        _explain_idea()


def _live(view: JobView) -> Callable[[JobView], None]:
    """Lay out a job that runs; return what draws its newest view."""
    if isinstance(view.newest, SeriesProgress):
        return series.live(view.newest)
    return one_run.live(view.newest)


def _phase(view: JobView) -> object:
    """Return what changes when a running job needs another layout: the run of a series."""
    return len(view.newest.runs) if isinstance(view.newest, SeriesProgress) else None


def _ended(view: JobView) -> None:
    """Draw a job's result."""
    if isinstance(view.newest, SeriesProgress):
        series.ended(view.newest)
    else:
        one_run.ended(view.newest)


def _start(page_jobs: PageJobs, plans: Sequence[Plan]) -> None:
    """Start one reconstruction, or a series of several."""
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
            key="reconstruction_continue",
            disabled=page_jobs.is_busy(view),
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
