from collections.abc import Callable

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.errors import SettingError
from convviz.features.activations import (
    LayerSummary,
    activations,
    depth_trend,
    empty_by_depth,
    rank_correlation,
)
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layers
from convviz.weights.load import load

Wrap = Callable[..., Network]


@pytest.fixture
def summaries_of(tiny: nn.Module, network_of: Wrap) -> Callable[[list[float]], list[LayerSummary]]:
    relu: Layer = next(each for each in layers(network_of(tiny)) if each.kind == "ReLU")

    def make(shares: list[float]) -> list[LayerSummary]:
        return [LayerSummary(relu, 100, round(100 * share), share) for share in shares]

    return make


def test_by_hand(tiny: nn.Module, network_of: Wrap) -> None:
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    found = empty_by_depth(network_of(tiny), red)
    # channels: red, −2 × red and a dead one; the last layer's output is a vector
    assert [(each.layer.name, each.channels, each.empty) for each in found] == [
        ("conv", 3, 2),
        ("relu", 3, 2),
        ("pool", 3, 2),
    ]
    assert found[0].share == pytest.approx(2 / 3)


@pytest.mark.parametrize(("name", "threshold"), [("alexnet", 0.0), ("googlenet", 0.3)])
def test_one_pass_finds_what_a_pass_per_layer_finds(name: str, threshold: float) -> None:
    network = load(name, weights="random")
    image = decode(sample("cat").read())
    found = empty_by_depth(network, image, threshold)
    shown = [each for each in layers(network) if not each.detail and len(each.shape) == 3]
    assert [each.layer for each in found] == shown
    for each in found[::7]:
        alone = activations(network, image, each.layer.name)
        assert each.empty == alone.empty_count(threshold)
        assert each.channels == alone.channels


def test_a_network_of_vectors_only(network_of: Wrap) -> None:
    network = network_of(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)))
    found = empty_by_depth(network, Image.new("RGB", (4, 4)))
    assert found == ()
    assert "too few layers" in depth_trend(found)


def test_a_threshold_outside_0_to_1(tiny: nn.Module, network_of: Wrap) -> None:
    with pytest.raises(SettingError):
        empty_by_depth(network_of(tiny), Image.new("RGB", (4, 4)), 2)


class TestTrend:
    @pytest.mark.parametrize(
        ("shares", "claim", "numbers"),
        [
            ([0.0, 0.02, 0.04, 0.2, 0.3, 0.5], "grows with depth", ("1.0 %", "40 %", "+1.00")),
            ([0.5, 0.3, 0.2, 0.04, 0.02, 0.0], "falls with depth", ("40 %", "1.0 %", "-1.00")),
            ([0.1, 0.5, 0.0, 0.4, 0.2, 0.3], "shows no clear trend", ("30 %", "25 %", "6 ")),
            # perfectly ranked, but by next to nothing
            ([0.1, 0.101, 0.102, 0.103, 0.104, 0.105], "shows no clear trend", ("+1.00",)),
            # three layers in a row may be chance
            ([0.1, 0.2, 0.3], "shows no clear trend", ("10 %", "30 %", "+1.00")),
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

    def test_a_convolution_does_not_count_beside_its_relu(
        self, tiny: nn.Module, network_of: Wrap
    ) -> None:
        conv, relu = layers(network_of(tiny))[:2]
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
