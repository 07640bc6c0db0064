"""Tiny networks by name, `network_of`, and a registry that tests may add networks to."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from convviz.networks import registry
from convviz.networks.network import IMAGENET_MEAN, IMAGENET_STD, Network, NetworkSpec, Weights
from convviz.networks.registry import register
from convviz.structure.layers import Layer, layers
from convviz.weights.load import load


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test register networks, and forget them after it."""
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))
    monkeypatch.setattr(registry, "_outcomes", {})


@pytest.fixture(scope="module", autouse=True)
def networks_of_a_module() -> Iterator[None]:
    """Forget what a file of tests registered for all of its own, so that no other file sees it."""
    before = dict(registry._specs)
    yield
    registry._specs.clear()
    registry._specs.update(before)


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


def network_of(
    module: nn.Module,
    *,
    side: int = 4,
    resize: int | None = None,
    classes: tuple[str, ...] = (),
    imagenet: bool = False,
) -> Network:
    """Wrap a module as a network.

    Args:
        module: It is put into eval mode, and its parameters are frozen.
        side: Of its square input, in pixels.
        resize: To which length the shorter side of an image is scaled; None for `side`.
        classes: Their names; empty for a network without a decoder.
        imagenet: Whether pixels are normalised as for ImageNet; they stay as they are otherwise.
    """
    module.eval().requires_grad_(False)
    spec = NetworkSpec(
        name="tiny",
        title="Tiny",
        build=lambda: module,
        input_size=side,
        mean=IMAGENET_MEAN if imagenet else (0.0, 0.0, 0.0),
        std=IMAGENET_STD if imagenet else (1.0, 1.0, 1.0),
    )
    weights = Weights(
        source="own",
        title="by hand",
        training_set="none (untrained)",
        has_decoder=bool(classes),
        bytes=0,
        sha256="0" * 64,
        classes=classes,
        input_size=side,
        resize=resize or side,
    )
    return Network(spec, module, weights)


def seeded(module: nn.Module, seed: int = 1) -> nn.Module:
    """Give every parameter values that depend on the seed alone."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        fan = parameter[0].numel()
        parameter.data = torch.randn(parameter.shape, generator=generator) * (2 / fan) ** 0.5
    return module


@torch.no_grad()
def fill(module: nn.Module) -> nn.Module:
    """Give a module values by a formula, so that they are the same on every machine."""
    for number, (name, value) in enumerate(sorted(module.state_dict().items())):
        if not value.is_floating_point():
            continue
        index = torch.arange(value.numel(), dtype=torch.int64)
        steps = (index * 7919 + 104729 * (number + 1)) % 2003
        unit = steps.double() / 2003 - 0.5
        if name.endswith("running_var"):
            unit = unit + 1.0
        fan_in = value[0].numel() if value.dim() > 1 else 4
        scaled = unit if value.dim() < 2 else unit * 2 * (3 / fan_in) ** 0.5
        value.copy_(scaled.reshape(value.shape).to(value.dtype))
    return module.eval()


class InPlace(nn.Module):
    """A ReLU in place after a convolution with a dead channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(3, 2)

    def forward(self, batch: Tensor) -> Tensor:
        return self.fc(self.pool(self.relu(self.conv(batch))).amax((2, 3)))


class RedChannels(InPlace):
    """Three channels that pass red on, twice its opposite, and nothing; then a ReLU in place."""

    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.bias.copy_(torch.tensor([0.0, 0.0, -5.0]))
            self.conv.weight[0, 0] = 1
            self.conv.weight[1, 0] = -2
            self.fc.weight.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]))
            self.fc.bias.zero_()


@pytest.fixture
def red_channels() -> RedChannels:
    return RedChannels().eval()


def two_convolutions() -> nn.Module:
    """Make two convolutions with ReLUs in place, and a linear layer for three classes."""
    return seeded(
        nn.Sequential(
            nn.Conv2d(3, 12, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 16, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(256, 3),
        )
    )


class Functional(nn.Module):
    """Functional ReLUs, poolings and a clamp in the network's own forward."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 5, 3, padding=1)
        self.norm = nn.BatchNorm2d(5)
        self.conv3 = nn.Conv2d(5, 6, 3, padding=1)
        self.conv4 = nn.Conv2d(6, 6, 3, padding=1)
        self.fc1 = nn.Linear(6 * 2 * 2, 7)
        self.fc2 = nn.Linear(7, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.conv1(x))
        x = functional.relu_(self.norm(self.conv2(x)))
        x = functional.relu(functional.max_pool2d(self.conv3(x), 2))
        x = functional.avg_pool2d(self.conv4(x), 2)
        x = torch.clamp(self.fc1(x.flatten(1)), min=0)
        return functional.log_softmax(self.fc2(x), dim=1)


class Block(nn.Module):
    """One convolution with its norm and a ReLU of its own, as in GoogLeNet."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(x)), inplace=True)


class Residual(nn.Module):
    """A residual block with one ReLU module used twice and a shared convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.relu(self.norm1(self.conv(x)))
        return self.relu(self.norm2(self.conv(inner)) + x)


class Sum(nn.Module):
    """A residual block that is rectified by a function."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.conv2 = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.conv2(functional.relu(self.conv1(x))) + x)


class Fork(nn.Module):
    """Two branches side by side."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.left = Block(inputs, 2)
        self.right = nn.Sequential(nn.Conv2d(inputs, 3, 1), nn.ReLU(inplace=True), nn.Dropout())

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.left(x), self.right(x)], dim=1)


class WithImage(nn.Module):
    """A concatenation of a convolution and of something that no layer made."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x * 2, self.conv(x)], dim=1)


class BothSigns(nn.Module):
    """A convolution that one ReLU reads as it is and another one negated."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return torch.cat([functional.relu(x), functional.relu(-x)], dim=1)


class Half(nn.Module):
    """A ReLU that is written into half of a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x[:, :2].relu_()
        return x


class Shared(nn.Module):
    """One convolution used twice, a parameter beside the layers, tied weights, an idle layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.again = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.idle = nn.Linear(4, 2)
        self.out = nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.out.weight

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.first(x))
        x = self.again(self.again(x)) * self.scale
        x = functional.max_pool2d(x, 2).mean((2, 3))
        return functional.linear(self.tied(self.out(x)), self.out.weight)


class LooksAtValues(nn.Module):
    """Looks at its numbers, so that it cannot run on the meta device."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y if float(y.sum()) > 1e9 else y.relu()


class Tokens(nn.Module):
    """A small transformer's way: patches as tokens, a layer norm, a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 4, stride=4)
        self.norm = nn.LayerNorm(4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(self.conv(x).flatten(2).transpose(1, 2))
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return self.fc((tokens + mixed).mean(1))


class ReadTwice(nn.Module):
    """A convolution whose output is read by a norm, and as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, batch: Tensor) -> Tensor:
        maps = self.convolution(batch)
        return self.norm(maps) + maps


class RunsTwice(nn.Module):
    """A convolution that runs twice, with a norm after its second run."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, batch: Tensor) -> Tensor:
        return self.norm(self.convolution(self.convolution(batch).relu()))


class OneSize(nn.Module):
    """Takes images of 8 × 8 pixels and no others."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3 * 8 * 8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1))


class Returns(nn.Module):
    """Returns a dictionary, a tuple and a list in one another."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> object:
        return {"out": ([self.conv(x)], None)}


class Broken(nn.Module):
    """Its forward raises."""

    def forward(self, x: Tensor) -> Tensor:
        raise KeyError("weights")


class Empty(nn.Module):
    """Has no layer."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class Arranged(nn.Module):
    """ReLUs behind arrangements, means, concatenations and slices of what may be rectified."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)
        self.again = nn.ReLU()
        self.mixed = nn.Conv2d(4, 4, 1)
        self.fc = nn.Linear(4, 3)
        self.out = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([functional.relu(self.left(x)), self.right(x).clamp(min=0)], dim=1)
        x = self.mixed(self.again(x)[:, :, 1:, 1:].permute(0, 1, 3, 2))
        x = functional.relu(functional.adaptive_avg_pool2d(x, 1).squeeze(3).squeeze(2))
        x = self.fc(x.unsqueeze(1).squeeze(1) * 2)
        return self.out(torch.threshold(x.view(-1, 3), 0.0, 0.0) + functional.hardtanh(x, 0, 1))


class Trainable(nn.Module):
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
    """Register `Trainable` and load it with random weights."""
    register(NetworkSpec(name="tiny", title="Tiny", build=Trainable, input_size=32))
    return load("tiny", "random", seed=1)
