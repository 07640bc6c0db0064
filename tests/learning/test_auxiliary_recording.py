"""The recorded comparison that ships: what is in it, and files that are damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from convviz.datasets.labelled_set import split
from convviz.datasets.shapes import shapes
from convviz.errors import RecordingError
from convviz.learning.auxiliary import Settings, compare_auxiliary
from convviz.learning.auxiliary_recording import RecordedComparisons, read, write


@pytest.fixture(scope="module")
def recorded() -> RecordedComparisons:
    dataset = shapes(per_class=4)
    settings = Settings(steps=2, moments=2, batch=8, size=32)
    comparisons = []
    for seed in (0, 3):
        *_, comparison = compare_auxiliary(dataset, split(dataset), replace(settings, seed=seed))
        comparisons.append(comparison)
    return RecordedComparisons(tuple(comparisons), dataset.name, 1, "1.2")


def test_what_ships_was_made_with_the_pages_settings_and_ran_to_its_end() -> None:
    shipped = read()
    assert shipped.settings == Settings()
    assert [each.settings.seed for each in shipped.comparisons] == list(
        range(len(shipped.comparisons))
    )
    dataset = shapes()
    parts = split(dataset)
    assert shipped.dataset == dataset.name
    for each in shipped.comparisons:
        assert each.ending == "steps"
        assert [m.step for m in each.moments] == [20 * k for k in range(21)]
        assert each.train_images == len(parts.train)
        assert each.classes == dataset.classes
        for moment in each.moments:
            paired = moment.paired
            assert paired.images == each.validation_images == len(parts.validation)
            share = (paired.both + paired.only_first) / paired.images
            assert moment.with_heads.validation.accuracy == pytest.approx(share)


def test_the_beginning_of_what_ships_comes_out_again() -> None:
    shipped = read().comparisons[0]
    dataset = shapes()
    first = next(compare_auxiliary(dataset, split(dataset), shipped.settings)).moments[0]
    for ours, theirs in zip(first.stages, shipped.moments[0].stages, strict=True):
        assert ours.name == theirs.name
        assert ours.without == pytest.approx(theirs.without, rel=1e-3)
        assert ours.with_heads == pytest.approx(theirs.with_heads, rel=1e-3)
    accuracy = shipped.moments[0].without.validation.accuracy
    assert first.without.validation.accuracy == pytest.approx(accuracy, abs=0.02)


def test_what_is_read_is_what_was_written(recorded: RecordedComparisons, tmp_path: Path) -> None:
    file = tmp_path / "recording.json"
    write(recorded, file)
    assert read(file) == recorded


def test_a_missing_or_damaged_file_is_one_sentence(
    recorded: RecordedComparisons, tmp_path: Path
) -> None:
    file = tmp_path / "recording.json"
    with pytest.raises(RecordingError, match="No recorded run comes with this installation"):
        read(file)
    write(recorded, file)
    text = file.read_text()
    broken = ["", "[]", "{}", "null", text[:500], text.replace('"threads": 1', '"threads": 2')]
    data = json.loads(text)
    broken.append(json.dumps(data | {"format": 2}))
    for each in broken:
        file.write_text(each)
        with pytest.raises(RecordingError, match="is damaged; install convviz again"):
            read(file)
    write(replace(recorded, comparisons=()), file)
    with pytest.raises(RecordingError, match="is damaged"):
        read(file)
    twice = (recorded.comparisons[0],) * 2
    write(replace(recorded, comparisons=twice), file)
    with pytest.raises(RecordingError, match="is damaged"):
        read(file)
