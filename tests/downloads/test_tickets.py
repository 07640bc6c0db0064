"""Tickets: one download however many ask for it, in this process and in others."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from convviz.downloads import cache, http, tickets
from convviz.downloads.tickets import Fetch, follow
from convviz.errors import FetchCancelled, WeightsError
from tests.download_server import IMPATIENT, STORED, Server, StoredFile, left_behind, until


def test_what_is_here_is_not_fetched_again(server: Server, stored: StoredFile) -> None:
    for _ in range(2):
        ticket = stored.start()
        ticket.wait()
        assert ticket.received == ticket.total == len(STORED)
    assert len(server.requests) == 1


def test_after_a_failure_one_can_try_again(server: Server, stored: StoredFile) -> None:
    server.way = "wrong"
    with pytest.raises(WeightsError):
        stored.start().wait()
    server.way = "whole"
    assert stored.start().wait()


def test_thirty_threads_share_one_download_and_see_how_far_it_is(
    server: Server, stored: StoredFile
) -> None:
    server.way = "gated"
    given: list[Fetch] = []
    outcomes: list[bool] = []

    def ask() -> None:
        ticket = stored.start()
        given.append(ticket)
        outcomes.append(ticket.wait())

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    until(lambda: len(given) == 30 and all(t.received == len(STORED) // 2 for t in given))
    assert {ticket.fraction for ticket in given} == {0.5}
    assert {ticket.state for ticket in given} == {"running"}
    server.go_on.set()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 30
    assert len(server.requests) == 1


def test_only_the_last_asker_stops_a_download(server: Server, stored: StoredFile) -> None:
    server.way = "gated"
    first, second = stored.start(), stored.start()
    until(lambda: first.received > 0)
    first.cancel()
    assert first.state == "cancelled"
    with pytest.raises(FetchCancelled):
        first.wait()
    assert second.state == "running"
    server.go_on.set()
    assert second.wait()


def test_a_cancelled_download_stops_while_it_waits_for_bytes_and_leaves_nothing(
    server: Server, stored: StoredFile
) -> None:
    server.way = "gated"
    ticket = stored.start()
    until(lambda: ticket.received > 0)
    ticket.cancel()
    ticket.settle(20)
    assert ticket._run.state == "cancelled"
    assert left_behind() == []
    server.way = "whole"
    assert stored.start().wait()


def test_a_ticket_that_nobody_holds_any_more_does_not_keep_a_download_going(
    server: Server, stored: StoredFile
) -> None:
    server.way = "gated"
    stored.start()
    ticket = stored.start()
    ticket.cancel()
    ticket.settle(20)
    assert ticket._run.state == "cancelled"


def test_whoever_asks_after_a_cancel_gets_a_download_of_their_own(
    server: Server, stored: StoredFile
) -> None:
    server.way = "gated"
    ticket = stored.start()
    until(lambda: ticket.received > 0)
    ticket.cancel()
    server.way = "whole"
    assert stored.start().wait()


def test_waiting_can_be_given_up_without_stopping(server: Server, stored: StoredFile) -> None:
    server.way = "gated"
    ticket = stored.start()
    assert not ticket.wait(timeout=0.01)
    server.go_on.set()
    assert ticket.wait()


def test_follow_tells_how_far_it_is_and_stops_when_it_is_interrupted(
    server: Server, stored: StoredFile
) -> None:
    server.way = "gated"
    ticket = stored.start()
    seen: list[tuple[int, int]] = []

    def interrupt(received: int, total: int) -> None:
        seen.append((received, total))
        if received:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(ticket, interrupt)
    assert seen[-1] == (len(STORED) // 2, len(STORED))
    assert ticket._run.ended.is_set()
    assert left_behind() == []


def test_leftovers_of_a_killed_process_are_removed(server: Server, stored: StoredFile) -> None:
    cache.prepare()
    (cache.folder() / f"{stored.name}.123-abc.part").write_bytes(b"half")
    stored.start().wait()
    assert sorted(left_behind()) == [stored.name, f"{stored.name}.sha256"]


def test_another_process_waits_and_then_finds_the_file(server: Server, stored: StoredFile) -> None:
    server.way = "gated"
    ticket = stored.start()
    until(lambda: ticket.received > 0)
    script = f"""
import time
from convviz.downloads import cache, tickets
from convviz.downloads.http import download
from convviz.downloads.tickets import Download
path = cache.folder() / {stored.name!r}
download_of_file = Download(
    {stored.name!r}, {len(STORED)}, {len(STORED)}, lambda folder: cache.intact(path),
    lambda folder, progress: download({server.url!r}, path, {stored.prefix!r}, progress),
)
ticket = tickets.join(download_of_file)
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
    server: Server, stored: StoredFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LIMITS", IMPATIENT)
    with FileLock(cache.prepare() / f"{stored.name}.lock"):
        ticket = stored.start()
        until(lambda: ticket.state in ("waiting", "failed"))  # it may have waited already
        with pytest.raises(WeightsError, match="almost nothing arrived"):
            ticket.wait()
    assert stored.start().wait()


def test_a_full_disk_is_told_before_anything_is_fetched(
    server: Server, stored: StoredFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 100_000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(WeightsError, match=r"needs 0\.3 MB and 0\.1 MB are free.*CONVVIZ_CACHE"):
        stored.start().wait()
    assert server.requests == []


def test_a_folder_that_cannot_be_written_is_told(
    server: Server,
    stored: StoredFile,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CONVVIZ_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(WeightsError, match=r"cannot write to its cache folder.*CONVVIZ_CACHE"):
        stored.start().wait()


def test_a_bug_reaches_whoever_waits(
    server: Server, stored: StoredFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(http, "download", broken)
    with pytest.raises(ZeroDivisionError):
        stored.start().wait()


def test_what_still_runs_at_the_end_is_stopped(server: Server, stored: StoredFile) -> None:
    server.way = "gated"
    ticket = stored.start()
    until(lambda: ticket.received > 0)
    tickets._stop_all()
    assert ticket.state == "cancelled"
    assert left_behind() == []
