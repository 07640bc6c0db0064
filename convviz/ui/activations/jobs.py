"""The page's jobs: drawn while they run; their results are kept for as long as the visit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import streamlit as st

from convviz.features.dead import DeadStep
from convviz.features.occlusion import OcclusionStep
from convviz.features.synthesis import SynthesisStep
from convviz.features.top_patches import TopPatchesStep
from convviz.jobs.job import JobView, Work
from convviz.language import again, tr
from convviz.networks.network import Network
from convviz.structure.layers import Layer
from convviz.ui import jobs
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Entry

Question = Literal["top patches", "dead", "occlusion", "synthesis"]
Step = TopPatchesStep | OcclusionStep | SynthesisStep | DeadStep
AnyStep = TypeVar("AnyStep", TopPatchesStep, OcclusionStep, SynthesisStep, DeadStep)

_KEPT = 12  # results


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

    question: Question
    network: str
    weights: str
    layer: str = ""
    settings: tuple[str, ...] = ()
    images: str = field(default="", compare=False)

    @classmethod
    def of(
        cls,
        question: Question,
        network: Network,
        layer: Layer | None,
        *settings: str,
        images: str = "",
    ) -> About:
        """Describe a question about a layer of a network; None for all layers."""
        layer_name = "" if layer is None else layer.name
        return cls(question, network.name, network.weights.source, layer_name, settings, images)

    def is_about(self, network: Network) -> bool:
        """Tell whether it is about this network with these weights."""
        return (self.network, self.weights) == (network.name, network.weights.source)


def open_jobs() -> tuple[PageJobs, JobView | None]:
    """Return the page's jobs, and the one that it shows; the result of an ended job is kept."""
    page_jobs = jobs.page_jobs("activations", can_share=True, holds="nothing")
    job = page_jobs.find()
    if job is not None and not job.handed_on:
        _keep_result(job)
    return page_jobs, job


def start_button(
    page_jobs: PageJobs,
    job: JobView | None,
    work: Work,
    *,
    key: str,
    is_done: bool = False,
    help: str | None = None,
    **arguments: Any,
) -> None:
    """Draw the button that starts a job; one job at a time.

    Args:
        page_jobs: The page's jobs.
        job: The one that the page shows.
        work: The work function.
        key: The widget's key.
        is_done: Whether there is a result already, so that nothing is left to start.
        help: What to say when the button is pointed at.
        arguments: Handed to `PageJobs.start`.
    """
    st.button(
        tr("Start"),
        type="primary",
        icon=":material/play_arrow:",
        key=key,
        disabled=is_done or page_jobs.is_busy(job),
        help=help,
        on_click=page_jobs.start,
        args=(work,),
        kwargs=arguments,
    )


def draw(page_jobs: PageJobs, job: JobView | None) -> None:
    """Draw the job that is under way, or why the last one failed or ended early."""
    if job is not None and not job.handed_on:
        note = None if job.live else ended_note(job.note, job.newest)
        page_jobs.show(job, live=lambda job: _draw_live, small=True, note=note)


def ended_note(note: str, step: Step | None) -> str:
    """Say how a job ended; it says nothing of a result where none is shown.

    Args:
        note: The job's own note; empty if it ran to its end.
        step: Its last step; None if it ended before the first.
    """
    if not note or _is_worth_keeping(step):
        return again(note)
    if step is None:
        return tr("It ended before its first step, so there is nothing to show.")
    if isinstance(step, OcclusionStep):
        return tr(
            "It ended early, {progress}: half of this occlusion would mislead, so nothing "
            "of it is shown.",
            progress=_progress_text(step),
        )
    return tr(
        "It ended early, {progress}: half of this count would mislead, so nothing of it is shown.",
        progress=_progress_text(step),
    )


def _is_worth_keeping(step: Step | None) -> bool:
    """Whether a job's last step is a result; half an occlusion or half a count would mislead."""
    if step is None:
        return False
    return step.fraction >= 1 or isinstance(step, TopPatchesStep | SynthesisStep)


def find(about: About, kind: type[AnyStep]) -> AnyStep | None:
    """Return the result that is filed under `about`; None where there is none.

    Args:
        about: What it is about.
        kind: The class of the work's steps.
    """
    step = results().get(about)
    return step if isinstance(step, kind) else None


def results() -> dict[About, Step]:
    """Return all results that are kept, the newest last."""
    kept: dict[About, Step] = st.session_state.setdefault(Entry.RESULTS, {})
    return kept


def _keep_result(job: JobView) -> None:
    """Keep the result of an ended job."""
    step: Step | None = job.newest
    if job.live or step is None or not _is_worth_keeping(step):
        return
    kept = results()
    kept.pop(job.about, None)
    kept[job.about] = step
    while len(kept) > _KEPT:
        kept.pop(next(iter(kept)))


def _draw_live(job: JobView) -> None:
    """Draw a job that runs; called about once a second, so nothing here may be heavy."""
    step: Step = job.newest
    left = tr("stopping") if job.stopping else jobs.time_left(step.fraction, job.seconds)
    parts = (_progress_text(step), left)
    st.progress(step.fraction, text=" · ".join(filter(None, parts)))
    if isinstance(step, SynthesisStep):
        st.image(step.picture, width=320, output_format="PNG", alt=tr("The image so far"))


def _progress_text(step: Step) -> str:
    match step:
        case TopPatchesStep(done=done, total=total) | DeadStep(done=done, total=total):
            return tr("{done} of {total} pictures", done=done, total=total)
        case OcclusionStep(done=done, total=total):
            return tr("{done} of {total} places covered", done=done, total=total)
        case SynthesisStep(step=number, total=total):
            return tr("Step {number} of {total}", number=number, total=total)
