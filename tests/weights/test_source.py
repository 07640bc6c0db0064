"""How weights are described: their sizes, and the size of image that suits them."""

import pytest
from torch import nn

from convviz.formatting import size_text
from convviz.networks.network import NetworkSpec
from convviz.weights.source import network_with

SPEC = NetworkSpec(name="small", title="Small", build=nn.Identity, input_size=112)
FACTS = {"source": "own", "title": "By hand", "training_set": "none", "size": 1, "sha256": ""}


def test_images_are_used_whole_at_the_size_of_the_training() -> None:
    weights = network_with(SPEC, nn.Identity(), **FACTS, input_size=64).weights
    assert (weights.input_size, weights.resize) == (64, 64)


def test_else_their_middle_as_torchvisions_weights_want_it() -> None:
    weights = network_with(SPEC, nn.Identity(), **FACTS).weights
    assert (weights.input_size, weights.resize) == (112, 128)


def test_a_network_has_a_decoder_if_its_classes_are_known() -> None:
    assert not network_with(SPEC, nn.Identity(), **FACTS).weights.has_decoder
    assert network_with(SPEC, nn.Identity(), **FACTS, classes=("a", "b")).weights.has_decoder


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (553_433_881, "553 MB"),
        (9_884_491, "9.9 MB"),
        (300_000, "0.3 MB"),
        (24_600, "25 kB"),
        (0, "0.0 MB"),
    ],
)
def test_sizes_are_written_in_megabytes(count: int, text: str) -> None:
    assert size_text(count) == text
