"""How much of the training signal reaches each layer, with and without auxiliary losses.

Measured on a freshly drawn network, one forward and two backward passes: what is compared is the
gradient of the loss with respect to each layer's weights, as its Euclidean norm. Dropout is left
out, so that the same seed gives the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import hypot
from typing import Literal

import torch
from PIL import Image
from torch import nn

from convviz.errors import NetworkError
from convviz.images.preprocess import to_tensor
from convviz.lessons.auxiliary_loss import AuxiliaryLoss, auxiliary_loss
from convviz.networks.initial_weights import untrained
from convviz.networks.network import AUXILIARY_WEIGHT, NetworkSpec, is_within
from convviz.structure.layers import layers

Start = Literal["he", "narrow"]


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
    """

    name: str
    title: str
    without: float
    with_heads: float

    @property
    def factor(self) -> float:
        """How many times larger the gradient is with the auxiliary losses."""
        if self.without:
            return self.with_heads / self.without
        return float("inf") if self.with_heads else 1.0


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
    """Take the layers of each stage together: the length of all their gradients as one vector."""
    found = []
    for stage, members in groupby(layers, key=lambda each: each.name.split(".")[0]):
        of_stage = tuple(members)
        without = hypot(*(each.without for each in of_stage))
        found.append(LayerGradient(stage, stage, without, hypot(*(m.with_heads for m in of_stage))))
    return tuple(found)


def auxiliary_gradients(
    spec: NetworkSpec,
    image: Image.Image,
    *,
    weight: float = AUXILIARY_WEIGHT,
    seed: int = 0,
    start: Start = "he",
) -> Gradients:
    """Measure the gradients of a freshly drawn network with and without its auxiliary losses.

    The batch is the picture and its mirror image, both labelled with a class drawn at random.

    Args:
        spec: A network that in train mode returns (scores, auxiliary scores, …).
        image: The picture.
        weight: What each auxiliary loss is multiplied with.
        seed: Of the weights and the label.
        start: How weights are drawn: "he" as `untrained` does, "narrow" normal with σ = 0.01.

    Raises:
        NetworkError: The network has no auxiliary heads.
        SettingError: The weight is negative.
    """
    if not spec.auxiliary:
        raise NetworkError(f"{spec.title} has no auxiliary heads: choose GoogLeNet.")
    size = spec.input_size
    picture = to_tensor(image, size=size, resize=size, mean=spec.mean, std=spec.std)
    module = _fresh(spec, seed, start)
    with torch.enable_grad():
        scores = module(torch.cat([picture, picture.flip(-1)]))
        generator = torch.Generator().manual_seed(seed)
        label = int(torch.randint(scores[0].shape[1], (), generator=generator))
        losses = [nn.functional.cross_entropy(s, torch.tensor([label, label])) for s in scores]
        names = with_weights(module, spec.auxiliary)
        weights = [module.get_parameter(f"{name}.weight") for name in names]
        values = [float(loss.detach()) for loss in losses]
        loss = auxiliary_loss(values[0], tuple(values[1:]), weight)
        total = losses[0] + weight * torch.stack(losses[1:]).sum()
        without = torch.autograd.grad(losses[0], weights, retain_graph=True)
        together = torch.autograd.grad(total, weights)
    titles = {layer.name: layer.title for layer in layers(spec)}
    found = tuple(
        LayerGradient(name, _title(name, titles), float(a.norm()), float(b.norm()))
        for name, a, b in zip(names, without, together, strict=True)
    )
    return Gradients(found, loss, seed, label)


def _fresh(spec: NetworkSpec, seed: int, start: Start) -> nn.Module:
    """Build a network of one's own in train mode, with parameters that want gradients."""
    module = untrained(spec, seed)
    if start == "narrow":
        _draw_narrow(module, seed)
    module.requires_grad_(True).train()
    for part in module.modules():
        if isinstance(part, nn.modules.dropout._DropoutNd):
            part.eval()
    return module


def _draw_narrow(module: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                part.weight.normal_(0.0, NARROW, generator=generator)


def with_weights(module: nn.Module, auxiliary: Sequence[str]) -> list[str]:
    """Name the convolutions and linear layers of the main network, in the order of their making."""
    return [
        name
        for name, part in module.named_modules()
        if isinstance(part, nn.Conv2d | nn.Linear)
        and not any(is_within(name, head) for head in auxiliary)
    ]


def _title(name: str, titles: dict[str, str]) -> str:
    """Return the title of a layer, without the words for what it is made of."""
    return titles.get(name, name).removesuffix(" · convolution")
