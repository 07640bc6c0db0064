"""Downloads from a server that misbehaves in every way we know."""

from pathlib import Path

import pytest

from convviz.downloads import cache, http
from convviz.downloads.http import StallLimits
from convviz.errors import WeightsError
from tests.download_server import IMPATIENT, PATIENT, STORED, Server, StoredFile, left_behind


def test_a_fetched_file_lies_in_the_cache_with_its_checksum(
    server: Server, stored: StoredFile
) -> None:
    ticket = stored.start()
    assert ticket.wait()
    assert (ticket.state, ticket.error, ticket.fraction) == ("done", "", 1.0)
    assert (ticket.received, ticket.total) == (len(STORED), len(STORED))
    assert stored.path.read_bytes() == STORED
    assert cache.intact(stored.path)
    assert sorted(left_behind()) == [stored.name, f"{stored.name}.sha256"]


def test_a_redirect_is_followed(server: Server, stored: StoredFile) -> None:
    server.way = "moved"
    stored.start().wait()
    assert server.requests == ["/tiny-file.pth", "/elsewhere"]


def test_a_server_that_states_no_size_will_do(server: Server, stored: StoredFile) -> None:
    server.way = "unsized"
    stored.start().wait()
    assert stored.path.read_bytes() == STORED


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
    stored: StoredFile,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    limits: StallLimits,
    sentence: str,
) -> None:
    monkeypatch.setattr(http, "LIMITS", limits)
    server.way = way
    ticket = stored.start()
    with pytest.raises(WeightsError, match=sentence):
        ticket.wait()
    assert ticket.state == "failed"
    assert ticket.error
    assert "/" not in ticket.error
    assert left_behind() == []


def test_a_server_that_is_not_there_is_named(server: Server, stored: StoredFile) -> None:
    server.url = "http://127.0.0.1:9/tiny.pth"
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1 cannot be reached"):
        stored.start().wait()


def test_a_disk_that_fills_up_meanwhile_is_told(
    server: Server, stored: StoredFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, checksum: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "record", full)
    with pytest.raises(WeightsError, match=r"No space left on device.*CONVVIZ_CACHE"):
        stored.start().wait()
    assert left_behind() == []


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(
        "http.client.HTTPSConnection.set_tunnel",
        lambda self, host, *args, **rest: opened.append(host),
    )
    with pytest.raises(OSError, match="refused"):
        http._open("https://download.example/x.pth", 30.0)
    assert [host.partition(":")[0] for host in opened] == ["download.example"]
