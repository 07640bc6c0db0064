"""What is computed once: for which arguments it is computed again."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from convviz.errors import NetworkError
from convviz.images.encode import png
from convviz.networks.network import Network
from convviz.networks.registry import register, spec
from convviz.structure.layers import layers
from convviz.ui import cache
from convviz.ui.choice import ChosenImage
from convviz.weights.load import load
from convviz.weights.trained import source_of

IMAGE = ChosenImage.of("a", "A", png(Image.new("RGB", (8, 8))), "sample")


@pytest.fixture(scope="module")
def network() -> Network:
    return load("alexnet", "random")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, ...]]]:
    """What was computed, instead of computing it."""
    made: list[tuple[Any, ...]] = []

    def compute(*arguments: Any) -> tuple[Any, ...]:
        made.append(arguments)
        return arguments

    monkeypatch.setattr(cache.feature_activations, "activations", compute)
    monkeypatch.setattr(cache.feature_activations, "empty_by_depth", compute)
    yield made
    cache.activations.clear()
    cache.empty_by_depth.clear()


def test_the_same_image_network_and_layer_are_computed_once(
    network: Network, calls: list[tuple[Any, ...]]
) -> None:
    layer = layers(network)[3]
    first = cache.activations(IMAGE, network, layer)
    again = cache.activations(replace(IMAGE, name="b"), replace(network), replace(layer, index=0))
    assert again is first
    assert len(calls) == 1


def test_whatever_differs_is_computed_again(network: Network, calls: list[tuple[Any, ...]]) -> None:
    layer, other = layers(network)[3:5]
    cache.activations(IMAGE, network, layer)
    cache.activations(replace(IMAGE, sha256="1" * 64), network, layer)
    cache.activations(IMAGE, replace(network, spec=spec("vgg16")), layer)
    source = replace(network.weights, source="own")
    cache.activations(IMAGE, replace(network, weights=source), layer)
    cache.activations(IMAGE, network, other)
    assert len(calls) == 5


def test_plain_arguments_count_too(network: Network, calls: list[tuple[Any, ...]]) -> None:
    cache.empty_by_depth(IMAGE, network, 0.0)
    cache.empty_by_depth(IMAGE, network, 0.1)
    cache.empty_by_depth(IMAGE, network, 0.1)
    assert len(calls) == 2


@pytest.mark.usefixtures("fresh_registry")
def test_no_two_networks_have_the_same_name() -> None:
    """Or a network of a user's file would be shown what was computed for another."""
    with pytest.raises(NetworkError, match="There is a network called alexnet already"):
        register(spec("alexnet"))


def test_trained_weights_are_told_apart_by_their_checksum() -> None:
    assert source_of("a" * 64) != source_of("b" * 64)
