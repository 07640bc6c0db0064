"""Published figures of the networks: those that the papers print and torchvision's accuracies.

The papers' figures are compared with counts of the papers' designs. Where the two do not agree,
both are shown, as the papers have errors too. Only figures that the papers print are
written down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from torchvision.models import get_weight

from convviz.language import later, tr
from convviz.networks.network import NetworkSpec, is_within
from convviz.networks.paper_designs import PaperDesign
from convviz.structure.costs import Costs, LayerCost

_ALEXNET_NEURONS = (
    *(("conv1", 253_440), ("conv2", 186_624), ("conv3", 64_896), ("conv4", 64_896)),
    *(("conv5", 43_264), ("fc6", 4096), ("fc7", 4096), ("fc8", 1000)),
)
_VGG_MILLIONS = {"A": 133, "B": 133, "C": 134, "D": 138, "E": 144}

_K = 1024
"""What the GoogLeNet paper's table seems to mean by K, which it does not say: see `kilo`."""

# Stage, parameters in K, operations in millions; conv2 and conv3 are one line of the table.
_GOOGLENET_TABLE: tuple[tuple[tuple[str, ...], float, float], ...] = (
    (("conv1",), 2.7, 34),
    (("conv2", "conv3"), 112, 360),
    (("inception3a",), 159, 128),
    (("inception3b",), 380, 304),
    (("inception4a",), 364, 73),
    (("inception4b",), 437, 88),
    (("inception4c",), 463, 100),
    (("inception4d",), 580, 119),
    (("inception4e",), 840, 170),
    (("inception5a",), 1072, 54),
    (("inception5b",), 1388, 71),
    (("fc",), 1000, 1),
)


@dataclass(frozen=True)
class PrintedFigure:
    """One printed figure and the same figure counted from the layers, in the reader's language.

    Attributes:
        what: What is counted, "inception3a: parameters".
        where: Where the paper prints it.
        printed: The figure as printed.
        unit: What the figure counts, in numbers: 1,000,000 for millions.
        counted: The count.
    """

    what: str
    where: str
    printed: float
    unit: int
    counted: int

    @property
    def in_units(self) -> float:
        """The count in the paper's unit."""
        return self.counted / self.unit

    @property
    def difference(self) -> float:
        """How far the count is from the printed figure, as a share of it."""
        return self.in_units / self.printed - 1

    @property
    def agreement(self) -> str:
        """How the printed figure follows from the count: one of AGREEMENTS."""
        return _agreement(self.printed, self.in_units)


AGREEMENTS = (later("equal"), later("rounded"), later("rounded down"), later("differs"))
"""The count itself; the count rounded to the printed digits, or cut off after them; neither.

They are told where they are shown.
"""


def _agreement(printed: float, counted: float) -> str:
    step = _step(printed)
    above = (counted - printed) / step
    if above == 0:
        return "equal"
    if -0.5 <= above < 0.5:
        return "rounded"
    return "rounded down" if 0 < above < 1 else "differs"


def _step(printed: float) -> float:
    """Return what one more in the last digit that counts of a printed figure is worth.

    Zeros at the end of a whole number are taken for what rounding leaves, but for the second
    digit: 650,000 is read as 65 ten thousands, 60 as 60.
    """
    whole, _, decimals = f"{printed:.10g}".partition(".")
    if decimals:
        return 10.0 ** -len(decimals)
    return 10.0 ** (len(whole) - max(len(whole.rstrip("0")), min(len(whole), 2)))


def kilo(figures: Sequence[PrintedFigure]) -> dict[int, int]:
    """Count how many figures in thousands follow from the counts if K is 1,000, and if 1,024."""
    in_thousands = [figure for figure in figures if figure.unit == _K]
    return {
        unit: sum(
            _agreement(figure.printed, figure.counted / unit) != "differs"
            for figure in in_thousands
        )
        for unit in (1000, 1024)
    }


def checks(design: PaperDesign, costs: Costs) -> tuple[PrintedFigure, ...]:
    """Compare the paper's printed figures with counts of a design's layers.

    Args:
        design: One of DESIGNS.
        costs: The result of `count(describe(design))`.
    """
    if design.name.startswith("alexnet"):
        return _alexnet(costs)
    if design.name.startswith("vgg"):
        letter = design.name[-1].upper()
        millions = _VGG_MILLIONS[letter]
        return (PrintedFigure(tr("parameters"), tr("table 2"), millions, 10**6, costs.parameters),)
    return _googlenet(costs)


def _alexnet(costs: Costs) -> tuple[PrintedFigure, ...]:
    # A layer's neurons are the outputs of its last row: its ReLU, or fc8 itself.
    neurons = {name: prod(_rows(costs, (name,))[-1].output_shape) for name, _ in _ALEXNET_NEURONS}
    return (
        PrintedFigure(tr("parameters"), tr("abstract"), 60, 10**6, costs.parameters),
        PrintedFigure(tr("neurons"), tr("abstract"), 650_000, 1, sum(neurons.values())),
        *(
            PrintedFigure(
                tr("{layer}: neurons", layer=name), tr("figure 2"), printed, 1, neurons[name]
            )
            for name, printed in _ALEXNET_NEURONS
        ),
    )


def _googlenet(costs: Costs) -> tuple[PrintedFigure, ...]:
    lines: list[PrintedFigure] = []
    for stages, parameters, operations in _GOOGLENET_TABLE:
        rows = _rows(costs, stages)
        title = tr(" and ").join(stages)
        weights, macs = sum(row.weights for row in rows), sum(row.macs for row in rows)
        lines.append(
            PrintedFigure(
                tr("{layers}: weights", layers=title), tr("table 1"), parameters, _K, weights
            )
        )
        lines.append(
            PrintedFigure(
                tr("{layers}: operations", layers=title), tr("table 1"), operations, 10**6, macs
            )
        )
    return tuple(lines)


def _rows(costs: Costs, stages: tuple[str, ...]) -> tuple[LayerCost, ...]:
    return tuple(
        row for row in costs.layers if any(is_within(row.module, stage) for stage in stages)
    )


@dataclass(frozen=True)
class Reported:
    """torchvision's published metadata of one set of weights.

    Attributes:
        top1: Share of ImageNet's validation images whose class comes first, in 0…1.
        top5: Share of them whose class is among the first five, in 0…1.
        parameters: Parameters, without auxiliary heads.
        gigamacs: Billions of multiply–accumulates, which torchvision calls GFLOPS.
    """

    top1: float
    top5: float
    parameters: int
    gigamacs: float


def reported(spec: NetworkSpec) -> Reported | None:
    """Return what torchvision reports of a network; None where it has no such weights."""
    if not spec.torchvision_weights:
        return None
    meta: dict[str, Any] = get_weight(spec.torchvision_weights).meta
    metrics = meta["_metrics"]["ImageNet-1K"]
    return Reported(
        top1=metrics["acc@1"] / 100,
        top5=metrics["acc@5"] / 100,
        parameters=meta["num_params"],
        gigamacs=meta["_ops"],
    )
