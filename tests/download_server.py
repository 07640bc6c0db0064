"""A server on this machine that can be made to misbehave in every way we know, and its file."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from convviz.downloads import cache, http
from convviz.downloads.http import Progress, StallLimits
from convviz.downloads.tickets import Download, Fetch, join

STORED = os.urandom(300_000)
PATIENT = StallLimits(stall_seconds=30, stall_bytes=50_000)
IMPATIENT = replace(PATIENT, stall_seconds=0.4)


@dataclass
class Server:
    """What the server does, and how often it was asked.

    Attributes:
        way: "whole", or a fault.
        stored: What it hands out.
        share: How much of it "gated" answers hand out first.
        go_on: Until this is set, "gated" answers stop after a share.
    """

    way: str = "whole"
    stored: bytes = STORED
    share: float = 0.5
    url: str = ""
    requests: list[str] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            state.requests.append(self.path)
            with suppress(OSError):  # the other side has hung up
                self.answer()

        def answer(self) -> None:
            body, half = state.stored, len(state.stored) // 2
            if state.way == "missing":
                self.send_error(404)
                return
            if state.way == "moved" and self.path != "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                return
            if state.way == "circle":
                self.send_response(302)
                self.send_header("Location", self.path)
                self.end_headers()
                return
            self.send_response(200)
            if state.way not in ("unsized", "endless"):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if state.way == "wrong":
                self.wfile.write(body[:-1] + bytes([body[-1] ^ 1]))
            elif state.way == "short":
                self.wfile.write(body[:half])
            elif state.way == "silent":
                self.wfile.write(body[:half])
                state.ended.wait(20)
            elif state.way == "drip":
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    if state.ended.wait(0.02):
                        return
            elif state.way == "endless":
                while not state.ended.is_set():
                    self.wfile.write(body)
            elif state.way == "gated":
                first = int(len(body) * state.share)
                self.wfile.write(body[:first])
                state.go_on.wait(60)
                self.wfile.write(body[first:])
            else:
                self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        state.url = f"http://127.0.0.1:{running.server_port}/tiny-file.pth"
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield state
        state.go_on.set()
        state.ended.set()
        running.shutdown()
        thread.join()


@dataclass(frozen=True)
class StoredFile:
    """The file that the server has stored, to be fetched into the cache."""

    server: Server

    @property
    def prefix(self) -> str:
        return hashlib.sha256(self.server.stored).hexdigest()[:8]

    @property
    def name(self) -> str:
        return f"tiny-{self.prefix}.pth"

    @property
    def path(self) -> Path:
        return cache.folder() / self.name

    def start(self) -> Fetch:
        size = len(self.server.stored)
        return join(Download(self.name, size, size + size // 50, self._is_here, self._fetch))

    def _is_here(self, folder: Path) -> bool:
        return cache.intact(folder / self.name)

    def _fetch(self, folder: Path, progress: Progress) -> None:
        http.download(self.server.url, folder / self.name, self.prefix, progress)


@pytest.fixture
def stored(server: Server, monkeypatch: pytest.MonkeyPatch) -> StoredFile:
    monkeypatch.setattr(http, "LIMITS", PATIENT)
    return StoredFile(server)


def left_behind() -> list[str]:
    return [path.name for path in cache.folder().iterdir() if path.suffix != ".lock"]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
