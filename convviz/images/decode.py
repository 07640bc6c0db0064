"""Decode untrusted bytes into an upright RGB image, or raise an ImageError.

Nothing is decoded before the file's own header has been checked: the format is one of seven (of
eight where pi-heif is installed, which reads HEIC), the image has at most 25 million pixels (a WebP
or an AVIF half as many; a JPEG twice as many, and is read at half its width and height then) and is
at most 20 times as long as it is wide. Of a file with several images (animated GIF, multi-page
TIFF) only the first is read. Loads no torch.

What an image had to go through, such as values that were stretched, is told with it: `read` returns
both, and `images.findings` has the sentences.

A JPEG that ends too early is read as browsers read it: what is missing is grey. It counts as
damaged where more than half of its rows are missing, since then the middle, which a network sees,
is mostly grey; and wherever nobody would see the note, as among the images of a training.
"""

import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from convviz.errors import ImageError
from convviz.images import formats, headers, heic, scaling, tiff
from convviz.images.scaling import NEUTRAL, Scaling
from convviz.language import tr

MAX_PIXELS = headers.MAX_PIXELS
MAX_ASPECT = 20

_WITH_ALPHA = ("PA", "LA", "La", "RGBA", "RGBa")
_BAND_PIXELS = 250_000
_MAX_PROFILE_BYTES = 4_000_000  # profiles of printers have up to 3 MB
_decoding = threading.BoundedSemaphore(2)

_WHITE_IS_ZERO, _UNSIGNED = 0, 1  # values of TIFF tags
_END_OF_JPEG = b"\xff\xd9"
_MOST_MISSING = 0.5  # share of the rows of a JPEG that was cut off

_ORIENTATION = 0x0112  # EXIF tag
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class DecodedImage:
    """An image, and what it had to go through.

    Attributes:
        image: The image, upright, of mode RGB.
        scaling: How its values became 0…255; None if they have eight bits in the file.
        channels: How many the file has, where it has more than are shown; else 0.
        is_cut_off: Whether the file ends before it should.
        missing: Share of the rows that are missing then, at the end of the file.
        stored: Width and height in the file, where it was read at half of them; else None.
        pages: How many pictures a TIFF has, of which the first is shown.
    """

    image: Image.Image
    scaling: Scaling | None = None
    channels: int = 0
    is_cut_off: bool = False
    missing: float = 0.0
    stored: tuple[int, int] | None = None
    pages: int = 1


def decode(data: bytes, *, complete: bool = False) -> Image.Image:
    """Decode the bytes of one file into an upright sRGB image; `read` tells more.

    Args:
        data: The file.
        complete: Whether to refuse a file that ends too early, of which most could be shown.

    Returns:
        An image of mode RGB, at most 25 million pixels, without the file's metadata.

    Raises:
        ImageError: The bytes are empty, of another format, damaged, or the image is too large or
            too narrow.
    """
    return read(data, complete=complete).image


def read(data: bytes, *, complete: bool = False) -> DecodedImage:
    """Decode the bytes of one file into an upright sRGB image, and tell what was done to it.

    Transparent parts are blended with a neutral grey; colour profiles are converted to sRGB, and
    ignored where they are damaged. `scaling.choose` says how numbers of more than eight bits become
    0…255. Safe to call from many threads at once, of which two decode and the others wait: an image
    needs up to 250 MB while it is decoded.

    Args:
        data: The file.
        complete: Whether to refuse a file that ends too early, of which most could be shown.

    Raises:
        ImageError: The bytes are empty, of another format, damaged, or the image is too large or
            too narrow.
    """
    if not data:
        raise ImageError(tr("The file is empty; choose a picture."))
    if tiff.is_tiff(data):
        tiff.check_raw(data)
    headers.check(data)
    try:
        with _quiet_pillow():
            found = _read(data, complete=complete)
            return replace(found, pages=headers.tiff_pages(data)) if tiff.is_tiff(data) else found
    except ImageError:
        raise
    except Image.DecompressionBombError as error:  # Pillow checks the size first
        raise ImageError(headers.too_large(tr("The picture"))) from error
    except MemoryError as error:
        raise ImageError(
            tr(
                "The server has too little memory for this picture just now; make it "
                "smaller, or try again later."
            )
        ) from error
    except Exception as error:  # Pillow's parsers may raise anything; the file is at fault
        raise ImageError(formats.refusal(data)) from error


def _read(data: bytes, *, complete: bool) -> DecodedImage:
    """Read a file by whichever way is right for it; raises what the parsers raise."""
    if data.startswith(b"\xff\xd8\xff") and headers.lacks_end(data):
        if complete:
            raise ImageError(tr(headers.DAMAGED))
        return _by_pillow(data + _END_OF_JPEG, is_cut_off=True)
    if heic.is_available() and heic.is_heic(data):
        return _by_libheif(data)
    if not tiff.is_tiff(data):
        return _by_pillow(data)
    if not tiff.is_misread(data):
        with suppress(UnidentifiedImageError):
            return replace(_by_pillow(data), channels=tiff.channels_beside(data))
    return _by_tifffile(data)


def _by_pillow(data: bytes, *, is_cut_off: bool = False) -> DecodedImage:
    with Image.open(BytesIO(data), formats=formats.BY_PILLOW) as file:
        is_jpeg = isinstance(file, JpegImageFile)
        _check_size(*file.size, headers.MAX_JPEG_PIXELS if is_jpeg else MAX_PIXELS)
        stored = _draft(file)
        with _decoding:
            rawmode = _rawmode(file)
            file.load()
            _check_size(*file.size)
            missing = _missing_rows(file) if is_cut_off else 0.0
            if missing > _MOST_MISSING:
                raise ImageError(tr(headers.DAMAGED))
            scaled = _scaling_of(file) or _stretch_colours(file, data, rawmode)
            image, operation = _to_rgb(file, scaled), _transposition(file)
            file.close()  # drops its pixels, before they are there a third time
            if operation is not None:
                image = image.transpose(operation)
    return DecodedImage(image, scaled, 0, is_cut_off, missing, stored)


def _by_libheif(data: bytes) -> DecodedImage:
    with _decoding:
        image = heic.read(data)
        _check_size(*image.size)
        return DecodedImage(_to_rgb(image, None))


def _draft(file: Image.Image) -> tuple[int, int] | None:
    """Let a JPEG of too many pixels be decoded at half its width and height.

    Returns:
        Its own width and height; None if it, or a file of another format, stays as large as it is.
    """
    if not isinstance(file, JpegImageFile) or file.width * file.height <= MAX_PIXELS:
        return None
    stored = file.size
    file.draft(None, (file.width // 2, file.height // 2))
    return stored


def _by_tifffile(data: bytes) -> DecodedImage:
    with _decoding:
        found = tiff.read(data)
        _check_size(*found.image.size)
        if found.profile:
            found.image.info["icc_profile"] = found.profile
        image = _to_rgb(found.image, None)
        scaled, operation = found.scaling, _TRANSPOSE.get(found.orientation)
        channels = found.channels if found.channels > len(found.image.getbands()) else 0
        del found  # its pixels, before they are there a third time
        if operation is not None:
            image = image.transpose(operation)
    return DecodedImage(image, scaled, channels)


def converted(image: Image.Image) -> Image.Image:
    """Convert an image that Pillow has opened or made, as `read` does with a file.

    Returns:
        A new upright image of mode RGB in sRGB.

    Raises:
        ImageError: It is too large or too narrow, or the file that it comes from is damaged.
    """
    _check_size(*image.size)
    try:
        with _quiet_pillow(), _decoding:
            image.load()
            rgb, operation = _to_rgb(image, _scaling_of(image)), _transposition(image)
    except Exception as error:  # Pillow's parsers may raise anything; the file is at fault
        raise ImageError(tr(headers.DAMAGED)) from error
    return rgb if operation is None else rgb.transpose(operation)


def is_transparent(data: bytes) -> bool:
    """Tell whether a file that `decode` takes has transparent parts, which it blends with grey."""
    with _quiet_pillow(), _decoding:
        if tiff.is_tiff(data) and tiff.is_misread(data):
            return _has_transparency(tiff.read(data).image)
        if heic.is_available() and heic.is_heic(data):
            return _has_transparency(heic.read(data))
        try:
            with Image.open(BytesIO(data), formats=formats.BY_PILLOW) as file:
                if file.mode not in _WITH_ALPHA and "transparency" not in file.info:
                    return False
                file.load()
                return _has_transparency(file)
        except UnidentifiedImageError:  # a TIFF that only tifffile reads
            return _has_transparency(tiff.read(data).image)


def _has_transparency(image: Image.Image) -> bool:
    scaled = _scaling_of(image)
    for _, band in _bands(image):
        _, alpha = _split_alpha(band, scaled)
        if alpha is not None and np.asarray(alpha).min() < 255:
            return True
    return False


def _check_size(width: int, height: int, most: int = MAX_PIXELS) -> None:
    if width * height > most:
        raise ImageError(headers.too_large(headers.the_picture(width, height), most))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(
            tr(
                "The picture, {width} × {height} pixels, is more than {most} times as long as it "
                "is wide; crop it and try again.",
                width=width,
                height=height,
                most=MAX_ASPECT,
            )
        )


def _transposition(file: Image.Image) -> Image.Transpose | None:
    """Return what turns an image upright as its EXIF data say; Pillow has turned a TIFF already."""
    try:
        orientation = file.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - a good image with damaged EXIF data is still accepted
        return None
    # A damaged entry may be of any type, unhashable ones too.
    return _TRANSPOSE.get(orientation) if isinstance(orientation, int) else None


def _to_rgb(file: Image.Image, scaled: Scaling | None) -> Image.Image:
    """Convert a loaded image of any mode to a new RGB image in sRGB.

    It is converted in bands, so that all steps but the first and the last are small.

    Args:
        file: The image.
        scaled: How values of more than eight bits become 0…255.
    """
    colour_space = _ColourSpace(file.info.get("icc_profile"))
    rgb = Image.new("RGB", file.size)
    for top, band in _bands(file):
        colours, alpha = _split_alpha(band, scaled)
        image = colour_space.to_srgb(colours)
        if alpha is not None:
            background = Image.new("RGB", image.size, (NEUTRAL,) * 3)
            background.paste(image, mask=alpha)
            image = background
        rgb.paste(image, (0, top))
    return rgb


def _bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Cut an image into bands of full rows, each of some 250,000 pixels.

    Yields:
        The number of the band's first row, and the band.
    """
    rows = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _split_alpha(
    image: Image.Image, scaled: Scaling | None
) -> tuple[Image.Image, Image.Image | None]:
    """Split a band into 8-bit colours (L, RGB, CMYK or LAB) and its alpha channel, if any."""
    transparent_colour = image.info.get("transparency")
    if scaled is not None and image.mode.startswith(("I", "F")):
        values = _values(image, scaled)
        alpha = None
        if isinstance(transparent_colour, int):
            alpha = Image.fromarray(np.where(values == transparent_colour, 0, 255).astype(np.uint8))
        return Image.fromarray(scaled(values)), alpha
    if image.mode in ("La", "RGBa"):  # premultiplied alpha
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode in ("P", "PA", "LA", "RGBA") or transparent_colour is not None:
        if (
            image.mode == "RGB"
            and isinstance(transparent_colour, tuple)
            and max(transparent_colour) > 255
        ):
            # a 16-bit PNG: Pillow keeps the upper 8 bits of the pixels, but not of this colour
            image.info["transparency"] = tuple(value >> 8 for value in transparent_colour)
        rgba = image.convert("RGBA")
        return rgba.convert("RGB"), rgba.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if image.mode == "1" else "RGB"), None


def _values(band: Image.Image, scaled: Scaling) -> NDArray[Any]:
    """Return grey values; Pillow has signed 32-bit integers only."""
    values = np.asarray(band)
    is_large = values.dtype == np.int32 and scaled.high > np.iinfo(np.int32).max
    return values.view(np.uint32) if is_large else values


def _scaling_of(file: Image.Image) -> Scaling | None:
    """Decide how grey values become 0…255; None where they have eight bits already."""
    if not file.mode.startswith(("I", "F")):
        return None
    tags = getattr(file, "tag_v2", {})  # of a TIFF
    unsigned = bool(tags) and tags.get(headers.SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED

    def arrays() -> Iterator[NDArray[Any]]:
        for _, band in _bands(file):
            values = np.asarray(band)
            yield values.view(np.uint32) if unsigned and values.dtype == np.int32 else values

    dtype = {"I": np.dtype(np.int32), "F": np.dtype(np.float32)}
    return scaling.choose(
        scaling.extremes(arrays()),
        dtype.get(file.mode, np.dtype(np.uint16)),
        white=4095 if tags and tags.get(headers.BITS) == (12,) else scaling.WHITE,
        is_inverted=bool(tags) and tags.get(headers.PHOTOMETRIC) == _WHITE_IS_ZERO,
        arrays=arrays,
    )


# Of 16-bit colours Pillow keeps the upper bytes. A mode for the other byte order gives the lower.
_GREY_AND_ALPHA = "LA;16B"
_LOWER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def _rawmode(file: Image.Image) -> str:
    """Return how the pixels lie in the file, in Pillow's words; "" if it does not say."""
    tiles = getattr(file, "tile", None)
    arguments = tiles[0].args if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _stretch_colours(file: Image.Image, data: bytes, rawmode: str) -> Scaling | None:
    """Stretch 16-bit colours that use a small part of their range, in place; None for others.

    So are greys with an alpha channel, of which Pillow makes colours. Where one colour stands for
    transparency, an alpha channel takes its place, as the stretched colours no longer have it.
    """
    is_grey = rawmode == _GREY_AND_ALPHA
    is_deep = is_grey or re.fullmatch(r"RGB[AaX]?;16[BLN]", rawmode)
    if not is_deep or file.mode not in ("RGB", "RGBA"):
        return None
    transparent = file.info.get("transparency")
    upper = (np.asarray(band)[..., :3] for _, band in _bands(file))
    is_small = scaling.bulk(upper, 65) is not None  # 64 · 256: a quarter of the range
    if not is_small and not isinstance(transparent, tuple):
        return None
    with Image.open(BytesIO(data), formats=formats.BY_PILLOW) as lower:
        lower.tile = [_with_lower_bytes(tile) for tile in lower.tile]
        lower.load()

        def values(band: Image.Image, top: int) -> NDArray[np.uint16]:
            below: NDArray[np.uint8] = np.asarray(
                lower.crop((0, top, band.width, top + band.height))
            )
            if is_grey:  # the upper and the lower byte of grey, then those of alpha
                return below[..., 0].astype(np.uint16) * 256 + below[..., 1]
            both = np.asarray(band)[..., :3].astype(np.uint16)
            both *= 256
            both += below[..., :3]
            return both

        if isinstance(transparent, tuple):
            alpha = Image.new("L", file.size)
            for top, band in _bands(file):
                is_seen = (values(band, top) != np.array(transparent)).any(axis=2)
                alpha.paste(Image.fromarray(is_seen.astype(np.uint8) * np.uint8(255)), (0, top))
        scaled = None
        if is_small:

            def arrays() -> Iterator[NDArray[np.uint16]]:
                return (values(band, top) for top, band in _bands(file))

            found = scaling.extremes(arrays())
            scaled = scaling.choose(found, np.dtype(np.uint16), arrays=arrays)
        if scaled is not None and scaled.is_stretched:
            for top, band in _bands(file):
                colours = Image.fromarray(scaled(values(band, top))).convert("RGB")
                if band.mode == "RGBA":
                    colours.putalpha(band.getchannel("A"))
                file.paste(colours, (0, top))
        if isinstance(transparent, tuple):
            del file.info["transparency"]
            file.putalpha(alpha)  # in place
    return scaled if scaled is not None and scaled.is_stretched else None


def _with_lower_bytes(tile: Any) -> Any:
    """Return a tile of Pillow's whose pixels are read for their lower bytes."""
    is_tuple = isinstance(tile.args, tuple)
    rawmode = tile.args[0] if is_tuple else tile.args
    # Of grey with alpha the four bytes are read as a channel each.
    rawmode = "RGBA" if rawmode == _GREY_AND_ALPHA else rawmode[:-1] + _LOWER[rawmode[-1]]
    return tile._replace(args=(rawmode, *tile.args[1:]) if is_tuple else rawmode)


def _missing_rows(file: Image.Image) -> float:
    """Return the share of a JPEG's rows that are missing at its end: the decoder makes them grey.

    A progressive one that was cut off has all rows, some of them without their detail.
    """
    there = 0
    for top, band in _bands(file):
        values = np.asarray(band).reshape(band.height, -1).astype(np.int16)
        has_colour = (np.abs(values - NEUTRAL) > 1).any(axis=1)
        if has_colour.any():
            there = top + int(np.flatnonzero(has_colour)[-1]) + 1
    return 1 - there / file.height


class _ColourSpace:
    """The colour space of an image, as its ICC profile describes it.

    Args:
        profile: The profile, perhaps damaged or made for images of another kind; None for sRGB.
    """

    def __init__(self, profile: bytes | None) -> None:
        self._profile = profile if profile and len(profile) <= _MAX_PROFILE_BYTES else None
        self._transform: ImageCms.ImageCmsTransform | None = None

    def to_srgb(self, image: Image.Image) -> Image.Image:
        """Convert 8-bit colours to sRGB; those of an unusable profile keep their values."""
        if self._transform is None and image.mode == "LAB":
            self._transform = _transform(ImageCms.createProfile("LAB"), image.mode)
        if self._transform is None and self._profile:
            try:
                profile = ImageCms.ImageCmsProfile(BytesIO(self._profile))
                self._transform = _transform(profile, image.mode)
            except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
                self._profile = None  # damaged, or for another kind of image
        if self._transform is None:
            return image.convert("RGB")
        converted = ImageCms.applyTransform(image, self._transform)
        if converted is None:
            raise ImageCms.PyCMSError("no image came back")
        return converted


def _transform(profile: Any, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")


_quiet_lock = threading.Lock()
_quiet_readers = 0
_quiet_filters = warnings.catch_warnings()


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Silence Pillow's warnings about odd files while at least one thread decodes.

    Python's warning filters are global to the process. If each thread saved and restored them, two
    that overlap could leave them changed; so the first thread sets them and the last one restores
    them.
    """
    global _quiet_readers, _quiet_filters
    with _quiet_lock:
        _quiet_readers += 1
        if _quiet_readers == 1:
            _quiet_filters = warnings.catch_warnings()
            _quiet_filters.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_readers -= 1
            if _quiet_readers == 0:
                _quiet_filters.__exit__(None, None, None)
