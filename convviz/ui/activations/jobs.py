"""A job of the inspector while it is under way."""

from __future__ import annotations

import streamlit as st

from convviz import formatting
from convviz.features.dead import DeadStep
from convviz.features.occlusion import OcclusionStep
from convviz.features.progress import Run, dead_run, occlusion_run, stimuli_run, synthesis_run
from convviz.features.synthesis import SynthesisStep
from convviz.features.top_patches import TopPatchesStep
from convviz.jobs.job import JobView
from convviz.ui import jobs as page_jobs
from convviz.ui.keys import Entry


def draw(desk: page_jobs.PageJobs, view: JobView | None) -> None:
    """Draw the job that is under way, or why the last one failed."""
    if view is None:
        return
    if view.error:
        st.error(view.error, icon=":material/error:")
    if not view.live:
        if view.note:
            st.info(view.note, icon=":material/timer:")
        return
    with st.container(horizontal=True, vertical_alignment="center", key="inspector_job"):
        st.markdown(f"**{view.title}**")
        st.button(
            "Stop",
            icon=":material/stop:",
            key="stop_inspector",
            disabled=view.stopping,
            on_click=desk.stop,
            args=(view.id,),
        )
    desk.watch(view, _live)


def _live(view: JobView) -> None:
    if view.state == "queued":
        page_jobs.waiting(view)
        return
    run: Run | None = view.newest
    fraction = 0.0 if run is None else run.fraction
    st.progress(fraction, text=" · ".join(filter(None, (_said(run), _left(view, fraction)))))
    if run is not None and isinstance(run.step, SynthesisStep):
        st.image(run.step.picture, width=320, output_format="PNG", alt="The image so far")


def _left(view: JobView, fraction: float) -> str:
    """Say how long it will take, as far as what is done tells."""
    if view.stopping:
        return "stopping"
    if not 0 < fraction < 1 or view.seconds < 1:
        return ""
    left = view.seconds * (1 - fraction) / fraction
    return f"{formatting.say_seconds(left)} left"


def _said(run: Run | None) -> str:
    match run.step if run else None:
        case TopPatchesStep(done=done, total=total) | DeadStep(done=done, total=total):
            return f"{done} of {total} pictures"
        case OcclusionStep(done=done, total=total):
            return f"{done} of {total} places covered"
        case SynthesisStep(step=step, total=total):
            return f"Step {step} of {total}"
    return "Getting ready…"


_KEPT = 12


def keep(view: JobView) -> None:
    """Keep what an ended job found; half an occlusion or half a count would mislead."""
    run = view.newest
    if view.live or not isinstance(run, Run):
        return
    if run.fraction < 1 and not isinstance(run.step, TopPatchesStep | SynthesisStep):
        return
    held = _held()
    held.pop(run.subject, None)
    held[run.subject] = run
    while len(held) > _KEPT:
        held.pop(next(iter(held)))


def find(subject: tuple[str, ...]) -> Run | None:
    """Return what was found about a subject."""
    return _held().get(subject)


def every(*start: str) -> tuple[Run, ...]:
    """Return what was found about all subjects that begin like this, the newest last."""
    return tuple(run for subject, run in _held().items() if subject[: len(start)] == start)


def _held() -> dict[tuple[str, ...], Run]:
    held: dict[tuple[str, ...], Run] = st.session_state.setdefault(Entry.RESULTS, {})
    return held


_WORKS = (stimuli_run, dead_run, occlusion_run, synthesis_run)


def open_desk() -> tuple[page_jobs.PageJobs, JobView | None]:
    """Return the desk, and the job that it shows; what an ended job found is kept."""
    desk = page_jobs.desk("inspector", *_WORKS)
    view = desk.find()
    if view is not None:
        keep(view)
    return desk, view
