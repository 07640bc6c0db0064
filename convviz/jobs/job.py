"""The interface of jobs: work functions, limits, views, and the protocol of a runner.

A page submits a work function to a `Runner`, keeps the job's id in its URL and polls a view of the
job. `runner.LocalRunner` runs works on threads of this process, `cluster.ClusterRunner` on the
machines of a Dask cluster.

Convention: all times are seconds on the runner's clock, which never runs backwards. A work function
is a generator function at module level whose arguments can be pickled, so that a runner in another
process can run it too; the job's `about` can be pickled as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from convviz import limits

State = Literal["queued", "running", "done", "stopped", "failed"]

Work = Callable[..., Iterator[Any]]
"""Called as `work(stop=…, **arguments)`; each item that it yields replaces the previous one.

`stop()` becomes true when the work should end: it then has a short time (`Limits.grace_seconds`)
to yield a last, complete item and return; after that it is closed at its next item, and that item
is the result.

An item may have a `fraction` (0 to 1: the share of the work that is done) and an `nbytes` (the
memory that it takes); the runner reads both. Items are read by other threads: they must not change
after they have been yielded.
"""


Keep = Callable[[Any], object]
"""Called with a job's last item, in a thread of the runner; on a cluster, of whoever looks."""


@dataclass(frozen=True)
class Parts:
    """How a work is cut into parts that several machines can do at the same time.

    Each part is the same work with arguments of its own. A runner with one machine does not cut.

    Attributes:
        cut: Called with the work's arguments and the number of machines; returns what `join` needs
            to know of the whole, and the arguments of each part.
        join: Called with what `cut` told it and the newest item of each part that has begun, in the
            order of the parts; returns the item of the whole. None where there is none yet.
    """

    cut: Callable[[Mapping[str, Any], int], tuple[Any, Sequence[Mapping[str, Any]]]]
    join: Callable[[Any, Sequence[Any | None]], Any | None]


_PARTS: dict[Work, Parts] = {}


def set_parts(work: Work, parts: Parts) -> None:
    """Say how a work is cut into parts; called by the module that defines the work."""
    _PARTS[work] = parts


def parts_of(work: Work) -> Parts | None:
    """Return how a work is cut into parts; None if it is done by one machine."""
    return _PARTS.get(work)


@dataclass(frozen=True)
class Limits:
    """What one runner allows.

    Attributes:
        seconds: A job that has run this long ends, with its newest item.
        gone_seconds: A job ends when its visitor has not polled it for this long.
        stop_seconds: A stopped job ends after this time, even if its work still runs.
        grace_seconds: The part of that time in which the work may yield a last item.
        stuck_seconds: A thread whose work still runs this long after its job ended is given up: a
            new thread runs the next job.
        waiting: How many jobs may wait; one more is refused at once.
        kept: How many ended jobs are kept.
        kept_bytes: How much memory their items may take together.
        kept_seconds: How long an ended job is kept after its visitor last polled it.
        turn_seconds: How long a job works at most before the next one has its turn, where others
            wait and the runner can pause jobs; infinite: each job runs to its end.
    """

    seconds: float = 300.0
    gone_seconds: float = 120.0
    stop_seconds: float = 2.0
    grace_seconds: float = 1.5
    stuck_seconds: float = 30.0
    waiting: int = 30
    kept: int = 200
    kept_bytes: int = 256 * 2**20
    kept_seconds: float = 1800.0
    turn_seconds: float = float("inf")

    @classmethod
    def from_settings(cls) -> Limits:
        """Return what whoever started convviz allows."""
        return cls(
            seconds=limits.RUN_SECONDS.value,
            gone_seconds=limits.GONE_SECONDS.value,
            waiting=limits.WAITING_RUNS.value,
            kept=limits.KEPT_RUNS.value,
            kept_bytes=limits.KEPT_MEGABYTES.bytes,
            kept_seconds=limits.KEPT_SECONDS.value,
            turn_seconds=limits.TURN_SECONDS.value,
        )


@dataclass(frozen=True)
class JobView:
    """One job as its visitor sees it at one moment.

    Attributes:
        id: Identifies the job; cannot be guessed.
        title: What the visitor called it; like the note and the error it may have been told in
            another language, and is told `again` to whoever reads it.
        page: The page that it was started on and is shown on.
        about: What its result is filed under, as the page gave it.
        state: Its state; a job that is paused is "running".
        position: 1 for the next to run, 2 for the one after it; 0 when it is not waiting.
        expected_wait_seconds: How long it will probably wait until it runs; 0 when not waiting.
        seconds: How long it has been running, or ran, without its pauses.
        limit_seconds: How long it may run at most.
        stopping: It still runs, but has been asked to end.
        closing: It has ended, but its work still runs and may yield a last item.
        paused: It waits for its next turn, and goes on from where it was.
        others: How many other jobs take turns with it.
        joined: It was there when this visitor asked for it: somebody else had started the same.
        handed_on: It is the result of somebody else's run, which they share.
        newest: The item that its work yielded last; None before the first.
        note: Why it ended before its work was complete, as a sentence; empty otherwise.
        error: What went wrong, as a sentence; empty unless the state is "failed".
    """

    id: str
    title: str
    page: str
    about: Any
    state: State
    position: int = 0
    expected_wait_seconds: float = 0.0
    seconds: float = 0.0
    limit_seconds: float = 0.0
    stopping: bool = False
    closing: bool = False
    paused: bool = False
    others: int = 0
    joined: bool = False
    handed_on: bool = False
    newest: Any = None
    note: str = ""
    error: str = ""

    @property
    def live(self) -> bool:
        """Whether it waits or runs, so that its view may still change."""
        return self.state in ("queued", "running")


class Runner(Protocol):
    """What a page needs of a runner of jobs.

    Every call names the owner: a secret that only one visitor's browser has. A job of another
    owner, one that never existed and one that is no longer kept raise the same JobError.
    """

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
        """Queue `work(stop=…, **arguments)` and return the job's id.

        Args:
            work: A generator function; its arguments are checked when it runs.
            owner: Who may see, stop and forget the job.
            title: What the visitor calls it.
            page: The page that shows it.
            about: What the page files its result under; returned in the job's views.
            lane: Jobs of one lane wait for each other; an owner has at most one live job in each.
            seconds: How long the work will probably take, if known; improves the expected wait.
            same: Identifies what is computed. Where a job with the same text is under way, or is
                done and kept, its owner and this one share it: it is worked on once, and ends early
                when the last of them stops it. Empty for a job that nobody shares.
            finished: The work's last item, where it is known: the job is done at once.
            keep: Is given the last item once the work has come to its own end, whoever looks.
            arguments: Passed to the work unchanged.

        Raises:
            JobError: The owner already has a live job in this lane, or the runner is closing.
            QueueFull: Too many jobs are waiting already.
        """
        ...

    def is_of_another(self, job_id: str) -> bool:
        """Tell whether another runner gave out this id: the one before the server's restart."""
        ...

    def view(self, job_id: str, owner: str) -> JobView:
        """Return a view of the job, and record that its visitor is still there.

        Raises:
            JobError: There is no such job for this owner.
        """
        ...

    def mine(self, owner: str) -> tuple[JobView, ...]:
        """Return the owner's jobs, newest first, and record that their visitor is still there."""
        ...

    def stop(self, job_id: str, owner: str) -> None:
        """Ask a live job to end and keep its newest item; an ended one does not change.

        Raises:
            JobError: There is no such job for this owner.
        """
        ...

    def forget(self, job_id: str, owner: str) -> None:
        """Stop the job if it is live, and drop its result.

        Raises:
            JobError: There is no such job for this owner.
        """
        ...
