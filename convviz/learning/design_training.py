"""One training of a design from a seed, and the linear classifier on pixels beside it.

A seed draws the first weights, the order of the images and the dropout; the validation images
choose the epoch whose weights are kept.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import Dataset, Split
from convviz.errors import SettingError
from convviz.features.activations import is_empty, observe_strengths
from convviz.language import ENGLISH, speaking, tr
from convviz.learning import design_findings, loop
from convviz.learning.config import TrainingSettings, TrainingStep
from convviz.learning.design_results import (
    LEARNING_RATE,
    DeadRelu,
    DesignFilm,
    DesignResult,
    DesignRun,
    DesignSettings,
    LayerNorm,
)
from convviz.learning.encoding import DecodedImages
from convviz.learning.gradients import gradient_norms, with_weights
from convviz.learning.loop import Examples, Schedule, seed_dropout
from convviz.learning.snapshots import Snapshot, SnapshotSchedule, Watch, add, watch
from convviz.learning.step import Learner, all_scores, total_loss
from convviz.networks.decoders import Form
from convviz.networks.design import Design
from convviz.networks.design_module import DesignNetwork, build
from convviz.networks.design_spec import design_spec
from convviz.networks.initial_weights import draw
from convviz.networks.network import IMAGENET_MEAN, IMAGENET_STD
from convviz.structure.design_costs import count_design
from convviz.structure.layers import layers
from convviz.structure.trunk import thin
from convviz.weights import trained
from convviz.weights.trained import TrainedInfo
from convviz.weights.untrained import Untrained

_PROBE_MACS = 2_000_000_000  # of a gradient's pass, in double precision
_PROBE_BYTES = 1_000_000_000  # that it needs, in numbers of single precision
_PROBE = 64  # images, at most, that gradients and dead ReLUs are measured with
_FILMED = 4  # ReLUs, at most, whose maps are kept while a design learns
_FILM_BYTES = 6_000_000
_LINEAR = TrainingSettings(epochs=30, learning_rate=1e-3)


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
        mean: Sequence[float] = IMAGENET_MEAN
        std: Sequence[float] = IMAGENET_STD
        if self.channels == 1:
            mean, std = ((sum(values) / 3,) for values in (IMAGENET_MEAN, IMAGENET_STD))
        return labelled_set.to_input(pixels, mean, std)

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
        watch: What is kept of its maps while it learns; None for nothing.
        frames: What was kept.
    """

    design: Design
    images: DesignImages
    settings: DesignSettings
    seed: int
    stop: Callable[[], bool]
    watch: Watch | None = None
    frames: tuple[Snapshot, ...] = field(init=False, default=())
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
        if self.watch is not None:
            self.frames = (self.watch.take(self.module, step=0, epoch=0, seconds=0.0),)
        work = _trained(
            *(learner, self.images, self.schedule, training, generator),
            SnapshotSchedule(self.watch),
        )
        while True:
            try:
                step = next(work)
            except StopIteration as end:
                self.correct = end.value
                return
            if step.snapshot is not None:
                self.frames = add(self.frames, step.snapshot, most_bytes=_FILM_BYTES)
            yield step

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
        most = min(
            _PROBE_MACS // max(result.macs, 1),
            _PROBE_BYTES // max(count_design(self.design).training_bytes, 1),
        )
        most = max(4, min(_PROBE, most))
        probe = self.images.batch(thin(self.images.split.train, most))
        before = gradients(build(self.design, self.seed), probe)
        after = gradients(network, probe)
        names = with_weights(network, network.auxiliary)
        others = self.images.batch(thin(self.images.split.validation, _PROBE))[0]
        relus = [layer for layer in layers(kept) if layer.kind == "ReLU"]
        strengths = observe_strengths(network, others, relus)
        dead = tuple(
            DeadRelu(name, s.shape[1], int(is_empty(s).all(0).sum()), len(others))
            for name, s in strengths.items()
        )
        norms = tuple(LayerNorm(name, before[name], after[name]) for name in names)
        film = None
        if self.frames:
            film = DesignFilm(dataset.images.titles[self.images.split.validation[0]], self.frames)
        return replace(result, gradients=norms, dead=dead, source=trained.keep(kept), film=film)


def watch_design(design: Design, dataset: Dataset, images: DesignImages) -> Watch | None:
    """Choose which maps are kept while a design learns: of some ReLUs, for a validation image.

    Returns:
        None for a design without ReLUs that have maps.
    """
    network = Untrained().load(design_spec(design), seed=0)
    side = design.input.height
    relus = [x for x in layers(network, side) if x.kind == "ReLU" and len(x.shape) == 3]
    if not relus:
        return None
    image = dataset.images.image(images.split.validation[0])
    names = [layer.name for layer in thin(relus, _FILMED)]
    return watch(network, image, side, layer_names=names)


def _trained(
    learner: Learner,
    images: DesignImages,
    schedule: Schedule,
    settings: TrainingSettings,
    generator: torch.Generator,
    snapshots: SnapshotSchedule,
) -> Generator[TrainingStep, None, tuple[bool, ...]]:
    """Train a module, and return whether it classifies each test image correctly."""
    schedule.begin_stage(settings.learning_rate or LEARNING_RATE)
    best = yield from loop.train(
        learner,
        images.examples(images.split.train),
        images.examples(images.split.validation),
        schedule,
        snapshots,
        batch=settings.batch,
        generator=generator,
        network=learner.module,
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
    work = _trained(learner, images, schedule, _LINEAR, generator, SnapshotSchedule(None))
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
            tr(
                "{name} has no trained network in memory: let a training come to its end.",
                name=result.name,
            )
        )
    weights = network.weights
    return trained.write(network.module, _info(result, weights.training_set, weights.classes))


def _info(result: DesignResult, dataset: str, classes: tuple[str, ...]) -> TrainedInfo:
    """Describe the network of the first run that is over, in English: it goes into its file."""
    run = result.complete[0]
    with speaking(ENGLISH):
        note = design_findings.accuracy_of_design(run)
    return TrainedInfo(
        network=design_spec(result.design).name,
        form=Form("", 1, classes),
        input_size=result.design.input.height,
        training_set=dataset,
        note=note,
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
