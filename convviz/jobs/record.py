"""A job as its runner keeps it, and how long the next one will have to wait.

Everything here is used under the runner's lock, apart from `Record.signal`.
"""

from __future__ import annotations

import heapq
import statistics
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from convviz.jobs.job import JobView, Signal, State, Work


@dataclass(eq=False)
class Record:
    """One job: what it is, and where it stands.

    Attributes:
        expected_seconds: How long its work said it would take; None if it did not say.
        seen: When its visitor last asked for it.
        asked: When it was asked to end; None before that.
        bytes: What its newest item holds.
        stuck: Its thread has been given up.
    """

    id: str
    owner: str
    title: str
    work: Work | None
    arguments: Mapping[str, Any]
    expected_seconds: float | None
    seen: float
    state: State = "queued"
    started: float | None = None
    asked: float | None = None
    ended: float | None = None
    newest: Any = None
    bytes: int = 0
    note: str = ""
    error: str = ""
    stuck: bool = False
    signal: Signal = field(default_factory=Signal)
    work_name: str = ""

    def __post_init__(self) -> None:
        """Keep the work's name: the work itself is let go at the end."""
        self.work_name = getattr(self.work, "__name__", "")

    @property
    def live(self) -> bool:
        """Whether it waits or runs."""
        return self.ended is None

    def take(self, item: Any) -> None:
        """Keep an item as the newest."""
        self.newest = item
        size = getattr(item, "nbytes", None)
        self.bytes = sys.getsizeof(item) if size is None else int(size)

    def ask(self, reason: str, now: float) -> None:
        """Ask its work to end."""
        self.signal.ask(reason)
        if self.asked is None:
            self.asked = now

    def end(self, state: State, now: float, *, note: str = "", error: str = "") -> None:
        """Close the book on it, once, and let go of what only its run needed."""
        if self.ended is not None:
            return
        self.state, self.ended, self.note, self.error = state, now, note, error
        self.work, self.arguments = None, {}

    def seconds(self, now: float) -> float:
        """How long it has run by now, or ran."""
        if self.started is None:
            return 0.0
        return (now if self.ended is None else self.ended) - self.started

    def view(self, now: float, *, limit: float, place: int = 0, wait: float = 0.0) -> JobView:
        """Return what its visitor may see of it."""
        return JobView(
            id=self.id,
            title=self.title,
            work=self.work_name,
            state=self.state,
            place=place,
            expected_wait_seconds=wait,
            seconds=self.seconds(now),
            limit_seconds=limit,
            stopping=self.live and self.signal.asked,
            newest=self.newest,
            note=self.note,
            error=self.error,
        )


@dataclass(eq=False)
class Lane:
    """Jobs that wait for each other, and the threads that take them.

    Attributes:
        workers: How many threads take jobs from it.
        threads: How many of them have been started.
        waiting: Jobs in the order in which they will run.
        busy: Jobs that hold a thread.
        durations: How many seconds the last jobs took.
    """

    workers: int
    threads: int = 0
    waiting: list[Record] = field(default_factory=list)
    busy: list[Record] = field(default_factory=list)
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=20))

    def wait(self, record: Record, now: float, limit: float) -> float:
        """Return how many seconds a waiting job will probably wait until it runs."""
        ahead = self.waiting[: self.waiting.index(record)]
        busy = [self._remaining(job, now, limit) for job in self.busy]
        return wait_seconds(self.workers, busy, [self._length(job, limit) for job in ahead])

    def _length(self, record: Record, limit: float) -> float:
        """How long a job will probably take: what it said, else the median of the last ones."""
        usual = statistics.median(self.durations) if self.durations else limit
        return min(limit, usual if record.expected_seconds is None else record.expected_seconds)

    def _remaining(self, record: Record, now: float, limit: float) -> float:
        """How much longer a job will probably hold its thread."""
        if not record.live or record.asked is not None:
            return 1.0
        ran = record.seconds(now)
        fraction = getattr(record.newest, "fraction", None) or 0.0
        # Too early a fraction says little about the whole: the first step pays for all set-up.
        whole = ran / fraction if fraction > 0.05 else self._length(record, limit)
        return max(0.0, min(whole, limit) - ran)


def wait_seconds(workers: int, busy: Iterable[float], ahead: Iterable[float]) -> float:
    """Return when a job's turn comes, if each free worker takes the next one in order.

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
