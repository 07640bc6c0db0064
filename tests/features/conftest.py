"""Tiny networks with hand-set weights, and a way to wrap any module as a network."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from convviz.networks.network import Network, NetworkSpec, Weights


class Tiny(nn.Module):
    """Three channels that pass red on, twice its opposite, and nothing; then a ReLU in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(3, 2)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.bias.copy_(torch.tensor([0.0, 0.0, -5.0]))
            self.conv.weight[0, 0] = 1
            self.conv.weight[1, 0] = -2
            self.fc.weight.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]))
            self.fc.bias.zero_()

    def forward(self, batch: Tensor) -> Tensor:
        maps = self.pool(self.relu(self.conv(batch)))
        return self.fc(maps.amax((2, 3)))


@pytest.fixture
def tiny() -> nn.Module:
    return Tiny().eval()


@pytest.fixture
def network_of() -> Callable[..., Network]:
    """Wrap a module as a network that takes pictures of 4 × 4 pixels as they are."""

    def wrap(module: nn.Module, *, classes: tuple[str, ...] = (), side: int = 4) -> Network:
        plain = NetworkSpec(
            name="tiny",
            title="Tiny",
            build=lambda: module,
            input_size=side,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
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
            resize=side,
        )
        for parameter in module.parameters():
            parameter.requires_grad_(False)
        return Network(spec=plain, module=module.eval(), weights=weights)

    return wrap
