"""Designs that two sliders make, small enough to be trained from random weights in a minute.

They stack the course's building blocks: a 3 × 3 convolution (padding 1, so that the side stays), a
batch norm if wanted, a ReLU, and a 2 × 2 max pooling with stride 2. After the stacks come global
average pooling and one fully connected layer. The channels double from stack to stack, up to
`MOST_CHANNELS`. Where a pooling would leave less than `LEAST_SIDE` pixels, it is left out, so that
any depth fits.
"""

from __future__ import annotations

from dataclasses import dataclass

from convviz.errors import SettingError
from convviz.language import tr, trn
from convviz.networks.design import Design, numbered
from convviz.networks.design_blocks import (
    BatchNormBlock,
    ConvBlock,
    DesignBlock,
    FcBlock,
    GapBlock,
    InputBlock,
    MaxPoolBlock,
    ReluBlock,
)
from convviz.networks.design_spec import design_spec
from convviz.networks.network import Network
from convviz.weights.untrained import Untrained

WIDTHS = (4, 64)
DEPTHS = (1, 8)
PIXELS = (32, 224)
MOST_CHANNELS = 128
LEAST_SIDE = 4
"""Pixels that a pooling must leave."""


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
            (tr("width in channels"), self.width, WIDTHS),
            (tr("depth in stacks"), self.depth, DEPTHS),
            (tr("input's side in pixels"), self.pixels, PIXELS),
        ):
            if not isinstance(value, int) or not least <= value <= most:
                raise SettingError(
                    tr(
                        "The {name}, {number}, is out of range; choose a whole number from "
                        "{least} to {most}.",
                        name=name,
                        number=value,
                        least=least,
                        most=most,
                    )
                )

    @property
    def name(self) -> str:
        """Short name, "small-16x3-bn-64"."""
        norm = "-bn" if self.batch_norm else ""
        return f"small-{self.width}x{self.depth}{norm}-{self.pixels}"

    @property
    def title(self) -> str:
        """Name for people."""
        if self.batch_norm:
            return trn(
                "Small network, {count} stack from {width} channels with batch norm",
                "Small network, {count} stacks from {width} channels with batch norm",
                self.depth,
                width=self.width,
            )
        return trn(
            "Small network, {count} stack from {width} channels",
            "Small network, {count} stacks from {width} channels",
            self.depth,
            width=self.width,
        )

    def design(self, classes: int) -> Design:
        """Write it as a design with as many outputs as there are classes.

        Raises:
            SettingError: A number is out of range.
        """
        self.check()
        blocks: list[DesignBlock] = [InputBlock(3, self.pixels, self.pixels)]
        side = self.pixels
        for index in range(self.depth):
            channels = min(self.width * 2**index, max(self.width, MOST_CHANNELS))
            blocks.append(ConvBlock(channels, (3, 3), padding=(1, 1)))
            if self.batch_norm:
                blocks.append(BatchNormBlock())
            blocks.append(ReluBlock())
            if side // 2 >= LEAST_SIDE:
                blocks.append(MaxPoolBlock((2, 2), (2, 2)))
                side //= 2
        blocks += [GapBlock(), FcBlock(classes)]
        return numbered(Design(self.name, tuple(blocks)))


def small_network(design: SmallDesign, seed: int = 0, classes: int = 6) -> Network:
    """Make an untrained small network, the same for the same seed.

    Args:
        design: Its settings.
        seed: Its weights are drawn from it.
        classes: How many it scores.

    Raises:
        SettingError: The design is out of range.
    """
    return Untrained().load(design_spec(design.design(classes)), seed=seed)
