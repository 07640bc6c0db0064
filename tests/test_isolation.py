"""The tests' own guards: no other machine is reached, no setting of the user's is seen."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from threading import Thread

import pytest

from tests.conftest import ROOT

ELSEWHERE = "192.0.2.1"  # an address for documentation (RFC 5737): no machine has it


def test_a_connection_to_another_machine_is_refused(network_attempts: list[str]) -> None:
    with socket.socket() as used, pytest.raises(OSError, match=ELSEWHERE):
        used.connect((ELSEWHERE, 80))
    with pytest.raises(OSError, match=r"convviz\.invalid"):
        socket.create_connection(("convviz.invalid", 80))
    assert network_attempts == [ELSEWHERE, "convviz.invalid"]
    network_attempts.clear()


def test_a_proxy_on_this_machine_keeps_other_programs_from_the_network() -> None:
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(f"http://{ELSEWHERE}/", timeout=5)


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        answering = Thread(target=lambda: server.accept()[0].close())
        answering.start()
        socket.create_connection(("localhost", port), timeout=5).close()
        answering.join(timeout=5)


def test_settings_of_the_user_are_out_of_sight(cache_folder: Path) -> None:
    assert os.environ["CONVVIZ_CACHE"] == str(cache_folder)
    assert "CONVVIZ_WEIGHTS" not in os.environ
    assert "CONVVIZ_NETWORKS" not in os.environ


def test_a_test_that_never_ends_fails_and_the_others_go_on(tmp_path: Path) -> None:
    """As a browser does that never answers again, after the error that ended its test."""
    (tmp_path / "test_it.py").write_text(
        """
import threading
import pytest

@pytest.fixture
def left_open():
    yield
    threading.Event().wait()

@pytest.mark.timeout(0.5)
def test_unending(left_open):
    threading.Event().wait()

def test_other():
    pass
""",
        encoding="utf-8",
    )
    options = ["-p", "tests.unending", "--numprocesses=1", "-c", os.devnull, "-o", "timeout=0"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 1
    assert "1 passed" in ran.stdout
    assert "test_unending does not end" in ran.stderr
