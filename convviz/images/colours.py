"""From whatever numbers a file stores to 8-bit sRGB.

Conventions: 16-bit numbers are read with their full scale as white (a 12-bit TIFF with 4095).
32-bit integers and floats have no agreed white, so they are stretched from their least to their
greatest finite value; integers that fit into 8 or 16 bits are read as such. What a file leaves
open (transparent pixels, not-a-number) becomes a neutral grey.
"""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

NEUTRAL = 128  # the grey under transparent pixels, halfway between black and white

_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
_WHITE_IS_ZERO, _UNSIGNED = 0, 1


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a loaded picture of any mode to a new RGB picture in sRGB."""
    picture, alpha = _split_alpha(image)
    picture = _to_srgb(picture, image.info.get("icc_profile"))
    if alpha is not None:
        background = Image.new("RGB", picture.size, (NEUTRAL,) * 3)
        background.paste(picture, mask=alpha)
        picture = background
    picture.info = {}
    return picture


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Split a picture into 8-bit colours (L, RGB, CMYK or LAB) and its opacity, if it has one."""
    transparent = image.info.get("transparency")
    if image.mode.startswith(("I", "F")):
        numbers = np.asarray(image)
        alpha = None
        if isinstance(transparent, int):
            alpha = Image.fromarray(np.where(numbers == transparent, 0, 255).astype(np.uint8))
        return Image.fromarray(_eight_bits(numbers, getattr(image, "tag_v2", {}))), alpha
    if image.mode in ("La", "RGBa"):  # opacity already multiplied in
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode in ("P", "PA", "LA", "RGBA") or transparent is not None:
        if image.mode == "RGB" and isinstance(transparent, tuple) and max(transparent) > 255:
            # a 16-bit PNG: Pillow keeps the upper 8 bits of the pixels, but not of this colour
            image.info["transparency"] = tuple(value >> 8 for value in transparent)
        opaque = image.convert("RGBA")
        return opaque.convert("RGB"), opaque.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if image.mode == "1" else "RGB"), None


def _eight_bits(numbers: NDArray[Any], tags: Any) -> NDArray[np.uint8]:
    """Scale 16-bit, 32-bit or float grey values to 0…255; tags are the file's, if it is a TIFF."""
    if numbers.dtype.kind == "f":
        return _stretch(numbers)
    if numbers.dtype.itemsize == 4:
        if tags and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED:
            numbers = numbers.view(np.uint32)  # Pillow has signed 32-bit integers only
        if numbers.min() < 0 or numbers.max() > 65535:
            return _stretch(numbers)
        white = 255 if numbers.max() <= 255 else 65535
    else:
        white = 4095 if tags and tags.get(_BITS_PER_SAMPLE) == (12,) else 65535
    grey = ((numbers.astype(np.uint32) * 255 + white // 2) // white).clip(0, 255).astype(np.uint8)
    return 255 - grey if tags and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey


def _stretch(numbers: NDArray[Any]) -> NDArray[np.uint8]:
    """Stretch numbers from their least to their greatest finite value over 0…255.

    Infinities become black or white; not-a-number and a picture without any contrast become grey.
    """
    values = numbers.astype(np.float64)  # the range of float32 numbers need not fit into float32
    finite = np.isfinite(values)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 0.0)
    if high > low:
        scaled = (values - low) * (255.0 / (high - low))
    else:
        scaled = np.where(finite, float(NEUTRAL), values)
    bounded = np.nan_to_num(scaled, nan=float(NEUTRAL), posinf=255.0, neginf=0.0)
    return bounded.clip(0.0, 255.0).round().astype(np.uint8)


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert 8-bit colours to sRGB by their ICC profile; one that does not work is ignored."""
    if picture.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        return _transform(picture, lab)
    if profile:
        try:
            return _transform(picture, ImageCms.ImageCmsProfile(BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
            pass  # damaged, or made for another kind of picture: keep the plain numbers
    return picture.convert("RGB")


def _transform(picture: Image.Image, profile: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(
        picture, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    if converted is None:
        raise ImageCms.PyCMSError("no picture came back")
    return converted
