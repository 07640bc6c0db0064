"""Published sets of images: fetched once into convviz's cache, and made into data to learn from."""

from __future__ import annotations

from pathlib import Path

from convviz.downloads import cache
from convviz.downloads.http import Transfer, download
from convviz.downloads.tickets import Fetch, Job, join
from convviz.errors import ImageError, SettingError, WeightsError
from convviz.images.cifar import CIFAR10, Cifar10
from convviz.images.imagenette import IMAGENETTE, Imagenette
from convviz.images.published import PublishedSet, unpack
from convviz.learning.datasets import Dataset

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
    job = Job(
        key=wanted.archive,
        total=wanted.bytes,
        room=4 * wanted.bytes,
        here=lambda folder: wanted.is_here(folder / _FOLDER),
        fetch=lambda folder, transfer: _bring(wanted, folder, transfer),
    )
    return join(job, key, "images")


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


def _bring(wanted: PublishedSet, folder: Path, transfer: Transfer) -> None:
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


def _unpack(wanted: PublishedSet, archive: Path, folder: Path, transfer: Transfer) -> None:
    try:
        unpack(wanted, archive, folder / _FOLDER, transfer.check)
    except ImageError as error:
        raise WeightsError(str(error)) from error  # as any download fails
