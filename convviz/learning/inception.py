"""GoogLeNet in miniature: torchvision's own layout, every layer an eighth as wide.

It keeps what makes GoogLeNet deep, nine Inception modules and 22 layers with weights between the
picture and the classes, and its two auxiliary classifiers, and is small enough to learn while one
watches. Dropout is left out, so that two trainings differ in nothing but what one changes.
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

Start = Literal["lecun", "he"]
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
        classes: How many scores it puts out.
        batch_norm: Whether each convolution is followed by one, as in torchvision's GoogLeNet.
    """
    block = BasicConv2d if batch_norm else PlainConv

    # torchvision hands over GoogLeNet's own widths; only the picture's three channels stay.
    def conv(in_channels: int, out_channels: int, **form: int) -> nn.Module:
        inputs = in_channels if in_channels == 3 else in_channels // NARROWER
        made: nn.Module = block(inputs, out_channels // NARROWER, **form)
        return made

    def head(in_channels: int, num_classes: int, dropout: float) -> nn.Module:
        made: nn.Module = InceptionAux(in_channels, num_classes, conv, dropout)
        made.fc1, made.fc2 = linear(made, "fc1"), linear(made, "fc2", num_classes)
        return made

    def linear(of: nn.Module, name: str, outputs: int | None = None) -> nn.Module:
        wide = cast(nn.Linear, of.get_submodule(name))
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
def drawn(module: nn.Module, start: Start, seed: int) -> nn.Module:
    """Give a network on torch's meta device its first weights; the same seed draws the same."""
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
    copied = copy.deepcopy(module)
    for name in HEADS:
        put(copied, name, None)
    if isinstance(copied, GoogLeNet):
        copied.aux_logits = False
    return copied
