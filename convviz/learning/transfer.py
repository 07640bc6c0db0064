"""Trainings as jobs: what a page starts, and what it is shown while they run.

A view holds plain values and small pictures only, so that it may cross to another process; the
trained network itself is kept by `networks.trained`, under the name that the outcome gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from convviz.datasets.labelled_set import Dataset, Split
from convviz.images.encode import png
from convviz.images.preprocess import crop
from convviz.learning.config import Ending, Phase, TrainingResult, TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import TransferPlan, plan, untrained_twin
from convviz.networks.network import Network, Weights
from convviz.weights import trained
from convviz.weights.trained import TrainedInfo


def about(
    plan: TransferPlan, dataset: Dataset, result: TrainingResult, input_size: int
) -> TrainedInfo:
    """Say what a trained network is, and how well it does."""
    right = result.validation.accuracy
    options = plan.network.spec.imagenet_options
    return TrainedInfo(
        network=plan.network.name,
        form=plan.form,
        input_size=input_size,
        training_set=dataset.name,
        note=(
            f"Trained here on {dataset.name}: of {len(result.labels):,} pictures that it did not "
            f"learn from, it names {right:.0%} rightly ({len(dataset.classes)} classes, "
            f"{input_size} px)."
        ),
        accuracy=right,
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
        result: What came of it.
        input_size: Side of the pictures, in pixels.
        only_trained: Whether to leave out the frozen parts, which the network it was trained on
            has; with a frozen encoder the file then holds the decoder alone.
    """
    said = about(plan, dataset, result, input_size)
    parts = plan.parts_to_save() if only_trained else ()
    return trained.write(result.module, said, parts=parts, on=plan.network.weights)


def to_network(
    plan: TransferPlan, dataset: Dataset, result: TrainingResult, input_size: int
) -> Network:
    """Turn a training's result into a network that every page can look into."""
    said = about(plan, dataset, result, input_size)
    return trained.describe(result.module, said, trained.write(result.module, said))


_MISTAKES = 8


_PIXELS = 112


@dataclass(frozen=True)
class Epoch:
    """One epoch: its number, the mean training loss (None before the first), and validation."""

    number: int
    loss: float | None
    validation_loss: float
    accuracy: float


@dataclass(frozen=True)
class Mistake:
    """A validation picture that was named wrongly: a small PNG, what it is, and what it seemed."""

    png: bytes
    title: str
    is_class: str
    taken_for: str
    probability: float


@dataclass(frozen=True)
class Outcome:
    """What came of one training.

    Attributes:
        name: Of the training, for a comparison.
        accuracy: Share of the validation pictures named rightly.
        seconds: Without reading the pictures: features, epochs and checks.
        encoding_seconds: Of those, for the frozen encoder's features.
        epoch_seconds: How long each epoch took.
        epochs: How many there were.
        best_epoch: Whose weights are kept.
        confusion: Rows are classes, columns what they were taken for.
        mistakes: The most confident ones.
        source: The trained network's source of weights.
        about: What goes into its file.
        trained: Names of the parts that were trained.
        parts: What a small file holds: the same names; none where the whole network is needed.
        on: The weights that were trained on.
        ending: Why it ended.
        note: A sentence where it ended otherwise than planned.
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
    """What a training learned from, and how: to go on from its result."""

    dataset: Dataset
    split: Split
    settings: TrainingSettings


@dataclass(frozen=True)
class TransferProgress:
    """Where a job stands.

    Attributes:
        network: Title of the network.
        doing: Which training of the job runs, for people.
        phase: What it does.
        fraction: How much of the whole job is behind it, in 0…1.
        seconds: Of the training that runs.
        classes: Name of each class.
        lesson: What it learns from.
        before: What it was fine-tuned from; None if it began anew.
        before_job: The job that this was the result of.
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
    before: Outcome | None = None
    before_job: str = ""
    epochs: tuple[Epoch, ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    @property
    def validation_images(self) -> int:
        """How many pictures check it."""
        return len(self.lesson.split.validation)

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""
        files = int(getattr(self.lesson.dataset.pictures, "nbytes", 0))
        return 4096 + files + sum(len(m.png) for o in self.outcomes for m in o.mistakes)


def train_transfer(
    *,
    stop: Callable[[], bool],
    wanted: TransferPlan,
    dataset: Dataset,
    split: Split,
    settings: TrainingSettings,
    compare: bool = False,
    before: Outcome | None = None,
    before_job: str = "",
) -> Iterator[TransferProgress]:
    """Train what a plan says and, if wanted, what it is to be compared with.

    Args:
        stop: Asks it to end.
        wanted: The plan.
        dataset: The pictures.
        split: Which are learned from.
        settings: How.
        compare: Whether to train the same decoder on an untrained encoder afterwards, and all of
            the network from scratch, for as long as the first training took.
        before: What the plan goes on from, to be shown beside what comes of it.
        before_job: The job that this was the result of, so that a page can lead back to it.
    """
    trainings = [("this training", wanted, settings)]
    shares = 3 if compare else 1
    view = TransferProgress(
        network=wanted.network.title,
        doing=trainings[0][0],
        phase="reading",
        fraction=0.0,
        seconds=0.0,
        classes=dataset.classes,
        lesson=Lesson(dataset, split, settings),
        before=before,
        before_job=before_job,
    )
    for number, (name, each, how) in enumerate(trainings):
        result: TrainingResult | None = None
        for step in fit(each, dataset, split, how, stop=stop):
            result = step.result
            if number == 0 and step.validation is not None and result is None:
                last = view.epochs[-1].number if view.epochs else -1
                row = Epoch(step.epoch, step.loss, step.validation.loss, step.validation.accuracy)
                kept = view.epochs if step.epoch > last else view.epochs[:-1]
                view = replace(view, epochs=(*kept, row))
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
        outcome = _outcome(name, each, dataset, split, result, how.size)
        view = replace(view, outcomes=(*view.outcomes, outcome))
        yield view
        if stop():
            return
        if compare and number == 0:
            same_time = replace(settings, epochs=None, seconds=max(outcome.seconds, 1.0))
            twin = plan(untrained_twin(wanted.network), "last-layer", dataset.classes)
            scratch = plan(wanted.network, "scratch", dataset.classes)
            trainings += [
                ("the same decoder on an untrained encoder", twin, same_time),
                ("everything from scratch, for the same time", scratch, same_time),
            ]


def _outcome(
    name: str,
    made: TransferPlan,
    dataset: Dataset,
    split: Split,
    result: TrainingResult,
    size: int,
) -> Outcome:
    network = to_network(made, dataset, result, size)
    return Outcome(
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
        about=about(made, dataset, result, size),
        trained=made.trained_names(),
        parts=made.parts_to_save(),
        on=made.network.weights,
        ending=result.ending,
        note=result.note,
    )


def _mistakes(dataset: Dataset, split: Split, result: TrainingResult) -> Iterator[Mistake]:
    for row in result.mistakes()[:_MISTAKES]:
        place = split.validation[row]
        square = crop(dataset.pictures.picture(place), size=_PIXELS, resize=_PIXELS)
        best = result.probabilities[row].max(0)
        yield Mistake(
            png(square),
            dataset.pictures.titles[place],
            dataset.classes[dataset.labels[place]],
            dataset.classes[int(best.indices)],
            float(best.values),
        )
