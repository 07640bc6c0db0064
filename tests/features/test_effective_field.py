"""Theoretical boxes equal the gradient's support; effective fields by hand."""

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.errors import SettingError
from convviz.features.effective_field import Box, box, core, effective_field, support
from convviz.networks.registry import spec
from convviz.structure.layers import layer
from tests.networks_for_tests import network_of


@pytest.fixture
def picture() -> Image.Image:
    return Image.new("RGB", (12, 12), (200, 100, 50))


def _all_seeing(module: nn.Module) -> nn.Module:
    """Make every dependency a positive gradient: positive weights, averages for maxima."""
    for name, part in list(module.named_modules()):
        if isinstance(part, nn.MaxPool2d):
            average = nn.AvgPool2d(
                part.kernel_size,
                part.stride,
                part.padding,
                ceil_mode=part.ceil_mode,
                count_include_pad=False,
            )
            module.get_submodule(name.rpartition(".")[0])._modules[name.rpartition(".")[2]] = (
                average
            )
        if isinstance(part, nn.Conv2d | nn.Linear):
            fan_in = part.weight[0].numel()
            part.weight = nn.Parameter(torch.full(part.weight.shape, 1 / fan_in))
            if part.bias is not None:
                part.bias = nn.Parameter(torch.zeros(part.bias.shape))
        if isinstance(part, nn.BatchNorm2d):
            fresh = nn.BatchNorm2d(part.num_features)
            module.get_submodule(name.rpartition(".")[0])._modules[name.rpartition(".")[2]] = fresh
    return module.eval()


@pytest.mark.parametrize(
    ("name", "layer_name"),
    [
        ("alexnet", "features.3"),
        ("alexnet", "features.12"),
        ("vgg11", "features.10"),
        ("googlenet", "inception3b"),
        ("googlenet", "inception4a.branch3.1"),
    ],
)
def test_boxes_equal_the_gradients_support(
    name: str, layer_name: str, picture: Image.Image
) -> None:
    described = spec(name)
    size = 128
    network = network_of(_all_seeing(described.build()), side=size)
    height, width = layer(network, layer_name).shape[1:]
    places = [(0, 0), (height - 1, width - 1), (height // 2, 0), (height // 2, width // 3)]
    for row, column in places:
        field = effective_field(network, picture, layer_name, 0, row, column)
        assert field.support == box(network, layer_name, row, column, 0)


def test_a_box_is_cut_at_the_borders() -> None:
    network = network_of(nn.Sequential(nn.Conv2d(3, 1, 3, padding=1), nn.MaxPool2d(2)), side=8)
    assert box(network, "0", 0, 0) == Box(0, 0, 2, 2)
    assert box(network, "0", 3, 7) == Box(2, 6, 5, 8)
    assert box(network, "1", 0, 0) == Box(0, 0, 3, 3)
    assert box(network, "1", 1, 3) == Box(1, 5, 5, 8)
    assert box(network, "1", 1, 3).width == 3


def test_a_fully_connected_layer_sees_everything() -> None:
    parts = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 4))
    assert box(network_of(parts, side=8), "3", 0, 0) == Box(0, 0, 8, 8)


def test_the_effective_field_is_the_gradient(picture: Image.Image) -> None:
    convolution = nn.Conv2d(3, 1, 3, padding=1)
    weights = torch.arange(27.0).reshape(1, 3, 3, 3) - 13
    convolution.weight = nn.Parameter(weights)
    network = network_of(nn.Sequential(convolution), side=8)
    field = effective_field(network, picture, "0", 0, 4, 5)
    expected = torch.zeros(8, 8)
    expected[3:6, 4:7] = weights[0].abs().sum(0)
    torch.testing.assert_close(field.weights, expected)
    assert field.support == Box(3, 4, 6, 7)


def test_nothing_matters_to_a_number_that_the_relu_holds_back(
    picture: Image.Image, red_channels: nn.Module
) -> None:
    field = effective_field(network_of(red_channels), picture, "relu", 2, 0, 0)
    assert field.value == 0
    assert (field.support, field.core) == (None, None)


def test_the_core_holds_half_of_the_sum() -> None:
    weights = torch.zeros(9, 9)
    weights[4, 4] = 5
    weights[0, 4] = weights[8, 4] = 2
    assert core(weights) == Box(4, 4, 5, 5)
    assert core(weights, 0.9) == Box(0, 0, 9, 9)
    assert support(weights) == Box(0, 4, 9, 5)
    assert core(torch.zeros(3, 3)) is None


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (0, 8), (8, 0)])
def test_positions_outside_the_map_are_refused(row: int, column: int) -> None:
    network = network_of(nn.Sequential(nn.Conv2d(3, 1, 1)), side=8)
    with pytest.raises(SettingError, match="8 × 8"):
        box(network, "0", row, column)
