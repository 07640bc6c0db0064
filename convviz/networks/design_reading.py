"""Reading the text of a design, line by line.

What is no line of the grammar is named with its line and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convviz.errors import DesignError
from convviz.formatting import grouped
from convviz.language import later, tr
from convviz.networks.design_blocks import (
    AuxiliaryBlock,
    AvgPoolBlock,
    AvgPoolToBlock,
    BatchNormBlock,
    ConvBlock,
    DesignBlock,
    DropoutBlock,
    EndBlock,
    FcBlock,
    FlattenBlock,
    GapBlock,
    InceptionBlock,
    InputBlock,
    MaxPoolBlock,
    Pair,
    ReluBlock,
    ResidualBlock,
    ResponseNormBlock,
    Third,
    decimal,
)
from convviz.networks.design_grammar import GRAMMAR
from convviz.networks.design_names import meant

MOST_BLOCKS = 400
MOST_CHARACTERS = 40_000
MOST_CHANNELS = 65_536
MOST_SIDE = 1024
"""Pixels of the image, and of kernels, strides, paddings and dilations."""
MOST_NAME = 40
"""Characters of a name."""

_FORMS = {form.keyword: form for form in GRAMMAR}


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
        return tr("such a line is “{example}”", example=_FORMS[self.keyword].example)


_NUMBER = re.compile(r"[0-9]+")
_SIZE = re.compile(r"([0-9]+)[x×]([0-9]+)", re.IGNORECASE)
_SIGNED = re.compile(r"([/pgd])([0-9]+)(?:[x×]([0-9]+))?", re.IGNORECASE)
_COLUMN = re.compile(r"([0-9]*)>([0-9]+)")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9}")

_MEANS = {
    "number": later("number"),
    "size": later("size"),
    "/": later("stride"),
    "p": later("padding"),
    "g": later("number of groups"),
    "d": later("dilation"),
}


def shown(word: str) -> str:
    """Quote a word of somebody's text, cut to a length that fits into a sentence."""
    printable = "".join(sign if sign.isprintable() else "�" for sign in word)
    return tr("“{word}”", word=printable if len(printable) <= 30 else printable[:29] + "…")


def _integer(line: _Line, digits: str, what: str, least: int, most: int) -> int:
    """Read a whole number.

    Args:
        line: The line that it stands in.
        digits: The number.
        what: What it is, "number of channels".
        least: The smallest valid one.
        most: The largest valid one.
    """
    value = int(digits) if len(digits) <= 12 else 10**12
    if value > most:
        raise line.error(
            tr(
                "the {what} is too large: choose a whole number from {least} to {most}.",
                what=tr(what),
                least=grouped(least),
                most=grouped(most),
            )
        )
    if value < least:
        raise line.error(
            tr(
                "the {what} is {number}: choose a whole number from {least} to {most}.",
                what=tr(what),
                number=digits,
                least=grouped(least),
                most=grouped(most),
            )
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
            raise line.error(
                tr("{word} is not understood here: {form}.", word=shown(word), form=line.form)
            )
        if kind not in flags and (kind[0] not in takes):
            means = tr(_MEANS[kind])
            if kind == "number" and "s" in takes and len(word) < 5:
                raise line.error(
                    tr(
                        "{keyword} takes no {means}, such as {word}; a size is written "
                        "{number}x{number}: {form}.",
                        keyword=line.keyword,
                        means=means,
                        word=shown(word),
                        number=word,
                        form=line.form,
                    )
                )
            raise line.error(
                tr(
                    "{keyword} takes no {means}, such as {word}: {form}.",
                    keyword=line.keyword,
                    means=means,
                    word=shown(word),
                    form=line.form,
                )
            )
        if kind in found:
            if kind == "number" and "s" in takes and "size" not in found:
                raise line.error(
                    tr(
                        "there are two numbers, {first} and {second}; a kernel is written "
                        "as its height and width, such as 3x3: {form}.",
                        first=shown(found[kind]),
                        second=shown(word),
                        form=line.form,
                    )
                )
            raise line.error(_twice(found[kind], word))
        found[kind] = word
    return found


def _twice(first: str, second: str) -> str:
    return tr(
        "{first} and {second} say the same thing twice: leave one out.",
        first=shown(first),
        second=shown(second),
    )


def _pair(line: _Line, word: str, what: str, least: int, most: int = MOST_SIDE) -> Pair:
    """Read "3x3", "/2", "p1" or "p1x2"."""
    digits = re.findall(r"[0-9]+", word)
    values = [_integer(line, each, what, least, most) for each in digits]
    return values[0], values[-1]


def _needed(line: _Line, found: dict[str, str], kind: str, what: str) -> str:
    if kind not in found:
        raise line.error(
            tr(
                "{keyword} needs {what}: {form}.",
                keyword=line.keyword,
                what=tr(what),
                form=line.form,
            )
        )
    return found[kind]


def _one_number(line: _Line, what: str) -> str:
    if len(line.words) != 1:
        message = (
            later("{keyword} needs {what}, and has {count} words: {form}.")
            if line.words
            else later("{keyword} needs {what}, and has none: {form}.")
        )
        raise line.error(
            tr(message, keyword=line.keyword, what=tr(what), count=len(line.words), form=line.form)
        )
    return line.words[0]


def _fraction(line: _Line, word: str, otherwise: str) -> float:
    """Read a number with decimals; `otherwise` is the message where the word is none."""
    if not _DECIMAL.fullmatch(word):
        raise line.error(tr(otherwise, word=shown(word), form=line.form))
    return float(word)


def _read_input(line: _Line) -> DesignBlock:
    word = _one_number(line, later("channels, height and width"))
    parts = re.split("[x×]", word, flags=re.IGNORECASE)
    if len(parts) != 3 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise line.error(
            tr(
                "{word} is not the size of an image: write channels, height and width, such "
                "as 3x224x224 in colour or 1x28x28 in grey.",
                word=shown(word),
            )
        )
    channels = _integer(line, parts[0], later("number of channels"), 1, MOST_CHANNELS)
    height, width = (
        _integer(line, side, later("image's side"), 1, MOST_SIDE) for side in parts[1:]
    )
    if _has_channels_last(channels, height, width):
        raise line.error(
            tr(
                "{word} is height × width × channels, as Keras has it, and here the channels come "
                "first: write {channels}x{height}x{width}.",
                word=shown(word),
                channels=width,
                height=channels,
                width=height,
            )
        )
    return InputBlock(channels, height, width, line=line.number)


def _has_channels_last(channels: int, height: int, width: int) -> bool:
    """Whether a size can only be meant as height, width and channels, in colour or square in grey.

    A grey one that is not square may be signals of one row: 64x128x1 has 64 channels.
    """
    return min(channels, height) > 4 and (width == 3 or (width == 1 and channels == height))


def _read_conv(line: _Line) -> DesignBlock:
    found = _options(line, "ns/pgd")
    number = _needed(line, found, "number", later("its number of channels"))
    channels = _integer(line, number, later("number of channels"), 1, MOST_CHANNELS)
    kernel = _pair(
        line, _needed(line, found, "size", later("its kernel, such as 3x3")), later("kernel"), 1
    )
    group_word = found.get("g", "g1")
    if not _NUMBER.fullmatch(group_word[1:]):
        raise line.error(
            tr("{word} is no number of groups: {form}.", word=shown(group_word), form=line.form)
        )
    groups = _integer(line, group_word[1:], later("number of groups"), 1, MOST_CHANNELS)
    block = ConvBlock(
        channels,
        kernel,
        stride=_pair(line, found.get("/", "/1"), later("stride"), 1),
        padding=_pair(line, found.get("p", "p0"), later("padding"), 0),
        groups=groups,
        dilation=_pair(line, found.get("d", "d1"), later("dilation"), 1),
        line=line.number,
    )
    check_groups(block)
    return block


def check_groups(block: ConvBlock) -> None:
    """Check that the channels that a convolution makes can be divided into its groups.

    Raises:
        DesignError: They cannot.
    """
    if block.channels % block.groups:
        raise DesignError(
            block.line,
            tr(
                "{channels} channels cannot be divided into {groups} groups: choose a "
                "multiple of {groups}, or other groups.",
                channels=grouped(block.channels),
                groups=grouped(block.groups),
            ),
        )


def _read_pool(line: _Line) -> tuple[Pair, Pair, Pair, bool]:
    found = _options(line, "s/p", ("ceil",))
    kernel = _pair(
        line, _needed(line, found, "size", later("its window, such as 2x2")), later("window"), 1
    )
    stride = _pair(line, found["/"], later("stride"), 1) if "/" in found else kernel
    padding = _pair(line, found.get("p", "p0"), later("padding"), 0)
    if any(pad > side // 2 for pad, side in zip(padding, kernel, strict=True)):
        most = min(kernel) // 2
        raise line.error(
            tr(
                "a padding of {padding} is more than half of the window, {height}×{width}: "
                "choose p{most} or a larger window.",
                padding=max(padding),
                height=kernel[0],
                width=kernel[1],
                most=most,
            )
            if most
            else tr(
                "a window of {height}×{width} takes no padding: leave p{padding} out or choose a "
                "larger window.",
                height=kernel[0],
                width=kernel[1],
                padding=max(padding),
            )
        )
    return kernel, stride, padding, "ceil" in found


def _read_maxpool(line: _Line) -> DesignBlock:
    return MaxPoolBlock(*_read_pool(line), line=line.number)


def _read_avgpool(line: _Line) -> DesignBlock:
    lower = [word.lower() for word in line.words]
    if "to" not in lower:
        return AvgPoolBlock(*_read_pool(line), line=line.number)
    if len(lower) != 2 or lower[0] != "to" or not _SIZE.fullmatch(lower[1]):
        raise line.error(tr("to is followed by a size alone, as in “avgpool to 6x6”."))
    return AvgPoolToBlock(_pair(line, lower[1], later("size"), 1), line=line.number)


def _read_dropout(line: _Line) -> DesignBlock:
    word = _one_number(line, later("its rate"))
    rate = _fraction(line, word, later("{word} is no rate: {form}."))
    if not 0 <= rate < 1:
        raise line.error(
            tr(
                "a dropout of {rate} leaves nothing: choose 0 or more, below 1.",
                rate=decimal(rate),
            )
        )
    return DropoutBlock(rate, line=line.number)


def _read_fc(line: _Line) -> DesignBlock:
    word = _one_number(line, later("its number of outputs"))
    if not _NUMBER.fullmatch(word):
        raise line.error(
            tr("{word} is no number of outputs: {form}.", word=shown(word), form=line.form)
        )
    return FcBlock(
        _integer(line, word, later("number of outputs"), 1, MOST_CHANNELS), line=line.number
    )


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
            raise line.error(
                tr("{word} is not understood here: {form}.", word=shown(word), form=line.form)
            )
    if len(columns) != 4:
        raise line.error(
            tr(
                "inception has four branches, and {count} are given: write the 1×1, the 3×3 "
                "with the 1×1 before it, the 5×5 likewise, and the pooling's 1×1, as in “64 "
                "96>128 16>32 >32”.",
                count=len(columns),
            )
        )
    if len(third) > 1 or norms > 1:
        if len(third) == 2:
            raise line.error(_twice(*third))
        if len(third) > 2:
            words = tr(" and ").join(map(shown, third))
            raise line.error(tr("{words} say the same thing twice: leave one out.", words=words))
        raise line.error(_twice("bn", "bn"))
    (first, _, conv1), (_, reduce3, conv3), (_, reduce5, conv5), (last, before, pool) = columns
    if ">" in first:
        raise line.error(
            tr("nothing comes before the 1×1 of the first branch: write {number}.", number=conv1)
        )
    if before or ">" not in last:
        raise line.error(
            tr(
                "the fourth branch is a pooling before a 1×1: write >{number}, and not {word}.",
                number=pool,
                word=shown(last),
            )
        )
    typed = (conv1, reduce3, conv3, reduce5, conv5, pool)
    numbers = [
        _integer(line, each, later("number of channels"), 1, MOST_CHANNELS) if each else 0
        for each in typed
    ]
    for word, _, _ in columns[1:3]:
        if word.startswith(">"):
            raise line.error(
                tr(
                    "{word} lacks the 1×1 before it: write 16>{number}, or {number} without a 1×1.",
                    word=shown(word),
                    number=word[1:],
                )
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
        raise line.error(_twice("bn", "bn"))
    if len(rest) != 1:
        raise line.error(
            tr("auxiliary needs one number, the weight of its loss: {form}.", form=line.form)
        )
    weight = _fraction(line, rest[0], later("{word} is no weight of a loss: {form}."))
    if not 0 < weight <= 10:
        raise line.error(tr("the weight of the loss must be above 0 and at most 10."))
    return AuxiliaryBlock(weight, len(rest) < len(line.words), line=line.number)


def _read_alone(block: Callable[..., DesignBlock]) -> Callable[[_Line], DesignBlock]:
    """Make the reader of a line that is its keyword alone."""

    def read(line: _Line) -> DesignBlock:
        if line.words:
            raise line.error(
                tr(
                    "{keyword} stands alone: leave {words} out.",
                    keyword=line.keyword,
                    words=shown(" ".join(line.words)),
                )
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


def read_blocks(text: str, name: str | None) -> tuple[str, tuple[DesignBlock, ...]]:
    """Read the text of a design.

    Args:
        text: Lines as `GRAMMAR` says.
        name: The name where the text gives none; None for none.

    Returns:
        The design's name, which may be empty, and its blocks, the first of which is the input.

    Raises:
        DesignError: A line is none of the grammar; the error names it.
    """
    if len(text) > MOST_CHARACTERS:
        raise DesignError(
            1,
            tr(
                "the text is longer than {count} characters: shorten it.",
                count=grouped(MOST_CHARACTERS),
            ),
        )
    given = clean_name(name or "")
    blocks: list[DesignBlock] = []
    opened: DesignBlock | None = None  # the residual that has no end yet
    lines = re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))
    first, named_in = True, 0
    for number, typed in enumerate(lines, 1):
        content = typed.partition("#")[0].strip()
        if not content:
            continue
        keyword, *words = content.split()
        keyword = keyword.lower()
        if keyword == "name":
            if not first:
                raise DesignError(
                    number,
                    tr(
                        "the design has its name from line {line}: leave this one out.",
                        line=named_in,
                    )
                    if named_in
                    else tr("a name stands in the first line alone: move it there."),
                )
            given, named_in = _name(number, content[len("name") :].strip()), number
            first = False
            continue
        first = False
        if keyword not in _READERS:
            otherwise = tr("choose from {names}.", names=", ".join(_READERS))
            word, choice = meant((keyword[:MOST_NAME], *words), otherwise)
            raise DesignError(
                number,
                tr("there is no block called {word}: {choice}", word=shown(word), choice=choice),
            )
        line = _Line(number, keyword, tuple(words))
        if (keyword == "input") == bool(blocks):
            raise line.error(
                tr("a network has one input, its first block: leave this line out.")
                if blocks
                else tr(
                    "the first block says what comes in: put a line such as “input "
                    "3x224x224” before this one."
                )
            )
        block = _READERS[keyword](line)
        opened = _opened(line, opened, block, blocks)
        blocks.append(block)
        if len(blocks) > MOST_BLOCKS:
            raise line.error(
                tr(
                    "a design has at most {count} blocks: leave some out.",
                    count=MOST_BLOCKS,
                )
            )
    if not blocks:
        raise DesignError(
            1, tr("the text has no block: begin with a line such as “input 3x224x224”.")
        )
    if len(blocks) == 1:
        raise DesignError(
            blocks[0].line,
            tr("nothing comes after the input: add a line such as “conv 16 3x3 p1” or “fc 10”."),
        )
    if opened is not None:
        raise DesignError(
            opened.line, tr("this residual has no end: add a line “end” where its input is added.")
        )
    return given, tuple(blocks)


def _opened(
    line: _Line, opened: DesignBlock | None, block: DesignBlock, blocks: Sequence[DesignBlock]
) -> DesignBlock | None:
    """Return the residual that has no end yet after a block."""
    if isinstance(block, ResidualBlock):
        if opened is not None:
            raise line.error(
                tr(
                    "residuals do not nest, and that of line {line} has no end yet: put "
                    "“end” before this line.",
                    line=opened.line,
                )
            )
        return block
    if not isinstance(block, EndBlock):
        return opened
    if opened is None:
        raise line.error(tr("there is no residual to end: put “residual” before, or leave it out."))
    if all(isinstance(each, AuxiliaryBlock) for each in blocks[blocks.index(opened) + 1 :]):
        raise line.error(
            tr(
                "the residual of line {line} is empty: put a line such as “conv 16 3x3 p1” "
                "into it, or leave both out.",
                line=opened.line,
            )
        )
    return None


def _name(line: int, name: str) -> str:
    if not name:
        raise DesignError(
            line, tr("the name is missing: write it after the word, as in “name mine”.")
        )
    if len(name) > MOST_NAME or not name.isprintable():
        raise DesignError(
            line,
            tr(
                "a name has at most {count} characters, all printable: choose another.",
                count=MOST_NAME,
            ),
        )
    return " ".join(name.split())


def name_with(name: str, ending: str) -> str:
    """Put an ending behind a name, which is cut as short as it takes."""
    return clean_name(name[: MOST_NAME - len(ending)].rstrip() + ending)


def clean_name(name: str) -> str:
    """Make a name that a design can have of any text, such as a file's name; it may be empty."""
    printable = "".join(sign if sign.isprintable() and sign != "#" else " " for sign in name)
    return " ".join(printable.split())[:MOST_NAME].strip()
