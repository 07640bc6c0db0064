"""A data set made by code: stripes in six directions, the same in nothing but their direction.

Which way stripes run says little about what a photograph shows, so an encoder that learned from
photographs need not tell it to its last layers: a set for which these layers have something to
learn.
"""

from __future__ import annotations

import math

import numpy as np

from convviz.datasets.drawn import SIDE, drawn
from convviz.datasets.labelled_set import Dataset
from convviz.language import in_english, tr

STEP = 30  # degrees between two classes
CLASSES = tuple(f"{angle}°" for angle in range(0, 180, STEP))

_SCATTER = 9  # degrees that stripes of a class may be turned to either side
_PERIODS = (7, 14)  # pixels


def directions(per_class: int = 80, seed: int = 0) -> Dataset:
    """Return the generated set: six classes with equally many images of 128 × 128 pixels.

    A class is called after the angle of its stripes, counterclockwise from the horizontal; those of
    an image are up to 9° off.

    Args:
        per_class: Images of each class.
        seed: Seed of the images; another one makes other images.
    """
    name = in_english(tr("generated stripes in six directions"))
    return drawn(name, CLASSES, _mask, per_class, seed)


def _mask(kind: str, random: np.random.Generator) -> np.ndarray:
    """Draw stripes, shape (SIDE, SIDE), bool; rows run downwards."""
    angle = math.radians(int(kind.removesuffix("°")) + random.uniform(-_SCATTER, _SCATTER))
    period, start = random.uniform(*_PERIODS), random.uniform()
    y, x = np.mgrid[:SIDE, :SIDE]
    across = (x * math.sin(angle) + y * math.cos(angle)) / period + start
    return np.asarray(across % 1 < random.uniform(0.35, 0.65))
