"""What a user's NetworkSpec says of classes and of the size of images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.transforms import v2

from convviz.errors import NetworkError
from convviz.features.capture import input_for
from convviz.features.predictions import predict
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register
from convviz.weights.load import load

NAMES = ("cat", "dog", "ship")
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))


class Cifar(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).relu().mean((2, 3)))


@pytest.fixture
def describe(fresh_registry: None) -> Callable[..., NetworkSpec]:
    def make(**options: Any) -> NetworkSpec:
        made = NetworkSpec(
            name="cifar",
            title="Cifar",
            build=Cifar,
            **{"input_size": 32, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4), **options},
        )
        register(made)
        return made

    return make


def test_without_resizing_an_image_of_the_right_size_goes_in_as_it_is(
    describe: Callable[..., NetworkSpec],
) -> None:
    describe(resize="none")
    network = load("cifar")
    expected = v2.Compose(
        [
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)),
        ]
    )(NOISE)
    torch.testing.assert_close(input_for(network, NOISE)[0], expected, rtol=0, atol=1e-6)
    assert load("cifar", "random").weights.resize == 32


@pytest.mark.parametrize(
    ("resize", "input_size", "side"),
    [(None, 224, 256), (None, 32, 37), ("none", 32, 32), (40, 32, 40), (32, 32, 32)],
)
def test_the_shorter_side_is_scaled_to(
    describe: Callable[..., NetworkSpec], resize: Any, input_size: int, side: int
) -> None:
    describe(resize=resize, input_size=input_size)
    weights = load("cifar").weights
    assert (weights.input_size, weights.resize) == (input_size, side)


@pytest.mark.parametrize("resize", [31, 0, -1, "all", 32.5, True, "32"])
def test_other_sizes_are_refused(describe: Callable[..., NetworkSpec], resize: Any) -> None:
    with pytest.raises(NetworkError, match=r"cifar: resize must be “none”, or .* \(32\) on"):
        describe(resize=resize)


@pytest.mark.parametrize("names", [NAMES, list(NAMES)])
def test_classes_name_what_the_network_scores(
    describe: Callable[..., NetworkSpec], names: Any
) -> None:
    describe(classes=names)
    network = load("cifar")
    assert network.weights.classes == NAMES
    assert network.weights.has_decoder
    with torch.no_grad():
        scores = network.module(input_for(network, NOISE))[0]
    assert predict(network, NOISE)[0].label == NAMES[int(scores.argmax())]
    assert load("cifar", "random").weights.classes == ()  # untrained weights name nothing


def test_they_hold_for_a_file_of_weights_as_well(
    describe: Callable[..., NetworkSpec], tmp_path: Path
) -> None:
    describe(classes=NAMES)
    save_file(Cifar().state_dict(), tmp_path / "x.safetensors", {"classes": '["a", "b", "c"]'})
    assert load("cifar", tmp_path / "x.safetensors").weights.classes == NAMES


@pytest.mark.parametrize(("names", "count"), [(NAMES[:2], "2"), ((*NAMES, "frog"), "4")])
def test_another_number_of_names_is_refused(
    describe: Callable[..., NetworkSpec], names: tuple[str, ...], count: str
) -> None:
    describe(classes=names)
    with pytest.raises(NetworkError, match=f"Cifar names {count} classes but returns 3 scores"):
        load("cifar")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("cat", "must be a list of names"),
        ((1, 2, 3), "must be a list of names"),
        (("a", " ", "c"), "must be a list of names"),
        (("a", "b", "a"), "two classes are called “a”"),
    ],
)
def test_names_that_are_none_are_refused(
    describe: Callable[..., NetworkSpec], names: Any, sentence: str
) -> None:
    with pytest.raises(NetworkError, match=sentence):
        describe(classes=names)
