"""What a job is to those who start, watch and run it.

A page hands a work function to a `Runner`, keeps the job's id in its URL and asks for a view of the
job now and then. `runner.LocalRunner` runs works on threads of this process.

Convention: all times are seconds on the runner's own clock, which never runs backwards. A work
function is a generator function at module level whose arguments can be pickled, so that a runner
in another process can take it too; so can what the job is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

State = Literal["queued", "running", "done", "stopped", "failed"]

Work = Callable[..., Iterator[Any]]
"""Called as `work(stop=…, **arguments)`; each item it yields replaces the one before as the newest.

`stop()` becomes true when the work should end: it then has a short while (`Limits.grace_seconds`)
to yield a last, complete item and return; after that it is closed at its next item, and that item
is the result.

An item may have a `fraction` (0 to 1: the share of the work that is done) and an `nbytes` (the
memory it holds); the runner reads both. Items are read by other threads: they must not change
after they have been yielded.
"""


@dataclass(frozen=True)
class Limits:
    """What one runner allows.

    Attributes:
        seconds: A job that has run this long ends, with the newest item it has.
        gone_seconds: A job ends when its visitor has not asked for it for this long.
        stop_seconds: A stopped job is over after this time, even if its work is still busy.
        grace_seconds: The part of that time in which the work may yield a last item.
        stuck_seconds: A work that still holds its thread this long after its job was over loses
            it: a new thread takes the next job.
        waiting: How many jobs may wait; one more is refused at once.
        kept: How many ended jobs are kept.
        kept_bytes: How much memory their items may hold together.
        kept_seconds: How long an ended job is kept after its visitor last asked for it.
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


@dataclass(frozen=True)
class JobView:
    """One job as its visitor sees it at one moment.

    Attributes:
        id: Names the job; cannot be guessed.
        title: What the visitor called it.
        page: The page that it was started on and is shown on.
        about: What its result is filed under, as the page gave it.
        state: Where it stands.
        position: 1 for the next to run, 2 for the one after it; 0 when it is not waiting.
        expected_wait_seconds: How long it will probably wait until it runs; 0 when not waiting.
        seconds: How long it has been running, or ran.
        limit_seconds: How long it may run at most.
        stopping: It still runs, but has been asked to end.
        closing: It is over, but its work is still busy and may yet yield a last item.
        newest: The item that its work yielded last; None before the first.
        note: Why it ended before its work was through, as a sentence; empty otherwise.
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
    newest: Any = None
    note: str = ""
    error: str = ""

    @property
    def live(self) -> bool:
        """Whether it is still waiting or running, so that asking again makes sense."""
        return self.state in ("queued", "running")


class Runner(Protocol):
    """What a page needs of whatever runs its jobs.

    Every call names the owner: a secret that only one visitor's browser has. Asking for a job of
    someone else, for one that never existed and for one that is no longer kept raises the same
    JobError.
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
        **arguments: Any,
    ) -> str:
        """Queue `work(stop=…, **arguments)` and return the job's id.

        Args:
            work: A generator function; its arguments are checked when it runs.
            owner: Who may see, stop and forget the job.
            title: What the visitor calls it.
            page: The page that shows it.
            about: What the page files its result under; handed back in the job's views.
            lane: Jobs of one lane wait for each other; each owner has one live job in each.
            seconds: How long the work will probably take, if known; improves the expected wait.
            arguments: Handed to the work as they are.

        Raises:
            JobError: The owner already has a live job in this lane.
            QueueFull: Too many jobs are waiting already.
        """
        ...

    def view(self, job_id: str, owner: str) -> JobView:
        """Return how the job stands, and count the call as a sign of life of its visitor.

        Raises:
            JobError: There is no such job for this owner.
        """
        ...

    def mine(self, owner: str) -> tuple[JobView, ...]:
        """Return the owner's jobs, newest first; also a sign of life."""
        ...

    def stop(self, job_id: str, owner: str) -> None:
        """Ask a live job to end and keep what it has; an ended one stays as it is.

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
