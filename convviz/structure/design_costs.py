"""What a design costs, block by block: the rows of `costs`, gathered by the lines of its text.

Sizes, fields, parameters, multiply–accumulates and memory are read from one traced pass, by the
conventions of `costs`. An auxiliary classifier is counted apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from convviz.errors import DesignError
from convviz.formatting import grouped, size_text
from convviz.language import current, later, numeral, tr
from convviz.networks.design import Design
from convviz.networks.design_blocks import (
    AuxiliaryBlock,
    AvgPoolToBlock,
    ConvBlock,
    DesignBlock,
    EndBlock,
    FcBlock,
    GapBlock,
    InceptionBlock,
    PoolBlock,
)
from convviz.networks.design_module import (
    FLATTEN,
    DesignNetwork,
    PlacedBlock,
    PlacedDesign,
    place_blocks,
)
from convviz.networks.network import NetworkSpec
from convviz.structure.costs import Costs, LayerCost, Total, rows_of, total
from convviz.structure.trace import Shape, trace

MOST_TRAINED_PARAMETERS = 20_000_000
MOST_TRAINED_MACS = 500_000_000
MOST_TRAINED_BYTES = 50_000_000
"""What can be trained here within minutes: parameters, and multiply–accumulates and memory for one
image."""


@dataclass(frozen=True)
class AxisSize:
    """How a kernel fits along one axis of a map.

    Attributes:
        length: Positions of the map.
        span: Positions that the kernel covers, its dilation included.
        stride: Positions between two of its places.
        padding: Positions added at each end.
        output: How many places it has.
    """

    length: int
    span: int
    stride: int
    padding: int
    output: int

    @property
    def left_over(self) -> int:
        """Positions at the far end, padding included, that the last place does not reach.

        Below 0 for a window that reaches beyond the edge, which only poolings with ceil have.
        """
        return self.length + 2 * self.padding - self.span - (self.output - 1) * self.stride

    @property
    def formula(self) -> str:
        """The formula with the numbers put in: "(227 − 11 + 0)/4 + 1 = 55"."""
        whole = f"({self.length} − {self.span} + {2 * self.padding})/{self.stride}"
        if not self.left_over:
            return f"{whole} + 1 = {self.output}"
        places = numeral(f"{(self.length - self.span + 2 * self.padding) / self.stride:.4g}")
        rounded = ("⌈", "⌉") if self.left_over < 0 else ("⌊", "⌋")
        return (
            f"{rounded[0]}{whole}{rounded[1]} + 1 = {rounded[0]}{places}{rounded[1]} + 1 = "
            f"{self.output}"
        )


@dataclass(frozen=True)
class BlockCost:
    """One line of a design and what it costs.

    Attributes:
        block: The block.
        parts: Names of the modules that it became, such as ``conv1``.
        comes: Shape of what comes to it, without the batch.
        output: Shape of what leaves it.
        sizes: How its kernel fits along rows and columns; empty where no kernel slides.
        layers: The rows of `costs` that belong to it.
        receptive_field: Pixels of the longer side, on an infinite plane.
        jump: Input pixels between two neighbouring positions.
    """

    block: DesignBlock
    parts: tuple[str, ...]
    comes: Shape
    output: Shape
    sizes: tuple[AxisSize, ...]
    layers: tuple[LayerCost, ...]
    receptive_field: int
    jump: float

    @property
    def line(self) -> int:
        """Number of its line in the text."""
        return self.block.line

    @property
    def text(self) -> str:
        """The line as the grammar writes it."""
        return self.block.text

    @property
    def auxiliary(self) -> bool:
        """Whether it helps training alone, and is counted apart."""
        return isinstance(self.block, AuxiliaryBlock)

    @property
    def total(self) -> Total:
        """The sum of its rows."""
        return total(self.layers)

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.total.parameters

    @property
    def macs(self) -> int:
        """Multiply–accumulates for one image; 0 for what helps training alone."""
        return self.total.macs

    @property
    def activation_bytes(self) -> int:
        """Bytes that training keeps of one image for the backward pass."""
        return self.total.activation_bytes

    @property
    def output_bytes(self) -> int:
        """Bytes of the largest output of its rows, kept or not."""
        return max((row.output_bytes for row in self.layers), default=0)

    @property
    def training_bytes(self) -> int:
        """Bytes that it adds, or may add, to those of training."""
        return max(self.activation_bytes, self.output_bytes)

    @property
    def formula(self) -> str:
        """How large the output is, with the numbers put in; empty where the size just stays."""
        if self.sizes:
            rows, columns = (size.formula for size in self.sizes)
            return rows if rows == columns else f"{rows}; {columns}"
        if isinstance(self.block, AvgPoolToBlock):
            height, width = self.block.size
            return tr("divided into {height}×{width} windows", height=height, width=width)
        if isinstance(self.block, GapBlock):
            height, width = self.comes[1:]
            return tr("the mean of each {height}×{width} map", height=height, width=width)
        flattened = ""
        if len(self.output) == 1 and len(self.comes) == 3:
            flattened = " · ".join(map(str, self.comes)) + f" = {self._flattened}"
        if isinstance(self.block, FcBlock):
            return f"{flattened or self.comes[0]} → {self.block.units}"
        if isinstance(self.block, InceptionBlock):
            branches = self.block.branches
            return " + ".join(map(str, branches)) + f" = {sum(branches)}"
        return flattened

    @property
    def left_over(self) -> tuple[int, ...]:
        """Positions that the stride leaves over along rows and columns; see `AxisSize`."""
        return tuple(size.left_over for size in self.sizes)

    @property
    def _flattened(self) -> int:
        channels, height, width = self.comes
        return channels * height * width


@dataclass(frozen=True)
class DesignCosts:
    """What a design costs.

    Attributes:
        design: The design.
        blocks: Its lines in order, the input first.
    """

    design: Design
    blocks: tuple[BlockCost, ...]

    @property
    def total(self) -> Total:
        """The sum of all blocks but the auxiliary classifiers."""
        return total(row for block in self.blocks if not block.auxiliary for row in block.layers)

    @property
    def parameters(self) -> int:
        """Parameters without those of auxiliary classifiers."""
        return self.total.parameters

    @property
    def parameters_with_auxiliary(self) -> int:
        """Parameters of the whole network."""
        return sum(block.parameters for block in self.blocks)

    @property
    def macs(self) -> int:
        """Multiply–accumulates for one image."""
        return self.total.macs

    @property
    def activation_bytes(self) -> int:
        """Bytes that training keeps of one image for the backward pass, in float32."""
        return self.total.activation_bytes

    @property
    def training_bytes(self) -> int:
        """Bytes that training needs for one image: what it keeps, and the largest output."""
        return self.activation_bytes + max(block.output_bytes for block in self.blocks)

    @property
    def output(self) -> Shape:
        """Shape of what leaves the network, without the batch."""
        return self.blocks[-1].output

    @property
    def classes(self) -> int | None:
        """How many numbers leave the network; None if maps do."""
        return self.output[0] if len(self.output) == 1 else None

    @property
    def as_network(self) -> Costs:
        """The same as the costs of any other network, row by row."""
        size = max(self.design.input.height, self.design.input.width)
        name = self.design.name or "design"
        rows = tuple(row for block in self.blocks for row in block.layers)
        return Costs(name, name, size, rows)

    @property
    def last_map(self) -> BlockCost:
        """The last block that gives maps; the image if none does."""
        return next(block for block in reversed(self.blocks) if len(block.output) == 3)

    def most(self, cost: str, *, with_auxiliary: bool = False) -> BlockCost | None:
        """Return the block that has most of a cost, such as "parameters" or "macs".

        None if no block has any; of several equal ones the first.

        Args:
            cost: Name of the cost.
            with_auxiliary: Whether auxiliary classifiers are among the blocks.
        """
        blocks = [block for block in self.blocks if with_auxiliary or not block.auxiliary]
        largest = max(blocks, key=lambda block: getattr(block, cost))
        return largest if getattr(largest, cost) else None


def count_design(design: Design) -> DesignCosts:
    """Count what a design costs.

    Raises:
        DesignError: A block does not fit what comes to it, or a limit is passed.
    """
    return count_placed(place_blocks(design))


@dataclass(frozen=True)
class CountedText:
    """A text that may be a design, and what of it can be counted.

    Attributes:
        design: The design; None if the text is none.
        costs: The costs of all blocks, or of those before the line that is wrong; None if not even
            those can be counted.
        error: What is wrong; None if nothing is.
    """

    design: Design | None
    costs: DesignCosts | None
    error: DesignError | None


def count_text(text: str) -> CountedText:
    """Count a design that is being written: up to the first line that is wrong."""
    return _count_text(text, current())


@lru_cache(maxsize=64)
def _count_text(text: str, _language: str) -> CountedText:
    """Count a text, with its error in the reader's language."""
    try:
        design = Design.parse(text)
        return CountedText(design, count_design(design), None)
    except DesignError as error:
        return CountedText(None, _costs_before(text, error.line), error)


def _costs_before(text: str, line: int) -> DesignCosts | None:
    """Count the lines before one; None if they are no design by themselves.

    A residual that has not ended, and auxiliary classifiers, which need the last line, do nothing.
    """
    lines = re.split(r"\r\n|\n|\r", text)[: line - 1]
    keywords = [[*each.partition("#")[0].lower().split(), ""][0] for each in lines]
    for index in range(len(lines)):
        is_open = keywords[index] == "residual" and "end" not in keywords[index:]
        if is_open or keywords[index] == "auxiliary":
            lines[index] = ""
    try:
        return count_design(Design.parse("\n".join(lines)))
    except DesignError:
        return None  # the sentence is that of the whole text


def count_placed(placed: PlacedDesign) -> DesignCosts:
    """Count what a design costs whose blocks have been found to fit."""
    spec = spec_of(placed)
    image = placed.design.input.shape
    record = trace(placed.module, image, own=True)
    rows = rows_of(record, placed.module, image, spec, own=True)
    blocks: list[BlockCost] = []
    field, jump = 1, 1.0
    for each, layers in zip(placed.blocks, _by_block(placed.blocks, rows), strict=True):
        if not isinstance(each.block, AuxiliaryBlock):
            followed = [row.field for row in layers if row.field is not None]
            if followed:
                field, jump = followed[-1].size, followed[-1].jump
        blocks.append(
            BlockCost(
                block=each.block,
                parts=tuple(name for name, _ in each.parts),
                comes=each.comes,
                output=layers[-1].output_shape if layers and layers[-1].executed else each.output,
                sizes=_sizes(each, layers),
                layers=layers,
                receptive_field=field,
                jump=jump,
            )
        )
    return DesignCosts(placed.design, tuple(blocks))


def spec_of(placed: PlacedDesign) -> NetworkSpec:
    """Describe a design's network, as any other; its build() is on the meta device."""
    design = placed.design
    height, width = design.input.shape[1:]
    title = design.name or "Design"

    def build() -> DesignNetwork:
        return place_blocks(design).module

    return NetworkSpec(
        name="design",
        title=title,
        build=build,
        input_size=max(height, width),
        auxiliary=placed.module.auxiliary,
    )


def _by_block(
    blocks: Sequence[PlacedBlock], rows: Sequence[LayerCost]
) -> Iterator[tuple[LayerCost, ...]]:
    """Give each block its rows: those of its modules, and of its calls of functions."""
    functions = iter([row for row in rows if row.executed and not row.module])
    by_part: dict[str, list[LayerCost]] = {}
    for row in rows:
        by_part.setdefault(row.module.partition(".")[0], []).append(row)
    for each in blocks:
        own = [row for name, _ in each.parts for row in by_part.get(name, ())]
        # A vector that is flattened stays what it is, and is no row.
        flattened = FLATTEN in each.steps and len(each.comes) > 1
        called = [next(functions)] if flattened or isinstance(each.block, EndBlock) else []
        first = isinstance(each.block, FcBlock)
        yield tuple([*called, *own] if first else [*own, *called])


def _sizes(placed: PlacedBlock, layers: Sequence[LayerCost]) -> tuple[AxisSize, ...]:
    """Read how the kernel of a convolution or pooling fits, from the traced pass."""
    if not isinstance(placed.block, ConvBlock | PoolBlock):
        return ()
    row = layers[0]
    assert row.window is not None  # noqa: S101  # as such layers have one
    window = row.window
    return tuple(
        AxisSize(
            length=row.input_shapes[0][1 + axis],
            span=window.dilation[axis] * (window.kernel[axis] - 1) + 1,
            stride=window.stride[axis],
            padding=window.padding[axis],
            output=row.output_shape[1 + axis],
        )
        for axis in (0, 1)
    )


_MANY_PARAMETERS = later(
    "the network has {count} parameters, and {most} are the limit for training here: “{line}” has "
    "the largest share; make it smaller."
)
_MANY_AUXILIARY = later(
    "the network has {count} parameters, and {most} are the limit for training here: “{line}” has "
    "the largest share; leave it out."
)
_MANY_MACS = later(
    "the network has {count} MACs an image, and {most} are the limit for training "
    "here: “{line}” has the largest share; make it smaller."
)
_MUCH_MEMORY = later(
    "training needs {count} of memory for each image, and {most} are the limit here: “{line}” has "
    "the largest share; choose fewer channels or smaller maps."
)


def check_trainable(costs: DesignCosts) -> None:
    """Check that a design can be trained here.

    Raises:
        DesignError: It is too large, has no weights, or does not end in a vector of scores.
    """
    last = costs.blocks[-1]
    if costs.classes is None:
        shape = "×".join(map(str, costs.output))
        raise DesignError(
            last.line,
            tr(
                "the network ends with maps of {shape}, and scores are needed to train it: "
                "end with “gap” or with as many outputs as there are classes, such as “fc "
                "10”.",
                shape=shape,
            ),
        )
    if not costs.parameters:
        raise DesignError(
            last.line,
            tr(
                "the network has no weights, and they are what training changes: add a line such "
                "as “fc 10”."
            ),
        )
    many, macs, memory = costs.parameters_with_auxiliary, costs.macs, costs.training_bytes
    for message, number, most, cost, told in (
        (_MANY_PARAMETERS, many, MOST_TRAINED_PARAMETERS, "parameters", grouped),
        (_MANY_MACS, macs, MOST_TRAINED_MACS, "macs", grouped),
        (_MUCH_MEMORY, memory, MOST_TRAINED_BYTES, "training_bytes", size_text),
    ):
        heaviest = costs.most(cost, with_auxiliary=cost == "parameters")
        if number > most and heaviest is not None:
            raise DesignError(
                heaviest.line,
                tr(
                    _MANY_AUXILIARY if heaviest.auxiliary else message,
                    count=told(number),
                    most=told(most),
                    line=heaviest.text,
                ),
            )
