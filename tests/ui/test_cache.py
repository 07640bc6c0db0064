"""What is computed once: for which arguments it is computed again."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image

from convviz.errors import NetworkError
from convviz.features.activations import activations, activations_of, measure
from convviz.images.encode import png
from convviz.networks.network import Network
from convviz.networks.registry import register, spec
from convviz.structure.layers import Layer, layers
from convviz.ui import cache
from convviz.ui.byte_store import ByteStore
from convviz.ui.choice import ChosenImage
from convviz.weights.load import load
from convviz.weights.trained import source_of

IMAGE = ChosenImage.of("a", "A", png(Image.new("RGB", (8, 8))), "sample")


@pytest.fixture(scope="module")
def network() -> Network:
    return load("alexnet", "random")


@pytest.fixture
def calls(network: Network, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, ...]]]:
    """What was computed, instead of computing it."""
    made: list[tuple[Any, ...]] = []
    first = layers(network)[0]

    def compute(*arguments: Any) -> tuple[Any, ...]:
        made.append(arguments)
        return arguments

    def compute_layers(
        network: Network, pixels: Any, names: tuple[str, ...], gaps: dict[str, str]
    ) -> dict[str, Any]:
        compute(network, pixels, names)
        values = torch.zeros(1, 1, 1)
        return {name: measure(first, values) for name in names}

    def compute_strengths(
        network: Network, pixels: Any, gaps: dict[str, str]
    ) -> tuple[tuple[Layer, torch.Tensor], ...]:
        compute(network, pixels)
        return ((first, torch.tensor([0.0, 0.05, 1.0])),)

    monkeypatch.setattr(cache.feature_activations, "activations_of", compute_layers)
    monkeypatch.setattr(cache.feature_activations, "strength_by_depth", compute_strengths)
    cache.ACTIVATIONS.clear()
    yield made
    cache.ACTIVATIONS.clear()
    cache._strengths.clear()


def test_the_same_image_network_and_layer_are_computed_once(
    network: Network, calls: list[tuple[Any, ...]]
) -> None:
    layer = layers(network)[3]
    first = cache.activations(IMAGE, network, layer)
    again = cache.activations(replace(IMAGE, name="b"), replace(network), replace(layer, index=0))
    assert again is first
    assert len(calls) == 1


def test_whatever_differs_is_computed_again(
    network: Network, calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_neighbours", lambda network, layer: ())
    layer, other = layers(network)[0], layers(network)[10]
    cache.activations(IMAGE, network, layer)
    cache.activations(replace(IMAGE, sha256="1" * 64), network, layer)
    cache.activations(IMAGE, replace(network, spec=spec("vgg16")), layer)
    source = replace(network.weights, source="own")
    cache.activations(IMAGE, replace(network, weights=source), layer)
    cache.activations(IMAGE, network, other)
    assert len(calls) == 5


def test_a_pass_gives_the_neighbours_that_cost_little_more(
    network: Network, calls: list[tuple[Any, ...]]
) -> None:
    """AlexNet: a ReLU after a convolution is free, the next convolution is not."""
    by_name = {each.name: each for each in layers(network)}
    cache.activations(IMAGE, network, by_name["features.6"])
    assert set(calls[0][2]) == {"features.5", "features.6", "features.7"}
    cache.activations(IMAGE, network, by_name["features.7"])
    cache.activations(IMAGE, network, by_name["features.5"])
    assert len(calls) == 1
    cache.activations(IMAGE, network, by_name["features.9"])
    cache.activations(IMAGE, network, by_name["features.2"])
    assert "features.3" not in calls[-1][2]


def test_what_was_not_used_for_longest_goes_first_when_bytes_run_out(network: Network) -> None:
    target = layers(network)[0]
    # Ten maps of 10 × 10 numbers of four bytes, and what a ReLU lets through of each.
    kept = ByteStore(10 * 800, cache._bytes)
    for number in range(10):
        kept.put(number, measure(target, torch.full((1, 10, 10), 1.0)))
    assert kept.get(0) is not None
    before, kept_bytes = kept.get(1), kept.bytes
    assert before is not None
    kept.put(10, measure(target, torch.ones(2, 10, 10)))
    assert kept.bytes <= 10 * 800
    assert kept_bytes <= 10 * 800
    assert kept.get(2) is None
    assert kept.get(0) is not None
    kept.put(11, measure(target, torch.ones(100, 10, 10)))  # larger than all there may be
    assert kept.get(11) is not None
    assert kept.get(0) is None
    kept.clear()
    assert (kept.bytes, kept.get(11)) == (0, None)


def test_neighbours_are_what_a_pass_of_their_own_gives() -> None:
    network = load("alexnet", "random")
    image = Image.effect_noise((64, 64), 90).convert("RGB")
    together = activations_of(network, image, ("features.6", "features.7", "features.5"))
    for name, each in together.items():
        alone = activations(network, image, name)
        assert torch.equal(each.maps, alone.maps)
        assert torch.equal(each.rectified, alone.rectified)
        assert torch.equal(each.maximum, alone.maximum)


def test_one_pass_serves_every_threshold(network: Network, calls: list[tuple[Any, ...]]) -> None:
    for threshold, empty in ((0.0, 1), (0.1, 2), (0.0, 1)):
        (summary,) = cache.empty_by_depth(IMAGE, network, threshold)
        assert summary.empty == empty
    assert len(calls) == 1


@pytest.mark.usefixtures("fresh_registry")
def test_no_two_networks_have_the_same_name() -> None:
    """Or a network of a user's file would be shown what was computed for another."""
    with pytest.raises(NetworkError, match="There is a network called alexnet already"):
        register(spec("alexnet"))


def test_trained_weights_are_told_apart_by_their_checksum() -> None:
    assert source_of("a" * 64) != source_of("b" * 64)
