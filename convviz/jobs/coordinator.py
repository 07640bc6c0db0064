"""The scheduler's side of a cluster: one queue for all app servers, and who works on what.

A `Coordinator` is a plugin of Dask's scheduler. The first app server that connects puts it there;
the others find it. It has the same `JobQueue` as the embedded runner, and Dask's workers ask it for
work. Works and items pass through it as bytes that it never unpickles, and sentences as
`sentences.sent` writes them.

A job may be cut into parts. A worker that has ended a part takes the job's next one if nobody else
works on that job; else the next waiting job goes first, and parts of running jobs are taken only
while no job waits. So a job of many parts uses the whole cluster when it is alone on it, and delays
another one by one part at most.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from distributed import Scheduler, SchedulerPlugin

from convviz import limits
from convviz.errors import ClusterGone, JobError, QueueFull
from convviz.jobs.job import JobView, Limits
from convviz.jobs.lane import Job, Lane
from convviz.jobs.queue import JobQueue, Ticket
from convviz.jobs.sentences import sent
from convviz.language import later, tr

PREFIX = "convviz_"
"""What the names of this module's calls begin with, among those of Dask's scheduler."""

NO_WORKERS = later(
    "The cluster that does long work has no machine at work at the moment: try again in "
    "a minute, or tell whoever runs this app."
)
RETRIED = later(
    "A machine of the cluster was lost; its part of the work was begun again on another one."
)
LOST_TWICE = later(
    "Two machines of the cluster were lost while they worked on this, so it was given "
    "up: try a smaller image or fewer steps, or tell whoever runs this app."
)

_Call = Callable[..., Coroutine[Any, Any, dict[str, Any]]]

_ATTEMPTS = 2
_SILENT_SECONDS = 90.0  # a worker that reports nothing for so long counts as lost
_ASK_AGAIN_SECONDS = 5.0  # a worker's question for work is answered by then


@dataclass(frozen=True)
class Bounds:
    """How many bytes a cluster may hold of one job, and of all together.

    Attributes:
        work: Of one part of a job with its arguments.
        works: Of all parts of all jobs that have not ended, what parts have in common counted once.
        item: Of one item that a work yields.
    """

    work: int = 200 * 10**6
    works: int = 2_000 * 10**6
    item: int = 64 * 10**6

    @classmethod
    def from_settings(cls) -> Bounds:
        """Return what whoever started convviz allows."""
        return cls(
            work=limits.CLUSTER_WORK_MEGABYTES.bytes,
            works=limits.CLUSTER_WORKS_MEGABYTES.bytes,
            item=limits.CLUSTER_ITEM_MEGABYTES.bytes,
        )


@dataclass(eq=False)
class _Part:
    """One part of a job, done by one worker.

    Attributes:
        work: The pickled work with its arguments; empty once it is done.
        needs: Numbers of the common objects of its job that it needs.
        state: Whether it waits for a worker, has one, or has ended.
        worker: Address of the worker.
        token: Names this attempt, in the worker's reports.
        reported: When the worker last reported.
        attempts: How often it has been begun.
        newest: The pickled item that it yielded last.
        serial: How many items have been reported.
        fraction: Share of it that is done.
    """

    work: bytes
    needs: tuple[int, ...] = ()
    state: Literal["waiting", "running", "done"] = "waiting"
    worker: str = ""
    token: str = ""
    reported: float = 0.0
    attempts: int = 0
    newest: bytes | None = None
    serial: int = 0
    fraction: float = 0.0


@dataclass(frozen=True)
class _Whole:
    """What the queue knows of the newest items of a job's parts together."""

    fraction: float
    nbytes: int


@dataclass(eq=False)
class _Run:
    """A job with its parts.

    Attributes:
        job: The job.
        parts: Its parts.
        context: What is needed to join its parts' items, pickled.
        common: What its parts have in common, each object pickled; none once they are done.
        error: Why a part failed, as a sentence.
        note: What happened on the way, as a sentence.
        is_whole: Whether it has the item of the whole job instead of those of parts.
    """

    job: Job
    parts: list[_Part]
    context: bytes = b""
    common: Sequence[bytes] = ()
    error: str = ""
    note: str = ""
    is_whole: bool = False

    @property
    def sent_bytes(self) -> int:
        """How many bytes it holds of what its parts are to do."""
        return sum(len(part.work) for part in self.parts) + sum(map(len, self.common))

    @property
    def is_ending(self) -> bool:
        """Whether no further part is to be begun."""
        return bool(self.error or self.job.stop_reason or not self.job.live)

    def running(self) -> list[_Part]:
        return [part for part in self.parts if part.state == "running"]

    def waiting(self) -> _Part | None:
        """Return the part to begin next; None if there is none."""
        if self.is_ending:
            return None
        return next((part for part in self.parts if part.state == "waiting"), None)


class Coordinator(SchedulerPlugin):
    """Queues jobs and hands them to Dask's workers; lives in the scheduler's process.

    Args:
        limits: What is allowed.
        bounds: How large works and items may be.
        version: The version of convviz that works are pickled for.
    """

    name = "convviz"
    idempotent = True

    def __init__(self, limits: Limits, bounds: Bounds, version: str) -> None:
        self._limits, self._bounds, self._version = limits, bounds, version

    async def start(self, scheduler: Scheduler) -> None:
        """Begin with an empty queue, and answer calls."""
        self._scheduler = scheduler
        self._queue = JobQueue({"compute": 1}, self._limits)
        self._started = secrets.token_hex(4)
        self._runs: dict[str, _Run] = {}
        self._left: dict[str, list[tuple[int, bytes | None]]] = {}  # by ticket: see `stop`
        self._by_token: dict[str, tuple[_Run, _Part]] = {}
        self._askers: set[asyncio.Future[None]] = set()
        servers: tuple[_Call, ...] = (self.hello, self.submit, self.view, self.mine)
        servers += (self.stop, self.forget)
        workers: tuple[_Call, ...] = (self.next, self.report)
        calls = {call.__name__: _answering(call) for call in servers}
        calls |= {call.__name__: call for call in workers}
        scheduler.handlers.update({PREFIX + name: call for name, call in calls.items()})

    async def remove_worker(
        self, scheduler: Scheduler, worker: str, *, stimulus_id: str, **kwargs: Any
    ) -> None:
        """Give the parts of a worker that has left to others."""
        now = time.monotonic()
        for run, part in list(self._by_token.values()):
            if part.worker == worker:
                self._lose(run, part, now)

    # ---- calls of app servers --------------------------------------------------------------------

    async def hello(self) -> dict[str, Any]:
        """Say which queue this is, and of which version."""
        return {"started": self._started, "version": self._version}

    async def submit(
        self,
        owner: str,
        title: str,
        page: str,
        about: bytes,
        lane: str,
        seconds: float | None,
        works: Sequence[bytes],
        needs: Sequence[Sequence[int]] = (),
        common: Sequence[bytes] = (),
        context: bytes = b"",
        same: str = "",
        finished: bytes | None = None,
    ) -> dict[str, Any]:
        """Queue a job, or join one that does the same; see `Runner.submit`.

        What comes as bytes is pickled. A work may name objects of `common` by their number; `needs`
        says which, for each work. Who joins a job gets the context that its parts were cut with,
        which may depend on how many machines there were.
        """
        now = self._sweep()
        if not self._scheduler.workers:
            raise ClusterGone(tr(NO_WORKERS))
        held = sum(run.sent_bytes for run in self._runs.values())
        if held + sum(map(len, works)) + sum(map(len, common)) > self._bounds.works:
            raise QueueFull(
                tr(
                    "The runs that wait hold {held:,.0f} MB already, and no more than {most:,.0f} "
                    "MB are let in: try again in a few minutes.",
                    held=held / 1e6,
                    most=self._bounds.works / 1e6,
                )
            )
        self._queue.lanes.setdefault(lane, Lane(1))
        ticket_id = f"{self._started}.{secrets.token_hex(16)}"
        new = Job(ticket_id, None, {}, seconds, now, same)
        if finished is not None:
            new.take(_Whole(1.0, len(finished)))
            new.end("done", now)
            parts = [_Part(b"", state="done", newest=finished, serial=1, fraction=1.0)]
        else:
            every = zip(works, needs or [()] * len(works), strict=True)
            parts = [_Part(work, tuple(needed)) for work, needed in every]
        ticket = Ticket(ticket_id, owner, title, now, page, about)
        if self._queue.add(ticket, new, lane, now) is new:
            self._runs[new.id] = _Run(new, parts, context, common, is_whole=finished is not None)
            self._wake()
        return {"id": ticket_id}

    async def view(self, job_id: str, owner: str, have: Sequence[int]) -> dict[str, Any]:
        """Return a job's view; see `_view`."""
        return self._view(*self._queue.find(job_id, owner, self._sweep()), have)

    async def mine(self, owner: str, have: Mapping[str, Sequence[int]]) -> dict[str, Any]:
        """Return the views of an owner's jobs, newest first."""
        held = self._queue.of(owner, self._sweep())
        views = [self._view(ticket, job, have.get(ticket.id, ())) for ticket, job in held]
        return {"views": views}

    async def stop(self, job_id: str, owner: str) -> dict[str, Any]:
        """End a job for a visitor, who keeps its items as they are, and for all if it is the last.

        See `JobQueue.stop`.
        """
        now = self._sweep()
        ticket, job = self._queue.find(job_id, owner, now)
        self._queue.stop(ticket, job, now)
        if ticket.left is not None and ticket.id not in self._left:
            self._left[ticket.id] = self._items(job)
        self._sweep()
        return {}

    async def forget(self, job_id: str, owner: str) -> dict[str, Any]:
        """Stop and drop a job."""
        now = self._sweep()
        self._queue.forget(*self._queue.find(job_id, owner, now), now)
        self._sweep()
        return {}

    def _items(self, job: Job) -> list[tuple[int, bytes | None]]:
        """Return the serial number and the newest item of each part of a job."""
        return [(part.serial, part.newest) for part in self._runs[job.id].parts]

    def _view(self, ticket: Ticket, job: Job, have: Sequence[int]) -> dict[str, Any]:
        """Return a job's view: plain fields, and of each part that has an item its serial number.

        Args:
            ticket: The visitor's ticket.
            job: The job.
            have: The serial number of each part's item that the caller has already; such an item
                is not sent again.
        """
        view = self._queue.view(ticket, job, time.monotonic())
        plain = {field.name: getattr(view, field.name) for field in fields(JobView)}
        del plain["about"], plain["newest"]
        plain |= {"note": sent(view.note), "error": sent(view.error)}
        newest = self._left.get(ticket.id) or self._items(job)
        had = [*have, *[0] * len(newest)]
        items = [
            (serial, None if serial == had[number] else item)
            for number, (serial, item) in enumerate(newest)
        ]
        run = self._runs[job.id]
        return {
            "view": plain,
            "about": ticket.about,
            "context": run.context,
            "items": items,
            "whole": run.is_whole,
        }

    # ---- calls of workers ------------------------------------------------------------------------

    async def next(self, worker: str, last: str, have: Sequence[int] = ()) -> dict[str, Any]:
        """Return work for a worker; nothing if there is none for some seconds.

        Args:
            worker: Its address.
            last: The job that it worked on last.
            have: Numbers of the objects of that job's parts that it still has.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _ASK_AGAIN_SECONDS
        while True:
            assigned = self._assign(worker, last, have)
            if assigned is not None or loop.time() >= deadline:
                return assigned or {}
            asker = loop.create_future()
            self._askers.add(asker)
            await asyncio.wait({asker}, timeout=deadline - loop.time())
            self._askers.discard(asker)

    async def report(
        self, token: str, item: bytes | None, fraction: float, done: bool, error: str
    ) -> dict[str, Any]:
        """Take a worker's report on a part; say whether to stop, and whether it is given up.

        Args:
            token: The attempt.
            item: A new item, pickled; None if there is none.
            fraction: Share of the part that is done.
            done: Whether the work has returned.
            error: What went wrong, as a sentence.
        """
        run, part = self._by_token.get(token, (None, None))
        if run is None or part is None:  # it was given to another worker meanwhile
            return {"stop": True, "given_up": False}
        now = time.monotonic()
        part.reported = now
        if item is not None:
            part.newest, part.fraction, part.serial = item, fraction, part.serial + 1
            size = sum(len(part.newest or b"") for part in run.parts)
            shares = [1.0 if part.state == "done" else part.fraction for part in run.parts]
            run.job.take(_Whole(sum(shares) / len(shares), size))
        if done:
            run.error = run.error or error
            self._end_part(run, part, now)
        self._sweep()
        return {"stop": run.is_ending, "given_up": run.job.stuck}

    def _assign(self, worker: str, last: str, have: Sequence[int]) -> dict[str, Any] | None:
        """Choose a part for a worker, and record that it works on it."""
        now = self._sweep()
        if worker not in self._scheduler.workers:
            return None
        run = self._choose(last, now)
        part = run.waiting() if run else None
        if run is None or part is None:
            return None
        part.state, part.worker, part.token = "running", worker, secrets.token_hex(16)
        part.attempts += 1
        part.reported = now
        self._by_token[part.token] = (run, part)
        there = have if run.job.id == last else ()
        return {
            "job": run.job.id,
            "token": part.token,
            "work": part.work,
            "common": {number: run.common[number] for number in part.needs if number not in there},
            "grace": self._limits.grace_seconds,
            "item_bytes": self._bounds.item,
        }

    def _choose(self, last: str, now: float) -> _Run | None:
        """Choose the job that a worker goes on with: see the module's first lines."""
        busy = [
            self._runs[job.id]
            for lane in self._queue.lanes.values()
            for job in lane.busy
            if job.id in self._runs
        ]
        open_runs = [run for run in busy if run.waiting()]
        for run in open_runs:
            if run.job.id == last and not run.running():
                return run
        for run in open_runs:
            part = run.waiting()
            if part is not None and part.attempts:
                return run
        for name in self._queue.lanes:
            job = self._queue.next(name, now)
            if job is not None:
                return self._runs[job.id]
        return open_runs[0] if open_runs else None

    # ---- what becomes of parts and jobs ----------------------------------------------------------

    def _end_part(self, run: _Run, part: _Part, now: float) -> None:
        self._by_token.pop(part.token, None)
        part.state, part.work, part.fraction = "done", b"", 1.0
        self._settle(run, now)

    def _lose(self, run: _Run, part: _Part, now: float) -> None:
        """Begin a part again whose worker is lost; give it up after the second time."""
        if part.attempts >= _ATTEMPTS and not run.is_ending:
            run.error = tr(LOST_TWICE)
        if run.is_ending:
            self._end_part(run, part, now)
            return
        self._by_token.pop(part.token, None)
        part.state, part.worker, part.token = "waiting", "", ""
        run.note = run.job.note = tr(RETRIED)
        self._wake()

    def _settle(self, run: _Run, now: float) -> None:
        """End a job whose parts have all ended."""
        if run.is_ending:
            for part in run.parts:
                if part.state == "waiting":
                    part.state, part.work = "done", b""
        if any(part.state != "done" for part in run.parts):
            return
        run.common = ()
        job = run.job
        if run.error:
            job.end("failed", now, error=run.error)
        else:
            note = job.stop_reason or run.note
            job.end("stopped" if job.stop_reason else "done", now, note=note)
        if job in self._queue.lanes[job.lane].busy:
            self._queue.release(job, now)

    def _sweep(self) -> float:
        """Let jobs end whose time is over, and drop what is no longer kept; return the time."""
        now = time.monotonic()
        for lane in self._queue.lanes.values():
            lane.workers = max(1, len(self._scheduler.workers))
        self._queue.expire(now)
        for run, part in list(self._by_token.values()):
            if now - part.reported > _SILENT_SECONDS:
                self._lose(run, part, now)
        for run in list(self._runs.values()):
            if run.is_ending:
                self._settle(run, now)
            if not self._queue.is_kept(run.job) and not run.running():
                del self._runs[run.job.id]
        for ticket_id in [each for each in self._left if not self._queue.has(each)]:
            del self._left[ticket_id]
        return now

    def _wake(self) -> None:
        """Let the workers that wait for work look again."""
        for asker in self._askers:
            if not asker.done():
                asker.set_result(None)


def _answering(call: _Call) -> _Call:
    """Turn the errors that a visitor can cause into answers, which the caller raises again."""

    async def answer(**arguments: Any) -> dict[str, Any]:
        try:
            return await call(**arguments)
        except JobError as error:
            return {"error": type(error).__name__, "sentence": sent(str(error))}

    return answer
