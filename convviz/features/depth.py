"""How the share of empty channels changes from the first layer to the last."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from PIL import Image
from torch import Tensor

from convviz.features.activations import empty_channels
from convviz.features.capture import input_for, observe
from convviz.formatting import percent
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layers

# A trend is claimed if the rank correlation is at least this large, larger than chance would make
# it in 19 of 20 networks without a trend (ρ √(n−1) is nearly normally distributed), and the last
# third differs from the first by at least this share.
_LEAST_CORRELATION = 0.5
_LEAST_DEVIATIONS = 1.645
_LEAST_DIFFERENCE = 0.01


@dataclass(frozen=True)
class LayerSummary:
    """How many channels of one layer are empty; `share` is in 0…1."""

    layer: Layer
    channels: int
    empty: int
    share: float


def empty_by_depth(
    network: Network, image: Image.Image, threshold: float = 0.0
) -> tuple[LayerSummary, ...]:
    """Count the empty channels of every layer in one forward pass.

    Only each channel's extremes are kept, never a map. Parts of layers that pickers hide, and
    layers whose output is a vector, are left out.

    Args:
        network: The network.
        image: The picture it looks at.
        threshold: τ, as in `Activations.empty`.

    Returns:
        One summary per layer, in the order of execution.

    Raises:
        SettingError: The threshold lies outside 0…1.
    """
    shown = [each for each in layers(network) if not each.detail and len(each.shape) == 3]
    names = [each.gate or each.name for each in shown]
    extremes = observe(network.module, input_for(network, image), names, _extremes) if names else {}
    return tuple(
        _summary(each, extremes[name], threshold) for each, name in zip(shown, names, strict=True)
    )


def depth_trend(summaries: Sequence[LayerSummary]) -> str:
    """Say whether the share of empty channels grows with depth; claim it only if it does.

    Layers with a ReLU are compared, where there are at least three: a convolution, its ReLU and
    the pooling after it have the same empty channels, which must not count three times. The
    measure is Spearman's rank correlation between position and share.
    """
    with_relu = [each for each in summaries if "ReLU" in each.layer.kind]
    name = "layers with a ReLU" if len(with_relu) >= 3 else "layers"
    chosen = with_relu if len(with_relu) >= 3 else list(summaries)
    shares = [each.share for each in chosen]
    if len(shares) < 3:
        return "The network has too few layers with maps to speak of a trend with depth."
    if max(shares) == min(shares):
        return (
            f"The share of empty channels does not change with depth: it is {percent(shares[0])} "
            f"in each of the {len(shares)} {name}."
        )
    third = len(shares) // 3
    first, last = sum(shares[:third]) / third, sum(shares[-third:]) / third
    correlation = rank_correlation(list(range(len(shares))), shares)
    clear = (
        abs(correlation) >= max(_LEAST_CORRELATION, _LEAST_DEVIATIONS / sqrt(len(shares) - 1))
        and abs(last - first) >= _LEAST_DIFFERENCE
        and (last > first) == (correlation > 0)
    )
    claim = ("grows" if last > first else "falls") if clear else "shows no clear trend"
    return (
        f"The share of empty channels {claim} with depth: on average {percent(first)} in the first "
        f"third of the {len(shares)} {name}, {percent(last)} in the last third (rank correlation "
        f"{correlation:+.2f})."
    )


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Compute Spearman's rank correlation, in −1…1; equal values share their mean rank.

    It is 0 where all values of one side are equal.
    """
    a, b = _ranks(first), _ranks(second)
    mean = (len(a) + 1) / 2
    covariance = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    spread = sqrt(sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b))
    return covariance / spread if spread else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    below = [sum(other < value for other in values) for value in values]
    equal = [sum(other == value for other in values) for value in values]
    return [less + (same + 1) / 2 for less, same in zip(below, equal, strict=True)]


def _extremes(output: Tensor) -> Tensor:
    """Reduce an output, shape (1, C, H, W), to each channel's largest and least value, (2, C)."""
    pixels = output[0].flatten(1).float()
    return torch.stack((pixels.amax(1), pixels.amin(1)))


def _summary(layer: Layer, extremes: Tensor, threshold: float) -> LayerSummary:
    largest, least = extremes
    gated = layer.gate is not None
    maximum = largest.clamp(min=0) if gated else torch.maximum(largest.abs(), least.abs())
    empty = int(empty_channels(maximum, threshold).sum())
    return LayerSummary(layer, len(maximum), empty, empty / len(maximum))
