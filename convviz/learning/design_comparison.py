"""Designs trained fairly: the same images, split and seeds, for equal epochs or for equal time.

Equal epochs ask which design learns more from the same images, equal time which one gets further on
this machine. Seed after seed trains every design, so that a stop leaves as many seeds of each. A
seed draws the first weights, the order of the images and the dropout; the split never changes, and
neither do the test images, which choose nothing: the validation images choose each run's epoch.

Two designs are compared in pairs, seed by seed: see `significance.paired_interval`.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import Dataset, Split, partition
from convviz.errors import DesignError, SettingError
from convviz.features.activations import is_empty, observe_strengths
from convviz.learning import findings, loop
from convviz.learning.config import Ending, TrainingSettings, TrainingStep, check_limits
from convviz.learning.encoding import DecodedImages
from convviz.learning.gradients import gradient_norms, with_weights
from convviz.learning.loop import Examples, Schedule, one_thread, seed_dropout
from convviz.learning.significance import (
    PairedComparison,
    PairedInterval,
    compare_paired,
    paired_interval,
)
from convviz.learning.snapshots import SnapshotSchedule
from convviz.learning.step import Learner, all_scores, total_loss
from convviz.networks.decoders import Form
from convviz.networks.design import Design
from convviz.networks.design_blocks import ConvBlock, FcBlock, InceptionBlock
from convviz.networks.design_module import DesignNetwork, build, place_blocks
from convviz.networks.design_reading import MOST_NAME
from convviz.networks.design_spec import design_spec
from convviz.networks.initial_weights import draw
from convviz.networks.network import IMAGENET_MEAN, IMAGENET_STD
from convviz.structure.design_costs import check_trainable, count_design
from convviz.structure.layers import layers, thin
from convviz.weights import trained
from convviz.weights.trained import TrainedInfo

LEARNING_RATE = 2e-3
"""The usual largest rate of AdamW; a cosine lowers it to nearly zero."""

_GREY = (0.299, 0.587, 0.114)  # of red, green and blue, as Pillow's mode L weighs them (ITU-R 601)
_PROBE_MACS = 2_000_000_000  # of a gradient's pass, in double precision
_PROBE = 64  # images, at most, that gradients and dead ReLUs are measured with
_LINEAR = TrainingSettings(epochs=30, learning_rate=1e-3)
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
                "Say how long each training lasts: give a number of epochs or of seconds, and not "
                "both, as designs are compared for equal epochs or for equal time."
            )
        check_limits(
            ("number of seeds", self.seeds, 1, 20),
            ("number of epochs", self.epochs, 1, 1000),
            ("time of each training in seconds", self.seconds, 1, 3600),
            ("learning rate", self.learning_rate, 1e-6, 1),
            ("batch", self.batch, 2, 1024),
        )


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
        dead: Of its ReLUs with maps, after the first seed's training.
        source: Source of weights of the network that the first seed trained; "" until it is there.
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

    @property
    def name(self) -> str:
        """Name for people."""
        return self.design.name or "Design"

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
        linear: Test accuracy of a linear classifier on pixels; None until it is trained.
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
        return 4096 + sum(200 * len(run.points) + 8 * len(run.correct) for run in runs)

    @property
    def seeds(self) -> int:
        """How many seeds all designs have completed."""
        return min(len(result.complete) for result in self.results)

    @property
    def interval(self) -> PairedInterval | None:
        """The second design's accuracies less the first's; None for fewer than two pairs."""
        if len(self.results) != 2 or self.seeds < 2:
            return None
        first, second = (result.accuracies[: self.seeds] for result in self.results)
        return paired_interval(first, second)

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


def for_classes(design: Design, classes: int) -> Design:
    """Give a design as many outputs as there are classes, in its last convolution or fc.

    Raises:
        DesignError: Its blocks do not fit, or its last outputs come from no such line.
    """
    outputs = place_blocks(design).classes
    if outputs == classes:
        return design
    blocks = list(design.blocks)
    for index in reversed(range(len(blocks))):
        block = blocks[index]
        if isinstance(block, FcBlock):
            blocks[index] = replace(block, units=classes)
        elif isinstance(block, ConvBlock):
            blocks[index] = replace(block, channels=classes)
        elif isinstance(block, InceptionBlock) or block.keyword in ("end", "input"):
            break
        else:
            continue
        changed = replace(design, blocks=tuple(blocks))
        if place_blocks(changed).classes == classes:
            return changed
        break
    raise DesignError(
        blocks[-1].line,
        f"the data have {classes} classes, and the outputs of the network are no line's that could "
        f"be given as many: end the design with “fc {classes}”.",
    )


def distinct(designs: Sequence[Design]) -> tuple[Design, ...]:
    """Name designs so that no two have one name: those that share it get A, B, … at its end."""
    counts = Counter(design.name for design in designs)
    letters = {name: iter("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for name in counts}
    return tuple(
        design
        if counts[design.name] == 1
        else replace(
            design,
            name=f"{design.name[: MOST_NAME - 2] or 'Design'} {next(letters[design.name], 'Z')}",
        )
        for design in designs
    )


def compare_designs(
    designs: Sequence[Design],
    dataset: Dataset,
    settings: DesignSettings | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
    keep: bool = True,
) -> Iterator[DesignComparison]:
    """Train one design or several on the same images, from the same seeds, for as long.

    Args:
        designs: One or more; each gets as many outputs as there are classes.
        dataset: The images.
        settings: How to train; None for the defaults.
        stop: Asked between two steps; once it returns True, it ends with the runs that are over.
        keep: Whether gradients and dead ReLUs of the first seed's networks are measured, and the
            networks kept, so that `load` finds them.

    Raises:
        SettingError: A setting is out of range, a design cannot be built or trained here, or the
            images are too few or do not fit in memory.
    """
    settings = settings or DesignSettings()
    settings.check()
    if not designs:
        raise SettingError("There is no design to train: give one or more.")
    split = _split(dataset)
    designs = distinct(designs)
    results = tuple(_untrained(design, dataset, split, settings) for design in designs)
    return _compare(results, dataset, split, settings, stop, keep)


def _split(dataset: Dataset) -> Split:
    """Divide the images once; of a small set the first fold is the test."""
    division = partition(dataset)
    split = division.split if division.split.test else division.folds[0]
    # Copies get the same answer, and would make a difference look surer than it is.
    return replace(split, test=dataset.different(split.test))


def _untrained(
    design: Design, dataset: Dataset, split: Split, settings: DesignSettings
) -> DesignResult:
    name = design.name or "The design"
    channels, height, width = design.input.shape
    if height != width or channels not in (1, 3) or not 32 <= height <= 512:
        raise SettingError(
            f"{name} takes images of {channels}×{height}×{width}, and training gives it square "
            "pictures of 32 to 512 pixels in three colours or grey: begin it with “input "
            "3x32x32”, for example."
        )
    labelled_set.check_fits(len(dataset), height)
    try:
        design = for_classes(design, len(dataset.classes))
        costs = count_design(design)
        check_trainable(costs)
    except DesignError as error:
        raise SettingError(f"{name}: {error}") from error
    whole, rest = divmod(len(split.train), settings.batch)
    return DesignResult(
        design,
        costs.parameters,
        costs.parameters_with_auxiliary - costs.parameters,
        costs.macs,
        max(1, whole + (rest > 1)),  # one image left over is no batch
    )


def _compare(
    results: tuple[DesignResult, ...],
    dataset: Dataset,
    split: Split,
    settings: DesignSettings,
    stop: Callable[[], bool],
    keep: bool,
) -> Iterator[DesignComparison]:
    view = DesignComparison(
        settings,
        dataset.name,
        dataset.classes,
        len(split.train),
        len(split.validation),
        len(split.test),
        dataset.guessing(split.test),
        results,
    )
    yield view
    indices = tuple(sorted({*split.train, *split.validation, *split.test}))
    decoded: dict[int, DecodedImages] = {}
    for result in results:
        side = result.design.input.height
        if side not in decoded:
            decoded[side] = DecodedImages(dataset, indices, side)
            for _ in decoded[side].decode():
                yield view
                if stop():
                    yield _stopped(view)
                    return
    images = [
        DesignImages(decoded[result.design.input.height], split, result.design.input.channels)
        for result in results
    ]
    view = replace(view, stage="baseline")
    yield view
    with one_thread():
        linear = linear_accuracy(images[0], len(dataset.classes), stop)
    view = replace(view, linear=linear)
    view = replace(view, stage="training")
    total = settings.seeds * len(results)
    for number in range(total):
        if stop():
            yield _stopped(view)
            return
        seed, place = divmod(number, len(results))
        before = view.results[place]
        run = DesignRun(seed)
        training = DesignTraining(before.design, images[place], settings, seed, stop)
        for step in _on_one_core(training.steps()):
            run = follow(run, step)
            view = _with(view, place, replace(before, runs=(*before.runs, run)))
            yield (view := replace(view, fraction=(number + step.fraction) / total))
        run = training.finished(run)
        after = replace(before, runs=(*before.runs, run))
        if keep and not after.source and run.is_complete:
            with one_thread():
                after = training.measured(after, dataset)
        view = _with(view, place, after)
        yield view
    yield _stopped(view) if stop() else replace(view, stage="done", fraction=1.0)


def _with(view: DesignComparison, place: int, result: DesignResult) -> DesignComparison:
    results = (*view.results[:place], result, *view.results[place + 1 :])
    return replace(view, results=results)


def _stopped(view: DesignComparison) -> DesignComparison:
    note = "It was stopped; what is compared are the seeds that were trained to their end."
    return replace(view, stage="done", fraction=1.0, note=note)


def _on_one_core(steps: Iterator[TrainingStep]) -> Iterator[TrainingStep]:
    """Take step after step, each on one core; none is held while a step is looked at."""
    while True:
        with one_thread():
            step = next(steps, None)
        if step is None:
            return
        yield step


def follow(run: DesignRun, step: TrainingStep) -> DesignRun:
    """Add a step to the record of a run."""
    points = run.points
    if step.validation is not None:
        point = CurvePoint(step.epoch, step.seconds, step.loss, step.validation.accuracy)
        points = (*points, point)
        if len(points) > _POINTS:
            points = (*points[:-1:2], points[-1])
    return replace(run, points=points, steps=step.step, seconds=step.seconds)


@dataclass(frozen=True, eq=False)
class DesignImages:
    """Decoded images and their split, as a design takes them in.

    Attributes:
        images: The images.
        split: What each is for.
        channels: Three colours, or one grey.
    """

    images: DecodedImages
    split: Split
    channels: int

    def to_input(self, pixels: Tensor) -> Tensor:
        """Turn images, (N, 3, S, S) uint8, into what the design takes in, (N, channels, S, S)."""
        if self.channels == 3:
            return labelled_set.to_input(pixels, IMAGENET_MEAN, IMAGENET_STD)
        weights = torch.tensor(_GREY)[:, None, None]
        grey = (pixels.float() * weights).sum(1, keepdim=True)
        mean, std = (sum(values) / 3 for values in (IMAGENET_MEAN, IMAGENET_STD))
        return labelled_set.to_input(grey, (mean,), (std,))

    def examples(self, indices: Sequence[int]) -> Examples:
        """Return some of the images with their classes."""
        rows = self.images.rows(indices)
        return Examples(self.images.pixels, self.images.labels[rows], self.to_input, rows)

    def batch(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return some images as input, and their classes."""
        return self.examples(indices).batch(torch.arange(len(indices)))


@dataclass(eq=False)
class DesignTraining:
    """One training of a design from a seed.

    Attributes:
        design: The design.
        images: What it learns from.
        settings: How.
        seed: Of the first weights, the order of the images, and the dropout.
        stop: Asked between two steps.
    """

    design: Design
    images: DesignImages
    settings: DesignSettings
    seed: int
    stop: Callable[[], bool]
    module: DesignNetwork = field(init=False)
    schedule: Schedule = field(init=False)
    correct: tuple[bool, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        """Draw the first weights."""
        self.module = build(self.design, self.seed).requires_grad_(True)

    def steps(self) -> Iterator[TrainingStep]:
        """Train, then let the weights of the best epoch classify the test images."""
        training = TrainingSettings(
            epochs=self.settings.epochs,
            seconds=self.settings.seconds,
            learning_rate=self.settings.learning_rate,
            batch=self.settings.batch,
            seed=self.seed,
        )
        self.schedule = Schedule(training, self.stop)
        self.schedule.images_are_read()
        generator = torch.Generator().manual_seed(self.seed)
        seed_dropout(self.module, generator)
        learner = Learner(
            self.module,
            weight_decay=training.weight_decay,
            auxiliary_weight=self.module.auxiliary_weights,
            heads=bool(self.module.auxiliary),
        )
        self.correct = yield from _trained(learner, self.images, self.schedule, training, generator)

    def finished(self, run: DesignRun) -> DesignRun:
        """Complete the record of the run."""
        return replace(
            run,
            steps=self.schedule.steps,
            seconds=sum(self.schedule.epoch_seconds) or self.schedule.seconds,
            correct=self.correct,
            ending=self.schedule.ending,
        )

    def measured(self, result: DesignResult, dataset: Dataset) -> DesignResult:
        """Measure gradients and dead ReLUs of the trained network, and keep it for other pages."""
        network = build(self.design, None)
        network.load_state_dict(self.module.state_dict(), assign=True)
        network.eval().requires_grad_(False)
        info = _info(result, dataset.name, dataset.classes)
        kept = trained.describe(network, info, trained.write(network, info))
        most = max(4, min(_PROBE, _PROBE_MACS // max(result.macs, 1)))
        probe = self.images.batch(thin(self.images.split.train, most))
        before = gradients(build(self.design, self.seed), probe)
        after = gradients(network, probe)
        names = with_weights(network, network.auxiliary)
        others = self.images.batch(thin(self.images.split.validation, _PROBE))[0]
        relus = [x for x in layers(kept) if x.kind == "ReLU" and len(x.shape) == 3]
        strengths = observe_strengths(network, others, relus)
        dead = tuple(
            DeadRelu(name, s.shape[1], int(is_empty(s).all(0).sum()), len(others))
            for name, s in strengths.items()
        )
        norms = tuple(LayerNorm(name, before[name], after[name]) for name in names)
        return replace(result, gradients=norms, dead=dead, source=trained.keep(kept))


def _trained(
    learner: Learner,
    images: DesignImages,
    schedule: Schedule,
    settings: TrainingSettings,
    generator: torch.Generator,
) -> Generator[TrainingStep, None, tuple[bool, ...]]:
    """Train a module, and return whether it classifies each test image correctly."""
    schedule.begin_stage(settings.learning_rate or LEARNING_RATE)
    best = yield from loop.train(
        learner,
        images.examples(images.split.train),
        images.examples(images.split.validation),
        schedule,
        SnapshotSchedule(None),
        batch=settings.batch,
        generator=generator,
    )
    answers = best.answers(images.examples(images.split.test))
    while True:
        try:
            next(answers)
        except StopIteration as end:
            return tuple(end.value.correct.tolist())


def linear_accuracy(
    images: DesignImages, classes: int, stop: Callable[[], bool] = lambda: False
) -> float | None:
    """Return the test accuracy of a linear classifier on pixels; None if it was stopped.

    Args:
        images: As for a design.
        classes: How many there are.
        stop: Asked between two steps.
    """
    inputs = images.channels * images.images.size**2
    module = nn.Sequential(nn.Flatten(), nn.Linear(inputs, classes))
    generator = torch.Generator().manual_seed(_LINEAR.seed)
    draw(module, generator)
    schedule = Schedule(_LINEAR, stop)
    schedule.images_are_read()
    learner = Learner(module, weight_decay=_LINEAR.weight_decay, heads=False)
    work = _trained(learner, images, schedule, _LINEAR, generator)
    while True:
        try:
            next(work)
        except StopIteration as end:
            correct: tuple[bool, ...] = end.value
            return None if schedule.ending == "stopped" else sum(correct) / len(correct)


def saved(result: DesignResult) -> bytes:
    """Write the network that a design's first seed has trained, with its design, as one file.

    Raises:
        SettingError: No training is over, or the network is no longer in memory.
    """
    network = trained.find(result.source) if result.source else None
    if network is None:
        raise SettingError(
            f"{result.name} has no trained network in memory: let a training come to its end."
        )
    weights = network.weights
    return trained.write(network.module, _info(result, weights.training_set, weights.classes))


def _info(result: DesignResult, dataset: str, classes: tuple[str, ...]) -> TrainedInfo:
    """Describe the network of the first run that is over."""
    run = result.complete[0]
    return TrainedInfo(
        network=design_spec(result.design).name,
        form=Form("", 1, classes),
        input_size=result.design.input.height,
        training_set=dataset,
        note=findings.accuracy_of_design(run),
        accuracy=run.accuracy,
        design=result.design.text,
    )


def gradients(network: DesignNetwork, probe: tuple[Tensor, Tensor]) -> dict[str, float]:
    """Measure the loss's gradient at each layer's weights, in double precision, without dropout.

    Args:
        network: The network; it is not changed.
        probe: Images as input, and their classes.
    """
    # A copy, because a pass changes batch norms' statistics.
    module = copy.deepcopy(network).double().train().requires_grad_(True)
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.eval()
    images, labels = probe
    with torch.enable_grad():
        losses = [cross_entropy(scores, labels) for scores in all_scores(module(images.double()))]
        total = total_loss(losses, network.auxiliary_weights)
        return gradient_norms(total, module, with_weights(module, network.auxiliary))
