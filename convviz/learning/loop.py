"""The training loop, with its schedule and its best weights.

`train` runs epochs of one module until the schedule says that the stage is over, checks the module
after each epoch, and ends with the weights of the best one. A training may have two stages, which
share one `Schedule`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from convviz import work_clock
from convviz.language import later, tr
from convviz.learning.config import (
    Answers,
    Ending,
    Phase,
    TrainingSettings,
    TrainingStep,
    Validation,
)
from convviz.learning.snapshots import SnapshotSchedule
from convviz.learning.step import Learner, Losses, judge, main_scores

_REPORT_SECONDS = 0.2  # between two steps that are yielded within an epoch
_CHECKED = 64  # images per pass of a check

_NOTES: dict[Ending, str] = {
    "stopped": later("The training was stopped; what is kept are its best weights so far."),
    "not finite": later(
        "The loss is no longer a number: the steps were too large for these weights, and the "
        "learning rate is the first thing to lower. What is kept are the last good weights."
    ),
}


class Schedule:
    """How far a training is, when it ends, and the learning rate on the way.

    The share of the work that is done counts epochs or time, whichever is further. A time limit
    does not count reading images and computing a frozen encoder's features.

    Args:
        settings: Limits on epochs and seconds, and the shape of the learning rate.
        stop: Asked between two steps.

    Attributes:
        steps: Steps of the optimiser so far.
        epoch_seconds: How long each epoch took, validation included.
        encoding_seconds: How long the frozen encoder's features took; 0 without.
        ending: Why the training ended; "epochs" as long as it goes on.
    """

    def __init__(self, settings: TrainingSettings, stop: Callable[[], bool]) -> None:
        self.steps = 0
        self.epoch_seconds: list[float] = []
        self.encoding_seconds = 0.0
        self.ending: Ending = "epochs"
        self._settings = settings
        self._stop = stop
        self._start = work_clock.seconds()
        self._read = 0.0
        self._ready = 0.0
        self._epoch_start = 0.0
        self._share = 0.0
        self._rate, self._first, self._until = 0.0, 0.0, 1.0  # of the stage

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return work_clock.seconds() - self._start

    @property
    def epochs(self) -> int:
        """Epochs that are over."""
        return len(self.epoch_seconds)

    @property
    def note(self) -> str:
        """A sentence where the training ended otherwise than planned."""
        return tr(_NOTES[self.ending]) if self.ending in _NOTES else ""

    @property
    def goes_on(self) -> bool:
        """Whether nothing has ended the training yet."""
        return self.ending == "epochs"

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        if self._settings.schedule == "constant":
            return self._rate
        share = (self._share - self._first) / max(self._until - self._first, 1e-9)
        return self._rate * (
            0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0)))
        )

    def now(self, phase: Phase) -> TrainingStep:
        """Report where the training stands, without what was measured."""
        return TrainingStep(
            phase,
            epoch=self.epochs,
            step=self.steps,
            fraction=1.0 if phase == "done" else self._share,
            seconds=self.seconds,
        )

    def preparing(self, phase: Phase, share: float) -> TrainingStep:
        """Report how far reading or encoding is; asks whether to stop."""
        if self._stop():
            self.ending = "stopped"
        return TrainingStep(phase, fraction=share, seconds=self.seconds)

    def images_are_read(self) -> None:
        """Note that the images are read."""
        self._read = self._ready = self.seconds

    def features_are_computed(self) -> None:
        """Note that the frozen encoder's features are computed."""
        self._ready = self.seconds
        self.encoding_seconds = self._ready - self._read

    def begin_stage(self, rate: float, share: float = 1.0) -> None:
        """Begin a stage.

        Args:
            rate: Its largest learning rate.
            share: Share of the remaining work that it is, in 0…1.
        """
        self._measure()
        self._rate, self._first = rate, self._share
        self._until = self._share + share * (1 - self._share)

    def begin_epoch(self) -> bool:
        """Begin another epoch if the stage is not over."""
        self._measure()
        self._epoch_start = self.seconds
        return self.goes_on and self._share < self._until

    def tick(self, of_epoch: float) -> None:
        """Count a step, and check whether the training is to end.

        Args:
            of_epoch: Share of the epoch's images that are learned from, in 0…1.
        """
        self.steps += 1
        self._measure(of_epoch)
        limit = self._settings.seconds
        if self._stop():
            self.ending = "stopped"
        elif limit is not None and self.seconds - self._ready >= limit:
            self.ending = "seconds"

    @property
    def breaks_epoch(self) -> bool:
        """Whether to leave the epoch here; one is only cut short by an end or by a time limit."""
        timed = self._settings.seconds is not None
        return not self.goes_on or (timed and self._share >= self._until)

    def end_epoch(self) -> None:
        """Count an epoch."""
        self.epoch_seconds.append(self.seconds - self._epoch_start)

    def _measure(self, of_epoch: float = 0.0) -> None:
        """Measure the share of the work that is done."""
        settings, shares = self._settings, [0.0]
        if settings.epochs is not None:
            shares.append((self.epochs + of_epoch) / settings.epochs)
        if settings.seconds is not None:
            shares.append((self.seconds - self._ready) / settings.seconds)
        self._share = min(max(shares), 1.0)


class BestWeights:
    """The best weights so far, by accuracy and then by loss; not-a-numbers are never among them.

    Args:
        module: What is trained; only what training changes is copied.
        check: What it is checked with.
        schedule: Knows how many steps are behind the first weights.

    Attributes:
        labels: Number of each checked image's class, (N,).
        scores: Of the newest check, (N, K); after `restore`, of the best weights.
        validation: Of the best weights.
        epoch: Epochs behind them.
        step: Steps of the optimiser behind them.
    """

    def __init__(self, module: nn.Module, check: Examples, schedule: Schedule) -> None:
        self._module = module
        self._check = check
        self.labels = check.labels
        self.validation = self._validate()
        self.epoch, self.step = 0, schedule.steps
        self._copy = self._copied()

    def validate(self) -> Validation | None:
        """Check the weights as they are; None if they, or their loss, are not finite."""
        validation = self._validate()
        weights = trained_tensors(self._module).values()
        if math.isfinite(validation.loss) and all(bool(w.isfinite().all()) for w in weights):
            return validation
        return None

    def consider(self, validation: Validation, schedule: Schedule) -> None:
        """Copy the weights that were just validated if they are the best."""
        best = self.validation
        if (validation.accuracy, -validation.loss) > (best.accuracy, -best.loss):
            self.validation = validation
            self.epoch, self.step = schedule.epochs, schedule.steps
            self._copy = self._copied()

    @torch.no_grad()
    def restore(self) -> None:
        """Put the best weights back into the module, and leave it in eval mode."""
        for name, tensor in trained_tensors(self._module).items():
            tensor.copy_(self._copy[name])
        self._validate()

    def answers(self, examples: Examples) -> Generator[None, None, Answers]:
        """Let the weights as they are, the best ones after `restore`, classify other examples.

        Yields:
            None after each batch.
        """
        scores = []
        for rows in torch.split(torch.arange(len(examples)), _CHECKED):
            scores.append(self._score(examples, rows))
            yield
        return Answers(torch.cat(scores).softmax(1), examples.labels)

    def _validate(self) -> Validation:
        self._module.eval()
        rows = torch.split(torch.arange(len(self._check)), _CHECKED)
        self.scores = torch.cat([self._score(self._check, batch) for batch in rows])
        return judge(self.scores, self.labels)

    @torch.no_grad()
    def _score(self, examples: Examples, rows: Tensor) -> Tensor:
        return main_scores(self._module(examples.batch(rows)[0])).float()

    def _copied(self) -> dict[str, Tensor]:
        tensors = trained_tensors(self._module)
        return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def trained_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return what training changes: parameters with `requires_grad`, and their modules' buffers."""
    tensors: dict[str, Tensor] = {}
    for prefix, part in module.named_modules():
        changed = {
            name: p for name, p in part._parameters.items() if p is not None and p.requires_grad
        }
        if changed:
            changed |= {name: b for name, b in part._buffers.items() if b is not None}
        tensors |= {f"{prefix}.{name}": tensor for name, tensor in changed.items()}
    return tensors


@dataclass(frozen=True, eq=False)
class Examples:
    """What is learned from, or checked with.

    Attributes:
        values: Images or features, (M, …), of which some are the examples.
        labels: Number of each example's class, (N,).
        prepare: Turns some of the values into what the module takes in.
        rows: Which of the values are the examples, (N,); None for all.
    """

    values: Tensor
    labels: Tensor
    prepare: Callable[[Tensor], Tensor] = lambda values: values
    rows: Tensor | None = None

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.labels)

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Take some of them."""
        values = self.values[rows if self.rows is None else self.rows[rows]]
        return self.prepare(values), self.labels[rows]

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through all of them once, in batches of a random order."""
        for rows in torch.split(torch.randperm(len(self), generator=generator), size):
            # Batch norm in train mode has nothing to normalise over with one image.
            if len(rows) > 1 or len(self) == 1:
                yield self.batch(rows)


@dataclass
class _Meter:
    """Means over an epoch, and over the steps since the last report."""

    seen: int = 0
    loss: float = 0.0
    correct: int = 0
    recent_seen: int = 0
    recent_loss: float = 0.0
    auxiliary: tuple[float, ...] = ()
    rate: float = 0.0

    def begin_epoch(self) -> None:
        self.seen, self.loss, self.correct = 0, 0.0, 0

    def add(self, losses: Losses, images: int, rate: float) -> None:
        self.seen += images
        self.loss += losses.main * images
        self.correct += losses.correct
        self.recent_seen += images
        self.recent_loss += losses.main * images
        self.auxiliary, self.rate = losses.auxiliary, rate

    def report(self, step: TrainingStep) -> TrainingStep:
        """Add the means to a step, and begin a new mean of the steps since the last report."""
        recent = self.recent_loss / self.recent_seen if self.recent_seen else None
        self.recent_seen, self.recent_loss = 0, 0.0
        return replace(
            step,
            loss=self.loss / self.seen,
            auxiliary=self.auxiliary,
            accuracy=self.correct / self.seen,
            learning_rate=self.rate,
            recent_loss=recent,
        )


def train(
    learner: Learner,
    examples: Examples,
    check: Examples,
    schedule: Schedule,
    snapshots: SnapshotSchedule,
    *,
    batch: int,
    generator: torch.Generator,
    network: nn.Module | None = None,
    modes: Callable[[nn.Module], object] = nn.Module.train,
) -> Generator[TrainingStep, None, BestWeights]:
    """Train a module until its stage of the schedule is over; it ends with its best weights.

    Args:
        learner: The module and its optimiser.
        examples: What it learns from.
        check: What it is checked with.
        schedule: When to end; its stage has begun.
        snapshots: When to take snapshots of the network.
        batch: Images per step.
        generator: Draws the order.
        network: What to hand out with each step and to take snapshots of; None for nothing.
        modes: Puts the module into train mode.
    """

    def look(*, now: bool = False) -> TrainingStep:
        snapshot = snapshots.take_if_due(
            network,
            step=schedule.steps,
            epoch=schedule.epochs,
            seconds=schedule.seconds,
            now=now,
        )
        return replace(schedule.now("training"), module=network, snapshot=snapshot)

    best, meter = BestWeights(learner.module, check, schedule), _Meter()
    reported = schedule.seconds
    yield replace(schedule.now("training"), validation=best.validation, module=network)
    while schedule.begin_epoch():
        modes(learner.module)
        meter.begin_epoch()
        for values, labels in examples.shuffled(batch, generator):
            rate = schedule.rate
            losses = learner.step(values, labels, rate)
            if not losses.finite:
                schedule.ending = "not finite"
                break
            meter.add(losses, len(labels), rate)
            schedule.tick(meter.seen / len(examples))
            if schedule.breaks_epoch:
                break
            step = look()
            if step.snapshot or schedule.seconds - reported > _REPORT_SECONDS:
                reported = schedule.seconds
                yield meter.report(step)
        if schedule.ending == "not finite" or not meter.seen:
            break
        validation = best.validate()
        if validation is None:
            schedule.ending = "not finite"
            break
        schedule.end_epoch()
        best.consider(validation, schedule)
        reported = schedule.seconds
        yield meter.report(replace(look(), validation=validation))
    last = look(now=True)
    if last.snapshot is not None:
        yield last
    best.restore()
    return best


class SeededDropout(nn.Module):
    """Dropout that draws from a given generator rather than from the global one.

    Args:
        share: Of the values that are set to zero, in 0…1.
        generator: Draws which.
    """

    def __init__(self, share: float, generator: torch.Generator) -> None:
        super().__init__()
        self.share = share
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Set values to zero while training, and scale up the others; of any shape."""
        if not self.training or self.share == 0:
            return x
        kept = torch.rand(x.shape, generator=self.generator) >= self.share
        return x * kept.to(x) / (1 - self.share)


def seed_dropout(module: nn.Module, generator: torch.Generator) -> None:
    """Replace a module's dropouts by seeded ones."""
    for part in module.modules():
        for name, child in part.named_children():
            if isinstance(child, nn.Dropout):
                setattr(part, name, SeededDropout(child.p, generator))


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one core: in layers this small, threads mostly wait for each other.

    On two cores that others use as well, two threads were measured to take over ten times as long.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
