"""What an AVIF states of its image: its boxes, and the sizes in the AV1 data that they point to.

An AVIF is an ISO base media file (ISO/IEC 14496-12) with images as items (23008-12) that are coded
as single frames of AV1. A box states the size that the image is said to have. The decoder goes by
the sequence headers inside the AV1 data, which may be larger, so both are read. Loads neither
Pillow nor torch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from convviz.errors import ImageError
from convviz.language import later, tr

ANIMATED = later(
    "The AVIF is animated, which convviz does not read; export one of its pictures as JPEG or PNG."
)

_MAX_BOXES = 20_000
_MAX_ITEMS = 1_000
_MAX_UNITS = 1_000  # of AV1, in one item
_MOST_FRAMES = 4  # of one item: layers of a picture that is sent in steps
_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6  # kinds of AV1's units
_MAX_BRAND_BYTES = 272  # 64 brands


@dataclass
class AvifSizes:
    """Sizes that a file states, in pixels.

    Attributes:
        width: Of the largest image.
        height: The same.
        coded: Pixels of all coded pictures together: tiles, the alpha channel, thumbnails.
    """

    width: int = 0
    height: int = 0
    coded: int = 0

    def take(self, width: int, height: int) -> None:
        """Take note of an image's size."""
        if width * height >= self.width * self.height:
            self.width, self.height = width, height


def brands(data: bytes) -> set[bytes]:
    """Return the brands that an ISO base media file names at its beginning; {} of another file."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), _MAX_BRAND_BYTES, len(data))
    return {data[8:12], *(data[place : place + 4] for place in range(16, end, 4))}


def is_avif(data: bytes) -> bool:
    """Tell by a file's first bytes, 64 or more, whether it is an AVIF."""
    return bool(brands(data) & {b"avif", b"avis"})


def sizes(data: bytes) -> AvifSizes:
    """Read the sizes that an AVIF states.

    Raises:
        ImageError: It is animated, or is not made as images are.
        struct.error, IndexError: It ends within a header.
    """
    found, items, boxes = AvifSizes(), Items(), Boxes(data)
    for kind, start, end in boxes.between(0, len(data)):
        if kind == b"moov":
            raise ImageError(tr(ANIMATED))
        if kind == b"meta":
            read_meta(boxes, start + 4, end, found, items)
    if len(items.kinds) > _MAX_ITEMS:
        raise IndexError("too many items")
    taken = 0
    for number, kind in items.kinds.items():
        if kind not in (b"av01", b"grid"):
            continue
        body = items.body(data, number)
        taken += len(body)
        if taken > len(data):
            raise IndexError("its items share bytes")
        if kind == b"av01":
            found.coded += _coded_pixels(body, found)
        else:
            form = ">LL" if body[1] & 1 else ">HH"
            found.take(*struct.unpack_from(form, body, 4))
    return found


@dataclass
class Items:
    """The items of a file.

    Attributes:
        kinds: What each is, b"av01".
        extents: Where each lies, as pairs of start and length.
        in_data: Those that lie in the box `idat`.
        data_start: Where that box's contents begin.
    """

    kinds: dict[int, bytes] = field(default_factory=dict)
    extents: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    in_data: set[int] = field(default_factory=set)
    data_start: int = 0

    def body(self, data: bytes, number: int) -> bytes:
        """Return an item's bytes."""
        offset = self.data_start if number in self.in_data else 0
        extents = self.extents.get(number, [])
        if sum(length for _, length in extents) > len(data):
            raise IndexError("its parts share bytes")
        # A length of 0 means: up to the end of the file.
        return b"".join(
            data[offset + start : offset + start + length if length else len(data)]
            for start, length in extents[:16]
        )


class Boxes:
    """The boxes of a file, of which no more are read than images have.

    Args:
        data: The file.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._left = _MAX_BOXES

    def between(self, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """List boxes side by side: the kind of each, and where its contents begin and end."""
        while start + 8 <= end:
            self._left -= 1
            if self._left < 0:
                raise IndexError("too many boxes")
            size, kind = struct.unpack_from(">L4s", self.data, start)
            head = 8
            if size == 1:
                (size,) = struct.unpack_from(">Q", self.data, start + 8)
                head = 16
            elif size == 0:
                size = end - start
            if size < head:
                raise IndexError("a box is shorter than its head")
            yield kind, start + head, min(start + size, end)
            start += size


def read_meta(boxes: Boxes, start: int, end: int, found: AvifSizes, items: Items) -> None:
    """Read where the items of a file lie, and the sizes that boxes state: the box `meta`.

    Args:
        boxes: Of the file.
        start: Where the box's contents begin.
        end: Where they end.
        found: Takes note of the sizes.
        items: Takes note of the items.
    """
    data = boxes.data
    for kind, begin, stop in boxes.between(start, end):
        if kind == b"iloc":
            _read_places(data[begin:stop], items)
        elif kind == b"iinf":
            first_entry = begin + (8 if data[begin] else 6)
            for entry, first, _ in boxes.between(first_entry, stop):
                if entry == b"infe":
                    form = ">HH4s" if data[first] < 3 else ">LH4s"
                    number, _, what = struct.unpack_from(form, data, first + 4)
                    items.kinds[number] = what
        elif kind == b"idat":
            items.data_start = begin
        elif kind == b"iprp":
            for inner, first, last in boxes.between(begin, stop):
                if inner != b"ipco":
                    continue
                for name, place, _ in boxes.between(first, last):
                    if name == b"ispe":
                        found.take(*struct.unpack_from(">LL", data, place + 4))


def _read_places(box: bytes, items: Items) -> None:
    """Read where items lie: the box `iloc`."""
    version, sizes = box[0], int.from_bytes(box[4:6], "big")
    offset_bytes, length_bytes, base_bytes = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_bytes = sizes & 15 if version else 0
    place = 6

    def number(length: int) -> int:
        nonlocal place
        if place + length > len(box):
            raise IndexError("the box ends too early")
        place += length
        return int.from_bytes(box[place - length : place], "big")

    wide = 4 if version == 2 else 2
    for _ in range(number(wide)):
        item = number(wide)
        if version and number(2) & 15 == 1:
            items.in_data.add(item)
        number(2)
        base = number(base_bytes)
        extents = []
        for _ in range(number(2)):
            number(index_bytes)
            start = number(offset_bytes)
            extents.append((base + start, number(length_bytes)))
        items.extents[item] = extents


def _coded_pixels(body: bytes, found: AvifSizes) -> int:
    """Return the pixels of the largest frame that an item's AV1 data may have."""
    place, pixels, frames = 0, 0, 0
    for _ in range(_MAX_UNITS):
        if place >= len(body):
            return pixels
        head = body[place]
        place += 2 if head & 4 else 1
        length = len(body) - place
        if head & 2:
            length, place = _leb128(body, place)
        kind = head >> 3 & 15
        if kind == _SEQUENCE_HEADER:
            width, height = _sequence_size(body[place : place + min(length, 512)])
            found.take(width, height)
            pixels = max(pixels, width * height)
        frames += kind in (_FRAME_HEADER, _FRAME)
        if frames > _MOST_FRAMES:
            raise ImageError(tr(ANIMATED))
        place += length
    raise IndexError("too many units")


def _leb128(body: bytes, place: int) -> tuple[int, int]:
    """Read a number of seven bits a byte; returns it and the place behind it."""
    value = 0
    for index in range(8):
        byte = body[place + index]
        value |= (byte & 127) << 7 * index
        if not byte & 128:
            return value, place + index + 1
    raise IndexError("a number is too long")


class BitReader:
    """Reads numbers of some bits, the highest first.

    Args:
        data: Where they are.
    """

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        """Read a number of so many bits."""
        self._left -= count
        if self._left < 0:
            raise IndexError("the header ends too early")
        return self._value >> self._left & (1 << count) - 1


def _sequence_size(header: bytes) -> tuple[int, int]:
    """Read the largest width and height of frames from a sequence header.

    The fields before them are those of section 5.5 of the AV1 Bitstream & Decoding Process
    Specification.
    """
    bits = BitReader(header)
    bits.take(3)  # profile
    bits.take(1)  # still picture
    is_reduced = bits.take(1)
    if is_reduced:
        bits.take(5)  # level
    else:
        delay_bits = 0
        if bits.take(1):  # timing
            bits.take(64)
            if bits.take(1):  # equal intervals, whose length has as many bits as zeros before it
                zeros = 0
                while not bits.take(1):
                    zeros += 1
                bits.take(zeros)
            if bits.take(1):  # decoder model
                delay_bits = bits.take(5) + 1
                bits.take(42)
        has_delay = bits.take(1)
        for _ in range(bits.take(5) + 1):  # operating points
            bits.take(12)
            if bits.take(5) > 7:
                bits.take(1)
            if delay_bits and bits.take(1):
                bits.take(2 * delay_bits + 1)
            if has_delay and bits.take(1):
                bits.take(4)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(width_bits) + 1, bits.take(height_bits) + 1
