from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import convolve
from skimage.measure import block_reduce
from torch import Tensor, nn

from convviz.errors import NetworkError, SettingError
from convviz.features.activations import (
    Activations,
    LayerSummary,
    activations,
    depth_trend,
    empty_by_depth,
    is_empty,
    measure,
    rank_correlation,
    salience,
)
from convviz.features.capture import capture, input_for
from convviz.formatting import percent
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layers
from convviz.weights.load import load
from tests.networks_for_tests import network_of


@pytest.fixture
def picture() -> Image.Image:
    """Red 0 in the left half, 255 in the right; no green, no blue."""
    image = Image.new("RGB", (4, 4))
    image.paste((255, 0, 0), (2, 0, 4, 4))
    return image


class Offset(nn.Module):
    """Subtract a half from red, so that its left half is negative."""

    def forward(self, batch: Tensor) -> Tensor:
        return batch - torch.tensor([0.5, 0.0, 0.0]).view(1, 3, 1, 1)


class TestByHand:
    """Red is −0.5 on the left and 0.5 on the right: channels are red, −2 × red and a dead one."""

    @pytest.fixture
    def network(self, red_channels: nn.Module) -> Network:
        return network_of(nn.Sequential(Offset(), *list(red_channels.children())[:3]))

    def test_a_layer_before_its_relu_is_judged_by_what_the_relu_lets_through(
        self, network: Network, picture: Image.Image
    ) -> None:
        result = activations(network, picture, "1")
        assert result.layer.pre_relu == "1"
        row = [[-0.5, -0.5, 0.5, 0.5], [1.0, 1.0, -1.0, -1.0], [-5.0] * 4]
        assert result.maps[:, 0].tolist() == row
        assert result.rectified[:, 0].tolist() == [[0, 0, 0.5, 0.5], [1.0, 1.0, 0, 0], [0] * 4]
        assert result.maximum.tolist() == [0.5, 1.0, 0.0]
        assert result.mean.tolist() == [0.25, 0.5, 0.0]
        assert result.active_share.tolist() == [0.5, 0.5, 0.0]
        assert result.empty().tolist() == [False, False, True]

    @pytest.mark.parametrize("name", ["2", "3"])
    def test_the_relu_in_place_and_the_pooling_find_the_same_empty_channel(
        self, network: Network, picture: Image.Image, name: str
    ) -> None:
        result = activations(network, picture, name)
        assert result.layer.pre_relu is None
        assert result.rectified is result.maps
        assert result.maximum.tolist() == [0.5, 1.0, 0.0]
        assert result.empty().tolist() == [False, False, True]

    def test_the_threshold_is_a_share_of_the_layers_largest_activation(
        self, network: Network, picture: Image.Image
    ) -> None:
        result = activations(network, picture, "2")
        assert result.empty(0.49).tolist() == [False, False, True]
        assert result.empty(0.5).tolist() == [True, False, True]  # at most: 0.5 counts as empty
        assert result.empty(1.0).tolist() == [True, True, True]
        assert result.empty_count(0.5) == 2

    @pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
    def test_a_threshold_outside_0_to_1_is_refused(
        self, network: Network, picture: Image.Image, threshold: float
    ) -> None:
        with pytest.raises(SettingError, match="outside 0 to 1"):
            activations(network, picture, "2").empty(threshold)

    def test_a_batch_norm_before_the_relu_is_the_gate(
        self, red_channels: nn.Module, picture: Image.Image
    ) -> None:
        norm = nn.BatchNorm2d(3)
        norm.bias.data = torch.tensor([-9.0, 0.0, 9.0])  # kills the first channel, wakes the third
        result = activations(
            network_of(nn.Sequential(red_channels.conv, norm, nn.ReLU(inplace=True))), picture, "0"
        )
        assert result.layer.pre_relu == "1"
        assert result.maps.amax((1, 2)).tolist() == [1.0, 0.0, -5.0]
        assert result.empty().tolist() == [True, True, False]
        assert result.maximum[2].item() == pytest.approx(4.0, abs=1e-3)

    def test_a_vector_is_a_row_of_maps_of_one_pixel(
        self, red_channels: nn.Module, picture: Image.Image
    ) -> None:
        result = activations(network_of(red_channels), picture, "fc")
        assert result.maps.shape == (2, 1, 1)
        assert result.maps.flatten().tolist() == [1.0, 0.0]

    def test_without_a_relu_negative_values_count_by_their_size(self, picture: Image.Image) -> None:
        conv = nn.Conv2d(3, 2, 1)
        conv.weight.data.zero_()
        conv.bias.data = torch.tensor([-3.0, 0.0])
        result = activations(network_of(nn.Sequential(conv)), picture, "0")
        assert result.rectified.amin().item() == -3.0
        assert result.strength.tolist() == [3.0, 0.0]
        assert result.maximum.tolist() == [-3.0, 0.0]
        assert result.mean.tolist() == [-3.0, 0.0]
        assert result.empty().tolist() == [False, True]

    def test_an_unknown_layer(self, network: Network, picture: Image.Image) -> None:
        with pytest.raises(NetworkError, match="99"):
            activations(network, picture, "99")


class TestOrder:
    @pytest.fixture
    def layer(self, red_channels: nn.Module) -> Layer:
        return layers(network_of(red_channels))[0]

    def test_orders(self, layer: Layer) -> None:
        maps = torch.tensor([[[1.0, 1.0]], [[9.0, 0.0]], [[0.0, 0.0]], [[1.0, 0.5]]])
        result = measure(layer, maps, None)
        assert result.order().tolist() == [0, 1, 2, 3]
        assert result.order("strength").tolist() == [1, 0, 3, 2]
        assert result.order("active").tolist() == [0, 3, 1, 2]
        with pytest.raises(SettingError, match="index, salience, strength, active"):
            result.order("size")  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("maxima", "sentence"),
        [
            ([1, 0, 0, 2], "2 of 4 channels (50 %) are empty for this image."),
            ([1, 0, 1, 2], "1 of 4 channels (25 %) is empty for this image."),
            ([1, 1, 1, 2], "None of the 4 channels is empty for this image."),
            ([0, 0], "All 2 channels are empty for this image."),
            ([0], "The only channel is empty for this image."),
            ([3], "The only channel is not empty for this image."),
        ],
    )
    def test_in_words(self, layer: Layer, maxima: list[int], sentence: str) -> None:
        maps = torch.tensor(maxima, dtype=torch.float32).view(-1, 1, 1)
        assert measure(layer, maps, None).sentence() == sentence


def test_empty_channels_beside_infinite_and_undefined_ones() -> None:
    maximum = torch.tensor([0.0, float("inf"), float("nan"), 2.0, 0.5])
    assert is_empty(maximum, 0.0).tolist() == [True, False, False, False, False]
    assert is_empty(maximum, 0.5).tolist() == [True, False, False, False, True]
    assert is_empty(torch.tensor([float("nan")]), 0.5).tolist() == [False]


def test_percentages() -> None:
    shares = [0, 0.0004, 0.012, 0.094, 0.17, 0.987, 0.995, 0.9996, 1]
    assert [percent(share) for share in shares] == [
        "0 %", "less than 0.1 %", "1.2 %", "9.4 %", "17 %", "99 %", "99.5 %", "more than 99.9 %",
        "100 %",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "source", "step"),
    [
        ("alexnet", "random", 1),
        ("googlenet", "bundled", 5),
        ("alexnet", "encoder", 1),
        ("vgg16", "encoder", 1),
    ],
)
def test_the_empty_channels_of_a_real_network_equal_those_computed_by_hand(
    name: str, source: str, step: int
) -> None:
    network = load(name, source)
    image = decode(sample("coffee").read())
    shown = layers(network)
    outputs = capture(network.module, input_for(network, image), [each.name for each in shown])
    for each in shown[::step]:
        result = activations(network, image, each.name)
        assert tuple(result.maps.shape) == (
            each.shape if len(each.shape) == 3 else (*each.shape, 1, 1)
        )
        assert torch.equal(result.maps.flatten(), outputs[each.name].flatten())
        through = outputs[each.pre_relu].relu() if each.pre_relu else outputs[each.name].abs()
        silent = [not channel.any().item() for channel in through[0]]
        assert result.empty().tolist() == silent


@pytest.fixture
def summaries_of(red_channels: nn.Module) -> Callable[[list[float]], list[LayerSummary]]:
    relu: Layer = next(layer for layer in layers(network_of(red_channels)) if layer.kind == "ReLU")

    def make(shares: list[float]) -> list[LayerSummary]:
        return [LayerSummary(relu, 100, round(100 * share), share) for share in shares]

    return make


def test_empty_by_depth_by_hand(red_channels: nn.Module) -> None:
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    result = empty_by_depth(network_of(red_channels), red)
    # channels: red, −2 × red and a dead one; the last layer's output is a vector
    assert [(each.layer.name, each.channels, each.empty) for each in result] == [
        ("conv", 3, 2),
        ("relu", 3, 2),
        ("pool", 3, 2),
    ]
    assert result[0].share == pytest.approx(2 / 3)


@pytest.mark.parametrize(("name", "threshold"), [("alexnet", 0.0), ("googlenet", 0.3)])
def test_one_pass_finds_what_a_pass_per_layer_finds(name: str, threshold: float) -> None:
    network = load(name, weights="random")
    image = decode(sample("cat").read())
    result = empty_by_depth(network, image, threshold)
    shown = [layer for layer in layers(network) if not layer.detail and len(layer.shape) == 3]
    assert [each.layer for each in result] == shown
    for each in result[::7]:
        alone = activations(network, image, each.layer.name)
        assert each.empty == alone.empty_count(threshold)
        assert each.channels == alone.channels


def test_a_network_of_vectors_only() -> None:
    network = network_of(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)))
    result = empty_by_depth(network, Image.new("RGB", (4, 4)))
    assert result == ()
    assert "too few layers" in depth_trend(result)


def test_a_threshold_outside_0_to_1(red_channels: nn.Module) -> None:
    with pytest.raises(SettingError):
        empty_by_depth(network_of(red_channels), Image.new("RGB", (4, 4)), 2)


class TestTrend:
    @pytest.mark.parametrize(
        ("shares", "claim", "numbers"),
        [
            ([0.0, 0.02, 0.04, 0.2, 0.3, 0.5], "grows with depth", ("1.0 %", "40 %", "+1.00")),
            ([0.5, 0.3, 0.2, 0.04, 0.02, 0.0], "falls with depth", ("40 %", "1.0 %", "−1.00")),
            ([0.1, 0.5, 0.0, 0.4, 0.2, 0.3], "shows no clear trend", ("30 %", "25 %", "6 ")),
            # perfectly ranked, but by next to nothing
            ([0.1, 0.101, 0.102, 0.103, 0.104, 0.105], "shows no clear trend", ("+1.00",)),
            # three layers in a row may be chance
            (
                [0.1, 0.2, 0.3],
                "rises here, but 3 layers are too few to call it a trend",
                ("10 %", "30 %", "first of the 3"),
            ),
        ],
    )
    def test_claims_follow_the_numbers(
        self,
        summaries_of: Callable[[list[float]], list[LayerSummary]],
        shares: list[float],
        claim: str,
        numbers: tuple[str, ...],
    ) -> None:
        sentence = depth_trend(summaries_of(shares))
        assert claim in sentence
        for number in numbers:
            assert number in sentence

    def test_no_change_at_all(
        self, summaries_of: Callable[[list[float]], list[LayerSummary]]
    ) -> None:
        assert "does not change with depth: it is 0 %" in depth_trend(summaries_of([0, 0, 0, 0]))

    def test_a_convolution_does_not_count_beside_its_relu(self, red_channels: nn.Module) -> None:
        conv, relu = layers(network_of(red_channels))[:2]
        summaries = []
        for share in (0.0, 0.1, 0.2, 0.4, 0.6):
            summaries += [LayerSummary(conv, 10, 10, 1.0 - share)] * 3
            summaries.append(LayerSummary(relu, 10, 1, share))
        assert "grows with depth" in depth_trend(summaries)
        assert "5 layers with a ReLU" in depth_trend(summaries)


def test_rank_correlation_by_hand() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 30]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [5, 4, 3]) == pytest.approx(-1)
    # ranks 1, 2, 3, 4 against 2, 1, 4, 3: 1 − 6 × (1 + 1 + 1 + 1) / (4 × 15) = 0.6
    assert rank_correlation([1, 2, 3, 4], [20, 10, 40, 30]) == pytest.approx(0.6)
    # a tie shares its mean rank: 1.5, 1.5, 3 against 1, 2, 3 gives 1.5 / √(1.5 × 2)
    assert rank_correlation([7, 7, 9], [1, 2, 3]) == pytest.approx(1.5 / 3**0.5)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) == 0.0
    assert torch.tensor(rank_correlation([1], [1])).item() == 0.0


def of_maps(*maps: list[list[float]]) -> Activations:
    values = torch.tensor(maps)
    shape = tuple(values.shape)
    return measure(Layer("x", "x", "ReLU", "x", shape, 0, False, None, (), True), values)


def single(side: int, row: int, column: int, value: float) -> list[list[float]]:
    return [[value * (i == row and j == column) for j in range(side)] for i in range(side)]


class TestSalience:
    """What one would see of a map: its energy and its contrast in space."""

    def test_one_hot_value_worked_out_by_hand(self) -> None:
        # Averaged with weights (1 2 1; 2 4 2; 1 2 1) / 16, of which the squares sum to 36 / 256.
        # 16 · 16 · 36 / 256 = 36; of 8 × 8 values the 6 × 6 inner ones count.
        answer = of_maps(single(8, 3, 4, 16.0)).salience
        assert answer.tolist() == pytest.approx([sqrt(36 / 36 - (16 / 36) ** 2)])

    def test_against_scipys_filter(self) -> None:
        maps = torch.rand(7, 9, 6, generator=torch.Generator().manual_seed(3))
        kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
        by_scipy = [
            float(np.std(convolve(one[1:-1, 1:-1], kernel, mode="nearest")))
            for one in maps.double().numpy()
        ]
        assert salience(maps).tolist() == pytest.approx(by_scipy, rel=1e-5)
        assert salience(-3 * maps).tolist() == pytest.approx([3 * x for x in by_scipy], rel=1e-5)

    def test_large_maps_are_averaged_in_blocks_first(self) -> None:
        maps = torch.rand(3, 230, 170, generator=torch.Generator().manual_seed(4))
        kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
        # Of 228 × 168 inner values blocks of 3 × 3: 168 is three times 56.
        blocks = [block_reduce(one[1:-1, 1:-1], 3, np.mean) for one in maps.double().numpy()]
        by_scipy = [float(np.std(convolve(one, kernel, mode="nearest"))) for one in blocks]
        assert blocks[0].shape == (76, 56)
        assert salience(maps).tolist() == pytest.approx(by_scipy, rel=1e-5)

    def test_a_patch_beats_one_hot_value_and_both_beat_what_is_flat(self) -> None:
        hot = single(8, 3, 4, 1.0)
        patch = [[0.4 * (2 <= i < 6 and 2 <= j < 6) for j in range(8)] for i in range(8)]
        flat, empty = [[5.0] * 8] * 8, [[0.0] * 8] * 8
        result = of_maps(empty, flat, hot, patch)
        assert result.salience[:2].tolist() == [0.0, 0.0]
        assert result.order("salience").tolist() == [3, 2, 1, 0]
        assert result.order("strength").tolist() == [1, 2, 3, 0]

    def test_a_frame_that_the_padding_draws_does_not_count(self) -> None:
        side = range(6)
        frame = [[9.0 * (i in (0, 5) or j in (0, 5)) for j in side] for i in side]
        result = of_maps(frame, single(6, 2, 2, 0.1))
        assert result.salience[0] == 0
        assert result.order("salience").tolist() == [1, 0]

    def test_equals_stay_in_the_order_of_their_index(self) -> None:
        result = of_maps([[0.0, 0.0]], [[1.0, 2.0]], [[0.0, 0.0]], [[1.0, 2.0]])
        assert result.order("salience").tolist() == [1, 3, 0, 2]

    def test_maps_of_one_position_are_ordered_by_their_value(self) -> None:
        result = of_maps([[-2.0]], [[3.0]], [[0.5]])
        assert result.salience.tolist() == [-2.0, 3.0, 0.5]
        assert result.order("salience").tolist() == [1, 2, 0]

    @pytest.mark.parametrize("shape", [(1, 2), (2, 1), (2, 2), (1, 9), (3, 3)])
    def test_narrow_maps_keep_their_contrast(self, shape: tuple[int, int]) -> None:
        maps = torch.zeros(1, *shape)
        maps[0, 0, 0] = 1.0
        assert float(salience(maps)) > 0.1

    def test_infinite_numbers_come_first_and_not_a_numbers_last(self) -> None:
        nan, inf = float("nan"), float("inf")
        result = of_maps([[nan, 9.0]], [[0.0, 0.0]], [[inf, 1.0]], [[1.0, 2.0]])
        assert result.order("salience").tolist() == [2, 3, 1, 0]

    @pytest.mark.parametrize("size", [1e-30, 1e30])
    def test_the_scale_of_a_layer_does_not_matter(self, size: float) -> None:
        maps = torch.rand(3, 5, 5, generator=torch.Generator().manual_seed(1))
        assert torch.allclose(salience(maps * size) / size, salience(maps), rtol=1e-5)

    def test_a_layer_before_its_relu_is_judged_by_what_the_relu_lets_through(self) -> None:
        maps = torch.tensor([[[-9.0, -1.0]], [[1.0, 2.0]]])
        layer = Layer("x", "x", "convolution", "x", (2, 1, 2), 0, False, "x", (), True)
        assert measure(layer, maps).order("salience").tolist() == [1, 0]
