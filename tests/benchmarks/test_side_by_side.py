"""The table of `make bench`: verdicts, curves, memory, parts that fail."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import side_by_side
from benchmarks.side_by_side import PARTS, Row, _curve, main, measured, memory_of


def test_the_verdict_is_on_the_figure_as_it_stands_there() -> None:
    assert Row("a", "b", "c", 1.054, 1.05).cells() == "| a | b | c | 1.05 × | ≤ 1.05 × | yes |"
    assert Row("a", "b", "c", 1.056, 1.05).cells() == "| a | b | c | 1.06 × | ≤ 1.05 × | no |"
    faster = Row("a", "b", "c", 49.996, 50, "× faster", at_least=True)
    assert faster.cells() == "| a | b | c | 50.00 × faster | ≥ 50 × faster | yes |"
    assert Row("a", "b", "c").cells() == "| a | b | c | – | – | – |"


def test_a_curve_bends_where_it_grows_faster_than_in_proportion() -> None:
    even = _curve("a pass", {64: 0.01, 128: 0.04, 256: 0.16}, 2)
    assert even.against == "never grows faster than the area"
    assert even.ours == "64: 10 ms, 128: 40 ms, 256: 160 ms"
    bent = _curve("a grid", {100: 0.5, 200: 1.0, 400: 3.0}, 1)
    assert bent.against == "bends at 400: from there on it grows faster than the number"
    assert bent.ours == "100: 500 ms, 200: 1.00 s, 400: 3.00 s"


def test_memory_is_the_programs_own() -> None:
    ours = b"x" * 300_000_000  # a parent of 300 MB
    small = memory_of("pass")
    assert small < 60e6
    peak = memory_of("b'x' * 200_000_000")
    assert 190e6 < peak - small < 220e6
    assert memory_of("b'x' * 200_000_000", "VmRSS") < small + 20e6
    assert len(ours) == 300_000_000


def test_a_part_that_fails_is_a_row_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fake(part: str, _: bool) -> Iterator[Row]:
        yield Row(part, "1", "2", 0.5, 1.0)

    monkeypatch.setattr(side_by_side, "measured", fake)
    out = tmp_path / "RESULTS.md"
    out.write_text(f"# Results\n\n{side_by_side.HEADING}\nof last year\n", encoding="utf-8")
    main(["--only", "grid", "memory", "--out", str(out)])
    text = out.read_text(encoding="utf-8")
    assert text.startswith(f"# Results\n\n{side_by_side.HEADING}\nWritten by `make bench`")
    assert text.count("| 0.50 × | ≤ 1 × | yes |") == 2
    assert "of last year" not in text

    def interrupted(part: str, smallest: bool) -> Iterator[Row]:
        if part == "memory":
            raise KeyboardInterrupt
        yield from fake(part, smallest)

    monkeypatch.setattr(side_by_side, "measured", interrupted)
    with pytest.raises(KeyboardInterrupt):
        main(["--only", "grid", "memory", "--out", str(out)])
    assert out.read_text(encoding="utf-8").count("| yes |") == 1


def test_a_part_speaks_by_its_rows_and_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Row("what", "ours", "against", 1.0, 2.0, "s", at_least=True)
    line = "@" + json.dumps(asdict(row))
    told = f"print('other output'); print({line!r}); raise SystemExit('a|b')"
    command = [sys.executable, "-c", told]
    monkeypatch.setattr(side_by_side, "_command", lambda part, smallest: command)
    assert list(measured("grid", True)) == [row, Row("grid", "failed", "a/b")]


@pytest.mark.parametrize("part", ["activations", "grid"])
def test_a_part_runs(part: str) -> None:
    rows = list(PARTS[part](True))
    assert rows
    assert all(row.ratio is not None and row.ratio > 0 for row in rows)
