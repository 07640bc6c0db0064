"""The page: its settings, the job that they start, and the idea behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from pathlib import Path

import streamlit as st

from convviz.images.encode import png
from convviz.jobs.job import JobView
from convviz.language import again, later, tr
from convviz.reconstruction import findings, progress
from convviz.reconstruction.progress import (
    AmplifyPlan,
    AmplifyProgress,
    Plan,
    ReconstructionProgress,
    SeriesProgress,
)
from convviz.ui import cache, jobs, state
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.components.drawing import drawing
from convviz.ui.how_we_know import how_we_know
from convviz.ui.jobs import PageJobs
from convviz.ui.reconstruction import amplification, recorded_series, series, settings, view
from convviz.ui.reconstruction import run as one_run

_IDEA_TITLE = later("The idea: optimise the image, not the weights")
_IDEA = later(
    "What do the feature maps of one layer still know about an image **x**? Make another image "
    "**y** from them: begin with noise, send it through the same network, compare its maps with "
    "those of x, and change y a little so that they come closer; again and again. In "
    "training, the image is given and the *weights* change; here the weights are given and the "
    "***pixels*** change. Once the maps are the same, the layer cannot tell y from x: what y "
    "shares with x is what the layer still knows, and where y looks different, the layer has lost "
    "what was there. A short run does not get that far, so each result says how far it is from "
    "done."
)
_SOURCES = later(
    "After Mahendran & Vedaldi, *Understanding deep image representations by inverting "
    "them* (2015), and the content term of Gatys, Ecker & Bethge, *Image style transfer "
    "using convolutional neural networks* (2016)."
)

# The words of the drawing idea.html, by the names that it has for them. Those of two lines stand
# in a narrow box.
_IDEA_WORDS = {
    "label": later(
        "Two images, the original x and the growing y, go through the same network, whose weights "
        "stay fixed. Their feature maps are compared, and the difference changes the pixels of y."
    ),
    "x": later("x, the original"),
    "y": later("y, noise at first"),
    "maps": later("its feature maps"),
    "compare": later("how far apart?"),
    "network_1": later("network,"),
    "network_2": later("up to the layer"),
    "weights_1": later("weights"),
    "weights_2": later("stay fixed"),
    "change": later("change the pixels of y a little, again and again"),
}


def draw(choice: Choice) -> None:
    """Draw the settings with the start button, and a job or, before the first, what comes recorded.

    A job that waits for its turn leaves time to read: all that stands there before it is started
    stays below it.
    """
    page_jobs = jobs.page_jobs("reconstruction", can_share=True)
    mode = view.choose()
    if mode == view.AMPLIFY:
        _draw_amplify(choice, page_jobs)
    else:
        _draw_reconstruct(choice, page_jobs, mode)
    how_we_know(
        "relative error",
        "psnr",
        "ssim",
        "layout and detail",
        "reconstruction settled",
        "reconstruction loss",
        "reconstruction presets",
        "reconstruction step time",
        "recorded series",
        "amplified",
    )


def _draw_amplify(choice: Choice, page_jobs: PageJobs) -> None:
    plan, row = amplification.plan(choice)
    job = page_jobs.find()
    with row:
        page_jobs.start_button(
            tr("Start"),
            job,
            ready=True,
            on_click=amplification.start,
            args=(page_jobs, plan, choice.image),
            what="run",
        )
    if job is not None:
        start = partial(amplification.start, page_jobs, plan, choice.image)
        _draw_job(page_jobs, job, partial(_say_whose, page_jobs, job, [plan], choice.image, start))
    if job is None or job.state == "queued":
        amplification.preview(plan)
    page_jobs.draw_shared(job)


def _draw_reconstruct(choice: Choice, page_jobs: PageJobs, mode: str) -> None:
    plans, row = settings.plans(choice, mode)
    job = page_jobs.find()
    with row:
        page_jobs.start_button(
            tr("Start"),
            job,
            ready=bool(plans),
            on_click=_start,
            args=(page_jobs, plans, choice.image),
            what="run",
        )
    if job is not None:
        start = partial(_start, page_jobs, plans, choice.image)
        _draw_job(page_jobs, job, partial(_say_whose, page_jobs, job, plans, choice.image, start))
    if job is None or job.state == "queued":
        if mode == view.DEPTH:
            recorded_series.draw(choice, lambda: _tiles(plans))
            _draw_idea_below()
        else:
            _preview(plans)
    page_jobs.draw_shared(job)


def _preview(plans: Sequence[Plan]) -> None:
    """Draw the original, empty tiles for the images to come, and the idea."""
    images, idea = one_run.columns()
    with images:
        if len(plans) == 1:
            slot = one_run.pair(plans[0].subject, png(plans[0].original))
            slot.draw(b"", tr("**y** will grow here from noise"))
        else:
            _tiles(plans)
    with idea:
        _draw_idea()
    _explain_idea()


def _tiles(plans: Sequence[Plan]) -> None:
    """Draw the original and an empty tile for each image to come."""
    if plans:
        subjects = tuple(plan.subject for plan in plans)
        series.tiles(SeriesProgress(subjects, ()), [png(plan.original) for plan in plans])


def _draw_idea_below() -> None:
    """Draw the idea below the images of a series."""
    st.header(tr(_IDEA_TITLE), anchor=False)
    drawing_column, words = st.columns(2, gap="large")
    with drawing_column:
        _draw_idea()
    with words:
        _explain_idea()


def _draw_idea() -> None:
    svg = Path(__file__).with_name("idea.html").read_text("utf-8")
    words = {name: escape(tr(text)) for name, text in _IDEA_WORDS.items()}
    drawing(svg.format(**words), key="reconstruction_idea")


def _explain_idea() -> None:
    with st.container(key="reconstruction_idea_words", gap="small"):
        st.markdown(tr(_IDEA))
        st.caption(tr(_SOURCES))


def _say_whose(
    page_jobs: PageJobs,
    job: JobView,
    plans: Sequence[Plan | AmplifyPlan],
    image: ChosenImage,
    start: Callable[[], None],
) -> None:
    """Say so where the pictures of a job are of another image than the one chosen now.

    What went into the same network tells it for sure; where another is chosen, the title does.

    Args:
        page_jobs: The page's jobs.
        job: The job; it has an item.
        plans: What would be started now.
        image: The image that is chosen.
        start: Starts it, from a button's callback.
    """
    made = job.newest.runs[0] if isinstance(job.newest, SeriesProgress) else job.newest
    title = job.about or made.subject.image
    plan = plans[0] if plans else None
    if plan is not None and (plan.subject.network_name, plan.subject.pixels) == (
        made.subject.network_name,
        made.subject.pixels,
    ):
        is_chosen = made.original == png(plan.original)
    else:
        is_chosen = title == image.title
    if is_chosen:
        return
    with st.container(
        horizontal=True, vertical_alignment="center", gap="medium", key="reconstruction_whose"
    ):
        st.markdown(findings.whose(again(title), again(image.title)), width="content")
        if not job.live:
            st.button(
                tr("Start with {image}", image=state.plain(again(image.title))),
                icon=":material/play_arrow:",
                key="reconstruction_start_anew",
                disabled=page_jobs.is_busy(job) or not plans,
                on_click=start,
            )


def _draw_job(page_jobs: PageJobs, job: JobView, say_whose: Callable[[], None]) -> None:
    """Draw the job that waits, runs or has ended, and the idea below it.

    Args:
        page_jobs: The page's jobs.
        job: The job.
        say_whose: Says above its pictures whether they are of another image than the one chosen.
    """

    def live(job: JobView) -> Callable[[JobView], None]:
        say_whose()
        return _live(job)

    def ended(job: JobView) -> None:
        say_whose()
        _ended(job)

    page_jobs.show(
        job,
        live=live,
        ended=ended,
        # The work took longer to stop than it may; its last measurements still come.
        closing=tr("Measuring what came of it…"),
        phase=_phase,
        beside=lambda job: _offer_to_continue(page_jobs, job),
    )
    if job.state == "queued":
        return  # the idea stands open below
    if isinstance(job.newest, AmplifyProgress):
        with st.expander(tr(amplification.IDEA_TITLE), icon=":material/lightbulb:"):
            amplification.explain()
        return
    with st.expander(tr(_IDEA_TITLE), icon=":material/lightbulb:"):
        _draw_idea()
        _explain_idea()


def _live(job: JobView) -> Callable[[JobView], None]:
    """Lay out a job that runs; return what draws its newest view."""
    newest = _named(job)
    if isinstance(newest, SeriesProgress):
        return series.live(newest)
    if isinstance(newest, AmplifyProgress):
        return amplification.live(newest)
    return one_run.live(newest)


def _phase(job: JobView) -> object:
    """Return what changes when a running job needs another layout: the run of a series."""
    return len(job.newest.runs) if isinstance(job.newest, SeriesProgress) else None


def _ended(job: JobView) -> None:
    """Draw a job's result."""
    result = _named(job)
    if isinstance(result, SeriesProgress):
        series.ended(result)
    elif isinstance(result, AmplifyProgress):
        amplification.ended(result)
    else:
        one_run.ended(result)


def _named(job: JobView) -> SeriesProgress | AmplifyProgress | ReconstructionProgress:
    """Return a job's result with its image called as this visitor calls it."""
    result: SeriesProgress | AmplifyProgress | ReconstructionProgress = job.newest
    if job.about is None:
        return result
    if isinstance(result, SeriesProgress):
        return progress.named_series(result, job.about)
    if isinstance(result, AmplifyProgress):
        return progress.named(result, job.about)
    return progress.named(result, job.about)


def _start(page_jobs: PageJobs, plans: Sequence[Plan], image: ChosenImage) -> None:
    """Start one reconstruction, or a series of several, from an image of the sidebar."""
    seconds = sum(plan.config.seconds or 0.0 for plan in plans) or None
    first = plans[0].subject
    if len(plans) == 1:
        title = tr(
            "{image}, from {layer} of {network}",
            image=first.image,
            layer=first.layer_title,
            network=first.network,
        )
        page_jobs.start(
            progress.reconstruct_one,
            title=title,
            seconds=seconds,
            about=first.image,
            images=(image,),
            plan=progress.unnamed(plans[0]),
        )
        return
    networks = {plan.subject.network for plan in plans}
    title = tr(
        "{image}, from {count} layers of {network}",
        image=first.image,
        count=len(plans),
        network=first.network,
    )
    if len(networks) > 1:
        title = tr(
            "{image}, from {networks}",
            image=first.image,
            networks=", ".join(plan.subject.network for plan in plans),
        )
    page_jobs.start(
        progress.reconstruct_series,
        title=title,
        seconds=seconds,
        about=first.image,
        images=(image,),
        plans=tuple(map(progress.unnamed, plans)),
    )


def _offer_to_continue(page_jobs: PageJobs, job: JobView) -> None:
    if isinstance(job.newest, ReconstructionProgress) and job.newest.result:
        st.button(
            tr("Continue from here"),
            icon=":material/resume:",
            key="reconstruction_continue",
            disabled=page_jobs.is_busy(job),
            on_click=_continue,
            args=(page_jobs, job),
            help=tr("Goes on from this picture, for as long as it was set to before."),
        )


def _continue(page_jobs: PageJobs, job: JobView) -> None:
    run = job.newest if job.about is None else progress.named(job.newest, job.about)
    network = cache.network(run.subject.network_name, run.subject.weights_source)
    plan = progress.continuation(network, run)
    page_jobs.start(
        progress.reconstruct_one,
        title=job.title,
        seconds=plan.config.seconds,
        plan=plan,
        before=run,
    )
