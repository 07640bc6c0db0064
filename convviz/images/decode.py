"""Decode untrusted bytes into an upright RGB image, or raise an ImageError.

Nothing is decoded before the file's own header has been checked: the format is one of six, the
image has at most 25 million pixels and is at most 20 times as long as it is wide. Of a file with
several images (animated GIF, multi-page TIFF) only the first is read. Loads no torch.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from convviz.errors import ImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
FORMAT_NAMES = "JPEG, PNG, WebP, GIF, BMP and TIFF"
FILE_SUFFIXES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff")
MAX_PIXELS = 25_000_000
MAX_ASPECT = 20
NEUTRAL = 128  # the grey under transparent pixels, halfway between black and white

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
    ignored where they are damaged. Safe to call from many threads at once.

    Returns:
        An image of mode RGB, at most 25 million pixels, without the file's metadata.

    Raises:
        ImageError: The bytes are empty, of another format, damaged, or the image is too large or
            too narrow.
    """
    if not data:
        raise ImageError("The file is empty; choose a picture.")
    try:
        with _quiet_pillow(), Image.open(BytesIO(data), formats=FORMATS) as file:
            _check_size(*file.size)
            file.load()
            _check_size(*file.size)
            return _upright(_to_rgb(file), file)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:  # Pillow checks the size first
        raise ImageError(_too_large("The picture")) from error
    except Exception as error:  # Pillow's parsers may raise anything; the file is at fault
        raise ImageError(_refusal(data)) from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(_too_large(f"The picture, {width} × {height},"))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(
            f"The picture, {width} × {height} pixels, is more than {MAX_ASPECT} times as long as "
            "it is wide; crop it and try again."
        )


def _too_large(subject: str) -> str:
    limit = MAX_PIXELS // 1_000_000
    return f"{subject} has more than {limit} million pixels; make it smaller and try again."


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
        f"convviz reads no {kind} files, only {FORMAT_NAMES}; export the picture as one of these."
    )


def _upright(image: Image.Image, file: Image.Image) -> Image.Image:
    """Turn an image as the EXIF data of its file say; Pillow has already turned a TIFF."""
    try:
        orientation = file.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - a good image with damaged EXIF data is still accepted
        return image
    # A damaged entry may be of any type, unhashable ones too.
    operation = _TRANSPOSE.get(orientation) if isinstance(orientation, int) else None
    return image if operation is None else image.transpose(operation)


def _to_rgb(file: Image.Image) -> Image.Image:
    """Convert a loaded image of any mode to a new RGB image in sRGB."""
    colours, alpha = _split_alpha(file)
    image = _to_srgb(colours, file.info.get("icc_profile"))
    if alpha is not None:
        background = Image.new("RGB", image.size, (NEUTRAL,) * 3)
        background.paste(image, mask=alpha)
        image = background
    image.info = {}
    return image


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Split an image into 8-bit colours (L, RGB, CMYK or LAB) and its alpha channel, if any."""
    transparent_colour = image.info.get("transparency")
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image)
        alpha = None
        if isinstance(transparent_colour, int):
            alpha = Image.fromarray(np.where(values == transparent_colour, 0, 255).astype(np.uint8))
        return Image.fromarray(_eight_bits(values, getattr(image, "tag_v2", {}))), alpha
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


def _eight_bits(values: NDArray[Any], tags: Any) -> NDArray[np.uint8]:
    """Scale 16-bit, 32-bit or float grey values to 0…255; tags are the file's, if it is a TIFF."""
    if values.dtype.kind == "f":
        return _stretch(values)
    if values.dtype.itemsize == 4:
        if tags and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED:
            values = values.view(np.uint32)  # Pillow has signed 32-bit integers only
        if values.min() < 0 or values.max() > 65535:
            return _stretch(values)
        white = 255 if values.max() <= 255 else 65535
    else:
        white = 4095 if tags and tags.get(_BITS_PER_SAMPLE) == (12,) else 65535
    grey = ((values.astype(np.uint32) * 255 + white // 2) // white).clip(0, 255).astype(np.uint8)
    return 255 - grey if tags and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey


def _stretch(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Stretch values from the least to the greatest finite one over 0…255.

    Infinities become black or white; NaN and an image without any contrast become grey.
    """
    values = values.astype(np.float64)  # the range of float32 values need not fit into float32
    finite = np.isfinite(values)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 0.0)
    if high > low:
        scaled = (values - low) * (255.0 / (high - low))
    else:
        scaled = np.where(finite, float(NEUTRAL), values)
    bounded = np.nan_to_num(scaled, nan=float(NEUTRAL), posinf=255.0, neginf=0.0)
    return bounded.clip(0.0, 255.0).round().astype(np.uint8)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert 8-bit colours to sRGB by their ICC profile; a damaged one is ignored."""
    if image.mode == "LAB":
        return _transform(image, ImageCms.createProfile("LAB"))
    if profile:
        try:
            return _transform(image, ImageCms.ImageCmsProfile(BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
            pass  # damaged, or for another kind of image: keep the values
    return image.convert("RGB")


def _transform(image: Image.Image, profile: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(
        image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    if converted is None:
        raise ImageCms.PyCMSError("no image came back")
    return converted


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
