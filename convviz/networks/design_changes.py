"""One change to a design, as the papers made them: what it becomes, block by block.

A change returns a design that can be counted beside the one before. Whether it still fits its
image is found there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import gcd, lcm

from convviz.errors import DesignError, SettingError
from convviz.language import later, tr
from convviz.networks.design import Design
from convviz.networks.design_blocks import (
    AuxiliaryBlock,
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
    Pair,
    PoolBlock,
    ReluBlock,
    ResidualBlock,
    ResponseNormBlock,
    has_batch_norm,
)
from convviz.networks.design_module import PlacedBlock, place_blocks

Blocks = tuple[DesignBlock, ...]


@dataclass(frozen=True)
class DesignChange:
    """One change that can be made to a design; its texts are told where they are shown.

    Attributes:
        key: Short name.
        title: Name for people.
        meaning: What it does, in one sentence.
        lacking: What a design lacks to which it does nothing, as the end of a sentence.
        apply: Makes the new blocks; the same ones if there is nothing to change.
    """

    key: str
    title: str
    meaning: str
    lacking: str
    apply: Callable[[Design], Blocks]


def change_design(design: Design, key: str) -> Design:
    """Make one change to a design.

    Args:
        design: The design.
        key: Of one of `CHANGES`.

    Raises:
        SettingError: There is nothing to change, no such change, or what it makes does not fit.
        DesignError: The design itself does not fit its image.
    """
    changes = {change.key: change for change in CHANGES}
    if key not in changes:
        raise SettingError(
            tr(
                "There is no change called {key}: choose from {names}.",
                key=key,
                names=", ".join(changes),
            )
        )
    blocks = changes[key].apply(design)
    if blocks == design.blocks:
        lacking = tr(changes[key].lacking)
        raise SettingError(
            tr("There is nothing to change: the design has {lacking}.", lacking=lacking)
        )
    text = replace(design, blocks=blocks).text
    try:
        changed = Design.parse(text)
        place_blocks(changed)
    except DesignError as error:
        # Not as an error of a line: that would be a line of a text that nobody sees.
        raise SettingError(
            tr(
                "The changed design does not fit at its line {line}, “{block}”: {sentence}",
                line=error.line,
                block=text.splitlines()[error.line - 1],
                sentence=error.sentence,
            )
        ) from error
    return changed


def _unit(blocks: Sequence[DesignBlock], index: int) -> Blocks:
    """Return what follows a convolution and belongs to it: a batch norm and a ReLU."""
    following: list[DesignBlock] = []
    for block in blocks[index + 1 :]:
        if not isinstance(block, BatchNormBlock | ReluBlock) or block in following:
            break
        following.append(block)
    return tuple(following)


def _stack(design: Design, is_large: Callable[[ConvBlock], bool]) -> Iterator[DesignBlock]:
    """Replace kernels of 2n + 1 by n of 3×3, which see as much; the last one has the stride."""
    for index, block in enumerate(design.blocks):
        if not isinstance(block, ConvBlock) or not is_large(block):
            yield block
            continue
        count = (block.kernel[0] - 1) // 2
        between = [each for each in _unit(design.blocks, index) if isinstance(each, BatchNormBlock)]
        for number in range(count):
            padding = tuple(pad // count + (number < pad % count) for pad in block.padding)
            last = number == count - 1
            yield replace(
                block,
                kernel=(3, 3),
                padding=(padding[0], padding[1]),
                stride=block.stride if last else (1, 1),
            )
            if not last:
                yield from (*between, ReluBlock())


def _is_square(block: ConvBlock, least: int, most: int) -> bool:
    rows, columns = block.kernel
    is_odd = rows == columns and rows % 2 == 1
    return is_odd and least <= rows <= most and block.dilation == (1, 1)


def _two_3x3(design: Design) -> Blocks:
    blocks = _stack(design, lambda block: _is_square(block, 5, 5))
    return tuple(
        replace(block, third="3x3s")
        if isinstance(block, InceptionBlock) and block.third == "5x5"
        else block
        for block in blocks
    )


def _stack_3x3(design: Design) -> Blocks:
    return tuple(_stack(design, lambda block: _is_square(block, 7, 10**6)))


def _pooled(design: Design) -> Blocks:
    """Put global average pooling and the last fully connected layer in the place of all of them."""
    blocks = design.blocks
    vectors = [i for i, b in enumerate(blocks) if isinstance(b, FcBlock | FlattenBlock | GapBlock)]
    fully = [i for i, block in enumerate(blocks) if isinstance(block, FcBlock)]
    if not fully or isinstance(blocks[vectors[0]], GapBlock):
        return blocks
    first, last = vectors[0], fully[-1]
    while isinstance(blocks[first - 1], DropoutBlock | AvgPoolToBlock):
        first -= 1
    marks = (ResidualBlock, EndBlock, AuxiliaryBlock)
    inside_residual = sum(isinstance(b, ResidualBlock) for b in blocks[:first]) != sum(
        isinstance(b, EndBlock) for b in blocks[:first]
    )
    if inside_residual or any(isinstance(block, marks) for block in blocks[first:last]):
        return blocks
    return (*blocks[:first], GapBlock(), *blocks[last:])


def _unreduced(design: Design) -> Blocks:
    return tuple(
        replace(block, reduce3=0, reduce5=0) if isinstance(block, InceptionBlock) else block
        for block in design.blocks
    )


def _with_norm(design: Design) -> Blocks:
    blocks: list[DesignBlock] = []
    for index, block in enumerate(design.blocks):
        if isinstance(block, InceptionBlock | AuxiliaryBlock):
            block = replace(block, batch_norm=True)
        blocks.append(block)
        if isinstance(block, ConvBlock) and design.has_bias(index):
            blocks.append(BatchNormBlock())
    return tuple(blocks)


def _without_norm(design: Design) -> Blocks:
    return tuple(
        replace(block, batch_norm=False)
        if isinstance(block, InceptionBlock | AuxiliaryBlock)
        else block
        for block in design.blocks
        if not isinstance(block, BatchNormBlock)
    )


def _with_auxiliary(design: Design) -> Blocks:
    """Put auxiliary classifiers at a third and at two thirds of the blocks that give maps."""
    blocks = design.blocks
    if design.auxiliary:
        return blocks
    placed = place_blocks(design).blocks
    fitting, in_residual = [], False
    for index, each in enumerate(placed):
        in_residual = (in_residual or isinstance(each.block, ResidualBlock)) and not isinstance(
            each.block, EndBlock
        )
        ends_unit = isinstance(each.block, ReluBlock | InceptionBlock | PoolBlock)
        if ends_unit and not in_residual and len(each.output) == 3:
            fitting.append(index)
    if not fitting or len(placed[-1].output) == 3:
        return blocks
    maps = sum(len(each.output) == 3 for each in placed)
    chosen = {min(fitting, key=lambda index: abs(index - maps * share / 3)) for share in (1, 2)}
    has_norm = has_batch_norm(blocks)
    changed: list[DesignBlock] = []
    for index, block in enumerate(blocks):
        changed.append(block)
        if index in chosen:
            changed.append(AuxiliaryBlock(0.3, has_norm))
    return tuple(changed)


def _without_auxiliary(design: Design) -> Blocks:
    return tuple(block for block in design.blocks if not isinstance(block, AuxiliaryBlock))


def _strided(design: Design) -> Blocks:
    """Give each pooling's stride to the convolution before it; else a convolution replaces it."""
    placed = place_blocks(design).blocks
    blocks: list[DesignBlock] = []
    for index, block in enumerate(design.blocks):
        if not isinstance(block, PoolBlock) or max(block.stride) == 1:
            blocks.append(block)
            continue
        before = len(blocks) - 1
        passing = (BatchNormBlock, ReluBlock, ResponseNormBlock, DropoutBlock)
        while isinstance(blocks[before], passing):
            before -= 1
        conv = blocks[before]
        if isinstance(conv, ConvBlock):
            stride: Pair = (
                conv.stride[0] * block.stride[0],
                conv.stride[1] * block.stride[1],
            )
            blocks[before] = replace(conv, stride=stride)
        else:
            channels = placed[index].comes[0]
            blocks += [ConvBlock(channels, block.kernel, block.stride, block.padding), ReluBlock()]
    return tuple(blocks)


def _scorer(design: Design) -> int:
    """Find the last layer with weights, which gives a number for each class."""
    weighted = (ConvBlock, FcBlock, InceptionBlock)
    return max((i for i, b in enumerate(design.blocks) if isinstance(b, weighted)), default=-1)


def scaled_widths(design: Design, factor: float) -> Blocks:
    """Multiply the channels of all layers but the last one, which gives the scores.

    Numbers are rounded, and none becomes 0. A depthwise convolution stays one. Other groups stay,
    and channels are multiples of them, unless an Inception module makes what they divide.

    Args:
        design: The design.
        factor: Above 0.

    Raises:
        DesignError: The design does not fit its image.
    """
    last = _scorer(design)
    placed = place_blocks(design).blocks
    multiples = _multiples(placed)
    comes = design.input.channels  # as the change makes it

    def scaled(count: int, multiple: int = 1) -> int:
        return multiple * max(1, round(count * factor / multiple)) if count else 0

    blocks: list[DesignBlock] = []
    for index, block in enumerate(design.blocks):
        match block:
            case InceptionBlock():  # also as the last one: its channels are no scores
                block = replace(
                    block,
                    conv1=scaled(block.conv1),
                    reduce3=scaled(block.reduce3),
                    conv3=scaled(block.conv3),
                    reduce5=scaled(block.reduce5),
                    conv5=scaled(block.conv5),
                    pool=scaled(block.pool),
                )
                comes = sum(block.branches)
            case ConvBlock():
                groups = comes if _is_depthwise(placed[index]) else gcd(block.groups, comes)
                if index == last:
                    block = replace(block, groups=gcd(groups, block.channels))
                else:
                    channels = scaled(block.channels, lcm(groups, multiples[index]))
                    block = replace(block, channels=channels, groups=groups)
                comes = block.channels
            case FcBlock() if index != last:
                block = replace(block, units=scaled(block.units))
        blocks.append(block)
    return tuple(blocks)


def _is_depthwise(placed: PlacedBlock) -> bool:
    block = placed.block
    return isinstance(block, ConvBlock) and 1 < block.groups == placed.comes[0]


def _multiples(placed: Sequence[PlacedBlock]) -> list[int]:
    """Return into how many groups the next convolution divides what each block makes."""
    multiples: list[int] = []
    groups = 1
    for each in reversed(placed):
        multiples.append(groups)
        if isinstance(each.block, ConvBlock) and not _is_depthwise(each):
            groups = each.block.groups
        elif isinstance(each.block, InceptionBlock):
            groups = 1
    return multiples[::-1]


def _deep(design: Design) -> Blocks:
    """Repeat each convolution, Inception module and residual, at the same size of the map."""
    last = _scorer(design)
    blocks: list[DesignBlock] = []
    repeated: list[DesignBlock] = []  # what follows once the current unit has ended
    waiting = 0  # blocks of the unit that are still to come
    opened: int | None = None
    for index, block in enumerate(design.blocks):
        blocks.append(block)
        if isinstance(block, ResidualBlock):
            opened = index
        elif isinstance(block, EndBlock) and opened is not None:
            unit = _unit(design.blocks, index)
            body = [
                _same_size(each)
                for each in design.blocks[opened:index]
                if not isinstance(each, PoolBlock | AuxiliaryBlock)
            ]
            opened = None
            if len(body) > 1:
                repeated, waiting = [*body, EndBlock(), *unit], len(unit)
        elif isinstance(block, ConvBlock) and opened is None and index != last:
            unit = _unit(design.blocks, index)
            repeated, waiting = [_same_size(block), *unit], len(unit)
        elif isinstance(block, InceptionBlock) and opened is None:
            repeated, waiting = [block], 0
        elif waiting:
            waiting -= 1
        if repeated and not waiting:
            blocks += repeated
            repeated = []
    return tuple(blocks)


def _same_size(block: DesignBlock) -> DesignBlock:
    """Return a convolution that keeps the size of its map, of the same kernel or else of 3×3."""
    if not isinstance(block, ConvBlock):
        return block
    is_odd = all(side % 2 for side in block.kernel)
    kernel: Pair = block.kernel if is_odd else (3, 3)
    padding = tuple(d * (k - 1) // 2 for k, d in zip(kernel, block.dilation, strict=True))
    return replace(block, kernel=kernel, stride=(1, 1), padding=(padding[0], padding[1]))


CHANGES = (
    DesignChange(
        *("two-3x3", later("5×5 → two 3×3")),
        later(
            "Each 5×5 without dilation becomes two 3×3 that see as much, with a ReLU between them. "
            "They have fewer weights only where less than 1.8 times as many channels come out as "
            "go in."
        ),
        later("no 5×5 kernel without dilation"),
        _two_3x3,
    ),
    DesignChange(
        *("stack-3x3", later("11×11 → a stack of 3×3")),
        later(
            "Each square kernel of 7×7, 9×9, 11×11 or more, without dilation, becomes a stack of "
            "3×3 that sees as much; its last one has the stride."
        ),
        later("no square kernel of 7×7, 9×9, 11×11 or more, without dilation"),
        _stack_3x3,
    ),
    DesignChange(
        *("gap", later("Fully connected → global average pooling")),
        later("The mean of each map goes straight to the last fully connected layer."),
        later("no fully connected layers on maps that could be left out"),
        _pooled,
    ),
    DesignChange(
        *("no-reductions", later("Without the 1×1 reductions")),
        later("The 3×3 and 5×5 of each Inception module read all channels that come."),
        later("no Inception module with 1×1 reductions"),
        _unreduced,
    ),
    DesignChange(
        *("norm", later("With batch norm")),
        later("A batch norm follows each convolution."),
        later("a batch norm after each convolution already, or no convolution"),
        _with_norm,
    ),
    DesignChange(
        *("no-norm", later("Without batch norm")),
        later("All batch norms are left out."),
        later("no batch norm"),
        _without_norm,
    ),
    DesignChange(
        *("auxiliary", later("With auxiliary classifiers")),
        later(
            "Classifiers help training, at a third and at two thirds of the maps; one alone where "
            "both would have one place."
        ),
        later("some already, or no scores at its end, or no place for one"),
        _with_auxiliary,
    ),
    DesignChange(
        *("no-auxiliary", later("Without auxiliary classifiers")),
        later("All auxiliary classifiers are left out."),
        later("no auxiliary classifier"),
        _without_auxiliary,
    ),
    DesignChange(
        *("strides", later("Pooling → stride")),
        later(
            "The convolution before each pooling with a stride above 1 takes that stride; where "
            "there is none, a convolution takes the pooling's place."
        ),
        later("no pooling with a stride above 1"),
        _strided,
    ),
    DesignChange(
        *("wide", later("Twice as wide")),
        later("All layers but the last have twice as many channels."),
        later("no layer but the last"),
        partial(scaled_widths, factor=2),
    ),
    DesignChange(
        *("deep", later("Twice as deep")),
        later(
            "Each convolution, Inception module and residual is followed by one more at the "
            "same size."
        ),
        later("no convolution, Inception module or residual before the last layer"),
        _deep,
    ),
)
"""All changes, in the order in which they are offered."""
