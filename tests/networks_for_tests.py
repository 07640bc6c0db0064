"""A registry that tests may add networks to, and a tiny network to train."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor, nn

from convviz.networks import registry
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import register
from convviz.structure.layers import Layer, layers
from convviz.weights.load import load


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test register networks, and forget them after it."""
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))
    monkeypatch.setattr(registry, "_outcomes", {})


@pytest.fixture
def own_file(
    fresh_registry: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Write a file of a user's own and name it in CONVVIZ_NETWORKS, after those before it."""
    monkeypatch.setattr("sys.path", list(sys.path))
    written: list[str] = []

    def write(text: str, name: str = "my_net.py") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        written.append(str(path))
        monkeypatch.setenv(registry.VARIABLE, os.pathsep.join(written))
        return path

    return write


@pytest.fixture
def read() -> Callable[..., dict[str, Layer]]:
    """Find the layers of a module, by name; what else its spec holds may be given."""

    def find(module: nn.Module, size: int = 8, **options: object) -> dict[str, Layer]:
        spec = NetworkSpec(
            name="own", title="Own", build=lambda: module, input_size=size, **options
        )
        return {each.name: each for each in layers(spec)}

    return find


class Tiny(nn.Module):
    """Two convolutions with batch norms, an average pooling and a decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 5, stride=4)
        self.norm = nn.BatchNorm2d(6)
        self.deep = nn.Conv2d(6, 8, 3, stride=2)
        self.deep_norm = nn.BatchNorm2d(8)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x)).relu()
        x = self.deep_norm(self.deep(x)).relu()
        scores: Tensor = self.fc(self.dropout(self.pool(x).flatten(1)))
        return scores


@pytest.fixture
def tiny(fresh_registry: None) -> Network:
    """Register `Tiny` and load it with random weights."""
    register(NetworkSpec(name="tiny", title="Tiny", build=Tiny, input_size=32))
    return load("tiny", "random", seed=1)
