"""The arithmetic ends in the map's number, for every kind of layer of the three networks."""

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import SettingError
from convviz.features.activations import activations
from convviz.features.arithmetic import arithmetic
from convviz.features.arithmetic_steps import (
    BranchChoice,
    Normalised,
    Opaque,
    Pooled,
    Rectified,
    Stage,
    WeightedSum,
)
from convviz.structure.layers import layer, layers
from convviz.weights.load import load
from tests.networks_for_tests import network_of


def _rounding(stages: tuple[Stage, ...]) -> float:
    """How far float32 sums of these terms may lie from the exact ones."""
    bound = 1e-6
    for stage in stages:
        if isinstance(stage, WeightedSum):
            bound += 4e-6 * (float(stage.products.abs().sum()) + abs(stage.bias))
        if isinstance(stage, Pooled):
            bound += 1e-6 * float(stage.window.abs().sum()) / stage.divisor
        if isinstance(stage, Normalised):
            gain = abs(stage.scale) / (stage.variance + stage.epsilon) ** 0.5
            bound = bound * gain + 2e-6 * ((abs(stage.before) + abs(stage.mean)) * gain + 1)
    return bound


@pytest.mark.parametrize(
    ("name", "weights", "some"),
    [
        ("alexnet", "random", None),
        (
            "googlenet",
            "bundled",
            ("conv1", "maxpool1", "conv2", "inception3a", "inception3a.branch1"),
        ),
        ("googlenet", "bundled", ("inception4a.branch4.0", "inception4a.branch4.1", "conv1.bn")),
        (
            "googlenet",
            "bundled",
            ("inception4a", "inception4a.branch2.1", "avgpool", "fc", "maxpool4"),
        ),
        (
            "vgg11_bn",
            "random",
            ("features.0", "features.1", "features.2", "features.3", "classifier.4"),
        ),
        ("vgg16", "random", ("features.0", "features.15", "features.16", "classifier.0")),
    ],
)
def test_every_kind_of_layer_ends_in_the_maps_number(
    name: str, weights: str, some: tuple[str, ...] | None, cat: Image.Image
) -> None:
    network = load(name, weights, fetch=False)
    for candidate in layers(network):
        if some is not None and candidate.name not in some:
            continue
        height, width = candidate.shape[1:] or (1, 1)
        maps = activations(network, cat, candidate.name).maps
        places = [(0, 0, 0), (candidate.shape[0] - 1, height - 1, width - 1)]
        strongest = int(maps.flatten().argmax())
        places.append(
            (strongest // (height * width), strongest // width % height, strongest % width)
        )
        for channel, row, column in places:
            result = arithmetic(network, cat, candidate.name, channel, row, column)
            assert result.number == float(maps[channel, row, column])
            assert result.difference <= _rounding(result.stages), candidate.name
            assert not isinstance(result.stages[0], Opaque)


def test_a_convolution_by_hand() -> None:
    convolution = nn.Conv2d(3, 2, 3, padding=1)
    convolution.weight = nn.Parameter(torch.ones(2, 3, 3, 3))
    convolution.bias = nn.Parameter(torch.tensor([0.0, -0.5]))
    network = network_of(nn.Sequential(convolution, nn.ReLU(inplace=True)), side=4)
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    result = arithmetic(network, red, "1", 1, 0, 0)
    sum_, relu = result.stages
    assert isinstance(sum_, WeightedSum)
    assert sum_.source == ""
    assert sum_.contributions.tolist() == [4.0, 0.0, 0.0]  # a corner: four of nine positions
    assert sum_.inside.sum() == 4
    assert relu == Rectified(3.5)
    assert result.number == result.result == 3.5


def test_channels_are_sorted_by_contribution(noise: Image.Image) -> None:
    network = network_of(nn.Sequential(nn.Conv2d(3, 5, 3), nn.Conv2d(5, 1, 3)), side=8)
    sum_ = arithmetic(network, noise, "1", 0, 1, 2).stages[0]
    assert isinstance(sum_, WeightedSum)
    assert sum_.source == "0"
    sizes = sum_.contributions.abs()[sum_.order()]
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)


def test_groups_strides_and_dilation(noise: Image.Image) -> None:
    torch.manual_seed(0)
    parts = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=(2, 1)),
        nn.Conv2d(4, 6, 2, groups=2, dilation=2, padding="same", padding_mode="reflect"),
    )
    network = network_of(parts, side=8)
    maps = activations(network, noise, "1").maps
    for channel, row, column in [(0, 0, 0), (5, 4, 3), (3, 2, 1)]:
        result = arithmetic(network, noise, "1", channel, row, column)
        first = result.stages[0]
        assert isinstance(first, WeightedSum)
        assert first.first == (0 if channel < 3 else 2)
        assert result.result == pytest.approx(float(maps[channel, row, column]), abs=1e-6)


@pytest.mark.parametrize(
    "pooling",
    [
        nn.MaxPool2d(3, 2, padding=1, ceil_mode=True),
        nn.AvgPool2d(3, 2, padding=1, ceil_mode=True),
        nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
        nn.AvgPool2d(2, divisor_override=3),
        nn.AdaptiveAvgPool2d((3, 2)),
        nn.AdaptiveMaxPool2d(3),
    ],
)
def test_pooling_windows_at_the_borders(pooling: nn.Module, noise: Image.Image) -> None:
    network = network_of(nn.Sequential(pooling), side=8)
    maps = activations(network, noise, "0").maps
    for row in range(maps.shape[1]):
        for column in range(maps.shape[2]):
            result = arithmetic(network, noise, "0", 2, row, column)
            assert isinstance(result.stages[0], Pooled)
            assert result.result == pytest.approx(float(maps[2, row, column]), abs=1e-6)


def test_the_winner_of_a_maximum() -> None:
    window = Pooled("x", "maximum", torch.tensor([[1.0, 5.0], [5.0, 2.0]]), 4, 6, 4)
    assert window.winner == (4, 7)


def test_a_concatenation_names_the_branch(cat: Image.Image) -> None:
    network = load("googlenet", "bundled", fetch=False)
    shape = layer(network, "inception4a").shape
    result = arithmetic(network, cat, "inception4a", shape[0] - 1, 2, 2)
    kinds = [type(stage) for stage in result.stages]
    assert kinds == [WeightedSum, Normalised, Rectified, BranchChoice]
    picked = result.stages[-1]
    assert isinstance(picked, BranchChoice)
    assert picked.branch.name == "inception4a.branch4.1"
    assert picked.channel == picked.branch.stop - picked.branch.start - 1


def test_a_flattened_map_counts_as_one_input_channel(cat: Image.Image) -> None:
    network = load("alexnet", "random", fetch=False)
    result = arithmetic(network, cat, "classifier.1", 7, 0, 0).stages[0]
    assert isinstance(result, WeightedSum)
    assert tuple(result.patch.shape) == (256, 6, 6)
    assert result.source == "avgpool"


def test_what_is_not_known_is_given_as_it_is(noise: Image.Image) -> None:
    class Odd(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return batch.sin()

    network = network_of(nn.Sequential(Odd(), nn.ReLU()), side=8)
    result = arithmetic(network, noise, "1", 0, 1, 1)
    assert isinstance(result.stages[0], Opaque)
    assert result.result == result.number


def test_channels_and_positions_outside_are_refused(
    red_channels: nn.Module, noise: Image.Image
) -> None:
    network = network_of(red_channels)
    with pytest.raises(SettingError, match="channel 3"):
        arithmetic(network, noise, "conv", 3, 0, 0)
    with pytest.raises(SettingError, match="2 × 2"):
        arithmetic(network, noise, "pool", 0, 2, 0)


def test_what_is_remembered_belongs_to_one_image(red_channels: nn.Module) -> None:
    network = network_of(red_channels)
    for _ in range(2):
        for red in (255, 51):
            image = Image.new("RGB", (4, 4), (red, 0, 0))
            result = arithmetic(network, image, "relu", 0, 0, 0)
            assert result.number == pytest.approx(red / 255)
            assert result.result == pytest.approx(red / 255)


@pytest.mark.parametrize("kind", ["relu6", "clamp", "module"])
def test_a_relu_that_ends_at_6_ends_the_arithmetic_there(kind: str) -> None:
    class Capped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c = nn.Conv2d(3, 2, 1)
            self.act = nn.ReLU6()

        def forward(self, x: Tensor) -> Tensor:
            y = self.c(x)
            if kind == "module":
                return self.act(y)
            return nn.functional.relu6(y) if kind == "relu6" else y.clamp(0, 6)

    module = nn.Sequential(Capped())
    with torch.no_grad():
        module[0].c.weight.zero_()
        module[0].c.bias.copy_(torch.tensor([8.25, 2.5]))
    network = network_of(module, side=4)
    name = "0.act" if kind == "module" else "0"
    for channel, before, after in ((0, 8.25, 6.0), (1, 2.5, 2.5)):
        result = arithmetic(network, Image.new("RGB", (4, 4)), name, channel, 1, 2)
        assert result.number == result.result == after
        assert result.stages[-1] == Rectified(before, 6.0)
