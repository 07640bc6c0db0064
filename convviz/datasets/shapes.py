"""A data set made by code: three shapes and three textures, different in every image.

Each image has its own colours, position, size, turn, background and noise, so that no single colour
or pixel determines the class. The same seed makes the same images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from convviz.datasets.labelled_set import Dataset

CLASSES = ("disc", "square", "triangle", "stripes", "checks", "dots")

_SIDE = 128  # pixels
_CORNERS = {"square": 4, "triangle": 3}


@dataclass(frozen=True)
class _Drawn:
    """Images drawn on demand; only the seed is stored."""

    labels: tuple[int, ...]
    seed: int
    name: str = field(default="generated shapes and textures")

    @property
    def titles(self) -> tuple[str, ...]:
        """Title of each image: its class and number."""
        return tuple(f"{CLASSES[label]} {index}" for index, label in enumerate(self.labels))

    def __len__(self) -> int:
        return len(self.labels)

    def image(self, index: int) -> Image.Image:
        """Draw one image."""
        return draw(CLASSES[self.labels[index]], self.seed, index)


def shapes(per_class: int = 80, seed: int = 0) -> Dataset:
    """Return the generated set: six classes with equally many images of 128 × 128 pixels.

    Args:
        per_class: Images of each class.
        seed: Seed of the images; another one makes other images.
    """
    labels = tuple(index % len(CLASSES) for index in range(per_class * len(CLASSES)))
    images = _Drawn(labels, seed)
    return Dataset(images.name, CLASSES, images, labels)


def draw(kind: str, seed: int, index: int) -> Image.Image:
    """Draw one image of a class.

    Args:
        kind: One of `CLASSES`.
        seed: Seed of the set.
        index: Number of the image in it.
    """
    random = np.random.default_rng((seed, index))
    back, fore = _two_colours(random)
    mask = _mask(kind, random)
    ramp = np.linspace(-30, 30, _SIDE)[:, None] * random.choice([-1, 1])
    pixels = (
        np.where(mask[..., None], fore, back)
        + (ramp if random.random() < 0.5 else ramp.T)[..., None]
    )
    pixels = pixels + random.normal(0, random.uniform(4, 22), (_SIDE, _SIDE, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(random.uniform(0, 1.2))
    )


def _two_colours(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw two colours whose difference is visible."""
    while True:
        back, fore = random.uniform(20, 235, (2, 3))
        if abs(back.mean() - fore.mean()) > 45:
            return back, fore


def _mask(kind: str, random: np.random.Generator) -> np.ndarray:
    """Draw the foreground's mask, shape (side, side), bool."""
    if kind in ("disc", *_CORNERS):
        return _shape(kind, random)
    turn, period = random.uniform(0, math.pi), random.uniform(16, 40)
    y, x = np.mgrid[:_SIDE, :_SIDE] + random.uniform(0, period, (2, 1, 1))
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
    x, y = random.uniform(radius * 0.9, _SIDE - radius * 0.9, 2)
    canvas = Image.new("1", (_SIDE, _SIDE))
    pen = ImageDraw.Draw(canvas)
    if kind == "disc":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    else:
        pen.regular_polygon((x, y, radius), _CORNERS[kind], random.uniform(0, 360), fill=1)
    return np.asarray(canvas)
