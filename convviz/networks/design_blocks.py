"""The blocks of a design: what each line of its text says, and the line that says it.

A block computes no size: whether it fits what comes to it is found where it is built, in
`design_module`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Literal

Pair = tuple[int, int]

Third = Literal["5x5", "3x3", "3x3s"]
"""The kernels of an Inception module's third branch: one 5×5, one 3×3 or two 3×3."""


@dataclass(frozen=True)
class DesignBlock:
    """One line of a design.

    Attributes:
        line: Number of its line in the text, from 1; 0 if it was not read from a text. Designs that
            differ in these numbers alone are equal.
    """

    keyword: ClassVar[str]
    line: int = field(default=0, kw_only=True, compare=False)

    @property
    def options(self) -> tuple[str, ...]:
        """The words after the keyword."""
        return ()

    @property
    def text(self) -> str:
        """The line, as the grammar writes it."""
        return " ".join((self.keyword, *self.options))


@dataclass(frozen=True)
class InputBlock(DesignBlock):
    """The image: channels, height and width."""

    keyword = "input"
    channels: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.channels, self.height, self.width

    @property
    def options(self) -> tuple[str, ...]:
        """The words after the keyword."""
        return ("x".join(map(str, self.shape)),)


@dataclass(frozen=True)
class ConvBlock(DesignBlock):
    """A convolution; it has no bias if a batch norm is the next line."""

    keyword = "conv"
    channels: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    groups: int = 1
    dilation: Pair = (1, 1)

    @property
    def options(self) -> tuple[str, ...]:
        """The words after the keyword."""
        return (
            *(str(self.channels), _size(self.kernel)),
            *_given("/", self.stride, (1, 1)),
            *_given("p", self.padding, (0, 0)),
            *([f"g{self.groups}"] if self.groups > 1 else []),
            *_given("d", self.dilation, (1, 1)),
        )


@dataclass(frozen=True)
class PoolBlock(DesignBlock):
    """A pooling with a sliding window; `ceil` keeps a window that reaches beyond the edge."""

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    ceil: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The words after the keyword."""
        return (
            _size(self.kernel),
            *_given("/", self.stride, self.kernel),
            *_given("p", self.padding, (0, 0)),
            *(["ceil"] if self.ceil else []),
        )


@dataclass(frozen=True)
class MaxPoolBlock(PoolBlock):
    """The largest value of each window."""

    keyword = "maxpool"


@dataclass(frozen=True)
class AvgPoolBlock(PoolBlock):
    """The mean of each window; padding counts as zeros."""

    keyword = "avgpool"


@dataclass(frozen=True)
class AvgPoolToBlock(DesignBlock):
    """Average pooling to maps of a given size, with windows that divide the map evenly."""

    keyword = "avgpool"
    size: Pair

    @property
    def options(self) -> tuple[str, ...]:
        """The words after the keyword."""
        return ("to", _size(self.size))


@dataclass(frozen=True)
class BatchNormBlock(DesignBlock):
    """Batch normalisation (Ioffe and Szegedy 2015)."""

    keyword = "batchnorm"


@dataclass(frozen=True)
class ResponseNormBlock(DesignBlock):
    """Local response normalisation over 5 channels: α = 1e-4, β = 0.75, k = 2, in torch's form."""

    keyword = "lrn"


@dataclass(frozen=True)
class ReluBlock(DesignBlock):
    """max(0, x)."""

    keyword = "relu"


@dataclass(frozen=True)
class DropoutBlock(DesignBlock):
    """In training each value is set to 0 with this probability."""

    keyword = "dropout"
    rate: float

    @property
    def options(self) -> tuple[str, ...]:
        """The words after the keyword."""
        return (decimal(self.rate),)


@dataclass(frozen=True)
class FlattenBlock(DesignBlock):
    """Maps to one vector."""

    keyword = "flatten"


@dataclass(frozen=True)
class GapBlock(DesignBlock):
    """Global average pooling: one number for each channel."""

    keyword = "gap"


@dataclass(frozen=True)
class FcBlock(DesignBlock):
    """A fully connected layer with biases; it flattens what comes."""

    keyword = "fc"
    units: int

    @property
    def options(self) -> tuple[str, ...]:
        """The words after the keyword."""
        return (str(self.units),)


@dataclass(frozen=True)
class InceptionBlock(DesignBlock):
    """An Inception module, with a ReLU after each convolution (Szegedy et al. 2015).

    Attributes:
        conv1: Channels of the 1×1 branch.
        reduce3: Channels of the 1×1 before the 3×3; 0 for none.
        conv3: Channels of the 3×3.
        reduce5: Channels of the 1×1 before the 5×5; 0 for none.
        conv5: Channels of the 5×5, or of what is there instead.
        pool: Channels of the 1×1 after the 3×3 max pooling.
        third: What the third branch has.
        batch_norm: Whether each convolution is followed by a batch norm, and has no bias.
    """

    keyword = "inception"
    conv1: int
    reduce3: int
    conv3: int
    reduce5: int
    conv5: int
    pool: int
    third: Third = "5x5"
    batch_norm: bool = False

    @property
    def branches(self) -> tuple[int, int, int, int]:
        """Channels that each branch ends with."""
        return self.conv1, self.conv3, self.conv5, self.pool

    @property
    def options(self) -> tuple[str, ...]:
        """The words after the keyword."""
        return (
            str(self.conv1),
            f"{self.reduce3}>{self.conv3}" if self.reduce3 else str(self.conv3),
            f"{self.reduce5}>{self.conv5}" if self.reduce5 else str(self.conv5),
            f">{self.pool}",
            *([self.third] if self.third != "5x5" else []),
            *(["bn"] if self.batch_norm else []),
        )


@dataclass(frozen=True)
class ResidualBlock(DesignBlock):
    """The beginning of a residual: what comes here is added at its end (He et al. 2016)."""

    keyword = "residual"


@dataclass(frozen=True)
class EndBlock(DesignBlock):
    """The end of a residual."""

    keyword = "end"


@dataclass(frozen=True)
class AuxiliaryBlock(DesignBlock):
    """A classifier that helps training alone (Szegedy et al. 2015); the next line skips it.

    Attributes:
        weight: Of its loss in the sum with the main loss.
        batch_norm: Whether its convolution is followed by a batch norm, and has no bias.
    """

    keyword = "auxiliary"
    weight: float
    batch_norm: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The words after the keyword."""
        return (decimal(self.weight), *(["bn"] if self.batch_norm else []))


def has_batch_norm(blocks: Iterable[DesignBlock]) -> bool:
    """Whether any of some blocks normalises by batch, Inception modules with `bn` among them."""
    return any(
        isinstance(block, BatchNormBlock)
        or (isinstance(block, InceptionBlock) and block.batch_norm)
        for block in blocks
    )


def _size(pair: Pair) -> str:
    return f"{pair[0]}x{pair[1]}"


def _given(sign: str, pair: Pair, usual: Pair) -> tuple[str, ...]:
    """Write an option, unless it has its usual value."""
    if pair == usual:
        return ()
    return (f"{sign}{pair[0]}" if pair[0] == pair[1] else f"{sign}{_size(pair)}",)


def decimal(number: float) -> str:
    """Write a number as a line of a design has it: 0.5, 1 for 1.0, and 0.00001 for 1e-05."""
    return format(Decimal(repr(number)), "f").removesuffix(".0")
