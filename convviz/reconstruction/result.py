"""What a reconstruction reports: one step after the other, and a result at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from convviz.features.predictions import Prediction


@dataclass(frozen=True)
class LossParts:
    """What the loss is made of; each part is weighted already, and their sum is the loss.

    Attributes:
        feature: Squared distance to the target, as a share of the target's own square. Before a
            ReLU it also counts how far an output that should be positive is from being so.
        variation: Total variation.
        invalid: How far pixels lie outside the valid range.
    """

    feature: float
    variation: float
    invalid: float

    @property
    def total(self) -> float:
        """The loss."""
        return self.feature + self.variation + self.invalid


@dataclass(frozen=True, eq=False)
class ReconstructionResult:
    """A finished reconstruction.

    Attributes:
        image: Pixels in 0…1, shape (3, S, S), float32; to go on, hand it in as the start.
        relative_error: At the layer, in float32, of this image. Where the layer is silent for the
            original: the root mean square of the reconstruction's features.
        psnr: Peak signal-to-noise ratio against the original, in dB; infinite if they are equal.
        ssim: Structural similarity to the original; 1 if they are equal.
        seconds: How long everything took.
        steps: How many steps were taken.
        losses: The loss after each step.
        precision: "float32", or "bfloat16" if most of the steps ran in that.
        predictions: The network's best guesses for the reconstruction; empty without a decoder.
        original_predictions: Its best guesses for the original.
        note: One sentence about how it went, where there is something to say.
    """

    image: Tensor = field(repr=False)
    relative_error: float
    psnr: float
    ssim: float
    seconds: float
    steps: int
    losses: tuple[float, ...] = field(repr=False)
    precision: str
    predictions: tuple[Prediction, ...] = ()
    original_predictions: tuple[Prediction, ...] = ()
    note: str = ""


@dataclass(frozen=True, eq=False)
class ReconstructionStep:
    """One step: one forward and one backward pass.

    A step that made things worse is taken back: its numbers are those of the image that is kept.

    Attributes:
        index: Number of the step, from 1.
        total: How many steps are planned, or will about fit into the time; None if not yet known.
        fraction: How much of the run is behind it, in 0…1; 1 exactly at the last step.
        loss: What is minimised.
        parts: What the loss is made of.
        relative_error: At the layer, in the precision of the step, before invalid pixels are
            clamped; the result's is the one to go by.
        seconds: Since the start.
        seconds_left: About how long it will still take; None if not yet known.
        image: Pixels in 0…1, shape (3, S, S), float32; from time to time, else None.
        result: At the last step, and only there.
        note: One sentence about how it went, where there is something to say.
    """

    index: int
    total: int | None
    fraction: float
    loss: float
    parts: LossParts
    relative_error: float
    seconds: float
    seconds_left: float | None
    image: Tensor | None = field(default=None, repr=False)
    result: ReconstructionResult | None = None
    note: str = ""
