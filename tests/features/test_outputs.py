"""Layers and networks whose output is a tuple, a dictionary or a dataclass."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.datasets.image_set import Files
from convviz.errors import NetworkError
from convviz.features.ablation import ablate, deeper_layers
from convviz.features.activations import (
    activations,
    empty_by_depth,
    layers_with_maps,
    strength_by_depth,
)
from convviz.features.capture import capture, input_for
from convviz.features.dead import count_dead
from convviz.images.samples import sample
from convviz.structure.layers import layers
from tests.networks_for_tests import network_of

IMAGE = Image.effect_noise((32, 32), 90).convert("RGB")


class SegNet(nn.Module):
    """Pools with indices, and unpools with them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.unpool = nn.MaxUnpool2d(2)
        self.conv3 = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x, indices = self.pool(self.relu1(self.conv1(x)))
        x = self.relu2(self.conv2(x))
        return self.conv3(self.unpool(x, indices))


class Pair(NamedTuple):
    maps: Tensor
    more: Tensor


@dataclass(frozen=True)
class Out:
    name: str
    maps: Tensor


class Odd(nn.Module):
    """Puts its maps out in some container, with more behind them."""

    def __init__(self, pack: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.pack = pack

    def forward(self, x: Tensor) -> Any:
        return self.pack(torch.tanh(x))


class Around(nn.Module):
    def __init__(self, pack: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.odd = Odd(pack)
        self.unpack = unpack
        self.last = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.unpack(self.odd(self.conv(x))))


CONTAINERS: dict[str, tuple[Callable[[Tensor], Any], Callable[[Any], Tensor]]] = {
    "tuple": (lambda t: (t, t[:, :1]), lambda out: out[0]),
    "list": (lambda t: [t], lambda out: out[0]),
    "nested": (lambda t: (None, (t, 3)), lambda out: out[1][0]),
    "named tuple": (lambda t: Pair(t, t * 2), lambda out: out.maps),
    "dictionary": (lambda t: {"name": "x", "maps": t}, lambda out: out["maps"]),
    "dataclass": (lambda t: Out("x", t), lambda out: out.maps),
}


def network(module: nn.Module) -> Any:
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            part.reset_parameters()
    return network_of(module, side=32)


def test_the_first_tensor_of_a_pooling_with_indices_is_shown() -> None:
    net = network(SegNet())
    with torch.no_grad():
        maps = net.module.relu1(net.module.conv1(input_for(net, IMAGE)))
        pooled = nn.functional.max_pool2d(maps, 2)[0]
    shown = activations(net, IMAGE, "pool")
    assert shown.maps.shape == (8, 16, 16)
    assert torch.equal(shown.maps, pooled)
    assert {layer.name: layer.shape for layer in layers(net)}["pool"] == (8, 16, 16)


def test_every_view_of_a_network_with_indices_works() -> None:
    net = network(SegNet())
    names = [layer.name for layer in layers_with_maps(net)]
    assert names == ["conv1", "relu1", "pool", "conv2", "relu2", "unpool", "conv3"]
    assert [each.layer.name for each in empty_by_depth(net, IMAGE)] == names
    files = Files((("cat", sample("cat").read()),))
    *_, last = count_dead(net, files)
    assert [each.layer.name for each in last.layers] == names


@pytest.mark.parametrize("layer_name", ["conv1", "relu1", "pool"])
def test_channels_are_switched_off_before_and_in_a_pooling_with_indices(layer_name: str) -> None:
    net = network(SegNet())
    result = ablate(net, IMAGE, layer_name, [0, 3], "conv3")
    batch, module = input_for(net, IMAGE), net.module
    with torch.no_grad():
        for off in (False, True):
            maps = module.conv1(batch)
            if off and layer_name == "conv1":
                maps[:, [0, 3]] = 0
            maps = maps.relu()
            if off and layer_name == "relu1":
                maps[:, [0, 3]] = 0
            maps, indices = nn.functional.max_pool2d(maps, 2, return_indices=True)
            if off and layer_name == "pool":
                maps[:, [0, 3]] = 0
            expected = module.conv3(module.unpool(module.conv2(maps).relu(), indices))[0]
            shown = result.after if off else result.before
            torch.testing.assert_close(shown.maps, expected)
    assert [change.layer.name for change in result.changes] == [
        layer.name for layer in deeper_layers(net, layer_name)
    ]
    assert all(change.relative > 0 for change in result.changes)


@pytest.mark.parametrize("kind", CONTAINERS)
def test_the_first_tensor_in_any_container_is_shown_and_switched_off(kind: str) -> None:
    net = network(Around(*CONTAINERS[kind]))
    with torch.no_grad():
        maps = torch.tanh(net.module.conv(input_for(net, IMAGE)))
        without = maps.clone()
        without[:, 1] = 0
        last = net.module.last(without)
    assert torch.equal(activations(net, IMAGE, "odd").maps, maps[0])
    result = ablate(net, IMAGE, "odd", [1], "last")
    torch.testing.assert_close(result.after.maps, last[0])
    assert len(empty_by_depth(net, IMAGE)) == 3


def test_a_layer_that_cannot_be_shown_is_one_gap_with_its_reason() -> None:
    net = network(Around(torch.fft.fft2, lambda out: out.real))
    gaps: dict[str, str] = {}
    shown = [layer.name for layer, _ in strength_by_depth(net, IMAGE, gaps)]
    assert shown == ["conv", "last"]
    assert list(gaps) == ["odd"]
    assert "puts out complex numbers" in gaps["odd"]
    assert [each.layer.name for each in empty_by_depth(net, IMAGE)] == shown
    *_, dead = count_dead(net, Files((("cat", sample("cat").read()),)))
    assert [each.layer.name for each in dead.layers] == shown
    result = ablate(net, IMAGE, "conv", [0], "last")
    assert [change.layer.name for change in result.changes] == ["last"]
    for look in (
        lambda: activations(net, IMAGE, "odd"),
        lambda: ablate(net, IMAGE, "conv", [0], "odd"),
        lambda: capture(net.module, input_for(net, IMAGE), ["odd"]),
    ):
        with pytest.raises(NetworkError, match="complex numbers"):
            look()
