"""A sweep: variants of one design, each trained for the same time and seeds, and the best of them.

Each point is a comparison of one design (`design_comparison.compare_designs`), a job of its own, so
that a sweep can be stopped and go on, and several machines can share it.

A variant is on the best front if no other is as accurate for less, or more accurate for as much
(Pareto 1906).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Literal

from convviz.errors import SettingError
from convviz.learning.design_results import (
    DesignComparison,
    DesignSettings,
)
from convviz.networks.design import Design
from convviz.networks.design_variants import vary

MOST_POINTS = 25

Cost = Literal["parameters", "macs"]


@dataclass(frozen=True)
class SweepPoint:
    """One variant.

    Attributes:
        values: What is varied, each with its value.
        design: The variant.
        comparison: Its trainings; None until they are over.
    """

    values: tuple[tuple[str, float], ...]
    design: Design
    comparison: DesignComparison | None = None

    @property
    def accuracy(self) -> float | None:
        """Mean test accuracy over the seeds; None until it is trained."""
        return self.comparison.results[0].accuracy if self.comparison else None

    def cost(self, kind: Cost) -> int:
        """Parameters or multiply–accumulates; 0 until it is trained."""
        if self.comparison is None:
            return 0
        result = self.comparison.results[0]
        return result.parameters if kind == "parameters" else result.macs


@dataclass(frozen=True)
class DesignSweep:
    """All points of a sweep.

    Attributes:
        settings: How each is trained.
        points: The variants, in the order in which they are trained.
    """

    settings: DesignSettings
    points: tuple[SweepPoint, ...] = field(default=())

    @property
    def trained(self) -> tuple[SweepPoint, ...]:
        """The points whose trainings are over."""
        return tuple(point for point in self.points if point.accuracy is not None)

    @property
    def following(self) -> int | None:
        """Number of the point to be trained next; None if all are."""
        return next((k for k, point in enumerate(self.points) if point.accuracy is None), None)

    def with_result(self, place: int, comparison: DesignComparison) -> DesignSweep:
        """Return the sweep with one point's trainings."""
        points = list(self.points)
        points[place] = replace(points[place], comparison=comparison)
        return replace(self, points=tuple(points))

    def front(self, kind: Cost) -> tuple[SweepPoint, ...]:
        """Return the trained points that no other beats, the cheapest first."""
        points = self.trained
        best = best_front(
            [point.cost(kind) for point in points], [point.accuracy or 0.0 for point in points]
        )
        return tuple(points[place] for place in best)


def best_front(costs: Sequence[float], accuracies: Sequence[float]) -> tuple[int, ...]:
    """Return the places of what nothing beats in cost and accuracy, the cheapest first.

    Of several that are equal in both, the first.
    """
    best: list[int] = []
    order = sorted(range(len(costs)), key=lambda place: (costs[place], -accuracies[place], place))
    for place in order:
        if not best or accuracies[place] > accuracies[best[-1]]:
            best.append(place)
    return tuple(best)


def plan_sweep(
    design: Design, axes: Sequence[tuple[str, Sequence[float]]], settings: DesignSettings
) -> DesignSweep:
    """Make the variants of a sweep.

    Args:
        design: The design that is varied.
        axes: One or two names of variations, each with its values.
        settings: How each variant is trained.

    Raises:
        SettingError: There are too many points, or nothing to vary.
        DesignError: The design does not fit its image.
    """
    settings.check()
    names = [name for name, _ in axes]
    if not 1 <= len(axes) <= 2 or len(set(names)) != len(names):
        raise SettingError("Vary one thing or two different ones: width, depth or kernel.")
    count = 1
    for _, values in axes:
        count *= len(values)
    if not 1 <= count <= MOST_POINTS:
        raise SettingError(
            f"These ranges make {count} variants; choose values that make 1 to {MOST_POINTS}."
        )
    combinations = product(*([(name, value) for value in values] for name, values in axes))
    return DesignSweep(
        settings, tuple(SweepPoint(values, vary(design, values)) for values in combinations)
    )
