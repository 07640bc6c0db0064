"""The maps of a layer's channels, their statistics, and which of them are empty.

What counts is what comes out of the ReLU. A layer whose output still has its ReLU ahead is judged
by what that ReLU would let through. A layer that no ReLU follows and that may be negative (the
scores at the end, say) is judged by absolute values.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from convviz.errors import SettingError
from convviz.features.capture import capture, input_for
from convviz.formatting import percent
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layer

Order = Literal["index", "strength", "active"]


ORDERS: tuple[Order, ...] = ("index", "strength", "active")


@dataclass(frozen=True, eq=False)
class Activations:
    """What one layer's channels answer to one image.

    Attributes:
        layer: The layer.
        maps: Its output, shape (C, H, W), float32; a vector's channels are maps of one pixel.
        gated: What the ReLU lets through, shape (C, H, W): the positive part of `maps` or, where a
            batch norm comes first, of its output; `maps` itself where no ReLU follows.
        maximum: Largest absolute value of each channel of `gated`, shape (C,).
        mean: Mean absolute value of each channel of `gated`, shape (C,).
        active_share: Share of each channel's pixels of `gated` that are not 0, shape (C,), in 0…1.
    """

    layer: Layer
    maps: Tensor
    gated: Tensor
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
    names = [found.name] if found.gate is None else [found.name, found.gate]
    outputs = capture(network.module, input_for(network, image), names)
    maps = _as_maps(outputs[found.name])
    return measure(found, maps, None if found.gate is None else _as_maps(outputs[found.gate]))


def measure(layer: Layer, maps: Tensor, gate: Tensor | None) -> Activations:
    """Compute the statistics of a layer's channels.

    Args:
        layer: The layer.
        maps: Its output, shape (C, H, W).
        gate: What its ReLU takes in, shape (C, H, W); None where no ReLU follows.
    """
    gated = maps if gate is None else gate.clamp(min=0)
    strength = gated.abs().flatten(1)
    return Activations(
        layer=layer,
        maps=maps,
        gated=gated,
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
