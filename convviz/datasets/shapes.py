"""A data set made by code: three shapes and three textures, different in every image.

Each image has its own colours, position, size, turn, background and noise.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from convviz.datasets.drawn import SIDE, drawn
from convviz.datasets.labelled_set import Dataset
from convviz.language import in_english, tr

CLASSES = (
    *map(in_english, (tr("disc"), tr("square"), tr("triangle"))),
    *map(in_english, (tr("stripes"), tr("checks"), tr("dots"))),
)

_CORNERS = {"square": 4, "triangle": 3}


def shapes(per_class: int = 80, seed: int = 0) -> Dataset:
    """Return the generated set: six classes with equally many images of 128 × 128 pixels.

    Args:
        per_class: Images of each class.
        seed: Seed of the images; another one makes other images.
    """
    name = in_english(tr("generated shapes and textures"))
    return drawn(name, CLASSES, _mask, per_class, seed)


def _mask(kind: str, random: np.random.Generator) -> np.ndarray:
    """Draw the foreground's mask, shape (SIDE, SIDE), bool."""
    if kind in ("disc", *_CORNERS):
        return _shape(kind, random)
    turn, period = random.uniform(0, math.pi), random.uniform(16, 40)
    y, x = np.mgrid[:SIDE, :SIDE] + random.uniform(0, period, (2, 1, 1))
    across = (x * math.cos(turn) + y * math.sin(turn)) / period
    along = (y * math.cos(turn) - x * math.sin(turn)) / period
    if kind == "stripes":
        return np.asarray(across % 1 < random.uniform(0.35, 0.65))
    if kind == "checks":
        return np.asarray((across % 1 < 0.5) ^ (along % 1 < 0.5))
    radius = random.uniform(0.2, 0.32)
    return np.asarray((across % 1 - 0.5) ** 2 + (along % 1 - 0.5) ** 2 < radius**2)


def _shape(kind: str, random: np.random.Generator) -> np.ndarray:
    radius = random.uniform(22, 46)
    x, y = random.uniform(radius * 0.9, SIDE - radius * 0.9, 2)
    canvas = Image.new("1", (SIDE, SIDE))
    pen = ImageDraw.Draw(canvas)
    if kind == "disc":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    else:
        pen.regular_polygon((x, y, radius), _CORNERS[kind], random.uniform(0, 360), fill=1)
    return np.asarray(canvas)
