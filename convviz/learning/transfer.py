"""Transfer learning as a job: what the page Transfer learning starts, shows and saves.

A record of its progress holds plain values and small images only, so that it can be sent to another
process; the trained network itself is kept by `weights.trained`, under the source that the
outcome names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from convviz.datasets.labelled_set import Dataset, Partition
from convviz.formatting import percent
from convviz.images.encode import png
from convviz.images.preprocess import crop
from convviz.language import ENGLISH, later, speaking, tr
from convviz.learning.config import Answers, Ending, Phase, TrainingResult, TrainingSettings
from convviz.learning.encoding import DecodedImages
from convviz.learning.evaluation import Evaluation, Stage, evaluate
from convviz.learning.plan import Scenario, TransferPlan, untrained_copy
from convviz.learning.plan import plan as make_plan
from convviz.learning.significance import interval
from convviz.networks.design_spec import design_of
from convviz.networks.network import Network, Weights
from convviz.networks.replaced_parts import parts_of
from convviz.weights import trained
from convviz.weights.load import load
from convviz.weights.trained import TrainedInfo

Measured = Literal["test", "folds", "validation"]

THIS, UNTRAINED, SCRATCH = (
    later("this training"),
    later("the same decoder on an untrained encoder"),
    later("everything from scratch, for the same time"),
)
"""Names of a training and of what it is compared with, told where they are shown."""

_MISTAKES = 8
_PIXELS = 112  # side of a mistake's image


@dataclass(frozen=True)
class Epoch:
    """One epoch: its number, the mean training loss (None before the first), and validation."""

    number: int
    loss: float | None
    validation_loss: float
    accuracy: float


@dataclass(frozen=True)
class Mistake:
    """A misclassified image: a small PNG, its title, its class and the predicted one."""

    png: bytes
    title: str
    is_class: str
    taken_for: str
    probability: float


@dataclass(frozen=True)
class Misclassified:
    """An image that was taken for another class.

    Attributes:
        index: Of the image in the data set.
        is_class: Number of its class.
        taken_for: Number of the class that it was taken for.
        probability: Of that class.
    """

    index: int
    is_class: int
    taken_for: int
    probability: float


@dataclass(frozen=True)
class TransferOutcome:
    """Result of one training.

    Attributes:
        name: Of the training, for a comparison.
        accuracy: Share of the images it was measured on that were classified correctly.
        measured: On which: a test part; folds, each tested by a further network; or, where it was
            stopped before its test, the validation images.
        tested: Indices of the tested images in the data set, ascending; () without a test.
        correct: Whether each of them was classified correctly.
        different: Those of the images it was measured on that are no copies of another one.
        folds: How many folds were tested; 0 without any.
        guessing: Accuracy of always naming the largest class of the images measured on.
        validation_accuracy: Of the weights that are kept, on the images that chose them.
        train_accuracy: Of the tested networks on their training images; None without a test.
        seconds: Of the network that is kept, without reading the images: features, epochs, checks.
        test_seconds: Of the trainings that only tested a fold.
        encoding_seconds: For the frozen encoder's features.
        epoch_seconds: How long each epoch of the network that is kept took.
        epochs: How many there were.
        best_epoch: Whose weights are kept.
        confusion: Of the images measured on; rows are classes, columns predicted classes.
        mistakes: The most confident ones among them.
        source: The trained network's source of weights.
        about: Description that goes into its file.
        trained: Names of the parts that were trained.
        parts: Parts that a small file holds; () where the whole network is needed.
        on: The weights that were trained on.
        ending: Why it ended.
        note: A sentence if it ended otherwise than planned.
        misclassified: All of them among the images measured on, the most confident first.
        augmented: Whether the images were changed each time they were learned from.
        drawn_anew: Whether there is no small file because a user's `build` sets other weights each
            time.
    """

    name: str
    accuracy: float
    measured: Measured
    tested: tuple[int, ...]
    correct: tuple[bool, ...]
    different: tuple[int, ...]
    folds: int
    guessing: float
    validation_accuracy: float
    train_accuracy: float | None
    seconds: float
    test_seconds: float
    encoding_seconds: float
    epoch_seconds: tuple[float, ...]
    epochs: int
    best_epoch: int
    confusion: tuple[tuple[int, ...], ...]
    mistakes: tuple[Mistake, ...]
    source: str
    about: TrainedInfo
    trained: tuple[str, ...]
    parts: tuple[str, ...]
    on: Weights
    ending: Ending
    note: str
    misclassified: tuple[Misclassified, ...] = ()
    augmented: bool = False
    drawn_anew: bool = False

    def cells(self) -> dict[tuple[int, int], tuple[Misclassified, ...]]:
        """Sort the misclassified images into the confusion matrix, its largest cells first.

        Returns:
            The images of each cell that has some, by the numbers of their class and of the class
            that they were taken for.
        """
        cells: dict[tuple[int, int], tuple[Misclassified, ...]] = {}
        for each in self.misclassified:
            place = each.is_class, each.taken_for
            cells[place] = (*cells.get(place, ()), each)
        return dict(sorted(cells.items(), key=lambda cell: -len(cell[1])))

    @property
    def images(self) -> int:
        """How many images the accuracy was measured on."""
        return sum(map(sum, self.confusion))


@dataclass(frozen=True)
class Recipe:
    """A training in plain values, so that it can be repeated.

    Attributes:
        network: Name of the network.
        source: Of its weights.
        scenario: What was trained.
        thaw: Parts of the encoder that were trained with the decoder.
        settings: How.
    """

    network: str
    source: str
    scenario: Scenario
    thaw: tuple[str, ...]
    settings: TrainingSettings


@dataclass(frozen=True)
class Lesson:
    """Data and trainings, to go on from their result.

    Attributes:
        dataset: The images.
        partition: How they are divided.
        recipes: The trainings, each of which went on from the result of the one before.
    """

    dataset: Dataset
    partition: Partition
    recipes: tuple[Recipe, ...]

    @property
    def settings(self) -> TrainingSettings:
        """Settings of the newest training."""
        return self.recipes[-1].settings


@dataclass(frozen=True)
class TransferProgress:
    """How far a job is.

    Attributes:
        network: Title of the network.
        doing: Human name of the training that runs.
        phase: What it does.
        fraction: Share of the whole job that is done, in 0…1.
        seconds: Of the training that runs.
        classes: Name of each class.
        lesson: Its data and settings.
        fold: Fold that is tested by the training that runs; 0 for the network that is kept.
        folds: How many folds there are; 0 with a test part.
        trainings: How many trainings there are: this one, and those that it is compared with.
        before: Outcome that it was fine-tuned from; None if it began anew.
        before_job: Id of the job with that outcome.
        epochs: Of the network that is kept.
        outcomes: Of the trainings that are over, the main one first.
    """

    network: str
    doing: str
    phase: Phase
    fraction: float
    seconds: float
    classes: tuple[str, ...]
    lesson: Lesson
    fold: int = 0
    folds: int = 0
    trainings: int = 1
    before: TransferOutcome | None = None
    before_job: str = ""
    epochs: tuple[Epoch, ...] = ()
    outcomes: tuple[TransferOutcome, ...] = ()

    @property
    def most_seconds(self) -> float | None:
        """How long all trainings may take, without what comes before; None if not limited."""
        times = [recipe.settings.seconds for recipe in self.lesson.recipes]
        known = [seconds for seconds in times if seconds is not None]
        return self.trainings * sum(known) if len(known) == len(times) else None

    @property
    def validation_images(self) -> int:
        """How many images chose the epoch of the network that is kept."""
        return len(self.lesson.partition.split.validation)

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""
        files = int(getattr(self.lesson.dataset.images, "nbytes", 0))
        return 4096 + files + sum(len(m.png) for o in self.outcomes for m in o.mistakes)


def train_transfer(
    *,
    stop: Callable[[], bool],
    plan: TransferPlan,
    dataset: Dataset,
    partition: Partition,
    settings: TrainingSettings,
    compare: bool = False,
    before: TransferOutcome | None = None,
    before_job: str = "",
    history: tuple[Recipe, ...] = (),
) -> Iterator[TransferProgress]:
    """Train by a plan and, with `compare`, also what it is to be compared with.

    Args:
        stop: Asked between two steps; once it returns True, the job ends with what it has.
        plan: The plan.
        dataset: The images.
        partition: Which of them are learned from, and which test.
        settings: How to train.
        compare: Whether to train the same plan on an untrained encoder afterwards, with the same
            settings, and all of the network from scratch, for as long as the first training took.
            All are tested with the same images.
        before: Outcome that the plan goes on from, to be shown beside the new one.
        before_job: Id of the job with that outcome, so that a page can link to it.
        history: The trainings that the plan goes on from, which every fold repeats.
    """
    thawed = tuple(part.name for part in plan.parts if part.state == "thawed")
    weights = plan.network.weights
    recipe = Recipe(plan.network.name, weights.source, plan.scenario, thawed, settings)
    stages = [Stage(None, each.settings, each.thaw) for each in history]
    if history and partition.folds:
        stages[0] = Stage(_plan_of(history[0], dataset.classes), history[0].settings)
    elif history:
        stages = []  # no fold repeats them
    stages.append(Stage(plan, settings, thawed))
    view = TransferProgress(
        network=plan.network.title,
        doing=THIS,
        phase="reading",
        fraction=0.0,
        seconds=0.0,
        classes=dataset.classes,
        lesson=Lesson(dataset, partition, (*history, recipe)),
        folds=len(partition.folds),
        trainings=3 if compare else 1,
        before=before,
        before_job=before_job,
    )
    images = DecodedImages(dataset, tuple(range(len(dataset))), settings.size)
    trainings = [(THIS, stages)]
    for number, (name, chain) in enumerate(trainings):
        evaluation: Evaluation | None = None
        for step in evaluate(chain, dataset, partition, stop=stop, images=images, keep=number == 0):
            evaluation, training = step.evaluation, step.training
            if number == 0 and step.fold == 0 and training.validation and not training.result:
                last = view.epochs[-1].number if view.epochs else -1
                check = training.validation
                row = Epoch(training.epoch, training.loss, check.loss, check.accuracy)
                epochs = view.epochs if training.epoch > last else view.epochs[:-1]
                view = replace(view, epochs=(*epochs, row))
            view = replace(
                view,
                doing=name,
                phase=training.phase,
                fold=step.fold,
                fraction=min((number + step.fraction) / view.trainings, 1.0),
                seconds=training.seconds,
            )
            if evaluation is None:
                yield view
        chain_plan = chain[-1].plan
        if evaluation is None or chain_plan is None:
            raise RuntimeError("a training ended without a result")
        outcome = _outcome(name, chain_plan, dataset, partition, evaluation, settings)
        view = replace(view, outcomes=(*view.outcomes, outcome))
        yield view
        if stop():
            return
        images.drop_outputs()
        if compare and number == 0:
            untrained = make_plan(
                untrained_copy(plan.network), plan.scenario, dataset.classes, thaw=thawed or None
            )
            scratch = make_plan(plan.network, "scratch", dataset.classes)
            # Without a network to keep, only the folds are trained.
            seconds = max(outcome.seconds, 1.0) * max(len(partition.folds), 1)
            same_time = replace(settings, epochs=None, seconds=seconds)
            trainings += [
                (UNTRAINED, [Stage(untrained, settings)]),
                (SCRATCH, [Stage(scratch, same_time)]),
            ]


def _plan_of(recipe: Recipe, classes: tuple[str, ...]) -> TransferPlan:
    """Plan a training again.

    Raises:
        WeightsError: The weights that it began from are no longer here.
    """
    network = load(recipe.network, recipe.source)
    return make_plan(network, recipe.scenario, classes, thaw=recipe.thaw or None)


def _outcome(
    name: str,
    plan: TransferPlan,
    dataset: Dataset,
    partition: Partition,
    evaluation: Evaluation,
    settings: TrainingSettings,
) -> TransferOutcome:
    result, size = evaluation.result, settings.size
    network = to_network(plan, dataset, result, size, evaluation)
    answers, indices = evaluation.measured_answers, evaluation.tested or partition.split.validation
    measured: Measured = "folds" if evaluation.folds else "test"
    return TransferOutcome(
        name=name,
        accuracy=evaluation.accuracy,
        measured=measured if evaluation.tested else "validation",
        tested=evaluation.tested,
        correct=evaluation.correct,
        different=dataset.different(indices),
        folds=evaluation.folds,
        guessing=dataset.guessing(indices),
        validation_accuracy=result.validation.accuracy,
        train_accuracy=evaluation.train_accuracy,
        seconds=result.work_seconds,
        test_seconds=evaluation.seconds - result.work_seconds,
        encoding_seconds=result.encoding_seconds,
        epoch_seconds=result.epoch_seconds,
        epochs=result.epochs,
        best_epoch=result.best_epoch,
        confusion=tuple(tuple(row) for row in answers.confusion().tolist()),
        mistakes=tuple(_mistakes(dataset, indices, answers)),
        source=trained.keep(network),
        about=about(plan, dataset, result, size, evaluation),
        trained=plan.trained_names(),
        parts=plan.parts_to_save(),
        on=plan.network.weights,
        ending=result.ending,
        note=evaluation.note,
        misclassified=tuple(_misclassified(dataset, indices, answers)),
        augmented=settings.augment,
        drawn_anew=plan.is_drawn_anew,
    )


def _misclassified(
    dataset: Dataset, indices: Sequence[int], answers: Answers
) -> Iterator[Misclassified]:
    for row in answers.mistakes():
        predicted = answers.probabilities[row].max(0)
        yield Misclassified(
            indices[row],
            dataset.labels[indices[row]],
            int(predicted.indices),
            float(predicted.values),
        )


def _mistakes(dataset: Dataset, indices: Sequence[int], answers: Answers) -> Iterator[Mistake]:
    for row in answers.mistakes()[:_MISTAKES]:
        index = indices[row]
        square = crop(dataset.images.image(index), size=_PIXELS, resize=_PIXELS)
        predicted = answers.probabilities[row].max(0)
        yield Mistake(
            png(square),
            dataset.images.titles[index],
            dataset.classes[dataset.labels[index]],
            dataset.classes[int(predicted.indices)],
            float(predicted.values),
        )


def about(
    plan: TransferPlan,
    dataset: Dataset,
    result: TrainingResult,
    input_size: int,
    evaluation: Evaluation | None = None,
) -> TrainedInfo:
    """Describe a trained network and how well it does, in English: it goes into its file.

    Args:
        plan: What was trained.
        dataset: What it was trained on.
        result: Of the training.
        input_size: Side of the images, in pixels.
        evaluation: Of the way of training; None for the training's own test or validation images.
    """
    answers = Answers(result.probabilities, result.labels)
    if evaluation is not None:
        answers = evaluation.measured_answers
    elif result.test is not None:
        answers = result.test
    with speaking(ENGLISH):
        note = _measured(dataset, result, input_size, evaluation, answers)
    options = plan.network.spec.imagenet_options
    design, parts = design_of(plan.network.spec), parts_of(plan.network.spec)
    return TrainedInfo(
        network=plan.network.name,
        form=plan.form,
        input_size=input_size,
        training_set=dataset.name,
        note=note,
        accuracy=answers.accuracy,
        options=tuple(n for n, value in options if getattr(result.module, n, None) == value),
        design=design.text if design is not None else "",
        parts=parts.text if parts is not None else "",
    )


def _measured(
    dataset: Dataset,
    result: TrainingResult,
    input_size: int,
    evaluation: Evaluation | None,
    answers: Answers,
) -> str:
    """Say how many images a trained network classifies correctly, and which these are."""
    images, correct = len(answers), int(answers.correct.sum())
    if evaluation is not None and evaluation.folds:
        tested = tr(
            "{images:,} pictures, each tested by a network trained in the same way without it",
            images=images,
        )
    elif answers is result.test or (evaluation is not None and evaluation.tested):
        tested = tr(
            "{images:,} test pictures, which it did not learn from and which chose nothing",
            images=images,
        )
    else:
        tested = tr(
            "{images:,} validation pictures, which it did not learn from but which chose its epoch",
            images=images,
        )
    indices = evaluation.tested if evaluation is not None else ()
    low, high = interval(correct, images, len(dataset.different(indices)) or None)
    return tr(
        "Trained here on {dataset} ({count} classes, {size} px). Of {tested}, {share} are "
        "classified correctly (95 % interval {low} to {high}).",
        dataset=dataset.name,
        count=len(dataset.classes),
        size=input_size,
        tested=tested,
        share=percent(correct / images),
        low=percent(low),
        high=percent(high),
    )


def to_bytes(
    plan: TransferPlan,
    dataset: Dataset,
    result: TrainingResult,
    input_size: int,
    *,
    only_trained: bool = False,
    evaluation: Evaluation | None = None,
) -> bytes:
    """Write a trained network as a safetensors file with the names of its classes.

    Args:
        plan: What was trained.
        dataset: What it was trained on.
        result: Of the training.
        input_size: Side of the images, in pixels.
        only_trained: Whether to leave out the frozen parts, which the original network has; with a
            frozen encoder the file then holds the decoder alone. Where there is no such file, see
            `TransferPlan.parts_to_save`, it holds everything.
        evaluation: Of the way of training, as for `about`.
    """
    description = about(plan, dataset, result, input_size, evaluation)
    parts = plan.parts_to_save() if only_trained else ()
    return trained.write(result.module, description, parts=parts, on=plan.network.weights)


def to_network(
    plan: TransferPlan,
    dataset: Dataset,
    result: TrainingResult,
    input_size: int,
    evaluation: Evaluation | None = None,
) -> Network:
    """Turn the result of a training into a network that every page can show; see `about`."""
    description = about(plan, dataset, result, input_size, evaluation)
    data = trained.write(result.module, description)
    return trained.describe(result.module, description, data)
