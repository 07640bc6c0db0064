"""Trainings as jobs: what they yield, keep and compare."""

import pickle
import re
from dataclasses import replace
from itertools import product

import pytest
import torch

from convviz.datasets.labelled_set import Dataset, Partition, Split
from convviz.features.predictions import predict
from convviz.learning.config import Answers, TrainingResult, TrainingSettings, Validation
from convviz.learning.evaluation import Evaluation
from convviz.learning.plan import plan as make_plan
from convviz.learning.plan import untrained_copy
from convviz.learning.transfer import TransferProgress, about, train_transfer
from convviz.networks.network import Network
from convviz.weights.load import load

SHORT = TrainingSettings(epochs=3, size=32, batch=8)


@pytest.fixture(scope="module")
def parts() -> Partition:
    """One fold for each half, so that little is trained."""
    few = tuple(range(48))
    halves = [
        Split(tuple(k for k in few if k % 4 not in (side, 3)), (3, 7, 11, 15, 19, 23), test)
        for side, test in ((0, few[0::4]), (1, few[1::4]))
    ]
    return Partition(Split(few[:36], few[36:]), tuple(halves))


def views(tiny: Network, few: Dataset, parts: Partition, **more: bool) -> list[TransferProgress]:
    plan = make_plan(tiny, "last-layer", few.classes)
    return list(
        train_transfer(
            stop=lambda: False, plan=plan, dataset=few, partition=parts, settings=SHORT, **more
        )
    )


def test_every_epoch_is_seen_once_and_the_outcome_adds_up(
    tiny: Network, few: Dataset, parts: Partition
) -> None:
    moments = views(tiny, few, parts)
    last = moments[-1]
    assert [epoch.number for epoch in last.epochs] == [0, 1, 2, 3]
    assert last.epochs[0].loss is None
    (outcome,) = last.outcomes
    assert outcome.validation_accuracy == max(epoch.accuracy for epoch in last.epochs)
    assert last.validation_images == len(parts.split.validation)
    assert (outcome.measured, outcome.folds, outcome.tested) == ("folds", 2, parts.tested)
    assert sum(map(sum, outcome.confusion)) == len(parts.tested) == outcome.images
    assert outcome.guessing == few.guessing(parts.tested)
    errors = len(parts.tested) - sum(outcome.confusion[k][k] for k in range(6))
    assert outcome.accuracy == sum(outcome.correct) / len(parts.tested)
    assert sum(outcome.correct) == len(parts.tested) - errors
    assert len(outcome.mistakes) == min(8, errors)
    shares = [mistake.probability for mistake in outcome.mistakes]
    assert shares == sorted(shares, reverse=True)
    assert all(mistake.is_class != mistake.taken_for for mistake in outcome.mistakes)
    counts = {cell: len(images) for cell, images in outcome.cells().items()}
    assert sorted(counts.values(), reverse=True) == list(counts.values())
    for row, column in product(range(6), repeat=2):
        if row != column:
            assert counts.get((row, column), 0) == outcome.confusion[row][column]
    for (row, _), images in outcome.cells().items():
        assert {few.labels[image.index] for image in images} == {row}
        assert {image.index for image in images} <= set(parts.tested)
    assert [moment.fraction for moment in moments] == sorted(moment.fraction for moment in moments)
    assert last.fraction == 1
    assert pickle.loads(pickle.dumps(last)) == last
    assert last.nbytes > sum(len(mistake.png) for mistake in outcome.mistakes)


def test_the_network_is_kept_and_names_pictures(
    tiny: Network, few: Dataset, parts: Partition
) -> None:
    outcome = views(tiny, few, parts)[-1].outcomes[0]
    network = load("tiny", outcome.source)
    labels = {prediction.label for prediction in predict(network, few.images.image(0), k=6)}
    assert labels == set(few.classes)


def test_the_comparison_trains_an_untrained_encoder_and_everything(
    tiny: Network, few: Dataset, parts: Partition
) -> None:
    last = views(tiny, few, parts, compare=True)[-1]
    assert [outcome.name for outcome in last.outcomes] == [
        "this training",
        "the same decoder on an untrained encoder",
        "everything from scratch, for the same time",
    ]
    assert [epoch.number for epoch in last.epochs] == [0, 1, 2, 3]
    assert len({outcome.tested for outcome in last.outcomes}) == 1
    assert [outcome.epochs for outcome in last.outcomes[:2]] == [3, 3]


@pytest.mark.parametrize("scenario", ["last-layer", "several", "fine-tune"])
def test_what_it_is_compared_with_is_the_same_decoder(
    tiny: Network, few: Dataset, parts: Partition, scenario: str
) -> None:
    plan = make_plan(tiny, scenario, few.classes)  # type: ignore[arg-type]
    *_, last = train_transfer(
        stop=lambda: False,
        plan=plan,
        dataset=few,
        partition=parts,
        settings=replace(SHORT, epochs=1),
        compare=True,
    )
    this, untrained, scratch = last.outcomes
    assert untrained.on.source == "random"
    assert untrained.about.form == this.about.form == plan.form
    assert untrained.trained == this.trained
    sizes = [
        [value.shape for value in load("tiny", each.source).module.state_dict().values()]
        for each in (this, untrained)
    ]
    assert sizes[0] == sizes[1]
    assert len(scratch.trained) > len(this.trained)


def test_the_untrained_twin_of_several_layers_has_several(tiny: Network, few: Dataset) -> None:
    plan = make_plan(tiny, "several", few.classes)
    twin = make_plan(untrained_copy(tiny), "several", few.classes)
    assert twin.form.hidden == plan.form.hidden == (128,)
    assert twin.trainable_parameters == plan.trainable_parameters == 8 * 128 + 128 + 128 * 6 + 6


@pytest.mark.claims("convviz.learning.transfer.about", "convviz.learning.transfer._measured")
@pytest.mark.parametrize(
    ("correct", "images", "folds", "words"),
    [
        (9, 10, 0, "10 test pictures, which it did not learn from and which chose nothing"),
        (0, 4, 5, "4 pictures, each tested by a network trained in the same way without it"),
        (7, 7, -1, "7 validation pictures, which it did not learn from but which chose its epoch"),
    ],
)
def test_a_saved_network_says_which_images_its_accuracy_is_from(
    tiny: Network, few: Dataset, correct: int, images: int, folds: int, words: str
) -> None:
    labels = torch.zeros(images, dtype=torch.int64)
    chances = torch.zeros(images, 6)
    chances[:correct, 0] = chances[correct:, 1] = 1.0
    answers = Answers(chances, labels)
    plan = make_plan(tiny, "last-layer", few.classes)
    result = TrainingResult(
        tiny.module, Validation(1.0, 0.5), chances, labels, 1, 1, 1.0, 0.0, (1.0,), "epochs"
    )
    evaluation = Evaluation(result, tuple(range(images)), answers, max(folds, 0), 1.0, 1.0, "")
    info = about(plan, few, result, 32, None if folds < 0 else evaluation)
    assert f"Of {words}, " in info.note
    assert info.note.startswith("Trained here on generated shapes and textures (6 classes, 32 px).")
    said = re.search(r", (\d+) % are classified correctly", info.note)
    assert said
    assert int(said.group(1)) == round(100 * correct / images)
    assert info.accuracy == correct / images


def test_it_stops_when_asked(tiny: Network, few: Dataset, parts: Partition) -> None:
    requests: list[bool] = []
    plan = make_plan(tiny, "scratch", few.classes)
    settings = replace(SHORT, epochs=1000)
    for view in train_transfer(
        stop=lambda: bool(requests),
        plan=plan,
        dataset=few,
        partition=parts,
        settings=settings,
        compare=True,
    ):
        if len(view.epochs) == 2:
            requests.append(True)
    assert len(view.outcomes) == 1
    assert view.outcomes[0].ending == "stopped"
    assert view.outcomes[0].note
    assert view.outcomes[0].measured == "validation"
    assert view.outcomes[0].accuracy == view.outcomes[0].validation_accuracy
