"""What `convviz app` starts: the same pages, on this machine alone unless it is told otherwise."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from convviz import cli, preflight
from convviz.cli import app
from convviz.errors import SettingError

ROOT = Path(__file__).parents[2]
Started = list[tuple[Sequence[str], Mapping[str, str]]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """What would have been started instead of this program."""
    calls: Started = []
    monkeypatch.setattr(preflight, "problem", lambda: None)
    monkeypatch.setattr(os, "name", "posix")
    monkeypatch.setattr(
        os, "execve", lambda path, command, environment: calls.append((command, environment))
    )
    monkeypatch.setattr(app.subprocess, "call", lambda command, env: 0)
    monkeypatch.delenv("CONVVIZ_HOSTS", raising=False)
    return calls


@pytest.mark.parametrize(
    ("words", "hosts", "address", "answers_to"),
    [
        ([], "", "localhost", "localhost"),
        (["--host", "0.0.0.0"], "", "0.0.0.0", "0.0.0.0"),
        ([], "a.example", "0.0.0.0", "a.example"),
        (["--host", "192.0.2.7"], "a.example", "192.0.2.7", "a.example"),
    ],
)
def test_address_and_names_open_together_as_with_make(
    started: Started,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    hosts: str,
    address: str,
    answers_to: str,
) -> None:
    if hosts:
        monkeypatch.setenv("CONVVIZ_HOSTS", hosts)
    assert cli.main(["app", "--port", "8600", *words, "--", "--server.headless", "true"]) == 0
    ((command, environment),) = started
    assert command == [
        *(sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py")),
        *("--server.port", "8600", "--server.address", address, "--server.headless", "true"),
    ]
    assert environment["CONVVIZ_HOSTS"] == answers_to


def test_what_keeps_it_from_starting_is_a_sentence(
    started: Started, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["app", "--port", "70000"]) == 2
    assert "port cannot be 70000: choose one from 1 to 65,535" in capsys.readouterr().err
    monkeypatch.setattr(preflight, "problem", lambda: "Packages are missing.")
    assert cli.main(["app"]) == 2
    assert capsys.readouterr().err == "Packages are missing.\n"
    assert started == []


def test_the_wheels_pages_go_before_those_around_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(app, "PACKAGE", tmp_path / "convviz")
    with pytest.raises(SettingError, match="has no pages: install the wheel anew"):
        app.script()
    for folder in (tmp_path, tmp_path / "convviz" / "site"):
        (folder / "pages").mkdir(parents=True)
        (folder / "app.py").touch()
        assert app.script() == folder / "app.py"
