"""A design as a module of PyTorch: what each block becomes, and whether the blocks fit.

A design is built on PyTorch's meta device, block after block, and each is run once there: PyTorch
says how large its output is, and nothing is allocated. What does not fit is found before it runs,
and named with the cure.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from convviz.errors import DesignError
from convviz.formatting import grouped
from convviz.language import tr
from convviz.networks.design import Design
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
    MaxPoolBlock,
    Pair,
    PoolBlock,
    ReluBlock,
    ResidualBlock,
    ResponseNormBlock,
    has_batch_norm,
)
from convviz.networks.design_reading import MOST_SIDE, check_groups
from convviz.networks.initial_weights import draw

Shape = tuple[int, ...]

MOST_PARAMETERS = 1_000_000_000
LARGEST_MAP = 2048
"""The longest side of a map, in positions."""

AUXILIARY_CHANNELS, AUXILIARY_UNITS, AUXILIARY_SIDE, AUXILIARY_DROPOUT = 128, 1024, 4, 0.7

_META = torch.device("meta")  # said to each module: as a mode it would be asked by each function

RESIDUAL, END, FLATTEN = "residual", "end", "flatten"

_KEEPING = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LocalResponseNorm, nn.ReLU, nn.Dropout)


class InceptionBranches(nn.Module):
    """An Inception module: (N, C, H, W) to (N, the branches' channels, H, W).

    Attributes:
        channels: Of its output.
    """

    def __init__(self, channels: int, block: InceptionBlock) -> None:
        super().__init__()
        self.channels = sum(block.branches)
        norm = block.batch_norm
        middle = [(block.conv3, 3)]
        last = {"5x5": [(block.conv5, 5)], "3x3": [(block.conv5, 3)]}.get(
            block.third, [(block.conv5, 3), (block.conv5, 3)]
        )
        self.branch1 = _convolutions(channels, [(block.conv1, 1)], norm)
        self.branch2 = _convolutions(channels, _reduced(block.reduce3, middle), norm)
        self.branch3 = _convolutions(channels, _reduced(block.reduce5, last), norm)
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), *_convolutions(channels, [(block.pool, 1)], norm)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate the branches' outputs."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


def _reduced(reduce: int, convolutions: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(reduce, 1), *convolutions] if reduce else convolutions


def _convolutions(
    channels: int, convolutions: list[tuple[int, int]], batch_norm: bool
) -> nn.Sequential:
    """Stack convolutions, each (channels, kernel), that keep a map's size; a ReLU follows each."""
    parts: list[nn.Module] = []
    for outputs, kernel in convolutions:
        parts.append(
            nn.Conv2d(
                channels, outputs, kernel, padding=kernel // 2, bias=not batch_norm, device=_META
            )
        )
        if batch_norm:
            parts.append(nn.BatchNorm2d(outputs, device=_META))
        parts.append(nn.ReLU())
        channels = outputs
    return nn.Sequential(*parts)


class AuxiliaryClassifier(nn.Module):
    """A classifier beside the network: (N, C, H, W) to scores (N, classes)."""

    def __init__(self, channels: int, classes: int, batch_norm: bool) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(AUXILIARY_SIDE)
        self.conv = nn.Conv2d(channels, AUXILIARY_CHANNELS, 1, bias=not batch_norm, device=_META)
        self.norm = nn.BatchNorm2d(AUXILIARY_CHANNELS, device=_META) if batch_norm else None
        self.fc1 = nn.Linear(AUXILIARY_CHANNELS * AUXILIARY_SIDE**2, AUXILIARY_UNITS, device=_META)
        self.dropout = nn.Dropout(AUXILIARY_DROPOUT)
        self.fc2 = nn.Linear(AUXILIARY_UNITS, classes, device=_META)

    def forward(self, x: Tensor) -> Tensor:
        """Score the classes."""
        x = self.conv(self.pool(x))
        if self.norm is not None:
            x = self.norm(x)
        x = functional.relu(self.fc1(torch.flatten(functional.relu(x), 1)))
        scores: Tensor = self.fc2(self.dropout(x))
        return scores


class DesignNetwork(nn.Module):
    """The network of a design; its parts are called conv1, relu1, conv2, … .

    Takes (N, C, H, W). In train mode a network with auxiliary classifiers returns a tuple: its own
    scores, then those of each classifier in the order of their lines.

    Attributes:
        steps: What is done, in order: a part's name; "flatten"; "residual", which keeps what comes;
            "end", which adds it, through a part if its name follows after a space.
        auxiliary: Names of the auxiliary classifiers.
        auxiliary_weights: The weight of each one's loss.
    """

    def __init__(
        self,
        parts: OrderedDict[str, nn.Module],
        steps: tuple[str, ...],
        auxiliary: tuple[str, ...],
        auxiliary_weights: tuple[float, ...],
    ) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.steps = steps
        self.auxiliary = auxiliary
        self.auxiliary_weights = auxiliary_weights

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Run the blocks in order."""
        scores: list[Tensor] = []
        kept = x
        for step in self.steps:
            if step == RESIDUAL:
                kept = x
            elif step == FLATTEN:
                x = torch.flatten(x, 1)
            elif step.startswith(END):
                shortcut = step[len(END) + 1 :]
                x = x + (self.get_submodule(shortcut)(kept) if shortcut else kept)
            elif step not in self.auxiliary:
                x = self.get_submodule(step)(x)
            elif self.training:
                scores.append(self.get_submodule(step)(x))
        return (x, *scores) if scores else x


@dataclass(frozen=True, eq=False)
class PlacedBlock:
    """A block in its place: what it became, and the shapes before and after it.

    Attributes:
        block: The block.
        parts: Name and module of each part that it became.
        steps: What it adds to the network's `steps`.
        comes: Shape of what comes to it, without the batch.
        output: Shape of what leaves it.
    """

    block: DesignBlock
    parts: tuple[tuple[str, nn.Module], ...]
    steps: tuple[str, ...]
    comes: Shape
    output: Shape


@dataclass(frozen=True, eq=False)
class PlacedDesign:
    """A design whose blocks fit.

    Attributes:
        design: The design.
        blocks: Its blocks in their places, the input first.
        module: The network on the meta device, in eval mode.
    """

    design: Design
    blocks: tuple[PlacedBlock, ...]
    module: DesignNetwork

    @property
    def classes(self) -> int | None:
        """How many numbers leave the network; None if maps do."""
        output = self.blocks[-1].output
        return output[0] if len(output) == 1 else None


def place_blocks(design: Design) -> PlacedDesign:
    """Build a design on the meta device, and find the shapes before and after each block.

    Raises:
        DesignError: A block does not fit what comes to it, or a limit is passed; the sentence names
            the cure.
    """
    with torch.no_grad():
        placed = tuple(_with_auxiliary(design, _fitting(design)))
        parts = OrderedDict(part for each in placed for part in each.parts)
        heads = {
            each.parts[0][0]: each.block.weight
            for each in placed
            if isinstance(each.block, AuxiliaryBlock)
        }
        steps = tuple(step for each in placed for step in each.steps)
        module = DesignNetwork(parts, steps, tuple(heads), tuple(heads.values()))
    return PlacedDesign(design, placed, module.eval())


def build(design: Design, seed: int | None = 0) -> DesignNetwork:
    """Build the network of a design, in train mode.

    Args:
        design: The design.
        seed: Its weights are drawn from it, by the rule of `initial_weights.draw`; None: the
            network is on the meta device, with shapes but without values.

    Raises:
        DesignError: A block does not fit what comes to it, or a limit is passed.
    """
    module = place_blocks(design).module
    if seed is not None:
        module = module.to_empty(device="cpu")
        draw(module, torch.Generator().manual_seed(seed))
    return module.train()


class _TooSmallError(Exception):
    """A map is smaller than a kernel.

    Attributes:
        index: Place of the block that has the kernel.
        span: Positions that the kernel covers.
        comes: Shape of the map.
    """

    def __init__(self, index: int, span: Pair, comes: Shape) -> None:
        super().__init__(index, span, comes)
        self.index = index
        self.span = span
        self.comes = comes


def _fitting(design: Design) -> list[PlacedBlock]:
    """Place the blocks; what is too small for a kernel is an error with its cures.

    Raises:
        DesignError: A block does not fit what comes to it, or a limit is passed.
    """
    try:
        return list(_place(design))
    except _TooSmallError as error:
        raise _too_small(design, error) from None


def _place(design: Design) -> Iterator[PlacedBlock]:
    """Build block after block; auxiliary classifiers are left out, as they need the last's size."""
    shape: Shape = design.input.shape
    counts: Counter[str] = Counter()
    parameters = 0
    kept: tuple[Shape, int] = (shape, 0)  # what came to the last residual, and where that is
    yield PlacedBlock(design.input, (), (), shape, shape)
    for index, block in enumerate(design.blocks[1:], 1):
        comes = shape
        steps: list[str] = []
        parts: list[tuple[str, nn.Module]] = []
        if isinstance(block, ResidualBlock):
            kept, steps = (comes, index), [RESIDUAL]
        elif isinstance(block, EndBlock):
            start, first = kept
            shortcut = _shortcut(block, design.blocks[first + 1 : index], start, comes)
            if shortcut is not None:
                counts["shortcut"] += 1
                parts = [(f"shortcut{counts['shortcut']}", shortcut)]
            steps = [f"{END} {parts[0][0]}" if parts else END]
        elif isinstance(block, AuxiliaryBlock):
            _check_maps(block, comes)
        elif isinstance(block, FlattenBlock):
            steps, shape = [FLATTEN], _run(nn.Flatten(), comes)
        else:
            part = _part(design, index, comes)
            kind = block.keyword
            counts[kind] += 1
            name = f"{kind}{counts[kind]}"
            if isinstance(block, FcBlock) and len(comes) > 1:
                steps = [FLATTEN]
            parts, steps = [(name, part)], [*steps, name]
            shape = _run(part, _run(nn.Flatten(), comes) if steps[0] == FLATTEN else comes)
            if isinstance(block, GapBlock):
                shape = _run(nn.Flatten(), shape)
                steps.append(FLATTEN)
        placed = PlacedBlock(block, tuple(parts), tuple(steps), comes, shape)
        parameters += (added := _parameters(placed))
        _check_limits(block, shape, added, parameters)
        yield placed


def _parameters(placed: PlacedBlock) -> int:
    return sum(tensor.numel() for _, part in placed.parts for tensor in part.parameters())


def _run(part: nn.Module, shape: Shape) -> Shape:
    """Return the shape of a part's output, without the batch.

    What keeps a map's size does not run: on tensors without values PyTorch takes such operations
    apart in Python, which would take most of the time.
    """
    if isinstance(part, InceptionBranches):
        return (part.channels, *shape[1:])
    if isinstance(part, _KEEPING):
        return shape
    output: Tensor = part.eval()(torch.empty((1, *shape), device=_META))
    return tuple(output.shape[1:])


def _with_auxiliary(design: Design, placed: list[PlacedBlock]) -> Iterator[PlacedBlock]:
    """Build the auxiliary classifiers, which have as many classes as the network."""
    output = placed[-1].output
    number = 0
    parameters = sum(map(_parameters, placed))
    for each in placed:
        block = each.block
        if not isinstance(block, AuxiliaryBlock):
            yield each
            continue
        if len(output) > 1:
            raise DesignError(
                block.line,
                tr(
                    "an auxiliary classifier has as many classes as the last line, and that "
                    "gives maps of {shape}: end the design with a line such as “gap” or “fc "
                    "10”.",
                    shape=_times(output),
                ),
            )
        number += 1
        name = f"auxiliary{number}"
        part = AuxiliaryClassifier(each.comes[0], output[0], block.batch_norm)
        head = PlacedBlock(block, ((name, part),), (name,), each.comes, each.output)
        parameters += (added := _parameters(head))
        _check_limits(block, each.output, added, parameters)
        yield head


def _part(design: Design, index: int, comes: Shape) -> nn.Module:
    """Build the module of a block.

    Raises:
        DesignError: It does not fit what comes.
    """
    block = design.blocks[index]
    match block:
        case ConvBlock():
            _check_maps(block, comes)
            check_groups(block)
            if comes[0] % block.groups:
                raise DesignError(
                    block.line,
                    tr(
                        "{channels} channels come, which cannot be divided into {groups} "
                        "groups: {cure}.",
                        channels=grouped(comes[0]),
                        groups=grouped(block.groups),
                        cure=_groups_cure(comes[0], block.channels),
                    ),
                )
            span = _span(block.kernel, block.dilation)
            if not _fits(span, comes, block.padding):
                raise _TooSmallError(index, span, comes)
            return nn.Conv2d(
                comes[0],
                block.channels,
                block.kernel,
                stride=block.stride,
                padding=block.padding,
                dilation=block.dilation,
                groups=block.groups,
                bias=design.has_bias(index),
                device=_META,
            )
        case MaxPoolBlock() | AvgPoolBlock():
            _check_maps(block, comes)
            reach = [stride - 1 if block.ceil else 0 for stride in block.stride]
            if not _fits(block.kernel, comes, block.padding, reach):
                raise _TooSmallError(index, block.kernel, comes)
            kind = nn.MaxPool2d if isinstance(block, MaxPoolBlock) else nn.AvgPool2d
            return kind(
                block.kernel, stride=block.stride, padding=block.padding, ceil_mode=block.ceil
            )
        case AvgPoolToBlock():
            _check_maps(block, comes)
            return nn.AdaptiveAvgPool2d(block.size)
        case GapBlock():
            _check_maps(block, comes)
            return nn.AdaptiveAvgPool2d(1)
        case BatchNormBlock():
            norm = nn.BatchNorm2d if len(comes) > 1 else nn.BatchNorm1d
            return norm(comes[0], device=_META)
        case ResponseNormBlock():
            _check_maps(block, comes)
            return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)
        case ReluBlock():
            return nn.ReLU()
        case DropoutBlock():
            return nn.Dropout(block.rate)
        case FcBlock():
            inputs = _run(nn.Flatten(), comes)[0]
            return nn.Linear(inputs, block.units, device=_META)
        case InceptionBlock():
            _check_maps(block, comes)
            return InceptionBranches(comes[0], block)
    raise NotImplementedError(block.keyword)


def _fits(span: Pair, comes: Shape, padding: Pair, reach: Sequence[int] = (0, 0)) -> bool:
    """Whether a kernel finds a place on a padded map.

    Args:
        span: Positions that it covers.
        comes: Shape of the map.
        padding: Positions added at each end.
        reach: How far it may reach beyond the edge.
    """
    return all(
        s <= side + 2 * p + r for s, side, p, r in zip(span, comes[1:], padding, reach, strict=True)
    )


def _span(kernel: Pair, dilation: Pair) -> Pair:
    """Return how many positions a dilated kernel covers along each axis."""
    first, second = (d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    return first, second


def _check_maps(block: DesignBlock, comes: Shape) -> None:
    """Check that maps come, not a vector.

    Raises:
        DesignError: A vector comes.
    """
    if len(comes) == 1:
        raise DesignError(
            block.line,
            tr(
                "{keyword} works on maps, and what comes is a vector of {count} numbers: put "
                "this line before the one that makes a vector of the maps (flatten, gap or "
                "fc), or leave it out.",
                keyword=block.keyword,
                count=grouped(comes[0]),
            ),
        )


def _too_small(design: Design, error: _TooSmallError) -> DesignError:
    """Make the error for a map that is smaller than a kernel, with all its cures."""
    block, span, comes = design.blocks[error.index], error.span, error.comes
    assert isinstance(block, ConvBlock | PoolBlock)  # noqa: S101  # which alone have kernels
    kernel, padding = block.kernel, block.padding
    kernel_of = _a_kernel if isinstance(block, ConvBlock) else _a_window
    return DesignError(
        block.line,
        _misfit(
            kernel_of(kernel),
            "" if span == kernel else _times(span),
            _a_map(comes[1:]),
            _single(padding) if any(padding) else "",
            _listed(_cures(design, error.index, block, span, comes)),
        ),
    )


def _cures(
    design: Design, index: int, block: ConvBlock | PoolBlock, span: Pair, comes: Shape
) -> list[str]:
    """List what makes a kernel fit its map; what changes another line, or the padding, is tried.

    Args:
        design: The design.
        index: Place of the block that has the kernel.
        block: That block.
        span: Positions that its kernel covers.
        comes: Shape of the map.
    """
    padding = block.padding
    lacking = [s - side - 2 * p for s, side, p in zip(span, comes[1:], padding, strict=True)]
    first, second = (p + -(-max(0, lack) // 2) for p, lack in zip(padding, lacking, strict=True))
    cures: list[str] = []
    if _is_valid(block, (first, second)) and _is_placed(
        design, index, {index: replace(block, padding=(first, second))}
    ):
        cures.append(tr("padding {padding}", padding=_single((first, second))))
    cures += _larger_maps(design, index)
    padded = [side + 2 * p for side, p in zip(comes[1:], padding, strict=True)]
    if span != block.kernel and _fits(block.kernel, comes, padding):
        cures.append(tr("a smaller dilation"))
    else:
        dilation = block.dilation if isinstance(block, ConvBlock) else (1, 1)
        smaller = tuple(
            min(k, 1 + (side - 1) // d)
            for k, side, d in zip(block.kernel, padded, dilation, strict=True)
        )
        cures.append(_a_kernel(smaller) if isinstance(block, ConvBlock) else _a_window(smaller))
    return cures


def _is_valid(block: ConvBlock | PoolBlock, padding: Pair) -> bool:
    """Whether a line may have a padding."""
    if isinstance(block, PoolBlock):
        return all(p <= side // 2 for p, side in zip(padding, block.kernel, strict=True))
    return max(padding) <= MOST_SIDE


def _larger_maps(design: Design, index: int) -> Iterator[str]:
    """Find what makes the maps larger before a block that does not fit: one way at most."""
    before = design.blocks[:index]
    pools = {k: each for k, each in enumerate(before) if isinstance(each, PoolBlock)}
    convs = {k: each for k, each in enumerate(before) if isinstance(each, ConvBlock)}
    if pools:
        largest = max(pools, key=lambda k: max(pools[k].stride))
        if _is_placed(design, index, {largest: None}):
            yield tr("one pooling less")
            return
    if convs:
        largest = max(convs, key=lambda k: max(convs[k].stride))
        if _is_placed(design, index, {largest: replace(convs[largest], stride=(1, 1))}):
            yield tr("a smaller stride before")
            return
    image = design.input
    for factor in (2, MOST_SIDE):
        height, width = (min(factor * side, MOST_SIDE) for side in image.shape[1:])
        if _is_placed(design, index, {0: replace(image, height=height, width=width)}):
            yield tr("a larger image")
            return


def _is_placed(design: Design, index: int, changes: Mapping[int, DesignBlock | None]) -> bool:
    """Whether a design fits up to a block once some blocks are others, or are left out (None)."""
    blocks = [changes.get(k, each) for k, each in enumerate(design.blocks[: index + 1])]
    changed = replace(design, blocks=tuple(each for each in blocks if each is not None))
    try:
        for _ in _place(changed):
            pass
    except (_TooSmallError, DesignError):
        return False
    return True


def _misfit(kernel: str, span: str, map_text: str, padding: str, cures: str) -> str:
    """Say that a kernel is larger than a map, and what to do.

    Args:
        kernel: The kernel, as `_a_kernel` or `_a_window` tells it.
        span: What it covers with its dilation; empty if it has none.
        map_text: The map, as `_a_map` tells it.
        padding: The map's padding; empty if it has none.
        cures: What to do instead.
    """
    if span and padding:
        return tr(
            "{kernel}, which covers {span} with its dilation, on {map} with padding {padding}: "
            "{cures}.",
            kernel=kernel,
            span=span,
            map=map_text,
            padding=padding,
            cures=cures,
        )
    if span:
        return tr(
            "{kernel}, which covers {span} with its dilation, on {map}: {cures}.",
            kernel=kernel,
            span=span,
            map=map_text,
            cures=cures,
        )
    if padding:
        return tr(
            "{kernel} on {map} with padding {padding}: {cures}.",
            kernel=kernel,
            map=map_text,
            padding=padding,
            cures=cures,
        )
    return tr("{kernel} on {map}: {cures}.", kernel=kernel, map=map_text, cures=cures)


def _a_kernel(size: tuple[int, ...]) -> str:
    if _takes_an(size[0]):
        return tr("an {size} kernel", size=_times(size))
    return tr("a {size} kernel", size=_times(size))


def _a_window(size: tuple[int, ...]) -> str:
    if _takes_an(size[0]):
        return tr("an {size} window", size=_times(size))
    return tr("a {size} window", size=_times(size))


def _a_map(size: tuple[int, ...]) -> str:
    if _takes_an(size[0]):
        return tr("an {size} map", size=_times(size))
    return tr("a {size} map", size=_times(size))


def _takes_an(number: int) -> bool:
    """Whether English says "an" before a number."""
    return number in {11, 18} or str(number).startswith("8")


def _shortcut(
    block: EndBlock, body: tuple[DesignBlock, ...], start: Shape, comes: Shape
) -> nn.Module | None:
    """Build the convolution that a residual's input passes through; None where none is needed.

    Raises:
        DesignError: No convolution makes the two shapes equal.
    """
    if start == comes:
        return None
    if len(start) == 1 or len(comes) == 1:
        raise DesignError(
            block.line,
            tr(
                "the residual begins with {start} and ends with {end}, and no "
                "1×1 convolution makes them equal: end it before the maps become a vector, "
                "or make the vector as long as it was.",
                start=_described(start),
                end=_described(comes),
            ),
        )
    strides = [
        _stride(before, after, _product(body, axis))
        for axis, (before, after) in enumerate(zip(start[1:], comes[1:], strict=True))
    ]
    first, second = strides
    if first is None or second is None:
        raise DesignError(
            block.line,
            tr(
                "the residual begins with {start} and ends with {end}, and "
                "no stride of a 1×1 convolution leads from one to the other: choose paddings "
                "that keep the size, such as p1 with a 3×3 kernel, or a stride.",
                start=_a_map(start[1:]),
                end=_a_map(comes[1:]),
            ),
        )
    norm = has_batch_norm(body)
    conv = nn.Conv2d(start[0], comes[0], 1, stride=(first, second), bias=not norm, device=_META)
    return (
        nn.Sequential(conv, nn.BatchNorm2d(comes[0], device=_META)) if norm else nn.Sequential(conv)
    )


def _product(body: tuple[DesignBlock, ...], axis: int) -> int:
    """Multiply the strides of a residual's body along one axis."""
    product = 1
    for block in body:
        if isinstance(block, ConvBlock | PoolBlock):
            product *= block.stride[axis]
    return product


def _stride(before: int, after: int, usual: int) -> int | None:
    """Find the stride of a 1×1 convolution between two sizes, if there is one.

    Args:
        before: Positions of its input.
        after: Positions of its output.
        usual: The stride that is chosen where several lead there: that of the body.
    """
    fitting = range(1, before + 1) if after <= before else range(0)
    if usual in fitting and (before - 1) // usual + 1 == after:
        return usual
    return next((each for each in fitting if (before - 1) // each + 1 == after), None)


def _check_limits(block: DesignBlock, shape: Shape, added: int, parameters: int) -> None:
    """Check what can be counted here, before the next block.

    Raises:
        DesignError: The map is too large, or there are too many parameters.
    """
    if len(shape) > 1 and max(shape[1:]) > LARGEST_MAP:
        raise DesignError(
            block.line,
            tr(
                "the map would have {size} positions, and {most} along an axis are "
                "the limit: choose less padding or a smaller image.",
                size=_times(shape[1:]),
                most=grouped(LARGEST_MAP),
            ),
        )
    if parameters > MOST_PARAMETERS:
        raise DesignError(
            block.line,
            tr(
                "this line adds {added} parameters, which makes {total}, and "
                "{most} are the limit: choose fewer channels or outputs, or make "
                "the map smaller before.",
                added=grouped(added),
                total=grouped(parameters),
                most=grouped(MOST_PARAMETERS),
            ),
        )


def _groups_cure(comes: int, channels: int) -> str:
    common = [
        each
        for each in range(1, min(comes, channels, 64) + 1)
        if comes % each == 0 and channels % each == 0
    ]
    if len(common) == 1:
        return tr("leave the groups out")
    return tr("choose {options}", options=_listed([f"g{each}" for each in common[1:8]]))


def _listed(words: Sequence[str]) -> str:
    """Join what can be chosen: "g2, g4 or g8"."""
    return tr(" or ").join(filter(None, (", ".join(words[:-1]), words[-1])))


def _times(numbers: tuple[int, ...]) -> str:
    return "×".join(map(str, numbers))


def _single(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else _times(pair)


def _described(shape: Shape) -> str:
    if len(shape) == 1:
        return tr("a vector of {count} numbers", count=grouped(shape[0]))
    return tr("maps of {shape}", shape=_times(shape))
