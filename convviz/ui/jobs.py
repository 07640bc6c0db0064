"""A page's side of long work: start a job, find it again, draw it while it runs, stop it.

The job's id stands in the URL, so that a refresh finds it; its owner is the visitor's browser (see
`visitor`), so that a link with the id shows others nothing. A page asks for the job's state in a
fragment that runs about once a second and only while the job is live; such a poll must stay cheap,
because the optimisation runs on the same processor.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Hashable
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

Draw = Callable[[JobView], object]

_POLL_SECONDS = 1.0
_POLL_SECONDS_WAITING = 2.0  # a queue moves slowly
_CORES_PER_WORKER = 16  # about as many as one optimisation can use well

_NOT_FOUND = (
    "The run that this address names is not to be found: it was let go, or it is not yours. "
    "A run opens only in the browser that started it."
)

# Not in Streamlit's cache, which any visitor can clear.
_runner: Runner | None = None
_runner_lock = threading.Lock()


def runner() -> Runner:
    """Return the server's runner; the first call makes it.

    It works on one optimisation at a time, or on one per 16 processor cores; the environment
    variable CONVVIZ_WORKERS sets another number.
    """
    global _runner
    with _runner_lock:
        if _runner is None:
            _runner = _make_runner()
        return _runner


def _make_runner() -> Runner:
    cores = os.cpu_count() or 1
    setting = os.environ.get("CONVVIZ_WORKERS", "")
    is_number = setting.isdigit() and int(setting) > 0
    workers = int(setting) if is_number else max(1, cores // _CORES_PER_WORKER)

    def share_cores() -> None:
        if workers > 1:
            import torch

            torch.set_num_threads(max(1, cores // workers))

    local = LocalRunner({"compute": workers}, prepare=share_cores)
    atexit.register(local.close)
    return local


@dataclass(frozen=True)
class PageJobs:
    """One page's jobs of one visitor.

    Attributes:
        page: Name of the page: its folder in `ui`. Jobs of other pages are not shown on it.
        owner: The visitor's secret.
    """

    page: str
    owner: str

    def start(
        self,
        work: Work,
        *,
        title: str,
        seconds: float | None = None,
        about: Hashable = None,
        **arguments: Any,
    ) -> None:
        """Queue a job and make it the one the page shows; a refusal is shown by `find`.

        Args:
            work: The work function.
            title: The job's name for the visitor.
            seconds: How long it will probably take, if known.
            about: The key under which the page files its result.
            arguments: Handed to the work as they are.
        """
        try:
            job_id = runner().submit(
                work,
                owner=self.owner,
                title=title,
                page=self.page,
                about=about,
                seconds=seconds,
                **arguments,
            )
        except JobError as error:
            st.session_state[self._key("refusal")] = str(error)
        else:
            self.open(job_id)

    def stop(self, job_id: str) -> None:
        """Ask a job of this visitor to end, also one of another page."""
        with errors():
            runner().stop(job_id, self.owner)

    def open(self, job_id: str) -> None:
        """Make a job of this visitor the one that the page shows."""
        st.session_state[self._key("id")] = job_id
        state.write_url(Key.JOB, job_id)

    def clear(self, job_id: str) -> None:
        """Drop a job and its result, and show none."""
        with errors():
            runner().forget(job_id, self.owner)
        st.session_state[self._key("id")] = None
        state.write_url(Key.JOB, None)

    def find(self) -> JobView | None:
        """Return the job that the page shows: the URL's, the last one, or one under way.

        If the URL names a job that does not exist, or a start was refused, the page says so.
        """
        refusal = st.session_state.pop(self._key("refusal"), "")
        if refusal:
            st.warning(refusal, icon=":material/hourglass_top:")
        linked = state.visit().link.pop(Key.JOB, None)
        job_id = linked or st.session_state.get(self._key("id"))
        all_views = runner().mine(self.owner)
        views = [view for view in all_views if view.page == self.page]
        for view in views:
            if view.id == job_id:
                self.open(view.id)
                return view
        if job_id is not None:
            st.info(_NOT_FOUND, icon=":material/link_off:")
            st.session_state[self._key("id")] = job_id
        for view in views:
            if view.live:
                self.open(view.id)
                return view
        for view in all_views:
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
        """Draw the button that starts a job with the page's settings.

        Args:
            label: Its text.
            view: The job that the page shows; while it is live, no other can be started.
            ready: Whether the settings are complete.
            on_click: Starts it.
            args: Handed to `on_click`.
            what: The word for a job of this page.
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

    def show(
        self,
        view: JobView,
        *,
        live: Callable[[JobView], Draw],
        ended: Draw = lambda view: None,
        ready: str = "Getting ready…",
        closing: str = "",
        phase: Callable[[JobView], object] = lambda view: None,
        caption: str = "",
        note: str | None = None,
        beside: Draw = lambda view: None,
        small: bool = False,
    ) -> None:
        """Draw a job: its title, the button that stops it, and its progress or its result.

        The page says how to draw an item of its work, while the job is live and once it has ended;
        everything that is the same for all jobs is drawn here.

        Args:
            view: The job's state; the page's functions get it only once it has an item.
            live: Lays out a job that runs, and returns a function that draws its newest view into
                that layout, about once a second: always the same elements, and cheap. A poll
                sends only the elements that the layout made as placeholders.
            ended: Draws its result.
            ready: The text of the progress bar until the first item comes.
            closing: The same for a job that is over while its work is still busy; without it, the
                job is drawn as if it ran.
            phase: A running job is laid out anew whenever the value that this returns changes.
            caption: A text below the title.
            note: How it ended; None for the job's note.
            beside: Draws in the place of the button once the job has ended.
            small: Draw no title once it has ended, and a small one before: the page shows the
                result elsewhere.
        """
        if view.live or not small:
            self._heading(view, beside, small=small)
        if view.error:
            st.error(view.error, icon=":material/error:")
        if caption:
            st.caption(caption)
        note = view.note if note is None else note
        if note:
            st.info(note, icon=":material/timer:" if small else ":material/info:")
        text = closing if view.closing else ""
        if view.state == "queued":
            self._watch(view, _draw_queued, phase)
        elif not (view.live or view.closing):
            if view.newest is not None:
                ended(view)
        elif text or view.newest is None:
            self._watch(view, lambda now: _draw_waiting(now, text or ready), phase)
        else:
            self._watch(view, live(view), phase)

    def _heading(self, view: JobView, beside: Draw, *, small: bool) -> None:
        """Draw a job's title with the button that stops it."""
        label = "Leave the queue" if view.state == "queued" and not small else "Stop"
        with st.container(horizontal=True, vertical_alignment="center", key="job_heading"):
            title = state.plain(view.title)
            if small:
                st.markdown(f"**{title}**")
            else:
                st.subheader(title, anchor=False)
            if view.live:
                st.button(
                    label,
                    icon=":material/stop:",
                    key="stop",
                    disabled=view.stopping,
                    on_click=self.stop,
                    args=(view.id,),
                )
            else:
                beside(view)

    def _watch(self, view: JobView, draw: Draw, phase: Callable[[JobView], object]) -> None:
        """Draw a job about once a second; run the page anew when the job needs another layout."""

        def layout(view: JobView) -> tuple[object, ...]:
            has_item = view.newest is not None
            return view.state, view.stopping, view.closing, has_item, has_item and phase(view)

        def poll() -> None:
            with errors():
                try:
                    now = runner().view(view.id, self.owner)
                except JobError:
                    st.rerun()
                if layout(now) != layout(view):
                    st.rerun()
                draw(now)

        seconds = _POLL_SECONDS_WAITING if view.state == "queued" else _POLL_SECONDS
        st.fragment(poll, run_every=seconds)()

    def _offer_stop(self, view: JobView) -> None:
        """Offer to stop a job of another page, because a visitor may have only one at a time."""
        st.info(f"You have a run under way: {view.title}.", icon=":material/hourglass_top:")
        st.button("Stop it", key=f"{self.page}_stop_other", on_click=self.stop, args=(view.id,))

    def _key(self, name: str) -> str:
        return f"{Entry.JOBS}.{self.page}.{name}"


def page_jobs(page: str) -> PageJobs:
    """Return this visitor's jobs of a page; called once in every full run.

    Args:
        page: Name of the page: its folder in `ui`.
    """
    return PageJobs(page, visitor.owner())


def progress(view: JobView, text: str) -> None:
    """Draw the progress bar of a job that has an item, with a text that "Stopping…" replaces."""
    st.progress(view.newest.fraction, text="Stopping…" if view.stopping else text)


def _draw_waiting(view: JobView, text: str) -> None:
    st.progress(0.0, text=f"{text} · stopping" if view.stopping else text)


def _draw_queued(view: JobView) -> None:
    """Say where in the queue a job stands and how long it will probably wait."""
    turn = "Next to run" if view.position == 1 else f"Number {view.position} in the queue"
    st.info(
        f"{turn}: it will probably start in {say_seconds(view.expected_wait_seconds)}. "
        "You may refresh this page; if it stays closed for two minutes, your place is given up.",
        icon=":material/hourglass_top:",
    )
