"""A lane: jobs that wait for each other, whose turn it is, and for how long.

Where turns are limited, a job that others wait for is paused at one of its items, and goes on later
from there. New jobs go before paused ones, so that everybody soon has a first item; but those that
come long after a job was paused go behind it. One that is asked to end goes before all.

Convention: as in `queue`, there is no clock here; times are seconds on the runner's.
"""

from __future__ import annotations

import heapq
import statistics
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from convviz.jobs.job import JobView, Keep, State, Work
from convviz.work_clock import Pauses

ROUND_SECONDS = 45.0
"""Turns are as short as lets everybody who waits have one within this time."""

HEAD_START = 60.0
"""A new job goes before those that were paused up to so many seconds before it came."""


@dataclass(eq=False)
class Job:
    """One work and its state, whoever watches it.

    Attributes:
        id: Identifies the job inside its runner.
        work: The work function; None once the job has ended.
        arguments: The work's arguments; none once the job has ended.
        expected_seconds: How long its work will probably take; None if that is not known.
        same: Identifies what is computed: jobs with the same text are one job. Empty for a job that
            is its visitor's alone.
        keep: Is given the last item once the work has come to its own end.
        lane: Name of its lane.
        last_seen: When any of its visitors last polled it.
        state: Its state; a paused job is "running".
        worked: Seconds that its earlier turns took.
        turn: When its turn began; None while it has none.
        waiting_since: When it came, or was paused last.
        items: What its work yields, from where it was paused; None before its first pause.
        pauses: The clock of its work.
        stop_requested_at: When it was asked to end; None before that, and for a paused one before
            its next turn.
        stop_reason: Why it was asked to end, as a sentence for its visitor; the first one stays.
        ended: When it ended; None before that.
        newest: The item that its work yielded last.
        bytes: Memory that the newest item takes.
        note: Why it ended before its work was complete, as a sentence.
        error: What went wrong, as a sentence.
        stuck: Its thread was given up.
    """

    id: str
    work: Work | None
    arguments: Mapping[str, Any]
    expected_seconds: float | None
    last_seen: float
    same: str = ""
    keep: Keep | None = None
    lane: str = ""
    state: State = "queued"
    worked: float = 0.0
    turn: float | None = None
    waiting_since: float = 0.0
    items: Iterator[Any] | None = None
    pauses: Pauses = field(default_factory=Pauses)
    stop_requested_at: float | None = None
    stop_reason: str = ""
    ended: float | None = None
    newest: Any = None
    bytes: int = 0
    note: str = ""
    error: str = ""
    stuck: bool = False

    @property
    def live(self) -> bool:
        """Whether it waits or runs."""
        return self.ended is None

    @property
    def paused(self) -> bool:
        """Whether it has begun and waits for its next turn."""
        return self.items is not None and self.turn is None

    @property
    def can_be_joined(self) -> bool:
        """Whether somebody who asks for the same can have its result."""
        return self.state == "done" or (self.live and not self.stop_reason)

    def stop_requested(self) -> bool:
        """Return whether its work should end; only this is read without the runner's lock."""
        return bool(self.stop_reason)

    def take(self, item: Any) -> None:
        """Keep an item as the newest."""
        self.newest = item
        self.bytes = bytes_of(item)

    def request_stop(self, reason: str, now: float) -> None:
        """Ask its work to end; a paused one hears it in its next turn."""
        self.stop_reason = self.stop_reason or reason
        if self.stop_requested_at is None and not self.paused:
            self.stop_requested_at = now

    def begin_turn(self, now: float) -> None:
        """Note that it has a thread."""
        self.state, self.turn = "running", now
        if self.stop_reason and self.stop_requested_at is None:
            self.stop_requested_at = now

    def pause(self, items: Iterator[Any], now: float) -> None:
        """Note that it gives its thread to another job, and keep its items.

        Args:
            items: The rest of its work's items.
            now: The time.
        """
        self.worked, self.turn = self.seconds(now), None
        self.items, self.waiting_since = items, now

    def end(self, state: State, now: float, *, note: str = "", error: str = "") -> None:
        """Mark it as ended, once; drop the work and its arguments.

        Args:
            state: The final state.
            now: The time.
            note: Why it ended before its work was complete, as a sentence.
            error: What went wrong, as a sentence.
        """
        if self.ended is not None:
            return
        self.worked, self.turn = self.seconds(now), None
        self.state, self.ended, self.note, self.error = state, now, note, error
        self.work, self.arguments, self.items = None, {}, None

    def seconds(self, now: float) -> float:
        """Return how long it has been running, or ran, without its pauses."""
        return self.worked + (0.0 if self.turn is None else now - self.turn)

    def view(self, now: float, *, limit: float) -> JobView:
        """Return what its visitors may see of it; the queue adds what is each visitor's own.

        Args:
            now: The time.
            limit: How long a job may run, in seconds.
        """
        return JobView(
            id=self.id,
            title="",
            page="",
            about=None,
            state=self.state,
            seconds=self.seconds(now),
            limit_seconds=limit,
            stopping=self.live and self.stop_requested(),
            paused=self.paused,
            newest=self.newest,
            note=self.note,
            error=self.error,
        )


def bytes_of(item: Any) -> int:
    """Return about how much memory an item takes: what it says of itself, else its own size."""
    size = getattr(item, "nbytes", None)
    return sys.getsizeof(item) if size is None else int(size)


@dataclass(eq=False)
class Lane:
    """Jobs that wait for each other, and the threads that take them.

    Attributes:
        workers: How many threads run its jobs.
        turn_seconds: How long a job works at most while others wait; infinite if it is not paused.
        threads: How many threads have been started.
        waiting: Jobs that wait for a turn, new and paused, in the order in which they came.
        busy: Jobs that have a thread.
        durations: How many seconds the last jobs took.
        overruns: By how many seconds the last turns were longer than they were to be: a job is
            paused at an item, and an item of a large network takes seconds.
    """

    workers: int
    turn_seconds: float = float("inf")
    threads: int = 0
    waiting: list[Job] = field(default_factory=list)
    busy: list[Job] = field(default_factory=list)
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=20))
    overruns: deque[float] = field(default_factory=lambda: deque(maxlen=20))

    @property
    def takes_turns(self) -> bool:
        """Whether jobs are paused for others."""
        return self.turn_seconds < float("inf")

    def order(self) -> list[Job]:
        """Return the waiting jobs in the order in which they will have a turn, as things are."""

        def rank(job: Job) -> tuple[bool, float]:
            later = HEAD_START if job.paused else 0.0
            return not (job.paused and job.stop_reason), job.waiting_since + later

        return sorted(self.waiting, key=rank)

    def turn(self) -> float:
        """Return how many seconds a turn takes, with as many jobs as wait now."""
        if not self.takes_turns:
            return self.turn_seconds
        return min(self.turn_seconds, ROUND_SECONDS * self.workers / (len(self.waiting) + 1))

    def note_turn(self, job: Job, now: float) -> None:
        """Note how long a turn was that ends now, before the job waits again."""
        if job.turn is not None:
            self.overruns.append(max(0.0, now - job.turn - self.turn()))

    def turn_is_over(self, job: Job, now: float) -> bool:
        """Tell whether a running job is to be paused at the item that it has just yielded."""
        if not (self.takes_turns and self.waiting and job.live) or job.stop_reason:
            return False
        if any(waiting.paused and waiting.stop_reason for waiting in self.waiting):
            return True
        return job.turn is not None and now - job.turn >= self.turn()

    def wait(self, job: Job, now: float, limit: float) -> float:
        """Return how many seconds a waiting job will probably wait until it runs.

        Args:
            job: The job.
            now: The time.
            limit: How long a job may run, in seconds.
        """
        order = self.order()
        ahead = order[: order.index(job)]
        turn = self.turn() + (statistics.median(self.overruns) if self.overruns else 0.0)
        busy = [
            min(self._remaining(running, now, limit), self._turn_left(running, turn, now))
            for running in self.busy
        ]
        return wait_seconds(
            self.workers, busy, [min(turn, self._duration(waiting, limit)) for waiting in ahead]
        )

    def _turn_left(self, job: Job, turn: float, now: float) -> float:
        return turn if job.turn is None else max(0.0, turn - (now - job.turn))

    def _duration(self, job: Job, limit: float) -> float:
        """Return how long a job will probably take: as expected, else the last ones' median."""
        median = statistics.median(self.durations) if self.durations else limit
        return min(limit, median if job.expected_seconds is None else job.expected_seconds)

    def _remaining(self, job: Job, now: float, limit: float) -> float:
        """Return how much longer a job will probably need its thread."""
        if not job.live or job.stop_requested_at is not None:
            return 1.0
        seconds = job.seconds(now)
        fraction = getattr(job.newest, "fraction", None) or 0.0
        # An early fraction is not a good estimate: the first step includes all set-up.
        total = seconds / fraction if fraction > 0.05 else self._duration(job, limit)
        return max(0.0, min(total, limit) - seconds)


def wait_seconds(workers: int, busy: Iterable[float], ahead: Iterable[float]) -> float:
    """Return after how many seconds a job runs, if each free worker takes the next job in order.

    Args:
        workers: How many jobs run at a time.
        busy: For each running job, how much longer it takes.
        ahead: For each job ahead in the queue, in its order, how long it takes.
    """
    free = sorted(busy)
    free = [0.0] * (workers - len(free)) + free
    heapq.heapify(free)
    for seconds in ahead:
        heapq.heapreplace(free, free[0] + seconds)
    return free[0]
