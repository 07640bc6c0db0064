"""TIFFs of kinds that Pillow refuses or reads wrongly, through tifffile, block by block.

These are planes of more than eight bits, colours of 32 bits or floats, floats of 16 and 64 bits,
and other numbers of channels than one, three and four. Nothing is unpacked before it is known how
much it is: blocks are either stored as they are or deflated, which is checked here in small
pieces. tifffile leaves other packings to a package of many decoders, which convviz does not use.

Loads no torch.
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convviz.errors import ImageError
from convviz.images import headers, scaling
from convviz.language import later, tr

if TYPE_CHECKING:
    from tifffile import TiffPage

_STORED, _DEFLATED = 1, (8, 32946)
_PACKINGS = {2: "CCITT", 3: "CCITT", 4: "CCITT", 5: "LZW", 6: "JPEG", 7: "JPEG", 32773: "PackBits"}
_PACKINGS |= {34712: "JPEG 2000", 34887: "LERC", 34925: "LZMA", 50000: "Zstandard", 50001: "WebP"}
_GREYS, _RGB = (0, 1), 2  # of the tag on colours; 0 says that white is the lowest number
_UNSPECIFIED = 0  # a channel beside the colours that is none of alpha
_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of alpha channels
_FLOAT_PREDICTOR = 3
_MAX_BLOCK_BYTES = 60_000_000  # unpacked, it is there twice
_MAX_TAG_BYTES = 1_000_000  # of a list of blocks
_BAND_VALUES = 500_000
_PIECE = 1 << 16

RAW = later(
    "This is a camera's raw file, which convviz does not develop; export the picture as "
    "JPEG or TIFF."
)
_UNKNOWN = later(
    "The file is a TIFF whose colours or numbers are of a kind that convviz does not "
    "read; export the picture as PNG, or as a TIFF of grey or RGB values."
)


@dataclass(frozen=True)
class TiffImage:
    """What a TIFF holds.

    Attributes:
        image: The image in eight bits: L, LA, La, RGB, RGBA or RGBa, as it is stored.
        scaling: How its values became that.
        channels: How many it has, of which three at most are colours that are shown.
        orientation: How it is to be turned, as EXIF data number it.
        profile: Its colour profile, perhaps damaged.
    """

    image: Image.Image
    scaling: scaling.Scaling
    channels: int
    orientation: int
    profile: bytes | None


def is_tiff(data: bytes) -> bool:
    """Tell by its first bytes whether a file is a TIFF."""
    return data[:4] in headers.TIFF_SIGNATURES


def check_raw(data: bytes) -> None:
    """Refuse a camera's raw file, of which Pillow would show the small preview, if anything.

    Raises:
        ImageError: It is one.
    """
    if data[8:10] == b"CR":  # Canon's mark
        raise ImageError(tr(RAW))
    try:
        tags = headers.tiff_tags(data)
    except (struct.error, IndexError, OverflowError):  # damaged, which is found later
        return
    is_preview = _first(tags, headers.SUBFILE_TYPE, 0) & 1 == 1
    has_more = headers.MAKE in tags and headers.SUB_DIRECTORIES in tags
    if headers.DNG_VERSION in tags or (is_preview and has_more):
        raise ImageError(tr(RAW))


def is_misread(data: bytes) -> bool:
    """Tell whether Pillow would read a TIFF wrongly: planes of more than 8 bits, signed bytes."""
    tags = headers.tiff_tags(data)
    bits = set(tags[headers.BITS].values) if headers.BITS in tags else {1}
    is_planar = _first(tags, headers.PLANAR, 1) == headers.SEPARATE
    if is_planar and _first(tags, headers.SAMPLES, 1) > 1 and max(bits) > 8:
        return True
    return bits == {8} and _first(tags, headers.SAMPLE_FORMAT, 1) == headers.SIGNED


def channels_beside(data: bytes) -> int:
    """Count the channels of a TIFF of grey or RGB values that has some which no image shows.

    Returns:
        How many it has, those that are shown among them; 0 if all are colours or alpha.
    """
    tags = headers.tiff_tags(data)
    extra = tags[headers.EXTRA_SAMPLES].values if headers.EXTRA_SAMPLES in tags else ()
    photometric = _first(tags, headers.PHOTOMETRIC, 0)
    if photometric not in (_RGB, *_GREYS) or _UNSPECIFIED not in extra:
        return 0
    return _first(tags, headers.SAMPLES, 1)


def read(data: bytes) -> TiffImage:
    """Read a TIFF's first image. The headers are to be checked before.

    Raises:
        ImageError: It is of a kind that is not read, or damaged.
    """
    from tifffile import TiffFile

    tags = headers.tiff_tags(data)
    for tag in (headers.STRIP_OFFSETS, headers.TILE_OFFSETS):
        if tag in tags and tags[tag].bytes > _MAX_TAG_BYTES:
            raise ImageError(
                tr(
                    "The TIFF stores its picture in too many blocks; export the picture "
                    "again, as PNG."
                )
            )
    _silence()
    with TiffFile(BytesIO(data)) as file:
        page = file.pages.first
        dtype, colours, alpha = _check_kind(page)
        _check_blocks(page, data)
        channels = (*colours, *alpha)

        def arrays() -> Iterator[NDArray[Any]]:
            return (values for _, _, _, values in _parts(page, data, colours))

        chosen = scaling.choose(
            scaling.extremes(arrays()),
            dtype,
            is_inverted=page.photometric == 0,
            arrays=arrays,
        )
        pixels = np.zeros((*page.shaped[2:4], len(channels)), np.uint8)
        for slot, top, left, values in _parts(page, data, channels):
            scale = chosen if slot < len(colours) else _opacity
            rows, columns = values.shape
            pixels[top : top + rows, left : left + columns, slot] = scale(values)
        premultiplied = bool(alpha) and page.extrasamples[0] == _ASSOCIATED
        profile = page.iccprofile
        return TiffImage(
            _image(pixels, premultiplied=premultiplied),
            chosen,
            page.samplesperpixel,
            _first(tags, headers.ORIENTATION, 1),
            bytes(profile) if profile else None,
        )


def _first(tags: dict[int, headers.Tag], tag: int, default: int) -> int:
    values = tags[tag].values if tag in tags else ()
    return values[0] if values else default


def _silence() -> None:
    """Keep tifffile's remarks on odd files from the terminal of those who do not ask for them."""
    logger = logging.getLogger("tifffile")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _check_kind(page: TiffPage) -> tuple[np.dtype[Any], tuple[int, ...], tuple[int, ...]]:
    """Choose the channels that are shown, or refuse the kind of TIFF.

    Returns:
        The type of the values, the channels that are colours, one or three, and the alpha channel,
        if there is one.
    """
    if page.compression != _STORED and page.compression not in _DEFLATED:
        packing = _PACKINGS.get(int(page.compression)) or tr("an unusual packing")
        raise ImageError(
            tr(
                "The file is a TIFF of a rare kind, packed with {packing}, which convviz "
                "unpacks only for usual ones; save it without compression, or export the "
                "picture as PNG.",
                packing=packing,
            )
        )
    if page.predictor == _FLOAT_PREDICTOR:
        raise ImageError(
            tr(
                "The file is a TIFF of floats, packed with a predictor that convviz does not "
                "undo; save it without compression."
            )
        )
    is_packed = page.dtype is not None and page.bitspersample != 8 * page.dtype.itemsize
    if page.dtype is None or page.dtype.kind not in "uif" or page.imagedepth != 1 or is_packed:
        raise ImageError(tr(_UNKNOWN))
    samples = page.samplesperpixel
    is_rgb = page.photometric == _RGB and samples >= 3
    if not is_rgb and page.photometric not in _GREYS:
        raise ImageError(tr(_UNKNOWN))
    # Grey values with more channels than that and an alpha channel: several colours of a microscope
    has_alpha = bool(page.extrasamples) and page.extrasamples[0] in (_ASSOCIATED, _UNASSOCIATED)
    if is_rgb:
        return page.dtype, (0, 1, 2), ((3,) if has_alpha and samples > 3 else ())
    if samples < 3:
        return page.dtype, (0,), ((1,) if has_alpha and samples == 2 else ())
    return page.dtype, (0, 1, 2), ()


def _check_blocks(page: TiffPage, data: bytes) -> None:
    """Check that all blocks are there and unpack to no more than they should."""
    size = page.dtype.itemsize if page.dtype else 1
    rows, columns = (
        (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    )
    block_bytes = rows * columns * page.shaped[4] * size
    is_plain = page.compression == _STORED
    if len(page.dataoffsets) != len(page.databytecounts) or not page.dataoffsets:
        raise ImageError(tr(headers.DAMAGED))
    if not page.is_final and block_bytes > _MAX_BLOCK_BYTES:
        raise ImageError(
            tr(
                "The TIFF stores its picture in blocks of {columns} × {rows} pixels, which "
                "are too large to unpack; export the picture again, as PNG.",
                columns=columns,
                rows=rows,
            )
        )
    if is_plain:
        needed = np.prod(page.shaped, dtype=np.int64) * size
        if sum(page.databytecounts) < needed:
            raise ImageError(tr(headers.DAMAGED))
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if start + count > len(data):
            raise ImageError(tr(headers.DAMAGED))
        if not is_plain and not _inflates(memoryview(data)[start : start + count], block_bytes):
            raise ImageError(tr(headers.DAMAGED))


def _inflates(packed: memoryview, at_most: int) -> bool:
    """Tell whether deflated bytes unpack, to no more than so many, without keeping them."""
    unpacker, size = zlib.decompressobj(), 0
    try:
        for begin in range(0, len(packed), _PIECE):
            piece: bytes | memoryview = packed[begin : begin + _PIECE]
            while piece and not unpacker.eof:
                size += len(unpacker.decompress(piece, _PIECE))
                piece = unpacker.unconsumed_tail
                if size > at_most:
                    return False
    except zlib.error:
        return False
    return unpacker.eof


def _parts(
    page: TiffPage, data: bytes, channels: Sequence[int]
) -> Iterator[tuple[int, int, int, NDArray[Any]]]:
    """Unpack an image in small parts.

    Args:
        page: The image.
        data: The file.
        channels: Those that are wanted.

    Yields:
        The channel's place among those wanted, the part's first row and column, and its values,
        shape (rows, columns).
    """
    planes, _, height, width, _ = page.shaped
    for plane, top, left, block in _blocks(page, data):
        for slot, channel in enumerate(channels):
            if planes > 1 and channel != plane:
                continue
            values = block[: height - top, : width - left, 0 if planes > 1 else channel]
            rows = max(1, _BAND_VALUES // max(1, values.shape[1]))
            for row in range(0, len(values), rows):
                yield slot, top + row, left, values[row : row + rows]


def _blocks(page: TiffPage, data: bytes) -> Iterator[tuple[int, int, int, NDArray[Any]]]:
    """Unpack strips or tiles: plane, first row, first column, and values (rows, columns, C)."""
    if page.is_final and page.dtype is not None:
        order = page.parent.byteorder
        stored = np.frombuffer(
            data,
            page.dtype.newbyteorder(order),
            int(np.prod(page.shaped)),
            page.dataoffsets[0],
        ).reshape(page.shaped)
        for plane, values in enumerate(stored):
            yield plane, 0, 0, values[0]
        return
    for block, (plane, _, top, left, _), _ in page.segments(maxworkers=1, _fullsize=False):
        if block is not None:  # else a block of zeros that the file leaves out
            yield plane, top, left, block[0]


def _opacity(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale an alpha channel: the largest number of its type, or 1 of floats, is opaque."""
    opaque = 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
    share = np.nan_to_num(values.astype(np.float64) / opaque, nan=0.0)
    return (share.clip(0.0, 1.0) * 255).round().astype(np.uint8)


def _image(pixels: NDArray[np.uint8], *, premultiplied: bool) -> Image.Image:
    """Make an image of 1 to 4 channels."""
    height, width, channels = pixels.shape
    mode = ("L", "LA", "RGB", "RGBA")[channels - 1]
    if premultiplied:
        mode = mode.replace("A", "a")
    return Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)
