"""Networks in wrappers, with parameters of their own, or whose forward() depends on the image."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from convviz.structure.costs import count


def plain() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
    )


class DependsOnTheImage(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network, self.other = plain(), nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        if x.mean() > 10:
            x = self.other(x)
        y: Tensor = self.network(x)
        return y


class OwnParameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kernels, self.biases = (
            nn.Parameter(torch.ones(4, 3, 3, 3)),
            nn.Parameter(torch.ones(4)),
        )
        self.conv, self.fc = nn.Conv2d(4, 4, 3), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv2d(x, self.kernels, self.biases).relu()
        y: Tensor = self.fc(self.conv(x).relu().mean((2, 3)))
        return y


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "plain": plain,
    "DataParallel": lambda: nn.DataParallel(plain()),
    "compiled": lambda: torch.compile(plain(), backend="eager"),
    "depends on the image": DependsOnTheImage,
    "parameters of its own": OwnParameters,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_its_layers_are_those_that_run(name: str) -> None:
    costs = count(NETWORKS[name]().eval(), 12)
    kernels = [row for row in costs.layers if row.macs]
    assert [(row.depth, row.field and row.field.size) for row in kernels] == [
        (1, 3),
        (2, 5),
        (3, 12),  # the mean of 8 × 8 positions, each of 5 pixels
    ]
    assert costs.parameters == 4 * 27 + 4 + 4 * 36 + 4 + 4 * 2 + 2
    assert costs.macs == 10 * 10 * 4 * 27 + 8 * 8 * 4 * 36 + 8
    not_run = [row.module for row in costs.layers if not row.executed]
    assert not_run == (["other"] if name == "depends on the image" else [])
