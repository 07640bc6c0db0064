from dataclasses import replace
from math import exp

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.features.predictions import predict, predict_batch
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
