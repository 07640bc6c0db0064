"""The course's rule: how much of a network to replace for so many pictures."""

from __future__ import annotations

from dataclasses import dataclass

from convviz.learning.transfer import Scenario

SMALL_DATA_SET = 2_000
"""Up to so many training pictures a data set counts as small; published sets have millions."""


@dataclass(frozen=True)
class Advice:
    """The scenario that the course's rule recommends, and why."""

    scenario: Scenario
    why: str


def recommend(images: int, classes: int) -> Advice:
    """Apply the course's rule to a data set.

    Args:
        images: Pictures to learn from.
        classes: How many classes they show.
    """
    each = images / max(classes, 1)
    if images <= SMALL_DATA_SET:
        return Advice(
            "last-layer",
            f"{images:,} pictures to learn from, about {each:.0f} for each class, are a small data "
            "set: replace the last fully connected layer only, and keep everything else as it is. "
            "More weights would learn these pictures by heart.",
        )
    return Advice(
        "several",
        f"{images:,} pictures to learn from, about {each:.0f} for each class, are enough to "
        "replace several fully connected layers; the encoder stays as it is.",
    )
