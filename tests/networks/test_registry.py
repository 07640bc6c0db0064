"""The built-in networks, and the rules for adding others."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from convviz.errors import NetworkError
from convviz.networks import findings, registry
from convviz.networks.catalogue import CATALOGUE
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import available, register, spec

OF_THE_COURSE = (
    "alexnet",
    *("vgg11", "vgg13", "vgg16", "vgg19"),
    *("vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"),
    "googlenet",
)
BUILT_IN = tuple(each.name for each in CATALOGUE)
TOTALS = {"alexnet": 61_100_840, "vgg16": 138_357_544, "googlenet": 13_004_888}


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_built_in_networks_come_in_the_order_of_the_catalogue() -> None:
    assert available() == BUILT_IN
    assert available()[: len(OF_THE_COURSE)] == OF_THE_COURSE


@pytest.mark.parametrize("name", OF_THE_COURSE)
def test_a_spec_says_who_when_and_what_differs(name: str) -> None:
    network = spec(name)
    assert network.name == name
    assert network.year in (2012, 2014)
    assert network.paper.endswith(("2012", "2015"))
    assert network.differences
    assert all(sentence.endswith(".") for sentence in network.differences)
    assert network.input_size == 224
    assert not registry.is_own(name)


@pytest.mark.parametrize("name", OF_THE_COURSE)
def test_torchvision_knows_the_weights_that_a_spec_names(name: str) -> None:
    import torchvision

    weights = torchvision.models.get_weight(spec(name).torchvision_weights)
    module = registry.build(spec(name), **dict(spec(name).imagenet_options))
    assert len(weights.meta["categories"]) == list(module.parameters())[-1].numel()


@pytest.mark.parametrize(("name", "total"), TOTALS.items())
def test_parameters_add_up_to_the_known_totals(name: str, total: int) -> None:
    assert parameters(registry.build(spec(name))) == total


def test_building_takes_no_memory_and_leaves_the_global_seed_alone() -> None:
    before = torch.random.get_rng_state()
    module = registry.build(spec("vgg16"))
    assert all(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert not any(part.training for part in module.modules())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_googlenet_has_its_heads_and_converts_inputs_for_imagenet_weights_only() -> None:
    network = spec("googlenet")
    module = registry.build(network, num_classes=200)
    assert module.fc.out_features == module.aux1.fc2.out_features == 200
    assert module.transform_input is False
    assert registry.build(network, **dict(network.imagenet_options)).transform_input is True
    for prefix in network.auxiliary:
        assert isinstance(module.get_submodule(prefix), nn.Module)


def test_specs_can_be_keys_of_a_cache() -> None:
    assert len({spec(name) for name in available()}) == len(BUILT_IN)


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(NetworkError, match=r"no network called vgg-16: did you mean vgg16"):
        spec("vgg-16")
    with pytest.raises(NetworkError, match=r"choose from alexnet, vgg11"):
        spec("?")


@pytest.mark.usefixtures("fresh_registry")
class TestRegister:
    good = NetworkSpec(name="mine", title="Mine", build=lambda: nn.Conv2d(3, 2, 1))

    def test_adds_a_network_after_the_built_in_ones(self) -> None:
        register(self.good)
        assert available() == (*BUILT_IN, "mine")
        assert spec("mine") == self.good
        assert registry.is_own("mine")

    @pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet"])
    def test_refuses_the_names_that_the_lessons_are_about(self, name: str) -> None:
        with pytest.raises(NetworkError, match=f"called {name} already"):
            register(dataclasses.replace(self.good, name=name))

    @pytest.mark.claims("convviz.networks.findings.replaces_built_in")
    @pytest.mark.parametrize("name", ["vgg19_bn", "resnet18", "vit_h_14"])
    def test_a_users_network_takes_the_place_of_a_built_in_one(self, name: str) -> None:
        assert not registry.replaces(name)
        own = dataclasses.replace(self.good, name=name)
        register(own)
        assert spec(name) == own
        assert available() == (*(each for each in BUILT_IN if each != name), name)
        assert registry.is_own(name)
        assert registry.replaces(name)
        assert findings.replaces_built_in(own) == (
            f"{name} is Mine from your own file; it takes the place of torchvision's network of "
            "this name."
        )
        with pytest.raises(NetworkError, match=f"called {name} already"):
            register(own)

    def test_a_network_of_another_name_replaces_none(self) -> None:
        register(self.good)
        assert not registry.replaces("mine")

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"name": "My net"}, "lower-case"),
            ({"name": ""}, "lower-case"),
            ({"build": None}, "build must be a function"),
            ({"input_size": 0}, "at least 1 pixel"),
            ({"mean": (0.5,)}, "three numbers"),
            ({"std": (0.5, 0.5, 0.0)}, "above 0"),
            ({"interpolation": "nearest"}, "“bilinear” or “bicubic”"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, change: dict[str, Any], sentence: str) -> None:
        with pytest.raises(NetworkError, match=sentence):
            register(dataclasses.replace(self.good, **change))
        assert available() == BUILT_IN

    def test_a_build_that_fails_or_returns_no_module_is_named(self) -> None:
        def fail() -> nn.Module:
            raise OSError("no such file\nand more")

        with pytest.raises(
            NetworkError, match=r"Mine cannot be built: .* OSError: no such file\.$"
        ):
            registry.build(dataclasses.replace(self.good, build=fail))
        with pytest.raises(NetworkError, match=r"returns no torch.nn.Module but a int"):
            registry.build(dataclasses.replace(self.good, build=lambda: 3))
