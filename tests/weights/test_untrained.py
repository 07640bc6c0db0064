"""Untrained weights: only when asked for, the same for the same seed."""

from convviz.networks.network import NetworkSpec
from convviz.weights.load import load


def test_untrained_weights_come_only_when_asked_for_and_say_so() -> None:
    network = load("alexnet", "random", seed=3)
    weights = network.weights
    assert (weights.source, weights.title) == ("random", "Untrained")
    assert weights.training_set == "none (untrained)"
    assert (weights.has_decoder, weights.classes) == (False, ())
    assert weights.bytes == 4 * 61_100_840
    assert "untrained" in weights.note
    assert "no class predictions" in weights.note
    assert (network.input_size, weights.resize) == (224, 256)
    assert not network.module.training
    assert not any(parameter.requires_grad for parameter in network.module.parameters())


def test_the_same_seed_gives_the_same_checksum(small: NetworkSpec) -> None:
    sums = [load("small", "random", seed=seed).weights.sha256 for seed in (1, 1, 2)]
    assert sums[0] == sums[1] != sums[2]
