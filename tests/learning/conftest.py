"""A tiny network, a tiny data set, and zips made by hand."""

import io
import zipfile
from collections.abc import Callable

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.datasets.labelled_set import Dataset, Split, split
from convviz.datasets.shapes import shapes
from convviz.networks import registry
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import register
from convviz.weights.load import load

Zip = Callable[[dict[str, bytes]], bytes]


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

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x)).relu()
        x = self.deep_norm(self.deep(x)).relu()
        scores: torch.Tensor = self.fc(self.dropout(self.pool(x).flatten(1)))
        return scores


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Network:
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))
    register(NetworkSpec(name="tiny", title="Tiny", build=Tiny, input_size=32))
    return load("tiny", "random", seed=1)


@pytest.fixture(scope="session")
def few() -> Dataset:
    return shapes(per_class=8)


@pytest.fixture(scope="session")
def few_split(few: Dataset) -> Split:
    return split(few)


def picture(colour: str, side: int = 40, format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, format)
    return file.getvalue()


@pytest.fixture
def pack() -> Zip:
    def packed(files: dict[str, bytes]) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return file.getvalue()

    return packed
