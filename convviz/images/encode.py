"""Images as the bytes of a file; loads no torch."""

from io import BytesIO

from PIL import Image


def png(image: Image.Image, *, transparency: int | None = None) -> bytes:
    """Encode an image as a PNG, without loss.

    Args:
        image: The image, of any mode that PNG knows.
        transparency: Of an image with a palette: the index of the transparent colour.
    """
    file = BytesIO()
    if transparency is None:
        image.save(file, "PNG")
    else:
        image.save(file, "PNG", transparency=transparency)
    return file.getvalue()


def jpeg(image: Image.Image, *, quality: int = 90, full_colour: bool = False) -> bytes:
    """Encode an image as a JPEG.

    Args:
        image: The image, of mode RGB or L.
        quality: 0 to 100; above 95 files grow for nothing.
        full_colour: Whether colours keep the resolution of brightness, instead of half of it.
    """
    file = BytesIO()
    # -1 leaves the choice to Pillow, as if nothing were given.
    image.save(file, "JPEG", quality=quality, subsampling=0 if full_colour else -1)
    return file.getvalue()
