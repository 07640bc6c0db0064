"""Which class is meant, and what of its scores is explained."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from convviz.errors import NetworkError, SettingError
from convviz.features.class_target import (
    ClassTarget,
    class_scores,
    decoder_input,
    find_class,
    has_namesake,
    same_class,
)
from convviz.networks.network import Network
from convviz.weights.load import load
from tests.features.explained import scorer, two_channels, two_channels_image
from tests.networks_for_tests import network_of

SCORES = torch.tensor([[1.0, 3.0, 2.0]])


def test_a_target_is_a_score_or_the_difference_of_two() -> None:
    network = two_channels()
    assert ClassTarget(1).score(SCORES).tolist() == [3.0]
    assert ClassTarget(1, 2).score(SCORES).tolist() == [1.0]
    exponentials = SCORES.double().exp()[0]
    expected = float(exponentials[1] / exponentials.sum())
    assert float(ClassTarget(1).probability(network, SCORES)) == pytest.approx(expected)
    of_two = float(exponentials[1] / (exponentials[1] + exponentials[2]))
    assert float(ClassTarget(1, 2).probability(network, SCORES)) == pytest.approx(of_two)


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


@pytest.mark.claims("convviz.features.class_target._why_no_class")
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("own", r"The classes of Tiny have no names.*classes=\(“?.cat"),
        ("random", "Tiny is untrained with the weights in use, random numbers"),
        ("encoder", "The weights of Tiny in use have no decoder"),
    ],
)
def test_why_there_is_no_class_is_true_of_the_weights(source: str, words: str) -> None:
    """A network as its file builds it has a decoder, though convviz cannot name its classes."""
    network = network_of(scorer(torch.nn.ReLU()), side=2)
    weights = replace(network.weights, source=source, has_decoder=False, classes=())
    network = replace(network, spec=replace(network.spec, title="Tiny"), weights=weights)
    with pytest.raises(NetworkError, match=words):
        find_class(network, "goldfish")
    with pytest.raises(NetworkError, match=words):
        decoder_input(network, Image.new("RGB", (2, 2)))


def classed(*names: str) -> Network:
    return network_of(scorer(torch.nn.ReLU()), side=2, classes=names)


def test_capitals_tell_two_classes_apart_and_numbers_where_nothing_does() -> None:
    imagenet = classed("crane", "Cardigan", "cardigan", "crane", "tench")
    assert find_class(imagenet, "Cardigan") == 1
    assert find_class(imagenet, "cardigan") == 2
    assert find_class(imagenet, "TENCH") == 4
    with pytest.raises(SettingError, match=r"several classes called crane: .* numbers 0, 3\."):
        find_class(imagenet, "crane")
    with pytest.raises(SettingError, match=r"called CARDIGAN: choose one of the numbers 1, 2\."):
        find_class(imagenet, "CARDIGAN")
    assert find_class(imagenet, "3") == 3


def test_a_name_of_digits_goes_before_a_number() -> None:
    counted = classed("1", "2", "3")
    assert [find_class(counted, text) for text in ("0", "1", "2", "3")] == [0, 0, 1, 2]


@pytest.mark.parametrize("text", ["²", "--5", "-", "٣", "9" * 5000, "1.0", ""])
def test_what_is_neither_a_name_nor_a_number_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(SettingError, match="has no class called"):
        find_class(classed("tench", "goldfish"), text)


def test_the_same_class_is_found_in_another_network_by_any_of_its_names() -> None:
    first = network_of(scorer(torch.nn.ReLU()), side=2, classes=("tench", "goldfish"))
    other = network_of(
        scorer(torch.nn.ReLU()), side=2, classes=("Goldfish, Carassius auratus", "bullfrog")
    )
    assert same_class(first, 1, other) == 0
    assert same_class(first, 0, other) is None
    assert not has_namesake(first, 0, other)


def test_a_name_that_two_classes_share_does_not_tell_which_is_the_same() -> None:
    imagenet = classed("crane", "Cardigan", "cardigan", "crane")
    tiny = classed("CRANE", "cardigan")
    assert same_class(tiny, 1, imagenet) == 2
    assert same_class(imagenet, 2, tiny) == 1
    for first, index, second in ((imagenet, 1, tiny), (imagenet, 0, tiny), (tiny, 0, imagenet)):
        assert same_class(first, index, second) is None
        assert has_namesake(first, index, second)
    both = classed("tench, goldfish")
    assert same_class(both, 0, classed("tench", "goldfish")) is None
    assert same_class(classed("tench", "goldfish"), 1, both) == 0
