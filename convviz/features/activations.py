"""The maps of a layer's channels, their statistics, and which of them are empty.

This is the one definition of an empty channel. What counts is what comes out of the ReLU. A layer
whose output still has its ReLU ahead is judged by what that ReLU would let through. A layer that no
ReLU follows and that may be negative (the scores at the end, for example) is judged by absolute
values: its channel is empty if every number of it is 0. A channel with a not-a-number is never
empty.

Activation functions such as SiLU put out hardly any exact 0, so that behind them no channel is
empty in this sense; `Activations.soft_threshold` is the threshold that corresponds to a ReLU's
silence there (`convviz.structure.soft_activation`).

Emptiness alone is a matter of absolute values. The maximum, the mean and the order by strength have
signs: of class scores the highest comes first and the lowest last.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Literal, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import pad

from convviz.errors import SettingError
from convviz.features.capture import copied, input_for, observe_each
from convviz.formatting import percent, with_sign
from convviz.language import tr, trn
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layer, layers

Order = Literal["index", "salience", "strength", "active"]
ORDERS: tuple[Order, ...] = get_args(Order)
Seen = Literal["image", "frame"]  # what was seen: an image, or a camera's frame

# A trend is claimed if the rank correlation is at least this large, larger than chance would make
# it in 19 of 20 networks without a trend (ρ √(n−1) is nearly normally distributed), and the last
# third differs from the first by at least this share.
_LEAST_CORRELATION = 0.5
_LEAST_DEVIATIONS = 1.645
_LEAST_DIFFERENCE = 0.01

_LEAST_SIDE = 6  # of maps whose rim can be left out
_SEEN_SIDE = 56  # about as large as a grid shows a map


def what_was_seen(seen: Seen) -> str:
    """Name what was seen, for a sentence."""
    return tr("this frame") if seen == "frame" else tr("this image")


def judged(layer: Layer) -> str:
    """Return the dotted name of the layer whose output decides which channels are empty."""
    return layer.pre_relu or layer.name


def needed(layer: Layer) -> tuple[str, ...]:
    """List the layers whose outputs make up a layer's `Activations`: itself and the judged one."""
    return tuple(dict.fromkeys((layer.name, judged(layer))))


def rectified(layer: Layer, output: Tensor) -> Tensor:
    """Return what the next ReLU lets through of an output of `judged(layer)`, same shape.

    That is its positive part, and no more than 6 of a ReLU6; where no ReLU follows, it is the
    output itself.
    """
    return output if layer.pre_relu is None else output.clamp(0, layer.ceiling)


def strength(layer: Layer, output: Tensor) -> Tensor:
    """Measure the channels of an output of `judged(layer)`, shape (N, C, H, W) or (N, C).

    Returns:
        The largest magnitude that is let through of each channel, shape (N, C), float32; a
        not-a-number where the channel holds one.
    """
    values = rectified(layer, output.reshape(*output.shape[:2], -1))
    return values.abs().amax(2).float()


def extremes(output: Tensor) -> Tensor:
    """Reduce an output, (N, C, H, W) or (N, C), to each channel's least and largest value.

    Returns:
        Shape (N, C, 2). It has the same `strength` as the output, and is small enough to be kept
        for all layers of a network.
    """
    maps = output.reshape(*output.shape[:2], -1)
    return torch.stack((maps.amin(2), maps.amax(2)), dim=2)  # aminmax takes 20 times as long


def is_empty(strength: Tensor, threshold: float = 0.0) -> Tensor:
    """Tell which channels are empty, given the strength of each, shape (…, C).

    Args:
        strength: Of all channels of one layer, for each image.
        threshold: τ. A channel is empty if its strength is at most τ times the largest finite one
            of the layer for the same image.

    Returns:
        Shape (…, C), bool.

    Raises:
        SettingError: The threshold lies outside 0…1.
    """
    return strength <= empty_up_to(strength, threshold)


def empty_up_to(strength: Tensor, threshold: float) -> Tensor:
    """Return up to which strength channels are empty, shape (…, 1); arguments as in `is_empty`.

    Raises:
        SettingError: The threshold lies outside 0…1.
    """
    check_threshold(threshold)
    # Infinite values are left out because 0 × ∞ is not a number: a network that overflows still
    # has empty channels.
    finite = torch.where(strength.isfinite(), strength, torch.zeros_like(strength))
    return threshold * finite.amax(-1, keepdim=True)


def check_threshold(threshold: float) -> None:
    """Check a threshold.

    Raises:
        SettingError: It lies outside 0…1.
    """
    if not 0 <= threshold <= 1:
        raise SettingError(
            tr(
                "The threshold {threshold:g} lies outside 0 to 1; choose one inside.",
                threshold=threshold,
            )
        )


def observe_strengths(
    module: nn.Module,
    batch: Tensor,
    layers: Sequence[Layer],
    gaps: dict[str, str] | None = None,
) -> dict[str, Tensor]:
    """Run a network once and measure the channels of several layers.

    Args:
        module: The network; it is not touched.
        batch: Its input, shape (N, 3, H, W).
        layers: The layers. Several may be judged by the output of the same one.
        gaps: Takes up the layers that cannot be shown, by name, with the sentence on each. None: it
            is raised.

    Returns:
        For each layer's name the strength of its channels, shape (N, C), gaps apart.

    Raises:
        NetworkError: There is no such layer.
    """
    if not layers:
        return {}
    names = list(dict.fromkeys(judged(layer) for layer in layers))
    missing: dict[str, str] | None = None if gaps is None else {}
    observed = observe_each(module, batch, dict.fromkeys(names, extremes), gaps=missing)
    if gaps is not None and missing:
        gaps |= {each.name: missing[judged(each)] for each in layers if judged(each) in missing}
    return {
        layer.name: strength(layer, observed[judged(layer)])
        for layer in layers
        if judged(layer) in observed
    }


def layers_with_maps(network: Network) -> tuple[Layer, ...]:
    """List the layers that pickers show and whose output is maps, in the order of execution."""
    return tuple(layer for layer in layers(network) if not layer.detail and len(layer.shape) == 3)


@dataclass(frozen=True, eq=False)
class Activations:
    """What one layer's channels answer to one image.

    Attributes:
        layer: The layer.
        maps: Its output, shape (C, H, W), float32; a vector's channels are maps of one pixel.
        rectified: What the ReLU lets through, shape (C, H, W): the positive part of `maps` or,
            where a batch norm comes first, of its output; `maps` itself where no ReLU follows.
        maximum: The largest value of each channel of `rectified`, shape (C,); below 0 where a
            channel of a layer that no ReLU follows is negative everywhere.
        mean: Mean of each channel of `rectified`, shape (C,).
        active_share: Share of each channel's pixels of `rectified` that are not 0, shape (C,), in
            0…1.
        strength: The largest absolute value of each channel of `rectified`, shape (C,); it decides
            which channels are empty.
    """

    layer: Layer
    maps: Tensor
    rectified: Tensor
    maximum: Tensor
    mean: Tensor
    active_share: Tensor
    strength: Tensor

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.maps.shape[0]

    def empty(self, threshold: float = 0.0) -> Tensor:
        """Tell which channels are empty, shape (C,), bool.

        Args:
            threshold: τ. A channel is empty if its strength is at most τ times the layer's largest.

        Raises:
            SettingError: The threshold lies outside 0…1.
        """
        return is_empty(self.strength, threshold)

    def empty_up_to(self, threshold: float) -> float:
        """Return the largest strength of a channel that counts as empty."""
        return float(empty_up_to(self.strength, threshold))

    @cached_property
    def is_signed(self) -> bool:
        """Whether a number of it is negative: then no ReLU came before it or follows directly."""
        return self.layer.pre_relu is None and bool((self.rectified < 0).any())

    @property
    def soft_threshold(self) -> float | None:
        """The τ up to which channels are as good as empty behind SiLU and its like, in 0…1.

        None for a layer whose numbers do not come out of such a function, or for which no
        threshold has this meaning.
        """
        if self.layer.soft is None:
            return None
        finite = self.strength[self.strength.isfinite()]
        return self.layer.soft.threshold(float(finite.max()) if len(finite) else 0.0)

    def empty_count(self, threshold: float = 0.0) -> int:
        """Count the empty channels."""
        return int(self.empty(threshold).sum())

    def sentence(self, threshold: float = 0.0, seen: Seen = "image") -> str:
        """Say how many channels are empty for what was seen."""
        count, channels = self.empty_count(threshold), self.channels
        this = what_was_seen(seen)
        if channels == 1:
            if count:
                return tr("The only channel is empty for {seen}.", seen=this)
            return tr("The only channel is not empty for {seen}.", seen=this)
        if count == channels:
            return tr("All {channels} channels are empty for {seen}.", channels=channels, seen=this)
        if count:
            return trn(
                "{count} of {channels} channels ({share}) is empty for {seen}.",
                "{count} of {channels} channels ({share}) are empty for {seen}.",
                count,
                channels=channels,
                share=percent(count / channels),
                seen=this,
            )
        if threshold == 0 and self.layer.soft is not None:
            return tr(
                "None of the {channels} channels is empty for {seen}: {function} puts out hardly "
                "any exact 0.",
                channels=channels,
                seen=this,
                function=self.layer.soft.function,
            )
        if self.is_signed:
            return tr(
                "None of the {channels} channels is empty for {seen}: no ReLU follows directly "
                "that would set numbers to 0.",
                channels=channels,
                seen=this,
            )
        return tr(
            "None of the {channels} channels is empty for {seen}.", channels=channels, seen=this
        )

    @cached_property
    def salience(self) -> Tensor:
        """How much of a pattern each channel draws, shape (C,); see `salience`."""
        return salience(self.rectified)

    def order(self, by: Order = "index") -> Tensor:
        """Order the channels, shape (C,), int64; equals stay in the order of their index.

        Args:
            by: "index"; "salience", the largest `salience` first, of equals the largest maximum;
                "strength", the largest maximum first; or "active", the largest share of active
                pixels first. Not-a-numbers come last.

        Raises:
            SettingError: There is no such order.
        """
        if by == "index":
            return torch.arange(self.channels)
        if by == "salience":
            return by_salience(self.salience, self.maximum)
        if by == "strength":
            return _largest_first(self.maximum)
        if by == "active":
            return _largest_first(self.active_share)
        raise SettingError(
            tr(
                "Channels cannot be ordered by {by!r}; choose {orders}.",
                by=by,
                orders=", ".join(ORDERS),
            )
        )

    @property
    def strongest(self) -> int:
        """The channel with the largest maximum, the first of equals."""
        return int(_comparable(self.maximum).argmax())

    @property
    def most_salient(self) -> int:
        """The channel that comes first by salience."""
        return int(self.order("salience")[0])

    def ranks(self) -> Tensor:
        """Rank the channels by their maximum from 1 on, shape (C,); equals share their rank."""
        maxima = _comparable(self.maximum)
        return (maxima[None] > maxima[:, None]).sum(1) + 1


def activations(network: Network, image: Image.Image, layer_name: str) -> Activations:
    """Capture and measure one layer for one image.

    Raises:
        NetworkError: There is no such layer, or it puts out no tensor of real numbers.
    """
    name = layer(network, layer_name).name
    return activations_of(network, image, (name,))[name]


def activations_of(
    network: Network,
    image: Image.Image,
    layer_names: Sequence[str],
    gaps: dict[str, str] | None = None,
) -> dict[str, Activations]:
    """Capture and measure several layers for one image, by name, in one pass.

    Args:
        network: The network.
        image: The image.
        layer_names: Dotted names of the layers.
        gaps: Takes up the layers that cannot be shown, by name, with the sentence on each; they are
            left out of the result. None: it is raised.

    Raises:
        NetworkError: There is no such layer, or it puts out no tensor of real numbers.
    """
    return activations_of_batch(network, input_for(network, image), layer_names, gaps)


def activations_of_batch(
    network: Network,
    batch: Tensor,
    layer_names: Sequence[str],
    gaps: dict[str, str] | None = None,
) -> dict[str, Activations]:
    """Do as `activations_of` for an input as `capture.input_for` makes it, shape (1, 3, S, S)."""
    targets = [layer(network, name) for name in layer_names]
    names = dict.fromkeys(name for target in targets for name in needed(target))
    missing = None if gaps is None else dict[str, str]()
    outputs = observe_each(network.module, batch, dict.fromkeys(names, copied), gaps=missing)
    shown = [target for target in targets if outputs.keys() >= set(needed(target))]
    if gaps is not None and missing:
        for target in targets:
            reasons = [missing[name] for name in needed(target) if name in missing]
            if reasons:
                gaps[target.name] = reasons[0]
    return {target.name: activations_in(target, outputs) for target in shown}


def activations_in(layer: Layer, outputs: Mapping[str, Tensor], index: int = 0) -> Activations:
    """Measure a layer whose outputs were captured.

    Args:
        layer: The layer.
        outputs: Name to output, shape (N, C, H, W) or (N, C), of all the layers that it `needed`.
        index: Which image of the batch.
    """
    maps = {name: _as_maps(outputs[name][index]) for name in needed(layer)}
    return measure(layer, maps[layer.name], maps[judged(layer)])


def measure(layer: Layer, maps: Tensor, judged_maps: Tensor | None = None) -> Activations:
    """Compute the statistics of a layer's channels.

    Args:
        layer: The layer.
        maps: Its output, shape (C, H, W).
        judged_maps: The output of `judged(layer)`, shape (C, H, W); None if that is `maps`.
    """
    positive = rectified(layer, maps if judged_maps is None else judged_maps)
    values, bounds = positive.flatten(1), extremes(positive[None])[0]
    return Activations(
        layer=layer,
        maps=maps,
        rectified=positive,
        maximum=bounds[:, 1],
        mean=values.mean(1),
        active_share=_nonzero(values) / values.shape[1],
        strength=bounds.abs().amax(1),
    )


def salience(maps: Tensor) -> Tensor:
    """Measure maps by energy and contrast in space: by what one would see of them.

    That is the root mean square of a map about its mean, once each value has been averaged with
    its neighbours (weights 1, 2, 1 in both directions). A map that is the same everywhere has
    none, and a single high value counts for less than a patch of lower ones. Of maps of six values
    a side and more the outermost ones are left out: they answer to the padding more than to the
    image. Maps of 112 values a side and more are averaged in blocks first, since a grid shows them
    no larger than about 56.

    Args:
        maps: Shape (C, H, W).

    Returns:
        Shape (C,), in the unit of the maps. A map of one position has no neighbours: its own value,
        with its sign, is returned. Infinite where a map holds an infinite number, not a number
        where it holds a not-a-number.
    """
    if maps.shape[1] * maps.shape[2] == 1:
        return maps.flatten()
    largest = extremes(maps[None])[0].abs().amax(1)
    inner = maps[:, 1:-1, 1:-1] if min(maps.shape[1:]) >= _LEAST_SIDE else maps
    block = min(inner.shape[1:]) // _SEEN_SIDE
    if block > 1:
        inner = _block_means(_block_means(inner, block, dim=1), block, dim=2)
    # The scaled values can be squared without leaving float32's range.
    scale = torch.where(largest.isfinite() & (largest > 0), largest, torch.ones_like(largest))
    padded = pad((inner / scale[:, None, None])[None], (1, 1, 1, 1), mode="replicate")[0]
    smooth = (_neighbours_added(_neighbours_added(padded, dim=1), dim=2) / 16).flatten(1)
    deviation = (smooth - smooth.mean(1, keepdim=True)).square().mean(1).sqrt() * scale
    return torch.where(largest.isfinite(), deviation, largest)


def by_salience(saliences: Tensor, maxima: Tensor) -> Tensor:
    """Order channels by `salience`, the largest first, of equals the largest maximum.

    Args:
        saliences: Of each channel, shape (C,).
        maxima: The largest value of each, shape (C,).

    Returns:
        Their indices, shape (C,), int64; not-a-numbers come last.
    """
    by_maximum = _largest_first(maxima)
    return by_maximum[_largest_first(saliences[by_maximum])]


def _largest_first(values: Tensor) -> Tensor:
    """Order values, shape (C,), not-a-numbers last; equals stay in the order of their index."""
    return torch.sort(_comparable(values), descending=True, stable=True).indices


# Written out as sums of slices: PyTorch's pooling, with its steps of 1, takes 20 times as long.


def _block_means(maps: Tensor, block: int, *, dim: int) -> Tensor:
    """Average along one dimension in blocks; what fills no block is left out."""
    first, *others = maps.unfold(dim, block, block).unbind(-1)
    means = first / block
    for other in others:
        means.add_(other, alpha=1 / block)
    return means


def _neighbours_added(maps: Tensor, *, dim: int) -> Tensor:
    """Add up three neighbours along one dimension, with weights 1, 2 and 1."""
    inner = maps.shape[dim] - 2
    before, here, after = (maps.narrow(dim, start, inner) for start in range(3))
    return (before + after).add_(here, alpha=2)


def _nonzero(values: Tensor) -> Tensor:
    """Count each row's numbers that are not 0, as float32; on the CPU NumPy is faster at it."""
    if values.is_cuda:
        return torch.count_nonzero(values, dim=1).float()
    return torch.from_numpy(np.count_nonzero(values.numpy(), axis=1)).float()


def _comparable(values: Tensor) -> Tensor:
    """Put not-a-numbers below every number."""
    return values.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)


def _as_maps(output: Tensor) -> Tensor:
    """Turn a layer's output for one image, (C, H, W) or (C,), into maps, shape (C, H, W)."""
    return output.cpu().reshape(len(output), *(output.shape[1:] or (1, 1)))


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
    """Count the empty channels of every layer in one forward pass; see `strength_by_depth`.

    Args:
        network: The network.
        image: The image.
        threshold: τ, as in `Activations.empty`.

    Returns:
        One summary per layer, in the order of execution.

    Raises:
        SettingError: The threshold lies outside 0…1.
    """
    check_threshold(threshold)
    return summarise(strength_by_depth(network, image), threshold)


def strength_by_depth(
    network: Network, image: Image.Image, gaps: dict[str, str] | None = None
) -> tuple[tuple[Layer, Tensor], ...]:
    """Find each channel's strength in every layer, in one forward pass.

    Only the extremes of each channel are kept, never a map. Parts of layers that pickers hide, and
    layers whose output is a vector, are left out, and so are those that cannot be shown.

    Args:
        network: The network.
        image: The image.
        gaps: Takes up the layers that cannot be shown, by name, with the sentence on each.

    Returns:
        In the order of execution, each layer and the strengths of its channels, shape (C,).
    """
    selection = layers_with_maps(network)
    gaps = {} if gaps is None else gaps
    strengths = observe_strengths(network.module, input_for(network, image), selection, gaps)
    return tuple(
        (layer, strengths[layer.name][0]) for layer in selection if layer.name in strengths
    )


def summarise(
    strengths: Iterable[tuple[Layer, Tensor]], threshold: float
) -> tuple[LayerSummary, ...]:
    """Count the empty channels of layers whose strengths are known.

    Args:
        strengths: As `strength_by_depth` returns them.
        threshold: τ, as in `Activations.empty`.
    """
    return tuple(_summary(layer, strength, threshold) for layer, strength in strengths)


def _summary(layer: Layer, strength: Tensor, threshold: float) -> LayerSummary:
    channels, empty = len(strength), int(is_empty(strength, threshold).sum())
    return LayerSummary(layer, channels, empty, empty / channels)


def depth_trend(summaries: Sequence[LayerSummary]) -> str:
    """Say whether the share of empty channels grows with depth; claim it only if it does.

    Layers with a ReLU are compared, where there are at least three: a convolution, its ReLU and
    the pooling after it have the same empty channels, which must not count three times. The
    measure is Spearman's rank correlation between position and share.
    """
    with_relu = [summary for summary in summaries if summary.layer.has_relu]
    group = with_relu if len(with_relu) >= 3 else list(summaries)
    shares = [summary.share for summary in group]
    if len(shares) < 3:
        return tr("The network has too few layers with maps to speak of a trend with depth.")
    count = len(shares)
    named = (
        tr("{count} layers with a ReLU", count=count)
        if group is with_relu
        else tr("{count} layers", count=count)
    )
    if max(shares) == min(shares):
        return tr(
            "The share of empty channels does not change with depth: it is {share} in "
            "each of the {layers}.",
            share=percent(shares[0]),
            layers=named,
        )
    third = len(shares) // 3
    first, last = sum(shares[:third]) / third, sum(shares[-third:]) / third
    correlation = rank_correlation(list(range(len(shares))), shares)
    moves = (
        abs(correlation) >= _LEAST_CORRELATION
        and abs(last - first) >= _LEAST_DIFFERENCE
        and (last > first) == (correlation > 0)
    )
    enough = abs(correlation) >= _LEAST_DEVIATIONS / sqrt(len(shares) - 1)
    if not moves:
        claim = tr("The share of empty channels shows no clear trend with depth")
    elif enough:
        claim = (
            tr("The share of empty channels grows with depth")
            if last > first
            else tr("The share of empty channels falls with depth")
        )
    else:
        claim = (
            tr(
                "The share of empty channels rises here, but {count} layers are too few to call it "
                "a trend",
                count=count,
            )
            if last > first
            else tr(
                "The share of empty channels falls here, but {count} layers are too few to call it "
                "a trend",
                count=count,
            )
        )
    if third == 1:
        return tr(
            "{claim}: {first} in the first of the {layers}, {last} in the last.",
            claim=claim,
            first=percent(first),
            layers=named,
            last=percent(last),
        )
    return tr(
        "{claim}: on average {first} in the first third of "
        "the {layers}, {last} in the last third (rank correlation "
        "{correlation}: it is +1 where the share rises from each layer to the next, −1 where it "
        "falls each time, and near 0 where it does neither).",
        claim=claim,
        first=percent(first),
        layers=named,
        last=percent(last),
        correlation=with_sign(correlation),
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
    counts_less = [sum(other < value for other in values) for value in values]
    counts_equal = [sum(other == value for other in values) for value in values]
    return [less + (equal + 1) / 2 for less, equal in zip(counts_less, counts_equal, strict=True)]
