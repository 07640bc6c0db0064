"""A job of the inspector while it is under way."""

from __future__ import annotations

import streamlit as st

from convviz.features.dead import DeadStep
from convviz.features.occlusion import OcclusionStep
from convviz.features.progress import Run
from convviz.features.synthesis import SynthesisStep
from convviz.features.top_patches import StimuliStep
from convviz.jobs.job import JobView
from convviz.ui import jobs


def draw(desk: jobs.Desk, view: JobView | None) -> None:
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
        jobs.waiting(view)
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
    return f"{jobs.say_seconds(left)} left"


def _said(run: Run | None) -> str:
    match run.step if run else None:
        case StimuliStep(done=done, total=total) | DeadStep(done=done, total=total):
            return f"{done} of {total} pictures"
        case OcclusionStep(done=done, total=total):
            return f"{done} of {total} places covered"
        case SynthesisStep(step=step, total=total):
            return f"Step {step} of {total}"
    return "Getting ready…"
