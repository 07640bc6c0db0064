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
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import streamlit as st

from convviz import limits
from convviz.errors import JobError
from convviz.formatting import say_seconds
from convviz.jobs import cluster
from convviz.jobs.cluster import ClusterRunner, ClusterSettings, TakeoverRunner
from convviz.jobs.gate import GATE, give_way
from convviz.jobs.job import JobView, Limits, Parts, Runner, Work, set_parts
from convviz.jobs.runner import LocalRunner
from convviz.language import again, later, tr, trn
from convviz.ui import handed_on, scrolling, state, visitor
from convviz.ui.choice import ChosenImage
from convviz.ui.errors import fragment, guarded
from convviz.ui.handed_on import Holds
from convviz.ui.keys import Entry, Key
from convviz.ui.shared_work import sharing, store

Draw = Callable[[JobView], object]

_POLL_SECONDS = 1.0
_POLL_SECONDS_WAITING = 2.0  # a queue moves slowly

_NOT_FOUND = later(
    "The run in this address no longer exists, or it belongs to somebody else: a run "
    "opens only in the browser that started it."
)
_JOINED = later(
    "Somebody had started exactly this run already, so you watch the same one; your Stop "
    "ends it for you alone."
)
_BUSY = later("You have a run under way on another page: stop it, or let it end, first.")
_RESTARTED = later(
    "The server was started again, and the run that was open here is gone with all other "
    "runs. The settings are still here: start it again with the button on this page."
)

_STOP_FIRST = {
    "training": later("Stop the training below first."),
    "run": later("Stop the run below first."),
    "sweep": later("Stop the sweep below first."),
}

# Not in Streamlit's cache, which any visitor can clear.
_runner: Runner | None = None
_runner_lock = threading.Lock()


def runner() -> Runner:
    """Return the server's runner; the first call makes it.

    How many runs it works on at a time, and everything else that it allows, is in `limits`.
    """
    global _runner
    with _runner_lock:
        if _runner is None:
            _runner = _make_runner()
        return _runner


def _make_runner() -> Runner:
    workers = limits.WORKERS.value
    allowed = Limits.from_settings()
    settings = cluster.settings(os.environ)
    if settings is None:
        return _local_runner(workers, allowed)
    return _cluster_runner(settings, allowed)


def _local_runner(workers: int, allowed: Limits) -> LocalRunner:
    """Make the runner of this process."""

    def share_cores() -> None:
        from convviz.networks import device

        give_way()
        # With one worker as well: a new thread has the number that was set last, by anybody.
        device.use_threads(limits.threads() // workers)

    local = LocalRunner({"compute": workers}, limits=allowed, prepare=share_cores, gate=GATE)
    atexit.register(local.close)
    return local


def _cluster_runner(settings: ClusterSettings, allowed: Limits) -> Runner:
    """Make the runner that gives jobs to a cluster, with one that takes over if that is allowed."""
    from convviz.datasets.image_set import Zipped
    from convviz.datasets.labelled_set import Dataset
    from convviz.features.dead import count_dead
    from convviz.features.in_parts import cut_set, join_dead, join_top_patches
    from convviz.features.top_patches import find_top_patches
    from convviz.jobs.coordinator import Bounds
    from convviz.learning.design_sweep import cut_points, join_points, train_points
    from convviz.networks import device
    from convviz.networks.network import Network
    from convviz.reconstruction.progress import cut_series, join_series, reconstruct_series
    from convviz.weights import load

    set_parts(reconstruct_series, Parts(cut_series, join_series))
    set_parts(find_top_patches, Parts(cut_set, join_top_patches))
    set_parts(count_dead, Parts(cut_set, join_dead))
    set_parts(train_points, Parts(cut_points, join_points))
    remote = ClusterRunner(
        settings,
        limits=allowed,
        bounds=Bounds.from_settings(),
        reduce={Network: load.reference},
        common=(Network, Zipped, Dataset),
        prepare=device.use_threads,
    )
    atexit.register(remote.close)
    here = limits.CLUSTER_LOCAL_RUNS.value
    return TakeoverRunner(remote, _local_runner(here, allowed)) if here else remote


def threads_of_run() -> int | None:
    """Return how many threads a run has on this machine; None where a cluster does the runs."""
    if os.environ.get(cluster.ADDRESS, "").strip():
        return None
    return max(1, limits.threads() // limits.WORKERS.value)


def forget_all(owner: str) -> int:
    """Stop and drop all runs of a visitor; return how many there were."""
    views = runner().mine(owner) if owner else ()
    for view in views:
        runner().forget(view.id, owner)
    return len(views)


@dataclass(frozen=True)
class PageJobs:
    """One page's jobs of one visitor.

    Attributes:
        page: Name of the page: its folder in `ui`. Jobs of other pages are not shown on it.
        owner: The visitor's secret.
        can_share: Whether its results can be handed on.
        holds: What of the visitor's may be part of its results.
    """

    page: str
    owner: str
    can_share: bool = False
    holds: Holds = "image"

    @guarded
    def start(
        self,
        work: Work,
        *,
        title: str,
        seconds: float | None = None,
        about: Hashable = None,
        images: Sequence[ChosenImage] | None = None,
        own: bool = False,
        **arguments: Any,
    ) -> None:
        """Queue a job and make it the one the page shows; a refusal is shown by `find`.

        Who asks for the same as somebody else joins that run, or has its result at once.

        Args:
            work: The work function.
            title: The job's name for the visitor.
            seconds: How long it will probably take, if known.
            about: The key under which the page files its result.
            images: The images of the sidebar that the work is made from, for work that visitors
                share; None for what is this visitor's alone.
            own: Whether its arguments hold something else that this visitor has brought.
            arguments: Handed to the work as they are.
        """
        shared = sharing(work, arguments, images, own=own)
        finished = store().get(shared.same) if shared.is_public else None
        is_new = shared.is_public and finished is None
        try:
            job_id = runner().submit(
                work,
                owner=self.owner,
                title=title,
                page=self.page,
                about=about,
                seconds=seconds,
                same=shared.same,
                finished=finished,
                keep=partial(store().put, shared.same) if is_new else None,
                **arguments,
            )
        except JobError as error:
            st.session_state[self._key("refusal")] = str(error)
        else:
            handed_on.close()
            self.open(job_id)
            st.session_state[self._key("started")] = job_id

    @guarded
    def stop(self, job_id: str) -> None:
        """Ask a job of this visitor to end, also one of another page."""
        runner().stop(job_id, self.owner)

    def open(self, job_id: str) -> None:
        """Make a job of this visitor the one that the page shows."""
        st.session_state[self._key("id")] = job_id
        state.write_url(Key.JOB, job_id)

    @guarded
    def clear(self, job_id: str) -> None:
        """Drop a job and its result, and show none."""
        runner().forget(job_id, self.owner)
        st.session_state[self._key("id")] = None
        state.write_url(Key.JOB, None)

    def find(self) -> JobView | None:
        """Return the job that the page shows: the URL's, the last one, or one under way.

        Before all of them comes a result that somebody else shares and the URL opens. If the URL
        names a job that does not exist, or a start was refused, the page says so.
        """
        refusal = st.session_state.pop(self._key("refusal"), "")
        if refusal:
            st.warning(again(refusal), icon=":material/hourglass_top:")
        if self.can_share and (shared := handed_on.opened(self.page)) is not None:
            return shared
        linked = state.visit().link.pop(Key.JOB, None)
        job_id = linked or st.session_state.get(self._key("id"))
        all_views = runner().mine(self.owner)
        views = [view for view in all_views if view.page == self.page]
        for view in views:
            if view.id == job_id:
                self.open(view.id)
                return view
        if job_id is not None:
            is_gone = runner().is_of_another(job_id)
            sentence = tr(_RESTARTED if is_gone else _NOT_FOUND)
            st.info(sentence, icon=":material/link_off:")
            st.session_state[self._key("id")] = job_id  # said until another run is opened
            state.write_url(Key.JOB, None)
        for view in views:
            if view.live:
                self.open(view.id)
                return view
        elsewhere = self.elsewhere()
        if elsewhere is not None:
            self._offer_stop(elsewhere)
        return None

    def draw_sharing(self, view: JobView) -> None:
        """Draw what shares a result, for a page that shows it elsewhere than `show` does.

        Args:
            view: A run of this visitor that has ended and has a result.
        """
        with st.container(gap="small", key="handed_on_result"):
            handed_on.draw_button(view, self.owner, holds=self.holds)
            handed_on.draw_link(view, self.owner, holds=self.holds)

    def draw_shared(self, view: JobView | None) -> None:
        """Draw what the visitor shares beside the job that the page shows."""
        handed_on.draw_others(self.page, self.owner, view, holds=self.holds)

    def elsewhere(self) -> JobView | None:
        """Return this visitor's job that is under way on another page; they have one at a time."""
        views = runner().mine(self.owner)
        return next((view for view in views if view.live and view.page != self.page), None)

    def under_way(self) -> JobView | None:
        """Return this visitor's job that is under way on this page, also if another tab has it."""
        views = runner().mine(self.owner)
        return next((view for view in views if view.live and view.page == self.page), None)

    def is_busy(self, view: JobView | None) -> bool:
        """Tell whether a job of this visitor is under way, so that no other can be started.

        Args:
            view: The job that the page shows.
        """
        return (view is not None and view.live) or self.elsewhere() is not None

    def start_button(
        self,
        label: str,
        view: JobView | None,
        *,
        ready: bool,
        on_click: Callable[..., None],
        args: tuple[Any, ...],
        what: Literal["training", "run", "sweep"] = "training",
    ) -> None:
        """Draw the button that starts a job with the page's settings.

        Args:
            label: Its text.
            view: The job that the page shows; while it is live, no other can be started.
            ready: Whether the settings are complete.
            on_click: Starts it.
            args: Handed to `on_click`.
            what: What a job of this page is.
        """
        live = view is not None and view.live
        busy = self.is_busy(view)
        why = tr(_STOP_FIRST[what]) if live else tr(_BUSY) if busy else None
        st.button(
            label,
            type="primary",
            icon=":material/play_arrow:",
            key="start",
            disabled=busy or not ready,
            help=why,
            on_click=on_click,
            args=args,
        )

    def show(
        self,
        view: JobView,
        *,
        live: Callable[[JobView], Draw],
        ended: Draw = lambda view: None,
        ready: str = "",
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
            ready: The text of the progress bar until the first item comes; empty for the usual one.
            closing: The same for a job that is over while its work is still busy; without it, the
                job is drawn as if it ran.
            phase: A running job is laid out anew whenever the value that this returns changes.
            caption: A text below the title.
            note: How it ended; None for the job's note.
            beside: Draws in the place of the button once the job has ended.
            small: Draw no title once it has ended, and a small one before: the page shows the
                result elsewhere.
        """
        if view.state != "queued" and not small:
            state.visit().shown_run = view
        if view.handed_on:
            handed_on.draw_banner()
        if view.live or not small:
            self._heading(view, beside, small=small)
        if view.error:
            st.error(state.plain(view.error), icon=":material/error:")
        if caption:
            st.caption(caption)
        if view.live and view.joined:
            st.caption(tr(_JOINED))
        note = view.note if note is None else note
        if note:
            st.info(again(note), icon=":material/timer:" if small else ":material/info:")
        text = closing if view.closing else ""
        if view.state == "queued":
            self._watch(view, _draw_queued, phase)
        elif not (view.live or view.closing):
            if view.newest is not None:
                ended(view)
        elif text or view.newest is None:
            text = text or ready or tr("Getting ready…")
            self._watch(view, lambda now: _draw_waiting(now, text), phase)
        else:
            self._watch(view, live(view), phase)

    def _heading(self, view: JobView, beside: Draw, *, small: bool) -> None:
        """Draw a job's title with the button that stops it."""
        label = tr("Leave the queue") if view.state == "queued" and not small else tr("Stop")
        with st.container(horizontal=True, vertical_alignment="center", key="job_heading"):
            title = state.plain(view.title)
            if small:
                st.markdown(f"**{title}**")
            else:
                st.header(title, anchor=False)
            if view.live:
                st.button(
                    label,
                    icon=":material/stop:",
                    key="stop",
                    disabled=view.stopping,
                    on_click=self.stop,
                    args=(view.id,),
                )
            elif not view.handed_on:
                if self.can_share and view.newest is not None:
                    handed_on.draw_button(view, self.owner, holds=self.holds)
                beside(view)
            if not small:
                self._scroll(view)
        if self.can_share and not view.live:
            handed_on.draw_link(view, self.owner, holds=self.holds)

    def _scroll(self, view: JobView) -> None:
        """Let the page scroll to a job that was started here: once to the run, once to its end."""
        if not view.handed_on and st.session_state.get(self._key("started")) != view.id:
            return  # found again, or opened from a list: the visitor is where they want to be
        token = f"{view.id} {'runs' if view.live else 'ended'}"
        scrolling.to(".st-key-job_heading", token, key="run")

    def _watch(self, view: JobView, draw: Draw, phase: Callable[[JobView], object]) -> None:
        """Draw a job about once a second; run the page anew when the job needs another layout."""

        def layout(view: JobView) -> tuple[object, ...]:
            has_item = view.newest is not None
            return view.state, view.stopping, view.closing, has_item, has_item and phase(view)

        def poll() -> None:
            try:
                now = runner().view(view.id, self.owner)
            except JobError:
                st.rerun()
            if layout(now) != layout(view):
                st.rerun()
            draw(now)
            turns.caption(taking_turns(now))

        turns = st.empty()
        seconds = _POLL_SECONDS_WAITING if view.state == "queued" else _POLL_SECONDS
        fragment(poll, seconds)()

    def _offer_stop(self, view: JobView) -> None:
        """Offer to stop a job of another page, because a visitor may have only one at a time."""
        st.info(under_way(view.title), icon=":material/hourglass_top:")
        st.button(tr("Stop it"), key=f"{self.page}_stop_other", on_click=self.stop, args=(view.id,))

        def poll() -> None:
            other = self.elsewhere()
            if other is None or other.id != view.id:
                st.rerun()

        fragment(poll, _POLL_SECONDS_WAITING)()

    def _key(self, name: str) -> str:
        return f"{Entry.JOBS}.{self.page}.{name}"


def page_jobs(page: str, *, can_share: bool = False, holds: Holds = "image") -> PageJobs:
    """Return this visitor's jobs of a page; called once in every full run.

    Args:
        page: Name of the page: its folder in `ui`.
        can_share: Whether its results can be handed on.
        holds: What of the visitor's may be part of its results.
    """
    return PageJobs(page, visitor.owner(), can_share, holds)


def progress(view: JobView, text: str, most: float | None = None) -> None:
    """Draw the progress bar of a job that has an item: a text and the time that is left.

    Once the job is to stop, “Stopping…” takes their place.

    Args:
        view: The job.
        text: What it does.
        most: How long all of its work may take, as for `time_left`.
    """
    fraction = view.newest.fraction
    parts = (text, time_left(fraction, view.seconds, most))
    text = tr("Stopping…") if view.stopping else " · ".join(filter(None, parts))
    st.progress(fraction, text=text)


def time_left(fraction: float, seconds: float, most: float | None = None) -> str:
    """Say how long a job will still take, judged by the part that is done; "" where none can tell.

    Args:
        fraction: Share of the work that is done, in 0…1.
        seconds: How long that took.
        most: How long the whole work may take where its time was chosen. What came before the
            work, such as reading pictures, is in `seconds` and makes the estimate too long.
    """
    if not 0 < fraction < 1 or seconds < 1:
        return ""
    left = seconds * (1 - fraction) / fraction
    left = left if most is None else min(left, most * (1 - fraction))
    return tr("{time} left", time=say_seconds(left))


def under_way(title: str) -> str:
    """Say that a run of another page is under way."""
    return tr(
        "You have a run under way on another page: {run}. When it has ended, one can be started "
        "here.",
        run=state.quoted(again(title)),
    )


def _draw_waiting(view: JobView, text: str) -> None:
    st.progress(0.0, text=tr("{text} · stopping", text=text) if view.stopping else text)


def _draw_queued(view: JobView) -> None:
    """Say where in the queue a job stands and how long it will probably wait."""
    st.info(queued(view.position, view.expected_wait_seconds), icon=":material/hourglass_top:")


def taking_turns(view: JobView) -> str:
    """Say that others' runs take turns with a job; "" where none does."""
    if not (view.live and view.others) or view.stopping:
        return ""
    sentences = [
        trn(
            "{count} other run takes turns with this run, {most} each at most.",
            "{count} others take turns with this run, {most} each at most.",
            view.others,
            most=exact_seconds(limits.TURN_SECONDS.value),
        )
    ]
    if view.paused:
        wait = say_seconds(view.expected_wait_seconds)
        sentences.append(tr("It will probably go on in {wait}.", wait=wait))
    if view.state != "queued":
        sentences.append(tr("Times count its own turns."))
    return " ".join(sentences)


def queued(position: int, seconds: float) -> str:
    """Say where in the queue a job stands and how long it will probably wait."""
    wait, gone = say_seconds(seconds), exact_seconds(limits.GONE_SECONDS.value)
    if position == 1:
        return tr(
            "Next to run: it will probably start in {wait}. You may refresh this page; if it stays "
            "closed for {gone}, your place is given up.",
            wait=wait,
            gone=gone,
        )
    return tr(
        "Number {position} in the queue: it will probably start in {wait}. You may refresh this "
        "page; if it stays closed for {gone}, your place is given up.",
        position=position,
        wait=wait,
        gone=gone,
    )


def exact_seconds(seconds: int) -> str:
    """Write a limit in minutes where it is whole ones, else in seconds."""
    minutes, rest = divmod(seconds, 60)
    if rest or not minutes:
        return trn("{count} second", "{count} seconds", seconds)
    return trn("{count} minute", "{count} minutes", minutes)
