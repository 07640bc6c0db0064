"""Train a network, and measure it with images that chose nothing.

With a test part, the trained network classifies it once, at the end. With folds, the network that
is kept is trained first; then each fold is tested by a further network, trained in the same way on
the other folds, so that every image is tested once. The accuracy belongs to the way of training
then, and is a little pessimistic for the network that is kept, which has learned from more images.

A training that goes on from another one (fine-tuning a decoder's encoder) repeats the first one in
every fold: a network that has learned from a fold's images cannot be tested with them any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch

from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import Dataset, Partition, Split
from convviz.language import later, tr
from convviz.learning.config import Answers, TrainingResult, TrainingSettings, TrainingStep
from convviz.learning.encoding import DecodedImages
from convviz.learning.fit import fit
from convviz.learning.image_side import check_side
from convviz.learning.plan import TransferPlan, plan_further
from convviz.networks.network import Network

Item = TypeVar("Item")

_FOLDS_STOPPED = later(
    "The test was stopped after {done} of {folds} folds: the accuracy is that of the "
    "pictures tested until then."
)
_NOT_TESTED = later(
    "It was stopped before its test; the accuracy is that of its validation pictures."
)


@dataclass(frozen=True, eq=False)
class Stage:
    """One training of a chain in which each goes on from the result of the one before it.

    Attributes:
        plan: What it trains; None for one in the middle of the chain, of which only folds need a
            plan, and make it from the fold's own network.
        settings: How.
        thaw: Parts of the encoder that it trains with the decoder; for all but the first.
    """

    plan: TransferPlan | None
    settings: TrainingSettings
    thaw: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A trained network, and how well networks trained in this way do on images that chose nothing.

    Attributes:
        result: The training whose network is kept.
        tested: Indices of the tested images, ascending; () if it was stopped before.
        answers: What was said of each of them.
        folds: How many folds were tested; 0 with a test part.
        train_accuracy: Share of their training images, or of a sample of those, that the tested
            networks classify correctly; None if none was tested.
        seconds: Of all trainings, without reading the images.
        note: A sentence if it ended otherwise than planned.
    """

    result: TrainingResult
    tested: tuple[int, ...]
    answers: Answers
    folds: int
    train_accuracy: float | None
    seconds: float
    note: str

    @property
    def measured_answers(self) -> Answers:
        """Answers to the tested images; without any, to the validation images."""
        if self.tested:
            return self.answers
        return Answers(self.result.probabilities, self.result.labels)

    @property
    def accuracy(self) -> float:
        """Share of those images that were classified correctly."""
        return self.measured_answers.accuracy

    @property
    def correct(self) -> tuple[bool, ...]:
        """Whether each tested image was classified correctly."""
        return tuple(self.answers.correct.tolist()) if self.tested else ()


@dataclass(frozen=True, eq=False)
class EvaluationStep:
    """Where an evaluated training stands.

    Attributes:
        training: Newest step of the training that runs.
        fold: Fold that it tests, from 1 on; 0 while the network that is kept is trained.
        folds: How many folds there are; 0 with a test part.
        fraction: Share of all the work that is done, in 0…1.
        evaluation: At the last step; None before.
    """

    training: TrainingStep
    fold: int = 0
    folds: int = 0
    fraction: float = 0.0
    evaluation: Evaluation | None = field(default=None, repr=False)


def evaluate(
    stages: Sequence[Stage],
    dataset: Dataset,
    partition: Partition,
    *,
    stop: Callable[[], bool] = lambda: False,
    images: DecodedImages | None = None,
    keep: bool = True,
) -> Iterator[EvaluationStep]:
    """Train and test.

    Args:
        stages: The chain of trainings; the last one is of interest, and those before it, whose
            result its plan goes on from, are repeated in every fold. The time limit of each is
            shared by the network that is kept and the folds.
        dataset: The images.
        partition: How they are divided.
        stop: Asked between two steps; once it returns True, it ends with what it has.
        images: The decoded images, to share them with other trainings; None to decode them.
        keep: Whether to train the network that is kept; without it, with folds, the result is
            that of the first fold.

    Raises:
        SettingError: A setting makes no sense, or the data set does not fit the plan or memory.
    """
    last = stages[-1]
    if last.plan is None or stages[0].plan is None:
        raise ValueError("The first and the last training of a chain need a plan.")
    for stage in stages:
        stage.settings.check()
    labelled_set.check_fits(len(dataset), last.settings.size)
    # Auxiliary heads are left out of a training, or checked by `fit` if they are not.
    alone = last.plan.scenario == "scratch" and not last.plan.network.spec.auxiliary
    check_side(last.plan.network, last.settings.size, training=alone)
    if images is None:
        images = DecodedImages(dataset, tuple(range(len(dataset))), last.settings.size)
    # It checks its arguments at the call; nothing is trained yet.
    fit(last.plan, dataset, partition.split, last.settings, images=images)
    return _evaluate(stages, dataset, partition, stop, images, keep)


def _evaluate(
    stages: Sequence[Stage],
    dataset: Dataset,
    partition: Partition,
    stop: Callable[[], bool],
    images: DecodedImages,
    keep: bool,
) -> Iterator[EvaluationStep]:
    folds, last = partition.folds, len(stages) - 1
    trainings: list[tuple[int, Split, Sequence[int]]] = []
    if keep or not folds:
        trainings.append((0, partition.split, [last]))
    trainings += [(number, fold, range(len(stages))) for number, fold in enumerate(folds, 1)]
    budgets = [stage.settings.seconds for stage in stages]
    results: list[TrainingResult] = []
    tested: list[tuple[Split, TrainingResult]] = []
    step = EvaluationStep(TrainingStep("reading"), folds=len(folds))
    stopped = False
    for position, (number, split, places) in enumerate(trainings):
        plan, result = stages[places[0]].plan, None
        for count, place in enumerate(places):
            if result is not None and plan is not None:
                plan = _going_on(plan, stages[place], result)
            settings, budget = stages[place].settings, budgets[place]
            if budget is not None:
                # What one training leaves of its share is divided among the others.
                share = max(budget / (len(trainings) - position), 0.1)
                settings = replace(settings, seconds=share)
            result = None
            for each in fit(_given(plan), dataset, split, settings, stop=stop, images=images):
                result = each.result
                inner = each.fraction if each.phase in ("training", "testing", "done") else 0.0
                done = (position + (count + inner) / len(places)) / len(trainings)
                step = EvaluationStep(each, number, len(folds), max(done, step.fraction))
                if result is None:
                    yield step
            result = _given(result)
            if budget is not None:
                budgets[place] = budget - sum(result.epoch_seconds)
            stopped = result.ending == "stopped"
            if stopped:
                break
        result = _given(result)
        if stopped and results:
            break  # a fold that was interrupted says nothing about the way of training
        results.append(result)
        if result.test is not None:
            tested.append((split, result))
        if stopped:
            break
    evaluation = _joined(results, tested, len(folds), stopped=stopped)
    yield replace(step, fraction=1.0, evaluation=evaluation)


def _given(value: Item | None) -> Item:
    """Return what every training has: a plan at its beginning, a result at its end."""
    if value is None:
        raise RuntimeError("a training has no plan, or ended without a result")
    return value


def _going_on(before: TransferPlan, stage: Stage, result: TrainingResult) -> TransferPlan:
    """Plan how the result of a fold's training is trained further."""
    network = Network(before.network.spec, result.module, before.network.weights)
    return plan_further(network, before.form, before.trained_names(), thaw=stage.thaw)


def _joined(
    results: Sequence[TrainingResult],
    tested: Sequence[tuple[Split, TrainingResult]],
    folds: int,
    *,
    stopped: bool,
) -> Evaluation:
    """Put the answers of all folds together, in the order of the data set."""
    kept = results[0]
    indices = torch.tensor([i for split, _ in tested for i in split.test], dtype=torch.int64)
    order = indices.argsort()
    empty = Answers(kept.probabilities[:0], kept.labels[:0])
    answers = [result.test for _, result in tested if result.test is not None] or [empty]
    train = [result.train for _, result in tested if result.train is not None]
    note = kept.note
    if folds and stopped and tested:
        note = tr(_FOLDS_STOPPED, done=len(tested), folds=folds)
    elif folds and stopped:
        more = tr(_NOT_TESTED)
        note = tr("{note} {more}", note=note, more=more) if note else more
    return Evaluation(
        result=kept,
        tested=tuple(indices[order].tolist()),
        answers=Answers(
            torch.cat([each.probabilities for each in answers])[order],
            torch.cat([each.labels for each in answers])[order],
        ),
        folds=len(tested) if folds else 0,
        train_accuracy=sum(int(each.correct.sum()) for each in train) / sum(map(len, train))
        if train
        else None,
        seconds=sum(result.work_seconds for result in results),
        note=note,
    )
