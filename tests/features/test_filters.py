"""Kernels, their norms, their order and what they look at."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from convviz.errors import SettingError
from convviz.features.filters import Filters, filter_layers, filters
from convviz.networks.network import Network
from convviz.structure.layers import layer
from convviz.weights.load import load
from tests.networks_for_tests import network_of


@pytest.fixture
def network() -> Network:
    parts = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.ReLU(), nn.Conv2d(4, 4, 1, groups=2))
    parts[0].weight.data = torch.tensor(
        [[3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0, 0.1, 0.0], [0.0, 1.0, 1.0]]
    ).reshape(4, 3, 1, 1)
    parts[2].weight.data = torch.tensor([[1.0, -2.0], [1.0, 0.0], [0.0, 1.0], [5.0, 4.0]]).reshape(
        4, 2, 1, 1
    )
    return network_of(parts)


def test_norms_and_orders_by_hand(network: Network) -> None:
    result = filters(network, layer(network, "0"))
    assert result.norms.tolist() == pytest.approx([3, 1, 4.01**0.5, 2**0.5])
    assert result.order("norm").tolist() == [0, 2, 3, 1]
    # 2 points almost where 0 does; of the others 1 shares a little green with 2, then comes 3.
    assert result.order("similarity").tolist() == [0, 2, 1, 3]
    assert result.order().tolist() == [0, 1, 2, 3]
    assert result.largest == 3
    assert result.sees_colours


def test_inputs_of_groups_have_their_own_numbers(network: Network) -> None:
    result = filters(network, layer(network, "2"))
    assert result.strongest_inputs(0).tolist() == [1, 0]
    assert [result.input_channel(0, place) for place in (0, 1)] == [0, 1]
    assert [result.input_channel(3, place) for place in (0, 1)] == [2, 3]
    assert not result.sees_colours


def test_the_histogram_counts_every_weight(network: Network) -> None:
    result = filters(network, layer(network, "0"))
    counts, centres = result.histogram(bins=3)
    assert centres.tolist() == pytest.approx([-2, 0, 2])
    assert counts.tolist() == [0, 9 + 1, 2] or counts.sum() == 12
    assert result.histogram(bound=1.5)[0].sum() == 10


def test_a_filter_of_zeros_is_like_no_other() -> None:
    from convviz.features.filters import Filters

    kernels = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).reshape(2, 2, 1, 1)
    result = Filters(None, "x", kernels, 1, kernels.flatten(1).norm(dim=1))  # type: ignore[arg-type]
    assert result.similarity().tolist() == [[0, 0], [0, 1]]
    assert result.order("similarity").tolist() == [1, 0]


@pytest.mark.parametrize(
    ("name", "first", "shape", "count"),
    [
        ("alexnet", "features.0", (64, 3, 11, 11), 5),
        ("vgg16", "features.0", (64, 3, 3, 3), 13),
        ("googlenet", "conv1", (64, 3, 7, 7), 57),
    ],
)
def test_the_first_layers_of_the_three_networks(
    name: str, first: str, shape: tuple[int, ...], count: int
) -> None:
    source = "bundled" if name == "googlenet" else "random"
    network = load(name, source, fetch=False)
    listed = filter_layers(network)
    assert len(listed) == count
    assert listed[0].name == first
    result = filters(network, listed[0])
    assert tuple(result.kernels.shape) == shape
    assert result.sees_colours


def test_what_has_no_kernels_is_refused(network: Network) -> None:
    with pytest.raises(SettingError, match="no kernels"):
        filters(network, layer(network, "1"))
    with pytest.raises(SettingError, match="ordered"):
        filters(network, layer(network, "0")).order("size")  # type: ignore[arg-type]


def test_one_large_weight_does_not_leave_the_others_pale(network: Network) -> None:
    colours = filters(network, layer(network, "0"))
    assert colours.reach == colours.largest == 3
    kernels = torch.full((100, 2, 3, 3), 0.25)
    kernels[:, 0] = 0.5  # the strongest slice of each
    kernels[7, 0, 1, 1] = 50.0
    taken = Filters(colours.layer, "0", kernels, 1, kernels.flatten(1).norm(dim=1))
    assert taken.reach == 0.5
    assert taken.share_beyond(taken.reach) == pytest.approx(1 / 1800)
    assert replace(taken, kernels=torch.zeros(4, 2, 1, 1)).reach == 0
