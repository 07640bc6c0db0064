"""A whole network at a glance, on networks set by hand."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

import convviz
from convviz.features.capture import input_for
from convviz.features.overview import MOST_PIXELS, overview
from convviz.features.predictions import predict
from convviz.networks.network import Network
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
    relu, scores = overview(network_of(module), picture).stages
    assert relu.layer.name == "1"
    assert relu.strongest == (2, 4, 3)  # the contrast of each is as large as its weight
    assert relu.maps[0].tolist() == [[0, 0, 2, 2]] * 4
    assert (relu.empty, relu.channels) == (1, 5)
    assert not relu.is_signed
    expected = module(input_for(network_of(module), picture))[0]
    assert torch.allclose(scores.maps, expected.reshape(1, 6, 1))
    assert (scores.strongest, scores.channels, scores.empty) == ((), 6, 0)


def test_a_stage_without_anything_has_no_map(picture: Image.Image) -> None:
    (relu,) = overview(
        network_of(nn.Sequential(convolution(-1.0, -2.0), nn.ReLU())), picture
    ).stages
    assert (relu.strongest, relu.empty) == ((), 2)
    assert relu.maps.shape == (0, 4, 4)


def test_without_a_relu_the_stage_is_signed(picture: Image.Image) -> None:
    (stage,) = overview(network_of(nn.Sequential(convolution(-1.0, 3.0))), picture).stages
    assert stage.is_signed
    assert stage.strongest == (1, 0)
    assert stage.empty == 0


def test_large_maps_are_averaged_down(picture: Image.Image) -> None:
    side = 2 * MOST_PIXELS
    module = nn.Sequential(convolution(1.0), nn.ReLU())
    (stage,) = overview(network_of(module, side=side), picture).stages
    assert stage.maps.shape == (1, MOST_PIXELS, MOST_PIXELS)
    full = module(input_for(network_of(module, side=side), picture))[0, 0]
    by_hand = full.reshape(MOST_PIXELS, 2, MOST_PIXELS, 2).mean((1, 3))
    assert torch.allclose(stage.maps[0], by_hand, atol=1e-6)


CLASSES = ("cat", "dog", "owl", "elk", "fox", "hen")


def scoring(*layers: nn.Module, **more: Any) -> Network:
    """Five maps, three of them not empty, then what turns them into scores."""
    first = convolution(0.5, -1.0, 2.0, 1.0, 1.5)
    return network_of(nn.Sequential(first, nn.ReLU(True), *layers), classes=CLASSES, **more)


def test_one_pass_gives_the_classes_too(picture: Image.Image) -> None:
    runs = []
    network = scoring(nn.Flatten(), nn.Linear(80, 6))
    network.module.register_forward_hook(lambda *_: runs.append(1))
    seen = overview(network, picture)
    assert [stage.layer.name for stage in seen.stages] == ["1", "3"]
    assert seen.predictions is not None
    assert len(seen.predictions) == 5
    assert seen.predictions == predict(network, picture)


def test_where_the_decoder_takes_a_smaller_image_the_classes_take_another_pass(
    picture: Image.Image,
) -> None:
    network = scoring(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 6))
    smaller = replace(network, weights=replace(network.weights, decoder_size=2))
    assert overview(network, picture).predictions == predict(network, picture)
    assert overview(smaller, picture).predictions is None
    assert overview(network_of(network.module), picture).predictions is None  # no decoder


def test_what_is_no_scores_gives_no_classes(picture: Image.Image) -> None:
    assert overview(scoring(), picture).predictions == ()


def test_scores_that_are_no_numbers_leave_the_stages(picture: Image.Image) -> None:
    network = scoring(nn.Flatten(), nn.Linear(80, 6))
    torch.nn.init.constant_(network.module[3].weight, torch.nan)
    seen = overview(network, picture)
    assert seen.stages[0].strongest == (2, 4, 3)
    assert seen.predictions is None


def test_a_summary_says_the_same_as_the_layers_activations() -> None:
    """In AlexNet, whose ReLUs write over the layers before; and of a bounded ReLU."""
    image = Image.effect_noise((64, 64), 80).convert("RGB")
    bounded = nn.Sequential(convolution(4.0, -9.0, 8.0, bias=2.0), nn.ReLU6(True), nn.MaxPool2d(2))
    for network in (convviz.load("alexnet", "random"), network_of(bounded, side=8)):
        for stage in overview(network, image).stages:
            activations = convviz.activations(network, image, stage.layer.name)
            assert stage.empty == activations.empty_count()
            if stage.strongest:
                order = [c for c in activations.order("salience") if not activations.empty()[c]]
                assert list(stage.strongest) == order[:3]
                assert torch.equal(stage.maps, activations.rectified[list(stage.strongest)])
