"""Gradient norms by depth: how much of the training signal reaches each layer.

Compared are a network's main loss alone and the sum with its auxiliary losses (Szegedy et al. 2015,
section 5): the Euclidean norm of the gradient of each with respect to every layer's weights.
`auxiliary_gradients` measures a network with random weights, in one forward and two backward
passes; `auxiliary.compare_auxiliary` measures two networks while they learn.

Passes and norms are computed in double precision: in single precision the square of a gradient
below about 1e-19 is 0, and so would be the norm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from math import hypot, isfinite
from typing import Literal

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from convviz.errors import NetworkError
from convviz.images.preprocess import to_tensor
from convviz.language import tr
from convviz.learning.step import all_scores, total_loss
from convviz.lessons.auxiliary_loss import AuxiliaryLoss, auxiliary_loss
from convviz.networks.initial_weights import set_weight, untrained
from convviz.networks.network import AUXILIARY_WEIGHT, NetworkSpec, is_within
from convviz.structure.layers import layers

Initialisation = Literal["he", "narrow"]

NARROW = 0.01
"""Standard deviation of the first weights in the AlexNet paper, section 5."""


@dataclass(frozen=True)
class LayerGradient:
    """The gradient's norm at the weights of one layer, or of several together.

    Attributes:
        name: Dotted name.
        title: Human title.
        without: With the main loss alone.
        with_heads: With the auxiliary losses added.
        weights: Norm of the weights themselves, of the network without auxiliary losses.
    """

    name: str
    title: str
    without: float
    with_heads: float
    weights: float

    @property
    def factor(self) -> float:
        """How many times larger the gradient is with the auxiliary losses."""
        if self.without:
            return self.with_heads / self.without
        return float("inf") if self.with_heads else 1.0

    @property
    def relative(self) -> float:
        """The main loss's gradient as a share of the weights' norm (You et al. 2017, LARS).

        A step of gradient descent with learning rate 1 would change the weights by that share.
        """
        if not self.weights:
            return float("inf") if self.without else 0.0
        return self.without / self.weights

    @property
    def is_finite(self) -> bool:
        """Whether both norms are numbers."""
        return isfinite(self.without) and isfinite(self.with_heads)


@dataclass(frozen=True)
class Gradients:
    """Gradient norms of all layers of the main network, and the loss they come from.

    Attributes:
        layers: One per convolution and linear layer, from the image to the classes.
        loss: The main and the auxiliary losses, and their sum.
        seed: Seed of the weights and the labels that were drawn.
        label: Number of the class that was drawn.
    """

    layers: tuple[LayerGradient, ...]
    loss: AuxiliaryLoss
    seed: int
    label: int

    @property
    def stages(self) -> tuple[LayerGradient, ...]:
        """The norms over all layers of each stage, such as an Inception module, together."""
        return by_stage(self.layers)


def by_stage(layers: Sequence[LayerGradient]) -> tuple[LayerGradient, ...]:
    """Take the layers of each stage together: the norm of all their gradients as one vector."""
    stages = []
    for stage, members in groupby(layers, key=lambda layer: layer.name.split(".")[0]):
        group = tuple(members)
        without = hypot(*(layer.without for layer in group))
        with_heads = hypot(*(layer.with_heads for layer in group))
        weights = hypot(*(layer.weights for layer in group))
        stages.append(LayerGradient(stage, stage, without, with_heads, weights))
    return tuple(stages)


def with_weights(module: nn.Module, auxiliary: Sequence[str]) -> list[str]:
    """Name the convolutions and linear layers of the main network, in the order of their making."""
    return [
        name
        for name, part in module.named_modules()
        if isinstance(part, nn.Conv2d | nn.Linear)
        and not any(is_within(name, head) for head in auxiliary)
    ]


def gradient_norms(
    loss: Tensor, module: nn.Module, names: Sequence[str], *, keep_graph: bool = False
) -> dict[str, float]:
    """Measure the gradient of a loss at the weights of layers, as Euclidean norms.

    Args:
        loss: Computed by the module.
        module: The network; its parameters have `requires_grad`.
        names: Dotted names of the layers.
        keep_graph: Whether another gradient of the same pass will be asked for.
    """
    weights = [learned_weights(module.get_submodule(name)) for name in names]
    flat = [weight for group in weights for weight in group]
    gradients = iter(torch.autograd.grad(loss, flat, retain_graph=keep_graph) if flat else ())
    return {
        name: _norm(islice(gradients, len(group)))
        for name, group in zip(names, weights, strict=True)
    }


@torch.no_grad()
def weight_norms(module: nn.Module, names: Sequence[str]) -> dict[str, float]:
    """Measure the weights of layers, given by their dotted names, as Euclidean norms."""
    return {name: _norm(learned_weights(module.get_submodule(name))) for name in names}


def learned_weights(layer: nn.Module) -> list[nn.Parameter]:
    """List what a layer's weights are learned as: one parameter, or those they are computed from.

    With weight_norm these are length and direction, with spectral_norm the weights before they are
    divided.
    """
    return [
        parameter
        for name, parameter in layer.named_parameters()
        if "bias" not in name.removeprefix("parametrizations.").split(".")[0]
    ]


def _norm(tensors: Iterable[Tensor]) -> float:
    """Return the Euclidean norm of all numbers of some tensors together."""
    return hypot(*(float(tensor.double().norm()) for tensor in tensors))


def layer_gradients(
    without: Mapping[str, float],
    with_heads: Mapping[str, float],
    weights: Mapping[str, float],
    titles: Mapping[str, str] | None = None,
) -> tuple[LayerGradient, ...]:
    """Put the norms with and without auxiliary losses side by side, layer by layer."""
    titles = titles or {}
    return tuple(
        LayerGradient(name, titles.get(name, name), norm, with_heads[name], weights[name])
        for name, norm in without.items()
    )


def auxiliary_gradients(
    spec: NetworkSpec,
    image: Image.Image,
    *,
    weight: float = AUXILIARY_WEIGHT,
    seed: int = 0,
    start: Initialisation = "he",
) -> Gradients:
    """Measure the gradients of a network with random weights with and without auxiliary losses.

    The batch is the image and its mirror image, both labelled with a class drawn at random. Dropout
    is left out, so that the same seed gives the same numbers.

    Args:
        spec: A network that in train mode returns (scores, auxiliary scores, …).
        image: The image.
        weight: Factor of each auxiliary loss.
        seed: Of the weights and the label.
        start: How weights are drawn: "he" as `untrained` does, "narrow" normal with σ = 0.01.

    Raises:
        NetworkError: The network has no auxiliary heads.
        SettingError: The weight is negative.
    """
    if not spec.auxiliary:
        raise NetworkError(
            tr("{title} has no auxiliary heads: choose GoogLeNet.", title=spec.title)
        )
    size = spec.input_size
    batch = to_tensor(image, size=size, resize=size, mean=spec.mean, std=spec.std).double()
    module = _untrained(spec, seed, start).double()
    with torch.enable_grad():
        scores = all_scores(module(torch.cat([batch, batch.flip(-1)])))
        generator = torch.Generator().manual_seed(seed)
        label = int(torch.randint(scores[0].shape[1], (), generator=generator))
        losses = [cross_entropy(s, torch.tensor([label, label])) for s in scores]
        values = [float(loss.detach()) for loss in losses]
        loss = auxiliary_loss(values[0], tuple(values[1:]), weight)
        names = with_weights(module, spec.auxiliary)
        without = gradient_norms(losses[0], module, names, keep_graph=True)
        with_heads = gradient_norms(total_loss(losses, weight), module, names)
    # A layer's title without the words for its kind.
    titles = {x.name: x.title.removesuffix(" · convolution") for x in layers(spec)}
    norms = layer_gradients(without, with_heads, weight_norms(module, names), titles)
    return Gradients(norms, loss, seed, label)


def _untrained(spec: NetworkSpec, seed: int, start: Initialisation) -> nn.Module:
    """Build a network in train mode, without dropout and with `requires_grad=True`."""
    module = untrained(spec, seed)
    if start == "narrow":
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for part in module.modules():
                if isinstance(part, nn.Conv2d | nn.Linear):
                    set_weight(part, lambda x: x.normal_(0.0, NARROW, generator=generator))
    module.requires_grad_(True).train()
    for part in module.modules():
        if isinstance(part, nn.modules.dropout._DropoutNd):
            part.eval()
    return module
