from collections.abc import Callable

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import NetworkError, SettingError
from convviz.features.activations import activations, empty_channels, measure
from convviz.features.capture import capture, input_for
from convviz.formatting import percent
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layers
from convviz.weights.load import load

Wrap = Callable[..., Network]


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
    def network(self, tiny: nn.Module, network_of: Wrap) -> Network:
        return network_of(nn.Sequential(Offset(), *list(tiny.children())[:3]))

    def test_a_layer_before_its_relu_is_judged_by_what_the_relu_lets_through(
        self, network: Network, picture: Image.Image
    ) -> None:
        found = activations(network, picture, "1")
        assert found.layer.pre_relu == "1"
        row = [[-0.5, -0.5, 0.5, 0.5], [1.0, 1.0, -1.0, -1.0], [-5.0] * 4]
        assert found.maps[:, 0].tolist() == row
        assert found.rectified[:, 0].tolist() == [[0, 0, 0.5, 0.5], [1.0, 1.0, 0, 0], [0] * 4]
        assert found.maximum.tolist() == [0.5, 1.0, 0.0]
        assert found.mean.tolist() == [0.25, 0.5, 0.0]
        assert found.active_share.tolist() == [0.5, 0.5, 0.0]
        assert found.empty().tolist() == [False, False, True]

    @pytest.mark.parametrize("name", ["2", "3"])
    def test_the_relu_in_place_and_the_pooling_find_the_same_empty_channel(
        self, network: Network, picture: Image.Image, name: str
    ) -> None:
        found = activations(network, picture, name)
        assert found.layer.pre_relu is None
        assert found.rectified is found.maps
        assert found.maximum.tolist() == [0.5, 1.0, 0.0]
        assert found.empty().tolist() == [False, False, True]

    def test_the_threshold_is_a_share_of_the_layers_largest_activation(
        self, network: Network, picture: Image.Image
    ) -> None:
        found = activations(network, picture, "2")
        assert found.empty(0.49).tolist() == [False, False, True]
        assert found.empty(0.5).tolist() == [True, False, True]  # at most: 0.5 counts as empty
        assert found.empty(1.0).tolist() == [True, True, True]
        assert (found.empty_count(0.5), found.empty_share(0.5)) == (2, 2 / 3)

    @pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
    def test_a_threshold_outside_0_to_1_is_refused(
        self, network: Network, picture: Image.Image, threshold: float
    ) -> None:
        with pytest.raises(SettingError, match="outside 0 to 1"):
            activations(network, picture, "2").empty(threshold)

    def test_a_batch_norm_before_the_relu_is_the_gate(
        self, tiny: nn.Module, network_of: Wrap, picture: Image.Image
    ) -> None:
        norm = nn.BatchNorm2d(3)
        norm.bias.data = torch.tensor([-9.0, 0.0, 9.0])  # kills the first channel, wakes the third
        found = activations(
            network_of(nn.Sequential(tiny.conv, norm, nn.ReLU(inplace=True))), picture, "0"
        )
        assert found.layer.pre_relu == "1"
        assert found.maps.amax((1, 2)).tolist() == [1.0, 0.0, -5.0]
        assert found.empty().tolist() == [True, True, False]
        assert found.maximum[2].item() == pytest.approx(4.0, abs=1e-3)

    def test_a_vector_is_a_row_of_maps_of_one_pixel(
        self, tiny: nn.Module, network_of: Wrap, picture: Image.Image
    ) -> None:
        found = activations(network_of(tiny), picture, "fc")
        assert found.maps.shape == (2, 1, 1)
        assert found.maps.flatten().tolist() == [1.0, 0.0]

    def test_without_a_relu_negative_values_count_by_their_size(
        self, network_of: Wrap, picture: Image.Image
    ) -> None:
        conv = nn.Conv2d(3, 2, 1)
        conv.weight.data.zero_()
        conv.bias.data = torch.tensor([-3.0, 0.0])
        found = activations(network_of(nn.Sequential(conv)), picture, "0")
        assert found.rectified.amin().item() == -3.0
        assert found.maximum.tolist() == [3.0, 0.0]
        assert found.mean.tolist() == [3.0, 0.0]
        assert found.empty().tolist() == [False, True]

    def test_an_unknown_layer(self, network: Network, picture: Image.Image) -> None:
        with pytest.raises(NetworkError, match="99"):
            activations(network, picture, "99")


class TestOrder:
    @pytest.fixture
    def layer(self, tiny: nn.Module, network_of: Wrap) -> Layer:
        return layers(network_of(tiny))[0]

    def test_orders(self, layer: Layer) -> None:
        maps = torch.tensor([[[1.0, 1.0]], [[9.0, 0.0]], [[0.0, 0.0]], [[1.0, 0.5]]])
        found = measure(layer, maps, None)
        assert found.order().tolist() == [0, 1, 2, 3]
        assert found.order("strength").tolist() == [1, 0, 3, 2]
        assert found.order("active").tolist() == [0, 3, 1, 2]
        with pytest.raises(SettingError, match="index, strength, active"):
            found.order("size")  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("maxima", "sentence"),
        [
            ([1, 0, 0, 2], "2 of 4 channels (50 %) are empty for this image."),
            ([1, 0, 1, 2], "1 of 4 channels (25 %) is empty for this image."),
            ([1, 1, 1, 2], "None of 4 channels is empty for this image."),
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
    assert empty_channels(maximum, 0.0).tolist() == [True, False, False, False, False]
    assert empty_channels(maximum, 0.5).tolist() == [True, False, False, False, True]
    assert empty_channels(torch.tensor([float("nan")]), 0.5).tolist() == [False]


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
        pytest.param("alexnet", "encoder", 1, marks=pytest.mark.weights),
        pytest.param("vgg16", "encoder", 1, marks=pytest.mark.weights),
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
        found = activations(network, image, each.name)
        assert tuple(found.maps.shape) == (
            each.shape if len(each.shape) == 3 else (*each.shape, 1, 1)
        )
        assert torch.equal(found.maps.flatten(), outputs[each.name].flatten())
        through = outputs[each.pre_relu].relu() if each.pre_relu else outputs[each.name].abs()
        silent = [not channel.any().item() for channel in through[0]]
        assert found.empty().tolist() == silent
