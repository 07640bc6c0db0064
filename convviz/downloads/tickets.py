"""One download for all callers, in this process and in others.

Each caller gets a ticket, a `Fetch`. Tickets for the same file share one download, in a separate
thread, which stops only when the last of them is cancelled. A file lock keeps other processes from
downloading the same file at the same time: they wait, and then find it in the cache.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from convviz.downloads import cache, http
from convviz.downloads.http import Progress
from convviz.errors import FetchCancelled, WeightsError
from convviz.language import tr

_log = logging.getLogger(__name__)

_running: dict[str, _Run] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Download:
    """The description of a download.

    Attributes:
        key: Name of the file; it also names the lock.
        total: Bytes to download, as far as that is known beforehand.
        room: Bytes of disk that it needs while it runs.
        here: Tells whether the file is in a folder, intact.
        fetch: Downloads it into a folder.
        about: A sentence for who is about to fetch it: its size and licence.
    """

    key: str
    total: int
    room: int
    here: Callable[[Path], bool]
    fetch: Callable[[Path, Progress], None]
    about: str = ""


class Fetch:
    """One caller's ticket for a download."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._cancelled = False

    @property
    def received(self) -> int:
        """Bytes that have arrived."""
        return self._run.progress.received

    @property
    def total(self) -> int | None:
        """Bytes to receive; None if the server has not stated it."""
        return self._run.progress.total

    @property
    def fraction(self) -> float:
        """How much has arrived, from 0 to 1; 0 if the total is not known."""
        return min(1.0, self.received / self.total) if self.total else 0.0

    @property
    def state(self) -> str:
        """One of "waiting" (for another process), "running", "done", "failed", "cancelled"."""
        return "cancelled" if self._cancelled else self._run.state

    @property
    def error(self) -> str:
        """One sentence: why it failed; empty otherwise."""
        return str(self._run.failure) if self.state == "failed" else ""

    def cancel(self) -> None:
        """Cancel the ticket; the download stops if it has no other."""
        with _lock:
            if self._run.ended.is_set():
                return
            self._cancelled = True
            self._run.tickets.discard(self)
            if not self._run.tickets:
                self._run.progress.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the download has ended.

        Args:
            timeout: Seconds to wait at most; None for as long as it takes.

        Returns:
            Whether it is done; False if the time is over.

        Raises:
            FetchCancelled: This ticket, or the download, was cancelled.
            WeightsError: It failed.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self._cancelled and not self._run.ended.wait(0.1):
            if end is not None and time.monotonic() >= end:
                return False
        if self._cancelled:
            raise FetchCancelled(tr("The download was stopped; nothing was kept of it."))
        if self._run.failure is not None:
            raise self._run.failure
        return True

    def settle(self, seconds: float) -> None:
        """Wait until a cancelled download has removed its unfinished files.

        Args:
            seconds: How long to wait at most.
        """
        self._run.ended.wait(seconds)


class _Run:
    """A download in its thread, shared by all its tickets."""

    def __init__(self, download: Download) -> None:
        self.download = download
        self.progress = Progress(total=download.total, limits=http.LIMITS)
        self.state = "running"
        self.failure: BaseException | None = None
        self.ended = threading.Event()
        # Weak: the ticket of a closed page must not keep others from stopping the download.
        self.tickets: weakref.WeakSet[Fetch] = weakref.WeakSet()
        self._thread = threading.Thread(target=self._run, name=f"fetch {download.key}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        try:
            self._fetch()
            state = "done"
        except FetchCancelled as error:
            self.failure, state = error, "cancelled"
        except WeightsError as error:
            self.failure, state = error, "failed"
        except OSError as error:
            self.failure, state = cache.unwritable(error), "failed"
        except BaseException as error:  # noqa: BLE001 - a bug; the callers that wait have to learn of it
            _log.exception("fetching %s", self.download.key)
            self.failure, state = error, "failed"
        with _lock:
            self.state = state
            if _running.get(self.download.key) is self:
                del _running[self.download.key]
        self.ended.set()

    def _fetch(self) -> None:
        folder, key = cache.prepare(), self.download.key
        lock = FileLock(folder / f"{key}.lock")
        while not lock.is_locked:
            try:
                lock.acquire(timeout=0.2)
            except Timeout:  # another process, or a cancelled download that is ending
                self.state = "waiting"
                parts = cache.parts(folder / key)
                self.progress.advance(max(map(cache.bytes_in, parts), default=0))
        try:
            self.progress.check()
            self.state = "running"
            cache.remove_parts(folder / key)
            if self.download.here(folder):
                self.progress.received = self.download.total
            else:
                cache.require_room(self.download.room)
                self.download.fetch(folder, self.progress)
        finally:
            lock.release()


def join(download: Download) -> Fetch:
    """Get a ticket for a download; starts it unless it is running already."""
    with _lock:
        run = _running.get(download.key)
        if run is None or run.progress.cancelled:
            run = _running[download.key] = _Run(download)
            run.start()
        ticket = Fetch(run)
        run.tickets.add(ticket)
    return ticket


def follow(ticket: Fetch, progress: Callable[[int, int], None] | None = None) -> None:
    """Wait for a download; if the waiting is interrupted, cancel the ticket.

    Args:
        ticket: From `join`.
        progress: Called repeatedly with the bytes received and the bytes in total.

    Raises:
        FetchCancelled: The ticket, or the download, was cancelled.
        WeightsError: It failed.
    """
    try:
        while not ticket.wait(0.2):
            if progress is not None:
                progress(ticket.received, ticket.total or 0)
        if progress is not None:
            progress(ticket.received, ticket.total or 0)
    except BaseException:
        ticket.cancel()
        ticket.settle(5)
        raise


@atexit.register
def _stop_all() -> None:
    """Stop the downloads that still run, so that no unfinished file remains."""
    with _lock:
        runs = list(_running.values())
    for run in runs:
        run.progress.cancel()
    for run in runs:
        run.ended.wait(5)
