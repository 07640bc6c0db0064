"""What a file states of its image before it is decoded, and whether that would cost too much.

An image of few pixels can need much memory: a TIFF stores it in tiles or strips that are unpacked
whole, a JPEG in several passes is kept as coefficients, a WebP is drawn on a canvas. And a small
file may hold millions of parts that are read one by one. Both stand in the headers, which are read
here without a decoder. What a header leaves open is for the decoder to refuse.

Loads neither Pillow nor torch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from convviz import limits
from convviz.errors import ImageError
from convviz.images import avif, heic
from convviz.language import later, tr

MAX_PIXELS = limits.IMAGE_MEGAPIXELS.value * 1_000_000
MAX_WEBP_PIXELS = MAX_PIXELS // 2
"""Less than of other formats: its decoder needs the image four times."""

MAX_AVIF_PIXELS = MAX_PIXELS // 2
"""Less than of other formats: beside the image, its decoder keeps planes of up to 16 bits."""

MAX_HEIC_PIXELS = MAX_PIXELS
"""Its decoder takes 9 bytes a pixel; with more than eight bits for each value, half as many pixels
are read."""

MAX_JPEG_PIXELS = 2 * MAX_PIXELS
"""More than of other formats: from `MAX_PIXELS` on a JPEG is decoded at half its width and height.

The decoder works the smaller image out of the coefficients of each block, so that the large one is
never there. Those of a progressive JPEG are all kept until its last pass, which takes 3 bytes a
pixel with the usual halved colours and 6 with full ones, at half the size as well: 50 million
pixels fit into the memory allowed with the former, and are refused with the latter.
"""

_MAX_BYTES = max(
    230_000_000, 9 * MAX_PIXELS
)  # a decoder's own buffers and the image that it writes
_MAX_PARTS = 20_000  # segments, chunks, blocks or entries of one file
_MAX_PASSES = 100  # a progressive JPEG usually has about ten
_MAX_RLE_BYTES = 2_000_000  # run-length coded BMP files are read slowly
_MAX_FILLING = 10_000  # bytes between two segments of a JPEG

TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

DAMAGED = later("The file is damaged or incomplete; export the picture again, as JPEG or PNG.")


def check(data: bytes) -> None:
    """Refuse a file whose headers state more than can be decoded.

    Args:
        data: The file, of any format; those that are not known pass.

    Raises:
        ImageError: Decoding it would take too much memory or time, or its headers are damaged.
    """
    try:
        if data[:4] in TIFF_SIGNATURES:
            _check_tiff(data)
        elif data.startswith(b"\xff\xd8\xff"):
            _check_jpeg(data)
        elif data.startswith(b"\x89PNG"):
            _check_png(data)
        elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            _check_webp(data)
        elif data.startswith(b"GIF8"):
            _check_gif(data)
        elif data.startswith(b"BM"):
            _check_bmp(data)
        elif avif.is_avif(data):
            _check_avif(data)
        elif heic.is_available() and heic.is_heic(data):
            _check_heic(data)
    except (struct.error, IndexError, OverflowError) as error:  # it ends within a header
        raise ImageError(tr(DAMAGED)) from error


def too_large(subject: str, limit: int = MAX_PIXELS) -> str:
    """Return the sentence on an image of too many pixels.

    Args:
        subject: What is too large, as the sentence's first words.
        limit: The pixels allowed.
    """
    return tr(
        "{subject} has more than {limit:g} million pixels; make it smaller and try again.",
        subject=subject,
        limit=limit / 1e6,
    )


def the_picture(width: int, height: int) -> str:
    """Name the picture with its size, as the first words of a sentence."""
    return tr("The picture, {width} × {height},", width=width, height=height)


def _parts(count: int) -> None:
    if count > _MAX_PARTS:
        raise ImageError(
            tr(
                "The file consists of more than {most:,} parts, which pictures do not; export the "
                "picture again, as JPEG or PNG.",
                most=_MAX_PARTS,
            )
        )


# TIFF: a directory of tags, each with a type, a count, and a value or its offset.

SUBFILE_TYPE, BITS, PHOTOMETRIC, MAKE, STRIP_OFFSETS, ORIENTATION = 254, 258, 262, 271, 273, 274
SAMPLES, PLANAR, TILE_OFFSETS, SUB_DIRECTORIES, SAMPLE_FORMAT = 277, 284, 324, 330, 339
EXTRA_SAMPLES, DNG_VERSION = 338, 50706
SEPARATE, SIGNED = 2, 2  # values of PLANAR and of SAMPLE_FORMAT
_WIDTH, _HEIGHT, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 278, 322, 323
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TYPE_BYTES |= {13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "L", 13: "L", 16: "Q"}


_LARGE_TILES = later(
    "The TIFF stores its picture in tiles of {columns} × {rows} pixels, which are too large to "
    "unpack; export the picture again, as JPEG or PNG."
)
_LARGE_STRIPS = later(
    "The TIFF stores its picture in strips of {columns} × {rows} pixels, which are too large to "
    "unpack; export the picture again, as JPEG or PNG."
)


@dataclass(frozen=True)
class Tag:
    """One entry of a TIFF directory: the size of its values, and the first sixteen numbers."""

    bytes: int
    values: tuple[int, ...]


def _check_tiff(data: bytes) -> None:
    tags = tiff_tags(data)

    def number(tag: int, default: int) -> int:
        values = tags[tag].values if tag in tags else ()
        return values[0] if values else default

    if sum(tag.bytes for tag in tags.values()) > len(data):
        raise ImageError(tr(DAMAGED))  # entries that share bytes, or that are not in the file
    width, height = number(_WIDTH, 0), number(_HEIGHT, 0)
    if width * height > MAX_PIXELS:
        raise ImageError(too_large(the_picture(width, height)))
    bits = max(tags[BITS].values if BITS in tags else (), default=1)
    samples = number(SAMPLES, 1)
    in_block = 1 if number(PLANAR, 1) == SEPARATE else samples
    if _TILE_WIDTH in tags or _TILE_HEIGHT in tags:
        sentence = _LARGE_TILES
        columns, rows = number(_TILE_WIDTH, width), number(_TILE_HEIGHT, height)
    else:
        sentence = _LARGE_STRIPS
        columns, rows = width, min(number(_ROWS_PER_STRIP, height), height)
    pixel_bytes = 4 if samples > 1 or bits > 16 else 2 if bits > 8 else 1  # as Pillow keeps them
    block_bytes = (columns * bits * in_block + 7) // 8 * rows
    decoded_bytes = block_bytes + pixel_bytes * width * height
    if columns * rows > MAX_PIXELS or decoded_bytes > _MAX_BYTES:
        raise ImageError(tr(sentence, columns=columns, rows=rows))


def tiff_tags(data: bytes) -> dict[int, Tag]:
    """Read a TIFF's first directory; a tag's first entry counts, as for Pillow.

    Raises:
        struct.error: The file ends before the directory does.
    """
    return dict(_entries(data, next(_directories(data))))


def tiff_pages(data: bytes) -> int:
    """Count a TIFF's pictures, 10,000 at most; smaller copies and masks of others are none."""
    pages = 0
    try:
        for directory in islice(_directories(data), _MOST_PAGES):
            tags = dict(islice(_entries(data, directory), 2))  # these two are the first
            kind, old_kind = (
                tags[tag].values if tag in tags else () for tag in (SUBFILE_TYPE, _OLD_SUBFILE_TYPE)
            )
            pages += not (sum(kind[:1]) & _COPY_OR_MASK or old_kind[:1] == (_OLD_COPY,))
    except (struct.error, ImageError):
        pass  # what lies behind a damaged directory is lost
    return max(pages, 1)


_MOST_PAGES = 10_000
_OLD_SUBFILE_TYPE = 255
_COPY_OR_MASK, _OLD_COPY = 0b101, 2  # values of SUBFILE_TYPE and of the old one


@dataclass(frozen=True)
class _Directory:
    """Where a TIFF's list of tags lies.

    Attributes:
        order: Of its bytes, "<" or ">".
        number: Of an offset, "L" or "Q".
        first: Offset of its first entry.
        count: Of its entries.
    """

    order: str
    number: str
    first: int
    count: int

    @property
    def field(self) -> int:
        """Bytes of an offset."""
        return 8 if self.number == "Q" else 4

    @property
    def entry_bytes(self) -> int:
        """Bytes of an entry."""
        return 4 + 2 * self.field


def _directories(data: bytes) -> Iterator[_Directory]:
    """Follow a TIFF's directories from one to the next, each once."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    number = "Q" if big else "L"
    count_format = order + ("Q" if big else "H")
    (start,) = struct.unpack_from(order + number, data, 8 if big else 4)
    known: set[int] = set()
    while not known or (start and start not in known):
        known.add(start)
        (count,) = struct.unpack_from(count_format, data, start)
        _parts(count)
        found = _Directory(order, number, start + struct.calcsize(count_format), count)
        yield found
        end = found.first + count * found.entry_bytes
        (start,) = struct.unpack_from(order + number, data, end)


def _entries(data: bytes, directory: _Directory) -> Iterator[tuple[int, Tag]]:
    order, number, field = directory.order, directory.number, directory.field
    first, size_of_entry = directory.first, directory.entry_bytes
    known: set[int] = set()
    for entry in range(first, first + directory.count * size_of_entry, size_of_entry):
        tag, kind, length = struct.unpack_from(f"{order}HH{number}", data, entry)
        if tag in known or kind not in _TYPE_BYTES:
            continue
        known.add(tag)
        size, place = length * _TYPE_BYTES[kind], entry + 4 + field
        if size > field:
            (place,) = struct.unpack_from(order + number, data, place)
        inside = place + size <= len(data)
        values: tuple[int, ...] = ()
        if kind in _INTEGERS and inside:
            values = struct.unpack_from(f"{order}{min(length, 16)}{_INTEGERS[kind]}", data, place)
        yield tag, Tag(size if size > field else 0, values)


# JPEG: segments up to the first pass over the image.

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_ALONE = {0x01, *range(0xD0, 0xD9)}  # segments without a length


def _check_jpeg(data: bytes) -> None:
    passes = data.count(b"\xff\xda")
    if passes > _MAX_PASSES:
        raise ImageError(
            tr(
                "The JPEG stores its picture in {passes:,} passes; export it again, as a "
                "plain JPEG or as PNG.",
                passes=passes,
            )
        )
    place, parts = 2, 0
    components, pixels, sampled, progressive = 0, 0, 0.0, False
    while place + 4 <= len(data):
        _parts(parts := parts + 1)
        start = data.find(b"\xff", place)
        if start < 0:
            raise ImageError(tr(DAMAGED))
        marker_at = start
        while data[marker_at] == 0xFF:
            marker_at += 1
            if marker_at - place > _MAX_FILLING:
                raise ImageError(tr(DAMAGED))
        if start - place > _MAX_FILLING:
            raise ImageError(tr(DAMAGED))
        marker, place = data[marker_at], marker_at + 1
        if marker == 0 or marker in _ALONE:
            continue
        if marker == _END_OF_IMAGE:
            return
        (length,) = struct.unpack_from(">H", data, place)
        if marker in _FRAMES:
            _, height, width, components = struct.unpack_from(">BHHB", data, place + 2)
            factors = [data[place + 9 + 3 * k] for k in range(components)]
            across, down = [f >> 4 for f in factors], [f & 15 for f in factors]
            most = max(across, default=1) * max(down, default=1) or 1
            pixels, progressive = width * height, marker in _PROGRESSIVE
            sampled = sum(a * d for a, d in zip(across, down, strict=True)) / most
            if pixels > MAX_JPEG_PIXELS:
                raise ImageError(too_large(the_picture(width, height), MAX_JPEG_PIXELS))
        elif marker == _START_OF_SCAN:
            # Several passes: all coefficients are kept, in two bytes each, beside the image.
            in_passes = progressive or data[place + 2] < components
            pixel_bytes = 4 if components > 1 else 1
            written = pixels * pixel_bytes / (4 if pixels > MAX_PIXELS else 1)
            if in_passes and 2 * sampled * pixels + written > _MAX_BYTES:
                raise ImageError(
                    tr(
                        "The JPEG stores its picture in several passes, and is too large for "
                        "that; export it again, as a plain JPEG, not a progressive one."
                    )
                )
            return
        place += length


def lacks_end(data: bytes) -> bool:
    """Tell whether a JPEG stops before the mark of its end: inside its pixels no such mark occurs.

    Args:
        data: A JPEG that `check` takes.
    """
    place = 2
    while (place := data.find(b"\xff", place)) >= 0 and place + 4 <= len(data):
        marker = data[place + 1]
        if marker == _START_OF_SCAN:
            return data.find(bytes((0xFF, _END_OF_IMAGE)), place) < 0
        if marker in (0, 0xFF) or marker in _ALONE:
            place += 1
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return False


# PNG: chunks of a length, a kind, their bytes and a checksum.


def _check_png(data: bytes) -> None:
    place, parts = 8, 0
    while place + 8 <= len(data):
        _parts(parts := parts + 1)
        (length,) = struct.unpack_from(">L", data, place)
        if data[place + 4 : place + 8] == b"IEND":
            return
        place += 12 + length


# WebP: a RIFF file whose first chunk states the canvas.


def _check_webp(data: bytes) -> None:
    kind = data[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<L", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        raise ImageError(tr(DAMAGED))
    if width * height > MAX_PIXELS:
        raise ImageError(too_large(the_picture(width, height)))
    if width * height > MAX_WEBP_PIXELS:
        subject = tr("The WebP picture, {width} × {height},", width=width, height=height)
        raise ImageError(too_large(subject, MAX_WEBP_PIXELS))
    place, parts = 12, 0
    while place + 8 <= len(data):
        _parts(parts := parts + 1)
        (length,) = struct.unpack_from("<L", data, place + 4)
        place += 8 + length + length % 2


# GIF: blocks of at most 255 bytes; the first image ends the search.


def _check_gif(data: bytes) -> None:
    place = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    parts = 0
    while place + 1 < len(data) and data[place] == 0x21:  # an extension before the first image
        place += 2
        while data[place]:
            _parts(parts := parts + 1)
            place += 1 + data[place]
        _parts(parts := parts + 1)
        place += 1


def _check_bmp(data: bytes) -> None:
    (header,) = struct.unpack_from("<L", data, 14)
    if header < 40:
        return
    (compression,) = struct.unpack_from("<L", data, 30)
    if compression in (1, 2) and len(data) > _MAX_RLE_BYTES:
        raise ImageError(
            tr(
                "The BMP file is packed in runs, and too large for that; export the picture "
                "again, as PNG."
            )
        )


def _check_heic(data: bytes) -> None:
    found = heic.sizes(data)
    most = MAX_HEIC_PIXELS // 2 if found.is_deep else MAX_HEIC_PIXELS
    if found.width * found.height > most:
        subject = tr(
            "The HEIC picture, {width} × {height},", width=found.width, height=found.height
        )
        raise ImageError(too_large(subject, most))
    if found.coded > 2 * most:  # tiles, the alpha channel, a thumbnail, a map of brightness
        raise ImageError(
            tr(
                "The HEIC holds more pixels in parts than its picture has; export it again, "
                "as JPEG or PNG."
            )
        )


def _check_avif(data: bytes) -> None:
    found = avif.sizes(data)
    if found.width * found.height > MAX_PIXELS:
        raise ImageError(too_large(the_picture(found.width, found.height)))
    if found.width * found.height > MAX_AVIF_PIXELS:
        subject = tr(
            "The AVIF picture, {width} × {height},", width=found.width, height=found.height
        )
        raise ImageError(too_large(subject, MAX_AVIF_PIXELS))
    if found.coded > 2 * MAX_AVIF_PIXELS:  # the image and its alpha channel
        raise ImageError(
            tr(
                "The AVIF holds more pixels in parts than its picture has; export it again, "
                "as JPEG or PNG."
            )
        )
