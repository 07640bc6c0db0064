"""What becomes of a run when the server is killed, or when its visitor is gone."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.fault_table import note
from tests.load.server import Server
from tests.load.visitor import Visitor


def files_in(folder: Path) -> set[str]:
    """List what lies in a folder; Matplotlib and others keep caches of their own beside ours."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != "log.txt"
    }


@pytest.mark.load
@pytest.mark.timeout(600)
def test_a_kill_in_mid_run_leaves_nothing_and_the_next_start_says_so(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    settings = {"OMP_NUM_THREADS": "1", "TMPDIR": str(temporary), "HOME": str(tmp_path)}
    link = {"watch": "live", "live_seconds": "30"}
    with Server(tmp_path, settings=settings) as server, Visitor(server.address) as one:
        one.open("Training", **link)
        one.wait_for("start")
        before = files_in(tmp_path)
        one.press("start")
        one.wait_for("stop")
        one.think(3)
        assert one.has("stop")
        job = dict(pair.split("=", 1) for pair in one.query.split("&"))["job"]
        os.kill(server.process_id, signal.SIGKILL)
        secret = one.secret
    assert files_in(tmp_path) == before
    # The next start works on the same folders; the page that was open says what became of its run.
    with Server(tmp_path, settings=settings) as server, Visitor(server.address, secret) as one:
        one.open("Training", **link, job=job)
        one.wait_for("start")
        assert any(text.startswith("The server was started again") for text in one.texts())
        assert "job=" not in one.query
        one.press("start")  # one click
        one.wait_for("stop", 30)
        assert not any("started again" in text for text in one.texts())
        assert "job=" in one.query
        assert job not in one.query
    note("KILL in mid-run, and the next start", "nothing left behind; a sentence", "so it was")


@pytest.mark.load
@pytest.mark.timeout(600)
def test_a_run_outlives_a_cut_line_and_ends_when_nobody_comes_back(tmp_path: Path) -> None:
    link = {"network": "googlenet", "layer": "conv1", "series": "layer", "seconds": "60"}
    settings = {"OMP_NUM_THREADS": "1", "CONVVIZ_GONE_SECONDS": "12"}
    with Server(tmp_path, settings=settings) as server:
        with Visitor(server.address) as one:
            one.open("Reconstruction", **link)
            one.wait_for("start")
            one.press("start")
            one.wait_for("stop")
            job = dict(pair.split("=", 1) for pair in one.query.split("&"))["job"]
        time.sleep(6)  # the line is cut, for half of what is allowed
        with Visitor(server.address, one.secret) as again:
            again.open("Reconstruction", **link, job=job)
            assert again.has("stop"), again.texts()
        time.sleep(20)
        with Visitor(server.address, one.secret) as late:
            late.open("Reconstruction", **link, job=job)
            assert not late.has("stop")
            assert any("nobody had looked at it for 12 seconds" in text for text in late.texts())
    note("A line that is cut for 6 of 12 s allowed; then for 20", "goes on; ends", "so it was")
