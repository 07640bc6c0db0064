"""A file of weights on disk, or one that a visitor has sent, which lies in memory alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO
from pathlib import Path, PurePath

from convviz.downloads import cache


@dataclass(frozen=True, eq=False)
class SentFile:
    """A file that a visitor has sent. It is never written to disk.

    Attributes:
        name: Its name, without a path.
        data: Its bytes.
    """

    name: str
    data: bytes = field(repr=False)

    @property
    def suffix(self) -> str:
        """What its name ends in, with the dot."""
        return PurePath(self.name).suffix


WeightsFile = Path | SentFile


def opened(file: WeightsFile) -> BufferedReader | BytesIO:
    """Open a file for reading."""
    return BytesIO(file.data) if isinstance(file, SentFile) else file.open("rb")


def size_of(file: WeightsFile) -> int:
    """Return a file's size in bytes."""
    return len(file.data) if isinstance(file, SentFile) else file.stat().st_size


def checksum(file: WeightsFile) -> str:
    """Compute a file's sha256."""
    if isinstance(file, SentFile):
        return hashlib.sha256(file.data).hexdigest()
    return cache.sha256(file)
