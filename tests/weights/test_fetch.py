"""Downloads from a server on this machine that can be made to misbehave in every way we know."""

import hashlib
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from torch import nn

from convviz.downloads import cache, http
from convviz.downloads import http as transfers
from convviz.downloads import tickets as download_tickets
from convviz.downloads.http import Limits
from convviz.errors import FetchCancelled, WeightsError
from convviz.networks import registry
from convviz.networks.network import NetworkSpec
from convviz.weights import fetch, sources
from convviz.weights.load import load
from convviz.weights.sources import TorchvisionFile

STORED = os.urandom(300_000)
PATIENT = Limits(stall_seconds=30, stall_bytes=50_000)
IMPATIENT = replace(PATIENT, stall_seconds=0.4)


@dataclass
class Server:
    """What the server does, and how often it was asked.

    Attributes:
        way: "whole", or a fault.
        stored: What it hands out.
        go_on: Until this is set, "gated" answers stop after their first half.
    """

    way: str = "whole"
    stored: bytes = STORED
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
                self.wfile.write(body[:half])
                state.go_on.wait(60)
                self.wfile.write(body[half:])
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


@pytest.fixture
def tiny(
    server: Server, fresh_registry: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], TorchvisionFile]:
    """Make a network called tiny, whose ImageNet weights are what the server has stored."""
    monkeypatch.setattr(registry, "_built_in", {*registry._built_in, "tiny"})
    monkeypatch.setattr(transfers, "LIMITS", PATIENT)
    registry.register(NetworkSpec(name="tiny", title="Tiny", build=lambda: nn.Linear(2, 3)))

    def describe() -> TorchvisionFile:
        prefix = hashlib.sha256(server.stored).hexdigest()[:8]
        name = f"tiny-{prefix}.pth"
        return TorchvisionFile(server.url, name, prefix, len(server.stored), ("a", "b", "c"))

    known = sources.torchvision_file
    monkeypatch.setattr(
        sources, "torchvision_file", lambda spec: describe() if spec.name == "tiny" else known(spec)
    )
    return describe


def fetched(tiny: Callable[[], TorchvisionFile]) -> Path:
    return cache.folder() / tiny().name


def left_behind() -> list[str]:
    return [path.name for path in cache.folder().iterdir() if path.suffix != ".lock"]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_a_fetched_file_lies_in_the_cache_with_its_checksum(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    ticket = fetch.start("tiny")
    assert ticket.wait()
    assert (ticket.state, ticket.error, ticket.fraction) == ("done", "", 1.0)
    assert (ticket.received, ticket.total) == (len(STORED), len(STORED))
    assert fetched(tiny).read_bytes() == STORED
    assert cache.intact(fetched(tiny))
    assert sorted(left_behind()) == [tiny().name, f"{tiny().name}.sha256"]


def test_what_is_here_is_not_fetched_again(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    for _ in range(2):
        ticket = fetch.start("tiny")
        ticket.wait()
        assert ticket.received == ticket.total == len(STORED)
    assert len(server.requests) == 1


def test_a_redirect_is_followed(server: Server, tiny: Callable[[], TorchvisionFile]) -> None:
    server.way = "moved"
    fetch.start("tiny").wait()
    assert server.requests == ["/tiny-file.pth", "/elsewhere"]


def test_a_server_that_states_no_size_will_do(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.way = "unsized"
    fetch.start("tiny").wait()
    assert fetched(tiny).read_bytes() == STORED


@pytest.mark.parametrize(
    ("way", "limits", "sentence"),
    [
        ("wrong", PATIENT, "checksum is wrong"),
        ("short", PATIENT, r"broke off after 0\.1 MB of 0\.3 MB"),
        ("missing", PATIENT, "404"),
        ("silent", IMPATIENT, r"stopped at 0\.1 MB"),
        ("drip", IMPATIENT, r"stopped at 0\.0 MB"),
        ("endless", PATIENT, "not the expected file"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalpha() else "",
)
def test_a_fault_becomes_one_sentence_and_leaves_nothing(
    server: Server,
    tiny: Callable[[], TorchvisionFile],
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    limits: Limits,
    sentence: str,
) -> None:
    monkeypatch.setattr(transfers, "LIMITS", limits)
    server.way = way
    ticket = fetch.start("tiny")
    with pytest.raises(WeightsError, match=sentence):
        ticket.wait()
    assert ticket.state == "failed"
    assert ticket.error
    assert "/" not in ticket.error
    assert left_behind() == []


def test_a_server_that_is_not_there_is_named(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.url = "http://127.0.0.1:9/tiny.pth"
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1 cannot be reached"):
        fetch.start("tiny").wait()


def test_after_a_failure_one_can_try_again(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.way = "wrong"
    with pytest.raises(WeightsError):
        fetch.start("tiny").wait()
    server.way = "whole"
    assert fetch.start("tiny").wait()


def test_thirty_threads_share_one_download_and_see_how_far_it_is(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.way = "gated"
    tickets: list[download_tickets.Fetch] = []
    outcomes: list[bool] = []

    def ask() -> None:
        ticket = fetch.start("tiny")
        tickets.append(ticket)
        outcomes.append(ticket.wait())

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    until(lambda: len(tickets) == 30 and all(t.received == len(STORED) // 2 for t in tickets))
    assert {ticket.fraction for ticket in tickets} == {0.5}
    assert {ticket.state for ticket in tickets} == {"running"}
    server.go_on.set()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 30
    assert len(server.requests) == 1


def test_only_the_last_asker_stops_a_download(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.way = "gated"
    first, second = fetch.start("tiny"), fetch.start("tiny")
    until(lambda: first.received > 0)
    first.cancel()
    assert first.state == "cancelled"
    with pytest.raises(FetchCancelled):
        first.wait()
    assert second.state == "running"
    server.go_on.set()
    assert second.wait()


def test_a_cancelled_download_stops_while_it_waits_for_bytes_and_leaves_nothing(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.way = "gated"
    ticket = fetch.start("tiny")
    until(lambda: ticket.received > 0)
    ticket.cancel()
    ticket.settle(20)
    assert ticket._download.state == "cancelled"
    assert left_behind() == []
    server.way = "whole"
    assert fetch.start("tiny").wait()


def test_a_ticket_that_nobody_holds_any_more_does_not_keep_a_download_going(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.way = "gated"
    fetch.start("tiny")
    ticket = fetch.start("tiny")
    ticket.cancel()
    ticket.settle(20)
    assert ticket._download.state == "cancelled"


def test_whoever_asks_after_a_cancel_gets_a_download_of_their_own(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.way = "gated"
    ticket = fetch.start("tiny")
    until(lambda: ticket.received > 0)
    ticket.cancel()
    server.way = "whole"
    assert fetch.start("tiny").wait()


def test_waiting_can_be_given_up_without_stopping(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.way = "gated"
    ticket = fetch.start("tiny")
    assert not ticket.wait(timeout=0.01)
    server.go_on.set()
    assert ticket.wait()


def test_follow_tells_how_far_it_is_and_stops_when_it_is_interrupted(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.way = "gated"
    ticket = fetch.start("tiny")
    seen: list[tuple[int, int]] = []

    def interrupt(received: int, total: int) -> None:
        seen.append((received, total))
        if received:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.follow(ticket, interrupt)
    assert seen[-1] == (len(STORED) // 2, len(STORED))
    assert ticket._download.ended.is_set()
    assert left_behind() == []


def test_leftovers_of_a_killed_process_are_removed(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    cache.prepare()
    (cache.folder() / f"{tiny().name}.123-abc.part").write_bytes(b"half")
    fetch.start("tiny").wait()
    assert sorted(left_behind()) == [tiny().name, f"{tiny().name}.sha256"]


def test_another_process_waits_and_then_finds_the_file(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.way = "gated"
    ticket = fetch.start("tiny")
    until(lambda: ticket.received > 0)
    file = tiny()
    script = f"""
import time
from convviz.downloads import cache, tickets
from convviz.downloads.http import download
from convviz.downloads.tickets import Job
path = cache.folder() / {file.name!r}
job = Job(
    {file.name!r}, {file.bytes}, {file.bytes}, lambda folder: cache.intact(path),
    lambda folder, transfer: download({file.url!r}, path, {file.sha256_prefix!r}, transfer),
)
ticket = tickets.join(job, "tiny", "imagenet")
for _ in range(1000):
    if ticket.state == "waiting" and ticket.received:
        break
    time.sleep(0.01)
print(ticket.received, flush=True)
ticket.wait()
print(ticket.state, flush=True)
"""
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline().strip() == str(len(STORED) // 2)
    server.go_on.set()
    assert other.stdout.readline().strip() == "done"
    assert other.wait(20) == 0
    ticket.wait()
    assert len(server.requests) == 1


def test_another_process_that_gets_nowhere_is_not_waited_for_for_ever(
    server: Server, tiny: Callable[[], TorchvisionFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "LIMITS", IMPATIENT)
    with FileLock(cache.prepare() / f"{tiny().name}.lock"):
        ticket = fetch.start("tiny")
        until(lambda: ticket.state == "waiting")
        with pytest.raises(WeightsError, match="almost nothing arrived"):
            ticket.wait()
    assert fetch.start("tiny").wait()


def test_a_full_disk_is_told_before_anything_is_fetched(
    server: Server, tiny: Callable[[], TorchvisionFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 100_000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(WeightsError, match=r"needs 0\.3 MB and 0\.1 MB are free.*CONVVIZ_CACHE"):
        fetch.start("tiny").wait()
    assert server.requests == []


def test_a_disk_that_fills_up_meanwhile_is_told(
    server: Server, tiny: Callable[[], TorchvisionFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, checksum: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "record", full)
    with pytest.raises(WeightsError, match=r"No space left on device.*CONVVIZ_CACHE"):
        fetch.start("tiny").wait()
    assert left_behind() == []


def test_a_folder_that_cannot_be_written_is_told(
    server: Server,
    tiny: Callable[[], TorchvisionFile],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CONVVIZ_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(WeightsError, match=r"cannot write to its cache folder.*CONVVIZ_CACHE"):
        fetch.start("tiny").wait()


def test_a_bug_reaches_whoever_waits(
    server: Server, tiny: Callable[[], TorchvisionFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(fetch, "download", broken)
    with pytest.raises(ZeroDivisionError):
        fetch.start("tiny").wait()


def test_what_cannot_be_fetched_is_said_at_once() -> None:
    with pytest.raises(WeightsError, match="no weights to fetch for VGG19"):
        fetch.start("vgg19", "encoder")
    with pytest.raises(WeightsError, match="no weights to fetch for GoogLeNet"):
        fetch.start("googlenet", "bundled")


def test_what_still_runs_at_the_end_is_stopped(
    server: Server, tiny: Callable[[], TorchvisionFile]
) -> None:
    server.way = "gated"
    ticket = fetch.start("tiny")
    until(lambda: ticket.received > 0)
    download_tickets._stop_all()
    assert ticket.state == "cancelled"
    assert left_behind() == []


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(
        "http.client.HTTPSConnection.set_tunnel",
        lambda self, host, *args, **rest: opened.append(host),
    )
    with pytest.raises(OSError, match="refused"):
        http._open("https://download.example/x.pth", PATIENT)
    assert [host.partition(":")[0] for host in opened] == ["download.example"]


@pytest.fixture
def real(server: Server, tiny: Callable[[], TorchvisionFile]) -> nn.Module:
    """Store a state dict on the server that fits the network called tiny."""
    module = nn.Linear(2, 3)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    server.stored = file.getvalue()
    return module


def test_load_fetches_the_full_weights_and_tells_how_far_it_is(
    server: Server, real: nn.Module
) -> None:
    seen: list[tuple[int, int]] = []
    network = load("tiny", progress=lambda *numbers: seen.append(numbers))
    assert seen[-1] == (len(server.stored), len(server.stored))
    assert network.weights.source == "imagenet"
    assert network.weights.sha256 == hashlib.sha256(server.stored).hexdigest()
    assert network.weights.bytes == len(server.stored)
    assert network.weights.classes == ("a", "b", "c")
    assert network.module.weight.equal(real.weight)


@pytest.mark.parametrize("weights", ["auto", "imagenet"])
def test_a_damaged_file_in_the_cache_is_fetched_again_once(
    server: Server, real: nn.Module, tiny: Callable[[], TorchvisionFile], weights: str
) -> None:
    load("tiny", weights)
    fetched(tiny).write_bytes(b"damaged")
    assert not any(place.here for place in sources.status("tiny") if place.source == "imagenet")
    assert load("tiny", weights).module.weight.equal(real.weight)
    assert len(server.requests) == 2
    server.way = "wrong"
    fetched(tiny).write_bytes(b"damaged again")
    with pytest.raises(WeightsError, match="checksum is wrong"):
        load("tiny", weights)
    assert len(server.requests) == 3


def test_a_damaged_file_is_named_where_nothing_may_be_fetched(
    server: Server, real: nn.Module, tiny: Callable[[], TorchvisionFile]
) -> None:
    load("tiny")
    fetched(tiny).write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="is there, but damaged"):
        load("tiny", fetch=False)
    assert len(server.requests) == 1
