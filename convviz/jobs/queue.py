"""The queue of jobs: which job waits, which runs, when it has to end, how long its result is kept.

A visitor holds a `Ticket`; a ticket is for a `Job`, and visitors who ask for the same work hold
tickets for one job, which is done once. What one of them does with a ticket touches nobody else:
a job is asked to end when the last visitor who is still there has stopped it.

The queue has no threads, no clock and no lock. Its runner calls it under a lock and passes the
time as `now`.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from convviz.errors import JobError, QueueFull
from convviz.jobs.job import JobView, Limits
from convviz.jobs.lane import Job, Lane, bytes_of
from convviz.language import later, tr

STOPPED = later("You stopped it; this is what it had by then.")
KNOWN = later("Exactly this was computed before, so here it is at once.")
CLOSED = later("The app is shutting down: try again when it is back.")

_UNKNOWN = later("This run no longer exists, or it is not yours. Start a new one.")
_ALREADY = later(
    "You already have a run under way: stop it or let it end before you start the next one."
)
_NOT_BEGUN = later("Stopped before it began.")


@dataclass(eq=False)
class Ticket:
    """One visitor's part in a job.

    Attributes:
        id: Identifies it; cannot be guessed.
        owner: Who holds it.
        title: What the visitor called the job.
        last_seen: When the visitor last polled it.
        page: The page that shows it.
        about: What the page files the result under.
        joined: Whether the job was there already.
        note: How the visitor came by the result, as a sentence.
        left: What the visitor sees of a job that they stopped, and that goes on for others.
    """

    id: str
    owner: str
    title: str
    last_seen: float
    page: str = ""
    about: Any = None
    joined: bool = False
    note: str = ""
    left: JobView | None = None


class JobQueue:
    """All jobs of one runner.

    Args:
        lanes: How many jobs of each lane run at a time.
        limits: What is allowed.
        takes_turns: Whether its runner can pause jobs.
    """

    def __init__(
        self, lanes: Mapping[str, int], limits: Limits, *, takes_turns: bool = False
    ) -> None:
        self.limits = limits
        turn = limits.turn_seconds if takes_turns else float("inf")
        self.lanes = {name: Lane(workers, turn) for name, workers in lanes.items()}
        self._tickets: dict[str, tuple[Ticket, Job]] = {}

    def add(self, ticket: Ticket, job: Job, lane: str, now: float) -> Job:
        """Put a job at the end of its lane's queue, or join the one that does the same.

        Args:
            ticket: The visitor's ticket.
            job: The job.
            lane: Name of its lane.
            now: The time.

        Returns:
            The job that the ticket is for.

        Raises:
            JobError: The visitor already has a live job in this lane.
            QueueFull: Too many jobs are waiting already.
        """
        self.expire(now)
        if any(
            _same(other.owner, ticket.owner)
            for other, held in self._tickets.values()
            if held.lane == lane and held.live and other.left is None
        ):
            raise JobError(tr(_ALREADY))
        there = self._find_same(job.same, lane)
        if not (there or job).live:
            ticket.note = tr(KNOWN)
        if there is not None:
            ticket.joined = True
            there.last_seen = now
            self._tickets[ticket.id] = (ticket, there)
            return there
        job.lane, job.waiting_since = lane, now
        if job.live:
            waiting = sum(len(lane.waiting) for lane in self.lanes.values())
            if waiting >= self.limits.waiting:
                raise QueueFull(
                    tr(
                        "{count} runs are waiting already, and no more are let in: try again in a "
                        "few minutes.",
                        count=waiting,
                    )
                )
            self.lanes[lane].waiting.append(job)
        self._tickets[ticket.id] = (ticket, job)
        return job

    def _find_same(self, same: str, lane: str) -> Job | None:
        """Return the job that computes, or has computed, the same; None where there is none."""
        if not same:
            return None
        for _, job in self._tickets.values():
            if job.same == same and job.lane == lane and job.can_be_joined:
                return job
        return None

    def find(self, ticket_id: str, owner: str, now: float) -> tuple[Ticket, Job]:
        """Return the owner's ticket with its job, and record that its visitor is still there.

        Args:
            ticket_id: The ticket's id.
            owner: Its owner.
            now: The time.

        Raises:
            JobError: There is no such ticket, or it has another owner: the same sentence for both.
        """
        found = self._tickets.get(ticket_id)
        # The owners are compared even if there is no ticket, so that the time does not reveal it.
        if not _same(found[0].owner if found else "", owner) or found is None:
            raise JobError(tr(_UNKNOWN))
        self._see(*found, now)
        self.expire(now)
        return found

    def has(self, ticket_id: str) -> bool:
        """Tell whether a ticket is neither evicted nor forgotten."""
        return ticket_id in self._tickets

    def is_kept(self, job: Job) -> bool:
        """Tell whether a job waits, runs, or has ended and is not evicted or forgotten yet."""
        return any(held is job for _, held in self._tickets.values())

    def of(self, owner: str, now: float) -> list[tuple[Ticket, Job]]:
        """Return the owner's tickets, newest first, and record that their visitor is there."""
        held = [each for each in self._tickets.values() if _same(each[0].owner, owner)]
        for ticket, job in held:
            self._see(ticket, job, now)
        self.expire(now)
        return [each for each in reversed(held) if each[0].id in self._tickets]

    def view(self, ticket: Ticket, job: Job, now: float) -> JobView:
        """Return what a visitor may see of a job."""
        view = ticket.left or self._view(job, now)
        return replace(
            view,
            id=ticket.id,
            title=ticket.title,
            page=ticket.page,
            about=ticket.about,
            joined=ticket.joined,
            note=view.note or ticket.note,
        )

    def _view(self, job: Job, now: float) -> JobView:
        limit = self.limits.seconds
        view = job.view(now, limit=limit)
        lane = self.lanes.get(job.lane)
        if lane is None:
            return view
        if lane.takes_turns and job.live:
            view = replace(view, others=len(lane.waiting) + len(lane.busy) - 1)
        if job in lane.waiting:
            position = lane.order().index(job) + 1
            return replace(
                view, position=position, expected_wait_seconds=lane.wait(job, now, limit)
            )
        return replace(view, closing=True) if job in lane.busy and not job.live else view

    def next(self, lane: str, now: float) -> Job | None:
        """Give the lane's first waiting job its turn and return it."""
        self.expire(now)
        queue = self.lanes[lane]
        if not queue.waiting:
            return None
        job = queue.order()[0]
        queue.waiting.remove(job)
        queue.busy.append(job)
        job.begin_turn(now)
        return job

    def turn_is_over(self, job: Job, now: float) -> bool:
        """Tell whether a running job, which has just yielded an item, is to be paused."""
        return self.lanes[job.lane].turn_is_over(job, now)

    def pause(self, job: Job, items: Iterator[Any], now: float) -> None:
        """Put a running job behind those that wait; an ended one only gives its thread back.

        Args:
            job: The job.
            items: The rest of its work's items.
            now: The time.
        """
        lane = self.lanes[job.lane]
        lane.note_turn(job, now)
        lane.busy.remove(job)
        if job.live:
            job.pause(items, now)
            lane.waiting.append(job)

    def release(self, job: Job, now: float) -> None:
        """Record that an ended job no longer has a thread.

        Args:
            job: The job.
            now: The time.
        """
        queue = self.lanes[job.lane]
        if job in queue.busy:
            queue.busy.remove(job)
        if job.state != "failed":
            queue.durations.append(job.seconds(now))

    def stop(self, ticket: Ticket, job: Job, now: float) -> None:
        """End a job for a visitor, and for all if nobody else watches it.

        Args:
            ticket: The visitor's ticket.
            job: Its job.
            now: The time.
        """
        if not job.live or ticket.left is not None:
            return
        if self._others(ticket, job, now):
            note = STOPPED if job.state == "running" else _NOT_BEGUN
            view = job.view(now, limit=self.limits.seconds)
            ticket.left = replace(
                view, state="stopped", stopping=False, paused=False, note=tr(note)
            )
        else:
            self.request_stop(job, tr(STOPPED), now, unbegun=tr(_NOT_BEGUN))

    def _others(self, ticket: Ticket, job: Job, now: float) -> bool:
        """Tell whether anybody else who is still there watches a job."""
        return any(
            held is job
            and other is not ticket
            and other.left is None
            and now - other.last_seen <= self.limits.gone_seconds
            for other, held in self._tickets.values()
        )

    def request_stop(self, job: Job, reason: str, now: float, *, unbegun: str = "") -> None:
        """Ask a running job to end; remove a waiting one from its queue; leave an ended one.

        Args:
            job: The job.
            reason: Why it ends, as a sentence.
            now: The time.
            unbegun: The sentence for one that waits; empty for the reason.
        """
        if job.state == "running":
            job.request_stop(reason, now)
            return
        lane = self.lanes.get(job.lane)
        if lane is not None and job in lane.waiting:
            lane.waiting.remove(job)
            job.end("stopped", now, note=unbegun or reason)

    def request_stop_of_all(self, reason: str, now: float) -> None:
        """Ask every live job to end; a paused one has no further turn."""
        for lane in self.lanes.values():
            for job in list(lane.waiting):
                lane.waiting.remove(job)
                job.end("stopped", now, note=reason)
            for job in lane.busy:
                self.request_stop(job, reason, now)

    def forget(self, ticket: Ticket, job: Job, now: float) -> None:
        """Drop a visitor's ticket; the job ends and is dropped if nobody else watches it."""
        if not self._others(ticket, job, now):
            self.request_stop(job, tr(STOPPED), now, unbegun=tr(_NOT_BEGUN))
        self._tickets.pop(ticket.id, None)

    def expire(self, now: float) -> None:
        """End jobs that have no time or no visitor left, and evict old results."""
        for lane in self.lanes.values():
            for job in list(lane.waiting):
                if not job.stop_reason and now - job.last_seen > self.limits.gone_seconds:
                    self.request_stop(job, self._gone(), now)
            for job in list(lane.busy):
                self._enforce_limits(job, now)
                if job.ended is not None and now - job.ended > self.limits.stuck_seconds:
                    # The thread is given up: it ends when its work returns, if ever.
                    job.stuck = True
                    lane.busy.remove(job)
                    lane.threads -= 1
        self._evict(now)

    def _see(self, ticket: Ticket, job: Job, now: float) -> None:
        """Record that a visitor is still there."""
        ticket.last_seen = now
        if ticket.left is None:
            job.last_seen = now

    def _enforce_limits(self, job: Job, now: float) -> None:
        """Ask a running job to end if it must, and end it if it does not in time."""
        limits = self.limits
        if job.stop_requested_at is None and now - job.last_seen > limits.gone_seconds:
            job.request_stop(self._gone(), now)
        if job.stop_requested_at is None and job.seconds(now) >= (
            limits.seconds - limits.stop_seconds
        ):
            reason = tr(
                "It ended after {seconds:.0f} seconds, the most a run may take; this is what it "
                "had by then.",
                seconds=limits.seconds,
            )
            job.request_stop(reason, now)
        if job.stop_requested_at is not None and now - job.stop_requested_at >= limits.stop_seconds:
            job.end("stopped", now, note=job.stop_reason)

    def _gone(self) -> str:
        return tr(
            "It ended because nobody had looked at it for {seconds:.0f} seconds.",
            seconds=self.limits.gone_seconds,
        )

    def _evict(self, now: float) -> None:
        """Drop tickets of what has ended that were not polled for long, or that are too many.

        A result goes with the last ticket for it.
        """
        ended = sorted(
            (
                (ticket, job)
                for ticket, job in self._tickets.values()
                if not job.live or ticket.left is not None
            ),
            key=lambda each: each[0].last_seen,
        )
        holders: dict[int, int] = {}
        for _, job in ended:
            holders[id(job)] = holders.get(id(job), 0) + 1
        size = sum({id(job): job.bytes for _, job in ended if not job.live}.values())
        size += sum(bytes_of(ticket.left.newest) for ticket, _ in ended if ticket.left)
        count = len(ended)
        for ticket, job in ended:
            ended_at = 0.0 if job.ended is None else job.ended
            expired = now - max(ticket.last_seen, ended_at) > self.limits.kept_seconds
            if expired or count > self.limits.kept or size > self.limits.kept_bytes:
                del self._tickets[ticket.id]
                count -= 1
                holders[id(job)] -= 1
                if not holders[id(job)] and not job.live:
                    size -= job.bytes
                if ticket.left:
                    size -= bytes_of(ticket.left.newest)


def _same(first: str, second: str) -> bool:
    """Compare two owners in a time that does not depend on how much of them is equal."""
    return hmac.compare_digest(first.encode(), second.encode())
