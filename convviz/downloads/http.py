"""Download one file over HTTP and check it.

The bytes go into a `.part` file of this process; only a file of the right size and checksum is
moved to its path, in one step. `urllib` takes the certificates from the system, and proxies
from the environment or, on Windows and macOS, from the system's settings.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from convviz import __version__
from convviz.downloads import cache
from convviz.errors import FetchCancelled, WeightsError
from convviz.formatting import size_text
from convviz.language import tr

_CHUNK = 1 << 18


@dataclass(frozen=True)
class StallLimits:
    """How long a download waits for bytes.

    Attributes:
        stall_seconds: Longest time until the server answers, and in which `stall_bytes` have to
            arrive.
        stall_bytes: The least that counts as progress: a byte now and then does not.
    """

    stall_seconds: float = 30.0
    stall_bytes: int = 64 * 1024


LIMITS = StallLimits()


@dataclass
class Progress:
    """How far a download is, and its cancellation.

    Attributes:
        total: Bytes to receive; None if the server has not stated it.
        received: Bytes that have arrived.
        limits: How long to wait.
    """

    total: int | None = None
    received: int = 0
    limits: StallLimits = LIMITS
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _disconnect: Callable[[], None] | None = None
    _stall_start: float = field(default_factory=time.monotonic)
    _stall_received: int = 0

    def restart(self) -> None:
        """Set the count and the clock to zero."""
        self.received = self._stall_received = 0
        self._stall_start = time.monotonic()

    def advance(self, received: int) -> None:
        """Record how many bytes have arrived.

        Raises:
            FetchCancelled: The download was cancelled.
            WeightsError: Too little has arrived for too long.
        """
        self.check()
        self.received = received
        now = time.monotonic()
        if received - self._stall_received >= self.limits.stall_bytes:
            self._stall_start, self._stall_received = now, received
        elif now - self._stall_start > self.limits.stall_seconds:
            raise self.stalled()

    def check(self) -> None:
        """Raise if the download was cancelled.

        Raises:
            FetchCancelled: It was.
        """
        if self.cancelled:
            raise FetchCancelled(tr("The download was stopped; nothing was kept of it."))

    def stalled(self) -> WeightsError:
        """Make the error for a download that no longer receives anything."""
        received, seconds = size_text(self.received), self.limits.stall_seconds
        if not self.total:
            return WeightsError(
                tr(
                    "The download stopped at {received}: almost nothing arrived for {seconds:.0f} "
                    "seconds; try again, perhaps on another network.",
                    received=received,
                    seconds=seconds,
                )
            )
        return WeightsError(
            tr(
                "The download stopped at {received} of {total}: almost nothing arrived for "
                "{seconds:.0f} seconds; try again, perhaps on another network.",
                received=received,
                total=size_text(self.total),
                seconds=seconds,
            )
        )

    def when_cancelled(self, disconnect: Callable[[], None] | None) -> None:
        """Set the function that wakes the download while it waits for bytes."""
        self._disconnect = disconnect

    @property
    def cancelled(self) -> bool:
        """Whether the download has been cancelled."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop the download; it removes its unfinished file itself."""
        self._cancelled.set()
        disconnect = self._disconnect
        if disconnect is not None:
            disconnect()


def download(url: str, destination: Path, prefix: str, progress: Progress) -> None:
    """Download a file into the cache.

    Args:
        url: Address of the file.
        destination: Path of the file in the cache's folder.
        prefix: What the file's sha256 begins with, in hexadecimal digits.
        progress: Updated during the download. Its `total` is the expected size, and becomes the one
            that the server states.

    Raises:
        FetchCancelled: The download was cancelled.
        WeightsError: The server does not answer, stalls, or sends something else.
        OSError: The file cannot be written.
    """
    part = destination.with_name(f"{destination.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")
    try:
        checksum = _receive(url, part, progress)
        if not checksum.startswith(prefix):
            raise _wrong_file()
        cache.record(destination, checksum)
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)


def _receive(url: str, part: Path, progress: Progress) -> str:
    """Write what the server sends into a file and return its sha256."""
    progress.restart()
    limit = 1.1 * progress.total if progress.total else float("inf")
    host = urlsplit(url).hostname or tr("the server")
    digest, received = hashlib.sha256(), 0
    with _errors_as_sentences(host, progress):
        response = _open(url, progress.limits.stall_seconds)
    with response, part.open("xb") as file:
        length = response.headers.get("Content-Length", "")
        content_length = int(length) if length.isdigit() else None
        progress.total = content_length or progress.total
        progress.when_cancelled(lambda: _disconnect(response))
        try:
            while content_length is None or received < content_length:
                progress.advance(received)
                if received > limit:
                    raise _wrong_file()
                # read1 returns as soon as any bytes have arrived, so that a slow server is noticed.
                with _errors_as_sentences(host, progress):
                    chunk = response.read1(_CHUNK)
                if not chunk:
                    break
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
        finally:
            progress.when_cancelled(None)
    progress.advance(received)
    if content_length is not None and received < content_length:
        raise WeightsError(
            tr(
                "The connection broke off after {received} of {total}, so the file was removed: "
                "try again.",
                received=size_text(received),
                total=size_text(content_length),
            )
        )
    return digest.hexdigest()


def _open(url: str, seconds: float) -> http.client.HTTPResponse:
    """Ask for a file, with a new opener: the environment's proxies may have changed."""
    request = urllib.request.Request(  # noqa: S310 - the addresses are constants of convviz
        url, headers={"User-Agent": f"convviz/{__version__}"}
    )
    response: http.client.HTTPResponse = urllib.request.build_opener().open(
        request, timeout=seconds
    )
    return response


def _disconnect(response: http.client.HTTPResponse) -> None:
    """Wake a thread that waits for bytes, by ending its connection."""
    with (
        suppress(OSError, ValueError),  # the connection has ended already
        socket.fromfd(response.fileno(), socket.AF_INET, socket.SOCK_STREAM) as connection,
    ):
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def _errors_as_sentences(host: str, progress: Progress) -> Iterator[None]:
    """Turn errors of the network into a WeightsError, or FetchCancelled after a cancel."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        progress.check()
        raise _sentence(error, host, progress) from error


def _sentence(
    error: OSError | http.client.HTTPException, host: str, progress: Progress
) -> WeightsError:
    if isinstance(error, urllib.error.HTTPError):
        return WeightsError(
            tr(
                "{host} does not hand out the file (it answers {code} {reason}): try again later.",
                host=host,
                code=error.code,
                reason=error.reason,
            )
        )
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return WeightsError(
            tr(
                "The certificate of {host} could not be checked: where a proxy stands in "
                "between, set SSL_CERT_FILE to its certificates.",
                host=host,
            )
        )
    if isinstance(reason, TimeoutError) and progress.received:
        return progress.stalled()
    if isinstance(reason, TimeoutError):
        return WeightsError(
            tr("{host} does not answer: try again, perhaps on another network.", host=host)
        )
    if isinstance(error, urllib.error.URLError):
        return WeightsError(
            tr(
                "{host} cannot be reached: check the network connection (and HTTPS_PROXY, "
                "where there is a proxy).",
                host=host,
            )
        )
    return WeightsError(tr("The connection to {host} broke off: try again.", host=host))


def _wrong_file() -> WeightsError:
    return WeightsError(
        tr(
            "What arrived is not the expected file (its checksum is wrong), so it was removed: try "
            "again; if it stays so, something on the way, such as a network's login page, answers "
            "in the server's place."
        )
    )
