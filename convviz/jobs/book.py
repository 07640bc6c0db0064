"""The book of all jobs: who waits, who runs, whose time is up, what is kept and what is let go.

It has no threads, no clock and no lock of its own: its runner calls it under a lock and says what
time it is.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import replace

from convviz.errors import JobError, QueueFull
from convviz.jobs.job import JobView, Limits
from convviz.jobs.record import Lane, Record

STOPPED = "You stopped it; this is what it had by then."
CLOSED = "The app is shutting down: try again when it is back."

_UNKNOWN = "This run is not to be found: it was let go, or it is not yours. Start a new one."
_ALREADY = "You already have a run under way: stop it or let it end before you start the next one."
_NOT_BEGUN = "Stopped before it began."


class Book:
    """All jobs of one runner.

    Args:
        lanes: How many jobs of each lane run at a time.
        limits: What is allowed.
    """

    def __init__(self, lanes: Mapping[str, int], limits: Limits) -> None:
        self.limits = limits
        self.lanes = {name: Lane(workers) for name, workers in lanes.items()}
        self._jobs: dict[str, Record] = {}

    def add(self, job: Record, lane: str, now: float) -> None:
        """Put a job at the end of its lane's queue.

        Raises:
            JobError: Its owner already has a live job in this lane.
            QueueFull: Too many jobs are waiting already.
        """
        self.tidy(now)
        queue = self.lanes[lane]
        if any(_same(other.owner, job.owner) for other in queue.waiting + queue.busy if other.live):
            raise JobError(_ALREADY)
        waiting = sum(len(each.waiting) for each in self.lanes.values())
        if waiting >= self.limits.waiting:
            raise QueueFull(
                f"{waiting} runs are waiting already, and no more are let in: "
                "try again in a few minutes."
            )
        self._jobs[job.id] = job
        queue.waiting.append(job)

    def find(self, job_id: str, owner: str, now: float) -> Record:
        """Return the owner's job, and note that its visitor is there.

        Raises:
            JobError: There is no such job, or it is someone else's: the same sentence for both.
        """
        job = self._jobs.get(job_id)
        # The owners are compared even where there is no job, so that the time taken tells nothing.
        if not _same(job.owner if job else "", owner) or job is None:
            raise JobError(_UNKNOWN)
        job.seen = now
        self.tidy(now)
        return job

    def of(self, owner: str, now: float) -> list[Record]:
        """Return the owner's jobs, newest first, and note that their visitor is there."""
        jobs = [job for job in self._jobs.values() if _same(job.owner, owner)]
        for job in jobs:
            job.seen = now
        self.tidy(now)
        return [job for job in reversed(jobs) if job.id in self._jobs]

    def view(self, job: Record, now: float) -> JobView:
        """Return what its visitor may see of a job."""
        limit = self.limits.seconds
        for lane in self.lanes.values():
            if job in lane.waiting:
                place = lane.waiting.index(job) + 1
                return job.view(now, limit=limit, place=place, wait=lane.wait(job, now, limit))
            if job in lane.busy and not job.live:
                return replace(job.view(now, limit=limit), closing=True)
        return job.view(now, limit=limit)

    def next(self, lane: str, now: float) -> Record | None:
        """Move the lane's first waiting job to the running ones and return it."""
        self.tidy(now)
        queue = self.lanes[lane]
        if not queue.waiting:
            return None
        job = queue.waiting.pop(0)
        job.state, job.started = "running", now
        queue.busy.append(job)
        return job

    def free(self, job: Record, lane: str, now: float) -> None:
        """Note that an ended job no longer holds its thread."""
        queue = self.lanes[lane]
        if job in queue.busy:
            queue.busy.remove(job)
        if job.state != "failed":
            queue.durations.append(job.seconds(now))

    def ask(self, job: Record, reason: str, now: float) -> None:
        """Ask a running job to end; take a waiting one out of its queue; leave an ended one."""
        if job.state == "running":
            job.ask(reason, now)
        for lane in self.lanes.values():
            if job in lane.waiting:
                lane.waiting.remove(job)
                job.end("stopped", now, note=_NOT_BEGUN if reason == STOPPED else reason)

    def forget(self, job: Record, now: float) -> None:
        """Ask a job to end, and let it go."""
        self.ask(job, STOPPED, now)
        self._jobs.pop(job.id, None)

    def ask_all(self, reason: str, now: float) -> None:
        """Ask every live job to end."""
        for lane in self.lanes.values():
            for job in lane.waiting + lane.busy:
                self.ask(job, reason, now)

    def tidy(self, now: float) -> None:
        """Do what is due: end jobs without time or visitor, let old results go."""
        for lane in self.lanes.values():
            for job in list(lane.waiting):
                if now - job.seen > self.limits.gone_seconds:
                    self.ask(job, self._gone(), now)
            for job in list(lane.busy):
                self._keep_in_time(job, now)
                if job.ended is not None and now - job.ended > self.limits.stuck_seconds:
                    # Its thread is given up: it ends when the work lets go of it, if ever.
                    job.stuck = True
                    lane.busy.remove(job)
                    lane.threads -= 1
        self._let_go(now)

    def _keep_in_time(self, job: Record, now: float) -> None:
        """Ask a running job to end if it must, and end it if it does not listen."""
        limits = self.limits
        if job.asked is None and now - job.seen > limits.gone_seconds:
            job.ask(self._gone(), now)
        if job.asked is None and job.seconds(now) >= limits.seconds - limits.stop_seconds:
            reason = f"It ended after {limits.seconds:.0f} seconds, the most a run may take; "
            job.ask(reason + "this is what it had by then.", now)
        if job.asked is not None and now - job.asked >= limits.stop_seconds:
            job.end("stopped", now, note=job.signal.reason)

    def _gone(self) -> str:
        seconds = f"{self.limits.gone_seconds:.0f}"
        return f"It ended because nobody had looked at it for {seconds} seconds."

    def _let_go(self, now: float) -> None:
        """Let ended jobs go that nobody has looked at for long, or that are too many."""
        ended = sorted((job for job in self._jobs.values() if not job.live), key=lambda j: j.seen)
        count, size = len(ended), sum(job.bytes for job in ended)
        for job in ended:
            late = now - max(job.seen, job.ended or 0.0) > self.limits.kept_seconds
            if late or count > self.limits.kept or size > self.limits.kept_bytes:
                del self._jobs[job.id]
                count, size = count - 1, size - job.bytes


def _same(owner: str, other: str) -> bool:
    """Compare two owners in a time that does not tell how much of them is alike."""
    return hmac.compare_digest(owner.encode(), other.encode())
