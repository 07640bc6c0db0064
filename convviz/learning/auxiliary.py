"""The same network with and without auxiliary losses, learning side by side.

Szegedy et al. (2015, section 5) attach two small classifiers to GoogLeNet while it trains, add
their losses, weighted 0.3, to the main one, and discard them afterwards. Here two networks begin
with the same weights and see the same batches in the same order; the only difference is the term
that is added to the loss.

Both are measured at a number of moments: gradients over the same training images each time, and the
main classifier's accuracy on the validation images.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from convviz import work_clock
from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import Dataset, Split
from convviz.language import later, tr
from convviz.learning.config import Validation, check_limits
from convviz.learning.gradients import (
    LayerGradient,
    by_stage,
    gradient_norms,
    layer_gradients,
    weight_norms,
    with_weights,
)
from convviz.learning.guessing import Guessing, guessing
from convviz.learning.loop import one_thread
from convviz.learning.significance import PairedComparison, compare_paired
from convviz.learning.small_networks import (
    HEADS,
    SmallInitialisation,
    initialise,
    small_inception,
    without_heads,
)
from convviz.learning.step import Learner, all_scores, total_loss
from convviz.networks.network import AUXILIARY_WEIGHT, IMAGENET_MEAN, IMAGENET_STD

_PROBE = 64  # training images that gradients are measured with
_NOT_FINITE = later(
    "A loss is no longer a number: the steps were too large. Choose a smaller learning rate."
)
_STOPPED = later("It was stopped; what is shown is how far the two had come.")


@dataclass(frozen=True)
class Settings:
    """How both networks are trained.

    Attributes:
        weight: Factor of each auxiliary loss in one of them.
        steps: Of the optimiser, which is SGD with Nesterov's momentum.
        learning_rate: At the beginning; a cosine lowers it to nearly zero.
        batch: Images per step.
        start: How the first weights are drawn.
        batch_norm: Whether each convolution is followed by one.
        seed: Of the weights and the order of the images.
        size: Side of the square images, in pixels.
        moments: How often everything is measured after the beginning.
    """

    weight: float = AUXILIARY_WEIGHT
    steps: int = 400
    learning_rate: float = 0.008
    batch: int = 32
    start: SmallInitialisation = "lecun"
    batch_norm: bool = False
    seed: int = 0
    size: int = 64
    moments: int = 20

    def check(self) -> None:
        """Check that the numbers are in range.

        Raises:
            SettingError: One is not.
        """
        check_limits(
            (tr("weight of the auxiliary losses"), self.weight, 0, 10),
            (tr("number of steps"), self.steps, 1, 10_000),
            (tr("learning rate"), self.learning_rate, 1e-8, 1e6),
            (tr("batch"), self.batch, 2, 4096),
            (tr("pictures' side in pixels"), self.size, 32, 512),
            (tr("number of moments"), self.moments, 1, 1000),
        )


@dataclass(frozen=True)
class Standing:
    """How well one of the networks does at one moment.

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
        step: Steps of the optimiser before it.
        stages: Gradient norms from the image to the classes, in the network with the auxiliary
            losses and in the one without.
        with_heads: The network with the auxiliary losses.
        without: The one without.
        paired: Which validation images the two name rightly, the one with them first.
    """

    step: int
    stages: tuple[LayerGradient, ...]
    with_heads: Standing
    without: Standing
    paired: PairedComparison


@dataclass(frozen=True)
class Comparison:
    """How the two trainings stand; every step of them yields one, and the last is the result.

    Attributes:
        settings: How both are trained.
        classes: Name of each class.
        train_images: How many images they learn from.
        validation_images: How many check them.
        parameters: Of the network without its heads.
        head_parameters: Of both heads, which are discarded afterwards.
        guessing: What is reached without looking at the images.
        step: Steps of each network so far.
        moments: What was measured, the oldest first.
        ending: Why it ended; empty while it goes on.
        note: A sentence if it ended otherwise than planned.
    """

    settings: Settings
    classes: tuple[str, ...]
    train_images: int
    validation_images: int
    parameters: int
    head_parameters: int
    guessing: Guessing
    step: int = 0
    moments: tuple[Moment, ...] = ()
    ending: Literal["", "steps", "stopped", "not finite"] = ""
    note: str = ""

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return 1.0 if self.ending else self.step / self.settings.steps

    @property
    def nbytes(self) -> int:
        """Memory that it holds, about."""
        return 1024 + sum(400 + 200 * len(moment.stages) for moment in self.moments)


@dataclass(eq=False)
class ComparedNetwork:
    """One of the two networks, with its optimiser and what is counted while it learns.

    Attributes:
        module: With or without auxiliary heads.
        weight: Factor of their losses.
        seconds: That the steps took.
        losses: Main losses since the newest `standing`.
    """

    module: nn.Module
    weight: float
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    learner: Learner = field(init=False)

    def __post_init__(self) -> None:
        """Make its optimiser."""
        self.learner = Learner(self.module, optimiser="sgd", auxiliary_weight=self.weight)

    @property
    def parameters(self) -> int:
        """How many parameters it has."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    def step(self, batch: Tensor, labels: Tensor, rate: float) -> bool:
        """Learn from one batch; False if a loss was not finite."""
        began = work_clock.seconds()
        self.module.train()
        with one_thread():
            losses = self.learner.step(batch, labels, rate)
        self.seconds += work_clock.seconds() - began
        self.losses.append(losses.main)
        return losses.finite

    @torch.no_grad()
    def standing(self, images: Tensor, labels: Tensor) -> tuple[Standing, list[bool]]:
        """Check it with images that it does not learn from, and begin a new mean of its loss.

        Returns:
            How well it does, and for each image whether it is named rightly. Scores that are not
            all numbers name nothing.
        """
        self.module.eval()
        scores = torch.cat([self.module(batch) for batch in torch.split(images, 64)])
        correct = (scores.argmax(1) == labels) & scores.isfinite().all(1)
        mean = sum(self.losses) / len(self.losses) if self.losses else None
        self.losses.clear()
        loss = float(cross_entropy(scores, labels))
        validation = Validation(loss, float(correct.double().mean()))
        return Standing(mean, validation, self.seconds), correct.tolist()

    @property
    def layers(self) -> list[str]:
        """Dotted names of the main network's convolutions and linear layers."""
        return with_weights(self.module, tuple(HEADS))

    def norms(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Measure the gradient of its loss at the weights of each layer of the main network."""
        # A copy, because a pass changes batch norms' statistics.
        module = copy.deepcopy(self.module).double().train()
        losses = [cross_entropy(scores, labels) for scores in all_scores(module(images.double()))]
        return gradient_norms(total_loss(losses, self.weight), module, self.layers)


def measure(
    step: int,
    networks: Sequence[ComparedNetwork],
    probe: tuple[Tensor, Tensor],
    check: tuple[Tensor, Tensor],
) -> Moment:
    """Measure the two networks, the one with the auxiliary losses first.

    Args:
        step: Steps of the optimiser so far.
        networks: The networks.
        probe: Training images that gradients are measured with, and their classes.
        check: Images that are not learned from, and their classes.
    """
    with one_thread():
        with_heads, without = (network.norms(*probe) for network in networks)
        (standing_with, correct_with), (standing_without, correct_without) = (
            network.standing(*check) for network in networks
        )
    weights = weight_norms(networks[1].module, networks[1].layers)
    stages = by_stage(layer_gradients(without, with_heads, weights))
    paired = compare_paired(correct_with, correct_without)
    return Moment(step, stages, standing_with, standing_without, paired)


def compare_auxiliary(
    dataset: Dataset,
    split: Split,
    settings: Settings | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Comparison]:
    """Train the small Inception network twice, with and without auxiliary losses.

    Args:
        dataset: The images.
        split: Which of them are learned from, and which check it.
        settings: How to train; None for the defaults.
        stop: Asked between two steps; once it returns True, it ends with what it has.

    Raises:
        SettingError: A setting is out of range, or the images do not fit into memory.
    """
    settings = settings or Settings()
    settings.check()
    labelled_set.check_fits(len(dataset), settings.size)
    return _compare(dataset, split, settings, stop)


def _compare(
    dataset: Dataset, split: Split, settings: Settings, stop: Callable[[], bool]
) -> Iterator[Comparison]:
    # Copies get the same answer, and would make a difference look surer than it is.
    split = replace(split, validation=dataset.different(split.validation))
    images, labels = _read(dataset, split.train, settings.size)
    check = _read(dataset, split.validation, settings.size)
    design = small_inception(len(dataset.classes), batch_norm=settings.batch_norm)
    module = initialise(design, settings.start, settings.seed)
    with_heads = ComparedNetwork(module, settings.weight)
    without = ComparedNetwork(without_heads(module), 0.0)
    networks = (with_heads, without)
    generator = torch.Generator().manual_seed(settings.seed)
    order = torch.randperm(len(labels), generator=generator)
    probe = images[order[:_PROBE]], labels[order[:_PROBE]]
    marks = {settings.steps * k // settings.moments for k in range(1, settings.moments + 1)}
    comparison = Comparison(
        settings,
        dataset.classes,
        len(labels),
        len(check[1]),
        without.parameters,
        with_heads.parameters - without.parameters,
        guessing(dataset, split),
        moments=(measure(0, networks, probe, check),),
    )
    yield comparison
    size, start = min(settings.batch, len(labels)), 0
    for step in range(1, settings.steps + 1):
        if start + size > len(labels):
            order, start = torch.randperm(len(labels), generator=generator), 0
        rows = order[start : start + size]
        start += size
        rate = settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - 1) / settings.steps))
        finite = [network.step(images[rows], labels[rows], rate) for network in networks]
        comparison = replace(comparison, step=step)
        if not all(finite):
            comparison = replace(comparison, ending="not finite", note=tr(_NOT_FINITE))
        elif step == settings.steps:
            comparison = replace(comparison, ending="steps")
        elif stop():
            comparison = replace(comparison, ending="stopped", note=tr(_STOPPED))
        if all(finite) and (comparison.ending or step in marks):
            comparison = replace(
                comparison, moments=(*comparison.moments, measure(step, networks, probe, check))
            )
        yield comparison
        if comparison.ending:
            return


def _read(dataset: Dataset, indices: tuple[int, ...], size: int) -> tuple[Tensor, Tensor]:
    """Decode images to (N, 3, size, size), normalised, with the numbers of their classes."""
    *_, (_, images) = labelled_set.read(dataset, indices, size)
    pixels, labels = cast(tuple[Tensor, Tensor], images)
    return labelled_set.to_input(pixels, IMAGENET_MEAN, IMAGENET_STD), labels
