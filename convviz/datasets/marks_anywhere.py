"""A data set made by code for which position does not matter: one mark, anywhere in the image.

The class is the mark's form. Where it stands is drawn at random and says nothing, so a design that
learns each place by itself has to see every form in every place.
"""

from __future__ import annotations

import numpy as np

from convviz.datasets.drawn import SIDE, drawn
from convviz.datasets.labelled_set import Dataset
from convviz.language import in_english, tr

CLASSES = tuple(map(in_english, (tr("plus"), tr("cross"), tr("ring"), tr("square"))))

_RADIUS, _WIDTH = 16, 7  # of a mark and of its lines, in pixels


def marks_anywhere(per_class: int = 100, seed: int = 0) -> Dataset:
    """Return the generated set: four classes with equally many images of 128 × 128 pixels.

    Args:
        per_class: Images of each class.
        seed: Seed of the images; another one makes other images.
    """
    name = in_english(tr("generated marks anywhere"))
    return drawn(name, CLASSES, _mask, per_class, seed, plain=True)


def _mask(kind: str, random: np.random.Generator) -> np.ndarray:
    """Draw one mark, shape (SIDE, SIDE), bool."""
    middle = random.uniform(_RADIUS, SIDE - _RADIUS, size=(2, 1, 1))
    y, x = np.mgrid[:SIDE, :SIDE] - middle
    half, box = _WIDTH / 2, np.maximum(abs(x), abs(y))
    inside = box < _RADIUS
    if kind == "plus":
        return np.asarray(inside & (np.minimum(abs(x), abs(y)) < half))
    if kind == "cross":
        diagonal = np.minimum(abs(x - y), abs(x + y)) / np.sqrt(2)
        return np.asarray(inside & (diagonal < half))
    distance = box if kind == "square" else np.hypot(x, y)
    return np.asarray((distance < _RADIUS) & (distance > _RADIUS - _WIDTH))
