"""A network as text, one line a block: the design language.

`GRAMMAR` says what each line may be, docs/DESIGN_LANGUAGE.md explains it. A design is read without
computing any size: whether its blocks fit together is found where it is built, in `design_module`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from convviz.errors import DesignError
from convviz.formatting import did_you_mean, grouped

Pair = tuple[int, int]

MOST_BLOCKS = 400
MOST_CHARACTERS = 40_000
MOST_CHANNELS = 65_536
MOST_SIDE = 1024
"""Pixels of the image, and of kernels, strides, paddings and dilations."""
MOST_NAME = 40
"""Characters of a name."""

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
        return (_decimal(self.rate),)


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
        return (_decimal(self.weight), *(["bn"] if self.batch_norm else []))


@dataclass(frozen=True)
class Design:
    """A network as a list of blocks; the first is the input.

    Attributes:
        name: Its name; empty for none.
        blocks: Its blocks, in order.
    """

    name: str
    blocks: tuple[DesignBlock, ...]

    @classmethod
    def parse(cls, text: str, name: str | None = None) -> Design:
        """Read a design.

        Args:
            text: Lines as `GRAMMAR` says.
            name: The name where the text gives none, such as that of its file.

        Raises:
            DesignError: A line is none of the grammar; the error names it.
        """
        return _parse(text, name)

    @property
    def input(self) -> InputBlock:
        """The image."""
        first = self.blocks[0]
        assert isinstance(first, InputBlock)  # noqa: S101  # as _parse has checked
        return first

    @property
    def auxiliary(self) -> tuple[AuxiliaryBlock, ...]:
        """The auxiliary classifiers."""
        return tuple(block for block in self.blocks if isinstance(block, AuxiliaryBlock))

    @property
    def text(self) -> str:
        """The design as text, always in the same form; what `parse` makes of it is equal."""
        lines = [f"name {self.name}"] if self.name else []
        return "\n".join((*lines, *(block.text for block in self.blocks))) + "\n"

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def has_bias(self, index: int) -> bool:
        """Whether the convolution at this place has biases: none if a batch norm is next."""
        following = self.blocks[index + 1 : index + 2]
        return not (following and isinstance(following[0], BatchNormBlock))


def numbered(design: Design) -> Design:
    """Give every block the number of its line in the design's own text."""
    first = 2 if design.name else 1
    blocks = (replace(block, line=i) for i, block in enumerate(design.blocks, first))
    return replace(design, blocks=tuple(blocks))


@dataclass(frozen=True)
class LineForm:
    """How one kind of line is written.

    Attributes:
        keyword: Its first word.
        example: A line of this kind, with all that it may have.
        meaning: What it does, in one sentence.
    """

    keyword: str
    example: str
    meaning: str


GRAMMAR = (
    LineForm("name", "name mine", "The network's name; only as the first line."),
    LineForm("input", "input 3x224x224", "Channels, height and width of the image."),
    LineForm(
        *("conv", "conv 64 3x3 /2 p1 g2 d2"),
        "Convolution: channels, kernel, stride, padding, groups and dilation; it has no bias if "
        "batchnorm is the next line.",
    ),
    LineForm("batchnorm", "batchnorm", "Batch normalisation, of maps or of a vector."),
    LineForm(
        *("lrn", "lrn"),
        "Local response normalisation over 5 channels (α = 1e-4, β = 0.75, k = 2).",
    ),
    LineForm("relu", "relu", "Negative values become 0."),
    LineForm(
        *("maxpool", "maxpool 3x3 /2 p1 ceil"),
        "Max pooling: window, stride (its window, unless said) and padding; with ceil a last "
        "window that reaches beyond the edge counts.",
    ),
    LineForm(
        *("avgpool", "avgpool 2x2"),
        "Average pooling, with the options of maxpool; or avgpool to 6x6: to maps of this size.",
    ),
    LineForm("dropout", "dropout 0.5", "In training each value is 0 with this probability."),
    LineForm("flatten", "flatten", "Maps become one vector."),
    LineForm("gap", "gap", "Global average pooling: one number for each channel."),
    LineForm("fc", "fc 1000", "Fully connected layer with biases; it flattens what comes."),
    LineForm(
        *("inception", "inception 64 96>128 16>32 >32 3x3 bn"),
        "Inception module: 1×1; 1×1 before 3×3; 1×1 before 5×5; 1×1 after a 3×3 max pooling. A "
        "number without > has no 1×1 before it. 3x3 puts one 3×3 in the place of the 5×5, 3x3s "
        "puts two; bn adds batch norm after each convolution. A ReLU follows each.",
    ),
    LineForm(
        *("residual", "residual"),
        "What comes here is added at the next end line, through a 1×1 convolution where the shapes "
        "differ. Residuals do not nest, and a ReLU after one is a line.",
    ),
    LineForm("end", "end", "The end of a residual."),
    LineForm(
        *("auxiliary", "auxiliary 0.3 bn"),
        "Auxiliary classifier for training, with the weight of its loss: average pooling to 4×4, "
        "1×1 convolution to 128 channels, ReLU, fc 1024, ReLU, dropout 0.7, fc. The next line goes "
        "on from what came to this one.",
    ),
)
"""Every kind of line, in the order in which they are explained."""

_FORMS = {form.keyword: form for form in GRAMMAR}


def _size(pair: Pair) -> str:
    return f"{pair[0]}x{pair[1]}"


def _given(sign: str, pair: Pair, usual: Pair) -> tuple[str, ...]:
    """Write an option, unless it has its usual value."""
    if pair == usual:
        return ()
    return (f"{sign}{pair[0]}" if pair[0] == pair[1] else f"{sign}{_size(pair)}",)


def _decimal(number: float) -> str:
    return repr(number).removesuffix(".0")


# Reading.


@dataclass(frozen=True)
class _Line:
    """A line that is read: its number, its first word, and the other words."""

    number: int
    keyword: str
    words: tuple[str, ...]

    def error(self, sentence: str) -> DesignError:
        return DesignError(self.number, sentence)

    @property
    def form(self) -> str:
        """How such a line is written, as the end of a sentence."""
        return f"such a line is “{_FORMS[self.keyword].example}”"


_NUMBER = re.compile(r"[0-9]+")
_SIZE = re.compile(r"([0-9]+)[x×]([0-9]+)", re.IGNORECASE)
_SIGNED = re.compile(r"([/pgd])([0-9]+)(?:[x×]([0-9]+))?", re.IGNORECASE)
_COLUMN = re.compile(r"([0-9]*)>([0-9]+)")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9}")

_MEANS = {
    "number": "number",
    "size": "size",
    "/": "stride",
    "p": "padding",
    "g": "number of groups",
    "d": "dilation",
}


def shown(word: str) -> str:
    """Quote a word of somebody's text, cut to a length that fits into a sentence."""
    printable = "".join(sign if sign.isprintable() else "�" for sign in word)
    return f"“{printable if len(printable) <= 30 else printable[:29] + '…'}”"


def _integer(line: _Line, digits: str, what: str, least: int, most: int) -> int:
    value = int(digits) if len(digits) <= 12 else 10**12
    if not least <= value <= most:
        raise line.error(
            f"the {what} is {'too large' if value > most else digits}: choose a whole number from "
            f"{grouped(least)} to {grouped(most)}."
        )
    return value


def _options(line: _Line, takes: str, flags: Sequence[str] = ()) -> dict[str, str]:
    """Sort the words of a line by what they are; each may stand once.

    Args:
        line: The line.
        takes: The signs that it takes: n for a number, s for a size, / p g d.
        flags: The words that it takes as they are.
    """
    found: dict[str, str] = {}
    for word in line.words:
        lower = word.lower()
        if lower in flags:
            kind = lower
        elif _NUMBER.fullmatch(word):
            kind = "number"
        elif _SIZE.fullmatch(word):
            kind = "size"
        elif _SIGNED.fullmatch(word):
            kind = word[0].lower()
        else:
            raise line.error(f"{shown(word)} is not understood here: {line.form}.")
        if kind not in flags and (kind[0] not in takes):
            hint = ""
            if kind == "number" and "s" in takes:
                hint = f"; a size is written {word}x{word}" if len(word) < 5 else ""
            raise line.error(
                f"{line.keyword} takes no {_MEANS[kind]}, such as {shown(word)}{hint}: {line.form}."
            )
        if kind in found:
            if kind == "number" and "s" in takes and "size" not in found:
                raise line.error(
                    f"there are two numbers, {shown(found[kind])} and {shown(word)}; a kernel is "
                    f"written as its height and width, such as 3x3: {line.form}."
                )
            raise line.error(
                f"{shown(found[kind])} and {shown(word)} say the same thing twice: leave one out."
            )
        found[kind] = word
    return found


def _pair(line: _Line, word: str, what: str, least: int, most: int = MOST_SIDE) -> Pair:
    """Read "3x3", "/2", "p1" or "p1x2"."""
    digits = re.findall(r"[0-9]+", word)
    values = [_integer(line, each, what, least, most) for each in digits]
    return values[0], values[-1]


def _needed(line: _Line, found: dict[str, str], kind: str, what: str) -> str:
    if kind not in found:
        raise line.error(f"{line.keyword} needs {what}: {line.form}.")
    return found[kind]


def _one_number(line: _Line, what: str) -> str:
    if len(line.words) != 1:
        count = "none" if not line.words else f"{len(line.words)} words"
        raise line.error(f"{line.keyword} needs {what}, and has {count}: {line.form}.")
    return line.words[0]


def _fraction(line: _Line, word: str, what: str) -> float:
    if not _DECIMAL.fullmatch(word):
        raise line.error(f"{shown(word)} is no {what}: {line.form}.")
    return float(word)


def _read_input(line: _Line) -> DesignBlock:
    word = _one_number(line, "channels, height and width")
    parts = re.split("[x×]", word, flags=re.IGNORECASE)
    if len(parts) != 3 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise line.error(
            f"{shown(word)} is not the size of an image: write channels, height and width, such as "
            "3x224x224 in colour or 1x28x28 in grey."
        )
    channels = _integer(line, parts[0], "number of channels", 1, MOST_CHANNELS)
    height, width = (_integer(line, side, "image's side", 1, MOST_SIDE) for side in parts[1:])
    return InputBlock(channels, height, width, line=line.number)


def _read_conv(line: _Line) -> DesignBlock:
    found = _options(line, "ns/pgd")
    number = _needed(line, found, "number", "its number of channels")
    channels = _integer(line, number, "number of channels", 1, MOST_CHANNELS)
    kernel = _pair(line, _needed(line, found, "size", "its kernel, such as 3x3"), "kernel", 1)
    group_word = found.get("g", "g1")
    if not _NUMBER.fullmatch(group_word[1:]):
        raise line.error(f"{shown(group_word)} is no number of groups: {line.form}.")
    groups = _integer(line, group_word[1:], "number of groups", 1, MOST_CHANNELS)
    if channels % groups:
        raise line.error(
            f"{grouped(channels)} channels cannot be divided into {grouped(groups)} groups: choose "
            f"a multiple of {grouped(groups)}, or other groups."
        )
    return ConvBlock(
        channels,
        kernel,
        stride=_pair(line, found.get("/", "/1"), "stride", 1),
        padding=_pair(line, found.get("p", "p0"), "padding", 0),
        groups=groups,
        dilation=_pair(line, found.get("d", "d1"), "dilation", 1),
        line=line.number,
    )


def _read_pool(line: _Line) -> tuple[Pair, Pair, Pair, bool]:
    found = _options(line, "s/p", ("ceil",))
    kernel = _pair(line, _needed(line, found, "size", "its window, such as 2x2"), "window", 1)
    stride = _pair(line, found["/"], "stride", 1) if "/" in found else kernel
    padding = _pair(line, found.get("p", "p0"), "padding", 0)
    if any(pad > side // 2 for pad, side in zip(padding, kernel, strict=True)):
        most = min(kernel) // 2
        raise line.error(
            f"a padding of {max(padding)} is more than half of a {kernel[0]}×{kernel[1]} window: "
            f"choose p{most} or a larger window."
            if most
            else f"a {kernel[0]}×{kernel[1]} window takes no padding: leave p{max(padding)} out or "
            "choose a larger window."
        )
    return kernel, stride, padding, "ceil" in found


def _read_maxpool(line: _Line) -> DesignBlock:
    return MaxPoolBlock(*_read_pool(line), line=line.number)


def _read_avgpool(line: _Line) -> DesignBlock:
    lower = [word.lower() for word in line.words]
    if "to" not in lower:
        return AvgPoolBlock(*_read_pool(line), line=line.number)
    if len(lower) != 2 or lower[0] != "to" or not _SIZE.fullmatch(lower[1]):
        raise line.error("to is followed by a size alone, as in “avgpool to 6x6”.")
    return AvgPoolToBlock(_pair(line, lower[1], "size", 1), line=line.number)


def _read_dropout(line: _Line) -> DesignBlock:
    rate = _fraction(line, _one_number(line, "its rate"), "rate")
    if not 0 <= rate < 1:
        raise line.error(
            f"a dropout of {_decimal(rate)} leaves nothing: choose 0 or more, below 1."
        )
    return DropoutBlock(rate, line=line.number)


def _read_fc(line: _Line) -> DesignBlock:
    word = _one_number(line, "its number of outputs")
    if not _NUMBER.fullmatch(word):
        raise line.error(f"{shown(word)} is no number of outputs: {line.form}.")
    return FcBlock(_integer(line, word, "number of outputs", 1, MOST_CHANNELS), line=line.number)


def _read_inception(line: _Line) -> DesignBlock:
    columns: list[tuple[str, str, str]] = []  # what was typed, the number before >, the one after
    third: list[str] = []
    norms = 0
    for word in line.words:
        lower = word.lower().replace("×", "x")
        if lower in {"5x5", "3x3", "3x3s"}:
            third.append(lower)
        elif lower == "bn":
            norms += 1
        elif _NUMBER.fullmatch(word):
            columns.append((word, "", word))
        elif match := _COLUMN.fullmatch(word):
            columns.append((word, match[1], match[2]))
        else:
            raise line.error(f"{shown(word)} is not understood here: {line.form}.")
    if len(columns) != 4:
        raise line.error(
            f"inception has four branches, and {len(columns)} are given: write the 1×1, the 3×3 "
            "with the 1×1 before it, the 5×5 likewise, and the pooling's 1×1, as in “64 96>128 "
            "16>32 >32”."
        )
    if len(third) > 1 or norms > 1:
        twice = " and ".join(map(shown, third)) if len(third) > 1 else "“bn” and “bn”"
        raise line.error(f"{twice} say the same thing twice: leave one out.")
    (first, _, conv1), (_, reduce3, conv3), (_, reduce5, conv5), (last, before, pool) = columns
    if ">" in first:
        raise line.error(f"nothing comes before the 1×1 of the first branch: write {conv1}.")
    if before or ">" not in last:
        raise line.error(
            f"the fourth branch is a pooling before a 1×1: write >{pool}, and not {shown(last)}."
        )
    typed = (conv1, reduce3, conv3, reduce5, conv5, pool)
    numbers = [
        _integer(line, each, "number of channels", 1, MOST_CHANNELS) if each else 0
        for each in typed
    ]
    for word, _, _ in columns[1:3]:
        if word.startswith(">"):
            raise line.error(
                f"{shown(word)} lacks the 1×1 before it: write 16{word}, or {word[1:]} without a "
                "1×1."
            )
    kind: Third = "3x3" if "3x3" in third else "3x3s" if "3x3s" in third else "5x5"
    first1, reduced3, wide3, reduced5, wide5, pooled = numbers
    return InceptionBlock(
        *(first1, reduced3, wide3, reduced5, wide5, pooled),
        third=kind,
        batch_norm=bool(norms),
        line=line.number,
    )


def _read_auxiliary(line: _Line) -> DesignBlock:
    rest = [word for word in line.words if word.lower() != "bn"]
    if len(line.words) - len(rest) > 1:
        raise line.error("“bn” and “bn” say the same thing twice: leave one out.")
    if len(rest) != 1:
        raise line.error(f"auxiliary needs one number, the weight of its loss: {line.form}.")
    weight = _fraction(line, rest[0], "weight of a loss")
    if not 0 < weight <= 10:
        raise line.error("the weight of the loss must be above 0 and at most 10.")
    return AuxiliaryBlock(weight, len(rest) < len(line.words), line=line.number)


def _read_alone(block: Callable[..., DesignBlock]) -> Callable[[_Line], DesignBlock]:
    """Make the reader of a line that is its keyword alone."""

    def read(line: _Line) -> DesignBlock:
        if line.words:
            raise line.error(
                f"{line.keyword} stands alone: leave {shown(' '.join(line.words))} out."
            )
        return block(line=line.number)

    return read


_READERS: dict[str, Callable[[_Line], DesignBlock]] = {
    "input": _read_input,
    "conv": _read_conv,
    "batchnorm": _read_alone(BatchNormBlock),
    "lrn": _read_alone(ResponseNormBlock),
    "relu": _read_alone(ReluBlock),
    "maxpool": _read_maxpool,
    "avgpool": _read_avgpool,
    "dropout": _read_dropout,
    "flatten": _read_alone(FlattenBlock),
    "gap": _read_alone(GapBlock),
    "fc": _read_fc,
    "inception": _read_inception,
    "residual": _read_alone(ResidualBlock),
    "end": _read_alone(EndBlock),
    "auxiliary": _read_auxiliary,
}


def _parse(text: str, name: str | None) -> Design:
    if len(text) > MOST_CHARACTERS:
        raise DesignError(
            1, f"the text is longer than {grouped(MOST_CHARACTERS)} characters: shorten it."
        )
    given = clean_name(name or "")
    blocks: list[DesignBlock] = []
    opened: DesignBlock | None = None  # the residual that has no end yet
    lines = re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))
    first = True
    for number, typed in enumerate(lines, 1):
        content = typed.partition("#")[0].strip()
        if not content:
            continue
        keyword, *words = content.split()
        keyword = keyword.lower()
        if keyword == "name":
            if not first:
                raise DesignError(number, "a name stands in the first line alone: move it there.")
            given = _name(number, content[len("name") :].strip())
            first = False
            continue
        first = False
        if keyword not in _READERS:
            known = did_you_mean(keyword[:40], _READERS, f"choose from {', '.join(_READERS)}.")
            raise DesignError(number, f"there is no block called {shown(keyword)}: {known}")
        line = _Line(number, keyword, tuple(words))
        if (keyword == "input") == bool(blocks):
            raise line.error(
                "a network has one input, its first block: leave this line out."
                if blocks
                else "the first block says what comes in: put a line such as “input 3x224x224” "
                "before this one."
            )
        block = _READERS[keyword](line)
        opened = _opened(line, opened, block, blocks)
        blocks.append(block)
        if len(blocks) > MOST_BLOCKS:
            raise line.error(f"a design has at most {MOST_BLOCKS} blocks: leave some out.")
    if not blocks:
        raise DesignError(1, "the text has no block: begin with a line such as “input 3x224x224”.")
    if len(blocks) == 1:
        raise DesignError(
            blocks[0].line,
            "nothing comes after the input: add a line such as “conv 16 3x3 p1” or “fc 10”.",
        )
    if opened is not None:
        raise DesignError(
            opened.line, "this residual has no end: add a line “end” where its input is added."
        )
    return Design(given, tuple(blocks))


def _opened(
    line: _Line, opened: DesignBlock | None, block: DesignBlock, blocks: Sequence[DesignBlock]
) -> DesignBlock | None:
    """Return the residual that has no end yet after a block."""
    if isinstance(block, ResidualBlock):
        if opened is not None:
            raise line.error(
                f"residuals do not nest, and that of line {opened.line} has no end yet: put “end” "
                "before this line."
            )
        return block
    if not isinstance(block, EndBlock):
        return opened
    if opened is None:
        raise line.error("there is no residual to end: put “residual” before, or leave it out.")
    if all(isinstance(each, AuxiliaryBlock) for each in blocks[blocks.index(opened) + 1 :]):
        raise line.error(
            f"the residual of line {opened.line} is empty: put a line such as “conv 16 3x3 p1” "
            "into it, or leave both out."
        )
    return None


def _name(line: int, name: str) -> str:
    if not name:
        raise DesignError(line, "the name is missing: write it after the word, as in “name mine”.")
    if len(name) > MOST_NAME or not name.isprintable():
        raise DesignError(
            line, f"a name has at most {MOST_NAME} characters, all printable: choose another."
        )
    return " ".join(name.split())


def clean_name(name: str) -> str:
    """Make a name that a design can have of any text, such as a file's name; it may be empty."""
    printable = "".join(sign if sign.isprintable() and sign != "#" else " " for sign in name)
    return " ".join(printable.split())[:MOST_NAME].strip()
