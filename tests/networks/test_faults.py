"""Whose fault an error is: a user's network's is told in words, a built-in one's is a bug."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from convviz.errors import NetworkError
from convviz.networks import registry
from convviz.networks.clone import clone
from convviz.networks.network import NetworkSpec
from convviz.structure.costs import count as costs
from convviz.structure.layers import layers
from convviz.weights.load import load

SECRET = "secret /home/u/token.txt"


class Broken(nn.Module):
    """Raises what it was told to."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        self.conv(x)
        raise self.error


@pytest.fixture
def break_network(fresh_registry: None, monkeypatch: pytest.MonkeyPatch) -> object:
    """Make a network called broken that raises this error; built in or not."""

    def make(error: BaseException, *, built_in: bool) -> NetworkSpec:
        spec = NetworkSpec(name="broken", title="Broken", build=lambda: Broken(error))
        registry.register(spec)
        if built_in:
            monkeypatch.setattr(registry, "_built_in", {*registry._built_in, "broken"})
        return spec

    return make


@pytest.mark.parametrize("look", [costs, lambda spec: layers(load(spec.name, "random"))])
def test_a_built_in_networks_error_is_raised_as_it_is(look, break_network) -> None:  # type: ignore
    spec = break_network(RuntimeError(SECRET), built_in=True)
    with pytest.raises(RuntimeError, match="token"):
        look(spec)


@pytest.mark.parametrize("look", [costs, lambda spec: layers(load(spec.name, "random"))])
def test_a_users_networks_error_is_told_without_its_path(look, break_network) -> None:  # type: ignore
    spec = break_network(RuntimeError(SECRET), built_in=False)
    with pytest.raises(NetworkError, match=r"RuntimeError: secret token\.txt") as caught:
        look(spec)
    assert "/home" not in str(caught.value)


@pytest.mark.parametrize("built_in", [False, True])
@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 GB")]
)
def test_too_little_memory_is_no_networks_fault(error, built_in, break_network) -> None:  # type: ignore
    spec = break_network(error, built_in=built_in)
    with pytest.raises(type(error)):
        costs(spec)


def test_too_little_memory_in_building_or_copying_is_no_networks_fault(
    fresh_registry: None,
) -> None:
    def build() -> nn.Module:
        raise MemoryError

    with pytest.raises(MemoryError):
        registry.build(NetworkSpec(name="greedy", title="Greedy", build=build))

    class Greedy(nn.Module):
        def __deepcopy__(self, memo: object) -> nn.Module:
            raise MemoryError

    with pytest.raises(MemoryError):
        clone(nn.Sequential(Greedy()))


def test_a_built_in_network_that_cannot_be_built_is_a_bug(
    fresh_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(**_: object) -> nn.Module:
        raise RuntimeError(SECRET)

    spec = replace(registry.spec("alexnet"), build=build)
    monkeypatch.setitem(registry._specs, "alexnet", spec)
    with pytest.raises(RuntimeError, match="token"):
        registry.build(spec)
    with pytest.raises(NetworkError, match=r"RuntimeError: secret token\.txt"):
        registry.build(replace(spec, name="mine"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no such file: '/home/u/x.pt'", "no such file: 'x.pt'"),
        ("C:\\Users\\u\\x.pt is gone", "x.pt is gone"),
        ("~/weights/x.pt is gone", "x.pt is gone"),
        ("/x.pt", "x.pt"),
        ("3/4 of 12 m/s", "3/4 of 12 m/s"),
        ("size 64/2 and a/b", "size 64/2 and a/b"),
        ("at https://example.org/a/b", "at https://example.org/a/b"),
    ],
)
def test_of_a_path_only_the_files_name_is_told(text: str, expected: str) -> None:
    assert registry.reason(ValueError(text)) == f"ValueError: {expected}"


def test_real_networks_still_say_what_size_they_need() -> None:
    with pytest.raises(NetworkError, match="20×20 pixels: choose 63×63 or more"):
        layers(load("alexnet", "random"), 20)
    assert torch.is_grad_enabled()
