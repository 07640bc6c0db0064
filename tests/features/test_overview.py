"""A whole network at a glance, on networks set by hand."""

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.features.capture import input_for
from convviz.features.overview import MOST_PIXELS, overview
from tests.networks_for_tests import network_of


def convolution(*weights: float, bias: float = 0.0) -> nn.Conv2d:
    """A 1×1 convolution of the first input channel alone, one output for each weight."""
    made = nn.Conv2d(3, len(weights), 1)
    torch.nn.init.constant_(made.weight, 0.0)
    torch.nn.init.constant_(made.bias, bias)
    with torch.no_grad():
        made.weight[:, 0, 0, 0] = torch.tensor(weights)
    return made


@pytest.fixture
def picture() -> Image.Image:
    """Red 0 in the left half, 255 in the right; no green, no blue."""
    image = Image.new("RGB", (4, 4))
    image.paste((255, 0, 0), (2, 0, 4, 4))
    return image


def test_each_stage_has_its_strongest_maps_and_its_empty_channels(picture: Image.Image) -> None:
    module = nn.Sequential(
        convolution(0.5, -1.0, 2.0, 1.0, 1.5), nn.ReLU(True), nn.Flatten(), nn.Linear(80, 6)
    )
    relu, scores = overview(network_of(module), picture)
    assert relu.layer.name == "1"
    assert relu.strongest == (2, 4, 3)  # the contrast of each is as large as its weight
    assert relu.maps[0].tolist() == [[0, 0, 2, 2]] * 4
    assert (relu.empty, relu.channels) == (1, 5)
    assert not relu.is_signed
    expected = module(input_for(network_of(module), picture))[0]
    assert torch.allclose(scores.maps, expected.reshape(1, 6, 1))
    assert (scores.strongest, scores.channels, scores.empty) == ((), 6, 0)


def test_a_stage_without_anything_has_no_map(picture: Image.Image) -> None:
    (relu,) = overview(network_of(nn.Sequential(convolution(-1.0, -2.0), nn.ReLU())), picture)
    assert (relu.strongest, relu.empty) == ((), 2)
    assert relu.maps.shape == (0, 4, 4)


def test_without_a_relu_the_stage_is_signed(picture: Image.Image) -> None:
    (stage,) = overview(network_of(nn.Sequential(convolution(-1.0, 3.0))), picture)
    assert stage.is_signed
    assert stage.strongest == (1, 0)
    assert stage.empty == 0


def test_large_maps_are_averaged_down(picture: Image.Image) -> None:
    side = 2 * MOST_PIXELS
    module = nn.Sequential(convolution(1.0), nn.ReLU())
    (stage,) = overview(network_of(module, side=side), picture)
    assert stage.maps.shape == (1, MOST_PIXELS, MOST_PIXELS)
    full = module(input_for(network_of(module, side=side), picture))[0, 0]
    by_hand = full.reshape(MOST_PIXELS, 2, MOST_PIXELS, 2).mean((1, 3))
    assert torch.allclose(stage.maps[0], by_hand, atol=1e-6)
