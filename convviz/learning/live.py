"""A small network's training as a job: what the page Training shows, curves and snapshots.

A record of its progress is complete at every moment, bounded however long the training is, and
never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from PIL import Image

from convviz.datasets.labelled_set import Dataset, Split
from convviz.learning.config import Ending, Phase, TrainingSettings, TrainingStep
from convviz.learning.fit import fit
from convviz.learning.guessing import Guessing, guessing
from convviz.learning.loop import one_thread
from convviz.learning.plan import plan
from convviz.learning.small_design import SmallDesign, small_network
from convviz.learning.snapshots import Snapshot, add, watch
from convviz.structure.trunk import thin

Rate = Literal["tiny", "usual", "deadly"]

DEADLY_RATE = 0.1
"""AdamW's rate at which most ReLUs die within a few steps where no batch norm helps them.

Measured with the generated shapes, 3 epochs, and three seeds each: 15 of 24 channels or more were
dead with 2 stacks of 8 and 16 channels, at least 84 % with 3 to 5 stacks (94 to 96 of 112 with the
page's usual 3 stacks from 16), 5 or 6 of 12 with 2 stacks of 4 and 8. The loss rose to some ten
thousands at times and stayed a number in every run. The first layer's channels live on: the image
has values on both sides of zero. SGD with momentum overflowed in 4 of 6 runs with rates of 0.3 to 3
and killed little with 0.1.
"""

_USUAL_RATE = 0.01
"""AdamW's rate where batch norm helps: the page's usual network changes for the eye in ten steps.

By then the second stack's maps of a photograph have a mean correlation of 0.5 with those of the
random weights, and 0.8 with a rate of 0.003. It learns better as well: with the generated shapes,
15 epochs, and three seeds (the third with 25 and 29 epochs) it classified 0.63, 0.63 and 0.68 of
the validation images correctly, against 0.48, 0.49 and 0.61; with 1 and 6 stacks 0.43 and 0.64,
against 0.38 and 0.61.
"""

_TINY_RATE = 1e-5
_OTHERS = 32  # images to look for dead channels with
_POINTS = 600  # of each curve

Item = TypeVar("Item")


def learning_rate(rate: Rate, *, batch_norm: bool) -> float:
    """Return the value of a named learning rate, for AdamW."""
    if rate == "usual":
        return _USUAL_RATE if batch_norm else 1e-3
    return _TINY_RATE if rate == "tiny" else DEADLY_RATE


@dataclass(frozen=True)
class LossPoint:
    """The mean training loss of successive steps, and the number of the last one."""

    step: int
    loss: float


@dataclass(frozen=True)
class EpochCheck:
    """The end of an epoch: loss and accuracy of the validation images."""

    step: int
    epoch: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class ChannelCount:
    """One moment: channels that are empty for the probe, and dead for all the other images."""

    step: int
    empty: int
    dead: int


@dataclass(frozen=True)
class LiveOutcome:
    """Result of a training.

    Attributes:
        accuracy: Share of the validation images classified correctly by the weights kept.
        epochs: How many there were.
        best_epoch: Whose weights are kept; 0 for those before the first step.
        ending: Why it ended.
        note: A sentence if it ended otherwise than planned.
    """

    accuracy: float
    epochs: int
    best_epoch: int
    ending: Ending
    note: str


@dataclass(frozen=True)
class LiveProgress:
    """How far a training is.

    Attributes:
        design: The network's.
        learning_rate: The largest.
        classes: Name of each class.
        images: How many images are learned from.
        validation_images: How many check it.
        probe: The probe image's title.
        guessing: What is reached without looking at the images.
        others: How many images dead channels are looked for with.
        most_seconds: How long it may train; None where only the number of epochs is limited.
        phase: What it does.
        fraction: Share of it that is done, in 0…1.
        seconds: Since it began.
        step: Steps so far.
        points: The training loss.
        checks: After each epoch, and before the first.
        counts: Empty and dead channels.
        frames: Snapshots, the first and the newest among them.
        outcome: At the end; None before.
    """

    design: SmallDesign
    learning_rate: float
    classes: tuple[str, ...]
    images: int
    validation_images: int
    probe: str
    guessing: Guessing
    others: int = 0
    most_seconds: float | None = None
    phase: Phase = "reading"
    fraction: float = 0.0
    seconds: float = 0.0
    step: int = 0
    points: tuple[LossPoint, ...] = ()
    checks: tuple[EpochCheck, ...] = ()
    counts: tuple[ChannelCount, ...] = ()
    frames: tuple[Snapshot, ...] = ()
    outcome: LiveOutcome | None = None

    @property
    def nbytes(self) -> int:
        """About how much memory it holds."""
        rows = len(self.points) + len(self.checks) + len(self.counts)
        return 4096 + 160 * rows + sum(frame.nbytes for frame in self.frames)

    @property
    def channels(self) -> int:
        """How many channels the watched layers have together."""
        return self.frames[0].channels if self.frames else 0


def train_small(
    *,
    stop: Callable[[], bool],
    design: SmallDesign,
    picture: Image.Image,
    probe: str,
    dataset: Dataset,
    split: Split,
    settings: TrainingSettings,
) -> Iterator[LiveProgress]:
    """Train a small network from random weights, and take snapshots on the way.

    Args:
        stop: Asked between two steps; once it returns True, the training ends with what it has.
        design: The network's.
        picture: The probe image.
        probe: Its title.
        dataset: The images.
        split: Which of them are learned from, and which check it.
        settings: How to train; the images' side is the design's.

    Raises:
        SettingError: A setting is out of range, or the images do not fit into memory.
    """
    network = small_network(design, settings.seed, len(dataset.classes))
    settings = replace(settings, size=design.pixels)
    indices = thin(split.validation, _OTHERS)
    view = LiveProgress(
        design,
        settings.learning_rate or learning_rate("usual", batch_norm=design.batch_norm),
        dataset.classes,
        len(split.train),
        len(split.validation),
        probe,
        guessing(dataset, split),
        len(indices),
        settings.seconds,
    )
    yield view
    snapshots = watch(
        network, picture, design.pixels, others=[dataset.images.image(k) for k in indices]
    )
    settings = replace(settings, learning_rate=view.learning_rate)
    transfer_plan = plan(network, "scratch", dataset.classes)
    steps = fit(transfer_plan, dataset, split, settings, stop=stop, watch=snapshots)
    while True:
        with one_thread():
            step = next(steps, None)
        if step is None:
            return
        view = follow(view, step)
        yield view


def follow(view: LiveProgress, step: TrainingStep) -> LiveProgress:
    """Add a step to the progress of a training."""
    points, checks, counts, frames = view.points, view.checks, view.counts, view.frames
    if step.recent_loss is not None:
        points = _thin((*points, LossPoint(step.step, step.recent_loss)))
    if step.validation is not None and step.result is None:
        check = EpochCheck(step.step, step.epoch, step.validation.loss, step.validation.accuracy)
        checks = _thin((*checks, check))
    if step.snapshot is not None:
        if not step.snapshot.kept:
            count = ChannelCount(step.step, step.snapshot.empty, step.snapshot.dead or 0)
            counts = _thin((*counts, count))
        frames = add(frames, step.snapshot)
    outcome = None
    if step.result is not None:
        result = step.result
        outcome = LiveOutcome(
            result.validation.accuracy,
            result.epochs,
            result.best_epoch,
            result.ending,
            result.note,
        )
    return replace(
        view,
        phase=step.phase,
        fraction=step.fraction if step.phase in ("training", "done") else 0.0,
        seconds=step.seconds,
        step=step.step,
        points=points,
        checks=checks,
        counts=counts,
        frames=frames,
        outcome=outcome,
    )


def _thin(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Drop every other item but the last where there are too many."""
    return items if len(items) <= _POINTS else (*items[:-1:2], items[-1])
