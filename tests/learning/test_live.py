"""A small network's training as a job: what a page sees of it, and that ReLUs die when told to."""

import pickle
from dataclasses import replace

import pytest

from convviz.datasets.labelled_set import Dataset, Split
from convviz.errors import SettingError
from convviz.learning.config import TrainingSettings
from convviz.learning.live import DEADLY_RATE, LiveProgress, learning_rate, train_small
from convviz.learning.small_networks import SmallDesign

DESIGN = SmallDesign(width=4, depth=2, pixels=32)
SHORT = TrainingSettings(epochs=3, batch=8)


def views(
    few: Dataset,
    parts: Split,
    design: SmallDesign = DESIGN,
    settings: TrainingSettings = SHORT,
    *,
    stop_early: bool = False,
) -> list[LiveProgress]:
    result: list[LiveProgress] = []
    for view in train_small(
        stop=lambda: stop_early and bool(result[-1].step),
        design=design,
        picture=few.images.image(0),
        probe="a disc",
        dataset=few,
        split=parts,
        settings=settings,
    ):
        result.append(view)
    return result


def test_a_view_is_complete_at_every_moment(few: Dataset, few_split: Split) -> None:
    result = views(few, few_split)
    assert [each.fraction for each in result] == sorted(each.fraction for each in result)
    assert result[0].frames == ()
    first = next(each for each in result if each.frames)
    assert [frame.step for frame in first.frames] == [0]
    last = result[-1]
    assert (last.phase, last.fraction) == ("done", 1.0)
    assert [check.epoch for check in last.checks] == [0, 1, 2, 3]
    assert last.channels == 4 + 8
    assert last.frames[-1].kept
    assert last.outcome is not None
    assert last.outcome.accuracy == max(check.accuracy for check in last.checks)
    assert [point.step for point in last.points] == sorted({point.step for point in last.points})
    assert last.points[-1].step == last.step
    assert last.counts[0].step == 0
    assert all(0 <= count.dead <= count.empty <= 12 for count in last.counts)
    assert last.nbytes > sum(frame.nbytes for frame in last.frames)
    assert pickle.loads(pickle.dumps(last)).outcome == last.outcome


def test_it_stops_when_asked(few: Dataset, few_split: Split) -> None:
    last = views(few, few_split, settings=replace(SHORT, epochs=1000), stop_early=True)[-1]
    assert last.outcome is not None
    assert last.outcome.ending == "stopped"
    assert last.outcome.note


@pytest.mark.parametrize("seed", [0, 1])
def test_a_rate_far_too_large_kills_most_relus_and_the_loss_stays_a_number(
    few: Dataset, few_split: Split, seed: int
) -> None:
    settings = TrainingSettings(epochs=4, learning_rate=DEADLY_RATE, batch=8, seed=seed)
    design = SmallDesign(width=16, depth=3, batch_norm=False, pixels=32)
    last = views(few, few_split, design, settings)[-1]
    assert last.outcome is not None
    assert last.outcome.ending == "epochs"
    assert last.counts[0].dead == 0
    assert last.counts[-1].dead > last.channels / 2
    assert last.counts[-1].empty >= last.counts[-1].dead


def test_the_usual_rate_kills_hardly_any(few: Dataset, few_split: Split) -> None:
    design = SmallDesign(width=16, depth=3, batch_norm=False, pixels=32)
    rate = learning_rate("usual", batch_norm=False)
    settings = TrainingSettings(epochs=4, learning_rate=rate, batch=8)
    last = views(few, few_split, design, settings)[-1]
    assert last.counts[-1].dead < last.channels / 10


def test_named_rates_differ_by_at_least_ten_times() -> None:
    for batch_norm in (True, False):
        tiny, usual, deadly = (
            learning_rate(name, batch_norm=batch_norm) for name in ("tiny", "usual", "deadly")
        )
        assert 10 * tiny <= usual
        assert 10 * usual <= deadly


def test_what_makes_no_sense_gets_a_sentence(few: Dataset, few_split: Split) -> None:
    with pytest.raises(SettingError, match="depth in stacks, 12"):
        views(few, few_split, replace(DESIGN, depth=12))
