"""Layers that no ReLU follows: maximum, mean, order and rank have signs; emptiness has not."""

from dataclasses import replace

import pytest
import torch
from PIL import Image
from scipy import stats
from torch import nn

from convviz.features.activations import LayerSummary, activations, depth_trend, measure
from convviz.features.capture import input_for
from convviz.formatting import percent
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.structure.layers import Layer, layer, layers
from convviz.weights.load import load
from tests.networks_for_tests import network_of

SIGNED = Layer("end", "end", "linear", "", (5, 1, 1), 0, False, None, (), False)


def test_class_scores_are_ranked_by_score() -> None:
    network = load("googlenet", "bundled", fetch=False)
    image = decode(sample("cat").read())
    with torch.no_grad():
        scores = network.module(input_for(network, image))[0]
    found = activations(network, image, "fc")
    torch.testing.assert_close(found.maximum, scores)
    torch.testing.assert_close(found.mean, scores)
    assert float(found.maximum[129]) == pytest.approx(-4.674, abs=2e-3)
    assert found.order("strength").tolist() == scores.argsort(descending=True).tolist()
    assert found.ranks().tolist() == stats.rankdata(-scores.numpy(), "min").tolist()
    assert int(found.ranks()[129]) == len(scores)
    assert found.strongest == int(scores.argmax())
    assert found.empty_count() == int((scores == 0).sum())


def test_negative_ranges_ties_and_undefined_channels() -> None:
    nan = float("nan")
    maps = torch.tensor([[-3.0, -1.0], [-2.0, -2.0], [nan, 9.0], [-1.0, -5.0], [0.0, 0.0]])
    found = measure(SIGNED, maps[:, None])
    assert found.maximum[[0, 1, 3, 4]].tolist() == [-1, -2, -1, 0]
    assert found.mean[[0, 1, 3, 4]].tolist() == [-2, -2, -3, 0]
    assert found.order("strength").tolist() == [4, 0, 3, 1, 2]
    assert found.ranks().tolist() == [2, 4, 5, 2, 1]
    assert found.strongest == 4
    assert found.empty().tolist() == [False, False, False, False, True]
    # τ is a share of the largest absolute value, 5: up to 2 by size
    finite = measure(SIGNED, maps[[0, 1, 3, 4], None])
    assert finite.empty(0.4).tolist() == [False, True, False, True]


def test_a_batch_norm_before_an_addition_keeps_its_signs() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)
            self.norm = nn.BatchNorm2d(4)

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            maps = self.norm(self.conv(batch))
            return torch.relu(maps + batch.mean(1, keepdim=True))

    torch.manual_seed(0)
    network = network_of(Residual())
    network.module.norm.bias.data -= 2
    image = Image.new("RGB", (4, 4), (10, 200, 90))
    with torch.no_grad():
        maps = network.module.norm(network.module.conv(input_for(network, image)))[0]
    found = activations(network, image, "norm")
    assert found.layer.pre_relu is None
    torch.testing.assert_close(found.maximum, maps.amax((1, 2)))
    torch.testing.assert_close(found.mean, maps.mean((1, 2)))
    assert found.is_signed


def test_a_relu6_lets_no_more_than_6_through() -> None:
    conv = nn.Conv2d(3, 3, 1)
    conv.weight.data.zero_()
    conv.bias.data = torch.tensor([37.8, 1.42, 0.95])
    network = network_of(nn.Sequential(conv, nn.ReLU6(), nn.Conv2d(3, 1, 1), nn.ReLU()))
    image = Image.new("RGB", (4, 4))
    before, after = (activations(network, image, name) for name in "01")
    assert (layer(network, "0").ceiling, layer(network, "2").ceiling) == (6.0, None)
    assert before.maximum.tolist() == pytest.approx([6, 1.42, 0.95])
    assert torch.equal(before.maximum, after.maximum)
    assert before.empty(0.05).tolist() == after.empty(0.05).tolist() == [False] * 3


def test_a_relu6_behind_a_norm_and_a_pooling_caps_as_well() -> None:
    parts = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.MaxPool2d(2), nn.ReLU6())
    assert [each.ceiling for each in layers(network_of(parts))] == [6.0, 6.0, 6.0, None]


@pytest.mark.claims("convviz.features.activations.Activations.sentence")
@pytest.mark.parametrize("threshold", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(
    "values", [[1, 2, 0, 4], [-1, -2, -3], [0, 0], [5], [0], [-4, 4, 0, 1, 1], [float("nan"), 0]]
)
def test_the_sentence_counts_what_is_empty(values: list[float], threshold: float) -> None:
    maps = torch.tensor(values).float().view(-1, 1, 1)
    text = measure(SIGNED, maps).sentence(threshold)
    largest = max(abs(value) for value in values if value == value)
    count = sum(abs(value) <= threshold * largest for value in values)
    total = len(values)
    assert text.endswith(".")
    if total == 1:
        assert ("not empty" in text) == (count == 0)
    elif count == 0:
        assert text.startswith(f"None of the {total} channels is empty")
        assert ("no ReLU" in text) == (min(values) < 0)
    elif count == total:
        assert text == f"All {total} channels are empty for this image."
    else:
        verb = "is" if count == 1 else "are"
        share = percent(count / total)
        assert text == f"{count} of {total} channels ({share}) {verb} empty for this image."


@pytest.mark.claims("convviz.features.activations.depth_trend")
@pytest.mark.parametrize(
    "shares",
    [
        [0.0] * 6,
        [1.0] * 4,
        [0.0, 0.0, 0.0, 0.1, 0.25],
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
        [0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0],
        [0.5, 0.0, 0.5, 0.0, 0.5, 0.0, 0.5],
        [0.0, 0.0, 0.001, 0.001, 0.002, 0.002],
        [0.1, 0.2],
    ],
)
def test_a_trend_is_claimed_only_where_scipy_finds_one(shares: list[float]) -> None:
    relu = replace(SIGNED, kind="ReLU")
    text = depth_trend([LayerSummary(relu, 1000, int(1000 * share), share) for share in shares])
    if len(shares) < 3:
        assert "too few" in text
        return
    if max(shares) == min(shares):
        assert f"does not change with depth: it is {percent(shares[0])} in each" in text
        return
    rho = float(stats.spearmanr(range(len(shares)), shares).statistic)
    sign = "" if abs(rho) < 0.005 else "−" if rho < 0 else "+"
    third = len(shares) // 3
    first, last = sum(shares[:third]) / third, sum(shares[-third:]) / third
    if len(shares) < 6:  # a third is one layer
        assert f": {percent(first)} in the first of the {len(shares)}" in text
        assert f"{percent(last)} in the last." in text
        assert "correlation" not in text
    else:
        assert f"rank correlation {sign}{abs(rho):.2f}: it is +1 where" in text
        assert f"on average {percent(first)} in the first third of the {len(shares)}" in text
        assert f"{percent(last)} in the last third" in text
    moves = abs(rho) >= 0.5 and abs(last - first) >= 0.01
    if not moves:
        claim = "shows no clear trend with depth"
    elif abs(rho) * (len(shares) - 1) ** 0.5 >= 1.645:
        claim = ("grows" if rho > 0 else "falls") + " with depth"
    else:
        way = "rises" if rho > 0 else "falls"
        claim = f"{way} here, but {len(shares)} layers are too few to call it a trend"
    assert f"empty channels {claim}: " in text
