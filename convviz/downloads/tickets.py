"""One download however many ask for it, in this process and in others.

Whoever asks gets a ticket, a `Fetch`. Tickets for the same thing share one download, in a thread of
its own, which stops only when the last of them is cancelled. A file lock keeps other processes from
downloading the same thing at the same time: they wait, and then find it.
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

from convviz.downloads import cache
from convviz.downloads import http as transfers
from convviz.downloads.http import Progress
from convviz.errors import FetchCancelled, WeightsError

_log = logging.getLogger(__name__)


_running: dict[str, _Download] = {}


_lock = threading.Lock()


@dataclass(frozen=True)
class Job:
    """What one download brings.

    Attributes:
        key: Name of the file or package; it also names the lock.
        total: Bytes that come over the network, as far as they are known beforehand.
        room: Bytes of disk that it needs while it runs.
        here: Whether it is in the cache already, intact.
        fetch: Brings it, into the folder given.
    """

    key: str
    total: int
    room: int
    here: Callable[[Path], bool]
    fetch: Callable[[Path, Progress], None]


class Fetch:
    """A ticket for a download, for one asker.

    Attributes:
        network: The network it is for.
        source: "imagenet" for weights, "images" for a set of images.
    """

    def __init__(self, network: str, source: str, download: _Download) -> None:
        self.network = network
        self.source = source
        self._download = download
        self._cancelled = False

    @property
    def received(self) -> int:
        """Bytes that have arrived."""
        return self._download.transfer.received

    @property
    def total(self) -> int | None:
        """Bytes there will be; None where the server has not said."""
        return self._download.transfer.total

    @property
    def fraction(self) -> float:
        """How much has arrived, from 0 to 1; 0 where the total is not known."""
        return min(1.0, self.received / self.total) if self.total else 0.0

    @property
    def state(self) -> str:
        """One of "waiting" (for another process), "running", "done", "failed", "cancelled"."""
        return "cancelled" if self._cancelled else self._download.state

    @property
    def error(self) -> str:
        """One sentence: why it failed; empty otherwise."""
        return str(self._download.failure) if self.state == "failed" else ""

    def cancel(self) -> None:
        """Give the ticket back; the download stops if nobody else holds one."""
        with _lock:
            if self._download.ended.is_set():
                return
            self._cancelled = True
            self._download.tickets.discard(self)
            if not self._download.tickets:
                self._download.transfer.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the download has ended.

        Args:
            timeout: Seconds to wait at most; None for as long as it takes.

        Returns:
            Whether it is done; False when the time was up before.

        Raises:
            FetchCancelled: This ticket, or the download, was cancelled.
            WeightsError: It failed.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self._cancelled and not self._download.ended.wait(0.1):
            if end is not None and time.monotonic() >= end:
                return False
        if self._cancelled:
            raise FetchCancelled("The download was stopped; nothing was kept of it.")
        if self._download.failure is not None:
            raise self._download.failure
        return True

    def settle(self, seconds: float) -> None:
        """Give a cancelled download a moment to tidy up behind itself."""
        self._download.ended.wait(seconds)


class _Download:
    """One download, in a thread of its own, for all who hold a ticket."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.transfer = Progress(total=job.total, limits=transfers.LIMITS)
        self.state = "running"
        self.failure: BaseException | None = None
        self.ended = threading.Event()
        # Weak: a page that was closed and forgot its ticket must not keep others from stopping it.
        self.tickets: weakref.WeakSet[Fetch] = weakref.WeakSet()
        self._thread = threading.Thread(target=self._run, name=f"fetch {job.key}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        try:
            self._bring()
            state = "done"
        except FetchCancelled as error:
            self.failure, state = error, "cancelled"
        except WeightsError as error:
            self.failure, state = error, "failed"
        except OSError as error:
            self.failure, state = cache.unwritable(error), "failed"
        except BaseException as error:  # noqa: BLE001 - a bug, which those who wait must hear of
            _log.exception("fetching %s", self.job.key)
            self.failure, state = error, "failed"
        with _lock:
            self.state = state
            if _running.get(self.job.key) is self:
                del _running[self.job.key]
        self.ended.set()

    def _bring(self) -> None:
        folder = cache.prepare()
        lock = FileLock(folder / f"{self.job.key}.lock")
        while not lock.is_locked:
            try:
                lock.acquire(timeout=0.2)
            except Timeout:  # another process, or a cancelled download that is tidying up
                self.state = "waiting"
                there = cache.parts(folder / self.job.key)
                self.transfer.advance(max(map(cache.bytes_in, there), default=0))
        try:
            self.transfer.check()
            self.state = "running"
            cache.remove_parts(folder / self.job.key)
            if self.job.here(folder):
                self.transfer.received = self.job.total
            else:
                cache.require_room(self.job.room)
                self.job.fetch(folder, self.transfer)
        finally:
            lock.release()


def join(job: Job, network: str, source: str) -> Fetch:
    """Get a ticket for a download; begins it unless it is on its way already."""
    with _lock:
        download = _running.get(job.key)
        if download is None or download.transfer.cancelled:
            download = _running[job.key] = _Download(job)
            download.start()
        ticket = Fetch(network, source, download)
        download.tickets.add(ticket)
    return ticket


@atexit.register
def _stop_all() -> None:
    """Stop what still runs, so that no half file and no child process stays behind."""
    with _lock:
        downloads = list(_running.values())
    for running in downloads:
        running.transfer.cancel()
    for running in downloads:
        running.ended.wait(5)
