"""A whole network at a glance: what each of its stages makes of one image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from convviz.features.activations import (
    by_salience,
    extremes,
    is_empty,
    judged,
    rectified,
    salience,
    strength,
)
from convviz.features.capture import copied, input_for, observe_each
from convviz.features.predictions import Prediction, best, for_decoder
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layers
from convviz.structure.trunk import stages

MOST_MAPS = 3
MOST_PIXELS = 112  # of a map's side; larger maps are averaged down for the screen
_SCORES = ""  # the name of the network as a whole


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


@dataclass(frozen=True, eq=False)
class Overview:
    """What a whole network makes of an image.

    Attributes:
        stages: Its stages, from the image to the scores; those that cannot be shown are left out.
        predictions: Its five most probable classes, if the stages' pass ends in them; None where
            there is no decoder, or where it takes an image of another size and so a pass of its
            own; None also where the scores are no finite numbers, of which `predict` has more to
            say.
    """

    stages: tuple[StageSummary, ...]
    predictions: tuple[Prediction, ...] | None


def overview(network: Network, image: Image.Image) -> Overview:
    """Summarise a network for one image, from image to scores, in one pass.

    Nothing of a layer is kept but the maps that are drawn. A stage that cannot be shown is left
    out.
    """
    batch = input_for(network, image)
    ends_in_classes = network.weights.has_decoder and for_decoder(network, batch) is batch
    chosen = stages(layers(network))
    reducers: dict[str, Callable[[Tensor], list[StageSummary] | Tensor]] = {
        source: partial(_summarise, [layer for layer in chosen if judged(layer) == source])
        for source in map(judged, chosen)
    }
    if ends_in_classes:
        reducers[_SCORES] = copied
    seen = observe_each(network.module, batch, reducers, gaps={})
    made = {each.layer.name: each for of in seen.values() if isinstance(of, list) for each in of}
    summaries = tuple(made[layer.name] for layer in chosen if layer.name in made)
    if not ends_in_classes:
        return Overview(summaries, None)
    scores = seen.get(_SCORES)
    if not isinstance(scores, Tensor) or scores.dim() != 2:
        return Overview(summaries, ())  # a user's network may put out something else
    if not scores.isfinite().all():
        return Overview(summaries, None)
    return Overview(summaries, best(network, scores[0]))


def _summarise(of: Sequence[Layer], output: Tensor) -> list[StageSummary]:
    """Summarise stages while the network runs.

    Args:
        of: The layers that stand for them; all are `judged` by the same output.
        output: That output, shape (1, C, H, W) or (1, C).
    """
    # The pass runs in inference mode, but what is kept must be ordinary tensors.
    with torch.inference_mode(False), torch.no_grad():
        bounds = extremes(output)
        return [_summary(layer, output[0], bounds) for layer in of]


def _summary(layer: Layer, output: Tensor, bounds: Tensor) -> StageSummary:
    """Summarise one stage.

    Args:
        layer: The layer that stands for it.
        output: What it is judged by, shape (C, H, W) or (C,).
        bounds: The `extremes` of that, shape (1, C, 2).
    """
    is_channel_empty = is_empty(strength(layer, bounds))[0].cpu()
    empty = int(is_channel_empty.sum())
    is_signed = layer.pre_relu is None and bool((bounds < 0).any())
    maps = rectified(layer, output).float()
    if len(layer.shape) == 1:
        return StageSummary(layer, (), _reduced(maps.reshape(1, -1, 1).cpu()), empty, is_signed)
    maxima = rectified(layer, bounds)[0, :, 1].float()
    order = by_salience(salience(maps).cpu(), maxima.cpu())
    strongest = tuple(order[~is_channel_empty[order]][:MOST_MAPS].tolist())
    drawn = _reduced(maps[list(strongest)].cpu())
    return StageSummary(layer, strongest, drawn, empty, is_signed)


def _reduced(maps: Tensor) -> Tensor:
    """Average maps down where they are larger than the screen needs; the result owns its memory."""
    height, width = maps.shape[1:]
    size = (min(height, MOST_PIXELS), min(width, MOST_PIXELS))
    return maps.clone() if size == (height, width) else adaptive_avg_pool2d(maps, size)
