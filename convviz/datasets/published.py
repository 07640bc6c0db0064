"""Published sets of images: fetched once into convviz's cache, and made into data to learn from."""

from __future__ import annotations

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

from convviz.datasets.labelled_set import Dataset
from convviz.downloads import cache
from convviz.downloads.http import Progress, download
from convviz.downloads.tickets import Download, Fetch, join
from convviz.errors import ImageError, SettingError, WeightsError
from convviz.images.decode import decode

_FILES, _UNPACKED_BYTES = 20_000, 400_000_000


@dataclass(frozen=True)
class PublishedSet:
    """Where a set comes from.

    Attributes:
        key: Short name, for the command line.
        title: Name for people.
        about: What it is, in one sentence.
        url: Of the archive.
        bytes: Of the archive.
        sha256: Of the archive.
        folder: What the archive holds: one folder of this name.
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
        """Whether it lies, unpacked, in a folder of such sets."""
        return (root / self.folder).is_dir()


def unpack(wanted: PublishedSet, archive: Path, root: Path, check: Callable[[], None]) -> None:
    """Unpack a set's archive.

    Args:
        wanted: The set.
        archive: Its file, whose checksum is right.
        root: The folder of sets; the set's own folder appears in it when it is complete.
        check: Called between two files; what it raises stops the unpacking.

    Raises:
        ImageError: The archive is not what it should be.
        OSError: The disk is full, or the folder cannot be written.
    """
    root.mkdir(parents=True, exist_ok=True)
    part = root / f"{wanted.folder}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part"
    wrong = ImageError(f"The archive of {wanted.title} is not what it should be: fetch it again.")
    files = unpacked = 0
    try:
        with tarfile.open(archive, "r|gz") as opened:
            for member in opened:
                check()
                path = PurePosixPath(member.name)
                if not member.isfile():
                    continue
                files, unpacked = files + 1, unpacked + member.size
                inside = path.parts[:1] == (wanted.folder,) and ".." not in path.parts
                source = opened.extractfile(member)
                if not inside or source is None or files > _FILES or unpacked > _UNPACKED_BYTES:
                    raise wrong
                target = part.joinpath(*path.parts[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(source, file)
        if not files:
            raise wrong
        if not wanted.is_here(root):
            part.replace(root / wanted.folder)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise wrong from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def evenly(labels: Sequence[int], count: int, seed: int) -> tuple[int, ...]:
    """Choose about as many of every class, at random but the same for the same seed.

    Args:
        labels: Number of each one's class.
        count: How many to choose; fewer if there are not as many.
        seed: Chooses them.

    Returns:
        Their places, in order.
    """
    chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    by_class: dict[int, list[int]] = {}
    for place, label in enumerate(labels):
        by_class.setdefault(label, []).append(place)
    for places in by_class.values():
        chance.shuffle(places)
    chosen: list[int] = []
    while len(chosen) < count and any(by_class.values()):
        for label in sorted(by_class):
            if by_class[label] and len(chosen) < count:
                chosen.append(by_class[label].pop())
    return tuple(sorted(chosen))


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


IMAGENETTE = PublishedSet(
    key="imagenette",
    title="Imagenette",
    about="Photographs of ten classes, such as fish, churches and trucks: a small part of "
    "ImageNet, chosen to be easy. Encoders that were trained on ImageNet know them already.",
    url="https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
    bytes=99_003_388,
    sha256="64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5",
    folder="imagenette2-160",
)


# Its folders are named by WordNet's numbers.
_NAMES = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}


@dataclass(frozen=True)
class Imagenette:
    """Some of Imagenette's pictures, about as many of each class.

    Attributes:
        root: The folder of published sets.
        count: How many pictures; fewer if there are not as many.
        seed: Chooses them; the same ones for the same seed.
    """

    root: Path
    count: int = 500
    seed: int = 0

    @property
    def name(self) -> str:
        """What the set is called."""
        return f"{len(self)} pictures of Imagenette"

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        found = sorted((self.root / IMAGENETTE.folder / "train").glob("*/*.JPEG"))
        folders = sorted({file.parent.name for file in found})
        labels = [folders.index(file.parent.name) for file in found]
        return tuple(found[place] for place in evenly(labels, self.count, self.seed))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Name of each class."""
        return tuple(_NAMES.get(name, name) for name in self._folders)

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """Number of each picture's class."""
        return tuple(self._folders.index(file.parent.name) for file in self._files)

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each picture: the file's name."""
        return tuple(file.stem for file in self._files)

    @cached_property
    def _folders(self) -> list[str]:
        return sorted({file.parent.name for file in self._files})

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._files)

    def picture(self, place: int) -> Image.Image:
        """Decode one picture."""
        try:
            return decode(self._files[place].read_bytes())
        except OSError as error:
            raise ImageError("The file is gone; fetch Imagenette again.") from error


SETS: dict[str, PublishedSet] = {each.key: each for each in (IMAGENETTE, CIFAR10)}


_FOLDER = "torchvision"  # beside the weights


def root() -> Path:
    """Name the folder that the sets lie in."""
    return cache.folder() / _FOLDER


def is_here(key: str) -> bool:
    """Whether a set has been fetched."""
    return SETS[key].is_here(root())


def start(key: str) -> Fetch:
    """Fetch a set; returns at once.

    Args:
        key: One of `SETS`.

    Returns:
        A ticket to watch, wait for or cancel. If the set is here, it is done in a moment.
    """
    wanted = SETS[key]
    archive = Download(
        key=wanted.archive,
        total=wanted.bytes,
        room=4 * wanted.bytes,
        here=lambda folder: wanted.is_here(folder / _FOLDER),
        fetch=lambda folder, transfer: _bring(wanted, folder, transfer),
    )
    return join(archive)


def published(key: str, count: int, seed: int = 0) -> Dataset:
    """Make data to learn from of some pictures of a set that is here.

    Args:
        key: One of `SETS`.
        count: How many pictures.
        seed: Chooses them.

    Raises:
        SettingError: The set has not been fetched.
        ImageError: Its files cannot be read.
    """
    if not is_here(key):
        raise SettingError(f"{SETS[key].title} is not on this machine: fetch it first.")
    kind = Imagenette if key == IMAGENETTE.key else Cifar10
    pictures = kind(root(), count, seed)
    return Dataset(pictures.name, pictures.classes, pictures, pictures.labels)


def _bring(wanted: PublishedSet, folder: Path, transfer: Progress) -> None:
    """Fetch a set's archive, unless the user has it, and unpack it."""
    own = cache.user_folder()
    given = own / wanted.archive if own else None
    if given is not None and given.is_file():
        if cache.sha256(given) != wanted.sha256:
            raise WeightsError(
                f"The file {given.name} in your CONVVIZ_WEIGHTS folder is damaged: its checksum is "
                "wrong; copy it again."
            )
        transfer.received = wanted.bytes
        _unpack(wanted, given, folder, transfer)
        return
    archive = folder / wanted.archive
    try:
        if not cache.intact(archive):
            download(wanted.url, archive, wanted.sha256, transfer)
        _unpack(wanted, archive, folder, transfer)
    finally:
        cache.remove(archive)


def _unpack(wanted: PublishedSet, archive: Path, folder: Path, transfer: Progress) -> None:
    try:
        unpack(wanted, archive, folder / _FOLDER, transfer.check)
    except ImageError as error:
        raise WeightsError(str(error)) from error  # as any download fails
