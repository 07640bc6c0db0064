"""A page's side of long work: start a job, find it again, watch it, stop it.

The job's id stands in the URL, so that a refresh finds it; its owner is the visitor's browser (see
`visitor`), so that a link with the id shows others nothing. A page asks how the job stands from a
fragment that runs about once a second and only while the job is live; such a poll must stay cheap,
because the optimisation it watches runs on the same processor.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from convviz.errors import JobError
from convviz.formatting import say_seconds
from convviz.jobs.job import JobView, Runner, Work
from convviz.jobs.runner import LocalRunner
from convviz.ui import state, visitor
from convviz.ui.errors import errors
from convviz.ui.keys import Entry, Key

_POLL_SECONDS = 1.0


_POLL_SECONDS_WAITING = 2.0  # a queue moves slowly


_CORES_PER_WORKER = 16  # about as many as one optimisation makes good use of


_ELSEWHERE = (
    "The run that this address names is not to be found: it was let go, or it is not yours. "
    "A run opens only in the browser that started it."
)


@st.cache_resource(show_spinner=False)
def runner() -> Runner:
    """Return the server's one runner.

    It works on one optimisation at a time, or on one per 16 processor cores; the environment
    variable CONVVIZ_WORKERS sets another number.
    """
    cores = os.cpu_count() or 1
    asked = os.environ.get("CONVVIZ_WORKERS", "")
    workers = int(asked) if asked.isdigit() and int(asked) else max(1, cores // _CORES_PER_WORKER)

    def share_cores() -> None:
        if workers > 1:
            import torch

            torch.set_num_threads(max(1, cores // workers))

    made = LocalRunner({"compute": workers}, prepare=share_cores)
    atexit.register(made.close)
    return made


@dataclass(frozen=True)
class PageJobs:
    """One page's jobs of one visitor.

    Attributes:
        page: Name of the page; its jobs are remembered under it.
        works: The names of its work functions: jobs of other pages are not shown on it.
        owner: The visitor's secret.
    """

    page: str
    works: tuple[str, ...]
    owner: str

    def start(self, work: Work, *, title: str, seconds: float | None, **arguments: Any) -> None:
        """Queue a job and make it the one the page shows; a refusal is shown by `find`."""
        try:
            job_id = runner().submit(
                work, owner=self.owner, title=title, seconds=seconds, **arguments
            )
        except JobError as error:
            st.session_state[self._key("refusal")] = str(error)
        else:
            self._show(job_id)

    def stop(self, job_id: str) -> None:
        """Ask a job of this visitor to end, also one of another page."""
        with errors():
            runner().stop(job_id, self.owner)

    def show(self, job_id: str) -> None:
        """Make a job of this visitor the one that the page shows; for callbacks."""
        self._show(job_id)

    def clear(self, job_id: str) -> None:
        """Let a job's result go, and show none."""
        with errors():
            runner().forget(job_id, self.owner)
        st.session_state[self._key("id")] = None
        state.write_url(Key.JOB, None)

    def find(self) -> JobView | None:
        """Return the job that the page shows: the URL's, the last one, or one under way.

        Where the URL names a job that is not to be found, or a start was refused, the page says so.
        """
        refusal = st.session_state.pop(self._key("refusal"), "")
        if refusal:
            st.warning(refusal, icon=":material/hourglass_top:")
        arrived = state.visit().link.pop(Key.JOB, None)
        asked = arrived or st.session_state.get(self._key("id"))
        mine = runner().mine(self.owner)
        found = [view for view in mine if view.work in self.works]
        for view in found:
            if view.id == asked:
                self._show(view.id)
                return view
        if asked is not None:
            st.info(_ELSEWHERE, icon=":material/link_off:")
            st.session_state[self._key("id")] = asked
        live = [view for view in found if view.live]
        if live:
            self._show(live[0].id)
            return live[0]
        for view in mine:
            if view.live:
                self._offer_stop(view)
        return None

    def start_button(
        self,
        label: str,
        view: JobView | None,
        *,
        ready: bool,
        on_click: Callable[..., None],
        args: tuple[Any, ...],
        what: str = "training",
    ) -> None:
        """Draw the button that starts what the page's settings say.

        Args:
            label: What stands on it.
            view: The job that the page shows; while it is live, no other can be started.
            ready: Whether the settings name something that can be started.
            on_click: Starts it.
            args: Opaque to `on_click`.
            what: What a job of the page is called.
        """
        live = view is not None and view.live
        st.button(
            label,
            type="primary",
            icon=":material/play_arrow:",
            key="start",
            disabled=live or not ready,
            help=f"Stop the {what} below first." if live else None,
            on_click=on_click,
            args=args,
        )

    def heading(self, view: JobView, *, ended: Callable[[], object] = lambda: None) -> None:
        """Draw a job's title with the button that stops it, and its error, if it has one.

        Args:
            view: The job.
            ended: Draws what stands in the button's place once the job has ended.
        """
        with st.container(horizontal=True, vertical_alignment="center", key="job_heading"):
            st.subheader(state.plain(view.title), anchor=False)
            if view.live:
                st.button(
                    "Leave the queue" if view.state == "queued" else "Stop",
                    icon=":material/stop:",
                    key="stop",
                    disabled=view.stopping,
                    on_click=self.stop,
                    args=(view.id,),
                )
            else:
                ended()
        if view.error:
            st.error(view.error, icon=":material/error:")

    def watch(
        self,
        view: JobView,
        draw: Callable[[JobView], None],
        *,
        phase: Callable[[JobView], object] = lambda view: None,
    ) -> None:
        """Draw a live job, again and again; the page runs anew when it has another state or phase.

        Args:
            view: The job as it stands.
            draw: Draws it, always the same elements; where they are placeholders that were made
                before, a poll sends only these. Keep it cheap.
            phase: Says when the page has to be laid out anew: when its answer changes.
        """

        def poll() -> None:
            with errors():
                try:
                    now = runner().view(view.id, self.owner)
                except JobError:
                    st.rerun()
                if now.state != view.state or phase(now) != phase(view):
                    st.rerun()
                draw(now)

        seconds = _POLL_SECONDS if view.state == "running" else _POLL_SECONDS_WAITING
        st.fragment(poll, run_every=seconds)()

    def _offer_stop(self, view: JobView) -> None:
        """Say that a job of another page keeps one from starting here."""
        st.info(f"You have a run under way: {view.title}.", icon=":material/hourglass_top:")
        st.button("Stop it", key=f"{self.page}_stop_other", on_click=self.stop, args=(view.id,))

    def _show(self, job_id: str) -> None:
        st.session_state[self._key("id")] = job_id
        state.write_url(Key.JOB, job_id)

    def _key(self, name: str) -> str:
        return f"{Entry.JOBS}.{self.page}.{name}"


def desk(page: str, *works: Work) -> PageJobs:
    """Return this visitor's desk of a page; called once in every full run.

    Args:
        page: Name of the page.
        works: Its work functions.
    """
    return PageJobs(page, tuple(work.__name__ for work in works), visitor.owner())


def waiting(view: JobView) -> None:
    """Say where in the queue a job stands and how long it will probably wait."""
    turn = "Next to run" if view.place == 1 else f"Number {view.place} in the queue"
    st.info(
        f"{turn}: it will probably start in {say_seconds(view.expected_wait_seconds)}. "
        "You may refresh this page; if it stays closed for two minutes, your place is given up.",
        icon=":material/hourglass_top:",
    )
