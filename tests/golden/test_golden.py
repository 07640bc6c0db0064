"""Commands, traces and saved networks give what the golden files hold; `make` writes them anew.

The golden files were made before the package was rearranged: they hold what must not change. Floats
may differ by `cases.RELATIVE`, as processors round differently; everything else must be equal.
"""

from pathlib import Path

import pytest

from tests.golden import cases

COMMANDS = cases.read("commands.json.gz")
TRACES = cases.read("traces.json.gz")
SAVED = cases.read("saved.json.gz")


def test_every_case_is_recorded() -> None:
    assert list(COMMANDS) == list(cases.COMMANDS)
    assert list(TRACES) == cases.trace_names()
    assert list(SAVED) == [*cases.SAVED, cases.PAGE_FILE]


@pytest.mark.parametrize("name", cases.COMMANDS)
def test_commands(name: str, tmp_path: Path) -> None:
    assert list(cases.differences(COMMANDS[name], cases.command(name, tmp_path))) == []


@pytest.mark.parametrize("name", cases.trace_names())
def test_traces(name: str) -> None:
    assert list(cases.differences(TRACES[name], cases.trace(name))) == []


@pytest.mark.parametrize("name", SAVED)
def test_saved_networks_open(name: str) -> None:
    assert list(cases.differences(SAVED[name], cases.opened(name))) == []


def test_differences_are_noticed() -> None:
    golden = {"a": [1.0, 2.0], "b": 3, "c": {"loss": 1.0}, "d": None}
    assert list(cases.differences(golden, golden)) == []
    close = {"a": [1.00001, 2.0], "b": 3, "c": {"loss": 1.04}, "d": None}
    assert list(cases.differences(golden, close)) == []
    for other in (
        {**golden, "a": [1.001, 2.0]},
        {**golden, "a": [1.0]},
        {**golden, "b": 3.0},
        {**golden, "b": True},
        {**golden, "c": {"loss": 1.1}},
        {**golden, "c": {"loss": float("nan")}},
        {**golden, "d": 0},
        {"a": [1.0, 2.0]},
    ):
        assert list(cases.differences(golden, other)) != []
