"""The windows of a map give each of its numbers, by the arithmetic that the browser does."""

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.features.activations import activations
from convviz.features.arithmetic import arithmetic
from convviz.features.arithmetic_steps import Normalised, Opaque, Rectified, WeightedSum
from convviz.features.sliding_window import SlidingWindow, sliding_window
from convviz.structure.layers import layers
from convviz.weights.load import load
from tests.networks_for_tests import network_of


def number_at(window: SlidingWindow, row: int, column: int) -> float:
    """Compute one number from its window, product by product."""
    (top, tall, down), (left, wide, across) = window.rows[row], window.columns[column]
    rows = [top + i * down for i in range(tall)]
    columns = [left + j * across for j in range(wide)]
    patch = [[[float(each[i, j]) for j in columns] for i in rows] for each in window.inputs]
    if window.kind == "sum":
        value = float(window.rest[row, column]) + (window.bias or 0.0)
        for kernel, values in zip(window.kernel.tolist(), patch, strict=True):
            for weights, inputs in zip(kernel, values, strict=True):
                value += sum(w * x for w, x in zip(weights, inputs, strict=True))
    else:
        flat = [x for values in patch[0] for x in values]
        value = max(flat) if window.kind == "maximum" else sum(flat)
        value /= 1 if window.kind == "maximum" else int(window.divisors[row, column])
    for stage in window.after:
        if isinstance(stage, Normalised):
            spread = (stage.variance + stage.epsilon) ** 0.5
            value = (value - stage.mean) / spread * stage.scale + stage.shift
        if isinstance(stage, Rectified):
            value = max(value, 0.0)
    return value


def check(window: SlidingWindow | None, maps: Tensor, channel: int, every: int = 1) -> None:
    assert window is not None
    assert window.numbers.flatten().tolist() == maps[channel].flatten().tolist()
    height, width = window.numbers.shape
    assert (len(window.rows), len(window.columns)) == (height, width)
    scale = float(window.inputs.abs().max()) * max(1.0, float(window.kernel.abs().sum()))
    for row in {*range(0, height, every), height - 1}:
        for column in {*range(0, width, every), width - 1}:
            expected = float(window.numbers[row, column])
            assert number_at(window, row, column) == pytest.approx(
                expected, abs=1e-5 + 1e-6 * scale
            ), (row, column)


@pytest.mark.parametrize(
    "parts",
    [
        [nn.Conv2d(3, 2, 3, padding=1), nn.ReLU(inplace=True)],
        [nn.Conv2d(3, 2, (3, 1), stride=2, padding=(2, 1))],
        [nn.Conv2d(3, 4, 2), nn.Conv2d(4, 6, 2, groups=2, dilation=2, padding="same")],
        [nn.Conv2d(3, 2, 3, padding=1, padding_mode="reflect", bias=False), nn.BatchNorm2d(2)],
        [nn.Conv2d(3, 3, 3, padding=1, groups=3)],
        [nn.MaxPool2d(3, 2, padding=1, ceil_mode=True)],
        [nn.AvgPool2d(3, 2, padding=1, ceil_mode=True)],
        [nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)],
        [nn.AvgPool2d(2, divisor_override=3)],
        [nn.AdaptiveAvgPool2d((3, 2))],
        [nn.AdaptiveMaxPool2d(3)],
        [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(12, 5)],
    ],
    ids=lambda parts: str(parts[0]) if isinstance(parts, list) else None,
)
def test_every_position_of_every_map(parts: list[nn.Module], noise: Image.Image) -> None:
    torch.manual_seed(0)
    network = network_of(nn.Sequential(*parts), side=8)
    for each in layers(network):
        maps = activations(network, noise, each.name).maps
        for channel in (0, each.shape[0] - 1):
            window = sliding_window(network, noise, each.name, channel)
            first = arithmetic(network, noise, each.name, channel, 0, 0).stages[0]
            if isinstance(first, Opaque):
                assert window is None
            else:
                check(window, maps, channel)


@pytest.mark.parametrize(
    ("name", "weights", "some"),
    [
        ("alexnet", "encoder", ("features.0", "features.2", "features.7")),
        ("alexnet", "random", ("classifier.1",)),
        ("googlenet", "bundled", ("conv1", "inception4a", "inception3a.branch4.0", "avgpool")),
    ],
)
def test_the_windows_of_the_courses_networks(
    name: str, weights: str, some: tuple[str, ...], cat: Image.Image
) -> None:
    network = load(name, weights, fetch=False)
    for layer_name in some:
        maps = activations(network, cat, layer_name).maps
        check(sliding_window(network, cat, layer_name, 3), maps, 3, every=17)


def test_a_kernel_by_hand() -> None:
    convolution = nn.Conv2d(3, 1, 3, padding=1, stride=2)
    convolution.weight = nn.Parameter(torch.arange(27.0).reshape(1, 3, 3, 3))
    convolution.bias = nn.Parameter(torch.tensor([-0.5]))
    network = network_of(nn.Sequential(convolution, nn.ReLU()), side=4)
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    window = sliding_window(network, red, "1", 0)
    assert window is not None
    assert window.source == ""
    assert window.channels == (0, 1, 2)
    assert window.padding == (1, 1, 1, 1)
    assert window.rows == window.columns == ((0, 3, 1), (2, 3, 1))
    assert window.inputs[0].sum() == 16  # red is 1 on the map and 0 around it
    assert window.on_map.sum() == 16
    assert window.on_map[0].sum() == 0
    assert window.bias == -0.5
    assert window.others == 0
    # The first corner sees the weights 4, 5, 7 and 8; the last position all but padding: 0 to 8.
    assert float(window.numbers[0, 0]) == 4 + 5 + 7 + 8 - 0.5
    assert float(window.numbers[1, 1]) == sum(range(9)) - 0.5


def test_what_does_not_fit_is_added_up(noise: Image.Image) -> None:
    torch.manual_seed(1)
    second = nn.Conv2d(5, 2, 3)
    with torch.no_grad():
        second.weight[:, [0, 2, 3]] *= 0.01
    network = network_of(nn.Sequential(nn.Conv2d(3, 5, 3), second), side=8)
    maps = activations(network, noise, "1").maps
    window = sliding_window(network, noise, "1", 1, most_bytes=2 * 6 * 6 * 4)
    assert window is not None
    assert window.channels == (1, 4)
    assert window.others == 3
    check(window, maps, 1)
    stage = arithmetic(network, noise, "1", 1, 2, 3).stages[0]
    assert isinstance(stage, WeightedSum)
    weak = sum(float(stage.contributions[index]) for index in (0, 2, 3))
    assert float(window.rest[2, 3]) == pytest.approx(weak, abs=1e-9)
    one = sliding_window(network, noise, "1", 1, most_bytes=0)
    assert one is not None
    assert len(one.channels) == 1
    check(one, maps, 1)


def test_a_way_of_computing_that_is_not_known_has_no_windows(noise: Image.Image) -> None:
    class Odd(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return batch.sin()

    network = network_of(nn.Sequential(Odd(), nn.ReLU()), side=8)
    assert sliding_window(network, noise, "1", 0) is None
