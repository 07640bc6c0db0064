"""Images that several tests look at."""

import pytest
import torch
from PIL import Image

from convviz.images.decode import decode
from convviz.images.samples import sample


@pytest.fixture(scope="session")
def cat() -> Image.Image:
    """A photograph."""
    return decode(sample("cat").read())


@pytest.fixture
def noise() -> Image.Image:
    """8 × 8 pixels of noise."""
    generator = torch.Generator().manual_seed(3)
    pixels = torch.randint(0, 256, (8, 8, 3), generator=generator, dtype=torch.uint8)
    return Image.fromarray(pixels.numpy())
