"""The clock that work reads: it stands still while the work is paused.

Long work may be paused between two of its items, so that others have their turn (see `jobs.lane`).
A budget of seconds, and every duration that is shown, counts the seconds of the work alone: so a
run that was paused takes as many steps as one that was not. Where nothing is ever paused, this is
`time.perf_counter`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_of_thread = threading.local()


def seconds() -> float:
    """Return seconds that never run backwards; two of them are apart by the time worked between."""
    return time.perf_counter() - float(getattr(_of_thread, "paused", 0.0))


class Pauses:
    """Counts how long one work was paused; whoever runs it has it beside the work."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._since: float | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let the clock of this thread go on from where the work was paused last."""
        if self._since is not None:
            self._seconds += time.perf_counter() - self._since
        before = getattr(_of_thread, "paused", 0.0)
        _of_thread.paused = self._seconds
        try:
            yield
        finally:
            self._since = time.perf_counter()
            _of_thread.paused = before
