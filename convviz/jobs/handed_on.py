"""Finished runs that their visitors hand on: in memory, for some hours, under an id like a key.

Nothing is here unless somebody has shared it. Whoever has the id can see the result, and nobody
else knows that it exists; only who shared it can end that.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from convviz.errors import JobError
from convviz.jobs.lane import bytes_of
from convviz.language import tr

MOST_OF_ONE = 10
"""So many results one visitor may share at a time."""


@dataclass(frozen=True)
class HandedOn:
    """A result that somebody shares.

    Attributes:
        id: What a link to it holds; cannot be guessed.
        owner: Who shares it.
        job_id: The run that it came of, as its owner knows it.
        page: The page that shows it.
        title: What its owner called the run.
        note: How the run ended, where it was not complete.
        about: What its page files the result under.
        result: The last item of its work.
        until: When it is dropped, on the clock of `HandedOnRuns`.
    """

    id: str
    owner: str = field(repr=False)
    job_id: str = field(repr=False)
    page: str
    title: str
    note: str
    about: Any
    result: Any = field(repr=False)
    until: float


class HandedOnRuns:
    """All results that are shared on one server.

    Args:
        seconds: Returns how long each is kept.
        most: Returns how many there may be.
        most_bytes: Returns how much memory they may take together.
        clock: Returns seconds that never run backwards; tests replace it.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        most: Callable[[], int],
        most_bytes: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._most, self._most_bytes = seconds, most, most_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._by_id: dict[str, HandedOn] = {}

    def share(
        self,
        owner: str,
        job_id: str,
        *,
        page: str,
        title: str,
        result: Any,
        note: str = "",
        about: Any = None,
    ) -> HandedOn:
        """Share a result; one that is shared already stays as it is.

        Args:
            owner: Who shares it.
            job_id: The run that it came of.
            page: The page that shows it.
            title: What the run is called.
            result: The last item of its work.
            note: How the run ended, where it was not complete.
            about: What its page files the result under.

        Raises:
            JobError: There are too many, or they take too much memory.
        """
        if not owner:
            raise ValueError("a shared result needs an owner")
        with self._lock:
            self._sweep()
            mine = [each for each in self._by_id.values() if _same(each.owner, owner)]
            for each in mine:
                if each.job_id == job_id:
                    return each
            if len(mine) >= MOST_OF_ONE:
                raise JobError(
                    tr(
                        "You share {count} results already, as many as one visitor may: stop "
                        "sharing one of them first.",
                        count=len(mine),
                    )
                )
            held = [(each.result, each.about) for each in self._by_id.values()]
            size = sum(bytes_of(part) for parts in (*held, (result, about)) for part in parts)
            if len(self._by_id) >= self._most() or size > self._most_bytes():
                raise JobError(
                    tr(
                        "This server holds as many shared results as it may: save yours with "
                        "the buttons beside it, or try again later."
                    )
                )
            made = HandedOn(
                secrets.token_urlsafe(24),
                owner,
                job_id,
                page,
                title,
                note,
                about,
                result,
                self._clock() + self._seconds(),
            )
            self._by_id[made.id] = made
            return made

    def get(self, shared_id: str) -> HandedOn | None:
        """Return what is shared under an id; None where there is nothing, or nothing any more."""
        with self._lock:
            self._sweep()
            return self._by_id.get(shared_id)

    def of(self, owner: str) -> tuple[HandedOn, ...]:
        """Return what a visitor shares, the oldest first."""
        with self._lock:
            self._sweep()
            return tuple(each for each in self._by_id.values() if _same(each.owner, owner))

    def seconds_left(self, shared: HandedOn) -> float:
        """Return how long a result is still shared."""
        return max(0.0, shared.until - self._clock())

    def stop(self, shared_id: str, owner: str) -> None:
        """Stop sharing a result; nothing happens to one of somebody else."""
        with self._lock:
            shared = self._by_id.get(shared_id)
            if shared is not None and _same(shared.owner, owner):
                del self._by_id[shared_id]

    def forget_all(self, owner: str) -> int:
        """Stop sharing all that a visitor shares; return how many there were."""
        shared = self.of(owner) if owner else ()
        for each in shared:
            self.stop(each.id, owner)
        return len(shared)

    def sweep(self) -> None:
        """Drop what was shared for long enough; called now and then, also when nobody comes."""
        with self._lock:
            self._sweep()

    def _sweep(self) -> None:
        now = self._clock()
        for each in list(self._by_id.values()):
            if now >= each.until:
                del self._by_id[each.id]


def _same(first: str, second: str) -> bool:
    return hmac.compare_digest(first.encode(), second.encode())
