"""The built-in networks: all of torchvision's classifiers.

Those of the course, AlexNet, the VGGs and GoogLeNet, have entries of their own, with the papers'
names for their layers. Every other one is described by what torchvision says of it, without being
built: the size of its image, and how that is resized and normalised, are those of one entry of its
weights, which `entry_of` chooses; its layers' titles and stages come from its modules.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import nn
from torchvision import models

from convviz.language import in_english, later, tr
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register_built_in
from convviz.networks.titles import CLASSIFIER, STEM, TitledNetwork, block_stage, short_kind
from convviz.networks.without_values import build_without_values

COURSE = ("alexnet", "vgg16", "googlenet")  # the networks of the course, one of each family


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
            prefix = short_kind(part)
            if prefix == "conv" and self._blocks and not after_pool:
                position += 1
            elif prefix == "conv":
                block, position = block + 1, 1
            after_pool = prefix == "pool"
            number = f"{block}_{position}" if self._blocks and not after_pool else str(block)
            names[f"features.{name}"] = (f"{prefix}{number}", block_stage(block))
        for name, part in network.get_submodule("classifier").named_children():
            # Dropout comes before its linear layer in AlexNet and after it in VGG; as in Caffe's
            # definitions it has the number of that layer.
            prefix = short_kind(part)
            block += prefix == "fc"
            number = str(block + (prefix == "dropout" and not self._blocks))
            names[f"classifier.{name}"] = (f"{prefix}{number}", CLASSIFIER)
        return names


def torchvision_network(function: str, *, num_classes: int = 1000, **options: Any) -> nn.Module:
    """Build one of torchvision's networks on the meta device: shapes without values."""
    build: Callable[..., nn.Module] = models.get_model_builder(function)
    return build_without_values(partial(build, weights=None, num_classes=num_classes, **options))


_INCEPTION = {
    "branch1": "1×1",
    "branch2.0": "3×3 reduce",
    "branch2.1": "3×3",
    "branch3.0": "5×5 reduce",
    "branch3.1": in_english(tr("“5×5” (3×3 here)")),
    "branch4.0": "pool",
    "branch4.1": "pool projection",
}
_BRANCHES = {
    "branch1": "1×1",
    "branch2.1": "3×3",
    "branch3.1": in_english(tr("“5×5”")),
    "branch4.1": "pool",
}
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
        return in_english(tr("{layer} · {kind}", layer=module, kind=_INCEPTION[part]))
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
    return _GOOGLENET[first] if first in ("maxpool3", "maxpool4") else STEM


# Sentences about a network are told where they are shown.
_ONE_CROP = later(
    "The paper averages its predictions over several crops of an image; here the network "
    "sees one square crop."
)
_ANY_SIZE = later(
    "An adaptive average pooling before the classifier, which the paper has not, lets "
    "other image sizes through; at the usual size it changes nothing."
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
            later(
                "This is the one-tower network of Krizhevsky's 2014 note “One weird trick "
                "for parallelizing convolutional neural networks”. The network of 2012 is "
                "two towers on two GPUs, and its second, fourth and fifth convolutions see "
                "only the channels of their own tower."
            ),
            later("The first, second and fourth convolutions have fewer channels than in 2012."),
            later(
                "The network of 2012 normalises the responses of neighbouring channels after "
                "its first and second ReLU (local response normalisation); this one does not."
            ),
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
    norm_sentence = later("The paper has no batch norm; here one follows every convolution.")
    title = f"VGG{depth}"
    if batch_norm:
        title = in_english(tr("VGG{depth} with batch norm", depth=depth))
    return NetworkSpec(
        name=f"vgg{depth}{suffix}",
        title=title,
        build=build,
        year=2014,
        paper="Simonyan & Zisserman 2015",
        encoder_end=encoder_end,
        differences=(
            *((norm_sentence,) if batch_norm else ()),
            _ANY_SIZE,
            later(
                "The paper slides the trained network over the whole image, at several "
                "sizes, and averages its predictions; here the network sees one square crop."
            ),
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
            later(
                "The branch that the paper calls 5×5 has 3×3 kernels in torchvision, a "
                "mistake it keeps for the sake of its trained weights: it has fewer "
                "parameters and sees a smaller part of the image."
            ),
            later(
                "The paper has no batch norm; here one follows every convolution and has its bias."
            ),
            later(
                "The paper normalises the responses of neighbouring channels (local response "
                "normalisation) before and after the second and third convolutions; this one "
                "does not."
            ),
            later(
                "Dropout before the classifier leaves out a smaller share of the numbers "
                "than in the paper."
            ),
            _ONE_CROP,
        ),
        title_of=googlenet_title,
        stage_of=googlenet_stage,
        branch_of=googlenet_branch,
        torchvision_weights="GoogLeNet_Weights.IMAGENET1K_V1",
        imagenet_options=(("transform_input", True),),
    )


OF_THE_COURSE = (
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
"""The networks of the course, with the papers' names for their layers."""


@dataclass(frozen=True)
class Family:
    """Networks of one paper.

    Attributes:
        prefix: What torchvision's names for them begin with.
        paper: Authors and year.
        year: When the paper appeared.
    """

    prefix: str
    paper: str
    year: int


FAMILIES = (
    Family("resnet", "He, Zhang, Ren & Sun 2016", 2015),
    Family("wide_resnet", "Zagoruyko & Komodakis 2016", 2016),
    Family("resnext", "Xie, Girshick, Dollár, Tu & He 2017", 2016),
    Family("densenet", "Huang, Liu, van der Maaten & Weinberger 2017", 2016),
    Family("mobilenet_v2", "Sandler et al. 2018", 2018),
    Family("mobilenet_v3", "Howard et al. 2019", 2019),
    Family("efficientnet_b", "Tan & Le 2019", 2019),
    Family("efficientnet_v2", "Tan & Le 2021", 2021),
    Family("inception_v3", "Szegedy et al. 2016", 2015),
    Family("convnext", "Liu et al. 2022", 2022),
    Family("regnet_x", "Radosavovic et al. 2020", 2020),
    Family("regnet_y", "Radosavovic et al. 2020", 2020),
    Family("vit", "Dosovitskiy et al. 2021", 2020),
    Family("swin", "Liu et al. 2021", 2021),
    Family("swin_v2", "Liu et al. 2022", 2021),
    Family("maxvit", "Tu et al. 2022", 2022),
    Family("squeezenet", "Iandola et al. 2016", 2016),
    Family("shufflenet", "Ma et al. 2018", 2018),
    Family("mnasnet", "Tan et al. 2019", 2018),
)
"""The families in the order in which they are listed; a name's is that of the longest prefix."""

# What a constructor is given besides the number of classes, and what else a description says.
_OPTIONS: dict[str, dict[str, Any]] = {"inception_v3": {"init_weights": False}}
_DETAILS: dict[str, dict[str, Any]] = {
    "inception_v3": {
        "auxiliary": ("AuxLogits",),
        "imagenet_options": (("transform_input", True),),
    }
}

# The entries of weights in the order of preference: those of ImageNet-1k alone, and of those the
# first, which torchvision trained as the papers did. The largest networks have only weights that
# were first trained on Instagram's pictures; of those the ones for images of the usual size.
_ENTRIES = ("IMAGENET1K_V1", "IMAGENET1K_SWAG_LINEAR_V1")


def entry_of(weights: Any) -> Any:
    """Choose the entry of torchvision's weights that describes a network.

    Args:
        weights: The network's WeightsEnum.
    """
    return next((weights[name] for name in _ENTRIES if name in weights.__members__), None) or next(
        iter(weights)
    )


def title_of(weights: Any) -> str:
    """Name a network for people, by the name of its weights: "EfficientNet B0", "MNASNet0.5"."""
    name = weights.__name__.removesuffix("_Weights")
    # A mark between two single digits is a decimal point.
    return re.sub(r"(?<!\d)(\d)_(\d)(?!\d)", r"\1.\2", name).replace("_", " ")


def family_of(name: str) -> Family | None:
    """Find the family of one of torchvision's networks; None if it is of none known here."""
    families = [family for family in FAMILIES if name.startswith(family.prefix)]
    return max(families, key=lambda family: len(family.prefix), default=None)


def _of_torchvision(name: str) -> NetworkSpec:
    weights = models.get_model_weights(name)
    entry, family = entry_of(weights), family_of(name)
    preset = entry.transforms()
    network = TitledNetwork(partial(torchvision_network, name, **_OPTIONS.get(name, {})))
    spec = NetworkSpec(
        name=name,
        title=title_of(weights),
        build=network.build,
        year=family.year if family else None,
        paper=family.paper if family else "",
        input_size=preset.crop_size[0],
        resize=preset.resize_size[0],
        interpolation=preset.interpolation.value,
        mean=_three(preset.mean),
        std=_three(preset.std),
        title_of=network.title,
        stage_of=network.stage,
        torchvision_weights=str(entry),
    )
    return replace(spec, **_DETAILS.get(name, {}))


def _three(numbers: Any) -> tuple[float, float, float]:
    red, green, blue = numbers
    return red, green, blue


def _rank(name: str) -> tuple[int, int]:
    """Return the place of a network in the list: by family, and by parameters within it."""
    family = family_of(name)
    place = FAMILIES.index(family) if family else len(FAMILIES)
    return place, entry_of(models.get_model_weights(name)).meta["num_params"]


def _others() -> tuple[NetworkSpec, ...]:
    known = {spec.name for spec in OF_THE_COURSE}
    names = [name for name in models.list_models(module=models) if name not in known]
    return tuple(_of_torchvision(name) for name in sorted(names, key=_rank))


CATALOGUE = (*OF_THE_COURSE, *_others())


for _spec in CATALOGUE:
    register_built_in(_spec, replaceable=_spec.name not in COURSE)
