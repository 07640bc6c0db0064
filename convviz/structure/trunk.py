"""The way through a network: its trunk, the layers that stand for the whole, how deep one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from torch import nn

from convviz.networks.network import is_within
from convviz.structure.layers import Layer

Item = TypeVar("Item")
_FEWEST_STAGES = 4  # that tell more of a network than layers at equal distances


def trunk(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers of the encoder's trunk, in order: maps after a ReLU or a concatenation.

    Branches do not count. Of a network without any ReLU these are all maps of its encoder.
    """
    maps = [layer for layer in layers if layer.in_encoder and len(layer.shape) == 3]
    outside = [layer for layer in maps if not layer.detail and not in_branch(maps, layer)]
    rectified = [layer for layer in outside if layer.branches or "ReLU" in layer.kind]
    return tuple(rectified or outside or maps)


def in_branch(layers: Sequence[Layer], layer: Layer) -> bool:
    """Tell whether a layer is inside a concatenation, in one of its branches."""
    return any(
        is_within(layer.name, whole.name) and whole.name != layer.name
        for whole in layers
        if whole.branches
    )


def stepping_stones(module: nn.Module, layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers by which one goes through a network: by module, where there are modules.

    A module is what has a forward pass of its own, is not the whole encoder, and holds several of
    the layers: an Inception module, a residual block. Of each the last layer counts. A network
    whose layers only stand in a row, such as AlexNet or VGG, is gone through by layer.

    Args:
        module: The network.
        layers: Those to choose from, in order.
    """
    names = [layer.name for layer in layers]
    encoder = [layer.name for layer in layers if layer.in_encoder]
    in_rows = (nn.Sequential, nn.ModuleList, nn.ModuleDict)

    def is_block(name: str) -> bool:
        inside = [each for each in names if is_within(each, name)]
        if len(inside) < 2 or set(encoder) <= set(inside):
            return False
        return not isinstance(module.get_submodule(name), in_rows)

    last: dict[str, Layer] = {}
    known: dict[str, bool] = {}
    for layer in layers:
        parts = layer.name.split(".")
        around = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
        for name in around:
            if name not in known:
                known[name] = is_block(name)
        block = next((name for name in around if known[name]), layer.name)
        last[block] = layer
    return tuple(sorted(last.values(), key=lambda layer: layer.index))


def one_per_stage(layers: Sequence[Layer], at_most: int = 6) -> tuple[Layer, ...]:
    """Return the last trunk layer of each stage, thinned evenly if they are too many."""
    last = {layer.stage: layer for layer in trunk(layers)}
    return thin(tuple(last.values()), at_most)


def stages(layers: Sequence[Layer], at_most: int = 12) -> tuple[Layer, ...]:
    """Return the layers that stand for a whole network, from the image to the scores.

    They are those of the trunk or, where these are too many, the last one of each stage (evenly
    spaced ones where the layers' names make fewer than four stages); then the fully connected
    layers of the decoder, three at most.

    Args:
        layers: The layers of one network, in order.
        at_most: How many there may be of the trunk.
    """
    wide = tuple(layer for layer in trunk(layers) if layer.shape[1:] != (1, 1))
    chosen = wide or trunk(layers)
    if len(chosen) > at_most:
        # A stage may come back after others: its place is that of its last layer.
        last = sorted({each.stage: each for each in chosen}.values(), key=lambda each: each.index)
        chosen = thin(tuple(last) if len(last) >= _FEWEST_STAGES else chosen, at_most)
    linear = [layer for layer in layers if layer.kind == "linear" and not layer.in_encoder]
    return (*chosen, *thin(linear, 3))


def thin(items: Sequence[Item], most: int) -> tuple[Item, ...]:
    """Return at most so many items, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return tuple(items)
    step = (len(items) - 1) / (most - 1)
    return tuple(items[round(i * step)] for i in range(most))


# The depth of a layer is measured in two ways. By its rank in the trunk: Inception modules count
# one each, however many layers they have; so networks are compared at the same share of their
# trunks. By its rank among all layers of the encoder: so a layer inside a branch has a depth too,
# and the page can choose a comparable layer when the network changes.


def trunk_depth(layers: Sequence[Layer], layer: Layer) -> float:
    """Return the depth of a layer in the trunk, from 0 to 1."""
    in_trunk = trunk(layers)
    rank = sum(member.index < layer.index for member in in_trunk)
    return min(1.0, rank / max(1, len(in_trunk) - 1))


def encoder_depth(layers: Sequence[Layer], layer: Layer) -> float:
    """Return the depth of a layer among all layers of the encoder: 0 the first, 1 the last.

    A layer of the decoder has a depth above 1.
    """
    encoder = _encoder(layers)
    first, last = encoder[0].index, encoder[-1].index
    return (layer.index - first) / max(last - first, 1)


def comparable(layers: Sequence[Layer], depth: float) -> Layer:
    """Find the layer of a network that is about as deep as one of another: the one rule for it.

    A first layer's is the first; any other's is the rectified layer that is nearest in depth. The
    parts of a concatenation do not count, only the whole.

    Args:
        layers: Layers of one network, in order.
        depth: As `encoder_depth` measures it.
    """
    encoder = _encoder(layers)
    if depth <= 0:
        return encoder[0]
    rectified = [
        layer
        for layer in encoder
        if len(layer.shape) == 3
        and any(kind in layer.kind for kind in ("ReLU", "concatenation"))
        and not in_branch(encoder, layer)
    ]
    return min(rectified or encoder, key=lambda layer: abs(encoder_depth(encoder, layer) - depth))


def _encoder(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers of the encoder; without parts of parts, which not every list has."""
    return [layer for layer in layers if layer.in_encoder and not layer.detail] or list(layers)
