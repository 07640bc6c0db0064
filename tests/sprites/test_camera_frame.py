"""A camera's frame: its maps as levels, its empty channels and its classes."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.features.activations import activations
from convviz.features.predictions import predict
from convviz.networks.network import Network
from convviz.sprites.camera_frame import CameraFrame, camera_frame
from convviz.sprites.grid import LEVELS
from tests.networks_for_tests import network_of


def two_channels() -> nn.Sequential:
    """Channel 0 passes red on, channel 1 is always silent."""
    convolution = nn.Conv2d(3, 2, 1)
    convolution.weight = nn.Parameter(torch.tensor([[1.0, 0, 0], [0, 0, 0]]).reshape(2, 3, 1, 1))
    convolution.bias = nn.Parameter(torch.tensor([0.0, -1.0]))
    return nn.Sequential(
        *(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))
    )


def frame_of(network: Network, image: Image.Image, name: str) -> CameraFrame:
    return camera_frame(activations(network, image, name), predict(network, image))


def test_levels_are_the_shares_of_each_channels_highest_value() -> None:
    image = Image.new("RGB", (4, 4))
    image.putpixel((1, 0), (255, 0, 0))
    image.putpixel((2, 3), (51, 0, 0))  # a fifth of it
    frame = frame_of(network_of(two_channels()), image, "1")
    levels = torch.frombuffer(bytearray(frame.levels), dtype=torch.uint8).reshape(2, 4, 4)
    assert (frame.channels, frame.side, frame.empty) == (2, 4, (1,))
    assert int(levels[0, 0, 1]) == LEVELS - 1
    assert int(levels[0, 3, 2]) == round((LEVELS - 1) / 5)
    assert int(levels[0].sum()) == LEVELS - 1 + round((LEVELS - 1) / 5)
    assert not levels[1].any()
    assert frame.predictions == ()
    assert frame.headline == (
        "2 channels; only 0 answers to this frame. 1 of 2 channels (50 %) is empty for this frame."
    )


def test_the_classes_are_those_of_the_frame() -> None:
    module = two_channels()
    module[4].weight = nn.Parameter(torch.tensor([[0.0, 0], [4.0, 0], [-4.0, 0]]))
    module[4].bias = nn.Parameter(torch.zeros(3))
    network = network_of(module, classes=("none", "red", "not red"))
    frame = frame_of(network, Image.new("RGB", (4, 4), (255, 0, 0)), "0")
    expected = torch.tensor([0.0, 4.0, -4.0]).softmax(0)
    assert [guess.label for guess in frame.predictions] == ["red", "none", "not red"]
    assert frame.predictions[0].probability == pytest.approx(float(expected[1]))


def test_large_maps_are_averaged_down() -> None:
    network = network_of(nn.Sequential(nn.Conv2d(3, 64, 1)), side=300)
    frame = frame_of(network, Image.new("RGB", (300, 300)), "0")
    assert len(frame.levels) == 64 * frame.side**2 <= 400_000
