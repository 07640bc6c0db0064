"""Accuracies from images that chose nothing: folds, noise, intervals, and what is shared."""

import io
import zipfile
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binomtest, fisher_exact
from sklearn.metrics import accuracy_score, confusion_matrix

from convviz.datasets.class_folders import from_zip
from convviz.datasets.labelled_set import Dataset, Partition, partition
from convviz.datasets.shapes import shapes
from convviz.learning.config import Answers, TrainingSettings
from convviz.learning.encoding import DecodedImages
from convviz.learning.evaluation import Evaluation, Stage, evaluate
from convviz.learning.fit import fit
from convviz.learning.plan import plan, plan_further
from convviz.learning.significance import interval, p_value_higher
from convviz.learning.transfer import to_network
from convviz.networks.network import Network

SHORT = TrainingSettings(epochs=3, size=32, batch=8)


def noise(seed: int, counts: Sequence[int] = (20, 20), copies: int = 1) -> Dataset:
    """Make a zip of noise, of which no class can be learned."""
    random = np.random.default_rng(seed)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for label, count in enumerate(counts):
            for number in range(count):
                image = io.BytesIO()
                pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
                Image.fromarray(pixels).save(image, "PNG")
                for copy in range(copies):
                    archive.writestr(f"c{label}/{number}-{copy}.png", image.getvalue())
    return from_zip(file.getvalue())


def evaluated(
    network: Network,
    dataset: Dataset,
    scenario: str = "last-layer",
    settings: TrainingSettings = SHORT,
    made: Partition | None = None,
) -> Evaluation:
    made = made or partition(dataset)
    chain = [Stage(plan(network, scenario, dataset.classes), settings)]  # type: ignore[arg-type]
    *_, step = evaluate(chain, dataset, made)
    assert step.evaluation is not None
    return step.evaluation


def test_noise_is_classified_as_well_as_by_guessing(tiny: Network) -> None:
    """12 zips of 2 × 20: with the best epoch's validation accuracy it used to be 60 %."""
    settings = TrainingSettings(epochs=12, size=32, batch=8)
    results = [evaluated(tiny, noise(seed), "last-layer", settings) for seed in range(12)]
    assert all(result.tested == tuple(range(40)) for result in results)
    right = sum(sum(result.correct) for result in results)
    # The folds of one zip depend on each other, so this is a little too strict.
    assert binomtest(right, 480, 0.5).pvalue > 0.01
    chosen = [result.result.validation.accuracy for result in results]
    assert np.mean(chosen) > right / 480


def test_copies_of_noise_are_no_better(tiny: Network) -> None:
    """Each file twice: with copies on both sides the accuracy was 100 %."""
    settings = TrainingSettings(epochs=12, size=32, batch=8)
    results = [evaluated(tiny, noise(k, copies=2), settings=settings) for k in range(4)]
    # Copies answer alike, so only one of each counts.
    answers = [result.correct[::2] for result in results]
    assert binomtest(sum(map(sum, answers)), 160, 0.5).pvalue > 0.01


@pytest.mark.parametrize("scenario", ["last-layer", "fine-tune", "scratch"])
def test_every_image_is_tested_once_and_scikit_learn_agrees(
    tiny: Network, few: Dataset, scenario: str
) -> None:
    result = evaluated(tiny, few, scenario)
    assert (result.tested, result.folds) == (tuple(range(48)), 5)
    predicted = result.answers.probabilities.argmax(1).numpy()
    assert result.answers.labels.tolist() == list(few.labels)
    assert result.accuracy == accuracy_score(few.labels, predicted)
    assert result.answers.confusion().tolist() == confusion_matrix(few.labels, predicted).tolist()
    assert result.correct == tuple((predicted == np.array(few.labels)).tolist())


def test_a_fold_is_trained_as_if_it_were_alone(tiny: Network, few: Dataset) -> None:
    """Sharing features between folds changes nothing."""
    made = partition(few)
    result = evaluated(tiny, few, made=made)
    fold = made.folds[2]
    *_, step = fit(plan(tiny, "last-layer", few.classes), few, fold, SHORT)
    assert step.result is not None
    assert step.result.test is not None
    rows = [result.tested.index(index) for index in fold.test]
    assert torch.allclose(
        step.result.test.probabilities, result.answers.probabilities[rows], atol=1e-5
    )


def test_with_enough_images_the_kept_network_itself_is_tested(tiny: Network) -> None:
    dataset = shapes(per_class=36)
    made = partition(dataset)
    result = evaluated(tiny, dataset, made=made)
    assert (result.tested, result.folds) == (made.split.test, 0)
    network = to_network(
        plan(tiny, "last-layer", dataset.classes), dataset, result.result, 32, result
    )
    images = DecodedImages(dataset, made.split.test, 32)
    assert list(images.decode())[-1] == 1
    pixels = (images.pixels / 255 - torch.tensor(tiny.spec.mean).view(3, 1, 1)) / torch.tensor(
        tiny.spec.std
    ).view(3, 1, 1)
    with torch.no_grad():
        predicted = network.module(pixels).argmax(1).tolist()
    # The features were computed in bfloat16 where the processor has it.
    agree = accuracy_score(predicted, result.answers.probabilities.argmax(1).tolist())
    assert agree >= 0.9


def test_the_frozen_encoder_runs_once_for_all_folds(
    tiny: Network, few: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    forward = type(tiny.module).forward

    def counted(self: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        if not x.is_meta:  # a pass without values costs nothing
            seen.append(len(x))
        return forward(self, x)

    monkeypatch.setattr(type(tiny.module), "forward", counted)
    evaluated(tiny, few)
    assert sum(seen) == len(few)


def test_fine_tuning_again_starts_each_fold_from_its_own_network(
    tiny: Network, few: Dataset
) -> None:
    """The kept network has seen the folds' images: it must not be what they go on from."""
    made = partition(few)
    first = plan(tiny, "last-layer", few.classes)
    before = evaluated(tiny, few, made=made)
    learned = to_network(first, few, before.result, 32, before)
    further = plan_further(learned, first.form, first.trained_names(), thaw=["deep", "deep_norm"])
    # With a rate of nearly zero the second training leaves all as the first one made it.
    still = TrainingSettings(epochs=1, size=32, batch=8, learning_rate=1e-8)
    chain = [Stage(first, SHORT), Stage(further, still, ("deep", "deep_norm"))]
    *_, step = evaluate(chain, few, made)
    assert step.evaluation is not None
    after = step.evaluation
    assert after.tested == before.tested
    same = torch.isclose(after.answers.probabilities, before.answers.probabilities, atol=0.05)
    assert same.all()


@pytest.mark.claims("convviz.learning.evaluation._joined")
@pytest.mark.parametrize("when", [0, 1, 3, 5])
def test_stopping_keeps_the_folds_that_are_tested(tiny: Network, few: Dataset, when: int) -> None:
    asked: list[bool] = []
    chain = [Stage(plan(tiny, "scratch", few.classes), SHORT)]
    steps = []
    for step in evaluate(chain, few, partition(few), stop=lambda: bool(asked)):
        steps.append(step)
        if step.fold == when and step.training.phase == "training":
            asked.append(True)
    last = steps[-1].evaluation
    assert last is not None
    assert last.note
    folds = partition(few).folds[: max(when - 1, 0)]
    assert last.folds == len(folds)
    assert last.tested == tuple(sorted(index for fold in folds for index in fold.test))
    if not last.tested:
        assert last.accuracy == last.result.validation.accuracy
        assert "validation pictures" in last.note
    else:
        assert f"after {len(folds)} of {len(partition(few).folds)} folds" in last.note
    shares = [step.fraction for step in steps]
    assert shares == sorted(shares)


def test_the_time_limit_is_shared_by_all_trainings(tiny: Network, few: Dataset) -> None:
    settings = TrainingSettings(epochs=None, seconds=3.0, size=32, batch=8)
    result = evaluated(tiny, few, "scratch", settings)
    assert result.folds == 5
    assert result.seconds < 6.0


@pytest.mark.parametrize(("correct", "images"), [(0, 7), (7, 7), (3, 8), (1, 1), (470, 480)])
def test_the_interval_is_scipys(correct: int, images: int) -> None:
    expected = binomtest(correct, images).proportion_ci(0.95, method="wilson")
    assert interval(correct, images) == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize(("correct", "images"), [(0, 7), (7, 7), (3, 8)])
def test_copies_make_the_interval_no_narrower(correct: int, images: int) -> None:
    expected = binomtest(correct, images).proportion_ci(0.95, method="wilson")
    ends = interval(3 * correct, 3 * images, images)
    assert ends == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second"),
    [((40, 40), (25, 40)), ((3, 3), (0, 5)), ((0, 4), (4, 4)), ((9, 9), (9, 9))],
)
def test_the_p_value_is_scipys(first: tuple[int, int], second: tuple[int, int]) -> None:
    table = [[k, n - k] for k, n in (first, second)]
    expected = fisher_exact(table, alternative="greater").pvalue
    assert p_value_higher(*first, *second) == pytest.approx(expected)


def test_answers_to_nothing_and_ties() -> None:
    answers = Answers(torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), torch.tensor([0, 0, 1]))
    assert answers.correct.tolist() == [True, False, False]
    assert answers.confusion().tolist() == [[1, 1], [1, 0]]
    assert answers.mistakes() == (1, 2)  # 0.8 is more confident than 0.6
