"""The recorded figures of fine-tuning, and the sentence that they make."""

from dataclasses import replace
from pathlib import Path

import pytest

from convviz.datasets.directions import directions
from convviz.datasets.labelled_set import partition
from convviz.errors import RecordingError
from convviz.learning import fine_tuning_record as records
from convviz.learning.findings import fine_tuning_over_seeds
from convviz.learning.fine_tuning_record import FineTuningRecord, SeedFigures

TWO = FineTuningRecord(
    *("net", "encoder", "images", 20, 12, 0.1),
    *((SeedFigures(0, 40, 20, 30), SeedFigures(1, 40, 24, 28)), "1"),
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    records.write({"net": TWO, "other": replace(TWO, seeds=())}, file)
    assert records.read(file) == {"net": TWO, "other": replace(TWO, seeds=())}


@pytest.mark.parametrize("text", ["", "[]", '{"net": {}}', '{"net": {"seeds": [1]}}', "\\xff"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "figures.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(RecordingError, match="damaged"):
        records.read(file)


def test_without_a_file_there_are_no_figures(tmp_path: Path) -> None:
    assert records.read(tmp_path / "none.json") == {}


def test_the_figures_that_ship_are_of_five_seeds_and_of_the_set() -> None:
    shipped = records.read()
    assert "alexnet" in shipped
    tested = len(partition(directions()).tested)
    for record in shipped.values():
        assert record.dataset == directions(1).name
        assert record.weights == {"googlenet": "bundled"}.get(record.network, "encoder")
        assert [seed.seed for seed in record.seeds] == [0, 1, 2, 3, 4]
        assert {seed.images for seed in record.seeds} == {tested}


def test_fine_tuning_helps_on_the_set_that_the_page_begins_with() -> None:
    assert all(seed.gain > 0 for seed in records.read()["alexnet"].seeds)


@pytest.mark.claims("convviz.learning.findings.fine_tuning_over_seeds")
def test_the_verdict_follows_from_every_seed() -> None:
    # 20/40 and 24/40 before, 30/40 and 28/40 after.
    sentence = fine_tuning_over_seeds(TWO, "Net")
    assert "over 2 seeds: with its encoder frozen Net names 55.0 %" in sentence
    assert "after 12 epochs of fine-tuning 72.5 %" in sentence
    assert "better with every seed, by 10.0 to 25.0 points" in sentence

    mixed = replace(TWO, seeds=(*TWO.seeds, SeedFigures(2, 40, 30, 29)))
    sentence = fine_tuning_over_seeds(mixed, "Net")
    assert "better with 2 of 3 seeds and worse with 1: no difference" in sentence

    worse = replace(TWO, seeds=(SeedFigures(0, 10, 10, 9), SeedFigures(1, 10, 5, 0)))
    assert "worse with every seed, by 10.0 to 50.0 points" in fine_tuning_over_seeds(worse, "N")

    same = replace(TWO, seeds=(SeedFigures(0, 10, 5, 5),))
    sentence = fine_tuning_over_seeds(same, "Net")
    assert "over 1 seed:" in sentence
    assert "better with 0 of 1 seeds and worse with 0: no difference" in sentence
