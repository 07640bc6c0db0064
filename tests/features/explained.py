"""Networks whose scores can be explained: tiny ones by hand, and real ones with random weights."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models

from convviz.networks.network import Network
from tests.networks_for_tests import network_of


def explained(module: nn.Module, *, side: int, classes: int) -> Network:
    """Wrap a module as a network with so many classes, its batch norms with statistics."""
    generator = torch.Generator().manual_seed(5)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            count = part.num_features
            part.running_mean = torch.randn(count, generator=generator) * 0.1
            part.running_var = torch.rand(count, generator=generator) + 0.5
            part.weight.data = torch.rand(count, generator=generator) + 0.5
            part.bias.data = torch.randn(count, generator=generator) * 0.1
    names = tuple(f"class {index}" for index in range(classes))
    return network_of(module, side=side, classes=names, imagenet=side > 8)


def real(name: str) -> Network:
    """Build a network of torchvision with weights drawn from a seed and 1,000 classes."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(1)
        module = getattr(models, name)(weights=None)
    return explained(module, side=96, classes=1000)


def scorer(after: nn.Module) -> nn.Sequential:
    """Make two channels, red − 0.5 and green; what comes after them; averages; two scores.

    The scores are 2 · first − second + 0.1, and 3 · second.
    """
    convolution, linear = nn.Conv2d(3, 2, 1), nn.Linear(2, 2)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1.0, 0]])[:, :, None, None])
        convolution.bias.copy_(torch.tensor([-0.5, 0.0]))  # type: ignore[union-attr]
        linear.weight.copy_(torch.tensor([[2.0, -1.0], [0.0, 3.0]]))
        linear.bias.copy_(torch.tensor([0.1, 0.0]))
    return nn.Sequential(convolution, after, nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)


def two_channels() -> Network:
    """The network of `scorer` with a ReLU in place."""
    return explained(scorer(nn.ReLU(inplace=True)), side=2, classes=2)


def two_channels_image() -> Image.Image:
    """2 × 2 pixels: red is 0 and 1 in turns, green 0.2."""
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[..., 0] = [[0, 255], [255, 0]]
    pixels[..., 1] = 51
    return Image.fromarray(pixels)


class Function(nn.Module):
    """A function as a module, called as a function: no part of it is a module."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        """Call the function of this name."""
        calls = {
            "relu": lambda: nn.functional.relu(x),
            "relu in place": lambda: x.relu_(),
            "torch.relu": lambda: torch.relu(x),
            "relu6": lambda: nn.functional.relu6(x),
            "hardtanh": lambda: nn.functional.hardtanh(x, 0.0, 6.0),
            "clamp": lambda: x.clamp(min=0),
            "clamp_min": lambda: x.clamp_min(0),
            "threshold": lambda: nn.functional.threshold(x, 0.0, 0.0),
            "maximum": lambda: torch.maximum(x, torch.zeros_like(x)),
            "maximum of zero": lambda: torch.maximum(torch.zeros(()), x),
        }
        made: Tensor = calls[self.name]()
        return made


def explainable(name: str, photograph: Image.Image) -> tuple[Network, Image.Image, int]:
    """Return a network, "tiny" or one of `real`, an image for it, and the number of a class."""
    if name == "tiny":
        return two_channels(), two_channels_image(), 0
    return real(name), photograph, 7
