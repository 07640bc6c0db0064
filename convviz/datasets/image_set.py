"""Sets of images to look at one after the other: the samples' crops, files, a zip.

A set knows its pictures' titles and hands one picture out at a time, decoded afresh, so that its
memory is that of the files. Sets can be pickled: a job may take them to another process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Protocol

from PIL import Image

from convviz.datasets.zip_archive import Archive, LeftOut
from convviz.images.decode import decode
from convviz.images.samples import sample, samples

__all__ = ["Files", "ImageSet", "LeftOut", "SampleCrops", "Zipped"]


_SCALES = (1, 2, 3)  # how many crops fit across a sample's shorter side


class ImageSet(Protocol):
    """Pictures, each with a title."""

    @property
    def name(self) -> str:
        """What the set is called, for people."""
        ...

    @property
    def titles(self) -> tuple[str, ...]:
        """Title of each picture."""
        ...

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def picture(self, place: int) -> Image.Image:
        """Decode one picture.

        Raises:
            ImageError: It cannot be read.
        """
        ...


@dataclass(frozen=True)
class SampleCrops:
    """Square crops of the sample photographs, at three scales; those of one scale do not overlap.

    Five photographs are too few to see what a channel looks for; their parts are enough for a
    first answer, without any upload.
    """

    name: str = "the samples' crops"

    @cached_property
    def _boxes(self) -> tuple[tuple[str, tuple[int, int, int, int]], ...]:
        return tuple(
            (each.name, box)
            for scale in _SCALES
            for each in samples()
            for box in _squares(*_sample_picture(each.name).size, scale)
        )

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each crop: its photograph's."""
        return tuple(sample(name).title for name, _ in self._boxes)

    def __len__(self) -> int:
        """Return how many crops there are."""
        return len(self._boxes)

    def picture(self, place: int) -> Image.Image:
        """Cut one crop out of its photograph."""
        name, box = self._boxes[place]
        return _sample_picture(name).crop(box)


@dataclass(frozen=True)
class Files:
    """Files that somebody uploaded.

    Attributes:
        files: Title and bytes of each.
        name: What the set is called.
    """

    files: tuple[tuple[str, bytes], ...]
    name: str = "your pictures"

    @property
    def titles(self) -> tuple[str, ...]:
        """Title of each picture: the file's name."""
        return tuple(title for title, _ in self.files)

    def __len__(self) -> int:
        """Return how many files there are."""
        return len(self.files)

    @property
    def nbytes(self) -> int:
        """Memory that the files take, in bytes."""
        return sum(len(data) for _, data in self.files)

    def picture(self, place: int) -> Image.Image:
        """Decode one file."""
        return decode(self.files[place][1])


@dataclass(frozen=True)
class Zipped:
    """The pictures of a zip archive.

    Attributes:
        archive: The archive, opened and checked.
        name: What the set is called.
    """

    archive: Archive
    name: str = "your zip"

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each picture: its name in the archive."""
        return tuple(entry.path for entry in self.archive.entries)

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self.archive.entries)

    @property
    def nbytes(self) -> int:
        """Memory that the archive takes, in bytes."""
        return len(self.archive.data)

    def picture(self, place: int) -> Image.Image:
        """Unpack and decode one picture."""
        return decode(self.archive.read(self.archive.entries[place]))


@lru_cache(maxsize=8)
def _sample_picture(name: str) -> Image.Image:
    return decode(sample(name).read())


def _squares(width: int, height: int, scale: int) -> list[tuple[int, int, int, int]]:
    """Tile a picture with squares of its shorter side divided by `scale`, centred."""
    side = min(width, height) // scale
    across, down = width // side, height // side
    left, top = (width - across * side) // 2, (height - down * side) // 2
    return [
        (left + x * side, top + y * side, left + (x + 1) * side, top + (y + 1) * side)
        for y, x in product(range(down), range(across))
    ]
