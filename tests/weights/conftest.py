"""Networks and files of weights that the tests of several sources use."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from convviz.downloads import cache, http
from convviz.networks import catalogue, registry
from convviz.networks.initial_weights import untrained
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register, spec
from convviz.weights import imagenet
from convviz.weights.imagenet import TorchvisionFile
from tests.download_server import PATIENT, Server, server

__all__ = ["server"]


class Small(nn.Module):
    """A network of a user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).relu()


@pytest.fixture
def small(fresh_registry: None) -> NetworkSpec:
    torch.manual_seed(0)
    module = Small()
    own = NetworkSpec(name="small", title="Small", build=lambda: module, input_size=112)
    register(own)
    return own


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a folder of weight files in CONVVIZ_WEIGHTS."""
    path = tmp_path / "weights"
    path.mkdir()
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(path))
    return path


@pytest.fixture
def thin(fresh_registry: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Make AlexNet thin and quick to write, and give torchvision's checksum for what is written.

    Returns:
        A function that writes a file of its weights, under the checksum that is then expected.
    """

    def build(num_classes: int = 1000) -> nn.Module:
        module = catalogue.torchvision_network("alexnet", num_classes=num_classes)
        with torch.device("meta"):
            module.classifier = nn.Sequential(nn.Linear(256 * 36, 1000))
        return module

    file = imagenet.torchvision_file(spec("alexnet"))
    assert file is not None
    prefixes = [file.sha256_prefix]
    monkeypatch.setitem(registry._specs, "alexnet", replace(spec("alexnet"), build=build))
    monkeypatch.setattr(
        imagenet,
        "torchvision_file",
        lambda spec: replace(file, sha256_prefix=prefixes[0]) if spec.name == "alexnet" else None,
    )

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(untrained(spec("alexnet"), 0).state_dict(), path)
        prefixes[0] = cache.sha256(path)[:8]
        return path

    return write


@pytest.fixture
def tiny(
    server: Server, fresh_registry: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], TorchvisionFile]:
    """Make a network called tiny, whose ImageNet weights are what the server has stored."""
    monkeypatch.setattr(registry, "_built_in", {*registry._built_in, "tiny"})
    monkeypatch.setattr(http, "LIMITS", PATIENT)
    registry.register(NetworkSpec(name="tiny", title="Tiny", build=lambda: nn.Linear(2, 3)))

    def describe() -> TorchvisionFile:
        prefix = hashlib.sha256(server.stored).hexdigest()[:8]
        name = f"tiny-{prefix}.pth"
        return TorchvisionFile(server.url, name, prefix, len(server.stored), ("a", "b", "c"))

    original = imagenet.torchvision_file
    monkeypatch.setattr(
        imagenet,
        "torchvision_file",
        lambda spec: describe() if spec.name == "tiny" else original(spec),
    )
    return describe


@pytest.fixture
def thin_classes(fresh_registry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make AlexNet's classifier thin, with as many classes as asked for."""

    def build(num_classes: int = 1000) -> nn.Module:
        module = catalogue.torchvision_network("alexnet")
        with torch.device("meta"):
            module.classifier = nn.Sequential(nn.Linear(256 * 36, num_classes))
        return module

    monkeypatch.setitem(registry._specs, "alexnet", replace(spec("alexnet"), build=build))
