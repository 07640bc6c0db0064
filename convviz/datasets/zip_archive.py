"""Zip archives of images: checked before any image is unpacked, never unpacked to disk.

An archive that could harm the server is refused as a whole, by its list of contents alone: too many
files, too many bytes, a ratio that only a zip bomb has, entries that share bytes, paths that leave
their folder, links. Files that cannot be used are left out and listed: encrypted ones, damaged
ones, files that are not images (by their first bytes, where the name does not say so). Folders,
hidden files and what macOS adds are ignored.

Names are UTF-8 where they are valid UTF-8, marked as such or not: macOS does not mark them. Others
are in code page 437, as the format has it.

The list of contents may be wrong, so the unpacked bytes are counted as well, and a file that holds
more than it states is refused when it is read.
"""

from __future__ import annotations

import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import PurePosixPath

from convviz import limits
from convviz.errors import ImageError
from convviz.formatting import size_text
from convviz.images.formats import FILE_SUFFIXES, FIRST_BYTES, is_image, packing_of
from convviz.language import tr

MAX_FILES = limits.ZIP_FILES.value
MAX_BYTES = limits.ZIP_MEGABYTES.bytes
MAX_FILE_BYTES = limits.IMAGE_MEGABYTES.bytes
MAX_RATIO = 100

_MAX_ENTRIES = 5 * MAX_FILES  # with folders and what macOS adds
_CENTRAL, _LOCAL, _END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
_ENCRYPTED, _MARKED_UTF8 = 0x1, 0x800
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SMALL = 1_000_000  # bytes; up to here a flat image may well compress better than 100 : 1


@dataclass(frozen=True)
class LeftOut:
    """A file that is not used: its title, and the reason as a sentence."""

    title: str
    reason: str


@dataclass(frozen=True)
class ListedImage:
    """One image of a zip archive or a folder.

    Attributes:
        path: Its path in there, folders separated by "/".
        folder: The folder that holds it; "" at the top.
        name: The file's name.
        bytes: Its size as the archive or the file system states it.
    """

    path: str
    folder: str
    name: str
    bytes: int


@dataclass(frozen=True)
class ZipEntry(ListedImage):
    """One image of a zip archive.

    Attributes:
        packed: Its size in the archive.
        start: Offset of its header in the archive.
        method: Compression method.
        checksum: Its CRC-32.
    """

    packed: int
    start: int
    method: int
    checksum: int


@dataclass(frozen=True)
class ZipArchive:
    """A zip archive that was checked.

    Attributes:
        data: The archive's bytes.
        entries: Its images, in the archive's order.
        left_out: Files that are not used, and why.
    """

    data: bytes = field(repr=False)
    entries: tuple[ZipEntry, ...]
    left_out: tuple[LeftOut, ...]

    def read(self, entry: ZipEntry) -> bytes:
        """Unpack one file, from its bytes alone: Python would read the whole list every time.

        Raises:
            ImageError: It is damaged, or holds more than the archive's list says.
        """
        damaged = ImageError(
            tr("{path} is damaged in the archive; pack it again.", path=entry.path)
        )
        try:
            unpacked = _unpack(
                self.data, entry.start, entry.packed, entry.method, at_most=entry.bytes + 1
            )
        except zlib.error as error:
            raise damaged from error
        if len(unpacked) != entry.bytes or zlib.crc32(unpacked) != entry.checksum:
            raise damaged
        return unpacked


def _unpack(data: bytes, start: int, packed: int, method: int, *, at_most: int) -> bytes:
    """Unpack the first bytes of a file.

    Args:
        data: The archive.
        start: Offset of the file's header.
        packed: Its size in the archive.
        method: How it is packed.
        at_most: How many of its bytes are wanted.

    Raises:
        zlib.error: It is damaged.
    """
    name, extra = struct.unpack_from("<HH", data, start + 26)
    begin = start + 30 + name + extra
    body = memoryview(data)[begin : begin + packed]
    if method == zipfile.ZIP_STORED:
        return bytes(body[:at_most])
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(body, at_most)


def open_archive(data: bytes) -> ZipArchive:
    """Check a zip archive and list its images, without unpacking any of them.

    Raises:
        ImageError: It is not a zip archive, breaks a limit, or has no usable image.
    """
    _check_directory(data)
    try:
        with zipfile.ZipFile(BytesIO(data)) as file:
            infos = file.infolist()
    except Exception as error:  # the parser may raise anything; the file is at fault
        raise ImageError(tr("The zip archive is damaged; pack it again.")) from error
    files = [info for info in infos if not _ignored(info)]
    for info in files:
        _check_path(info)
    _check_limits(files)
    _check_overlaps(infos, data)
    entries, left_out = [], []
    for info in files:
        path = _path(info)
        reason = _unusable(info, data)
        if reason:
            left_out.append(LeftOut(path, reason))
        else:
            folder, _, name = path.rpartition("/")
            entries.append(
                ZipEntry(
                    path,
                    folder,
                    name,
                    info.file_size,
                    info.compress_size,
                    info.header_offset,
                    info.compress_type,
                    info.CRC,
                )
            )
    if not entries:
        if not left_out:
            raise ImageError(tr("The zip archive has no picture that convviz could use."))
        raise ImageError(
            tr(
                "The zip archive has no picture that convviz could use; {file}: {reason}",
                file=left_out[0].title,
                reason=left_out[0].reason,
            )
        )
    return ZipArchive(data, tuple(entries), tuple(left_out))


def _check_directory(data: bytes) -> None:
    """Check the length of the archive's list before Python reads it whole."""
    end = data.rfind(_END, max(0, len(data) - 66_000))
    if end < 0 or len(data) < end + 22:
        raise ImageError(_no_zip(data))
    (size,) = struct.unpack_from("<L", data, end + 12)
    # Zip64 states its numbers elsewhere; then the whole file is searched.
    begin = max(0, end - size) if size < 0xFFFFFFFF else 0
    if data.count(_CENTRAL, begin, end) > _MAX_ENTRIES:
        raise ImageError(_too_many(None))


def _no_zip(data: bytes) -> str:
    """Say what a file is that is no zip archive, and what to do."""
    packing = packing_of(data[:FIRST_BYTES])
    if not data:
        return tr("The file is empty; pack the pictures again, as a zip archive.")
    if packing not in ("", "zip"):
        return tr(
            "The file is packed with {packing}, not a zip archive: unpack it, and pack its folders "
            "as a zip archive.",
            packing=packing,
        )
    if is_image(data[:FIRST_BYTES]):
        return tr(
            "The file is a picture, not a zip archive: put the pictures of each class into a "
            "folder named after the class, and pack the folders as a zip archive."
        )
    return tr("The file is no zip archive, or is incomplete; pack the pictures again.")


def _too_many(count: int | None) -> str:
    if count is None:
        return tr(
            "The zip archive has more than the {most:,} files allowed; pack fewer.", most=MAX_FILES
        )
    return tr(
        "The zip archive has {count:,} files, more than the {most:,} files allowed; pack fewer.",
        count=count,
        most=MAX_FILES,
    )


def _ignored(info: zipfile.ZipInfo) -> bool:
    return info.is_dir() or is_ignored(_path(info))


def is_ignored(path: str) -> bool:
    """Tell whether a file is hidden, or one that a system adds by itself, by its path."""
    parts = [part for part in path.split("/") if part]
    return (
        "__MACOSX" in parts
        or any(part.startswith(".") and part not in (".", "..") for part in parts)
        or (bool(parts) and parts[-1].lower() in ("thumbs.db", "desktop.ini"))
    )


def _path(info: zipfile.ZipInfo) -> str:
    """Return an entry's path with "/" only, as it may be shown."""
    return shown(_name(info).replace("\\", "/").removeprefix("./"))


def _name(info: zipfile.ZipInfo) -> str:
    """Read an entry's name as UTF-8 if it is, marked or not; else zipfile has read it right."""
    if info.flag_bits & _MARKED_UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:  # code page 437 indeed, or a name from an entry's extra field
        return info.filename


def shown(path: str) -> str:
    """Return a path without control characters, its letters composed, and bounded.

    macOS writes "Ä" as two characters; the same name from elsewhere is the same class.
    """
    composed = unicodedata.normalize("NFC", path)
    return "".join(c for c in composed if unicodedata.category(c)[0] != "C")[:400]


def _check_path(info: zipfile.ZipInfo) -> None:
    path = PurePosixPath(_path(info))
    text = str(path)[:80]
    if path.is_absolute() or ".." in path.parts or str(path)[1:2] == ":":
        raise ImageError(
            tr("The zip archive has a path that leaves its folder: {path}.", path=text)
        )
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise ImageError(
            tr("The zip archive has an entry that is no plain file: {path}.", path=text)
        )


def _check_limits(files: list[zipfile.ZipInfo]) -> None:
    if len(files) > MAX_FILES:
        raise ImageError(_too_many(len(files)))
    unpacked_bytes = sum(info.file_size for info in files)
    if unpacked_bytes > MAX_BYTES:
        raise ImageError(
            tr(
                "The zip archive holds {size} unpacked; at most {most} are "
                "allowed: pack fewer or smaller pictures.",
                size=size_text(unpacked_bytes),
                most=size_text(MAX_BYTES),
            )
        )
    packed_bytes = sum(info.compress_size for info in files)
    suspects = [i for i in files if i.file_size > MAX_RATIO * i.compress_size + _SMALL]
    if suspects or unpacked_bytes > MAX_RATIO * packed_bytes + _SMALL:
        raise ImageError(
            tr(
                "The zip archive unpacks to more than {factor} times its size, which "
                "pictures do not; pack plain JPEG or PNG files.",
                factor=MAX_RATIO,
            )
        )


def _check_overlaps(infos: list[zipfile.ZipInfo], data: bytes) -> None:
    """Check that no two entries share bytes, as they do in the worst zip bombs."""
    wrong = ImageError(tr("The zip archive has entries that overlap; pack the pictures again."))
    end = 0
    for info in sorted(infos, key=lambda entry: entry.header_offset):
        start = info.header_offset
        if start < end or data[start : start + 4] != _LOCAL or start + 30 > len(data):
            raise wrong
        name, extra = struct.unpack_from("<HH", data, start + 26)
        end = start + 30 + name + extra + info.compress_size
    if end > len(data):
        raise wrong


def _unusable(info: zipfile.ZipInfo, data: bytes) -> str:
    """Return the reason why a file of an archive is left out; "" if it is not."""
    if info.flag_bits & _ENCRYPTED:
        return tr("It is encrypted; pack it without a password.")
    if info.compress_type not in _METHODS:
        return tr("It is packed in a way that convviz does not unpack; pack it as a plain zip.")

    def start() -> bytes:
        place, packed, method = info.header_offset, info.compress_size, info.compress_type
        try:
            return _unpack(data, place, packed, method, at_most=FIRST_BYTES)
        except zlib.error:
            return b""

    return unusable(info.filename, info.file_size, start)


def unusable(name: str, size: int, start: Callable[[], bytes]) -> str:
    """Return the reason why a file cannot be used, as a sentence; "" if it may be an image.

    Args:
        name: Its name or path. Where it ends as those of images do, decoding decides.
        size: Its size in bytes.
        start: Reads its first bytes, which decide otherwise.
    """
    if size > MAX_FILE_BYTES:
        return tr(
            "It has {size}; a picture may have at most {most}.",
            size=size_text(size),
            most=size_text(MAX_FILE_BYTES),
        )
    if not size:
        return tr("It is empty.")
    if is_image_name(name):
        return ""
    begins = start()
    if packing_of(begins):
        return tr("It is an archive itself: unpack it, and pack the folders with its pictures.")
    if not is_image(begins):
        return tr(
            "It is not a picture, neither by its name (.{endings}) nor by its first bytes.",
            endings=", .".join(FILE_SUFFIXES),
        )
    return ""


def is_image_name(name: str) -> bool:
    """Tell whether a file's name or path ends as those of images do."""
    return PurePosixPath(name).suffix.lower().lstrip(".") in FILE_SUFFIXES
