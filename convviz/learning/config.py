"""Settings, steps and result of a training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from convviz.errors import SettingError
from convviz.language import numeral, tr
from convviz.learning.image_side import LEAST_SIDE, SIDE
from convviz.learning.snapshots import Snapshot
from convviz.networks.network import AUXILIARY_WEIGHT
from convviz.structure.input_size import LARGEST_INPUT

Phase = Literal["reading", "encoding", "training", "testing", "done"]
Optimiser = Literal["adamw", "sgd"]
Ending = Literal["epochs", "seconds", "stopped", "not finite"]


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes:
        epochs: Passes over the training images; None for as many as the time allows.
        seconds: Time limit, counted from when the images are read and a frozen encoder's features
            are computed; None for no limit.
        learning_rate: Largest learning rate; None for a default by optimiser and plan.
        batch: Images per step.
        optimiser: "adamw" or "sgd" (with momentum 0.9).
        weight_decay: Of weights; biases and batch norms have none.
        schedule: "cosine" lowers the learning rate to nearly zero, "constant" leaves it.
        seed: Of new weights, of the order of the images, and of dropout.
        size: Side of the square images, in pixels; see `image_side.side_for`.
        auxiliary_weight: Factor of each auxiliary loss.
        augment: Whether images are changed a little each time they are learned from; see
            `augmentation.augment`. Nothing that depends on them is computed once then.
    """

    epochs: int | None = 20
    seconds: float | None = None
    learning_rate: float | None = None
    batch: int = 32
    optimiser: Optimiser = "adamw"
    weight_decay: float = 1e-2
    schedule: Literal["cosine", "constant"] = "cosine"
    seed: int = 0
    size: int = SIDE
    auxiliary_weight: float = AUXILIARY_WEIGHT
    augment: bool = False

    def check(self) -> None:
        """Check that the numbers are in range.

        Raises:
            SettingError: One is not, or nothing says when to end.
        """
        if self.epochs is None and self.seconds is None:
            raise SettingError(tr("Say when to end: give a number of epochs or of seconds."))
        check_limits(
            (tr("number of epochs"), self.epochs, 1, 10_000),
            (tr("time in seconds"), self.seconds, 0.1, 86_400),
            (tr("learning rate"), self.learning_rate, 1e-8, 1e6),
            (tr("batch"), self.batch, 1, 4096),
            (tr("pictures' side in pixels"), self.size, LEAST_SIDE, LARGEST_INPUT),
            (tr("weight decay"), self.weight_decay, 0, 10),
            (tr("weight of the auxiliary losses"), self.auxiliary_weight, 0, 10),
            (tr("seed"), self.seed, 0, 2**32 - 1),
        )


def check_limits(*limits: tuple[str, float | None, float, float]) -> None:
    """Check that numbers are within their limits.

    Args:
        limits: Of each number its name, its value (None is within), the least and the most.

    Raises:
        SettingError: One is not.
    """
    for name, value, least, most in limits:
        if value is not None and not least <= value <= most:
            # A whole number may be too large for "g".
            text = str(value) if isinstance(value, int) else f"{value:g}"
            raise SettingError(
                tr(
                    "The {name}, {number}, is out of range; choose from {least:g} to {most:,}.",
                    name=name,
                    number=numeral(text[:40]),
                    least=least,
                    most=most,
                )
            )


@dataclass(frozen=True)
class Validation:
    """How well a network classifies the images that choose the epoch.

    Attributes:
        loss: Mean cross-entropy.
        accuracy: Share classified correctly, in 0…1.
    """

    loss: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says of some images.

    Attributes:
        probabilities: Of each class for each image, shape (N, K).
        labels: Number of each image's class, shape (N,).
    """

    probabilities: Tensor
    labels: Tensor

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.labels)

    @property
    def correct(self) -> Tensor:
        """Whether each image is classified correctly, (N,) bool."""
        return self.probabilities.argmax(1) == self.labels

    @property
    def accuracy(self) -> float:
        """Share classified correctly, in 0…1."""
        return int(self.correct.sum()) / len(self)

    def confusion(self) -> Tensor:
        """Count images by class (rows) and by predicted class (columns), (K, K)."""
        classes = self.probabilities.shape[1]
        pairs = self.labels * classes + self.probabilities.argmax(1)
        return pairs.bincount(minlength=classes**2).reshape(classes, classes)

    def mistakes(self) -> tuple[int, ...]:
        """List misclassified images, the most confident first."""
        top = self.probabilities.max(1)
        errors = (top.indices != self.labels).nonzero().flatten()
        order = top.values[errors].argsort(descending=True, stable=True)
        return tuple(errors[order].tolist())


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """Result of a training; the weights are those of its best epoch.

    Attributes:
        module: The trained network, in eval mode.
        validation: Of the best epoch.
        probabilities: Of each class for each validation image, shape (N, K).
        labels: Number of each validation image's class, shape (N,).
        epochs: How many epochs were completed.
        best_epoch: Which was the best; 0 is before the first.
        seconds: How long all of it took.
        encoding_seconds: How long computing the frozen encoder's features took; 0 without.
        epoch_seconds: How long each epoch took, validation included.
        ending: Why it ended.
        note: A sentence if it ended otherwise than planned.
        best_step: Steps of the optimiser behind the weights of the best epoch.
        test: Answers to the test images, in the split's order; None without any.
        train: Answers to training images, a sample if there are many; None without test images.
    """

    module: nn.Module
    validation: Validation
    probabilities: Tensor
    labels: Tensor
    epochs: int
    best_epoch: int
    seconds: float
    encoding_seconds: float
    epoch_seconds: tuple[float, ...]
    ending: Ending
    note: str = ""
    best_step: int = 0
    test: Answers | None = None
    train: Answers | None = None

    @property
    def work_seconds(self) -> float:
        """How long features and epochs took, without reading the images."""
        return self.encoding_seconds + sum(self.epoch_seconds)

    def confusion(self) -> Tensor:
        """Count validation images by class (rows) and by predicted class (columns), (K, K)."""
        return Answers(self.probabilities, self.labels).confusion()

    def mistakes(self) -> tuple[int, ...]:
        """List misclassified validation images, the most confident first."""
        return Answers(self.probabilities, self.labels).mistakes()


@dataclass(frozen=True)
class TrainingStep:
    """Where a training stands.

    Attributes:
        phase: What it does: reads images, computes features, trains, tests, or is done.
        epoch: Epochs that are over.
        step: Steps of the optimiser so far.
        fraction: Share of the work that is done, in 0…1.
        seconds: Since the beginning.
        loss: Mean loss of the training images since the epoch began.
        auxiliary: Auxiliary losses of the newest batch, where there are any.
        accuracy: Share of the epoch's images so far that were classified correctly.
        learning_rate: Of the newest step.
        validation: At the end of an epoch; None in between.
        module: The network as it is now, to look at; it belongs to the training.
        result: At the last step; None before.
        recent_loss: Mean loss of the training images since the step yielded before this one.
        snapshot: What the network answers to the probe now; at chosen moments, with a `Watch`.
    """

    phase: Phase
    epoch: int = 0
    step: int = 0
    fraction: float = 0.0
    seconds: float = 0.0
    loss: float | None = None
    auxiliary: tuple[float, ...] = ()
    accuracy: float | None = None
    learning_rate: float | None = None
    validation: Validation | None = None
    module: nn.Module | None = field(default=None, repr=False)
    result: TrainingResult | None = field(default=None, repr=False)
    recent_loss: float | None = None
    snapshot: Snapshot | None = field(default=None, repr=False)
