"""Make a network of a published description."""

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn

from convviz.networks.published.designs import (
    Conv,
    Description,
    Design,
    GlobalAverage,
    Inception,
    Linear,
    MaxPool,
    ResponseNorm,
)
from convviz.networks.registry import NetworkSpec


def build(design: Design) -> nn.Module:
    """Build a design on torch's meta device: shapes without values.

    In train mode it returns (scores, scores of aux2, scores of aux1) where it has such heads, in
    the order in which torchvision's GoogLeNet returns them; else its scores, (N, 1000).
    """
    with torch.device("meta"):
        return Published(design).eval().requires_grad_(False)


def describe(design: Design) -> NetworkSpec:
    """Return the spec under which a design can be counted like any other network."""
    return NetworkSpec(
        name=design.name,
        title=design.title,
        build=partial(build, design),
        paper=design.paper,
        input_size=design.input_size,
        encoder_end=design.encoder_end,
        auxiliary=tuple(name for name, _ in design.heads),
        title_of=_title,
    )


_BRANCHES = {
    "branch1.0": "1×1",
    "branch2.0": "3×3 reduce",
    "branch2.2": "3×3",
    "branch3.0": "5×5 reduce",
    "branch3.2": "5×5",
    "branch4.0": "pool",
    "branch4.1": "pool projection",
}


def _title(name: str) -> str | None:
    """Name a part of a published network: "inception3a · 3×3 reduce", "conv1"."""
    stage, _, part = name.partition(".")
    if part in _BRANCHES:
        return f"{stage} · {_BRANCHES[part]}"
    return stage if part in {"", "0"} else None


class Published(nn.Module):
    """A network built from a description, its layers named as in the description."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = design
        channels, size = 3, design.input_size
        last = design.layers[-1][0]
        after = {head.after: name for name, head in design.heads}
        heads: list[tuple[str, nn.Module]] = []
        for name, description in design.layers:
            part, channels, size = _layer(description, channels, size, final=name == last)
            self.add_module(name, part)
            if name in after:
                heads.append((after[name], AuxiliaryHead(channels)))
        for name, module in heads:
            self.add_module(name, module)

    def forward(self, picture: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return class scores, and in train mode those of the auxiliary heads."""
        after = {head.after: name for name, head in self.design.heads}
        x, extra = picture, list[Tensor]()
        for name, description in self.design.layers:
            if isinstance(description, Linear) and x.dim() > 2:
                x = torch.flatten(x, 1)
            x = self.get_submodule(name)(x)
            if self.training and name in after:
                extra.append(self.get_submodule(after[name])(x))
        return (x, *reversed(extra)) if extra else x


class InceptionModule(nn.Module):
    """Four branches side by side, joined channel by channel."""

    def __init__(self, channels: int, plan: Inception) -> None:
        super().__init__()
        self.branch1 = nn.Sequential(*_conv(channels, Conv(plan.conv1, 1)))
        self.branch2 = nn.Sequential(
            *_conv(channels, Conv(plan.reduce3, 1)),
            *_conv(plan.reduce3, Conv(plan.conv3, 3, padding=1)),
        )
        self.branch3 = nn.Sequential(
            *_conv(channels, Conv(plan.reduce5, 1)),
            *_conv(plan.reduce5, Conv(plan.conv5, 5, padding=2)),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), *_conv(channels, Conv(plan.pool, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Join the branches' outputs."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class AuxiliaryHead(nn.Module):
    """Average pooling 5×5/3, 1×1 convolution, two fully connected layers (paper, section 5)."""

    def __init__(self, channels: int, classes: int = 1000) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(5, stride=3)
        self.conv = nn.Sequential(*_conv(channels, Conv(128, 1)))
        self.fc1 = nn.Sequential(nn.Linear(128 * 4 * 4, 1024), nn.ReLU())
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return class scores."""
        x = torch.flatten(self.conv(self.pool(x)), 1)
        scores: Tensor = self.fc2(self.dropout(self.fc1(x)))
        return scores


def _conv(channels: int, plan: Conv) -> Iterable[nn.Module]:
    yield nn.Conv2d(
        channels,
        plan.channels,
        plan.kernel,
        stride=plan.stride,
        padding=plan.padding,
        groups=plan.groups,
    )
    yield nn.ReLU()


def _layer(
    plan: Description, channels: int, size: int, *, final: bool
) -> tuple[nn.Module, int, int]:
    """Build one layer; return it with the channels and the side of what it hands on."""
    if isinstance(plan, Conv):
        side = (size + 2 * plan.padding - plan.kernel) // plan.stride + 1
        return nn.Sequential(*_conv(channels, plan)), plan.channels, side
    if isinstance(plan, MaxPool):
        room = size - plan.kernel + (plan.stride - 1 if plan.ceil else 0)
        pool = nn.MaxPool2d(plan.kernel, stride=plan.stride, ceil_mode=plan.ceil)
        return pool, channels, room // plan.stride + 1
    if isinstance(plan, ResponseNorm):
        # The paper's α is not divided by the number of neighbours; torch divides it.
        return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0), channels, size
    if isinstance(plan, Inception):
        joined = plan.conv1 + plan.conv3 + plan.conv5 + plan.pool
        return InceptionModule(channels, plan), joined, size
    if isinstance(plan, GlobalAverage):
        return nn.AdaptiveAvgPool2d(1), channels, 1
    linear = nn.Linear(channels * size * size, plan.units)
    return linear if final else nn.Sequential(linear, nn.ReLU(), nn.Dropout()), plan.units, 1
