"""A whole network at a glance: what each of its stages makes of one image."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from convviz.features.activations import activations_of
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layers
from convviz.structure.trunk import stages

MOST_MAPS = 3
MOST_PIXELS = 112  # of a map's side; larger maps are averaged down for the screen


@dataclass(frozen=True, eq=False)
class StageSummary:
    """What one stage of a network makes of an image.

    Attributes:
        layer: The layer that stands for the stage.
        strongest: Its channels with the largest salience, the largest first; empty ones never.
        maps: Their maps after the ReLU, shape (k, h, w), at most `MOST_PIXELS` high and wide. Of a
            layer whose output is a vector all its numbers as one map, (1, C, 1), likewise averaged.
        empty: How many of its channels are empty.
        is_signed: Whether no ReLU sets numbers to 0: then none of its channels can be empty.
    """

    layer: Layer
    strongest: tuple[int, ...]
    maps: Tensor
    empty: int
    is_signed: bool

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.layer.shape[0]


def overview(network: Network, image: Image.Image) -> tuple[StageSummary, ...]:
    """Summarise the stages of a network for one image, from image to scores, in one pass."""
    chosen = stages(layers(network))
    gaps: dict[str, str] = {}  # a stage that cannot be shown is left out
    captured = activations_of(network, image, tuple(layer.name for layer in chosen), gaps)
    summaries = []
    for layer in chosen:
        if layer.name not in captured:
            continue
        activations = captured[layer.name]
        is_empty = activations.empty()
        if len(layer.shape) == 1:
            strongest: tuple[int, ...] = ()
            maps = _reduced(activations.rectified.reshape(1, -1, 1))
        else:
            order = activations.order("salience")
            strongest = tuple(order[~is_empty[order]][:MOST_MAPS].tolist())
            maps = _reduced(activations.rectified[list(strongest)])
        empty = int(is_empty.sum())
        summaries.append(StageSummary(layer, strongest, maps, empty, activations.is_signed))
    return tuple(summaries)


def _reduced(maps: Tensor) -> Tensor:
    """Average maps down where they are larger than the screen needs; the result owns its memory."""
    height, width = maps.shape[1:]
    size = (min(height, MOST_PIXELS), min(width, MOST_PIXELS))
    return maps.clone() if size == (height, width) else adaptive_avg_pool2d(maps, size)
