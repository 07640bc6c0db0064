"""The loop of epochs: order, validation, the best weights, and when to end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from convviz.learning.config import (
    Ending,
    Phase,
    TrainingResult,
    TrainingSettings,
    TrainingStep,
    Validation,
)
from convviz.learning.snapshots import Onlooker, Snapshot, Watch
from convviz.learning.step import Learner, judge


def trained(module: nn.Module) -> dict[str, Tensor]:
    """Return what training changes: parameters that want gradients, and their batch norms' sums."""
    found: dict[str, Tensor] = {}
    for prefix, part in module.named_modules():
        own = {name: p for name, p in part._parameters.items() if p is not None and p.requires_grad}
        if own:
            own |= {name: b for name, b in part._buffers.items() if b is not None}
        found |= {f"{prefix}.{name}": value for name, value in own.items()}
    return found


def copy(module: nn.Module) -> dict[str, Tensor]:
    """Copy what training changes."""
    return {name: value.detach().clone() for name, value in trained(module).items()}


@torch.no_grad()
def restore(module: nn.Module, kept: dict[str, Tensor]) -> None:
    """Put copied values back."""
    for name, value in trained(module).items():
        value.copy_(kept[name])


def finite(module: nn.Module) -> bool:
    """Whether all that training changes are numbers."""
    return all(bool(value.isfinite().all()) for value in trained(module).values())


_SHOWN_SECONDS = 0.2  # between two steps that are yielded within an epoch


_NOT_FINITE = (
    "The loss is no longer a number: the steps were too large for these weights, and the learning "
    "rate is the first thing to lower. What is kept are the last good weights."
)


_STOPPED = "The training was stopped; what is kept are its best weights so far."


@dataclass(frozen=True, eq=False)
class Source:
    """What is learned from, or checked with.

    Attributes:
        values: Pictures or features, (N, …).
        labels: Number of each one's class, (N,).
        prepare: Turns some of the values into what the module takes in.
    """

    values: Tensor
    labels: Tensor
    prepare: Callable[[Tensor], Tensor]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.labels)

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Take some of them."""
        return self.prepare(self.values[rows]), self.labels[rows]


class Loop:
    """One training's clock, counters and best weights.

    Args:
        settings: When to end, among others.
        stop: Asked between two steps.
        watch: What to look at, at chosen moments.
    """

    def __init__(
        self, settings: TrainingSettings, stop: Callable[[], bool], watch: Watch | None = None
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._onlooker = Onlooker(watch)
        self._recent, self._recent_seen = 0.0, 0
        self._start = time.perf_counter()
        self._encoding = 0.0
        self._epochs: list[float] = []
        self._steps = 0
        self._read = 0.0  # seconds until the pictures were read
        self._ready = 0.0  # and until the features were there: a time limit counts from then
        self._fraction = 0.0
        self._ending: Ending = "epochs"
        self._note = ""
        self._best: tuple[Validation, int, int, Tensor] | None = None  # epoch, step, scores
        self._labels = torch.empty(0, dtype=torch.long)
        self._scores = torch.empty(0)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self._start

    @property
    def goes_on(self) -> bool:
        """Whether nothing has ended it yet."""
        return self._ending == "epochs"

    def preparing(self, phase: Phase, share: float) -> TrainingStep:
        """Say how far reading or encoding is."""
        if self._stop():
            self._end("stopped", _STOPPED)
        return TrainingStep(phase, fraction=share, seconds=self.seconds)

    def begin(self, module: nn.Module) -> TrainingStep:
        """Look at a network before it has learned anything."""
        return self._step("reading", snapshot=self._look(module))

    def have_read(self) -> None:
        """Note that the pictures are read."""
        self._read = self._ready = self.seconds

    def encoded(self) -> None:
        """Note how long the features took."""
        self._ready = self.seconds
        self._encoding = self._ready - self._read

    @property
    def _working(self) -> float:
        return self.seconds - self._ready

    def ahead(self, share: float) -> float:
        """Return where a share of the work that is left will be done, in 0…1."""
        behind = self._share()
        return behind + share * (1 - behind)

    def train(
        self,
        learner: Learner,
        source: Source,
        target: Source,
        *,
        rate: float,
        generator: torch.Generator,
        until: float,
        show: nn.Module | None,
        modes: Callable[[nn.Module], object] = nn.Module.train,
    ) -> Iterator[TrainingStep]:
        """Train a module until a share of the whole work is done; it ends with its best weights.

        Args:
            learner: The module and its optimiser.
            source: What it learns from.
            target: What it is checked with.
            rate: Largest learning rate.
            generator: Draws the order.
            until: Share of all epochs, or of the time, in 0…1.
            show: What to hand out with each step.
            modes: Puts the module into train mode.
        """
        module, first = learner.module, self._share()
        self._labels = target.labels
        best = self._check(module, target)
        kept = copy(module)
        best_at = (0, self._steps)
        last_shown = self.seconds
        yield self._step("training", validation=best, module=show)
        while self.goes_on and (share := self._share()) < until:
            began = self.seconds
            modes(module)
            order = torch.randperm(len(source), generator=generator)
            seen, total, right = 0, 0.0, 0
            for rows in torch.split(order, self._settings.batch):
                # Batch norm in train mode has nothing to normalise over with one picture.
                if len(rows) == 1 and len(source) > 1:
                    continue
                lr = rate * self._schedule((share - first) / max(until - first, 1e-9))
                losses = learner.step(*source.batch(rows), lr)
                if not losses.finite:
                    self._end("not finite", _NOT_FINITE)
                    break
                self._steps += 1
                seen += len(rows)
                total += losses.main * len(rows)
                self._recent += losses.main * len(rows)
                self._recent_seen += len(rows)
                right += losses.right
                share = self._share(seen / len(source))
                if self._stop():
                    self._end("stopped", _STOPPED)
                elif self._settings.seconds is not None and self._working >= self._settings.seconds:
                    self._end("seconds", "")
                if not self.goes_on or share >= until > self._whole_epochs():
                    break
                snapshot = self._look(show)
                if snapshot or self.seconds - last_shown > _SHOWN_SECONDS:
                    last_shown = self.seconds
                    yield self._step(
                        "training",
                        loss=total / seen,
                        auxiliary=losses.auxiliary,
                        accuracy=right / seen,
                        learning_rate=lr,
                        module=show,
                        recent_loss=self._recent_mean(),
                        snapshot=snapshot,
                    )
            if self._ending == "not finite" or not seen:
                break
            found = self._check(module, target)
            if not math.isfinite(found.loss) or not finite(module):
                self._end("not finite", _NOT_FINITE)
                break
            self._epochs.append(self.seconds - began)
            if (found.accuracy, -found.loss) > (best.accuracy, -best.loss):
                best, kept = found, copy(module)
                best_at = (len(self._epochs), self._steps)
            last_shown = self.seconds
            yield self._step(
                "training",
                loss=total / seen,
                auxiliary=losses.auxiliary,
                accuracy=right / seen,
                learning_rate=lr,
                validation=found,
                module=show,
                recent_loss=self._recent_mean(),
                snapshot=self._look(show),
            )
        if (snapshot := self._look(show, now=True)) is not None:
            yield self._step("training", module=show, snapshot=snapshot)
        restore(module, kept)
        module.eval()
        self._check(module, target)
        self._best = (best, *best_at, self._scores)

    def done(self, module: nn.Module) -> TrainingStep:
        """Return the last step, with the result."""
        if self._best is None:
            raise RuntimeError("nothing was trained")
        validation, epoch, step, scores = self._best
        result = TrainingResult(
            module=module,
            validation=validation,
            probabilities=scores.softmax(1),
            labels=self._labels,
            epochs=len(self._epochs),
            best_epoch=epoch,
            seconds=self.seconds,
            encoding_seconds=self._encoding,
            epoch_seconds=tuple(self._epochs),
            ending=self._ending,
            note=self._note,
            best_step=step,
        )
        self._fraction = 1.0
        kept = self._onlooker.keep(module, step=step, epoch=epoch, seconds=self.seconds)
        return self._step("done", validation=validation, result=result, snapshot=kept)

    def _look(self, module: nn.Module | None, *, now: bool = False) -> Snapshot | None:
        return self._onlooker.look(
            module, step=self._steps, epoch=len(self._epochs), seconds=self.seconds, now=now
        )

    def _recent_mean(self) -> float | None:
        """Return the mean loss since this was asked before; None where nothing was learned."""
        total, seen = self._recent, self._recent_seen
        self._recent, self._recent_seen = 0.0, 0
        return total / seen if seen else None

    def _share(self, of_epoch: float = 0.0) -> float:
        """Say how much of the work is done, by epochs or by time, whichever is further."""
        settings, shares = self._settings, [0.0]
        if settings.epochs is not None:
            shares.append((len(self._epochs) + of_epoch) / settings.epochs)
        if settings.seconds is not None:
            shares.append(self._working / settings.seconds)
        self._fraction = min(max(shares), 1.0)
        return self._fraction

    def _whole_epochs(self) -> float:
        """Epochs are only broken off where time alone says when to end."""
        return 1.0 if self._settings.seconds is None else 0.0

    def _schedule(self, share: float) -> float:
        if self._settings.schedule == "constant":
            return 1.0
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0)))

    @torch.no_grad()
    def _check(self, module: nn.Module, target: Source) -> Validation:
        module.eval()
        rows = torch.split(torch.arange(len(target)), 64)
        self._scores = torch.cat([module(target.batch(some)[0]).float() for some in rows])
        return judge(self._scores, target.labels)

    def _end(self, ending: Ending, note: str) -> None:
        self._ending, self._note = ending, note

    def _step(self, phase: Phase, **said: Any) -> TrainingStep:
        return TrainingStep(
            phase,
            epoch=len(self._epochs),
            step=self._steps,
            fraction=self._fraction,
            seconds=self.seconds,
            **said,
        )


class SeededDropout(nn.Module):
    """Dropout that draws from a generator of its own rather than from the global one.

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
    """Put seeded dropouts in the place of a module's own."""
    for part in module.modules():
        for name, child in part.named_children():
            if isinstance(child, nn.Dropout):
                setattr(part, name, SeededDropout(child.p, generator))


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one core: in layers this small, threads only wait for each other.

    On two cores that others use as well, two threads were measured to take over ten times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
