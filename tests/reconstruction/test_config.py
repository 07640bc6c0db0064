"""Settings that make no sense are refused at the call; every layer has a preset that does."""

from __future__ import annotations

import math

import pytest
import torch
from PIL import Image

from convviz.errors import ConvvizError, NetworkError, SettingError
from convviz.networks.network import Network
from convviz.networks.registry import spec
from convviz.reconstruction.config import ReconstructionConfig, check, preset
from convviz.reconstruction.reconstruct import reconstruct
from convviz.structure.layers import layers


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("steps", 0),
        ("steps", -3),
        ("steps", 2.5),
        ("steps", True),
        ("steps", 10**9),
        ("seconds", 0),
        ("seconds", -1.0),
        ("seconds", math.nan),
        ("seconds", math.inf),
        ("seconds", "12"),
        ("optimizer", "sgd"),
        ("learning_rate", 0.0),
        ("learning_rate", -1.0),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("decay", -0.1),
        ("decay", math.nan),
        ("tv", -1.0),
        ("tv", math.nan),
        ("tv", 1e9),
        ("noise", -0.1),
        ("noise", 2.0),
        ("spectrum", -0.5),
        ("spectrum", math.nan),
        ("spectrum", 4.0),
        ("smoothness", -1.0),
        ("smoothness", math.nan),
        ("seed", -1),
        ("seed", 2**63),
        ("seed", 1.5),
        ("precision", "float16"),
        ("image_size", 0),
        ("image_size", 100_000),
        ("image_size", 24.0),
        ("start", "white"),
        ("start", None),
        ("start", 3),
        ("start", torch.zeros(24, 24)),
        ("start", torch.zeros(4, 24, 24)),
        ("start", torch.zeros(2, 3, 24, 24)),
        ("start", torch.zeros(3, 0, 24)),
        ("start", torch.zeros(3, 24, 24, dtype=torch.uint8)),
        ("start", torch.full((3, 24, 24), math.nan)),
    ],
)
def test_senseless_settings(
    network: Network, image: Image.Image, setting: str, value: object
) -> None:
    config = ReconstructionConfig(**{"layer": "1", "steps": 1, setting: value})
    with pytest.raises(SettingError) as caught:
        reconstruct(network, image, config)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("layer", ["", "99", "conv"])
def test_unknown_layers(network: Network, image: Image.Image, layer: str) -> None:
    with pytest.raises(NetworkError):
        reconstruct(network, image, ReconstructionConfig(layer=layer, steps=1))


def test_an_image_too_small_for_the_network(network: Network, image: Image.Image) -> None:
    with pytest.raises(ConvvizError):
        reconstruct(network, image, ReconstructionConfig(layer="4", steps=1, image_size=1))


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet"])
def test_every_layer_has_a_preset(name: str) -> None:
    for layer in layers(spec(name)):
        config = preset(name, layer.name)
        check(config)
        assert config.layer == layer.name
        assert config.seconds > 0
        assert config.start == "noise"


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet"])
def test_deeper_layers_start_from_no_weaker_noise(name: str) -> None:
    noises = [preset(name, layer.name).noise for layer in layers(spec(name))]
    in_order = [noises[0], noises[len(noises) // 2], noises[-1]]
    assert in_order == sorted(in_order)


def test_presets_of_unknown_names() -> None:
    with pytest.raises(NetworkError):
        preset("vgg61", "features.22")
    with pytest.raises(NetworkError):
        preset("vgg16", "features.99")


def test_presets_of_a_network_that_was_not_measured(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convviz.reconstruction.config.spec", lambda name: network.spec)
    shallow, deep = preset("tiny", "1").noise, preset("tiny", "4").noise
    assert 0 < shallow < deep
