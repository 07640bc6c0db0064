"""The networks that convviz' numbers are taken of, and counted by other code."""

from __future__ import annotations

import functools

import torch
import torchvision
from torch import nn

from convviz.networks.catalogue import CATALOGUE
from convviz.networks.network import NetworkSpec
from convviz.structure import costs

BUILT_IN = tuple(spec.name for spec in CATALOGUE)
FROM_TORCHVISION = (
    *("resnet18", "resnet50", "densenet121", "mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5"),
    *("squeezenet1_1", "shufflenet_v2_x1_0", "efficientnet_b0", "regnet_x_400mf"),
    *("convnext_tiny", "resnext50_32x4d"),
)
WITH_ATTENTION = ("vit_b_16", "swin_t")


def spec_of(name: str) -> NetworkSpec:
    """The description of a network of the catalogue, or of one of torchvision's as a user's."""
    built_in = {spec.name: spec for spec in CATALOGUE}
    return built_in.get(name) or NetworkSpec(name, name, functools.partial(on_meta, name))


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None)


@functools.cache
def counted(name: str, size: int) -> costs.Costs:
    return costs.count(spec_of(name), size)
