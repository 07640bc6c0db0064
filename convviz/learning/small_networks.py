"""Networks small enough to be trained from random weights in a minute.

`small_network` stacks the course's building blocks: a 3 × 3 convolution (padding 1, so that the
side stays), a batch norm if wanted, a ReLU, and a 2 × 2 max pooling with stride 2. After the stacks
come global average pooling and one fully connected layer. The channels double from stack to stack,
up to `MOST_CHANNELS`. Where a pooling would leave less than `LEAST_SIDE` pixels, it is left out, so
that any depth fits.

`small_inception` is GoogLeNet with every layer `NARROWER` times narrower, for the comparison with
and without auxiliary classifiers.
"""

from __future__ import annotations

import copy
import re
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torchvision.models import GoogLeNet
from torchvision.models.googlenet import BasicConv2d, Inception, InceptionAux

from convviz.errors import SettingError
from convviz.lessons.sliding import slide
from convviz.networks.decoders import put
from convviz.networks.initial_weights import draw
from convviz.networks.network import Network, NetworkSpec
from convviz.weights.untrained import Untrained

WIDTHS = (4, 64)
DEPTHS = (1, 8)
PIXELS = (32, 224)
MOST_CHANNELS = 128
LEAST_SIDE = 4
"""Pixels that a pooling must leave."""

NARROWER = 8
"""How many times fewer channels every layer has than GoogLeNet's."""

HEADS = {"aux1": "inception4a", "aux2": "inception4d"}
"""The auxiliary classifiers, the shallower one first, and the module whose output each reads."""

SmallInitialisation = Literal["lecun", "he"]
"""How first weights are drawn: with variance 1 / inputs (LeCun et al. 1998), or so that those of
convolutions have 2 / inputs (He et al. 2015), which makes up for what a ReLU takes away."""


@dataclass(frozen=True)
class Stack:
    """One convolution and what follows it.

    Attributes:
        inputs: Channels of its input.
        channels: Channels of its output.
        side: Of its convolution's and its ReLU's maps, in pixels.
        pooled: Whether a max pooling ends it.
        output: Side of its output, in pixels.
    """

    inputs: int
    channels: int
    side: int
    pooled: bool
    output: int


@dataclass(frozen=True)
class SmallDesign:
    """Settings of a small network.

    Attributes:
        width: Channels of the first stack.
        depth: How many stacks.
        batch_norm: Whether each convolution is followed by a batch norm.
        pixels: Side of the square input.
    """

    width: int = 16
    depth: int = 3
    batch_norm: bool = True
    pixels: int = 64

    def check(self) -> None:
        """Check that the numbers are in range.

        Raises:
            SettingError: One is not.
        """
        for name, value, (least, most) in (
            ("width in channels", self.width, WIDTHS),
            ("depth in stacks", self.depth, DEPTHS),
            ("input's side in pixels", self.pixels, PIXELS),
        ):
            if not isinstance(value, int) or not least <= value <= most:
                raise SettingError(
                    f"The {name}, {value}, is out of range; choose a whole number from {least} to "
                    f"{most}."
                )

    @property
    def name(self) -> str:
        """Short name, "small-16x3-bn-64"."""
        norm = "-bn" if self.batch_norm else ""
        return f"small-{self.width}x{self.depth}{norm}-{self.pixels}"

    @property
    def title(self) -> str:
        """Name for people."""
        stacks = "1 stack" if self.depth == 1 else f"{self.depth} stacks"
        norm = " with batch norm" if self.batch_norm else ""
        return f"Small network, {stacks} from {self.width} channels{norm}"

    def stacks(self) -> tuple[Stack, ...]:
        """Compute every stack's channels and sides."""
        self.check()
        stacks: list[Stack] = []
        inputs, side = 3, self.pixels
        for index in range(self.depth):
            channels = min(self.width * 2**index, max(self.width, MOST_CHANNELS))
            output = slide(side, 3, 1, 1).output
            halved = slide(output, 2, 2).output
            pooled = halved >= LEAST_SIDE
            stacks.append(Stack(inputs, channels, output, pooled, halved if pooled else output))
            inputs, side = channels, stacks[-1].output
        return tuple(stacks)

    def parameters(self, classes: int) -> int:
        """Count its parameters."""
        stacks = self.stacks()
        # Each channel has a bias, or the scale and the shift of its batch norm.
        per_channel = 2 if self.batch_norm else 1
        convolutions = sum(s.channels * (s.inputs * 9 + per_channel) for s in stacks)
        return convolutions + (stacks[-1].channels + 1) * classes


class SmallNetwork(nn.Module):
    """Stacks, global average pooling, and a fully connected layer.

    Takes (N, 3, H, W) and returns scores, (N, num_classes).
    """

    def __init__(self, design: SmallDesign, num_classes: int) -> None:
        super().__init__()
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        stacks = design.stacks()
        for number, stack in enumerate(stacks, start=1):
            # A batch norm takes the mean away, so a bias before it would do nothing.
            parts[f"conv{number}"] = nn.Conv2d(
                stack.inputs, stack.channels, 3, padding=1, bias=not design.batch_norm
            )
            if design.batch_norm:
                parts[f"bn{number}"] = nn.BatchNorm2d(stack.channels)
            parts[f"relu{number}"] = nn.ReLU()
            if stack.pooled:
                parts[f"pool{number}"] = nn.MaxPool2d(2)
        self.features = nn.Sequential(parts)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(stacks[-1].channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Score the classes."""
        scores: Tensor = self.fc(self.average(self.features(x)).flatten(1))
        return scores


@cache
def small_spec(design: SmallDesign) -> NetworkSpec:
    """Describe a small network; it is not in the registry, as there are thousands.

    Raises:
        SettingError: The design is out of range.
    """
    design.check()
    return NetworkSpec(
        name=design.name,
        title=design.title,
        build=partial(_build, design),
        input_size=design.pixels,
        encoder_end="features",
        title_of=_title,
        stage_of=_stage,
    )


def small_network(design: SmallDesign, seed: int = 0) -> Network:
    """Make an untrained small network, the same for the same seed.

    Raises:
        SettingError: The design is out of range.
    """
    return Untrained().load(small_spec(design), seed=seed)


def _build(design: SmallDesign, num_classes: int = 6) -> nn.Module:
    with torch.device("meta"):  # shapes alone; weights are drawn with a seed
        return SmallNetwork(design, num_classes)


def _title(name: str) -> str | None:
    return {"average": "global average pooling"}.get(name, name.removeprefix("features."))


def _stage(name: str) -> str:
    number = re.search(r"\d+$", name)
    return f"stack {number[0]}" if number else "decoder"


class PlainConv(nn.Module):
    """A convolution with biases and a ReLU, as in the paper: batch norm came a year later."""

    def __init__(self, in_channels: int, out_channels: int, **form: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, **form)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, (N, C, H, W), and let only positive values through."""
        positive: Tensor = self.conv(x).relu_()
        return positive


def small_inception(classes: int, *, batch_norm: bool = False) -> nn.Module:
    """Build the network on torch's meta device: shapes without values.

    It takes (N, 3, S, S), with S = 64 for example. In train mode it returns what torchvision's
    GoogLeNet does: its scores, (N, classes), those of aux2 and those of aux1.

    Args:
        classes: How many scores it returns.
        batch_norm: Whether each convolution is followed by one, as in torchvision's GoogLeNet.
    """
    block = BasicConv2d if batch_norm else PlainConv

    # torchvision passes GoogLeNet's own widths; only the image's three channels stay.
    def conv(in_channels: int, out_channels: int, **form: int) -> nn.Module:
        inputs = in_channels if in_channels == 3 else in_channels // NARROWER
        module: nn.Module = block(inputs, out_channels // NARROWER, **form)
        return module

    def head(in_channels: int, num_classes: int, dropout: float) -> nn.Module:
        module: nn.Module = InceptionAux(in_channels, num_classes, conv, dropout)
        module.fc1, module.fc2 = linear(module, "fc1"), linear(module, "fc2", num_classes)
        return module

    def linear(parent: nn.Module, name: str, outputs: int | None = None) -> nn.Module:
        wide = cast(nn.Linear, parent.get_submodule(name))
        inputs = wide.in_features // NARROWER
        return nn.Linear(inputs, outputs or wide.out_features // NARROWER)

    with torch.device("meta"):
        module: nn.Module = GoogLeNet(
            num_classes=classes,
            init_weights=False,
            blocks=[conv, partial(Inception, conv_block=conv), head],
            dropout=0.0,
            dropout_aux=0.0,
        )
        module.fc = linear(module, "fc", classes)
    return module


@torch.no_grad()
def initialise(module: nn.Module, start: SmallInitialisation, seed: int) -> nn.Module:
    """Draw the first weights of a network on torch's meta device; the same seed draws the same."""
    module = module.to_empty(device="cpu")
    draw(module, torch.Generator().manual_seed(seed))
    if start == "lecun":
        for part in module.modules():
            if isinstance(part, nn.Conv2d):
                part.weight.mul_(0.5**0.5)  # from variance 2 / inputs
            elif isinstance(part, nn.Linear):
                part.weight.mul_(3**0.5)  # from 1 / (3 inputs)
    return module


def without_heads(module: nn.Module) -> nn.Module:
    """Copy a network without its auxiliary classifiers; the other weights are the same."""
    network = copy.deepcopy(module)
    for name in HEADS:
        put(network, name, None)
    if isinstance(network, GoogLeNet):
        network.aux_logits = False
    return network
