"""Sets of images without classes: the samples' crops, files, a zip, a folder.

A set has its images' titles and decodes one image at a time, so that it needs no more memory than
the files. Sets can be pickled, so that a job may run in another process. A file that ends too early
counts as damaged here: nobody would see the note that parts of it are missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Protocol, runtime_checkable

from PIL import Image

from convviz.datasets.image_folder import ImageFolder
from convviz.datasets.zip_archive import ZipArchive
from convviz.images.decode import decode
from convviz.images.samples import sample, samples
from convviz.language import in_english, tr, trn

YOUR_ZIP, YOUR_FOLDER = in_english(tr("your zip")), in_english(tr("your folder"))
"""What a set is called whose zip or folder nobody has named."""

_SCALES = (1, 2, 3)  # how many crops fit across a sample's shorter side


class ImageSet(Protocol):
    """Images, each with a title."""

    @property
    def name(self) -> str:
        """Name of the set, for people: `names` says in which language."""
        ...

    @property
    def titles(self) -> tuple[str, ...]:
        """Title of each image; as the set's name."""
        ...

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def image(self, index: int) -> Image.Image:
        """Decode one image.

        Raises:
            ImageError: It cannot be read.
        """
        ...


@runtime_checkable
class TellsWhatWasSeen(Protocol):
    """A set that has words of its own for how much of it was looked at: "83 crops of 5 …"."""

    def seen_words(self, seen: int, seen_origins: int) -> str:
        """Say how many of its images were looked at; see `seen_text`."""
        ...


def origins(images: ImageSet) -> tuple[Hashable, ...]:
    """Name the picture that each image of a set comes from.

    Images of one origin show the same thing: crops of one photograph, or copies of one file. A set
    that says nothing of origins has as many pictures as images.
    """
    named: tuple[Hashable, ...] | None = getattr(images, "origins", None)
    return tuple(range(len(images))) if named is None else named


def seen_text(images: ImageSet, seen: int, seen_origins: int) -> str:
    """Say how many images were looked at: "250 pictures", "83 crops of 5 photographs".

    Args:
        images: The set.
        seen: How many of its images were looked at.
        seen_origins: How many pictures these come from, as `origins` tells them apart.
    """
    if isinstance(images, TellsWhatWasSeen):
        return images.seen_words(seen, seen_origins)
    if seen_origins >= seen:
        return trn("{count} picture", "{count} pictures", seen)
    return trn(
        "{seen} files of {count} different picture",
        "{seen} files of {count} different pictures",
        seen_origins,
        seen=seen,
    )


@dataclass(frozen=True)
class SampleCrops:
    """Square crops of sample photographs, at three scales; those of one scale do not overlap.

    Five photographs are too few to see what a channel responds to; their parts are enough for a
    first answer, without any upload.

    Attributes:
        name: Name of the set, for people.
        photographs: Names of the sample photographs; () for the usual five.
    """

    name: str = in_english(tr("the samples' crops"))
    photographs: tuple[str, ...] = ()

    @cached_property
    def _boxes(self) -> tuple[tuple[str, tuple[int, int, int, int]], ...]:
        return tuple(
            (name, box)
            for scale in _SCALES
            for name in self.photographs or tuple(each.name for each in samples())
            for box in _squares(*_sample_image(name).size, scale)
        )

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each crop: its photograph's."""
        titles = {name: in_english(tr(sample(name).title)) for name, _ in self._boxes}
        return tuple(titles[name] for name, _ in self._boxes)

    @cached_property
    def origins(self) -> tuple[Hashable, ...]:
        """Photograph that each crop was cut out of: its name."""
        return tuple(name for name, _ in self._boxes)

    def __len__(self) -> int:
        """Return how many crops there are."""
        return len(self._boxes)

    def image(self, index: int) -> Image.Image:
        """Cut one crop out of its photograph."""
        name, box = self._boxes[index]
        return _sample_image(name).crop(box)

    def seen_words(self, seen: int, seen_origins: int) -> str:
        """Say how many crops were looked at, and of how many photographs."""
        if seen_origins >= seen:
            return trn("{count} picture", "{count} pictures", seen)
        return trn(
            "{seen} crops of {count} photograph",
            "{seen} crops of {count} photographs",
            seen_origins,
            seen=seen,
        )


@dataclass(frozen=True)
class Excerpt:
    """Every n-th image of a set: what one of several machines looks at.

    Attributes:
        whole: The set.
        first: Index of the first image.
        step: n.
    """

    whole: ImageSet
    first: int
    step: int

    @property
    def name(self) -> str:
        """Name of the set, for people."""
        return self.whole.name

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each image."""
        return self.whole.titles[self.first :: self.step]

    @cached_property
    def origins(self) -> tuple[Hashable, ...]:
        """What each image comes from."""
        return origins(self.whole)[self.first :: self.step]

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(range(self.first, len(self.whole), self.step))

    def image(self, index: int) -> Image.Image:
        """Decode one image."""
        return self.whole.image(self.first + index * self.step)


@dataclass(frozen=True)
class Files:
    """Uploaded files.

    Attributes:
        files: Title and bytes of each.
        name: Name of the set, for people.
    """

    files: tuple[tuple[str, bytes], ...]
    name: str = in_english(tr("your pictures"))

    @property
    def titles(self) -> tuple[str, ...]:
        """Title of each image: the file's name."""
        return tuple(title for title, _ in self.files)

    @cached_property
    def origins(self) -> tuple[Hashable, ...]:
        """What each file holds: equal files under two names are one picture."""
        return tuple(hashlib.sha256(data).hexdigest() for _, data in self.files)

    def __len__(self) -> int:
        """Return how many files there are."""
        return len(self.files)

    @property
    def nbytes(self) -> int:
        """Memory that the files take, in bytes."""
        return sum(len(data) for _, data in self.files)

    def image(self, index: int) -> Image.Image:
        """Decode one file.

        Raises:
            ImageError: It cannot be read.
        """
        return decode(self.files[index][1], complete=True)


@dataclass(frozen=True)
class Zipped:
    """The images of a zip archive.

    Attributes:
        archive: The archive, opened and checked.
        name: Name of the set, for people.
    """

    archive: ZipArchive
    name: str = YOUR_ZIP

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each image: its name in the archive."""
        return tuple(entry.path for entry in self.archive.entries)

    @cached_property
    def origins(self) -> tuple[Hashable, ...]:
        """What each file holds, by its size and checksum: equal files are one picture."""
        return tuple((entry.bytes, entry.checksum) for entry in self.archive.entries)

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.archive.entries)

    @property
    def nbytes(self) -> int:
        """Memory that the archive takes, in bytes."""
        return len(self.archive.data)

    def image(self, index: int) -> Image.Image:
        """Unpack and decode one image.

        Raises:
            ImageError: It cannot be read.
        """
        return decode(self.archive.read(self.archive.entries[index]), complete=True)


@dataclass(frozen=True)
class InFolder:
    """The images of a folder on this machine.

    Other than a zip's they take no memory, and nothing states their checksums.

    Attributes:
        files: The folder's files, listed.
        name: Name of the set, for people.
    """

    files: ImageFolder
    name: str = YOUR_FOLDER

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each image: its path in the folder."""
        return tuple(entry.path for entry in self.files.entries)

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.files.entries)

    def image(self, index: int) -> Image.Image:
        """Read and decode one image.

        Raises:
            ImageError: It cannot be read.
        """
        return decode(self.files.read(self.files.entries[index]), complete=True)


@lru_cache(maxsize=16)
def _sample_image(name: str) -> Image.Image:
    return decode(sample(name).read())


def _squares(width: int, height: int, scale: int) -> list[tuple[int, int, int, int]]:
    """Tile an image with squares of its shorter side divided by `scale`, centred."""
    side = min(width, height) // scale
    across, down = width // side, height // side
    left, top = (width - across * side) // 2, (height - down * side) // 2
    return [
        (left + x * side, top + y * side, left + (x + 1) * side, top + (y + 1) * side)
        for y, x in product(range(down), range(across))
    ]
