"""Inception modules as they are in a network: branches, output depth, what the 1×1 layers save.

A module counts as one if its last operation concatenates the outputs of several of its parts,
whatever its name, so a user's network is read in the same way.
"""

from dataclasses import dataclass
from itertools import pairwise

from convviz.formatting import grouped, times
from convviz.language import tr
from convviz.lessons.bottleneck import Bottleneck
from convviz.networks.network import is_within
from convviz.structure.costs import Costs, LayerCost, Total, total


@dataclass(frozen=True)
class InceptionBranch:
    """One branch of an Inception module.

    Attributes:
        name: Dotted name of the part ("inception3a.branch2").
        rows: Its rows in the order of execution.
        channels: Its channels in the module's output.
        bottleneck: Its 1×1 convolution and the larger kernel after it; None if there is none.
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
    """A module whose branches are concatenated along the channels.

    Attributes:
        name: Dotted name.
        input_shape: (C, H, W) of the input of every branch.
        output_shape: (C, H, W) of the concatenated output.
        branches: Its branches, in the order of concatenation.
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
        """Every 1×1 convolution with the larger kernel after it."""
        return tuple(branch.bottleneck for branch in self.branches if branch.bottleneck)

    @property
    def macs_without(self) -> int:
        """MACs of the module if its large kernels worked on all input channels."""
        saved = sum(b.direct_macs - b.bottleneck_macs for b in self.bottlenecks)
        return self.cost.macs + saved

    @property
    def saving_sentence(self) -> str:
        """What the 1×1 convolutions save, in words."""
        factor = self.macs_without / self.cost.macs
        return tr(
            "{without} MACs without the 1×1 reductions, {with_them} with "
            "them: {factor} times fewer.",
            without=grouped(self.macs_without),
            with_them=grouped(self.cost.macs),
            factor=times(factor),
        )


def inception_modules(costs: Costs) -> tuple[InceptionModule, ...]:
    """Find the modules of a network that concatenate branches, in the order of execution."""
    modules = []
    for row in costs.layers:
        concatenates = row.kind == "concatenation" and row.executed and bool(row.module)
        if concatenates and len(row.input_shapes) > 1 and len(row.output_shape) == 3:
            module = _module(costs, row)
            if module is not None:
                modules.append(module)
    return tuple(modules)


def _module(costs: Costs, join: LayerCost) -> InceptionModule | None:
    rows = tuple(row for row in costs.layers if is_within(row.module, join.module))
    parts: dict[str, list[LayerCost]] = {}
    for row in rows:
        part = row.module.removeprefix(join.module).strip(".").split(".")[0]
        if part:
            parts.setdefault(f"{join.module}.{part}", []).append(row)
    if len(parts) != len(join.input_shapes):
        return None  # its branches are not separate modules
    branches = tuple(
        InceptionBranch(name, tuple(branch), shape[0], _bottleneck(branch))
        for (name, branch), shape in zip(parts.items(), join.input_shapes, strict=True)
    )
    input_shape = branches[0].rows[0].input_shapes[0]
    return InceptionModule(join.module, input_shape, join.output_shape, branches, total(rows))


def _bottleneck(rows: list[LayerCost]) -> Bottleneck | None:
    convolutions = [row for row in rows if row.window and row.macs]
    for first, second in pairwise(convolutions):
        if first.window is None or second.window is None:
            continue
        if first.window.kernel == (1, 1) and second.window.kernel[0] > 1:
            height, width = second.output_shape[-2:]
            channels = first.input_shapes[0][0]
            reduced, outputs = first.output_shape[0], second.output_shape[0]
            kernel = second.window.kernel[0]
            return Bottleneck(height, width, channels, reduced, outputs, kernel)
    return None
