"""Which class is meant, and what of its scores is explained."""

import pytest
import torch

from convviz.errors import NetworkError, SettingError
from convviz.features.class_target import (
    ClassTarget,
    class_scores,
    decoder_input,
    find_class,
    same_class,
)
from convviz.weights.load import load
from tests.features.explained import scorer, two_channels, two_channels_image
from tests.networks_for_tests import network_of

SCORES = torch.tensor([[1.0, 3.0, 2.0]])


def test_a_target_is_a_score_or_the_difference_of_two() -> None:
    assert ClassTarget(1).score(SCORES).tolist() == [3.0]
    assert ClassTarget(1, 2).score(SCORES).tolist() == [1.0]
    exponentials = SCORES.double().exp()[0]
    expected = float(exponentials[1] / exponentials.sum())
    assert float(ClassTarget(1).probability(SCORES)) == pytest.approx(expected)
    of_two = float(exponentials[1] / (exponentials[1] + exponentials[2]))
    assert float(ClassTarget(1, 2).probability(SCORES)) == pytest.approx(of_two)


def test_the_scores_are_those_of_the_input_that_predictions_are_made_of() -> None:
    network, image = two_channels(), two_channels_image()
    batch = decoder_input(network, image)
    assert torch.allclose(class_scores(network, batch), torch.tensor([[0.4, 0.6]]))
    small = load("alexnet", "encoder", fetch=False)
    assert decoder_input(small, image).shape == (1, 3, 128, 128)


def test_classes_are_found_by_number_and_by_any_name() -> None:
    names = ("tench, Tinca tinca", "goldfish, Carassius auratus", "tabby_cat")
    network = network_of(scorer(torch.nn.ReLU()), side=2, classes=names)
    for text in ("1", "goldfish", " GOLDFISH ", "carassius  auratus", names[1]):
        assert find_class(network, text) == 1
    assert find_class(network, "tabby cat") == 2
    with pytest.raises(SettingError, match="called goldfsh: did you mean goldfish"):
        find_class(network, "goldfsh")
    with pytest.raises(SettingError, match=r"called xyzzy: choose one of tench, goldfish"):
        find_class(network, "xyzzy")
    with pytest.raises(SettingError, match="no class 3: choose 0 to 2"):
        find_class(network, "3")
    with pytest.raises(SettingError, match="no class -1: choose 0 to 2"):
        find_class(network, "-1")
    with pytest.raises(NetworkError, match="no decoder"):
        find_class(load("alexnet", "random"), "goldfish")


def test_the_same_class_is_found_in_another_network_by_any_of_its_names() -> None:
    first = network_of(scorer(torch.nn.ReLU()), side=2, classes=("tench", "goldfish"))
    other = network_of(
        scorer(torch.nn.ReLU()), side=2, classes=("Goldfish, Carassius auratus", "bullfrog")
    )
    assert same_class(first, 1, other) == 0
    assert same_class(first, 0, other) is None
