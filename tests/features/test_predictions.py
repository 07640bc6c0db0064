from dataclasses import replace
from math import exp

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.features.activations import activations
from convviz.features.predictions import activations_and_predictions, predict, predict_batch, ranked
from tests.networks_for_tests import network_of

CLASSES = ("goldfish, Carassius auratus", "  tabby,  tabby cat ")
RED = Image.new("RGB", (4, 4), (255, 0, 0))


def test_by_hand(red_channels: nn.Module) -> None:
    # red pixels: channels 1, 0, 0; so the scores are 1 and 0
    first, second = predict(network_of(red_channels, classes=CLASSES), RED)
    assert first.label == "goldfish"
    assert first.names == "goldfish, Carassius auratus"
    assert first.index == 0
    assert first.probability == pytest.approx(exp(1) / (exp(1) + 1))
    assert (second.label, second.names, second.index) == ("tabby", "tabby, tabby cat", 1)
    assert first.probability + second.probability == pytest.approx(1)


def test_k_of_them_the_most_probable_first(red_channels: nn.Module) -> None:
    network = network_of(red_channels, classes=CLASSES)
    assert len(predict(network, RED, k=1)) == 1
    assert len(predict(network, RED, k=50)) == 2
    other = predict_batch(network, torch.full((1, 3, 4, 4), -3.0))
    assert [each.index for each in other] == [1, 0]


def test_no_predictions_without_a_decoder(red_channels: nn.Module) -> None:
    assert predict(network_of(red_channels), RED) == ()


def test_a_class_without_a_name(red_channels: nn.Module) -> None:
    assert predict(network_of(red_channels, classes=("one",)), RED)[1].label == "class 1"


def test_a_network_whose_output_is_no_row_of_scores() -> None:
    assert predict(network_of(nn.Conv2d(3, 2, 1), classes=CLASSES), RED) == ()


def test_a_network_that_keeps_notes_is_left_alone() -> None:
    class Notes(nn.Module):
        seen: Tensor | None = None

        def forward(self, batch: Tensor) -> Tensor:
            self.seen = batch
            return batch.mean((2, 3))

    network = network_of(Notes(), classes=CLASSES)
    assert len(predict(network, RED)) == 3
    assert network.module.seen is None


def test_a_decoder_trained_on_smaller_images_is_asked_with_those() -> None:
    class Size(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return torch.tensor([[float(batch.shape[-1]), float(batch.shape[-2]), 0.0]])

    network = network_of(Size(), classes=CLASSES)
    smaller = replace(network, weights=replace(network.weights, decoder_size=2))
    best = predict(smaller, RED, k=3)
    assert [each.index for each in best] == [0, 1, 2]
    assert best[0].probability == pytest.approx(best[2].probability * exp(2))


class Counted(nn.Module):
    """Red's mean as the first score; it counts its passes, since a list is shared by clones."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(3, 2, 1, bias=False)
        self.maps.weight = nn.Parameter(torch.tensor([[1.0, 0, 0], [-1, 0, 0]]).reshape(2, 3, 1, 1))
        self.relu = nn.ReLU(inplace=True)
        self.sides = Sides()

    def forward(self, batch: Tensor) -> Tensor:
        self.sides.append(batch.shape[-1])
        return self.relu(self.maps(batch)).mean((2, 3))


class Sides(list[int]):
    """What deepcopy leaves as it is."""

    def __deepcopy__(self, memo: object) -> "Sides":
        return self


def test_a_layer_and_the_classes_in_one_pass() -> None:
    module = Counted()
    network = network_of(module, classes=CLASSES)
    batch = torch.ones(1, 3, 4, 4)
    expected = activations(network, RED, "maps").layer  # traces the network
    module.sides.clear()
    maps, predictions = activations_and_predictions(network, batch, "maps")
    assert module.sides == [4]
    assert maps.layer == expected
    assert maps.maps[:, 0, 0].tolist() == [1.0, -1.0]  # before the ReLU in place
    assert [each.index for each in predictions] == [0, 1]
    assert predictions[0].probability == pytest.approx(exp(1) / (exp(1) + 1))


def test_a_decoder_of_smaller_images_gets_a_pass_of_its_own() -> None:
    module = Counted()
    network = network_of(module, classes=CLASSES)
    smaller = replace(network, weights=replace(network.weights, decoder_size=2))
    activations(network, RED, "maps")
    predict(smaller, RED)  # traces it in its decoder's size
    module.sides.clear()
    maps, predictions = activations_and_predictions(smaller, torch.ones(1, 3, 4, 4), "maps")
    assert module.sides == [4, 2]  # the first pass ends after the layer
    assert maps.maps.shape == (2, 4, 4)
    assert predictions[0].index == 0
    none = activations_and_predictions(network_of(Counted()), torch.ones(1, 3, 4, 4), "maps")
    assert none[1] == ()


def test_equal_scores_are_ordered_by_the_classes_numbers() -> None:
    scores = torch.zeros(1000)
    scores[[7, 500]] = 1.0
    assert ranked(scores)[:4] == (7, 500, 0, 1)
    assert ranked(torch.zeros(1000)) == tuple(range(1000))
