"""The kernels of a layer: their sizes, their similarity, and their strongest inputs.

A filter is the kernel of one output channel: one slice per input channel. Numbers are the weights
as they are; images scale them by `Filters.reach`, with 0 in the middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from convviz.errors import SettingError
from convviz.features.activations import layers_with_maps
from convviz.language import tr
from convviz.networks.network import Network, is_within
from convviz.structure.layers import Layer
from convviz.structure.ops import weight_of

FilterOrder = Literal["index", "norm", "similarity"]
FILTER_ORDERS: tuple[FilterOrder, ...] = get_args(FilterOrder)
_BINS = 41  # odd, so that one of them is centred on 0
_DRAWN_IN_FULL = 0.99  # of the weights of the slices that are drawn


@dataclass(frozen=True, eq=False)
class Filters:
    """The kernels of one convolution.

    Attributes:
        layer: The layer that shows the convolution's maps: with its ReLU where both are one module.
        module: Dotted name of the convolution itself.
        kernels: Weights, shape (C, C_in, h, w), float32; C_in is the inputs per group. Where they
            are computed from others, as by weight_norm, these are the ones that multiply.
        groups: Into how many groups the input channels are divided.
        norms: ‖kernel‖₂ of each filter, shape (C,).
    """

    layer: Layer
    module: str
    kernels: Tensor
    groups: int
    norms: Tensor

    @property
    def channels(self) -> int:
        """Number of filters, one per output channel."""
        return self.kernels.shape[0]

    @property
    def inputs(self) -> int:
        """Number of input channels of each filter."""
        return self.kernels.shape[1]

    @property
    def sees_colours(self) -> bool:
        """Whether the filters' input is the image itself, so that they can be shown in colour."""
        return self.inputs == 3 and self.groups == 1

    @property
    def largest(self) -> float:
        """Largest magnitude of all weights."""
        return float(self.kernels.abs().max())

    @cached_property
    def reach(self) -> float:
        """The magnitude that is drawn in full colour, where all filters share a scale.

        The largest, where filters are drawn in colour, each whole. Where one slice of each is
        drawn, that of its strongest input, a single large weight of thousands would leave all
        others pale: there it is what 99 in 100 of the weights in these slices do not exceed.
        """
        if self.sees_colours:
            return self.largest
        sizes: Tensor = self.kernels.flatten(2).norm(dim=2)
        drawn = self.kernels[torch.arange(self.channels), sizes.argmax(dim=1)]
        return float(torch.quantile(drawn.abs().flatten(), _DRAWN_IN_FULL)) or self.largest

    def share_beyond(self, bound: float) -> float:
        """Return the share of all weights whose magnitude is above a bound, in 0…1."""
        return int((self.kernels.abs() > bound).sum()) / self.kernels.numel()

    def input_channel(self, channel: int, index: int) -> int:
        """Return the index, among all channels of the input, of a filter's index-th one."""
        return channel // (self.channels // self.groups) * self.inputs + index

    def strongest_inputs(self, channel: int) -> Tensor:
        """Order the inputs of one filter by ‖slice‖₂, the largest first, shape (C_in,)."""
        size: Tensor = self.kernels[channel].flatten(1).norm(dim=1, dtype=torch.float64)
        return torch.sort(size, descending=True, stable=True).indices

    def drawn(self, channel: int, input_channel: int | None = None) -> Tensor:
        """Return what is drawn of a filter: all of it in colour, (3, h, w), or one slice, (h, w).

        Args:
            channel: Which one.
            input_channel: Whose slice; None for the largest one.
        """
        kernel = self.kernels[channel]
        if self.sees_colours:
            return kernel
        index = int(self.strongest_inputs(channel)[0]) if input_channel is None else input_channel
        return kernel[index]

    def order(self, by: FilterOrder = "index") -> Tensor:
        """Order the filters, shape (C,).

        Args:
            by: "index"; "norm", the largest first; or "similarity", where each filter is followed
                by the one most like it (largest cosine) among those not yet listed, beginning with
                the filter of the largest norm.

        Raises:
            SettingError: There is no such order.
        """
        if by == "index":
            return torch.arange(self.channels)
        if by == "norm":
            return torch.sort(self.norms, descending=True, stable=True).indices
        if by == "similarity":
            return _chain(self.similarity(), int(self.norms.argmax()))
        raise SettingError(
            tr(
                "Filters cannot be ordered by {by!r}; choose {orders}.",
                by=by,
                orders=", ".join(FILTER_ORDERS),
            )
        )

    def similarity(self) -> Tensor:
        """Compute the cosine between every two filters, shape (C, C), in −1…1; 0 for a zero one."""
        rows = self.kernels.flatten(1)
        length: Tensor = rows.norm(dim=1, keepdim=True, dtype=torch.float64)
        rows = (rows / length.clamp(min=torch.finfo(torch.float32).tiny)).float()
        return (rows @ rows.T).clamp(-1, 1)

    def histogram(self, bound: float | None = None, bins: int = _BINS) -> tuple[Tensor, Tensor]:
        """Count the weights in equally wide bins around 0.

        Args:
            bound: Largest magnitude on the axis; None for the largest there is.
            bins: How many.

        Returns:
            Counts, shape (bins,), and the bins' centres, shape (bins,). Weights outside the bound
            are not counted.
        """
        reach = self.largest if bound is None else bound
        reach = reach or 1.0
        weights = self.kernels.flatten()
        counts = torch.histc(weights, bins, -reach, reach)
        edges = torch.linspace(-reach, reach, bins + 1)
        return counts, (edges[1:] + edges[:-1]) / 2


def filter_layers(network: Network) -> tuple[Layer, ...]:
    """List the layers that have kernels, each once, in the order of execution."""
    return tuple(
        layer for layer in layers_with_maps(network) if convolution_of(network, layer) is not None
    )


def filters(network: Network, layer: Layer) -> Filters:
    """Take the kernels of a layer.

    Raises:
        SettingError: It has none, or they hold numbers that are infinite or none at all.
    """
    convolution = convolution_of(network, layer)
    if convolution is None:
        raise SettingError(tr("{layer} has no kernels: choose a convolution.", layer=layer.title))
    name, module = convolution
    kernels = weight_of(module).to("cpu", torch.float32)
    if not kernels.isfinite().all():
        raise SettingError(
            tr(
                "The kernels of {layer} hold numbers that are infinite or none at all, so "
                "they cannot be drawn or compared: choose other weights.",
                layer=layer.title,
            )
        )
    # In float64, where squares of large weights are still finite.
    norms = kernels.flatten(1).norm(dim=1, dtype=torch.float64).float()
    return Filters(layer, name, kernels, module.groups, norms)


def has_pattern_in_space(network: Network, layer: Layer) -> bool:
    """Tell whether a layer's kernels are larger than 1 × 1."""
    convolution = convolution_of(network, layer)
    return convolution is not None and max(convolution[1].kernel_size) > 1


def first_with_pattern(network: Network) -> Layer | None:
    """Return a network's first convolution with kernels larger than 1 × 1; None if it has none."""
    layers = filter_layers(network)
    return next((layer for layer in layers if has_pattern_in_space(network, layer)), None)


def convolution_for(network: Network, chosen: Layer | None) -> Layer | None:
    """Find a layer if it has kernels, or the last one before it that has.

    Args:
        network: The network.
        chosen: One of its layers; None for its last.
    """
    convolution = None
    for layer in filter_layers(network):
        if chosen is None or is_within(chosen.name, layer.name) or layer.index <= chosen.index:
            convolution = layer
    return convolution


def untrained_like(filters: Filters, seed: int = 0) -> Filters:
    """Draw kernels of the same shape with random values, by the rule of `initial_weights.draw`.

    Normal, with the variance 2 / (inputs per output value) that keeps a signal's strength from
    layer to layer (He et al., "Delving Deep into Rectifiers", ICCV 2015).
    """
    generator = torch.Generator().manual_seed(seed)
    spread = (2 / filters.kernels[0].numel()) ** 0.5
    kernels = spread * torch.randn(filters.kernels.shape, generator=generator)
    norms = kernels.flatten(1).norm(dim=1)
    return Filters(filters.layer, filters.module, kernels, filters.groups, norms)


def convolution_of(network: Network, layer: Layer) -> tuple[str, nn.Conv2d] | None:
    """Find the one convolution that makes a layer's maps, with its name; None if there is none."""
    if layer.branches:
        return None
    module = network.module.get_submodule(layer.module)
    convolutions = [
        (f"{layer.module}.{name}".rstrip("."), part)
        for name, part in module.named_modules()
        if isinstance(part, nn.Conv2d)
    ]
    # Of several convolutions none alone makes the maps.
    return convolutions[0] if len(convolutions) == 1 and "convolution" in layer.kind else None


def _chain(similarity: Tensor, first: int) -> Tensor:
    """Walk from one filter to the most similar that is left, shape (C,)."""
    similarity_left = similarity.clone()
    order = [first]
    for _ in range(len(similarity) - 1):
        similarity_left[:, order[-1]] = -torch.inf
        order.append(int(similarity_left[order[-1]].argmax()))
    return torch.tensor(order)
