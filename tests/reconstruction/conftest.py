"""A network and an image to reconstruct."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from convviz.networks.network import Network
from tests.networks_for_tests import network_of, two_convolutions


@pytest.fixture
def network() -> Network:
    return network_of(two_convolutions(), side=24, classes=("cat", "cup", "rocket"), imagenet=True)


@pytest.fixture
def image() -> Image.Image:
    """An image with smooth areas, edges and colours, 24 × 24 pixels."""
    y, x = np.mgrid[0:24, 0:24] / 23
    disc = ((x - 0.4) ** 2 + (y - 0.5) ** 2 < 0.08).astype(float)
    planes = [0.2 + 0.6 * x, 0.3 + 0.4 * disc, 0.8 - 0.5 * y]
    return Image.fromarray((np.stack(planes, -1) * 255).round().astype(np.uint8))
