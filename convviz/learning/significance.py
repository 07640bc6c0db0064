"""How far an accuracy can be trusted, and whether two differ by more than chance.

One accuracy has an interval. Two accuracies over different images are compared by Fisher's test.

Two networks that named the same images are compared in pairs: the images that both name right, or
both name wrong, say nothing about which is better. What counts is the discordant ones: of those
that only one of the two names right, either would have half if the networks were equally good. That
is McNemar's test (McNemar 1947, Psychometrika 12), here in its exact form, which also holds where
few images are discordant.

Two ways of training that were repeated from the same seeds are compared in pairs as well: the mean
of the differences, seed by seed, has Student's interval (Student 1908, Biometrika 6).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

_Z = NormalDist().inv_cdf(0.975)  # of a normal distribution's middle 95 %
LEVEL = 0.05  # a p-value below this one counts as more than chance


@dataclass(frozen=True)
class PairedComparison:
    """How many images two networks name right, together and one alone.

    Attributes:
        both: Images that both name right.
        only_first: Images that the first network alone names right.
        only_second: Images that the second network alone names right.
        neither: Images that both name wrong.
    """

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def images(self) -> int:
        """How many images were compared."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def p_value(self) -> float:
        """The exact two-sided p-value of McNemar's test, in (0, 1]; 1 without discordant images."""
        discordant = self.only_first + self.only_second
        if discordant == 0:
            return 1.0
        tail = sum(
            math.comb(discordant, count)
            for count in range(min(self.only_first, self.only_second) + 1)
        )
        return float(min(1.0, 2 * tail / 2**discordant))

    @property
    def is_significant(self) -> bool:
        """Whether the two differ by more than chance would explain."""
        return self.p_value < LEVEL


def compare_paired(first: Sequence[bool], second: Sequence[bool]) -> PairedComparison:
    """Compare which images two networks name right.

    Args:
        first: For each image, whether the first network names it right.
        second: The same of the second network, in the same order of images.

    Raises:
        ValueError: If the two do not have one entry for each image.
    """
    pairs = list(zip(map(bool, first), map(bool, second), strict=True))
    return PairedComparison(
        both=pairs.count((True, True)),
        only_first=pairs.count((True, False)),
        only_second=pairs.count((False, True)),
        neither=pairs.count((False, False)),
    )


def interval(correct: int, images: int, different: int | None = None) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy, both ends in 0…1.

    It is Wilson's (1927, Journal of the American Statistical Association 22), which holds for few
    images too, and where all or none are correct.

    Args:
        correct: How many images are classified correctly.
        images: Of how many, at least one.
        different: How many of those are different ones, as copies say nothing more; None for all.
    """
    share, z2 = correct / images, _Z**2
    number = images if different is None else different
    centre = (share + z2 / (2 * number)) / (1 + z2 / number)
    half = _Z / (1 + z2 / number)
    half *= math.sqrt(share * (1 - share) / number + z2 / (4 * number**2))
    # At the ends the exact values are 0 and 1, which rounding misses.
    low = 0.0 if correct == 0 else centre - half
    return low, 1.0 if correct == images else centre + half


def p_value_higher(correct: int, images: int, others_correct: int, others: int) -> float:
    """Return how probable a difference at least as large is by chance, between different images.

    Fisher's exact test, one-sided: the probability that so many of the first images, or more, are
    among the correct ones if all images were equally hard.

    Args:
        correct: How many of the first images are classified correctly.
        images: How many first images there are.
        others_correct: How many of the other images are.
        others: How many other images there are.
    """
    right = correct + others_correct
    ways = sum(
        math.comb(images, k) * math.comb(others, right - k)
        for k in range(correct, min(images, right) + 1)
        if right - k <= others
    )
    return ways / math.comb(images + others, right)


@dataclass(frozen=True)
class PairedInterval:
    """The mean of differences that were measured in pairs, and its 95 % interval.

    Attributes:
        mean: Mean difference, the second less the first.
        low: Lower end.
        high: Upper end.
        pairs: How many differences there were.
    """

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def is_significant(self) -> bool:
        """Whether no difference lies outside the interval."""
        return self.low > 0 or self.high < 0


def paired_interval(first: Sequence[float], second: Sequence[float]) -> PairedInterval:
    """Compare numbers that were measured in pairs, such as accuracies from the same seeds.

    Args:
        first: At least two numbers.
        second: As many, in the same order.

    Raises:
        ValueError: There are fewer than two, or not as many of both.
    """
    differences = [b - a for a, b in zip(first, second, strict=True)]
    if len(differences) < 2:
        raise ValueError("an interval needs two pairs")
    spread = stdev(differences) / math.sqrt(len(differences))
    centre, half = fmean(differences), t_quantile(len(differences) - 1) * spread
    return PairedInterval(centre, centre - half, centre + half, len(differences))


def t_quantile(freedom: int) -> float:
    """Return what bounds the middle 95 % of Student's distribution with some degrees of freedom.

    By bisection of the finite sum that is its probability (Abramowitz and Stegun, 26.7.3 and 4).

    Args:
        freedom: Degrees of freedom, at least one.
    """
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if _within(middle, freedom) > 1 - LEVEL else (middle, high)
    return high


def _within(t: float, freedom: int) -> float:
    """Return the probability that Student's t lies between -t and t."""
    angle = math.atan(t / math.sqrt(freedom))
    term, total = (math.cos(angle), 0.0) if freedom % 2 else (1.0, 0.0)
    for k in range(1 + freedom % 2, freedom, 2):
        total += term
        term *= math.cos(angle) ** 2 * k / (k + 1)
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if freedom % 2 else total
