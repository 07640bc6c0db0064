"""The loss of an image: the distance of its feature maps from the original's, and two penalties.

Loss = ‖Φ(y) − Φ(x)‖² / ‖Φ(x)‖² + w₁ · invalid pixels + w₂ · total variation, where Φ is the network
up to a layer. Gradients of the last two are written out by hand: they are short, and automatic
differentiation would take longer than the arithmetic itself.

If the layer is a ReLU, its input a is matched instead of its output: where the target is positive,
a must equal it; elsewhere a must not be positive. The minimum is the same, but an output that is
zero and should not be has a gradient, and the loss is convex in a.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convviz.errors import ReconstructionError
from convviz.features.capture import truncated
from convviz.images.preprocess import LUMA, to_grey
from convviz.language import tr
from convviz.networks.device import autocast, channels_last, convert
from convviz.networks.network import Network
from convviz.reconstruction.folding import fold_norms
from convviz.structure.layers import Layer, layers

INVALID_WEIGHT = 50.0
"""Weight of the mean squared distance of the pixels from 0…1."""


@dataclass(frozen=True, slots=True)
class LossParts:
    """The parts of the loss, weighted already: their sum is the loss.

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
class ObjectiveValue:
    """The objective at one image.

    Attributes:
        parts: The loss.
        relative_error: Distance to the target as a share of the target.
        gradient: Of the loss with respect to the pixels, shape (1, 3, S, S), float32.
    """

    parts: LossParts
    relative_error: float
    gradient: Tensor

    @property
    def is_finite(self) -> bool:
        """Whether the loss and all of its gradient are finite."""
        # The sum is finite only if every number is, and does not overflow.
        return math.isfinite(self.parts.total) and bool(torch.isfinite(self.gradient.sum()))


class Objective:
    """The loss of images at one layer of a network, against the features of one original.

    Args:
        network: The network; it is not changed.
        layer: The layer.
        original: The original as the network takes it, normalised, shape (1, 3, S, S).
        tv: Weight of the total variation.
        dtype: What the network runs in unless a precise evaluation is asked for.
        device: The device that it runs on.

    Attributes:
        is_silent: Whether the layer's output for the original is zero everywhere.
        rounding: Relative error that the fast precision alone causes, at the original.

    Raises:
        ReconstructionError: The layer's output for the original is not finite.
    """

    def __init__(
        self,
        network: Network,
        layer: Layer,
        original: Tensor,
        *,
        tv: float,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._dtype, self._device, self._tv = dtype, device, tv
        self._mean = torch.tensor(network.spec.mean, device=device).view(1, -1, 1, 1)
        self._std = torch.tensor(network.spec.std, device=device).view(1, -1, 1, 1)
        self._is_grey = len(network.spec.mean) == 1
        # How much a brighter red, green and blue changes what a network for grey images takes.
        luma = torch.tensor(LUMA if self._is_grey else (1.0, 1.0, 1.0), device=device)
        self._luma = luma.view(1, 3, 1, 1)
        self._precise = self._cut(network, layer.name)
        batch = original.to(device, memory_format=torch.channels_last)
        with torch.no_grad():
            self._target = self._precise(batch.clone()).float().clone()
        if not bool(torch.isfinite(self._target).all()):
            raise ReconstructionError(
                tr(
                    "{layer} of {network} puts out values that are not finite for this "
                    "image, so there is nothing to aim at; choose another layer or other "
                    "weights.",
                    layer=layer.title,
                    network=network.title,
                )
            )
        square = float(self._target.cpu().double().square().sum())  # not every GPU has float64
        self.is_silent = square == 0.0
        self._square = square or float(self._target.numel())
        # A ReLU's input must equal the target where that is positive, and must not exceed 0
        # elsewhere: values between this floor and 0 count as 0.
        self._floor: Tensor | None = None
        input_name = self._before_relu(network, layer, batch)
        if input_name is not None:
            self._precise = self._cut(network, input_name)
            self._floor = torch.zeros_like(self._target).masked_fill_(self._target > 0, -math.inf)
        fold_norms(self._precise, batch)
        self._fast = self._precise
        if dtype != torch.float32:
            self._fast = self._cut(network, input_name or layer.name)
            fold_norms(self._fast, batch)
            upstream = (other for other in layers(network.spec) if other.index <= layer.index)
            convert(self._fast, {f"network.{other.name}" for other in upstream}, dtype)
        with torch.no_grad(), autocast(dtype, device):
            rounded = self._fast(batch)
        self.rounding = 0.0 if dtype == torch.float32 else self._compare(rounded.float())[1]

    def evaluate(self, pixels: Tensor, *, precise: bool) -> ObjectiveValue:
        """Compute the loss of an image and its gradient.

        Args:
            pixels: Shape (1, 3, S, S), float32; not necessarily in 0…1.
            precise: Whether the network is to run in float32.

        Raises:
            ReconstructionError: The layer's output does not depend on the image in a way that
                can be differentiated.
        """
        module = self._precise if precise else self._fast
        dtype = torch.float32 if precise else self._dtype
        batch = self._batch(pixels).requires_grad_()
        with torch.enable_grad(), autocast(dtype, self._device):
            output = module(batch.clone())  # which a network may change in place
        if not output.requires_grad:
            raise ReconstructionError(
                tr(
                    "The layer's output cannot be differentiated with respect to the image, "
                    "so there is no direction to improve it in; choose another layer."
                )
            )
        with torch.no_grad():
            features = output.float()
            difference, error = self._compare(features)
            feature = _sum_of_squares(difference) / self._square
        (slope,) = torch.autograd.grad(output, batch, difference.to(output.dtype))
        with torch.no_grad():
            # Contiguous again, like the pixels: mixing the two layouts in one operation is slow.
            gradient = torch.empty_like(pixels)
            torch.mul(slope, 2 / self._square / self._std * self._luma, out=gradient)
            excess = pixels - pixels.clamp(0, 1)
            invalid = INVALID_WEIGHT * _sum_of_squares(excess) / pixels.numel()
            gradient.add_(excess, alpha=2 * INVALID_WEIGHT / pixels.numel())
            variation = self._add_variation(pixels, gradient) if self._tv else 0.0
        return ObjectiveValue(LossParts(feature, variation, invalid), error, gradient)

    def relative_error(self, pixels: Tensor) -> float:
        """Return the relative error of an image, shape (1, 3, S, S), in float32."""
        with torch.no_grad():
            return self._compare(self._precise(self._batch(pixels)).float())[1]

    def _compare(self, features: Tensor) -> tuple[Tensor, float]:
        """Return the difference whose square is the loss, and the relative error."""
        if self._floor is None:
            difference = features - self._target
            return difference, self._relative(difference)
        difference = torch.maximum(features, self._floor).sub_(self._target)
        return difference, self._relative(features.clamp(min=0).sub_(self._target))

    def _relative(self, difference: Tensor) -> float:
        return math.sqrt(_sum_of_squares(difference) / self._square)

    def _batch(self, pixels: Tensor) -> Tensor:
        pixels = to_grey(pixels.detach()) if self._is_grey else pixels.detach()
        batch = (pixels - self._mean) / self._std
        return batch.contiguous(memory_format=torch.channels_last)

    def _add_variation(self, pixels: Tensor, gradient: Tensor) -> float:
        """Add the gradient of the weighted total variation; return its value."""
        weight = self._tv / pixels.numel()
        vertical = pixels[..., 1:, :] - pixels[..., :-1, :]
        horizontal = pixels[..., 1:] - pixels[..., :-1]
        gradient[..., 1:, :].add_(vertical, alpha=2 * weight)
        gradient[..., :-1, :].sub_(vertical, alpha=2 * weight)
        gradient[..., 1:].add_(horizontal, alpha=2 * weight)
        gradient[..., :-1].sub_(horizontal, alpha=2 * weight)
        return weight * float(vertical.square().sum() + horizontal.square().sum())

    def _cut(self, network: Network, name: str) -> nn.Module:
        return channels_last(truncated(network.module, name).to(self._device))

    def _before_relu(self, network: Network, layer: Layer, batch: Tensor) -> str | None:
        """Find the layer whose positive part is the given layer's output, if there is one."""
        if "ReLU" not in layer.kind:
            return None
        previous = [candidate for candidate in layers(network) if candidate.index < layer.index]
        if not previous or previous[-1].pre_relu != previous[-1].name:
            return None
        name = previous[-1].name
        with torch.no_grad():
            positive = self._cut(network, name)(batch).float().clamp(min=0)
        # Use that layer only if the numbers confirm what the network's description suggests.
        equal = positive.shape == self._target.shape and bool((positive == self._target).all())
        return name if equal else None


def _sum_of_squares(values: Tensor) -> float:
    """Add up the squares of all values without storing the squares."""
    return float(torch.linalg.vector_norm(values)) ** 2
