"""The networks whose traces are recorded: torchvision's families, and tiny ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from torch import nn

from tests.networks_for_tests import (
    Arranged,
    Block,
    BothSigns,
    Broken,
    Empty,
    Fork,
    Functional,
    Half,
    InPlace,
    LooksAtValues,
    OneSize,
    ReadTwice,
    Residual,
    Returns,
    RunsTwice,
    Shared,
    Sum,
    Tokens,
    WithImage,
    fill,
)

CATALOGUE_SIZES: dict[str, tuple[int, ...]] = {
    "alexnet": (62, 64, 128, 224, 227),
    "vgg11": (224,),
    "vgg16": (31, 64, 128, 224, 227),
    "vgg16_bn": (224,),
    "googlenet": (0, 14, 64, 128, 224, 227, 5000),
}
"""Networks of convviz' own catalogue, and the sizes of the images that they are traced with."""

TORCHVISION_SIZES: dict[str, tuple[int, ...]] = {
    "resnet18": (64, 128, 224, 227),
    "resnet50": (224,),
    "resnext50_32x4d": (224,),
    "squeezenet1_1": (16, 128, 224),
    "densenet121": (128,),
    "mobilenet_v2": (224,),
    "mobilenet_v3_small": (128, 224),
    "shufflenet_v2_x1_0": (224,),
    "mnasnet1_0": (224,),
    "efficientnet_b0": (128,),
    "regnet_y_400mf": (224,),
    "inception_v3": (64, 299),
    "convnext_tiny": (64, 224),
    "swin_t": (64, 224),
    "vit_b_16": (128, 224),
}
"""Networks of torchvision's, described as a user's own, and the sizes of their images."""


def from_torchvision(name: str) -> nn.Module:
    """Build a network without values, on the meta device."""
    build = getattr(torchvision.models, name)
    if name.startswith("regnet"):  # its design is computed with tensors
        return build(weights=None).eval().to("meta")
    with torch.device("meta"):
        options: dict[str, Any] = {"init_weights": False} if name == "inception_v3" else {}
        return build(weights=None, **options).eval()


def googlenet_of_a_user(auxiliary: bool) -> nn.Module:
    """Build a GoogLeNet about whose auxiliary heads convviz is told nothing."""
    with torch.device("meta"):
        return torchvision.models.googlenet(
            weights=None, aux_logits=auxiliary, init_weights=False, transform_input=auxiliary
        ).eval()


def _in_place() -> nn.Module:
    module = fill(InPlace())
    assert isinstance(module, InPlace)
    with torch.no_grad():
        module.conv.bias[2] = -100.0
    return module


def _shared_norm() -> nn.Module:
    norm = nn.BatchNorm2d(4)
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 1), norm, nn.ReLU(), nn.Conv2d(4, 4, 1), norm, nn.ReLU())
    )


def _every_window() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, dilation=2, padding=2),
        nn.LocalResponseNorm(3),
        nn.Conv2d(4, 8, (3, 1), stride=(2, 1), groups=2, bias=False),
        nn.GroupNorm(2, 8),
        nn.ReLU6(inplace=True),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.ConvTranspose2d(8, 4, 2, stride=2),
        nn.InstanceNorm2d(4, affine=True),
        nn.LeakyReLU(),
        nn.Upsample(scale_factor=2),
        nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d(3),
        nn.Dropout2d(),
        nn.Identity(),
        nn.Flatten(),
        nn.Linear(36, 5),
        nn.Softmax(dim=1),
    )


def _rectified_again() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 2, 1), nn.ReLU6(), nn.AvgPool2d(2), nn.ReLU()),
        *(nn.Conv2d(2, 2, 1), nn.Threshold(0.0, 0.0), nn.AdaptiveAvgPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.ReLU(), nn.Linear(8, 4), nn.Unflatten(1, (1, 2, 2)), nn.ReLU()),
    )


def _before_a_relu() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 1), nn.Dropout2d(), nn.Identity(), nn.GroupNorm(2, 4), nn.ReLU6()),
        *(nn.Conv2d(4, 4, 1), nn.InstanceNorm2d(4, affine=True), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.Hardswish()),
        *(nn.Conv2d(4, 4, 1), nn.AvgPool2d(2), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.LeakyReLU()),
        *(nn.Conv2d(4, 4, 1), nn.Hardtanh(), nn.Conv2d(4, 4, 1), nn.Hardtanh(0.0, 1.0)),
        *(nn.Conv2d(4, 4, 1), nn.GELU(), nn.Conv2d(4, 4, 1), nn.Sigmoid()),
    )


def _reflect() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
        nn.ReLU(),
        nn.ZeroPad2d((1, 2, 0, 1)),
        nn.Conv2d(4, 2, 3, padding="same"),
    )


@dataclass(frozen=True)
class Recipe:
    """How a tiny network is made, and the sizes of its images; the first is its own."""

    make: Callable[[], nn.Module]
    sizes: tuple[int, ...] = (8,)
    encoder_end: str | None = None


TINY: dict[str, Recipe] = {
    "in_place": Recipe(_in_place, (8, 4)),
    "functional": Recipe(lambda: fill(Functional()), (8, 10)),
    "block": Recipe(lambda: fill(nn.Sequential(Block(3, 4)))),
    "residual": Recipe(lambda: fill(nn.Sequential(nn.Conv2d(3, 4, 1), Residual(4)))),
    "sum": Recipe(lambda: fill(nn.Sequential(Sum(3)))),
    "fork": Recipe(lambda: fill(nn.Sequential(Fork(3), nn.Conv2d(5, 2, 1)))),
    "fork_end": Recipe(lambda: fill(nn.Sequential(Fork(3), nn.Conv2d(5, 2, 1))), encoder_end="0"),
    "no_such_end": Recipe(lambda: fill(nn.Sequential(Fork(3))), encoder_end="tail"),
    "with_image": Recipe(lambda: fill(nn.Sequential(WithImage()))),
    "both_signs": Recipe(lambda: fill(BothSigns())),
    "half": Recipe(lambda: fill(nn.Sequential(Half()))),
    "shared": Recipe(lambda: fill(Shared())),
    "shared_norm": Recipe(lambda: fill(_shared_norm())),
    "looks_at_values": Recipe(lambda: fill(LooksAtValues()), (8, 5)),
    "tokens": Recipe(lambda: fill(Tokens()), (8, 16)),
    "read_twice": Recipe(lambda: fill(ReadTwice())),
    "runs_twice": Recipe(lambda: fill(RunsTwice())),
    "every_window": Recipe(lambda: fill(_every_window()), (16, 21)),
    "arranged": Recipe(lambda: fill(Arranged())),
    "rectified_again": Recipe(lambda: fill(_rectified_again())),
    "before_a_relu": Recipe(lambda: fill(_before_a_relu())),
    "reflect": Recipe(lambda: fill(_reflect())),
    "two_relus": Recipe(
        lambda: fill(
            nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU(inplace=True))
        )
    ),
    "one_size": Recipe(lambda: fill(OneSize()), (8, 20)),
    "returns": Recipe(lambda: fill(Returns())),
    "broken": Recipe(Broken),
    "empty": Recipe(Empty),
    "grey_only": Recipe(lambda: fill(nn.Sequential(nn.Conv2d(1, 2, 1)))),
}
