"""A worker's side of a cluster: a thread that asks for work, does it, and reports.

`ClusterWorker` is a plugin of Dask's workers. Each worker process does one part at a time, with as
many threads of PyTorch as Dask gave it. While it works, a second thread reports the newest item
several times a second, and hears whether to stop.
"""

from __future__ import annotations

import io
import logging
import pickle
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from distributed import Worker, WorkerPlugin
from distributed.utils import sync

from convviz.errors import ConvvizError, is_about_memory, memory_short
from convviz.jobs.coordinator import PREFIX
from convviz.jobs.sentences import sent
from convviz.language import later, tr

_log = logging.getLogger(__name__)

_REPORT_SECONDS = 0.2
_CALL_SECONDS = 60.0
_ALONE_SECONDS = 30.0  # without the scheduler a work ends after this time

UNREADABLE = later(
    "A machine of the cluster could not read this work: it probably has another version "
    "of convviz or of PyTorch than the server. Tell whoever runs this app."
)


def too_large(size: int, most: int) -> str:
    """Say that a result is too large for the cluster.

    Args:
        size: Its bytes.
        most: How many are allowed.
    """
    return tr(
        "The result takes {size:,.1f} MB, and no more than {most:,.1f} MB may come back "
        "from the cluster: choose a smaller image or fewer steps.",
        size=size / 1e6,
        most=most / 1e6,
    )


def fault(error_id: str) -> str:
    """Say that there is a bug, with the id under which the machine's log has it."""
    return tr(
        "Something went wrong inside convviz (error {error_id}, noted in the log of a "
        "machine of the cluster): try other settings, or tell whoever runs this app.",
        error_id=error_id,
    )


class _Attempt:
    """A part that is being worked on, as the working and the reporting thread share it.

    Attributes:
        newest: The item yielded last.
        error: What went wrong, as a sentence.
        done: Set once the work has returned.
        given_up: Whether another thread has taken this one's place.
    """

    def __init__(self, assigned: dict[str, Any]) -> None:
        self.job: str = assigned["job"]
        self.token: str = assigned["token"]
        self.grace: float = assigned["grace"]
        self.item_bytes: int = assigned["item_bytes"]
        self.newest: Any = None
        self.error = ""
        self.done = threading.Event()
        self.given_up = False
        self._stopped_at: float | None = None

    def stop(self) -> bool:
        """Tell whether the work should end."""
        return self._stopped_at is not None

    def request_stop(self) -> None:
        """Ask the work to end."""
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()

    def grace_is_over(self) -> bool:
        """Tell whether a stopped work may yield no further item."""
        return self._stopped_at is not None and time.monotonic() - self._stopped_at >= self.grace


class _Unpickler(pickle.Unpickler):
    """Reads a part whose common objects `cluster` has put as numbers."""

    def __init__(self, data: bytes, common: Mapping[int, Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._common = common

    def persistent_load(self, pid: int) -> Any:
        return self._common[pid]


class ClusterWorker(WorkerPlugin):
    """Does the work of convviz' jobs on a worker of Dask.

    Args:
        prepare: Called in the working thread before its first work, with the number of threads that
            the worker has.
    """

    name = "convviz"
    idempotent = True

    def __init__(self, prepare: Callable[[int], None] | None = None) -> None:
        self._prepare = prepare

    def setup(self, worker: Worker) -> None:
        """Start the thread that works."""
        self._worker = worker
        self._closing = threading.Event()
        self._start()

    def teardown(self, worker: Worker) -> None:
        """Take no more work."""
        self._closing.set()

    def _start(self) -> None:
        threading.Thread(target=self._work, name="convviz-compute", daemon=True).start()

    def _work(self) -> None:
        """Do one part after the other until the worker closes."""
        if self._prepare is not None:
            try:
                self._prepare(self._worker.state.nthreads)
            except Exception:  # noqa: BLE001 - without it jobs run as well, only slower
                _log.exception("a worker could not be prepared")
        last = ""
        common: dict[int, Any] = {}  # what the parts of that job have in common, by number
        while not self._closing.is_set():
            try:
                assigned = self._call(
                    "next", worker=self._worker.address, last=last, have=list(common)
                )
            except (OSError, RuntimeError):  # Dask closes the worker if this lasts
                assigned = None
            if assigned is None:  # or the scheduler was started anew, and has no queue yet
                self._closing.wait(1.0)
                continue
            if not assigned:
                common = {}  # nothing to do for a while: it need not wait in memory
                continue
            if assigned["job"] != last:
                common = {}
            last = assigned["job"]
            attempt = _Attempt(assigned)
            reporting = threading.Thread(target=self._report, args=(attempt,), daemon=True)
            reporting.start()
            self._do(attempt, assigned.pop("work"), assigned.pop("common"), common)
            attempt.done.set()
            reporting.join()
            if attempt.given_up:
                return

    def _do(
        self,
        attempt: _Attempt,
        data: bytes,
        new: Mapping[int, bytes],
        common: dict[int, Any],
    ) -> None:
        """Do a part, item by item.

        Args:
            attempt: The part.
            data: Its pickled work.
            new: Objects that it needs, pickled, by number; they are added to the next.
            common: Those that are here.
        """
        try:
            for number, each in new.items():
                common[number] = pickle.loads(each)  # noqa: S301 - who reaches the cluster is trusted
            work, arguments = _Unpickler(data, common).load()
        except Exception:  # noqa: BLE001 - whatever a class of another version raises
            _log.exception("the work of job %r cannot be read", attempt.job)
            attempt.error = tr(UNREADABLE)
            return
        try:
            items = work(stop=attempt.stop, **arguments)
            try:
                for item in items:
                    attempt.newest = item
                    if attempt.grace_is_over():
                        return
            finally:
                close = getattr(items, "close", None)  # a plain iterator has none
                if close is not None:
                    close()
        except ConvvizError as error:
            attempt.error = str(error)
        except BaseException as error:  # noqa: BLE001 - a bug in one work must not stop the worker
            error_id = secrets.token_hex(4)
            _log.exception("error %s in job %r", error_id, attempt.job)
            attempt.error = memory_short(error_id) if is_about_memory(error) else fault(error_id)

    def _report(self, attempt: _Attempt) -> None:
        """Report on a part until it is done."""
        reported: Any = None
        heard = time.monotonic()
        while True:
            done = attempt.done.wait(_REPORT_SECONDS)
            item = attempt.newest
            data = None
            if item is not None and item is not reported:
                data = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
                if len(data) > attempt.item_bytes:
                    attempt.error = too_large(len(data), attempt.item_bytes)
                    attempt.request_stop()
                    data = None
            try:
                answer = self._call(
                    "report",
                    token=attempt.token,
                    item=data,
                    fraction=float(getattr(item, "fraction", None) or 0.0),
                    done=done,
                    error=sent(attempt.error) if done else "",
                )
            except (OSError, RuntimeError):
                if time.monotonic() - heard > _ALONE_SECONDS or self._closing.is_set():
                    attempt.request_stop()
                    if done:
                        return
                self._closing.wait(1.0)
                continue
            heard, reported = time.monotonic(), item
            if answer is None or answer["stop"]:
                attempt.request_stop()
            if done:
                return
            if answer and answer["given_up"] and not attempt.given_up:
                attempt.given_up = True
                self._start()

    def _call(self, name: str, **arguments: Any) -> dict[str, Any] | None:
        """Call the coordinator; None if the scheduler has none."""
        call = getattr(self._worker.scheduler, PREFIX + name)
        answer: dict[str, Any] | None = sync(
            self._worker.loop, call, callback_timeout=_CALL_SECONDS, **arguments
        )
        return answer
