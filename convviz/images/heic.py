"""HEICs, the photographs of iPhones: what one states of its image, and pi-heif, which reads it.

An HEIC is an ISO base media file like an AVIF, with pictures coded as single frames of HEVC (ITU-T
H.265). A box states the size that the image is said to have. The decoder goes by the parameter sets
of the HEVC data, which may be larger, so both are read before anything is decoded.

pi-heif is optional: the libraries inside it, libheif and libde265, are under the LGPL, and HEVC is
under patents in some countries. It decodes and cannot encode. Loads neither Pillow nor torch, until
`read` is called.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING

from convviz.errors import ImageError
from convviz.images.avif import AvifSizes, BitReader, Boxes, Items, brands, read_meta
from convviz.language import later, tr

if TYPE_CHECKING:
    from PIL import Image

ANIMATED = later(
    "The HEIC holds a film and no single picture; export one of its pictures as JPEG or PNG."
)

_CODED = (b"hvc1", b"hev1")
_PARAMETER_SET = 33  # the kind of HEVC's unit with the size of its frames
_MOST_UNITS = 1_000  # of one item
_MOST_PROPERTIES = 4_000
_MAX_HEADER = 512  # bytes of a parameter set that are read


@dataclass
class HeicSizes(AvifSizes):
    """Sizes that a file states, in pixels.

    Attributes:
        is_deep: Whether any picture has more than eight bits for each value.
    """

    is_deep: bool = False


@dataclass
class _Properties:
    """The box `iprp`: what is said of the items.

    Attributes:
        sets: The size and the depth that each property states, if it is HEVC's configuration.
        of_item: Numbers of the properties of each item, from 1.
    """

    sets: list[tuple[int, int, int] | None] = field(default_factory=list)
    of_item: dict[int, list[int]] = field(default_factory=dict)


@functools.cache
def is_available() -> bool:
    """Whether pi-heif is installed."""
    return find_spec("pi_heif") is not None


def is_heic(data: bytes) -> bool:
    """Tell by a file's first bytes, 64 or more, whether it is an HEIC, or HEIF of another kind."""
    is_still = data[4:8] == b"ftyp" and data[8:12] in (b"mif1", b"mif2", b"msf1", b"miaf")
    names = brands(data)
    is_hevc = any(brand[:3] in (b"hei", b"hev") for brand in names)
    return (is_still or is_hevc) and not names & {b"avif", b"avis"}


def read(data: bytes) -> Image.Image:
    """Decode an HEIC that `sizes` takes: its main picture, upright, with eight bits for each value.

    Raises:
        ValueError, RuntimeError, OSError: It is damaged, or of a kind that pi-heif does not read.
    """
    import pi_heif

    for name in ("THUMBNAILS", "DEPTH_IMAGES", "AUX_IMAGES"):
        if hasattr(pi_heif.options, name):
            setattr(pi_heif.options, name, False)
    image: Image.Image = pi_heif.open_heif(BytesIO(data)).to_pillow()
    # libheif has turned it as the file's boxes say; what EXIF says as well is not done twice.
    image.info = {key: image.info[key] for key in ("icc_profile",) if image.info.get(key)}
    return image


def sizes(data: bytes) -> HeicSizes:
    """Read the sizes that an HEIC states.

    Raises:
        ImageError: It holds a film alone.
        struct.error, IndexError: It ends within a header, or is not made as pictures are.
    """
    found, items, boxes = HeicSizes(), Items(), Boxes(data)
    properties, has_pictures, has_film = _Properties(), False, False
    for kind, start, end in boxes.between(0, len(data)):
        has_film |= kind == b"moov"
        if kind == b"meta":
            has_pictures = True
            read_meta(boxes, start + 4, end, found, items)
            _read_properties(boxes, start + 4, end, properties)
    if not has_pictures:
        if has_film:
            raise ImageError(tr(ANIMATED))
        raise IndexError("it has no pictures")
    if len(items.kinds) > 1_000:
        raise IndexError("too many items")
    taken = 0
    for number, kind in items.kinds.items():
        if kind not in (*_CODED, b"grid", b"iovl"):
            continue
        body = items.body(data, number)
        taken += len(body)
        if taken > len(data):
            raise IndexError("its items share bytes")
        if kind in _CODED:
            stated = [
                properties.sets[index - 1]
                for index in properties.of_item.get(number, ())
                if 0 < index <= len(properties.sets)
            ]
            found.coded += _coded_pixels(body, [each for each in stated if each], found)
        else:
            # Of an overlay the colour of its background comes first.
            form = ">LL" if body[1] & 1 else ">HH"
            found.take(*struct.unpack_from(form, body, 4 if kind == b"grid" else 10))
    return found


def _coded_pixels(body: bytes, stated: list[tuple[int, int, int]], found: HeicSizes) -> int:
    """Return the pixels of the largest frame that an item may have; takes note of its size."""
    pixels = 0
    for width, height, depth in (*stated, *_sets_within(body)):
        found.take(width, height)
        found.is_deep |= depth > 8
        pixels = max(pixels, width * height)
    return pixels


def _sets_within(body: bytes) -> Iterator[tuple[int, int, int]]:
    """Read the parameter sets among an item's units, each of which its length precedes."""
    place = 0
    for _ in range(_MOST_UNITS):
        if place + 6 > len(body):
            return
        (length,) = struct.unpack_from(">L", body, place)
        if body[place + 4] >> 1 & 63 == _PARAMETER_SET:
            yield _frame(body[place + 4 : place + 4 + min(length, _MAX_HEADER)])
        place += 4 + length
    raise IndexError("too many units")


def _read_properties(boxes: Boxes, start: int, end: int, properties: _Properties) -> None:
    for kind, begin, stop in boxes.between(start, end):
        if kind != b"iprp":
            continue
        for inner, first, last in boxes.between(begin, stop):
            if inner == b"ipco":
                for name, place, finish in boxes.between(first, last):
                    box = boxes.data[place:finish]
                    properties.sets.append(_configured(box) if name == b"hvcC" else None)
            elif inner == b"ipma":
                _read_associations(boxes.data[first:last], properties)


def _read_associations(box: bytes, properties: _Properties) -> None:
    """Read which properties each item has: the box `ipma`."""
    wide_items, wide_indices = box[0] > 0, box[3] & 1
    (count,) = struct.unpack_from(">L", box, 4)
    place, read_in_all = 8, 0
    for _ in range(count):
        (item,) = struct.unpack_from(">L" if wide_items else ">H", box, place)
        place += 4 if wide_items else 2
        length = box[place]
        place += 1
        read_in_all += length
        if read_in_all > _MOST_PROPERTIES:
            raise IndexError("too many properties")
        for _ in range(length):
            (index,) = struct.unpack_from(">H" if wide_indices else ">B", box, place)
            place += 2 if wide_indices else 1
            properties.of_item.setdefault(item, []).append(
                index & (0x7FFF if wide_indices else 0x7F)
            )


def _configured(box: bytes) -> tuple[int, int, int] | None:
    """Read the largest frame that HEVC's configuration states: the box `hvcC`."""
    frames, place = [], 23
    for _ in range(box[22]):
        kind = box[place] & 63
        (count,) = struct.unpack_from(">H", box, place + 1)
        place += 3
        for _ in range(count):
            (length,) = struct.unpack_from(">H", box, place)
            if kind == _PARAMETER_SET:
                frames.append(_frame(box[place + 2 : place + 2 + min(length, _MAX_HEADER)]))
            place += 2 + length
    return max(frames, key=lambda frame: frame[0] * frame[1], default=None)


def _frame(unit: bytes) -> tuple[int, int, int]:
    """Read width, height and depth of the frames from a sequence parameter set.

    The fields before them are those of section 7.3.2.2 of ITU-T H.265.
    """
    # Two zeros are followed by a 3 where any small number would end the unit.
    bits = BitReader(unit[2:].replace(b"\0\0\3", b"\0\0"))
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    bits.take(96)  # profile and level
    if layers:
        present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
        bits.take(2 * (8 - layers))
        for has_profile, has_level in present:
            bits.take(88 * has_profile + 8 * has_level)
    _exp_golomb(bits)
    if _exp_golomb(bits) == 3:  # colours as large as brightness
        bits.take(1)
    width, height = _exp_golomb(bits), _exp_golomb(bits)
    if bits.take(1):  # a part of the frame is shown
        for _ in range(4):
            _exp_golomb(bits)
    return width, height, 8 + max(_exp_golomb(bits), _exp_golomb(bits))


def _exp_golomb(bits: BitReader) -> int:
    """Read a number that as many zeros precede as it has bits behind its first."""
    zeros = 0
    while not bits.take(1):
        zeros += 1
        if zeros > 32:
            raise IndexError("a number is too long")
    return (1 << zeros) - 1 + bits.take(zeros)
