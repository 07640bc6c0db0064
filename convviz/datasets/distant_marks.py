"""A data set made by code that takes a large receptive field: are two distant marks the same?

Two rows have two marks each, far apart, and a mark is a bar that lies or stands. Every image has
two bars of each kind, so counting them says nothing: in the class "same" the two of each row are
the same, in "different" they are not. What sees one mark at a time and is averaged over the image
can only guess.
"""

from __future__ import annotations

import numpy as np

from convviz.datasets.drawn import SIDE, drawn
from convviz.datasets.labelled_set import Dataset
from convviz.language import in_english, tr

CLASSES = (in_english(tr("same")), in_english(tr("different")))

APART = 72
"""Pixels between the middles of two marks of a row, and of a column, up to `_SCATTER` each."""

_LENGTH, _WIDTH = 30, 10  # of a bar, in pixels
_SCATTER = 5  # pixels that each mark is moved at most, to either side
_LYING = {  # which marks lie: of the upper row, then of the lower one
    "same": ((True, True, False, False), (False, False, True, True)),
    "different": (
        *((True, False, True, False), (False, True, False, True)),
        *((True, False, False, True), (False, True, True, False)),
    ),
}


def distant_marks(per_class: int = 400, seed: int = 0) -> Dataset:
    """Return the generated set: two classes with equally many images of 128 × 128 pixels.

    Args:
        per_class: Images of each class.
        seed: Seed of the images; another one makes other images.
    """
    name = in_english(tr("generated distant marks"))
    return drawn(name, CLASSES, _mask, per_class, seed, plain=True)


def _mask(kind: str, random: np.random.Generator) -> np.ndarray:
    """Draw the four bars, shape (SIDE, SIDE), bool."""
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    first, reach = (SIDE - APART) // 2, SIDE // 2 - APART // 2 - _SCATTER - _LENGTH // 2
    shift = random.integers(-reach, reach, size=2, endpoint=True)
    for number, lies in enumerate(random.choice(_LYING[kind])):
        corner = np.array([number // 2, number % 2]) * APART
        middle = first + corner + shift + random.integers(-_SCATTER, _SCATTER, size=2)
        size = np.array([_WIDTH, _LENGTH] if lies else [_LENGTH, _WIDTH])
        (top, left), (bottom, right) = middle - size // 2, middle + size // 2
        mask[top:bottom, left:right] = True
    return mask
