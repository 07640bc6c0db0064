"""A user's own network: its weights come from its file, or from a file of weights."""

from pathlib import Path

import pytest
import torch
from torch import nn

from convviz.errors import NetworkError
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register
from convviz.weights.load import load, source_statuses


def test_a_users_own_network_keeps_the_weights_it_was_built_with(small: NetworkSpec) -> None:
    network = load("small")
    assert network.module is small.build()
    assert not network.module.training
    weights = network.weights
    assert (weights.source, weights.title) == ("own", "As your file builds it")
    assert weights.bytes == 4 * (2 * 3 * 9 + 2)
    assert (weights.has_decoder, weights.classes) == (False, ())
    assert (network.input_size, weights.resize) == (112, 128)
    assert [status.source for status in source_statuses("small")] == ["own", "random"]


def test_a_file_beats_what_a_users_own_network_was_built_with(
    small: NetworkSpec, folder: Path
) -> None:
    module = type(small.build())()
    torch.save(module.state_dict(), folder / "small.pth")
    network = load("small")
    assert network.module.conv.weight.equal(module.conv.weight)
    assert (network.weights.source, network.weights.title) == ("own", "Your file small.pth")
    assert source_statuses("small")[0].title == "Your file small.pth"


def test_a_build_that_fails_becomes_a_sentence(fresh_registry: None) -> None:
    def build() -> nn.Module:
        raise ZeroDivisionError("division by zero\nand more")

    register(NetworkSpec(name="broken", title="Broken", build=build))
    with pytest.raises(NetworkError, match=r"Broken cannot be built: .*division by zero\.$"):
        load("broken")


def test_a_build_that_returns_nothing_becomes_a_sentence(fresh_registry: None) -> None:
    register(NetworkSpec(name="broken", title="Broken", build=lambda: None))
    with pytest.raises(NetworkError, match=r"Broken cannot be built: .* a NoneType\.$"):
        load("broken")
