"""The same network with and without auxiliary losses, learning side by side.

Szegedy et al. (2015, section 5) hang two small classifiers into GoogLeNet while it trains, add
their losses, weighted 0.3, to the main one, and throw them away afterwards. Here two networks begin
with the same weights and see the same batches in the same order; the only difference is the term
that is added to the loss.

Both are measured at a number of moments: gradients over the same training pictures each time, and
how many of the other pictures the main classifier names rightly.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import Dataset, Split
from convviz.errors import SettingError
from convviz.learning.config import Validation, check_limits
from convviz.learning.gradients import LayerGradient, by_stage, with_weights
from convviz.learning.loop import one_thread
from convviz.learning.small_networks import HEADS, Start, drawn, small_inception, without_heads
from convviz.learning.step import Learner, all_scores, judge, total_loss
from convviz.networks.network import AUXILIARY_WEIGHT, IMAGENET_MEAN, IMAGENET_STD


@dataclass(frozen=True)
class Settings:
    """How both networks are trained.

    Attributes:
        weight: What each auxiliary loss is multiplied with in one of them.
        steps: Of the optimiser, which is SGD with Nesterov's momentum.
        learning_rate: At the beginning; a cosine lowers it to nearly zero.
        batch: Pictures per step.
        start: How the first weights are drawn.
        batch_norm: Whether each convolution is followed by one.
        seed: Of the weights and the order of the pictures.
        size: Side of the square pictures, in pixels.
        moments: How often everything is measured after the beginning.
    """

    weight: float = AUXILIARY_WEIGHT
    steps: int = 400
    learning_rate: float = 0.008
    batch: int = 32
    start: Start = "lecun"
    batch_norm: bool = False
    seed: int = 0
    size: int = 64
    moments: int = 20

    def check(self) -> None:
        """Make sure that the numbers make sense.

        Raises:
            SettingError: One does not.
        """
        check_limits(
            ("weight of the auxiliary losses", self.weight, 0, 10),
            ("number of steps", self.steps, 1, 10_000),
            ("learning rate", self.learning_rate, 1e-8, 1e6),
            ("batch", self.batch, 2, 4096),
            ("pictures' side in pixels", self.size, 32, 512),
            ("number of moments", self.moments, 1, 1000),
        )


@dataclass(frozen=True)
class Standing:
    """How one of the networks does at one moment.

    Attributes:
        loss: Mean of its main loss over the batches since the moment before; None at first.
        validation: Of its main classifier.
        seconds: That its steps took so far, without measuring.
    """

    loss: float | None
    validation: Validation
    seconds: float


@dataclass(frozen=True)
class Moment:
    """What was measured after so many steps.

    Attributes:
        step: Steps behind it.
        stages: Gradient norms from the image to the classes, in the network with the auxiliary
            losses and in the one without.
        with_heads: The network with the auxiliary losses.
        without: The one without.
    """

    step: int
    stages: tuple[LayerGradient, ...]
    with_heads: Standing
    without: Standing


@dataclass(frozen=True)
class Comparison:
    """How the two trainings stand; every step of them yields one, and the last is the result.

    Attributes:
        settings: How both are trained.
        classes: Name of each class.
        train_images: How many pictures they learn from.
        validation_images: How many check them.
        parameters: Of the network without its heads.
        head_parameters: Of both heads, which are thrown away afterwards.
        step: Steps of each network so far.
        moments: What was measured, the oldest first.
        ending: Why it ended; empty while it goes on.
        note: A sentence where it ended otherwise than planned.
    """

    settings: Settings
    classes: tuple[str, ...]
    train_images: int
    validation_images: int
    parameters: int
    head_parameters: int
    step: int = 0
    moments: tuple[Moment, ...] = ()
    ending: Literal["", "steps", "stopped", "not finite"] = ""
    note: str = ""

    @property
    def fraction(self) -> float:
        """How much of the work is behind it, in 0…1."""
        return 1.0 if self.ending else self.step / self.settings.steps

    @property
    def nbytes(self) -> int:
        """Memory that it holds, about."""
        return 1024 + sum(400 + 200 * len(each.stages) for each in self.moments)


@dataclass(eq=False)
class Twin:
    """One of the two networks, and what is counted while it learns.

    Attributes:
        module: With or without auxiliary heads.
        weight: What their losses are multiplied with.
        seconds: That the steps took.
        losses: Main losses since they were last looked at.
    """

    module: nn.Module
    weight: float
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    learner: Learner = field(init=False)

    def __post_init__(self) -> None:
        """Make its optimiser."""
        self.learner = Learner(self.module, optimiser="sgd", auxiliary_weight=self.weight)

    def learn(self, batch: Tensor, labels: Tensor, rate: float) -> bool:
        """Take one step; False if its loss was no number."""
        began = time.perf_counter()
        self.module.train()
        with one_thread():
            losses = self.learner.step(batch, labels, rate)
        self.seconds += time.perf_counter() - began
        self.losses.append(losses.main)
        return losses.finite

    @torch.no_grad()
    def standing(self, pictures: Tensor, labels: Tensor) -> Standing:
        """Check it with pictures that it does not learn from, and begin a new mean of its loss."""
        self.module.eval()
        scores = torch.cat([self.module(some) for some in torch.split(pictures, 64)])
        mean = sum(self.losses) / len(self.losses) if self.losses else None
        self.losses.clear()
        return Standing(mean, judge(scores, labels), self.seconds)

    def norms(self, pictures: Tensor, labels: Tensor) -> dict[str, float]:
        """Measure the gradient at the weights of each layer of the main network."""
        module = copy.deepcopy(self.module).train()  # batch norms in train mode take notes
        names = with_weights(module, tuple(HEADS))
        losses = [cross_entropy(each, labels) for each in all_scores(module(pictures))]
        total = total_loss(losses, self.weight)
        weights = [module.get_parameter(f"{name}.weight") for name in names]
        found = torch.autograd.grad(total, weights)
        return {name: float(each.norm()) for name, each in zip(names, found, strict=True)}


def measure(
    step: int,
    twins: Sequence[Twin],
    probe: tuple[Tensor, Tensor],
    checked: tuple[Tensor, Tensor],
) -> Moment:
    """Measure the two networks, the one with the auxiliary losses first.

    Args:
        step: Steps behind them.
        twins: The networks.
        probe: Pictures that gradients are measured with, and their classes.
        checked: Pictures that were not learned from, and their classes.
    """
    with one_thread():
        with_heads, without = (twin.norms(*probe) for twin in twins)
        standings = [twin.standing(*checked) for twin in twins]
    layers = [LayerGradient(name, name, without[name], with_heads[name]) for name in without]
    return Moment(step, by_stage(layers), *standings)


_PROBE = 64  # training pictures that gradients are measured with


_NOT_FINITE = (
    "A loss is no longer a number: the steps were too large. Choose a smaller learning rate."
)


_STOPPED = "It was stopped; what is shown is how far the two had come."


def compare_auxiliary(
    *, stop: Callable[[], bool], dataset: Dataset, split: Split, settings: Settings
) -> Iterator[Comparison]:
    """Compare as a job: the same as `compare`."""
    yield from compare(dataset, split, settings, stop=stop)


def compare(
    dataset: Dataset,
    split: Split,
    settings: Settings | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Comparison]:
    """Train the small Inception network twice, with and without auxiliary losses.

    Args:
        dataset: The pictures.
        split: Which of them are learned from, and which check it.
        settings: How; None for the usual.
        stop: Asked between two steps; once it says yes, it ends with what it has.

    Raises:
        SettingError: A setting makes no sense, or the pictures do not fit into memory.
    """
    settings = settings or Settings()
    settings.check()
    if not labelled_set.fits(len(dataset), settings.size):
        raise SettingError(
            f"{len(dataset):,} pictures of {settings.size} × {settings.size} pixels do not fit "
            "into the memory set aside: choose smaller pictures."
        )
    return _compare(dataset, split, settings, stop)


def _compare(
    dataset: Dataset, split: Split, settings: Settings, stop: Callable[[], bool]
) -> Iterator[Comparison]:
    batch, labels = _read(dataset, split.train, settings.size)
    checked = _read(dataset, split.validation, settings.size)
    blank = small_inception(len(dataset.classes), batch_norm=settings.batch_norm)
    whole = drawn(blank, settings.start, settings.seed)
    twins = [Twin(whole, settings.weight), Twin(without_heads(whole), 0.0)]
    parameters = _count(twins[1].module)
    now = Comparison(
        settings,
        dataset.classes,
        len(labels),
        len(checked[1]),
        parameters,
        _count(whole) - parameters,
    )
    generator = torch.Generator().manual_seed(settings.seed)
    order = torch.randperm(len(labels), generator=generator)
    probe = batch[order[:_PROBE]], labels[order[:_PROBE]]
    marks = {settings.steps * k // settings.moments for k in range(1, settings.moments + 1)}
    now = replace(now, moments=(measure(0, twins, probe, checked),))
    yield now
    size, place = min(settings.batch, len(labels)), 0
    for step in range(1, settings.steps + 1):
        if place + size > len(labels):
            order, place = torch.randperm(len(labels), generator=generator), 0
        rows = order[place : place + size]
        place += size
        some, answers = batch[rows], labels[rows]
        rate = settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - 1) / settings.steps))
        learned = [twin.learn(some, answers, rate) for twin in twins]
        fine = all(learned)
        now = replace(now, step=step)
        if not fine:
            now = replace(now, ending="not finite", note=_NOT_FINITE)
        elif step == settings.steps:
            now = replace(now, ending="steps")
        elif stop():
            now = replace(now, ending="stopped", note=_STOPPED)
        if fine and (now.ending or step in marks):
            now = replace(now, moments=(*now.moments, measure(step, twins, probe, checked)))
        yield now
        if now.ending:
            return


def _read(dataset: Dataset, places: tuple[int, ...], size: int) -> tuple[Tensor, Tensor]:
    """Decode pictures to (N, 3, size, size), normalised, with the numbers of their classes."""
    found = [each for _, each in labelled_set.read(dataset, places, size) if each is not None]
    pixels, labels = found[0]
    return labelled_set.to_input(pixels, IMAGENET_MEAN, IMAGENET_STD), labels


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
