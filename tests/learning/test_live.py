"""A small network's training as a job: what a page sees of it, and that ReLUs die when told to."""

import pickle
import re
from dataclasses import replace

import pytest
import torch
from sklearn.metrics import accuracy_score

from convviz.datasets.labelled_set import Dataset, Split
from convviz.errors import SettingError
from convviz.images.preprocess import to_tensor
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.live import DEADLY_RATE, LiveProgress, learning_rate, train_small
from convviz.learning.plan import plan
from convviz.learning.small_design import SmallDesign, small_network
from convviz.ui.training import findings

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


@pytest.mark.parametrize("seed", [0, 1])
def test_batch_norm_mostly_prevents_that(few: Dataset, few_split: Split, seed: int) -> None:
    settings = TrainingSettings(epochs=4, learning_rate=DEADLY_RATE, batch=8, seed=seed)
    design = SmallDesign(width=16, depth=3, batch_norm=True, pixels=32)
    last = views(few, few_split, design, settings)[-1]
    assert last.counts[-1].dead < last.channels / 2


@pytest.mark.parametrize("seed", [0, 1])
def test_channels_of_a_first_stack_seldom_die(few: Dataset, few_split: Split, seed: int) -> None:
    settings = TrainingSettings(epochs=4, learning_rate=DEADLY_RATE, batch=8, seed=seed)
    design = SmallDesign(width=16, depth=1, batch_norm=False, pixels=32)
    last = views(few, few_split, design, settings)[-1]
    assert last.counts[-1].dead < last.channels / 2


@pytest.mark.parametrize("rate", [1e-5, 10.0, 1e4])
def test_at_every_rate_numbers_and_sentences_stay_plain(
    few: Dataset, few_split: Split, rate: float
) -> None:
    settings = TrainingSettings(epochs=2, learning_rate=rate, batch=8)
    last = views(few, few_split, replace(DESIGN, batch_norm=False), settings)[-1]
    assert last.outcome is not None
    assert 0 <= last.outcome.accuracy <= 1
    texts = [findings.numbers(last, "Cat"), findings.dead_channels(last), last.outcome.note]
    for frame in last.frames:
        bound = float(frame.kernels.abs().max()) if frame.kernels is not None else 0.0
        texts += [findings.moment_kernels(frame, bound)]
        texts += [findings.moment_maps(frame, maps, "Cat") for maps in frame.maps]
        assert 0 <= frame.empty <= frame.channels
    assert not re.search(r"\b(nan|inf)\b", " ".join(texts))


def test_the_accuracy_is_scikit_learns_of_the_weights_that_are_kept(
    few: Dataset, few_split: Split
) -> None:
    outcome = views(few, few_split)[-1].outcome
    network = small_network(DESIGN, SHORT.seed)
    rate = learning_rate("usual", batch_norm=DESIGN.batch_norm)
    settings = replace(SHORT, size=DESIGN.pixels, learning_rate=rate)
    *_, last = fit(plan(network, "scratch", few.classes), few, few_split, settings)
    assert last.result is not None
    module = last.result.module.eval()
    pixels = torch.cat(
        [
            to_tensor(
                few.images.image(index),
                size=DESIGN.pixels,
                resize=DESIGN.pixels,
                mean=network.spec.mean,
                std=network.spec.std,
            )
            for index in few_split.validation
        ]
    )
    with torch.no_grad():
        named = module(pixels).argmax(1).tolist()
    labels = [few.labels[index] for index in few_split.validation]
    assert outcome is not None
    # Images may be scaled by another filter than in training: at most one may change sides.
    assert outcome.accuracy == pytest.approx(accuracy_score(labels, named), abs=1 / len(labels))


def test_guessing_is_one_in_six_with_six_equal_classes(few: Dataset, few_split: Split) -> None:
    assert views(few, few_split)[0].guessing.accuracy == pytest.approx(1 / 6)


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
