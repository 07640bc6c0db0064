"""What a comparison of trainings with and without auxiliary losses is told, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from convviz.features.gradients import LayerGradient
from convviz.learning.inception import Start
from convviz.learning.steps import Validation, check_limits
from convviz.networks.network import AUXILIARY_WEIGHT


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
        limits = (
            ("weight of the auxiliary losses", self.weight, 0, 10),
            ("number of steps", self.steps, 1, 10_000),
            ("learning rate", self.learning_rate, 1e-8, 1e6),
            ("batch", self.batch, 2, 4096),
            ("pictures' side in pixels", self.size, 32, 512),
            ("number of moments", self.moments, 1, 1000),
        )
        check_limits(limits)


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
