"""Inception modules as they are in a network: branches, output depth, what the 1×1 layers save.

A module counts as one if it ends by joining the outputs of several of its parts, whatever its name,
so a user's own network is read in the same way.
"""

from dataclasses import dataclass
from itertools import pairwise

from convviz.formatting import grouped, times
from convviz.lessons.bottleneck import Bottleneck
from convviz.networks.network import is_within
from convviz.structure.costs import Costs, LayerCost, Total, total


@dataclass(frozen=True)
class InceptionBranch:
    """One of the ways through a module.

    Attributes:
        name: Dotted name of the part ("inception3a.branch2").
        rows: Its rows in the order of execution.
        channels: Channels it adds to the module's output.
        bottleneck: Its 1×1 convolution and the larger kernel behind it; None if there is none.
    """

    name: str
    rows: tuple[LayerCost, ...]
    channels: int
    bottleneck: Bottleneck | None

    @property
    def cost(self) -> Total:
        """The sum of its rows."""
        return total(self.rows)

    @property
    def kernels(self) -> tuple[LayerCost, ...]:
        """Its convolutions and poolings, in order."""
        return tuple(row for row in self.rows if row.window)


@dataclass(frozen=True)
class InceptionModule:
    """A module whose branches are joined channel by channel.

    Attributes:
        name: Dotted name.
        input_shape: (C, H, W) of what every branch gets.
        output_shape: (C, H, W) of the joined output.
        branches: The ways through it, in the order in which they are joined.
        cost: The sum of all its rows.
    """

    name: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    branches: tuple[InceptionBranch, ...]
    cost: Total

    @property
    def depth_formula(self) -> str:
        """The output's depth with the numbers put in: "64 + 128 + 32 + 32 = 256"."""
        terms = " + ".join(str(branch.channels) for branch in self.branches)
        return f"{terms} = {sum(branch.channels for branch in self.branches)}"

    @property
    def bottlenecks(self) -> tuple[Bottleneck, ...]:
        """Every 1×1 convolution with the larger kernel behind it."""
        return tuple(branch.bottleneck for branch in self.branches if branch.bottleneck)

    @property
    def macs_without(self) -> int:
        """What the module would cost if its large kernels worked on all incoming channels."""
        saved = sum(b.direct_macs - b.bottleneck_macs for b in self.bottlenecks)
        return self.cost.macs + saved

    @property
    def saving_sentence(self) -> str:
        """What the 1×1 convolutions save, in words."""
        factor = self.macs_without / self.cost.macs
        return (
            f"{grouped(self.macs_without)} multiplications without the 1×1 reductions,"
            f" {grouped(self.cost.macs)} with them: {times(factor)} times fewer."
        )


def inception_modules(costs: Costs) -> tuple[InceptionModule, ...]:
    """Find the modules of a network that join several branches, in the order of execution."""
    modules = []
    for row in costs.layers:
        joins = row.kind == "concatenation" and row.executed and bool(row.module)
        if joins and len(row.input_shapes) > 1 and len(row.output_shape) == 3:
            module = _module(costs, row)
            if module is not None:
                modules.append(module)
    return tuple(modules)


def _module(costs: Costs, join: LayerCost) -> InceptionModule | None:
    inside = tuple(row for row in costs.layers if is_within(row.module, join.module))
    parts: dict[str, list[LayerCost]] = {}
    for row in inside:
        below = row.module.removeprefix(join.module).strip(".").split(".")[0]
        if below:
            parts.setdefault(f"{join.module}.{below}", []).append(row)
    if len(parts) != len(join.input_shapes):
        return None  # its branches are not parts of their own, so there is nothing to tell apart
    branches = tuple(
        InceptionBranch(name, tuple(rows), shape[0], _bottleneck(rows))
        for (name, rows), shape in zip(parts.items(), join.input_shapes, strict=True)
    )
    first = branches[0].rows[0]
    return InceptionModule(
        join.module, first.input_shapes[0], join.output_shape, branches, total(inside)
    )


def _bottleneck(rows: list[LayerCost]) -> Bottleneck | None:
    convolutions = [row for row in rows if row.window and row.macs]
    for narrow, wide in pairwise(convolutions):
        if narrow.window is None or wide.window is None:
            continue
        if narrow.window.kernel == (1, 1) and wide.window.kernel[0] > 1:
            height, width = wide.output_shape[-2:]
            channels = narrow.input_shapes[0][0]
            reduced, outputs = narrow.output_shape[0], wide.output_shape[0]
            kernel = wide.window.kernel[0]
            return Bottleneck(height, width, channels, reduced, outputs, kernel)
    return None
