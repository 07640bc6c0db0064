"""The built-in networks, all built by torchvision.

To add one, add an entry to CATALOGUE; functions that give its layers titles and stages are
optional.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register_built_in

COURSE = ("alexnet", "vgg16", "googlenet")  # the networks of the course, one of each family

CLASSIFIER = "classifier"

_PREFIXES: tuple[tuple[type[nn.Module], str], ...] = (
    (nn.Conv2d, "conv"),
    (nn.BatchNorm2d, "bn"),
    (nn.ReLU, "relu"),
    (nn.MaxPool2d, "pool"),
    (nn.Dropout, "dropout"),
    (nn.Linear, "fc"),
)


class Numbered:
    """Titles and stages of a network of numbered convolutions: AlexNet and the VGGs.

    Args:
        build: Builds the network, with a Sequential `features` and a Sequential `classifier`.
        blocks: Whether convolutions are counted within blocks that end with a pooling.
    """

    def __init__(self, build: Callable[[], nn.Module], *, blocks: bool) -> None:
        self._build = build
        self._blocks = blocks

    def title(self, name: str) -> str | None:
        """Return a layer's title; None where its dotted name is used."""
        return self._names[name][0] if name in self._names else None

    def stage(self, name: str) -> str:
        """Name the block that a layer belongs to."""
        return self._names[name][1] if name in self._names else CLASSIFIER

    @functools.cached_property
    def _names(self) -> dict[str, tuple[str, str]]:
        """Title and stage by dotted name."""
        network = self._build()
        names: dict[str, tuple[str, str]] = {}
        block, position, after_pool = 0, 0, True
        for name, part in network.get_submodule("features").named_children():
            prefix = _prefix(part)
            if prefix == "conv" and self._blocks and not after_pool:
                position += 1
            elif prefix == "conv":
                block, position = block + 1, 1
            after_pool = prefix == "pool"
            number = f"{block}_{position}" if self._blocks and not after_pool else str(block)
            names[f"features.{name}"] = (f"{prefix}{number}", f"block {block}")
        for name, part in network.get_submodule("classifier").named_children():
            # Dropout comes before its linear layer in AlexNet and after it in VGG; as in Caffe's
            # definitions it has the number of that layer.
            prefix = _prefix(part)
            block += prefix == "fc"
            number = str(block + (prefix == "dropout" and not self._blocks))
            names[f"classifier.{name}"] = (f"{prefix}{number}", CLASSIFIER)
        return names


def _prefix(part: nn.Module) -> str:
    return next(prefix for kind, prefix in _PREFIXES if isinstance(part, kind))


def torchvision_network(function: str, *, num_classes: int = 1000, **options: Any) -> nn.Module:
    """Build one of torchvision's networks on the meta device: shapes without values."""
    models = importlib.import_module("torchvision.models")
    build: Callable[..., nn.Module] = getattr(models, function)
    with torch.device("meta"):
        return build(weights=None, num_classes=num_classes, **options)


_INCEPTION = {
    "branch1": "1×1",
    "branch2.0": "3×3 reduce",
    "branch2.1": "3×3",
    "branch3.0": "5×5 reduce",
    "branch3.1": "“5×5” (3×3 here)",
    "branch4.0": "pool",
    "branch4.1": "pool projection",
}
_BRANCHES = {"branch1": "1×1", "branch2.1": "3×3", "branch3.1": "“5×5”", "branch4.1": "pool"}
_GOOGLENET = {
    "conv1": "conv1",
    "conv2": "conv2 (1×1)",
    "conv3": "conv3 (3×3)",
    **{f"maxpool{number}": f"pool{number}" for number in (1, 2, 3, 4)},
}


def googlenet_title(name: str) -> str | None:
    """Give a layer of GoogLeNet its title: "inception4a · 3×3"."""
    if match := re.fullmatch(r"(inception\d[a-e])\.(branch\d(?:\.\d)?)", name):
        module, part = match.groups()
        return f"{module} · {_INCEPTION[part]}"
    return _GOOGLENET.get(name)


def googlenet_branch(name: str) -> str | None:
    """Give the last layer of a branch of an Inception module its short title: "3×3"."""
    return _BRANCHES.get(name.partition(".")[2])


def googlenet_stage(name: str) -> str:
    """Name the stage of a layer of GoogLeNet: its Inception module, "stem" or "classifier"."""
    first = name.partition(".")[0]
    if first.startswith("inception"):
        return first
    if first in ("avgpool", "dropout", "fc"):
        return CLASSIFIER
    return _GOOGLENET[first] if first in ("maxpool3", "maxpool4") else "stem"


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
    suffix = "_bn" if batch_norm else ""
    build = partial(torchvision_network, f"vgg{depth}{suffix}", init_weights=False)
    names = Numbered(build, blocks=True)
    norm_sentence = "The paper has no batch norm; here one follows every convolution."
    return NetworkSpec(
        name=f"vgg{depth}{suffix}",
        title=f"VGG{depth}" + (" with batch norm" if batch_norm else ""),
        build=build,
        year=2014,
        paper="Simonyan & Zisserman 2015",
        encoder_end=encoder_end,
        differences=(
            *((norm_sentence,) if batch_norm else ()),
            _ANY_SIZE,
            "The paper slides the trained network over the whole image, at several sizes, and "
            "averages its predictions; here the network sees one square crop.",
        ),
        title_of=names.title,
        stage_of=names.stage,
        torchvision_weights=f"VGG{depth}{suffix.upper()}_Weights.IMAGENET1K_V1",
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
