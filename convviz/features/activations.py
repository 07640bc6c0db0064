"""The maps of a layer's channels, their statistics, and which of them are empty.

What counts is what comes out of the ReLU. A layer whose output still has its ReLU ahead is judged
by what that ReLU would let through. A layer that no ReLU follows and that may be negative (the
scores at the end, say) is judged by absolute values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from convviz.errors import SettingError
from convviz.features.capture import capture, input_for, observe
from convviz.formatting import percent
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layer, layers

Order = Literal["index", "strength", "active"]


ORDERS: tuple[Order, ...] = ("index", "strength", "active")


@dataclass(frozen=True, eq=False)
class Activations:
    """What one layer's channels answer to one image.

    Attributes:
        layer: The layer.
        maps: Its output, shape (C, H, W), float32; a vector's channels are maps of one pixel.
        rectified: What the ReLU lets through, shape (C, H, W): the positive part of `maps` or,
            where a batch norm comes first, of its output; `maps` itself where no ReLU follows.
        maximum: Largest absolute value of each channel of `rectified`, shape (C,).
        mean: Mean absolute value of each channel of `rectified`, shape (C,).
        active_share: Share of each channel's pixels of `rectified` that are not 0, shape (C,), in
            0…1.
    """

    layer: Layer
    maps: Tensor
    rectified: Tensor
    maximum: Tensor
    mean: Tensor
    active_share: Tensor

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.maps.shape[0]

    def empty(self, threshold: float = 0.0) -> Tensor:
        """Tell which channels are empty, shape (C,), bool.

        Args:
            threshold: τ. A channel is empty if its maximum is at most τ times the layer's largest.

        Raises:
            SettingError: The threshold lies outside 0…1.
        """
        return empty_channels(self.maximum, threshold)

    def empty_count(self, threshold: float = 0.0) -> int:
        """Count the empty channels."""
        return int(self.empty(threshold).sum())

    def empty_share(self, threshold: float = 0.0) -> float:
        """Give the share of the channels that are empty, in 0…1."""
        return self.empty_count(threshold) / self.channels

    def sentence(self, threshold: float = 0.0) -> str:
        """Say how many channels are empty."""
        count, channels = self.empty_count(threshold), self.channels
        if channels == 1:
            return f"The only channel is {'' if count else 'not '}empty for this image."
        if count in (0, channels):
            start = f"All {channels} channels are" if count else f"None of {channels} channels is"
            return f"{start} empty for this image."
        verb = "is" if count == 1 else "are"
        share = percent(count / channels)
        return f"{count} of {channels} channels ({share}) {verb} empty for this image."

    def order(self, by: Order = "index") -> Tensor:
        """Order the channels, shape (C,), int64; equals stay in the order of their index.

        Args:
            by: "index"; "strength", the largest maximum first; or "active", the largest share of
                active pixels first.

        Raises:
            SettingError: There is no such order.
        """
        if by == "index":
            return torch.arange(self.channels)
        if by == "strength":
            return torch.sort(self.maximum, descending=True, stable=True).indices
        if by == "active":
            return torch.sort(self.active_share, descending=True, stable=True).indices
        raise SettingError(f"Channels cannot be ordered by {by!r}; choose {', '.join(ORDERS)}.")


def activations(network: Network, image: Image.Image, layer_name: str) -> Activations:
    """Look at one layer while a network looks at one image.

    Raises:
        NetworkError: There is no such layer, or it has no weights.
    """
    found = layer(network, layer_name)
    names = [found.name] if found.pre_relu is None else [found.name, found.pre_relu]
    outputs = capture(network.module, input_for(network, image), names)
    maps = _as_maps(outputs[found.name])
    return measure(
        found, maps, None if found.pre_relu is None else _as_maps(outputs[found.pre_relu])
    )


def measure(layer: Layer, maps: Tensor, gate: Tensor | None) -> Activations:
    """Compute the statistics of a layer's channels.

    Args:
        layer: The layer.
        maps: Its output, shape (C, H, W).
        gate: What its ReLU takes in, shape (C, H, W); None where no ReLU follows.
    """
    rectified = maps if gate is None else gate.clamp(min=0)
    strength = rectified.abs().flatten(1)
    return Activations(
        layer=layer,
        maps=maps,
        rectified=rectified,
        maximum=strength.amax(1),
        mean=strength.mean(1),
        active_share=(strength > 0).float().mean(1),
    )


def empty_channels(maximum: Tensor, threshold: float) -> Tensor:
    """Tell which channels are empty, given each one's maximum, shape (C,).

    Raises:
        SettingError: The threshold lies outside 0…1.
    """
    check_threshold(threshold)
    # 0 × ∞ is not a number: a network of one's own may overflow, and still has silent channels.
    largest = (
        maximum[maximum.isfinite()].max() if maximum.isfinite().any() else maximum.new_zeros(())
    )
    return maximum <= threshold * largest


def check_threshold(threshold: float) -> None:
    """Make sure that a threshold makes sense.

    Raises:
        SettingError: It lies outside 0…1.
    """
    if not 0 <= threshold <= 1:
        raise SettingError(f"The threshold {threshold:g} lies outside 0 to 1; choose one inside.")


def _as_maps(output: Tensor) -> Tensor:
    """Turn a layer's output, shape (1, C, H, W) or (1, C), into maps, shape (C, H, W)."""
    return output[0].cpu().reshape(output.shape[1], *(output.shape[2:] or (1, 1)))


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
    names = [each.pre_relu or each.name for each in shown]
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
    rectified = layer.pre_relu is not None
    maximum = largest.clamp(min=0) if rectified else torch.maximum(largest.abs(), least.abs())
    empty = int(empty_channels(maximum, threshold).sum())
    return LayerSummary(layer, len(maximum), empty, empty / len(maximum))
