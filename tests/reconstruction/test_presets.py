"""Every layer has settings that make sense."""

import pytest

from convviz.errors import NetworkError
from convviz.networks.registry import spec
from convviz.reconstruction.config import check, preset
from convviz.structure.layers import layers


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet"])
def test_every_layer_has_a_preset(name):
    for layer in layers(spec(name)):
        config = preset(name, layer.name)
        check(config)
        assert config.layer == layer.name
        assert config.seconds > 0
        assert config.start == "noise"


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet"])
def test_deeper_layers_start_from_no_weaker_noise(name):
    noises = [preset(name, layer.name).noise for layer in layers(spec(name))]
    in_order = [noises[0], noises[len(noises) // 2], noises[-1]]
    assert in_order == sorted(in_order)


def test_unknown_names():
    with pytest.raises(NetworkError):
        preset("vgg61", "features.22")
    with pytest.raises(NetworkError):
        preset("vgg16", "features.99")


def test_a_network_of_ones_own(make_network, network, monkeypatch):
    monkeypatch.setattr("convviz.reconstruction.config.spec", lambda name: network.spec)
    shallow, deep = preset("tiny", "1").noise, preset("tiny", "4").noise
    assert 0 < shallow < deep
