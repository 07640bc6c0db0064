"""The embedded runner: a queue and its worker threads in this process.

There is no timer. Every call (a visitor's poll, a work that yields an item, a worker that looks for
the next job) also lets the queue end and drop jobs whose time is over; an idle worker wakes now and
then to do the same.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from convviz.errors import ConvvizError, JobError, is_about_memory, memory_short
from convviz.jobs.gate import Gate
from convviz.jobs.job import JobView, Keep, Limits, Work
from convviz.jobs.lane import Job
from convviz.jobs.queue import CLOSED, JobQueue, Ticket
from convviz.language import tr

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 30.0
# No underscores: keys of widgets are made of it, and in a component's key two of them mean more.
_ID = re.compile(r"(?P<started>[0-9a-f]{8})\.[0-9a-f]{32}")


class LocalRunner:
    """Runs jobs on daemon threads of this process; a `Runner`.

    Args:
        lanes: How many jobs of each lane run at a time.
        limits: What is allowed.
        clock: Returns seconds that never run backwards; tests replace it.
        prepare: Called once in each worker thread before its first job.
        gate: What a job waits at before each of its items.
    """

    def __init__(
        self,
        lanes: Mapping[str, int] | None = None,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
        prepare: Callable[[], None] = lambda: None,
        gate: Gate | None = None,
    ) -> None:
        self._queue = JobQueue(lanes or {"compute": 1}, limits or Limits(), takes_turns=True)
        self._clock = clock
        self._prepare = prepare
        self._gate = gate or Gate()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._started = secrets.token_hex(4)

    def submit(
        self,
        work: Work,
        /,
        *,
        owner: str,
        title: str,
        page: str = "",
        about: Any = None,
        lane: str = "compute",
        seconds: float | None = None,
        same: str = "",
        finished: Any = None,
        keep: Keep | None = None,
        **arguments: Any,
    ) -> str:
        """Queue `work(stop=…, **arguments)`; for the arguments see `Runner.submit`.

        Raises:
            JobError: The owner already has a live job in this lane, or the runner is closing.
            QueueFull: Too many jobs are waiting already.
        """
        if not owner:
            raise ValueError("a job needs an owner")
        with self._changed:
            if self._closing:
                raise JobError(tr(CLOSED))
            now = self._clock()
            ticket_id = f"{self._started}.{secrets.token_hex(16)}"
            job = Job(ticket_id, work, arguments, seconds, now, same)
            if finished is not None:
                job.take(finished)
                job.end("done", now)
            ticket = Ticket(ticket_id, owner, title, now, page, about)
            held = self._queue.add(ticket, job, lane, now)
            held.keep = held.keep or keep
            self._start_workers()
            self._changed.notify_all()
        return ticket_id

    def is_of_another(self, job_id: str) -> bool:
        """Tell whether another runner gave out this id; see `Runner.is_of_another`."""
        match = _ID.fullmatch(job_id)
        return match is not None and match["started"] != self._started

    def view(self, job_id: str, owner: str) -> JobView:
        """Return a view of the job; see `Runner.view`.

        Raises:
            JobError: There is no such job for this owner.
        """
        with self._changed:
            now = self._clock()
            view = self._queue.view(*self._queue.find(job_id, owner, now), now)
            self._start_workers()
        return view

    def mine(self, owner: str) -> tuple[JobView, ...]:
        """Return the owner's jobs, newest first; see `Runner.mine`."""
        with self._changed:
            now = self._clock()
            return tuple(self._queue.view(*each, now) for each in self._queue.of(owner, now))

    def stop(self, job_id: str, owner: str) -> None:
        """Ask a live job to end; see `Runner.stop`.

        Raises:
            JobError: There is no such job for this owner.
        """
        with self._changed:
            now = self._clock()
            self._queue.stop(*self._queue.find(job_id, owner, now), now)

    def forget(self, job_id: str, owner: str) -> None:
        """Stop the job and drop its result; see `Runner.forget`.

        Raises:
            JobError: There is no such job for this owner.
        """
        with self._changed:
            now = self._clock()
            self._queue.forget(*self._queue.find(job_id, owner, now), now)

    def close(self, timeout: float = 5.0) -> None:
        """Ask every job to end, wait for the threads, and accept no more jobs.

        Args:
            timeout: How many seconds to wait for all threads together.
        """
        with self._changed:
            self._closing = True
            self._queue.request_stop_of_all(tr(CLOSED), self._clock())
            self._changed.notify_all()
            threads = list(self._threads)
        deadline = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start_workers(self) -> None:
        """Start the threads that are missing; called under the lock."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        for name, lane in self._queue.lanes.items():
            while lane.waiting and lane.threads < lane.workers and not self._closing:
                thread = threading.Thread(
                    target=self._run_lane, args=(name,), name=f"convviz-{name}", daemon=True
                )
                thread.start()
                lane.threads += 1
                self._threads.append(thread)

    def _run_lane(self, lane: str) -> None:
        """Run one job of a lane after the other until the runner closes."""
        try:
            self._prepare()
        except Exception:  # noqa: BLE001 - without it jobs run as well, only slower
            _log.exception("a worker thread could not be prepared")
        while (job := self._next(lane)) is not None:
            rest, error = self._run(job)
            if rest is None and not error and job.live and not job.stop_reason:
                _keep(job)
            with self._changed:
                now = self._clock()
                if job.stuck:  # another thread has replaced this one
                    return
                if rest is not None:
                    self._queue.pause(job, rest, now)
                else:
                    self._end(job, error, now)
            del job, rest  # a waiting thread must not keep its result in memory

    def _end(self, job: Job, error: str, now: float) -> None:
        """Record that a job's work is over; called under the lock."""
        if error:
            job.end("failed", now, error=error)
        else:
            job.end("stopped" if job.stop_reason else "done", now, note=job.stop_reason)
        self._queue.release(job, now)

    def _next(self, lane: str) -> Job | None:
        """Wait for a lane's next job; None when the runner closes."""
        with self._changed:
            while not self._closing:
                job = self._queue.next(lane, self._clock())
                if job is not None:
                    return job
                self._changed.wait(_IDLE_SECONDS)
        return None

    def _run(self, job: Job) -> tuple[Iterator[Any] | None, str]:
        """Run a job's work for one turn.

        Returns:
            The rest of its items if it is to be paused, and what went wrong, as a sentence.
        """
        try:
            return self._take_items(job), ""
        except ConvvizError as error:
            return None, str(error)
        except BaseException as error:  # noqa: BLE001 - a bug in one work must not stop the queue
            error_id = secrets.token_hex(4)
            _log.exception("error %s in %s", error_id, getattr(job.work, "__name__", "a job"))
            if is_about_memory(error):
                return None, memory_short(error_id)
            return None, tr(
                "Something went wrong inside convviz (error {error_id}, noted in the server's "
                "log): try other settings, or tell whoever runs this app.",
                error_id=error_id,
            )

    def _take_items(self, job: Job) -> Iterator[Any] | None:
        """Take items from the work until it has no more, no more time, or its turn is over.

        Returns:
            The rest of the items if the job is to be paused.
        """
        with self._changed:
            items, work, arguments = job.items, job.work, job.arguments
        if work is None:  # it ended just as it was taken
            return None
        with job.pauses.working():
            self._gate.wait()
            if items is None:
                items = iter(work(stop=job.stop_requested, **arguments))
            is_paused = False
            try:
                is_paused = self._take_turn(job, items)
            finally:
                close = getattr(items, "close", None)  # a plain iterator has none
                if close is not None and not is_paused:
                    close()
        return items if is_paused else None

    def _take_turn(self, job: Job, items: Iterator[Any]) -> bool:
        """Take items until none is left, or time or turn are over; tell whether to pause."""
        for item in items:
            with self._changed:
                now = self._clock()
                job.take(item)
                self._queue.expire(now)
                requested = job.stop_requested_at
                if requested is not None and now - requested >= self._queue.limits.grace_seconds:
                    return False
                if requested is None and self._queue.turn_is_over(job, now):
                    return True
            if requested is None:  # a job that is to end has little time for its last item
                self._gate.wait()
        return False


def _keep(job: Job) -> None:
    """Give the last item of a job that has come to its end to what keeps it."""
    if job.keep is None or job.newest is None:
        return
    try:
        job.keep(job.newest)
    except Exception:  # noqa: BLE001 - the visitor has the result all the same
        _log.exception("a result could not be kept")
