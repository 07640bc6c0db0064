"""The page's jobs: drawn while they run; what they found is kept for as long as the visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import streamlit as st

from convviz import formatting
from convviz.features.dead import DeadStep
from convviz.features.occlusion import OcclusionStep
from convviz.features.synthesis import SynthesisStep
from convviz.features.top_patches import TopPatchesStep
from convviz.jobs.job import JobView
from convviz.ui import jobs
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Entry

Step = TopPatchesStep | OcclusionStep | SynthesisStep | DeadStep
AnyStep = TypeVar("AnyStep", TopPatchesStep, OcclusionStep, SynthesisStep, DeadStep)

_KEPT = 12


@dataclass(frozen=True)
class About:
    """What a job is about; whoever asks for the same thing again can use its result.

    Attributes:
        question: What was asked.
        network: The network's name.
        weights: Where its weights are from.
        layer: Dotted name of the layer; empty for all layers.
        settings: What else the answer depends on.
        images: What the set of images is called, where there is one; what is in it is among the
            settings.
    """

    question: Literal["top patches", "dead", "occlusion", "synthesis"]
    network: str
    weights: str
    layer: str = ""
    settings: tuple[str, ...] = ()
    images: str = field(default="", compare=False)


def open_jobs() -> tuple[PageJobs, JobView | None]:
    """Return the page's jobs, and the one that it shows; what an ended job found is kept."""
    page_jobs = jobs.page_jobs("activations")
    view = page_jobs.find()
    if view is not None:
        _keep(view)
    return page_jobs, view


def draw(page_jobs: PageJobs, view: JobView | None) -> None:
    """Draw the job that is under way, or why the last one failed or ended early."""
    if view is not None:
        page_jobs.show(view, live=lambda view: _live, small=True)


def _live(view: JobView) -> None:
    """Draw a job that runs; called about once a second, so nothing here may be heavy."""
    step: Step = view.newest
    parts = (_progress_text(step), _left(view, step.fraction))
    st.progress(step.fraction, text=" · ".join(filter(None, parts)))
    if isinstance(step, SynthesisStep):
        st.image(step.picture, width=320, output_format="PNG", alt="The image so far")


def _left(view: JobView, fraction: float) -> str:
    """Say how long a job will still take, judged by the part that is done."""
    if view.stopping:
        return "stopping"
    if not 0 < fraction < 1 or view.seconds < 1:
        return ""
    left = view.seconds * (1 - fraction) / fraction
    return f"{formatting.say_seconds(left)} left"


def _progress_text(step: Step) -> str:
    match step:
        case TopPatchesStep(done=done, total=total) | DeadStep(done=done, total=total):
            return f"{done} of {total} pictures"
        case OcclusionStep(done=done, total=total):
            return f"{done} of {total} places covered"
        case SynthesisStep(step=number, total=total):
            return f"Step {number} of {total}"


def _keep(view: JobView) -> None:
    """Keep what an ended job found; half an occlusion or half a count would mislead."""
    step: Step | None = view.newest
    if view.live or step is None:
        return
    if step.fraction < 1 and not isinstance(step, TopPatchesStep | SynthesisStep):
        return
    results = _results()
    results.pop(view.about, None)
    results[view.about] = step
    while len(results) > _KEPT:
        results.pop(next(iter(results)))


def find(about: About, kind: type[AnyStep]) -> AnyStep | None:
    """Return the result that is filed under `about`; None where there is none.

    Args:
        about: What it is about.
        kind: The class of the work's steps.
    """
    step = _results().get(about)
    return step if isinstance(step, kind) else None


def results() -> Mapping[About, Step]:
    """Return all results that are kept, the newest last."""
    return _results()


def _results() -> dict[About, Step]:
    kept: dict[About, Step] = st.session_state.setdefault(Entry.RESULTS, {})
    return kept
