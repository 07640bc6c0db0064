"""GoogLeNet made narrower, small enough to be trained from random weights in minutes.

`small_inception` is GoogLeNet with every layer `NARROWER` times narrower, for the comparison with
and without auxiliary classifiers.
"""

from __future__ import annotations

import copy
from functools import partial
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torchvision.models import GoogLeNet
from torchvision.models.googlenet import BasicConv2d, Inception, InceptionAux

from convviz.networks.decoders import put
from convviz.networks.initial_weights import draw

NARROWER = 8
"""How many times fewer channels every layer has than GoogLeNet's."""

HEADS = {"aux1": "inception4a", "aux2": "inception4d"}
"""The auxiliary classifiers, the shallower one first, and the module whose output each reads."""

SmallInitialisation = Literal["lecun", "he"]
"""How first weights are drawn: with variance 1 / inputs (LeCun et al. 1998), or so that those of
convolutions have 2 / inputs (He et al. 2015), which makes up for what a ReLU takes away."""


class PlainConv(nn.Module):
    """A convolution with biases and a ReLU, as in the paper: batch norm came a year later."""

    def __init__(self, in_channels: int, out_channels: int, **form: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, **form)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, (N, C, H, W), and let only positive values through."""
        positive: Tensor = self.conv(x).relu_()
        return positive


def small_inception(classes: int, *, batch_norm: bool = False) -> nn.Module:
    """Build the network on torch's meta device: shapes without values.

    It takes (N, 3, S, S), with S = 64 for example. In train mode it returns what torchvision's
    GoogLeNet does: its scores, (N, classes), those of aux2 and those of aux1.

    Args:
        classes: How many scores it returns.
        batch_norm: Whether each convolution is followed by one, as in torchvision's GoogLeNet.
    """
    block = BasicConv2d if batch_norm else PlainConv

    # torchvision passes GoogLeNet's own widths; only the image's three channels stay.
    def conv(in_channels: int, out_channels: int, **form: int) -> nn.Module:
        inputs = in_channels if in_channels == 3 else in_channels // NARROWER
        module: nn.Module = block(inputs, out_channels // NARROWER, **form)
        return module

    def head(in_channels: int, num_classes: int, dropout: float) -> nn.Module:
        module: nn.Module = InceptionAux(in_channels, num_classes, conv, dropout)
        module.fc1, module.fc2 = linear(module, "fc1"), linear(module, "fc2", num_classes)
        return module

    def linear(parent: nn.Module, name: str, outputs: int | None = None) -> nn.Module:
        wide = cast(nn.Linear, parent.get_submodule(name))
        inputs = wide.in_features // NARROWER
        return nn.Linear(inputs, outputs or wide.out_features // NARROWER)

    with torch.device("meta"):
        module: nn.Module = GoogLeNet(
            num_classes=classes,
            init_weights=False,
            blocks=[conv, partial(Inception, conv_block=conv), head],
            dropout=0.0,
            dropout_aux=0.0,
        )
        module.fc = linear(module, "fc", classes)
    return module


@torch.no_grad()
def initialise(module: nn.Module, start: SmallInitialisation, seed: int) -> nn.Module:
    """Draw the first weights of a network on torch's meta device; the same seed draws the same."""
    module = module.to_empty(device="cpu")
    draw(module, torch.Generator().manual_seed(seed))
    if start == "lecun":
        for part in module.modules():
            if isinstance(part, nn.Conv2d):
                part.weight.mul_(0.5**0.5)  # from variance 2 / inputs
            elif isinstance(part, nn.Linear):
                part.weight.mul_(3**0.5)  # from 1 / (3 inputs)
    return module


def without_heads(module: nn.Module) -> nn.Module:
    """Copy a network without its auxiliary classifiers; the other weights are the same."""
    network = copy.deepcopy(module)
    for name in HEADS:
        put(network, name, None)
    if isinstance(network, GoogLeNet):
        network.aux_logits = False
    return network
