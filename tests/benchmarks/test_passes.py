"""The table of errors by passes, and what renewing keeps."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from benchmarks import passes
from benchmarks.passes import CONVVIZ, METHODS, Run, fill, read, rows, table, write


def _runs(errors: dict[str, float], count: int = 20, image: str = "cat") -> passes.Runs:
    made = [
        Run("alexnet", "features.11", image, method, {count: errors[method]}) for method in errors
    ]
    return {run.key: run for run in made}


def test_a_row_is_the_geometric_mean_and_its_verdict_that_of_the_figure_shown() -> None:
    plain = dict.fromkeys(METHODS[1:], 0.9)
    runs = _runs(plain | {CONVVIZ: 0.2, METHODS[1]: 0.4})
    runs |= _runs(plain | {CONVVIZ: 0.8, METHODS[1]: 0.9}, image="koala")
    (row,) = rows(runs)
    assert row.images == 2
    assert row.errors[CONVVIZ] == pytest.approx(0.4)  # the root of 0.2 · 0.8
    assert row.best_plain == pytest.approx(0.6)  # the root of 0.4 · 0.9
    assert row.ratio == pytest.approx(2 / 3)
    assert "| 0.67 | 0.7: met |" in table(runs)
    assert "| 0.70 | 0.7: met |" in table(_runs(plain | {CONVVIZ: 0.9 * 0.704}))
    assert "| 0.71 | 0.7: not met |" in table(_runs(plain | {CONVVIZ: 0.9 * 0.706}))


def test_a_layer_that_a_method_lacks_has_no_row() -> None:
    assert list(rows(_runs(dict.fromkeys(METHODS[1:], 0.9)))) == []


def test_renewing_some_counts_keeps_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "passes.json"
    old = Run("alexnet", "features.11", "cat", CONVVIZ, {10: 0.6, 20: 0.4})
    write(file, {old.key: old})
    monkeypatch.setattr(passes, "load", lambda _: None)
    monkeypatch.setattr(passes, "Case", lambda *_: None)
    asked = []

    def measured(_: object, method: str, counts: list[int]) -> dict[int, float]:
        asked.append((method, counts))
        return dict.fromkeys(counts, 0.3)

    monkeypatch.setattr(passes, "measure", measured)
    options = {"layers": None, "images": ["cat"], "methods": [CONVVIZ], "json": file}
    runs = read(file)
    fill(argparse.Namespace(**options, passes=[20], renew=[CONVVIZ]), "alexnet", runs)
    assert read(file)[old.key].errors == {10: 0.6, 20: 0.3}
    fill(argparse.Namespace(**options, passes=[10, 20, 40], renew=[]), "alexnet", runs)
    assert read(file)[old.key].errors == {10: 0.6, 20: 0.3, 40: 0.3}
    assert asked == [(CONVVIZ, [20]), (CONVVIZ, [40])]
