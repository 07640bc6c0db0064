"""Whether two networks that named the same images differ by more than chance.

Both see the same images, so the images that both name right, or both name wrong, say nothing about
which is better. What counts is the discordant ones: of those that only one of the two names right,
either would have half if the networks were equally good. That is McNemar's test (McNemar 1947,
Psychometrika 12), here in its exact form, which also holds where few images are discordant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
