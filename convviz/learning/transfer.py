"""Transfer learning as a job: what the page Transfer learning starts, shows and saves.

A record of its progress holds plain values and small images only, so that it can be sent to another
process; the trained network itself is kept by `weights.trained`, under the source that the
outcome names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from convviz.datasets.labelled_set import Dataset, Split
from convviz.images.encode import png
from convviz.images.preprocess import crop
from convviz.learning.config import Ending, Phase, TrainingResult, TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import TransferPlan, untrained_copy
from convviz.learning.plan import plan as make_plan
from convviz.networks.network import Network, Weights
from convviz.weights import trained
from convviz.weights.trained import TrainedInfo

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
    """A misclassified validation image: a small PNG, its title, its class and the predicted one."""

    png: bytes
    title: str
    is_class: str
    taken_for: str
    probability: float


@dataclass(frozen=True)
class TransferOutcome:
    """Result of one training.

    Attributes:
        name: Of the training, for a comparison.
        accuracy: Share of the validation images classified correctly.
        seconds: Without reading the images: features, epochs and checks.
        encoding_seconds: Of those, for the frozen encoder's features.
        epoch_seconds: How long each epoch took.
        epochs: How many there were.
        best_epoch: Whose weights are kept.
        confusion: Rows are classes, columns predicted classes.
        mistakes: The most confident ones.
        source: The trained network's source of weights.
        about: Description that goes into its file.
        trained: Names of the parts that were trained.
        parts: Parts that a small file holds; () where the whole network is needed.
        on: The weights that were trained on.
        ending: Why it ended.
        note: A sentence if it ended otherwise than planned.
    """

    name: str
    accuracy: float
    seconds: float
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


@dataclass(frozen=True)
class Lesson:
    """Data and settings of a training, to go on from its result."""

    dataset: Dataset
    split: Split
    settings: TrainingSettings


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
        before: Outcome that it was fine-tuned from; None if it began anew.
        before_job: Id of the job with that outcome.
        epochs: Of the first training.
        outcomes: Of the trainings that are over, the main one first.
    """

    network: str
    doing: str
    phase: Phase
    fraction: float
    seconds: float
    classes: tuple[str, ...]
    lesson: Lesson
    before: TransferOutcome | None = None
    before_job: str = ""
    epochs: tuple[Epoch, ...] = ()
    outcomes: tuple[TransferOutcome, ...] = ()

    @property
    def validation_images(self) -> int:
        """How many validation images there are."""
        return len(self.lesson.split.validation)

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
    split: Split,
    settings: TrainingSettings,
    compare: bool = False,
    before: TransferOutcome | None = None,
    before_job: str = "",
) -> Iterator[TransferProgress]:
    """Train by a plan and, with `compare`, also what it is to be compared with.

    Args:
        stop: Asked between two steps; once it returns True, the job ends with what it has.
        plan: The plan.
        dataset: The images.
        split: Which of them are learned from.
        settings: How to train.
        compare: Whether to train the same decoder on an untrained encoder afterwards, and all of
            the network from scratch, for as long as the first training took.
        before: Outcome that the plan goes on from, to be shown beside the new one.
        before_job: Id of the job with that outcome, so that a page can link to it.
    """
    trainings = [("this training", plan, settings)]
    shares = 3 if compare else 1
    view = TransferProgress(
        network=plan.network.title,
        doing=trainings[0][0],
        phase="reading",
        fraction=0.0,
        seconds=0.0,
        classes=dataset.classes,
        lesson=Lesson(dataset, split, settings),
        before=before,
        before_job=before_job,
    )
    for number, (name, training_plan, training_settings) in enumerate(trainings):
        result: TrainingResult | None = None
        for step in fit(training_plan, dataset, split, training_settings, stop=stop):
            result = step.result
            if number == 0 and step.validation is not None and result is None:
                last = view.epochs[-1].number if view.epochs else -1
                row = Epoch(step.epoch, step.loss, step.validation.loss, step.validation.accuracy)
                epochs = view.epochs if step.epoch > last else view.epochs[:-1]
                view = replace(view, epochs=(*epochs, row))
            inner = step.fraction if step.phase in ("training", "done") else 0.0
            view = replace(
                view,
                doing=name,
                phase=step.phase,
                fraction=min((number + inner) / shares, 1.0),
                seconds=step.seconds,
            )
            if result is None:
                yield view
        if result is None:
            raise RuntimeError("a training ended without a result")
        outcome = _outcome(name, training_plan, dataset, split, result, training_settings.size)
        view = replace(view, outcomes=(*view.outcomes, outcome))
        yield view
        if stop():
            return
        if compare and number == 0:
            same_time = replace(settings, epochs=None, seconds=max(outcome.seconds, 1.0))
            untrained = make_plan(untrained_copy(plan.network), "last-layer", dataset.classes)
            scratch = make_plan(plan.network, "scratch", dataset.classes)
            trainings += [
                ("the same decoder on an untrained encoder", untrained, same_time),
                ("everything from scratch, for the same time", scratch, same_time),
            ]


def _outcome(
    name: str,
    plan: TransferPlan,
    dataset: Dataset,
    split: Split,
    result: TrainingResult,
    size: int,
) -> TransferOutcome:
    network = to_network(plan, dataset, result, size)
    return TransferOutcome(
        name=name,
        accuracy=result.validation.accuracy,
        seconds=result.encoding_seconds + sum(result.epoch_seconds),
        encoding_seconds=result.encoding_seconds,
        epoch_seconds=result.epoch_seconds,
        epochs=result.epochs,
        best_epoch=result.best_epoch,
        confusion=tuple(tuple(row) for row in result.confusion().tolist()),
        mistakes=tuple(_mistakes(dataset, split, result)),
        source=trained.keep(network),
        about=about(plan, dataset, result, size),
        trained=plan.trained_names(),
        parts=plan.parts_to_save(),
        on=plan.network.weights,
        ending=result.ending,
        note=result.note,
    )


def _mistakes(dataset: Dataset, split: Split, result: TrainingResult) -> Iterator[Mistake]:
    for row in result.mistakes()[:_MISTAKES]:
        index = split.validation[row]
        square = crop(dataset.images.image(index), size=_PIXELS, resize=_PIXELS)
        predicted = result.probabilities[row].max(0)
        yield Mistake(
            png(square),
            dataset.images.titles[index],
            dataset.classes[dataset.labels[index]],
            dataset.classes[int(predicted.indices)],
            float(predicted.values),
        )


def about(
    plan: TransferPlan, dataset: Dataset, result: TrainingResult, input_size: int
) -> TrainedInfo:
    """Describe a trained network and how well it does."""
    accuracy = result.validation.accuracy
    options = plan.network.spec.imagenet_options
    return TrainedInfo(
        network=plan.network.name,
        form=plan.form,
        input_size=input_size,
        training_set=dataset.name,
        note=(
            f"Trained here on {dataset.name}: of {len(result.labels):,} pictures that it did not "
            f"learn from, it names {accuracy:.0%} rightly ({len(dataset.classes)} classes, "
            f"{input_size} px)."
        ),
        accuracy=accuracy,
        options=tuple(n for n, value in options if getattr(result.module, n, None) == value),
    )


def to_bytes(
    plan: TransferPlan,
    dataset: Dataset,
    result: TrainingResult,
    input_size: int,
    *,
    only_trained: bool = False,
) -> bytes:
    """Write a trained network as a safetensors file with the names of its classes.

    Args:
        plan: What was trained.
        dataset: What it was trained on.
        result: Of the training.
        input_size: Side of the images, in pixels.
        only_trained: Whether to leave out the frozen parts, which the original network has; with a
            frozen encoder the file then holds the decoder alone.
    """
    description = about(plan, dataset, result, input_size)
    parts = plan.parts_to_save() if only_trained else ()
    return trained.write(result.module, description, parts=parts, on=plan.network.weights)


def to_network(
    plan: TransferPlan, dataset: Dataset, result: TrainingResult, input_size: int
) -> Network:
    """Turn the result of a training into a network that every page can show."""
    description = about(plan, dataset, result, input_size)
    data = trained.write(result.module, description)
    return trained.describe(result.module, description, data)
