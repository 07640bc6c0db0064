"""The built-in networks, all built by torchvision. Adding one is one entry."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from convviz.networks.registry import NetworkSpec, register_built_in


def torchvision_network(
    function: str, *, num_classes: int = 1000, **options: object
) -> nn.Module:
    """Build one of torchvision's networks on the meta device: shapes without values."""
    models = importlib.import_module("torchvision.models")
    build: Callable[..., nn.Module] = getattr(models, function)
    with torch.device("meta"):
        module = build(weights=None, num_classes=num_classes, **options)
    return module.eval().requires_grad_(False)


_VGG = "Simonyan & Zisserman 2015"

CATALOGUE = (
    NetworkSpec(
        name="alexnet",
        title="AlexNet",
        build=partial(torchvision_network, "alexnet"),
        year=2012,
        paper="Krizhevsky, Sutskever & Hinton 2012",
        encoder_end="features.12",
        torchvision_weights="AlexNet_Weights.IMAGENET1K_V1",
    ),
    *(
        NetworkSpec(
            name=f"vgg{depth}{form}",
            title=f"VGG{depth}" + (" with batch norm" if form else ""),
            build=partial(torchvision_network, f"vgg{depth}{form}", init_weights=False),
            year=2014,
            paper=_VGG,
            encoder_end=f"features.{end}",
            torchvision_weights=f"VGG{depth}{form.upper()}_Weights.IMAGENET1K_V1",
        )
        for form, ends in (("", (20, 24, 30, 36)), ("_bn", (28, 34, 43, 52)))
        for depth, end in zip((11, 13, 16, 19), ends, strict=True)
    ),
    NetworkSpec(
        name="googlenet",
        title="GoogLeNet",
        build=partial(torchvision_network, "googlenet", aux_logits=True, init_weights=False),
        year=2014,
        paper="Szegedy et al. 2015",
        encoder_end="inception5b",
        auxiliary=("aux1", "aux2"),
        torchvision_weights="GoogLeNet_Weights.IMAGENET1K_V1",
        imagenet_options=(("transform_input", True),),
    ),
)

for _spec in CATALOGUE:
    register_built_in(_spec)
