"""What trainings of designs reach: each run, each design, and the comparison of them.

Two designs are compared in pairs, seed by seed: see `significance.paired_interval`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from convviz.errors import SettingError
from convviz.language import tr
from convviz.learning.config import Ending, TrainingStep, check_limits
from convviz.learning.significance import (
    PairedComparison,
    PairedInterval,
    compare_paired,
    paired_interval,
)
from convviz.learning.snapshots import Snapshot
from convviz.networks.design import Design

UNNAMED = "Design"
"""What a design without a name is called."""

LEARNING_RATE = 2e-3
"""The usual largest rate of AdamW; a cosine lowers it to nearly zero."""


_POINTS = 200  # of a run's curve


Stage = Literal["reading", "baseline", "training", "done"]


@dataclass(frozen=True)
class DesignSettings:
    """How designs are trained.

    Attributes:
        epochs: Passes over the images of each training; None for as many as the time allows.
        seconds: Of each training; None for as long as the epochs take. One of the two is given.
        seeds: How many trainings each design has; their seeds are 0, 1, 2, …
        learning_rate: The largest, of AdamW.
        batch: Images per step.
    """

    epochs: int | None = None
    seconds: float | None = 20.0
    seeds: int = 3
    learning_rate: float = LEARNING_RATE
    batch: int = 32

    def check(self) -> None:
        """Check that the numbers are in range.

        Raises:
            SettingError: One is not, or not exactly one of epochs and seconds is given.
        """
        if (self.epochs is None) == (self.seconds is None):
            raise SettingError(
                tr(
                    "Say how long each training lasts: give a number of epochs or of "
                    "seconds, and not both, as designs are compared for equal epochs or for "
                    "equal time."
                )
            )
        check_limits(
            (tr("number of seeds"), self.seeds, 1, 20),
            (tr("number of epochs"), self.epochs, 1, 1000),
            (tr("time of each training in seconds"), self.seconds, 1, 3600),
            (tr("learning rate"), self.learning_rate, 1e-6, 1),
            (tr("batch"), self.batch, 2, 1024),
        )

    def most_seconds(self, designs: int) -> float | None:
        """How long all trainings of so many designs take together; None where epochs decide."""
        return None if self.seconds is None else designs * self.seeds * self.seconds


@dataclass(frozen=True)
class CurvePoint:
    """The end of an epoch of one run.

    Attributes:
        epoch: Epochs that are over.
        seconds: Since its training began.
        loss: Mean loss of the training images; None before the first step.
        accuracy: Share of the validation images that are classified correctly.
    """

    epoch: int
    seconds: float
    loss: float | None
    accuracy: float


@dataclass(frozen=True)
class DesignRun:
    """One training of a design.

    Attributes:
        seed: Its seed.
        points: Its curve.
        steps: Of the optimiser.
        seconds: That its epochs took, validation included.
        correct: Whether each test image is classified correctly; () until it is over.
        ending: Why it ended; None while it goes on.
    """

    seed: int
    points: tuple[CurvePoint, ...] = ()
    steps: int = 0
    seconds: float = 0.0
    correct: tuple[bool, ...] = ()
    ending: Ending | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it was trained as long as it was to be, or until its loss was no number."""
        return self.ending is not None and self.ending != "stopped"

    @property
    def accuracy(self) -> float:
        """Share of the test images that are classified correctly."""
        return sum(self.correct) / len(self.correct)


@dataclass(frozen=True)
class LayerNorm:
    """The gradient's norm at a layer's weights, before and after the first seed's training."""

    name: str
    before: float
    after: float


@dataclass(frozen=True)
class DeadRelu:
    """One ReLU, and how many of its channels are empty for all of `images` images."""

    name: str
    channels: int
    dead: int
    images: int


@dataclass(frozen=True, eq=False)
class DesignFilm:
    """How the maps of one image grew while a design learned.

    Attributes:
        probe: The image's title; it is none that was learned from.
        frames: Moments of the training, the first and the last among them.
    """

    probe: str
    frames: tuple[Snapshot, ...]

    @property
    def nbytes(self) -> int:
        """Memory that it takes, in bytes."""
        return sum(frame.nbytes for frame in self.frames)


@dataclass(frozen=True)
class Written:
    """What a design has as it is written, where the data have another number of classes.

    Attributes:
        outputs: How many numbers leave it.
        parameters: Without auxiliary classifiers.
    """

    outputs: int
    parameters: int


@dataclass(frozen=True)
class DesignResult:
    """One design, its costs, and its trainings.

    Attributes:
        design: The design, with as many outputs as there are classes.
        parameters: Without auxiliary classifiers.
        auxiliary_parameters: Of its auxiliary classifiers, which help training alone.
        macs: Multiply–accumulates for one image.
        epoch_steps: Steps of the optimiser in an epoch.
        runs: Its trainings, one for each seed.
        gradients: Of its layers, from the image to the classes; () until the first run is over.
        dead: Of its ReLUs, after the first seed's training.
        source: Source of weights of the network that the first seed trained; "" until it is there.
        film: Of the maps while the first seed trained; None without ReLUs with maps.
        written: Of the design as it is written; None where it was trained as it is.
    """

    design: Design
    parameters: int
    auxiliary_parameters: int
    macs: int
    epoch_steps: int
    runs: tuple[DesignRun, ...] = ()
    gradients: tuple[LayerNorm, ...] = ()
    dead: tuple[DeadRelu, ...] = ()
    source: str = ""
    film: DesignFilm | None = None
    written: Written | None = None

    @property
    def name(self) -> str:
        """Name for people."""
        return self.design.name or UNNAMED

    @property
    def complete(self) -> tuple[DesignRun, ...]:
        """The runs that are over and were not stopped."""
        return tuple(run for run in self.runs if run.is_complete)

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Test accuracy of each complete run."""
        return tuple(run.accuracy for run in self.complete)

    @property
    def accuracy(self) -> float | None:
        """Mean test accuracy; None without a complete run."""
        return sum(self.accuracies) / len(self.accuracies) if self.complete else None

    @property
    def diverged(self) -> int:
        """How many runs ended because a loss was no longer a number."""
        return sum(run.ending == "not finite" for run in self.runs)

    @property
    def seconds_per_epoch(self) -> float | None:
        """Time of an epoch, validation included, over all runs; None before the first step."""
        steps = sum(run.steps for run in self.runs)
        return sum(run.seconds for run in self.runs) * self.epoch_steps / steps if steps else None


@dataclass(frozen=True)
class DesignComparison:
    """How far the trainings are; every step of them yields one, and the last is the result.

    Attributes:
        settings: How all are trained.
        dataset: Name of the images.
        classes: Name of each class.
        train_images: How many images are learned from.
        validation_images: How many choose each run's epoch.
        test_images: How many test the result; none is a copy of another.
        guessing: Accuracy of always naming the largest class of the test images.
        results: One for each design.
        linear: Test accuracy of a linear classifier on pixels, those of the design that sees
            most of them; None until it is trained.
        stage: What is done.
        fraction: Share of the work that is done, in 0…1.
        note: A sentence if it ended otherwise than planned.
    """

    settings: DesignSettings
    dataset: str
    classes: tuple[str, ...]
    train_images: int
    validation_images: int
    test_images: int
    guessing: float
    results: tuple[DesignResult, ...]
    linear: float | None = None
    stage: Stage = "reading"
    fraction: float = 0.0
    note: str = ""

    @property
    def nbytes(self) -> int:
        """Memory that it holds, about."""
        runs = [run for result in self.results for run in result.runs]
        films = sum(result.film.nbytes for result in self.results if result.film)
        return 4096 + films + sum(200 * len(run.points) + 8 * len(run.correct) for run in runs)

    @property
    def most_seconds(self) -> float | None:
        """How long all trainings may take, without what comes before; None if not limited."""
        return self.settings.most_seconds(len(self.results))

    @property
    def seeds(self) -> int:
        """How many seeds all designs have completed."""
        return min(len(result.complete) for result in self.results)

    @property
    def interval(self) -> PairedInterval | None:
        """The second design's accuracies less the first's; None for fewer than two pairs."""
        if len(self.results) != 2 or self.seeds < 2:
            return None
        runs = [result.complete[: self.seeds] for result in self.results]
        # Of numbers of images: differences of shares that cancel out would not sum to 0.
        first, second = ([sum(run.correct) for run in each] for each in runs)
        paired, images = paired_interval(first, second), len(runs[0][0].correct)
        return PairedInterval(
            paired.mean / images, paired.low / images, paired.high / images, paired.pairs
        )

    @property
    def better(self) -> int | None:
        """Which of two designs is better on these data: 1 or 2, and 0 where chance may decide.

        None where that cannot be told: without two seeds that both designs have completed.
        """
        interval, images = self.interval, self.images
        if interval is None or images is None:
            return None
        if not (interval.is_significant and images.is_significant):
            return 0
        return 2 if interval.mean > 0 else 1

    @property
    def images(self) -> PairedComparison | None:
        """Which test images most seeds of each design name rightly; None without a pair."""
        if len(self.results) != 2 or not self.seeds:
            return None
        named = []
        for result in self.results:
            runs = result.complete[: self.seeds]
            counts = [sum(image) for image in zip(*(run.correct for run in runs), strict=True)]
            named.append([2 * count > len(runs) for count in counts])
        return compare_paired(*named)


def follow(run: DesignRun, step: TrainingStep) -> DesignRun:
    """Add a step to the record of a run."""
    points = run.points
    if step.validation is not None:
        point = CurvePoint(step.epoch, step.seconds, step.loss, step.validation.accuracy)
        points = (*points, point)
        if len(points) > _POINTS:
            points = (*points[:-1:2], points[-1])
    return replace(run, points=points, steps=step.step, seconds=step.seconds)
