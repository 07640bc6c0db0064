"""CIFAR-10 as a set of images: ten classes of photographs of 32 × 32 pixels.

It is fetched in the form that holds nothing but bytes: for each picture the number of its class,
then 1,024 values each of red, green and blue (Krizhevsky 2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convviz.errors import ImageError
from convviz.images.published import PublishedSet, evenly

CIFAR10 = PublishedSet(
    key="cifar10",
    title="CIFAR-10",
    about="Tiny photographs, 32 × 32 pixels, of ten classes such as aeroplanes, cats and ships. "
    "They are scaled up, which shows: the encoders were trained on larger ones.",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    bytes=170_052_171,
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    folder="cifar-10-batches-bin",
)

CLASSES = (
    "aeroplane",
    "car",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "lorry",
)
_SIDE = 32
_RECORD = 1 + 3 * _SIDE**2


@dataclass(frozen=True)
class Cifar10:
    """Some of CIFAR-10's training pictures, about as many of each class.

    Attributes:
        root: The folder of published sets.
        count: How many pictures; fewer if there are not as many.
        seed: Chooses them; the same ones for the same seed.
    """

    root: Path
    count: int = 500
    seed: int = 0
    classes: tuple[str, ...] = CLASSES

    @property
    def name(self) -> str:
        """What the set is called."""
        return f"{len(self)} pictures of CIFAR-10"

    @cached_property
    def _records(self) -> NDArray[np.uint8]:
        """Read the chosen pictures, (N, 3073): a class and its pixels each."""
        try:
            files = sorted((self.root / CIFAR10.folder).glob("data_batch_*.bin"))
            if not files:
                raise FileNotFoundError
            every = [np.memmap(file, np.uint8, "r").reshape(-1, _RECORD) for file in files]
        except (OSError, ValueError) as error:
            raise ImageError("The files of CIFAR-10 are gone; fetch it again.") from error
        labels = np.concatenate([records[:, 0] for records in every]).tolist()
        places = np.array(evenly(labels, self.count, self.seed))
        ends = np.cumsum([0, *map(len, every)])
        return np.concatenate(
            [
                records[places[(places >= start) & (places < end)] - start]
                for records, start, end in zip(every, ends[:-1], ends[1:], strict=True)
            ]
        )

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """Number of each picture's class."""
        return tuple(self._records[:, 0].tolist())

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each picture: its class and number."""
        return tuple(f"{CLASSES[label]} {place}" for place, label in enumerate(self.labels))

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._records)

    @property
    def nbytes(self) -> int:
        """Memory that the pictures take, in bytes."""
        return self._records.nbytes

    def picture(self, place: int) -> Image.Image:
        """Make one picture of its bytes."""
        pixels = self._records[place, 1:].reshape(3, _SIDE, _SIDE)
        return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
