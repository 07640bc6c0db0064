"""Step 3: the training while it runs."""

from __future__ import annotations

import streamlit as st

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


def start_button(desk: PageJobs, wanted: Wanted | None, view: JobView | None) -> None:
    """Draw the button that starts what the settings say."""
    desk.start_button("Train", view, ready=wanted is not None, on_click=_start, args=(desk, wanted))


def draw(desk: PageJobs, view: JobView, choice: Choice) -> None:
    """Draw the job, with what can be done about it."""
    desk.heading(view)
    if view.note:
        st.info(view.note, icon=":material/info:")
    if view.live:
        desk.watch(view, _live)
    elif isinstance(view.newest, TransferProgress):
        result.draw(desk, view, view.newest, choice)


def _start(desk: PageJobs, wanted: Wanted) -> None:
    seconds = wanted.settings.seconds or 0.0
    desk.start(
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
    if view.state == "queued":
        jobs.waiting(view)
        return
    newest = view.newest
    if not isinstance(newest, TransferProgress):
        st.progress(0.0, text="Getting ready…")
        return
    said = f"{_PHASES[newest.phase]} · {newest.doing} · {newest.seconds:.0f} s"
    st.progress(newest.fraction, text="Stopping…" if view.stopping else said)
    result.curves(newest, "live")
