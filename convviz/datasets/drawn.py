"""Images drawn by code: a foreground on a background, in colours and with noise of their own.

No single colour or pixel determines the class. The same seed makes the same images. Plain images
are light grey on dark grey with little noise, so that small networks learn quickly what they show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from convviz.datasets.labelled_set import Dataset
from convviz.datasets.names import numbered

SIDE = 128  # pixels

Mask = Callable[[str, np.random.Generator], np.ndarray]
"""Draws the foreground of an image of a class: shape (SIDE, SIDE), bool."""


@dataclass(frozen=True)
class _DrawnImages:
    """Images drawn on demand; only the seed is stored."""

    name: str
    classes: tuple[str, ...]
    labels: tuple[int, ...]
    mask: Mask
    seed: int
    plain: bool = False

    @property
    def titles(self) -> tuple[str, ...]:
        """Title of each image: its class and number."""
        return tuple(
            numbered(self.classes[label], index) for index, label in enumerate(self.labels)
        )

    def __len__(self) -> int:
        return len(self.labels)

    def image(self, index: int) -> Image.Image:
        """Draw one image."""
        random = np.random.default_rng((self.seed, index))
        if self.plain:
            return self._plain_image(index, random)
        back, fore = _two_colours(random)
        mask = self.mask(self.classes[self.labels[index]], random)
        ramp = np.linspace(-30, 30, SIDE)[:, None] * random.choice([-1, 1])
        pixels = (
            np.where(mask[..., None], fore, back)
            + (ramp if random.random() < 0.5 else ramp.T)[..., None]
        )
        pixels = pixels + random.normal(0, random.uniform(4, 22), (SIDE, SIDE, 3))
        return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).filter(
            ImageFilter.GaussianBlur(random.uniform(0, 1.2))
        )

    def _plain_image(self, index: int, random: np.random.Generator) -> Image.Image:
        mask = self.mask(self.classes[self.labels[index]], random)
        back, fore = random.uniform((30, 170), (80, 220))
        pixels = np.where(mask, fore, back) + random.normal(0, 8, (SIDE, SIDE))
        return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert("RGB")


def drawn(
    name: str,
    classes: tuple[str, ...],
    mask: Mask,
    per_class: int,
    seed: int,
    *,
    plain: bool = False,
) -> Dataset:
    """Return a set of equally many images of each class.

    Args:
        name: Of the set.
        classes: Their names.
        mask: Draws an image's foreground.
        per_class: Images of each class.
        seed: Seed of the images; another one makes other images.
        plain: Whether they are light grey on dark grey.
    """
    labels = tuple(index % len(classes) for index in range(per_class * len(classes)))
    return Dataset(name, classes, _DrawnImages(name, classes, labels, mask, seed, plain), labels)


def _two_colours(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw two colours whose difference is visible."""
    while True:
        back, fore = random.uniform(20, 235, (2, 3))
        if abs(back.mean() - fore.mean()) > 45:
            return back, fore
