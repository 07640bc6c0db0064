"""A user's file, as README describes it: a small network with values by a formula."""

import torch
from torch import Tensor, nn

from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register


class Small(nn.Module):
    """A convolution, a batch norm, a ReLU, and a fully connected layer on the average."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 5, stride=4)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Score ten classes."""
        scores: Tensor = self.head(self.norm(self.conv(x)).relu().mean((2, 3)))
        return scores


@torch.no_grad()
def build() -> Small:
    """Build the network; its values are the same on every machine."""
    network = Small()
    for number, value in enumerate(network.parameters()):
        steps = (torch.arange(value.numel()) * 7919 + 104729 * (number + 1)) % 2003
        value.copy_((steps.double() / 2003 - 0.5).reshape(value.shape) * 0.4)
    return network


register(NetworkSpec(name="golden-small", title="Golden small", build=build, input_size=32))
