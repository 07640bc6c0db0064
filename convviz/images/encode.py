"""Encode images as the bytes of a file. Loads no torch."""

from io import BytesIO

from PIL import Image


def png(image: Image.Image, *, transparency: int | None = None, quick: bool = False) -> bytes:
    """Encode an image as a PNG, without loss.

    Args:
        image: The image, of any mode that PNG knows.
        transparency: The index of the transparent colour in the image's palette; None for none.
        quick: Whether to spend a third of the time, for a file that may be a sixth larger.
    """
    file = BytesIO()
    options = {"compress_level": 1 if quick else 6}
    if transparency is not None:
        options["transparency"] = transparency
    image.save(file, "PNG", **options)
    return file.getvalue()


def jpeg(image: Image.Image, *, quality: int = 90, full_colour: bool = False) -> bytes:
    """Encode an image as a JPEG.

    Args:
        image: The image, of mode RGB or L.
        quality: 0 to 100; above 95 files grow without a visible gain.
        full_colour: Whether colours keep the full resolution, instead of half of it.
    """
    file = BytesIO()
    # -1 is Pillow's default.
    image.save(file, "JPEG", quality=quality, subsampling=0 if full_colour else -1)
    return file.getvalue()
