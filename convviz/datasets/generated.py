"""The labelled sets that code draws, by the names that commands and links give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from convviz.datasets.directions import directions
from convviz.datasets.distant_marks import distant_marks
from convviz.datasets.labelled_set import Dataset
from convviz.datasets.marks_anywhere import marks_anywhere
from convviz.datasets.shapes import shapes
from convviz.language import later


@dataclass(frozen=True)
class GeneratedSet:
    """One set that code draws.

    Attributes:
        title: For a button.
        make: Draws it; both its arguments, images of each class and seed, may be left out.
    """

    title: str
    make: Callable[..., Dataset]


GENERATED = {
    "shapes": GeneratedSet(later("Generated shapes"), shapes),
    "directions": GeneratedSet(later("Generated stripes"), directions),
    "distant-marks": GeneratedSet(later("Distant marks"), distant_marks),
    "marks-anywhere": GeneratedSet(later("Marks anywhere"), marks_anywhere),
}
