"""Decode untrusted bytes into an upright RGB image, or raise an ImageError.

Nothing is decoded before the file's own header has been checked: the format is one of six, the
image has at most 25 million pixels (a WebP half as many) and is at most 20 times as long as it is
wide. Of a file with several images (animated GIF, multi-page TIFF) only the first is read. Loads no
torch.
"""

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from convviz.errors import ImageError
from convviz.images import headers

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
FORMAT_NAMES = "JPEG, PNG, WebP, GIF, BMP and TIFF"
FILE_SUFFIXES = ("jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff")
MAX_PIXELS = headers.MAX_PIXELS
MAX_ASPECT = 20
NEUTRAL = 128  # the grey under transparent pixels, halfway between black and white

_WITH_ALPHA = ("PA", "LA", "La", "RGBA", "RGBa")
_BAND_PIXELS = 250_000
_MAX_PROFILE_BYTES = 4_000_000  # profiles of printers have up to 3 MB
_decoding = threading.BoundedSemaphore(2)

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
_WHITE_IS_ZERO, _UNSIGNED = 0, 1  # values of the second and the third

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


def decode(data: bytes) -> Image.Image:
    """Decode the bytes of one file into an upright sRGB image.

    Transparent parts are blended with a neutral grey; colour profiles are converted to sRGB, and
    ignored where they are damaged. Safe to call from many threads at once, of which two decode and
    the others wait: an image needs up to 250 MB while it is decoded.

    Returns:
        An image of mode RGB, at most 25 million pixels, without the file's metadata.

    Raises:
        ImageError: The bytes are empty, of another format, damaged, or the image is too large or
            too narrow.
    """
    if not data:
        raise ImageError("The file is empty; choose a picture.")
    headers.check(data)
    try:
        with _quiet_pillow(), Image.open(BytesIO(data), formats=FORMATS) as file:
            _check_size(*file.size)
            with _decoding:
                file.load()
                _check_size(*file.size)
                image, operation = _to_rgb(file), _transposition(file)
                file.close()  # drops its pixels, before they are there a third time
                return image if operation is None else image.transpose(operation)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:  # Pillow checks the size first
        raise ImageError(headers.too_large("The picture")) from error
    except MemoryError as error:
        raise ImageError(
            "The server has too little memory for this picture just now; make it smaller, or try "
            "again later."
        ) from error
    except Exception as error:  # Pillow's parsers may raise anything; the file is at fault
        raise ImageError(_refusal(data)) from error


def is_image(start: bytes) -> bool:
    """Tell by a file's first bytes, 12 or more, whether it is of a format that convviz reads."""
    if start.startswith(b"BM"):  # two letters, which many texts begin with; zeros follow
        return start[6:10] == bytes(4)
    return start.startswith(_SIGNATURES) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def is_transparent(data: bytes) -> bool:
    """Tell whether a file that `decode` takes has transparent parts, which it blends with grey."""
    with _quiet_pillow(), Image.open(BytesIO(data), formats=FORMATS) as file:
        if file.mode not in _WITH_ALPHA and "transparency" not in file.info:
            return False
        with _decoding:
            file.load()
            in_eight_bits = _scale_of(file) if file.mode.startswith(("I", "F")) else None
            for _, band in _bands(file):
                _, alpha = _split_alpha(band, in_eight_bits)
                if alpha is not None and np.asarray(alpha).min() < 255:
                    return True
    return False


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(headers.too_large(f"The picture, {width} × {height},"))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(
            f"The picture, {width} × {height} pixels, is more than {MAX_ASPECT} times as long as "
            "it is wide; crop it and try again."
        )


def _refusal(data: bytes) -> str:
    """Say whether the file is damaged or of a format that convviz does not read."""
    if data.startswith(_SIGNATURES) or (data.startswith(b"RIFF") and data[8:12] == b"WEBP"):
        return "The file is damaged or incomplete; export the picture again, as JPEG or PNG."
    start = data[:512].lstrip().lower()
    if data[4:8] == b"ftyp":
        kind = "AVIF" if data[8:11] == b"avi" else "HEIC"
    elif start.startswith((b"<svg", b"<?xml")):
        kind = "SVG"
    elif start.startswith(b"%pdf"):
        kind = "PDF"
    else:
        kind = "such"
    return (
        f"convviz cannot read {kind} files. It reads {FORMAT_NAMES}: export the picture as one of "
        "these."
    )


def _transposition(file: Image.Image) -> Image.Transpose | None:
    """Return what turns an image upright as its EXIF data say; Pillow has turned a TIFF already."""
    try:
        orientation = file.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - a good image with damaged EXIF data is still accepted
        return None
    # A damaged entry may be of any type, unhashable ones too.
    return _TRANSPOSE.get(orientation) if isinstance(orientation, int) else None


def _to_rgb(file: Image.Image) -> Image.Image:
    """Convert a loaded image of any mode to a new RGB image in sRGB.

    It is converted in bands, so that all steps but the first and the last are small.
    """
    in_eight_bits = _scale_of(file) if file.mode.startswith(("I", "F")) else None
    colour_space = _ColourSpace(file.info.get("icc_profile"))
    rgb = Image.new("RGB", file.size)
    for top, band in _bands(file):
        colours, alpha = _split_alpha(band, in_eight_bits)
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


Scale = Callable[[NDArray[Any]], NDArray[np.uint8]]
"""Takes 16-bit, 32-bit or float grey values of a band to 0…255."""


def _split_alpha(
    image: Image.Image, in_eight_bits: Scale | None
) -> tuple[Image.Image, Image.Image | None]:
    """Split a band into 8-bit colours (L, RGB, CMYK or LAB) and its alpha channel, if any."""
    transparent_colour = image.info.get("transparency")
    if in_eight_bits is not None:
        values = np.asarray(image)
        alpha = None
        if isinstance(transparent_colour, int):
            alpha = Image.fromarray(np.where(values == transparent_colour, 0, 255).astype(np.uint8))
        return Image.fromarray(in_eight_bits(values)), alpha
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


def _scale_of(file: Image.Image) -> Scale:
    """Decide how an image's grey values become 0…255, by its tags and its extreme values."""
    tags = getattr(file, "tag_v2", {})  # of a TIFF
    unsigned = bool(tags) and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED
    inverted = bool(tags) and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO

    def arrays() -> Iterator[NDArray[Any]]:
        for _, band in _bands(file):
            values = np.asarray(band)
            # Pillow has signed 32-bit integers only.
            yield values.view(np.uint32) if unsigned and values.dtype == np.int32 else values

    extremes = [_extremes(values) for values in arrays()]
    finite = [pair for pair in extremes if pair is not None]
    low = min((low for low, _ in finite), default=0.0)
    high = max((high for _, high in finite), default=0.0)
    if file.mode.startswith("F"):
        return partial(_stretch, low=low, high=high)
    wide = file.mode == "I"  # 32 bits; the others, such as I;16, have 16
    if wide and (low < 0 or high > 65535):
        return lambda values: _stretch(
            values.view(np.uint32) if unsigned else values, low=low, high=high
        )
    if wide:
        white = 255 if high <= 255 else 65535
    else:
        white = 4095 if tags and tags.get(_BITS_PER_SAMPLE) == (12,) else 65535

    def scale(values: NDArray[Any]) -> NDArray[np.uint8]:
        grey = (values.astype(np.uint32) * 255 + white // 2) // white
        eight_bits = grey.clip(0, 255).astype(np.uint8)
        return 255 - eight_bits if inverted else eight_bits

    return scale


def _extremes(values: NDArray[Any]) -> tuple[float, float] | None:
    """Find the least and the greatest finite value; None if none is finite."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


def _stretch(values: NDArray[Any], *, low: float, high: float) -> NDArray[np.uint8]:
    """Stretch values from the least to the greatest finite one over 0…255.

    Infinities become black or white; NaN and an image without any contrast become grey.
    """
    values = values.astype(np.float64)  # the range of float32 values need not fit into float32
    if high > low:
        scaled = (values - low) * (255.0 / (high - low))
    else:
        scaled = np.where(np.isfinite(values), float(NEUTRAL), values)
    bounded = np.nan_to_num(scaled, nan=float(NEUTRAL), posinf=255.0, neginf=0.0)
    return bounded.clip(0.0, 255.0).round().astype(np.uint8)


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
