"""The page's jobs: drawn while they run; their results are kept for as long as the visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from convviz.features.class_target import ClassTarget
from convviz.jobs.job import JobView, Work
from convviz.language import again, tr
from convviz.ui import jobs
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Entry

AnyStep = TypeVar("AnyStep")

_KEPT = 12  # results


@dataclass(frozen=True)
class JobSubject:
    """What a job is about; whoever asks for the same thing again can use its result."""

    question: str
    image: str
    network: str
    weights: str
    target: ClassTarget
    settings: tuple[str, ...] = ()

    @classmethod
    def of(cls, question: str, choice: Choice, target: ClassTarget, *settings: str) -> JobSubject:
        """Describe a question about a class."""
        network = choice.network
        names = (choice.image.sha256, network.name, network.weights.source)
        return cls(question, *names, target, settings)


@dataclass(frozen=True)
class Runs:
    """The page's jobs and the one that it shows."""

    page_jobs: PageJobs
    job: JobView | None

    def result(
        self,
        about: JobSubject,
        kind: type[AnyStep],
        work: Work,
        *,
        title: str,
        what: str,
        key: str,
        images: Sequence[ChosenImage],
        **arguments: Any,
    ) -> AnyStep | None:
        """Return the result that is filed under `about`; offer to start the work where none is.

        Args:
            about: What it is about.
            kind: The class of the work's steps.
            work: The work function.
            title: The job's name for the visitor.
            what: What will be done, beside the button.
            key: The button's key.
            images: The images of the sidebar that it is made from.
            arguments: Handed to the work.
        """
        step = _results().get(about)
        if isinstance(step, kind):
            return step
        is_running = self.job is not None and self.job.live and self.job.about == about
        if not is_running:
            with st.container(horizontal=True, vertical_alignment="center", key=f"{key}_row"):
                st.button(
                    tr("Start"),
                    type="primary",
                    icon=":material/play_arrow:",
                    key=key,
                    disabled=self.page_jobs.is_busy(self.job),
                    on_click=self.page_jobs.start,
                    args=(work,),
                    kwargs={"title": title, "about": about, "images": images, **arguments},
                )
                st.caption(what, width="content")
        return None

    def draw(self) -> None:
        """Draw the job that is under way, or why the last one failed or ended early."""
        if self.job is None:
            return
        note = None if self.job.live else again(self.job.note)
        self.page_jobs.show(self.job, live=lambda job: _draw_live, small=True, note=note)


def open_jobs() -> Runs:
    """Return the page's jobs; the result of one that has ended is kept."""
    page_jobs = jobs.page_jobs("evidence")
    job = page_jobs.find()
    if job is not None and not job.live and job.newest is not None and job.newest.fraction >= 1:
        kept = _results()
        kept.pop(job.about, None)
        kept[job.about] = job.newest
        while len(kept) > _KEPT:
            kept.pop(next(iter(kept)))
    return Runs(page_jobs, job)


def _results() -> dict[JobSubject, Any]:
    kept: dict[JobSubject, Any] = st.session_state.setdefault(Entry.EVIDENCE_RESULTS, {})
    return kept


def _draw_live(job: JobView) -> None:
    """Draw a job that runs; called about once a second, so nothing here may be heavy."""
    fraction = job.newest.fraction
    left = tr("stopping") if job.stopping else jobs.time_left(fraction, job.seconds)
    st.progress(fraction, text=left or tr("under way"))
