"""Encoded images are files of their format, and what is kept is kept."""

import io

from PIL import Image

from convviz.images.encode import jpeg, png


def test_pixels_survive_a_png_exactly() -> None:
    image = Image.effect_noise((16, 16), 90).convert("RGB")
    again = Image.open(io.BytesIO(png(image)))
    assert again.format == "PNG"
    assert again.tobytes() == image.tobytes()


def test_one_colour_of_a_palette_is_transparent() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    again = Image.open(io.BytesIO(png(image, transparency=1))).convert("RGBA")
    assert [again.getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0, 255), (0, 255, 0, 0)]


def test_a_jpeg_with_full_colour_keeps_thin_coloured_lines() -> None:
    image = Image.new("RGB", (16, 16), "blue")
    image.paste((255, 0, 0), (5, 0, 6, 16))

    def red(data: bytes) -> int:
        pixel = Image.open(io.BytesIO(data)).convert("RGB").getpixel((5, 8))
        assert isinstance(pixel, tuple)
        return int(pixel[0])

    assert red(jpeg(image, full_colour=True)) > 200
    assert red(jpeg(image)) < 200
    assert len(jpeg(image, quality=30)) < len(jpeg(image, quality=95))
