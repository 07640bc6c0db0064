"""The queue of jobs: which job waits, which runs, when it has to end, how long its result is kept.

The queue has no threads, no clock and no lock. Its runner calls it under a lock and passes the
time as `now`.
"""

from __future__ import annotations

import heapq
import hmac
import statistics
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from convviz.errors import JobError, QueueFull
from convviz.jobs.job import JobView, Limits, State, Work

STOPPED = "You stopped it; this is what it had by then."
CLOSED = "The app is shutting down: try again when it is back."

_UNKNOWN = "This run no longer exists, or it is not yours. Start a new one."
_ALREADY = "You already have a run under way: stop it or let it end before you start the next one."
_NOT_BEGUN = "Stopped before it began."


@dataclass(eq=False)
class Job:
    """One job and its state.

    Attributes:
        id: Identifies the job; cannot be guessed.
        owner: Who may see and stop it.
        title: What its visitor called it.
        work: The work function; None once the job has ended.
        arguments: The work's arguments; none once the job has ended.
        expected_seconds: How long its work will probably take; None if that is not known.
        last_seen: When its visitor last polled it.
        page: The page that shows it.
        about: What the page files its result under.
        state: Its state.
        started: When it began to run; None before that.
        stop_requested_at: When it was asked to end; None before that.
        stop_reason: Why it was asked to end, as a sentence for its visitor; the first one stays.
        ended: When it ended; None before that.
        newest: The item that its work yielded last.
        bytes: Memory that the newest item takes.
        note: Why it ended before its work was complete, as a sentence.
        error: What went wrong, as a sentence.
        stuck: Its thread was given up.
    """

    id: str
    owner: str
    title: str
    work: Work | None
    arguments: Mapping[str, Any]
    expected_seconds: float | None
    last_seen: float
    page: str = ""
    about: Any = None
    state: State = "queued"
    started: float | None = None
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

    def stop_requested(self) -> bool:
        """Return whether its work should end; only this is read without the runner's lock."""
        return bool(self.stop_reason)

    def take(self, item: Any) -> None:
        """Keep an item as the newest."""
        self.newest = item
        size = getattr(item, "nbytes", None)
        self.bytes = sys.getsizeof(item) if size is None else int(size)

    def request_stop(self, reason: str, now: float) -> None:
        """Ask its work to end."""
        self.stop_reason = self.stop_reason or reason
        if self.stop_requested_at is None:
            self.stop_requested_at = now

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
        self.state, self.ended, self.note, self.error = state, now, note, error
        self.work, self.arguments = None, {}

    def seconds(self, now: float) -> float:
        """Return how long it has been running, or ran."""
        if self.started is None:
            return 0.0
        return (now if self.ended is None else self.ended) - self.started

    def view(self, now: float, *, limit: float, position: int = 0, wait: float = 0.0) -> JobView:
        """Return what its visitor may see of it.

        Args:
            now: The time.
            limit: How long a job may run, in seconds.
            position: Its position in the queue; 0 when it is not waiting.
            wait: How long it will probably wait, in seconds.
        """
        return JobView(
            id=self.id,
            title=self.title,
            page=self.page,
            about=self.about,
            state=self.state,
            position=position,
            expected_wait_seconds=wait,
            seconds=self.seconds(now),
            limit_seconds=limit,
            stopping=self.live and self.stop_requested(),
            newest=self.newest,
            note=self.note,
            error=self.error,
        )


@dataclass(eq=False)
class Lane:
    """Jobs that wait for each other, and the threads that take them.

    Attributes:
        workers: How many threads run its jobs.
        threads: How many of them have been started.
        waiting: Jobs in the order in which they will run.
        busy: Jobs that have a thread.
        durations: How many seconds the last jobs took.
    """

    workers: int
    threads: int = 0
    waiting: list[Job] = field(default_factory=list)
    busy: list[Job] = field(default_factory=list)
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=20))

    def wait(self, job: Job, now: float, limit: float) -> float:
        """Return how many seconds a waiting job will probably wait until it runs.

        Args:
            job: The job.
            now: The time.
            limit: How long a job may run, in seconds.
        """
        ahead = self.waiting[: self.waiting.index(job)]
        busy = [self._remaining(running, now, limit) for running in self.busy]
        return wait_seconds(
            self.workers, busy, [self._duration(waiting, limit) for waiting in ahead]
        )

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


class JobQueue:
    """All jobs of one runner.

    Args:
        lanes: How many jobs of each lane run at a time.
        limits: What is allowed.
    """

    def __init__(self, lanes: Mapping[str, int], limits: Limits) -> None:
        self.limits = limits
        self.lanes = {name: Lane(workers) for name, workers in lanes.items()}
        self._jobs: dict[str, Job] = {}

    def add(self, job: Job, lane: str, now: float) -> None:
        """Put a job at the end of its lane's queue.

        Args:
            job: The job.
            lane: Name of its lane.
            now: The time.

        Raises:
            JobError: Its owner already has a live job in this lane.
            QueueFull: Too many jobs are waiting already.
        """
        self.expire(now)
        queue = self.lanes[lane]
        live = [queued for queued in queue.waiting + queue.busy if queued.live]
        if any(_same(queued.owner, job.owner) for queued in live):
            raise JobError(_ALREADY)
        waiting = sum(len(lane.waiting) for lane in self.lanes.values())
        if waiting >= self.limits.waiting:
            raise QueueFull(
                f"{waiting} runs are waiting already, and no more are let in: "
                "try again in a few minutes."
            )
        self._jobs[job.id] = job
        queue.waiting.append(job)

    def find(self, job_id: str, owner: str, now: float) -> Job:
        """Return the owner's job, and record that its visitor is still there.

        Args:
            job_id: The job's id.
            owner: Its owner.
            now: The time.

        Raises:
            JobError: There is no such job, or it has another owner: the same sentence for both.
        """
        job = self._jobs.get(job_id)
        # The owners are compared even if there is no job, so that the time does not reveal it.
        if not _same(job.owner if job else "", owner) or job is None:
            raise JobError(_UNKNOWN)
        job.last_seen = now
        self.expire(now)
        return job

    def is_kept(self, job_id: str) -> bool:
        """Tell whether a job waits, runs, or has ended and is not evicted or forgotten yet."""
        return job_id in self._jobs

    def of(self, owner: str, now: float) -> list[Job]:
        """Return the owner's jobs, newest first, and record that their visitor is still there."""
        jobs = [job for job in self._jobs.values() if _same(job.owner, owner)]
        for job in jobs:
            job.last_seen = now
        self.expire(now)
        return [job for job in reversed(jobs) if job.id in self._jobs]

    def view(self, job: Job, now: float) -> JobView:
        """Return what its visitor may see of a job."""
        limit = self.limits.seconds
        for lane in self.lanes.values():
            if job in lane.waiting:
                position = lane.waiting.index(job) + 1
                wait = lane.wait(job, now, limit)
                return job.view(now, limit=limit, position=position, wait=wait)
            if job in lane.busy and not job.live:
                return replace(job.view(now, limit=limit), closing=True)
        return job.view(now, limit=limit)

    def next(self, lane: str, now: float) -> Job | None:
        """Move the lane's first waiting job to the running ones and return it."""
        self.expire(now)
        queue = self.lanes[lane]
        if not queue.waiting:
            return None
        job = queue.waiting.pop(0)
        job.state, job.started = "running", now
        queue.busy.append(job)
        return job

    def release(self, job: Job, lane: str, now: float) -> None:
        """Record that an ended job no longer has a thread.

        Args:
            job: The job.
            lane: Name of its lane.
            now: The time.
        """
        queue = self.lanes[lane]
        if job in queue.busy:
            queue.busy.remove(job)
        if job.state != "failed":
            queue.durations.append(job.seconds(now))

    def request_stop(self, job: Job, reason: str, now: float) -> None:
        """Ask a running job to end; remove a waiting one from its queue; leave an ended one.

        Args:
            job: The job.
            reason: Why it ends, as a sentence.
            now: The time.
        """
        if job.state == "running":
            job.request_stop(reason, now)
        for lane in self.lanes.values():
            if job in lane.waiting:
                lane.waiting.remove(job)
                job.end("stopped", now, note=_NOT_BEGUN if reason == STOPPED else reason)

    def request_stop_of_all(self, reason: str, now: float) -> None:
        """Ask every live job to end."""
        for lane in self.lanes.values():
            for job in lane.waiting + lane.busy:
                self.request_stop(job, reason, now)

    def forget(self, job: Job, now: float) -> None:
        """Ask a job to end, and drop it."""
        self.request_stop(job, STOPPED, now)
        self._jobs.pop(job.id, None)

    def expire(self, now: float) -> None:
        """End jobs that have no time or no visitor left, and evict old results."""
        for lane in self.lanes.values():
            for job in list(lane.waiting):
                if now - job.last_seen > self.limits.gone_seconds:
                    self.request_stop(job, self._gone(), now)
            for job in list(lane.busy):
                self._enforce_limits(job, now)
                if job.ended is not None and now - job.ended > self.limits.stuck_seconds:
                    # The thread is given up: it ends when its work returns, if ever.
                    job.stuck = True
                    lane.busy.remove(job)
                    lane.threads -= 1
        self._evict(now)

    def _enforce_limits(self, job: Job, now: float) -> None:
        """Ask a running job to end if it must, and end it if it does not in time."""
        limits = self.limits
        if job.stop_requested_at is None and now - job.last_seen > limits.gone_seconds:
            job.request_stop(self._gone(), now)
        if job.stop_requested_at is None and job.seconds(now) >= (
            limits.seconds - limits.stop_seconds
        ):
            reason = f"It ended after {limits.seconds:.0f} seconds, the most a run may take; "
            job.request_stop(reason + "this is what it had by then.", now)
        if job.stop_requested_at is not None and now - job.stop_requested_at >= limits.stop_seconds:
            job.end("stopped", now, note=job.stop_reason)

    def _gone(self) -> str:
        seconds = f"{self.limits.gone_seconds:.0f}"
        return f"It ended because nobody had looked at it for {seconds} seconds."

    def _evict(self, now: float) -> None:
        """Drop ended jobs that have not been polled for a long time, or that are too many."""
        ended = sorted(
            (job for job in self._jobs.values() if not job.live), key=lambda job: job.last_seen
        )
        count, size = len(ended), sum(job.bytes for job in ended)
        for job in ended:
            expired = now - max(job.last_seen, job.ended or 0.0) > self.limits.kept_seconds
            if expired or count > self.limits.kept or size > self.limits.kept_bytes:
                del self._jobs[job.id]
                count, size = count - 1, size - job.bytes


def _same(first: str, second: str) -> bool:
    """Compare two owners in a time that does not depend on how much of them is equal."""
    return hmac.compare_digest(first.encode(), second.encode())
