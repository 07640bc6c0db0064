"""Download one file over HTTP, checked before it takes its place.

The bytes go into a `.part` file of this process's own; only a file of the right size and checksum
is moved to where it belongs, in one step. Proxies are honoured as `urllib` honours them: from the
environment, or the system's settings on Windows and macOS.
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


@dataclass(frozen=True)
class Limits:
    """How patient a download is.

    Attributes:
        connect_seconds: Until an address of the server answers.
        stall_seconds: In which at least `stall_bytes` have to arrive.
        stall_bytes: What counts as progress: a byte now and then does not.
        poll_seconds: Between two looks at what another program or process does.
    """

    connect_seconds: float = 10.0
    stall_seconds: float = 60.0
    stall_bytes: int = 64 * 1024
    poll_seconds: float = 0.05


LIMITS = Limits()


@dataclass
class Progress:
    """What a download and those who wait for it tell each other.

    Attributes:
        total: Bytes there will be; None where the server has not said.
        received: Bytes there are.
        limits: How patient it is.
    """

    total: int | None = None
    received: int = 0
    limits: Limits = LIMITS
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _hang_up: Callable[[], None] | None = None
    _since: float = field(default_factory=time.monotonic)
    _then: int = 0

    def restart(self) -> None:
        """Begin to count from nothing, now."""
        self.received = self._then = 0
        self._since = time.monotonic()

    def advance(self, received: int) -> None:
        """Take note of how many bytes there are, and see whether to go on.

        Raises:
            FetchCancelled: Nobody wants them any more.
            WeightsError: Too little has arrived for too long.
        """
        self.check()
        self.received = received
        now = time.monotonic()
        if received - self._then >= self.limits.stall_bytes:
            self._since, self._then = now, received
        elif now - self._since > self.limits.stall_seconds:
            raise self.stalled()

    def check(self) -> None:
        """See whether somebody still wants the download.

        Raises:
            FetchCancelled: Nobody does.
        """
        if self._cancelled.is_set():
            raise FetchCancelled("The download was stopped; nothing was kept of it.")

    def stalled(self) -> WeightsError:
        """Put into a sentence that nothing arrives any more."""
        there = size_text(self.received)
        of = f" of {size_text(self.total)}" if self.total else ""
        return WeightsError(
            f"The download stopped at {there}{of}: almost nothing arrived for "
            f"{self.limits.stall_seconds:.0f} seconds; try again, perhaps on another network."
        )

    def when_cancelled(self, hang_up: Callable[[], None] | None) -> None:
        """Say how to wake the download where it waits for bytes."""
        self._hang_up = hang_up

    @property
    def cancelled(self) -> bool:
        """Whether it is to stop, or has."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop the download; it tidies up behind itself."""
        self._cancelled.set()
        hang_up = self._hang_up
        if hang_up is not None:
            hang_up()


_CHUNK = 1 << 18


def download(url: str, destination: Path, prefix: str, transfer: Progress) -> None:
    """Download a file into the cache.

    Args:
        url: Where from.
        destination: Where to, in the cache's folder.
        prefix: What the file's sha256 begins with, in hexadecimal digits.
        transfer: Told how far it is. Its `total` is what is expected, and becomes what the server
            states.

    Raises:
        FetchCancelled: The transfer was cancelled.
        WeightsError: The server does not answer, stalls, or sends something else.
        OSError: The file cannot be written.
    """
    part = destination.with_name(f"{destination.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")
    try:
        checksum = _receive(url, part, transfer)
        if not checksum.startswith(prefix):
            raise _wrong_file()
        cache.record(destination, checksum)
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)


def _receive(url: str, part: Path, transfer: Progress) -> str:
    """Write what the server sends into a file and return its sha256."""
    transfer.restart()
    most = 1.1 * transfer.total if transfer.total else float("inf")
    host = urlsplit(url).hostname or "the server"
    digest, received = hashlib.sha256(), 0
    with _network(host, transfer):
        response = _open(url, transfer.limits)
    with response, part.open("xb") as file:
        length = response.headers.get("Content-Length", "")
        stated = int(length) if length.isdigit() else None
        transfer.total = stated or transfer.total
        transfer.when_cancelled(lambda: _hang_up(response))
        try:
            while stated is None or received < stated:
                transfer.advance(received)
                if received > most:
                    raise _wrong_file()
                # read1 returns with whatever is there, so that a server that drips is noticed.
                with _network(host, transfer):
                    chunk = response.read1(_CHUNK)
                if not chunk:
                    break
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
        finally:
            transfer.when_cancelled(None)
    transfer.advance(received)
    if stated is not None and received < stated:
        raise WeightsError(
            f"The connection broke off after {size_text(received)} of {size_text(stated)}, so the "
            "file was removed: try again."
        )
    return digest.hexdigest()


class _PlainConnection(http.client.HTTPConnection):
    """Gives up on connecting sooner than on waiting for an answer."""

    stall_seconds: float

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self.stall_seconds)


class _SecureConnection(http.client.HTTPSConnection):
    """The same, encrypted."""

    stall_seconds: float

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self.stall_seconds)


class _PlainHandler(urllib.request.HTTPHandler):
    def __init__(self, connection: type[_PlainConnection]) -> None:
        super().__init__()
        self._connection = connection

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


class _SecureHandler(urllib.request.HTTPSHandler):
    def __init__(self, connection: type[_SecureConnection]) -> None:
        super().__init__()
        self._connection = connection

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


def _open(url: str, limits: Limits) -> http.client.HTTPResponse:
    """Ask for a file; the proxies come from urllib's own handlers."""
    patience = {"stall_seconds": limits.stall_seconds}
    opener = urllib.request.build_opener(
        _PlainHandler(type("_Plain", (_PlainConnection,), patience)),
        _SecureHandler(type("_Secure", (_SecureConnection,), patience)),
    )
    opener.addheaders = [("User-Agent", f"convviz/{__version__}")]
    answer: http.client.HTTPResponse = opener.open(url, timeout=limits.connect_seconds)
    return answer


def _hang_up(response: http.client.HTTPResponse) -> None:
    """Wake a thread that waits for bytes, by ending the connection under it."""
    with (
        suppress(OSError, ValueError),  # it has ended already
        socket.fromfd(response.fileno(), socket.AF_INET, socket.SOCK_STREAM) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


@contextmanager
def _network(host: str, transfer: Progress) -> Iterator[None]:
    """Turn what can go wrong on the way to the server into a sentence."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        transfer.check()
        raise _sentence(error, host, transfer) from error


def _sentence(
    error: OSError | http.client.HTTPException, host: str, transfer: Progress
) -> WeightsError:
    if isinstance(error, urllib.error.HTTPError):
        return WeightsError(
            f"{host} does not hand out the file (it answers {error.code} {error.reason}): try "
            "again later."
        )
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return WeightsError(
            f"The certificate of {host} could not be checked: where a proxy stands in between, set "
            "SSL_CERT_FILE to its certificates."
        )
    if isinstance(reason, TimeoutError) and transfer.received:
        return transfer.stalled()
    if isinstance(reason, TimeoutError):
        return WeightsError(f"{host} does not answer: try again, perhaps on another network.")
    if isinstance(error, urllib.error.URLError):
        return WeightsError(
            f"{host} cannot be reached: check the network connection (and HTTPS_PROXY, where there "
            "is a proxy)."
        )
    return WeightsError(f"The connection to {host} broke off: try again.")


def _wrong_file() -> WeightsError:
    return WeightsError(
        "What arrived is not the expected file (its checksum is wrong), so it was removed: try "
        "again; if it stays so, something on the way, such as a network's login page, answers in "
        "the server's place."
    )
