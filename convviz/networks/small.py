"""Small networks from the course's building blocks, to be trained from nothing in a minute.

A stack is a 3 × 3 convolution (padding 1, so that the side stays), a batch norm if wanted, a ReLU,
and a 2 × 2 max pooling with stride 2. Stacks follow each other; then come global average pooling
and one fully connected layer. The channels double from stack to stack, up to `MOST_CHANNELS`. Where
a pooling would leave less than `LEAST_SIDE` pixels, it is left out, so that any depth fits.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch import Tensor, nn

from convviz.errors import SettingError
from convviz.lessons.sliding import slide
from convviz.networks.network import Network, NetworkSpec
from convviz.weights.assembly import with_random

WIDTHS = (4, 64)
DEPTHS = (1, 8)
PIXELS = (32, 224)
MOST_CHANNELS = 128
LEAST_SIDE = 4
"""Pixels that a pooling must leave; below that a map hardly is one."""


@dataclass(frozen=True)
class Stack:
    """One convolution and what follows it.

    Attributes:
        inputs: Channels it takes in.
        channels: Channels it puts out.
        side: Of its convolution's and its ReLU's maps, in pixels.
        pooled: Whether a max pooling ends it.
        output: Side of what it puts out, in pixels.
    """

    inputs: int
    channels: int
    side: int
    pooled: bool
    output: int


@dataclass(frozen=True)
class SmallDesign:
    """What a small network looks like.

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
        """Make sure that the numbers make sense.

        Raises:
            SettingError: One does not.
        """
        for what, value, (least, most) in (
            ("width in channels", self.width, WIDTHS),
            ("depth in stacks", self.depth, DEPTHS),
            ("input's side in pixels", self.pixels, PIXELS),
        ):
            if not isinstance(value, int) or not least <= value <= most:
                raise SettingError(
                    f"The {what}, {value}, is out of range; choose a whole number from {least} to "
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
        """Work out every stack's channels and sides."""
        self.check()
        found: list[Stack] = []
        inputs, side = 3, self.pixels
        for place in range(self.depth):
            channels = min(self.width * 2**place, max(self.width, MOST_CHANNELS))
            same = slide(side, 3, 1, 1).output
            halved = slide(same, 2, 2).output
            pooled = halved >= LEAST_SIDE
            found.append(Stack(inputs, channels, same, pooled, halved if pooled else same))
            inputs, side = channels, found[-1].output
        return tuple(found)

    def parameters(self, classes: int) -> int:
        """Work out how many parameters it has."""
        stacks = self.stacks()
        # Each channel has a bias, or the scale and the shift of its batch norm.
        each = 2 if self.batch_norm else 1
        convolutions = sum(s.channels * (s.inputs * 9 + each) for s in stacks)
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
    """Describe a small network; it is in no registry, as there are thousands.

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
    return with_random(small_spec(design), seed)


def _build(design: SmallDesign, num_classes: int = 6) -> nn.Module:
    with torch.device("meta"):  # shapes alone: who wants weights draws them with a seed
        return SmallNetwork(design, num_classes)


def _title(name: str) -> str | None:
    return {"average": "global average pooling"}.get(name, name.removeprefix("features."))


def _stage(name: str) -> str:
    number = re.search(r"\d+$", name)
    return f"stack {number[0]}" if number else "decoder"
