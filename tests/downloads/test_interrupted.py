"""Downloads that end in every bad way: killed, told to end, a full disk, many callers at once."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from convviz.downloads import cache, http
from convviz.errors import WeightsError
from tests.download_server import Server, StoredFile, left_behind, server, stored, until

__all__ = ["server", "stored"]

CHILD = """
import sys
from pathlib import Path
from convviz.downloads import cache, http
from convviz.downloads.tickets import Download, follow, join
url, name, prefix, size = sys.argv[1:]
fetch = lambda folder, progress: http.download(url, folder / name, prefix, progress)
print("ready", flush=True)
follow(join(Download(name, int(size), int(size), lambda f: cache.intact(f / name), fetch)))
"""


def received() -> int:
    folder = cache.folder()
    sizes = [p.stat().st_size for p in folder.glob("*.part")] if folder.is_dir() else []
    return max(sizes, default=-1)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(
    "tenth", [5, *(pytest.param(k, marks=pytest.mark.load) for k in (0, 1, 2, 3, 4, 6, 7, 8, 9))]
)
def test_a_process_that_ends_in_mid_download_leaves_nothing_that_is_used(
    server: Server, stored: StoredFile, how: signal.Signals, tenth: int
) -> None:
    """The server stops after so many tenths; the child is ended there; the next start recovers."""
    server.stored = os.urandom(2_000_000)
    server.way, server.share = "gated", tenth / 10
    size = len(server.stored)
    child = subprocess.Popen(
        [
            *(sys.executable, "-c", textwrap.dedent(CHILD)),
            *(server.url, stored.name, stored.prefix, str(size)),
        ],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        until(lambda: received() >= size * tenth // 10 - (1 << 18))
        child.send_signal(how)
        assert child.wait(20) != 0
    finally:
        child.kill()
        child.wait(20)
    assert not cache.intact(stored.path)
    assert not stored.path.exists()
    server.go_on.set()
    assert stored.start().wait(20)
    assert stored.path.read_bytes() == server.stored
    assert sorted(left_behind()) == sorted([stored.name, f"{stored.name}.sha256"])


def test_a_full_disk_ends_in_a_sentence_and_leaves_nothing(
    server: Server, stored: StoredFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.open

    class Full:
        def __init__(self, file: object) -> None:
            self.file = file

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()  # type: ignore[attr-defined]

        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    def opened(self: Path, mode: str = "r", *args: object, **kwargs: object) -> object:
        file = original(self, mode, *args, **kwargs)  # type: ignore[call-overload]
        return Full(file) if self.suffix == ".part" and mode == "xb" else file

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(WeightsError, match=r"cache folder \(No space left on device\)"):
        stored.start().wait(20)
    assert left_behind() == []
    monkeypatch.setattr(Path, "open", original)
    assert stored.start().wait(20)


def test_thirty_callers_share_one_download(server: Server, stored: StoredFile) -> None:
    server.way = "gated"
    tickets = [stored.start() for _ in range(30)]
    until(lambda: len(server.requests) == 1)
    server.go_on.set()
    assert all(ticket.wait(20) for ticket in tickets)
    assert len(server.requests) == 1
    assert stored.path.read_bytes() == server.stored


def test_a_loop_of_redirects_gets_a_sentence(server: Server, stored: StoredFile) -> None:
    server.way = "circle"
    with pytest.raises(WeightsError):
        stored.start().wait(20)
    assert left_behind() == []


def test_whatever_a_server_does_an_error_comes_within_a_minute() -> None:
    """By the limits: until it answers, and in which bytes have to arrive."""
    assert http.LIMITS.stall_seconds <= 30
