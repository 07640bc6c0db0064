"""Folders of images on this machine, by the same rules as zips: what is ignored, left out, refused.

For the command line alone: nobody in a browser names a folder of the server's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from convviz.datasets.zip_archive import (
    MAX_BYTES,
    MAX_FILE_BYTES,
    MAX_FILES,
    LeftOut,
    ListedImage,
    is_ignored,
    is_image_name,
    shown,
    unusable,
)
from convviz.errors import ImageError
from convviz.formatting import size_text
from convviz.images.formats import FIRST_BYTES
from convviz.language import tr

_MAX_DEPTH = 12  # folders in folders; a link may lead in a circle


@dataclass(frozen=True)
class FolderEntry(ListedImage):
    """One image of a folder.

    Attributes:
        file: Where it is.
    """

    file: Path


@dataclass(frozen=True)
class ImageFolder:
    """A folder whose files were listed; each is read when it is needed.

    Attributes:
        entries: Its images, in the order of their paths.
        left_out: Files that are not used, and why.
    """

    entries: tuple[FolderEntry, ...]
    left_out: tuple[LeftOut, ...]

    def read(self, entry: FolderEntry) -> bytes:
        """Read one file.

        Raises:
            ImageError: It cannot be read, or has become too large.
        """
        try:
            size = entry.file.stat().st_size
            reason = _unusable(entry.file, size)
            if not reason:
                with entry.file.open("rb") as file:
                    data = file.read(MAX_FILE_BYTES + 1)
                reason = unusable(entry.name, len(data), lambda: data)
        except OSError as error:
            raise ImageError(
                tr("{path} cannot be read: {reason}.", path=entry.path, reason=error.strerror)
            ) from error
        if reason:
            if size != entry.bytes:
                text = tr("{path} has changed. {reason}", path=entry.path, reason=reason)
            else:
                text = tr("{path} cannot be used. {reason}", path=entry.path, reason=reason)
            raise ImageError(text)
        return data


def open_folder(root: Path, *, with_broken: bool = False, limited: bool = True) -> ImageFolder:
    """List the images in a folder and the folders in it; links are followed.

    Args:
        root: The folder.
        with_broken: Whether what is an image by its name counts as one even if it is seen to be
            unusable, so that reading it says why.
        limited: Whether the number of files and their size together are; only who reads one at a
            time and keeps none can do without.

    Raises:
        ImageError: It cannot be read, breaks a limit, or has no usable image.
    """
    entries: list[FolderEntry] = []
    left_out: list[LeftOut] = []
    files, total = 0, 0
    try:
        for file in _files(root, _MAX_DEPTH):
            path = file.relative_to(root).as_posix()
            if is_ignored(path):
                continue
            files += 1
            if limited and files > MAX_FILES:
                raise ImageError(
                    tr(
                        "The folder has more than the {most:,} files allowed; take fewer.",
                        most=MAX_FILES,
                    )
                )
            size = file.stat().st_size if file.is_file() else 0
            reason = _unusable(file, size)
            if reason and not (with_broken and is_image_name(path)):
                left_out.append(LeftOut(shown(path), reason))
                continue
            total += size
            folder, _, name = shown(path).rpartition("/")
            entries.append(FolderEntry(shown(path), folder, name, size, file))
    except OSError as error:
        raise ImageError(
            tr("The folder cannot be read: {reason}.", reason=error.strerror)
        ) from error
    if limited and total > MAX_BYTES:
        raise ImageError(
            tr(
                "The folder holds {size} of pictures; at most {most} are allowed: take "
                "fewer or smaller ones.",
                size=size_text(total),
                most=size_text(MAX_BYTES),
            )
        )
    if not entries:
        if not left_out:
            raise ImageError(tr("The folder has no picture that convviz could use."))
        raise ImageError(
            tr(
                "The folder has no picture that convviz could use; {file}: {reason}",
                file=left_out[0].title,
                reason=left_out[0].reason,
            )
        )
    return ImageFolder(tuple(entries), tuple(left_out))


def _files(folder: Path, depth: int) -> Iterator[Path]:
    """Walk through a folder in the order of names; hidden folders are not opened."""
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            yield path
        elif not is_ignored(path.name):
            if depth == 0:
                raise ImageError(
                    tr(
                        "The folder has folders in folders, more than {depth} deep; name "
                        "the one that holds the class folders.",
                        depth=_MAX_DEPTH,
                    )
                )
            yield from _files(path, depth - 1)


def _unusable(file: Path, size: int) -> str:
    """Return the reason why a file of a folder is left out; "" if it is not."""
    if not file.is_file():
        return tr("It is no plain file.")

    def start() -> bytes:
        try:
            with file.open("rb") as opened:
                return opened.read(FIRST_BYTES)
        except OSError:  # nothing tells what it is
            return b""

    return unusable(file.name, size, start)
