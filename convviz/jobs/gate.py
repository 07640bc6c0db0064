"""Who goes first: the passes of pages, then the steps of jobs.

A page's pass takes a fraction of a second and somebody waits for it; a job takes minutes. So a job
waits between two of its steps while a page computes, but no longer than it has worked before, and
never for long: with pages that come without a pause it still has half of the time.

A step that has begun is not interrupted. Its threads have a lower priority where the system lets a
thread have one of its own (`give_way`), so that a page that comes in its middle gets most of the
processor.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)

MOST_SECONDS = 1.0
"""A job waits no longer than this at once."""

# Of 19. A page's threads then get three times as much of a core as the job's beside them, and a job
# on a machine where other programs work still gets its part.
_NICENESS = 5


class Gate:
    """Lets the passes of pages go before the steps of jobs.

    Args:
        most_seconds: How long a job waits at most at once.
        clock: Returns seconds that never run backwards; tests replace it.
    """

    def __init__(
        self, most_seconds: float = MOST_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most_seconds = most_seconds
        self._clock = clock
        self._changed = threading.Condition()
        self._pages = 0
        self._waiting = 0
        self._of_thread = (
            threading.local()
        )  # how long its job may wait, as it last went on, and when

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        with self._changed:
            return self._waiting

    @contextmanager
    def page(self) -> Iterator[None]:
        """Mark what is computed for a page."""
        with self._changed:
            self._pages += 1
        try:
            yield
        finally:
            with self._changed:
                self._pages -= 1
                self._changed.notify_all()

    def wait(self) -> None:
        """Wait until no page computes; a job calls this before each of its steps.

        Each second of work allows a second of waiting, up to the most at once.
        """
        with self._changed:
            if not self._pages:
                return
            begun = self._clock()
            left, since = getattr(self._of_thread, "allowed", (self._most_seconds, begun))
            until = begun + min(self._most_seconds, left + begun - since)
            self._waiting += 1
            try:
                while self._pages and (left := until - self._clock()) > 0:
                    self._changed.wait(left)
            finally:
                self._waiting -= 1
                now = self._clock()
                self._of_thread.allowed = (max(0.0, until - now), now)


GATE = Gate()
"""The one that the pages and the jobs of a server share."""


def give_way() -> None:
    """Lower the priority of the calling thread, and of the threads that it will start."""
    if not sys.platform.startswith("linux"):  # elsewhere this would be the whole process
        return
    thread = threading.get_native_id()
    try:
        priority = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(19, priority + _NICENESS))
    except OSError:  # a sandbox may forbid it; jobs run as well without
        _log.warning("the priority of a worker thread could not be lowered", exc_info=True)
