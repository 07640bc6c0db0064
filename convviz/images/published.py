"""Sets of images that torchvision knows too, and that are fetched when somebody wants them.

What is fetched is an archive whose checksum is known; `unpack` takes the pictures out of it, in one
step as far as anybody else can see. Fetching itself is none of this module's business.
"""

from __future__ import annotations

import os
import random
import shutil
import tarfile
import uuid
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from convviz.errors import ImageError

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
