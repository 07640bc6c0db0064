"""Tiny networks and images for reconstructions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from convviz.networks.network import Network, NetworkSpec, Weights


def network_of(module: nn.Module, side: int = 24, classes: tuple[str, ...] = ()) -> Network:
    """Make a network of a module, as `networks.load` would."""
    module.eval().requires_grad_(False)
    spec = NetworkSpec("tiny", "Tiny", lambda: module, input_size=side)
    weights = Weights("own", "By hand", "none", bool(classes), 0, "0" * 64, classes, side, side)
    return Network(spec, module, weights)


def seeded(module: nn.Module, seed: int = 1) -> nn.Module:
    """Give every parameter values that depend on the seed alone."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        fan = parameter[0].numel()
        parameter.data = torch.randn(parameter.shape, generator=generator) * (2 / fan) ** 0.5
    return module


@pytest.fixture
def make_network() -> Callable[..., Network]:
    return network_of


@pytest.fixture
def network() -> Network:
    """Two convolutions with ReLUs in place, and a decoder of three classes."""
    return network_of(
        seeded(
            nn.Sequential(
                nn.Conv2d(3, 12, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
                nn.Conv2d(12, 16, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.AdaptiveAvgPool2d(4),
                nn.Flatten(),
                nn.Linear(256, 3),
            )
        ),
        classes=("cat", "cup", "rocket"),
    )


@pytest.fixture
def image() -> Image.Image:
    """An image with smooth areas, edges and colours, 24 × 24 pixels."""
    y, x = np.mgrid[0:24, 0:24] / 23
    disc = ((x - 0.4) ** 2 + (y - 0.5) ** 2 < 0.08).astype(float)
    planes = [0.2 + 0.6 * x, 0.3 + 0.4 * disc, 0.8 - 0.5 * y]
    return Image.fromarray((np.stack(planes, -1) * 255).round().astype(np.uint8))
