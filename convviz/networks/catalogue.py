"""The built-in networks, all built by torchvision. Adding one is one entry."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from convviz.networks.registry import NetworkSpec, register_built_in
from convviz.networks.titles import Numbered, googlenet_branch, googlenet_stage, googlenet_title


def torchvision_network(function: str, *, num_classes: int = 1000, **options: Any) -> nn.Module:
    """Build one of torchvision's networks on the meta device: shapes without values."""
    models = importlib.import_module("torchvision.models")
    build: Callable[..., nn.Module] = getattr(models, function)
    with torch.device("meta"):
        return build(weights=None, num_classes=num_classes, **options)


_ONE_CROP = (
    "The paper averages its predictions over several crops of an image; here the network sees one "
    "square crop."
)
_ANY_SIZE = (
    "An adaptive average pooling before the classifier, which the paper has not, lets other image "
    "sizes through; at the usual size it changes nothing."
)


def _alexnet() -> NetworkSpec:
    build = partial(torchvision_network, "alexnet")
    names = Numbered(build, blocks=False)
    return NetworkSpec(
        name="alexnet",
        title="AlexNet",
        build=build,
        year=2012,
        paper="Krizhevsky, Sutskever & Hinton 2012",
        encoder_end="features.12",
        differences=(
            "This is the one-tower network of Krizhevsky's 2014 note “One weird trick for "
            "parallelizing convolutional neural networks”. The network of 2012 is two towers on "
            "two GPUs, and its second, fourth and fifth convolutions see only the channels of "
            "their own tower.",
            "The first, second and fourth convolutions have fewer channels than in 2012.",
            "The network of 2012 normalises the responses of neighbouring channels after its "
            "first and second ReLU (local response normalisation); this one does not.",
            _ANY_SIZE,
            _ONE_CROP,
        ),
        title_of=names.title,
        stage_of=names.stage,
        torchvision_weights="AlexNet_Weights.IMAGENET1K_V1",
    )


def _vgg(depth: int, *, batch_norm: bool, encoder_end: str) -> NetworkSpec:
    form = "_bn" if batch_norm else ""
    build = partial(torchvision_network, f"vgg{depth}{form}", init_weights=False)
    names = Numbered(build, blocks=True)
    normalised = "The paper has no batch norm; here one follows every convolution."
    return NetworkSpec(
        name=f"vgg{depth}{form}",
        title=f"VGG{depth}" + (" with batch norm" if batch_norm else ""),
        build=build,
        year=2014,
        paper="Simonyan & Zisserman 2015",
        encoder_end=encoder_end,
        differences=(
            *((normalised,) if batch_norm else ()),
            _ANY_SIZE,
            "The paper slides the trained network over the whole image, at several sizes, and "
            "averages its predictions; here the network sees one square crop.",
        ),
        title_of=names.title,
        stage_of=names.stage,
        torchvision_weights=f"VGG{depth}{form.upper()}_Weights.IMAGENET1K_V1",
    )


def _googlenet() -> NetworkSpec:
    return NetworkSpec(
        name="googlenet",
        title="GoogLeNet",
        build=partial(torchvision_network, "googlenet", aux_logits=True, init_weights=False),
        year=2014,
        paper="Szegedy et al. 2015",
        encoder_end="inception5b",
        auxiliary=("aux1", "aux2"),
        differences=(
            "The branch that the paper calls 5×5 has 3×3 kernels in torchvision, a mistake it "
            "keeps for the sake of its trained weights: it has fewer parameters and sees a smaller "
            "part of the image.",
            "The paper has no batch norm; here one follows every convolution and has its bias.",
            "The paper normalises the responses of neighbouring channels (local response "
            "normalisation) before and after the second and third convolutions; this one does not.",
            "Dropout before the classifier leaves out a smaller share of the numbers than in the "
            "paper.",
            _ONE_CROP,
        ),
        title_of=googlenet_title,
        stage_of=googlenet_stage,
        branch_of=googlenet_branch,
        torchvision_weights="GoogLeNet_Weights.IMAGENET1K_V1",
        imagenet_options=(("transform_input", True),),
    )


CATALOGUE = (
    _alexnet(),
    _vgg(11, batch_norm=False, encoder_end="features.20"),
    _vgg(13, batch_norm=False, encoder_end="features.24"),
    _vgg(16, batch_norm=False, encoder_end="features.30"),
    _vgg(19, batch_norm=False, encoder_end="features.36"),
    _vgg(11, batch_norm=True, encoder_end="features.28"),
    _vgg(13, batch_norm=True, encoder_end="features.34"),
    _vgg(16, batch_norm=True, encoder_end="features.43"),
    _vgg(19, batch_norm=True, encoder_end="features.52"),
    _googlenet(),
)

for _spec in CATALOGUE:
    register_built_in(_spec)
