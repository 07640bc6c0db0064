"""CIFAR-10 and Imagenette: downloaded once into convviz's cache, and read as labelled images."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import tarfile
import uuid
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convviz.datasets.labelled_set import Dataset, number_groups
from convviz.datasets.names import numbered
from convviz.downloads import cache
from convviz.downloads.http import Progress, download
from convviz.downloads.tickets import Download, Fetch, join
from convviz.errors import ImageError, SettingError, WeightsError
from convviz.images.decode import decode
from convviz.language import in_english, later, tr

_FOLDER = "torchvision"  # in the cache, beside the weights
_FILES, _UNPACKED_BYTES = 20_000, 400_000_000  # limits of an archive


@dataclass(frozen=True)
class PublishedSet:
    """A set that can be fetched.

    Attributes:
        key: Short name, for the command line.
        title: Human title.
        about: Description, in one sentence or two, told where it is shown.
        url: Of the archive.
        bytes: Of the archive.
        sha256: Of the archive.
        folder: Name of the one folder in the archive.
    """

    key: str
    title: str
    about: str
    url: str
    bytes: int
    sha256: str
    folder: str

    @property
    def archive(self) -> str:
        """Name of the archive's file."""
        return self.url.rpartition("/")[2]

    def is_here(self, root: Path) -> bool:
        """Whether it is unpacked in a folder of such sets."""
        return (root / self.folder).is_dir()


IMAGENETTE = PublishedSet(
    key="imagenette",
    title="Imagenette",
    about=later(
        "Photographs of ten classes, such as fish, churches and trucks: a small part of "
        "ImageNet, chosen to be easy. Encoders that were trained on ImageNet know them "
        "already."
    ),
    url="https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
    bytes=99_003_388,
    sha256="64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5",
    folder="imagenette2-160",
)

CIFAR10 = PublishedSet(
    key="cifar10",
    title="CIFAR-10",
    about=later(
        "Tiny photographs, 32 × 32 pixels, of ten classes such as aeroplanes, cats and "
        "ships. They are scaled up, which shows: the encoders were trained on larger ones."
    ),
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    bytes=170_052_171,
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    folder="cifar-10-batches-bin",
)

SETS: dict[str, PublishedSet] = {IMAGENETTE.key: IMAGENETTE, CIFAR10.key: CIFAR10}


def root() -> Path:
    """Return the folder of the sets."""
    return cache.folder() / _FOLDER


def is_here(key: str) -> bool:
    """Whether a set has been fetched."""
    return SETS[key].is_here(root())


def start(key: str) -> Fetch:
    """Fetch a set; returns at once.

    Args:
        key: One of `SETS`.

    Returns:
        A ticket to watch, wait for or cancel; done in a moment if the set has been fetched.
    """
    published_set = SETS[key]
    archive = Download(
        key=published_set.archive,
        total=published_set.bytes,
        room=4 * published_set.bytes,
        here=lambda folder: published_set.is_here(folder / _FOLDER),
        fetch=lambda folder, progress: _fetch(published_set, folder, progress),
    )
    return join(archive)


def _fetch(published_set: PublishedSet, folder: Path, progress: Progress) -> None:
    """Fetch a set's archive, unless it is in the user's folder, and unpack it."""
    user_folder = cache.user_folder()
    from_user = user_folder is not None and (user_folder / published_set.archive).is_file()
    archive = (user_folder if user_folder and from_user else folder) / published_set.archive
    try:
        if from_user:
            if cache.sha256(archive) != published_set.sha256:
                raise WeightsError(
                    tr(
                        "The file {file} in your CONVVIZ_WEIGHTS folder is damaged: its checksum "
                        "is wrong; copy it again.",
                        file=archive.name,
                    )
                )
            progress.received = published_set.bytes
        elif not cache.intact(archive):
            download(published_set.url, archive, published_set.sha256, progress)
        unpack(published_set, archive, folder / _FOLDER, progress.check)
    except ImageError as error:
        raise WeightsError(str(error)) from error  # as any download fails
    finally:
        if not from_user:
            cache.remove(archive)


def unpack(
    published_set: PublishedSet, archive: Path, root: Path, check: Callable[[], None]
) -> None:
    """Unpack a set's archive.

    Args:
        published_set: The set.
        archive: Its file, whose checksum has been compared.
        root: The folder of sets; the set's folder appears in it when it is complete.
        check: Called between two files; an error that it raises stops the unpacking.

    Raises:
        ImageError: The archive is not what it should be.
        OSError: The disk is full, or the folder cannot be written.
    """
    root.mkdir(parents=True, exist_ok=True)
    part = root / f"{published_set.folder}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part"
    wrong = ImageError(
        tr(
            "The archive of {title} is not what it should be: fetch it again.",
            title=published_set.title,
        )
    )
    files = unpacked_bytes = 0
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                check()
                path = PurePosixPath(member.name)
                if not member.isfile():
                    continue
                files, unpacked_bytes = files + 1, unpacked_bytes + member.size
                inside = path.parts[:1] == (published_set.folder,) and ".." not in path.parts
                source = tar.extractfile(member)
                if not inside or source is None:
                    raise wrong
                if files > _FILES or unpacked_bytes > _UNPACKED_BYTES:
                    raise wrong
                target = part.joinpath(*path.parts[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(source, file)
        if not files:
            raise wrong
        if not published_set.is_here(root):
            part.replace(root / published_set.folder)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise wrong from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def published(key: str, count: int, seed: int = 0) -> Dataset:
    """Make a data set of some images of a set that was fetched.

    Args:
        key: One of `SETS`.
        count: How many images.
        seed: Seed of the random choice.

    Raises:
        SettingError: The set has not been fetched.
        ImageError: Its files cannot be read.
    """
    if not is_here(key):
        raise SettingError(
            tr("{title} is not on this machine: fetch it first.", title=SETS[key].title)
        )
    images = _READERS[key](root(), count, seed)
    groups = number_groups(images.fingerprints())
    return Dataset(images.name, images.classes, images, images.labels, groups=groups)


@dataclass(frozen=True)
class _Selection:
    """Some training images of a published set, about as many of each class.

    Attributes:
        root: The folder of published sets.
        count: How many images; fewer if there are not as many.
        seed: Seed of the random choice; the same images for the same seed.
    """

    root: Path
    count: int = 500
    seed: int = 0


# Imagenette's folders are named by WordNet's numbers.
_NAMES = {
    "n01440764": in_english(tr("tench")),
    "n02102040": in_english(tr("English springer")),
    "n02979186": in_english(tr("cassette player")),
    "n03000684": in_english(tr("chain saw")),
    "n03028079": in_english(tr("church")),
    "n03394916": in_english(tr("French horn")),
    "n03417042": in_english(tr("garbage truck")),
    "n03425413": in_english(tr("gas pump")),
    "n03445777": in_english(tr("golf ball")),
    "n03888257": in_english(tr("parachute")),
}


@dataclass(frozen=True)
class Imagenette(_Selection):
    """Some of Imagenette's training images: JPEG files in folders named by class."""

    @property
    def name(self) -> str:
        """Name of the set, for people."""
        return in_english(tr("{count} pictures of Imagenette", count=len(self)))

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        files = sorted((self.root / IMAGENETTE.folder / "train").glob("*/*.JPEG"))
        folders = sorted({file.parent.name for file in files})
        labels = [folders.index(file.parent.name) for file in files]
        return tuple(files[index] for index in balanced_choice(labels, self.count, self.seed))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Name of each class."""
        return tuple(_NAMES.get(name, name) for name in self._folders)

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """Number of each image's class."""
        return tuple(self._folders.index(file.parent.name) for file in self._files)

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each image: the file's name."""
        return tuple(file.stem for file in self._files)

    @cached_property
    def _folders(self) -> list[str]:
        return sorted({file.parent.name for file in self._files})

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self._files)

    def fingerprints(self) -> list[str]:
        """Return a checksum of each image's file: decoding all of them would take seconds.

        Raises:
            ImageError: One cannot be read.
        """
        return [hashlib.sha256(self._bytes(index)).hexdigest() for index in range(len(self))]

    def image(self, index: int) -> Image.Image:
        """Decode one image.

        Raises:
            ImageError: It cannot be read.
        """
        return decode(self._bytes(index))

    def _bytes(self, index: int) -> bytes:
        try:
            return self._files[index].read_bytes()
        except OSError as error:
            raise ImageError(tr("The file is gone; fetch Imagenette again.")) from error


CLASSES = (
    *map(in_english, (tr("aeroplane"), tr("car"), tr("bird"), tr("cat"), tr("deer"))),
    *map(in_english, (tr("dog"), tr("frog"), tr("horse"), tr("ship"), tr("lorry"))),
)
_SIDE = 32
_RECORD = 1 + 3 * _SIDE**2


@dataclass(frozen=True)
class Cifar10(_Selection):
    """Some of CIFAR-10's training images: records of a class and its pixels."""

    classes: tuple[str, ...] = CLASSES

    @property
    def name(self) -> str:
        """Name of the set, for people."""
        return in_english(tr("{count} pictures of CIFAR-10", count=len(self)))

    @cached_property
    def _records(self) -> NDArray[np.uint8]:
        """The selected images, (N, 3073): a class and its pixels each."""
        try:
            files = sorted((self.root / CIFAR10.folder).glob("data_batch_*.bin"))
            if not files:
                raise FileNotFoundError
            batches = [np.memmap(file, np.uint8, "r").reshape(-1, _RECORD) for file in files]
        except (OSError, ValueError) as error:
            raise ImageError(tr("The files of CIFAR-10 are gone; fetch it again.")) from error
        labels = np.concatenate([records[:, 0] for records in batches]).tolist()
        indices = np.array(balanced_choice(labels, self.count, self.seed))
        ends = np.cumsum([0, *map(len, batches)])
        return np.concatenate(
            [
                records[indices[(indices >= start) & (indices < end)] - start]
                for records, start, end in zip(batches, ends[:-1], ends[1:], strict=True)
            ]
        )

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """Number of each image's class."""
        return tuple(self._records[:, 0].tolist())

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each image: its class and number."""
        return tuple(numbered(CLASSES[label], index) for index, label in enumerate(self.labels))

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self._records)

    @property
    def nbytes(self) -> int:
        """Memory that the images take, in bytes."""
        return self._records.nbytes

    def fingerprints(self) -> list[str]:
        """Return a checksum of each image's pixels.

        Raises:
            ImageError: The files cannot be read.
        """
        return [hashlib.sha256(record[1:].tobytes()).hexdigest() for record in self._records]

    def image(self, index: int) -> Image.Image:
        """Return one image.

        Raises:
            ImageError: The files cannot be read.
        """
        pixels = self._records[index, 1:].reshape(3, _SIDE, _SIDE)
        return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def balanced_choice(labels: Sequence[int], count: int, seed: int) -> tuple[int, ...]:
    """Choose about as many of every class, at random but the same for the same seed.

    Args:
        labels: Number of each image's class.
        count: How many to choose; fewer if there are not as many.
        seed: Seed of the random choice.

    Returns:
        Their indices, in order.
    """
    generator = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    by_class: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        by_class.setdefault(label, []).append(index)
    for of_class in by_class.values():
        generator.shuffle(of_class)
    indices: list[int] = []
    while len(indices) < count and any(by_class.values()):
        for label in sorted(by_class):
            if by_class[label] and len(indices) < count:
                indices.append(by_class[label].pop())
    return tuple(sorted(indices))


_READERS: dict[str, type[Imagenette | Cifar10]] = {
    IMAGENETTE.key: Imagenette,
    CIFAR10.key: Cifar10,
}
