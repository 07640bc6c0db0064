import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from convviz.images.decode import decode


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data)).astype(int)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    ihdr = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr)


GRADIENT = Image.fromarray(
    np.stack(
        [
            np.tile(np.arange(40) * 6, (30, 1)),
            np.tile(np.arange(30)[:, None] * 8, (1, 40)),
            np.full((30, 40), 90),
        ],
        axis=2,
    ).astype(np.uint8)
)


class TestNumbers:
    RAMP = (np.arange(48 * 64).reshape(48, 64) * 21).astype(np.uint16)

    @pytest.mark.parametrize(
        ("picture", "format_"),
        [
            (Image.fromarray(RAMP), "PNG"),
            (Image.fromarray(RAMP), "TIFF"),
            (Image.fromarray(RAMP.astype(">u2")), "TIFF"),
            (Image.fromarray(RAMP.astype(np.int32)), "TIFF"),
        ],
        ids=["16-bit PNG", "16-bit TIFF", "big-endian TIFF", "32-bit TIFF of 16-bit numbers"],
    )
    def test_sixteen_bits_are_scaled_not_cut(self, picture: Image.Image, format_: str) -> None:
        expected = np.round(self.RAMP / 257)
        assert np.array_equal(pixels(encoded(picture, format_))[..., 0], expected)

    def test_compressed_big_endian_tiff(self) -> None:
        data = encoded(Image.fromarray(self.RAMP.astype(">u2")), "TIFF", compression="tiff_lzw")
        assert np.array_equal(pixels(data)[..., 1], np.round(self.RAMP / 257))

    def test_sixteen_bit_colour(self) -> None:
        row = b"\0" + struct.pack(">6H", 0xFFFF, 0x8080, 0, 0x1234, 0x00FF, 0xABCD)
        data = png_header(2, 1, depth=16, colour=2) + chunk(b"IDAT", zlib.compress(row))
        decoded = pixels(data + chunk(b"IEND", b""))
        assert decoded[0].tolist() == [[255, 128, 0], [0x12, 0, 0xAB]]

    def test_sixteen_bit_colour_with_a_transparent_one(self) -> None:
        row = b"\0" + struct.pack(">6H", 0xFFFF, 0x8080, 0, 0x1234, 0x00FF, 0xABCD)
        data = png_header(2, 1, depth=16, colour=2)
        data += chunk(b"tRNS", struct.pack(">3H", 0xFFFF, 0x8080, 0))
        decoded = pixels(data + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b""))
        assert decoded[0].tolist() == [[128, 128, 128], [0x12, 0, 0xAB]]

    def test_twelve_bit_tiff(self) -> None:
        # two 12-bit numbers, 0xFFF and 0x800, in three bytes
        tags = [(256, 2), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (279, 3)]
        data = b"II*\0" + struct.pack("<I", 12) + b"\xff\xf8\x00\0" + struct.pack("<H", len(tags))
        data += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags) + b"\0" * 4
        assert pixels(data)[0, :, 0].tolist() == [255, 128]

    def test_large_integers_are_stretched(self) -> None:
        values = np.array([[-100_000, 0, 100_000]], np.int32)
        assert pixels(encoded(Image.fromarray(values), "TIFF"))[0, :, 0].tolist() == [0, 128, 255]

    def test_floats_are_stretched_and_gaps_are_grey(self) -> None:
        values = np.array([[-2.0, 0.0, 2.0, np.nan, np.inf, -np.inf]], np.float32)
        data = encoded(Image.fromarray(values), "TIFF")
        assert pixels(data)[0, :, 0].tolist() == [0, 128, 255, 128, 255, 0]

    @pytest.mark.parametrize("value", [0.0, 7.5, np.nan, np.inf])
    def test_floats_without_contrast(self, value: float) -> None:
        values = np.full((3, 3), value, np.float32)
        expected = 255 if value == np.inf else 128
        assert (pixels(encoded(Image.fromarray(values), "TIFF")) == expected).all()

    def test_floats_at_the_end_of_their_range(self) -> None:
        values = np.array([[-3.4e38, 0.0, 3.4e38]], np.float32)
        assert pixels(encoded(Image.fromarray(values), "TIFF"))[0, :, 2].tolist() == [0, 128, 255]

    def test_one_bit(self) -> None:
        picture = Image.fromarray(np.array([[True, False]]))
        assert pixels(encoded(picture, "PNG")).tolist() == [[[255] * 3, [0] * 3]]


class TestColours:
    def test_cmyk(self) -> None:
        data = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF")
        assert pixels(data)[4, 4].tolist() == [255, 0, 0]

    def test_cmyk_jpeg_that_adobe_stores_inverted(self) -> None:
        data = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)
        assert b"Adobe" in data  # its mark says that the inks are stored inverted
        red, green, blue = pixels(data)[4, 4]
        assert red > 250
        assert green < 5
        assert blue < 5

    def test_lab(self) -> None:
        data = encoded(Image.new("LAB", (4, 4), (255, 128, 128)), "TIFF")
        assert (pixels(data) >= 254).all()

    def test_transparent_pixels_show_a_neutral_grey_not_their_hidden_colour(self) -> None:
        picture = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
        picture.putpixel((1, 0), (255, 0, 0, 255))
        assert pixels(encoded(picture, "PNG"))[0].tolist() == [[128] * 3, [255, 0, 0]]

    def test_half_transparent_pixels_are_mixed(self) -> None:
        data = encoded(Image.new("LA", (2, 2), (0, 128)), "PNG")
        assert np.abs(pixels(data) - 64).max() <= 1

    def test_palette_with_a_transparent_colour(self) -> None:
        picture = Image.new("P", (2, 1))
        picture.putpalette([255, 0, 0, 0, 255, 0])
        picture.putpixel((1, 0), 1)
        for format_ in ("PNG", "GIF"):
            data = encoded(picture, format_, transparency=0)
            assert pixels(data)[0].tolist() == [[128] * 3, [0, 255, 0]]

    def test_palette_with_degrees_of_transparency(self) -> None:
        picture = Image.new("P", (2, 1))
        picture.putpalette([255, 255, 255, 0, 255, 0])
        picture.putpixel((1, 0), 1)
        data = encoded(picture, "PNG", transparency=bytes([0, 255]))
        assert pixels(data)[0].tolist() == [[128] * 3, [0, 255, 0]]

    def test_grey_with_a_transparent_shade(self) -> None:
        for dtype, shade in ((np.uint8, 7), (np.uint16, 7 * 257)):
            picture = Image.fromarray(np.array([[shade, 0]], dtype))
            data = encoded(picture, "PNG", transparency=shade)
            assert pixels(data)[0].tolist() == [[128] * 3, [0] * 3]


class TestProfiles:
    SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    @staticmethod
    def swapped() -> bytes:
        """A profile that takes the first number for blue and the third for red."""
        profile = bytearray(TestProfiles.SRGB)
        count = struct.unpack(">I", profile[128:132])[0]
        places = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
        red, blue = places[b"rXYZ"], places[b"bXYZ"]
        profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
        return bytes(profile)

    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "WEBP", "JPEG"])
    def test_colours_are_converted_to_srgb(self, format_: str) -> None:
        options = {"lossless": True} if format_ == "WEBP" else {}
        picture = Image.new("RGB", (16, 16), (250, 10, 10))
        data = encoded(picture, format_, icc_profile=self.swapped(), **options)
        assert np.abs(pixels(data)[8, 8] - [10, 10, 250]).max() <= 3

    def test_transparency_is_laid_over_the_background_after_the_conversion(self) -> None:
        picture = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
        picture.putpixel((1, 0), (255, 0, 0, 0))
        decoded = pixels(encoded(picture, "PNG", icc_profile=self.swapped()))
        assert np.abs(decoded[0, 0] - [0, 0, 255]).max() <= 3
        assert decoded[0, 1].tolist() == [128] * 3

    def test_srgb_changes_nothing(self) -> None:
        difference = pixels(encoded(GRADIENT, "PNG", icc_profile=self.SRGB)) - np.asarray(GRADIENT)
        assert np.abs(difference).max() <= 1

    @pytest.mark.parametrize("profile", [b"not a profile", SRGB[:200], SRGB[:128] + b"\xff" * 300])
    def test_a_damaged_profile_is_ignored(self, profile: bytes) -> None:
        assert np.array_equal(
            pixels(encoded(GRADIENT, "PNG", icc_profile=profile)), np.asarray(GRADIENT)
        )

    @pytest.mark.parametrize("mode", ["L", "CMYK", "1", "LA"])
    def test_a_profile_made_for_another_kind_of_picture_is_ignored(self, mode: str) -> None:
        picture = Image.new(mode, (4, 4))
        format_ = "PNG" if mode == "LA" else "TIFF"
        plain = pixels(encoded(picture, format_))
        assert np.array_equal(pixels(encoded(picture, format_, icc_profile=self.swapped())), plain)
