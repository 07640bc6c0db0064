"""A registry that tests may add networks to."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from convviz.networks import registry
from convviz.networks.network import NetworkSpec
from convviz.structure.layers import Layer, layers


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
