"""A sweep: variants of one design, each trained for the same time and seeds, and the best of them.

Each point is a comparison of one design (`design_comparison.compare_designs`). `train_points`
trains several, one after the other, or each on a machine of its own (`cut_points`); what is over
stays, so that a sweep can be stopped and go on.

A variant is on the best front if no other is as accurate for less, or more accurate for as much
(Pareto 1906).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from typing import Any, Literal

from convviz.datasets.labelled_set import Dataset
from convviz.errors import DesignError, SettingError
from convviz.language import current, tr
from convviz.learning.design_comparison import check_images, compare_designs, count_trained
from convviz.learning.design_results import DesignComparison, DesignSettings
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
class UntrainableVariant:
    """A variant that cannot be trained here.

    Attributes:
        values: What is varied, each with its value.
        reason: Why, as a sentence or the end of one.
    """

    values: tuple[tuple[str, float], ...]
    reason: str


@dataclass(frozen=True)
class DesignSweep:
    """All points of a sweep.

    Attributes:
        settings: How each is trained.
        points: The variants, in the order in which they are trained.
        left_out: Those that cannot be trained here.
    """

    settings: DesignSettings
    points: tuple[SweepPoint, ...] = field(default=())
    left_out: tuple[UntrainableVariant, ...] = ()

    @property
    def trained(self) -> tuple[SweepPoint, ...]:
        """The points whose trainings are over."""
        return tuple(point for point in self.points if point.accuracy is not None)

    @property
    def open(self) -> tuple[int, ...]:
        """Numbers of the points that are still to be trained, in order."""
        return tuple(k for k, point in enumerate(self.points) if point.accuracy is None)

    def with_result(self, place: int, comparison: DesignComparison) -> DesignSweep:
        """Return the sweep with one point's trainings."""
        points = list(self.points)
        points[place] = replace(points[place], comparison=comparison)
        return replace(self, points=tuple(points))

    def with_results(self, progress: SweepProgress) -> DesignSweep:
        """Return the sweep with the points whose trainings have come to their end."""
        sweep = self
        for place, comparison in progress.over:
            sweep = sweep.with_result(place, comparison)
        return sweep

    def front(self, kind: Cost) -> tuple[SweepPoint, ...]:
        """Return the trained points that no other beats, the cheapest first."""
        points = self.trained
        best = best_front(
            [point.cost(kind) for point in points], [point.accuracy or 0.0 for point in points]
        )
        return tuple(points[place] for place in best)


@dataclass(frozen=True)
class SweepProgress:
    """How far the trainings of some points are.

    Attributes:
        points: Number and trainings of each point that has begun.
        count: How many points there are.
    """

    points: tuple[tuple[int, DesignComparison], ...]
    count: int

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return sum(comparison.fraction for _, comparison in self.points) / self.count

    @property
    def most_seconds(self) -> float | None:
        """How long all trainings may take, without what comes before; None if not limited."""
        return self.points[0][1].settings.most_seconds(self.count)

    @property
    def nbytes(self) -> int:
        """Memory that it takes, about."""
        return sum(comparison.nbytes for _, comparison in self.points)

    @property
    def over(self) -> tuple[tuple[int, DesignComparison], ...]:
        """Those that have come to their end, and were not stopped."""
        return tuple(each for each in self.points if each[1].stage == "done" and not each[1].note)


def train_points(
    *,
    stop: Callable[[], bool],
    points: Sequence[tuple[int, Design]],
    dataset: Dataset,
    settings: DesignSettings,
) -> Iterator[SweepProgress]:
    """Train variants of a design one after the other.

    Args:
        stop: Asked between two steps; once it returns True, it ends with the points that are over.
        points: Number and design of each.
        dataset: The images.
        settings: How to train.

    Raises:
        SettingError: As `compare_designs` does.
    """
    trainings = [
        (
            place,
            compare_designs((design,), dataset, settings, stop=stop, keep=False, baseline=False),
        )
        for place, design in points
    ]
    return _train(trainings, stop)


def _train(
    trainings: Sequence[tuple[int, Iterator[DesignComparison]]], stop: Callable[[], bool]
) -> Iterator[SweepProgress]:
    done: tuple[tuple[int, DesignComparison], ...] = ()
    for place, training in trainings:
        begun = done
        for comparison in training:
            done = (*begun, (place, comparison))
            yield SweepProgress(done, len(trainings))
        if stop():
            return


def cut_points(arguments: Mapping[str, Any], machines: int) -> tuple[int, list[Mapping[str, Any]]]:
    """Cut `train_points` into its points, so that several machines can train them.

    Args:
        arguments: Its arguments.
        machines: How many there are; does not matter here.

    Returns:
        What `join_points` needs, and the arguments of each part.
    """
    points = arguments["points"]
    return len(points), [{**arguments, "points": (point,)} for point in points]


def join_points(count: int, parts: Sequence[SweepProgress | None]) -> SweepProgress | None:
    """Put the points of a sweep together.

    Args:
        count: As from `cut_points`.
        parts: The newest item of each part; None for those that have none yet.
    """
    begun = tuple(point for part in parts if part is not None for point in part.points)
    return SweepProgress(begun, count) if begun else None


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
    design: Design,
    axes: Sequence[tuple[str, Sequence[float]]],
    settings: DesignSettings,
    dataset: Dataset,
) -> DesignSweep:
    """Make the variants of a sweep; those that cannot be trained here are left out.

    Args:
        design: The design that is varied.
        axes: One or two names of variations, each with its values.
        settings: How each variant is trained.
        dataset: The images that it is trained on.

    Raises:
        SettingError: There are too many points, or nothing to vary, or no variant can be trained.
    """
    settings.check()
    names = [name for name, _ in axes]
    if not 1 <= len(axes) <= 2 or len(set(names)) != len(names):
        raise SettingError(tr("Vary one thing or two different ones: width, depth or kernel."))
    count = 1
    for _, values in axes:
        count *= len(values)
    if not 1 <= count <= MOST_POINTS:
        raise SettingError(
            tr(
                "These ranges make {count} variants; choose values that make 1 to {most}.",
                count=count,
                most=MOST_POINTS,
            )
        )
    check_images(design, dataset)
    combinations = product(*([(name, value) for value in values] for name, values in axes))
    points: list[SweepPoint] = []
    left_out: list[UntrainableVariant] = []
    for combination in combinations:
        variant, reason = _variant(design, combination, len(dataset.classes), current())
        if variant is None:
            left_out.append(UntrainableVariant(combination, reason))
        else:
            points.append(SweepPoint(combination, variant))
    if not points:
        raise SettingError(
            tr("No variant can be trained here: {reason}", reason=left_out[0].reason)
        )
    return DesignSweep(settings, tuple(points), tuple(left_out))


@lru_cache(maxsize=4 * MOST_POINTS)
def _variant(
    design: Design, values: tuple[tuple[str, float], ...], classes: int, _language: str
) -> tuple[Design | None, str]:
    """Make one variant; None if it cannot be trained here, with the reason in this language."""
    try:
        variant = vary(design, values)
        count_trained(variant, classes)
    except DesignError as error:
        return None, error.sentence  # its line is one of a text that nobody sees
    except SettingError as error:
        return None, str(error)
    return variant, ""
