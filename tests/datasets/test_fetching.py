"""Fetching published sets from a server on this machine: progress, Stop, faults, no network."""

import hashlib
import io
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from convviz.datasets import published
from convviz.datasets.labelled_set import split
from convviz.datasets.published import IMAGENETTE
from convviz.errors import FetchCancelled, SettingError, WeightsError
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import plan
from convviz.networks.network import Network

NOISE = 600_000  # bytes that do not pack, so that there is something to fetch


@dataclass
class Server:
    url: str = ""
    stored: bytes = b""
    gated: bool = False
    go_on: threading.Event = field(default_factory=threading.Event)
    asked: int = 0


def archive(per_class: int = 4) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as packed:

        def add(name: str, data: bytes) -> None:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))

        for number, colour in enumerate(("red", "blue")):
            for k in range(per_class):
                picture = io.BytesIO()
                Image.new("RGB", (50 + k, 40), colour).save(picture, "JPEG")
                folder = ("n01440764", "n03028079")[number]
                add(f"imagenette2-160/train/{folder}/{colour}{k}.JPEG", picture.getvalue())
        add("imagenette2-160/noise", hashlib.shake_256(b"x").digest(NOISE))
    return file.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server(stored=archive())

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            state.asked += 1
            half = len(state.stored) // 2
            with suppress(OSError):
                self.send_response(200)
                self.send_header("Content-Length", str(len(state.stored)))
                self.end_headers()
                self.wfile.write(state.stored[:half])
                if state.gated:
                    state.go_on.wait(30)
                self.wfile.write(state.stored[half:])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        state.url = f"http://127.0.0.1:{running.server_port}/imagenette2-160.tgz"
        wanted = replace(
            IMAGENETTE,
            url=state.url,
            bytes=len(state.stored),
            sha256=hashlib.sha256(state.stored).hexdigest(),
        )
        monkeypatch.setitem(published.SETS, "imagenette", wanted)
        yield state
        state.go_on.set()
        running.shutdown()
        thread.join()


def until(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def test_a_set_is_fetched_once_with_its_progress_and_can_be_learned(
    server: Server, tiny: Network
) -> None:
    with pytest.raises(SettingError, match="fetch it first"):
        published.published("imagenette", 8)
    server.gated = True
    ticket = published.start("imagenette")
    until(lambda: ticket.received)
    assert 0 < ticket.fraction < 1
    assert not published.is_here("imagenette")
    server.go_on.set()
    assert ticket.wait(20)
    assert published.is_here("imagenette")
    assert published.start("imagenette").wait(20)
    assert server.asked == 1
    assert not list(published.root().parent.glob("*.tgz*.part"))
    assert not (published.root().parent / "imagenette2-160.tgz").exists()
    dataset = published.published("imagenette", 8)
    assert dataset.classes == ("tench", "church")
    assert dataset.counts == (4, 4)
    assert dataset.name == "8 pictures of Imagenette"
    made = plan(tiny, "last-layer", dataset.classes)
    settings = TrainingSettings(epochs=1, size=32, batch=4)
    assert list(fit(made, dataset, split(dataset), settings))[-1].result is not None


def test_stop_ends_the_download_and_leaves_nothing(server: Server) -> None:
    server.gated = True
    ticket = published.start("imagenette")
    until(lambda: ticket.received)
    ticket.cancel()
    assert ticket.state == "cancelled"
    with pytest.raises(FetchCancelled):
        ticket.wait(5)
    ticket.settle(10)
    assert not published.is_here("imagenette")
    assert not [*published.root().parent.glob("imagenette*.part"), *published.root().glob("*")]


def test_another_file_in_its_place_is_refused(server: Server) -> None:
    server.stored = server.stored[:-1] + b"x"
    with pytest.raises(WeightsError, match="not the expected file"):
        published.start("imagenette").wait(20)
    assert not published.is_here("imagenette")


def test_an_archive_that_the_user_has_needs_no_network(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(tmp_path))
    given = tmp_path / "imagenette2-160.tgz"
    given.write_bytes(server.stored[:-1])
    with pytest.raises(WeightsError, match=r"imagenette2-160\.tgz .* is damaged"):
        published.start("imagenette").wait(20)
    given.write_bytes(server.stored)
    assert published.start("imagenette").wait(20)
    assert server.asked == 0
    assert given.read_bytes() == server.stored


@pytest.mark.parametrize("key", ["imagenette", "cifar10"])
def test_without_a_network_a_sentence_says_so(key: str, network_attempts: list[str]) -> None:
    with pytest.raises(WeightsError, match="cannot be reached: check the network"):
        published.start(key).wait(20)
    network_attempts.clear()
    assert not published.is_here(key)
