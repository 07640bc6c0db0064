"""The networks that convviz' numbers are taken of, and counted by other code."""

from __future__ import annotations

import functools

from convviz.networks.catalogue import OF_THE_COURSE
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import spec
from convviz.structure import costs

BUILT_IN = tuple(each.name for each in OF_THE_COURSE)
FROM_TORCHVISION = (
    *("resnet18", "resnet50", "densenet121", "mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5"),
    *("squeezenet1_1", "shufflenet_v2_x1_0", "efficientnet_b0", "regnet_x_400mf"),
    *("convnext_tiny", "resnext50_32x4d"),
)
WITH_ATTENTION = ("vit_b_16", "swin_t")


def spec_of(name: str) -> NetworkSpec:
    """The description of a network of the catalogue."""
    return spec(name)


@functools.cache
def counted(name: str, size: int) -> costs.Costs:
    return costs.count(spec_of(name), size)
