"""Step 3: the training while it runs."""

from __future__ import annotations

from convviz.jobs.job import JobView
from convviz.learning.transfer import TransferProgress, train_transfer
from convviz.ui import jobs
from convviz.ui.choice import Choice
from convviz.ui.jobs import PageJobs
from convviz.ui.transfer import result
from convviz.ui.transfer.plan import Wanted

_PHASES = {
    "reading": "Reading the pictures",
    "encoding": "Computing the frozen encoder's features, once",
    "training": "Training",
    "done": "Done",
}


def start_button(page_jobs: PageJobs, wanted: Wanted | None, view: JobView | None) -> None:
    """Draw the button that starts what the settings say."""
    page_jobs.start_button(
        "Train", view, ready=wanted is not None, on_click=_start, args=(page_jobs, wanted)
    )


def draw(page_jobs: PageJobs, view: JobView, choice: Choice) -> None:
    """Draw the job, with what can be done about it."""
    page_jobs.show(
        view,
        live=lambda view: _live,
        ended=lambda view: result.draw(page_jobs, view, view.newest, choice),
    )


def _start(page_jobs: PageJobs, wanted: Wanted) -> None:
    seconds = wanted.settings.seconds or 0.0
    page_jobs.start(
        train_transfer,
        title=f"{wanted.plan.network.title} learns {wanted.dataset.name}",
        seconds=seconds * (3 if wanted.compare else 1),
        wanted=wanted.plan,
        dataset=wanted.dataset,
        split=wanted.split,
        settings=wanted.settings,
        compare=wanted.compare,
    )


def _live(view: JobView) -> None:
    """Draw a training that goes on; called about once a second, so nothing here may be heavy."""
    newest: TransferProgress = view.newest
    jobs.progress(view, f"{_PHASES[newest.phase]} · {newest.doing} · {newest.seconds:.0f} s")
    result.curves(newest, "live")
