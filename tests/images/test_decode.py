import io
import re
import struct
import threading
import time
import tracemalloc
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from convviz.errors import ImageError
from convviz.images.decode import MAX_PIXELS, decode, is_transparent, read
from convviz.images.findings import notes
from convviz.images.formats import format_names
from convviz.images.samples import samples


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
# A one-pixel-wide red edge on the left and a green one at the top tell every orientation apart.
MARKED = Image.new("RGB", (6, 4), "blue")
MARKED.paste((255, 0, 0), (0, 0, 1, 4))
MARKED.paste((0, 255, 0), (0, 0, 6, 1))


class TestFormats:
    @pytest.mark.parametrize("format_", ["PNG", "BMP", "TIFF", "GIF"])
    def test_lossless_formats_come_back_as_they_were(self, format_: str) -> None:
        image = GRADIENT.quantize(200) if format_ == "GIF" else GRADIENT
        decoded = decode(encoded(image, format_))
        assert decoded.mode == "RGB"
        assert np.array_equal(np.asarray(decoded), np.asarray(image.convert("RGB")))

    @pytest.mark.parametrize("format_", ["JPEG", "WEBP", "AVIF"])
    def test_lossy_formats_come_back_nearly(self, format_: str) -> None:
        difference = pixels(encoded(GRADIENT, format_, quality=95)) - np.asarray(GRADIENT)
        assert np.abs(difference).mean() < 4

    def test_the_picture_keeps_nothing_of_the_file(self) -> None:
        decoded = decode(encoded(GRADIENT, "JPEG", dpi=(300, 300), comment=b"private"))
        assert type(decoded) is Image.Image
        assert decoded.info == {}

    @pytest.mark.parametrize("format_", ["GIF", "TIFF", "WEBP", "PNG"])
    def test_only_the_first_frame_counts(self, format_: str) -> None:
        first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
        options = {"lossless": True} if format_ == "WEBP" else {}
        data = encoded(first, format_, save_all=True, append_images=[second], **options)
        assert pixels(data)[4, 4].tolist() == [255, 0, 0]

    @pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
    def test_samples_are_pictures(self, sample: Any) -> None:
        assert 200 <= min(decode(sample.read()).size) <= max(decode(sample.read()).size) <= 512


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "empty"),
            (b"hello, I am a text file\n" * 9, re.escape(format_names())),
            (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
            (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00", "damaged"),
            (b"%PDF-1.7\n", "PDF"),
            (b"\x89PNG\r\n\x1a\n", "damaged"),
        ],
    )
    def test_what_is_no_picture(self, data: bytes, words: str) -> None:
        with pytest.raises(ImageError, match=words):
            decode(data)

    @pytest.mark.parametrize("format_", ["PPM", "TGA", "ICO", "JPEG2000", "PCX", "SGI"])
    def test_formats_that_pillow_reads_but_convviz_does_not(self, format_: str) -> None:
        with pytest.raises(ImageError, match=re.escape(format_names())):
            decode(encoded(GRADIENT, format_))

    @pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_truncated_files(self, format_: str, share: float) -> None:
        noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)
        data = encoded(Image.fromarray(noise), format_)
        with pytest.raises(ImageError, match="damaged or incomplete"):
            decode(data[: int(len(data) * share)], complete=True)

    @pytest.mark.parametrize("format_", ["PNG", "GIF", "TIFF", "BMP"])
    def test_more_than_25_million_pixels(self, format_: str) -> None:
        with pytest.raises(ImageError, match=r"5001 × 5000.* 25 million"):
            decode(encoded(Image.new("L", (5001, 5000)), format_))

    def test_exactly_25_million_pixels_are_fine(self) -> None:
        assert MAX_PIXELS == 5000 * 5000
        assert decode(encoded(Image.new("1", (5000, 5000)), "PNG")).size == (5000, 5000)

    @pytest.mark.parametrize("size", [(2001, 100), (100, 2001), (1, 21)])
    def test_more_than_20_times_as_long_as_wide(self, size: tuple[int, int]) -> None:
        with pytest.raises(ImageError, match=f"{size[0]} × {size[1]}.*20 times"):
            decode(encoded(Image.new("L", size), "PNG"))

    @pytest.mark.parametrize("size", [(2000, 100), (1, 20), (1, 1)])
    def test_exactly_20_times_is_fine(self, size: tuple[int, int]) -> None:
        assert decode(encoded(Image.new("L", size), "PNG")).size == size

    @pytest.mark.parametrize("side", [6000, 10_000, 16_383])
    def test_a_tiny_webp_that_claims_to_be_huge(self, side: int) -> None:
        bits = (side - 1) | (side - 1) << 14
        body = b"WEBPVP8L" + struct.pack("<I", 14) + b"\x2f" + struct.pack("<I", bits) + b"\0" * 9
        data = b"RIFF" + struct.pack("<I", len(body)) + body
        assert len(data) == 34
        with pytest.raises(ImageError, match="25 million"):
            decode(data)

    @pytest.mark.parametrize("side", [6000, 12_000, 60_000])
    def test_nothing_is_decoded_of_what_is_too_large(self, side: int) -> None:
        bomb = png_header(side, side) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        gif = b"GIF89a" + struct.pack("<HHBBB", side, side, 0, 0, 0)
        gif += b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x4c\x01\x00\x3b"
        tags = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (273, 8), (279, 9)]
        tiff = b"II*\0" + struct.pack("<IH", 8, len(tags))
        tiff += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags) + b"\0" * 4
        for data in (bomb, gif, tiff):
            tracemalloc.start()
            with pytest.raises(ImageError, match="25 million"):
                decode(data)
            assert tracemalloc.get_traced_memory()[1] < 2_000_000
            tracemalloc.stop()

    def test_a_gif_whose_frame_is_larger_than_its_screen(self) -> None:
        data = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0, 0, 0)
        data += b"\x2c" + struct.pack("<HHHHB", 0, 0, 6000, 6000, 0) + b"\x02\x02\x4c\x01\x00\x3b"
        with pytest.raises(ImageError):
            decode(data)

    @pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
    def test_metadata_that_unpack_to_much_more_than_they_are(self, kind: bytes) -> None:
        packed = zlib.compress(b"x" * 50_000_000)
        start = {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"k\0\0"}[kind]
        data = encoded(GRADIENT, "PNG")
        data = data[:33] + chunk(kind, start + packed) + data[33:]
        with pytest.raises(ImageError, match="damaged"):
            decode(data)


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "WEBP"])
    def test_pictures_are_turned_upright(self, orientation: int, format_: str) -> None:
        lay = {
            1: lambda image: image,
            2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
            3: lambda image: image.rotate(180),
            4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
            5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
            6: lambda image: image.rotate(90, expand=True),  # the camera was turned
            7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
            8: lambda image: image.rotate(-90, expand=True),
        }[orientation]
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"lossless": True} if format_ == "WEBP" else {}
        decoded = decode(encoded(lay(MARKED), format_, exif=exif, **options))
        assert decoded.size == MARKED.size
        assert np.array_equal(np.asarray(decoded), np.asarray(MARKED))

    @pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"MM"])
    def test_damaged_exif_data_are_ignored(self, exif: bytes) -> None:
        assert decode(encoded(GRADIENT, "JPEG", exif=exif)).size == GRADIENT.size

    def test_an_orientation_that_does_not_exist_is_ignored(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 77
        assert decode(encoded(MARKED, "PNG", exif=exif)).size == MARKED.size


class TestNumbers:
    RAMP = (np.arange(48 * 64).reshape(48, 64) * 21).astype(np.uint16)

    @pytest.mark.parametrize(
        ("image", "format_"),
        [
            (Image.fromarray(RAMP), "PNG"),
            (Image.fromarray(RAMP), "TIFF"),
            (Image.fromarray(RAMP.astype(">u2")), "TIFF"),
            (Image.fromarray(RAMP.astype(np.int32)), "TIFF"),
        ],
        ids=["16-bit PNG", "16-bit TIFF", "big-endian TIFF", "32-bit TIFF of 16-bit numbers"],
    )
    def test_sixteen_bits_are_scaled_not_cut(self, image: Image.Image, format_: str) -> None:
        expected = np.round(self.RAMP / 257)
        assert np.array_equal(pixels(encoded(image, format_))[..., 0], expected)

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
        image = Image.fromarray(np.array([[True, False]]))
        assert pixels(encoded(image, "PNG")).tolist() == [[[255] * 3, [0] * 3]]


class TestSmallRanges:
    """16-bit images that use a small part of their range, in every file that can hold them."""

    LOW, HIGH = 37, 4_095
    GREY = np.linspace(LOW, HIGH, 48 * 64).round().astype(np.uint16).reshape(48, 64)
    COLOURS = np.stack([GREY, GREY[::-1], np.full_like(GREY, 1_000)], axis=2)

    @classmethod
    def expected(cls, values: np.ndarray) -> np.ndarray:
        return (values.astype(np.float64) - cls.LOW) / (cls.HIGH - cls.LOW) * 255

    @staticmethod
    def colour_png(values: np.ndarray, colour: int = 2) -> bytes:
        """A 16-bit PNG of colours, its rows filtered in turn by every filter that PNG has."""
        height, width, channels = values.shape
        rows = values.astype(">u2").tobytes()
        length, step = 2 * channels * width, 2 * channels
        lines = [rows[k : k + length] for k in range(0, len(rows), length)]
        packed, above = b"", bytes(length)
        for number, line in enumerate(lines):
            kind = number % 5
            filtered = bytearray([kind])
            for k, byte in enumerate(line):
                a = line[k - step] if k >= step else 0
                b = above[k]
                c = above[k - step] if k >= step else 0
                by = {0: 0, 1: a, 2: b, 3: (a + b) // 2}.get(kind)
                if by is None:
                    p = a + b - c
                    by = min((a, b, c), key=lambda v: abs(p - v))
                filtered.append((byte - by) % 256)
            packed += bytes(filtered)
            above = line
        data = png_header(width, height, depth=16, colour=colour)
        return data + chunk(b"IDAT", zlib.compress(packed)) + chunk(b"IEND", b"")

    @pytest.mark.parametrize(
        "data",
        [
            encoded(Image.fromarray(GREY), "PNG"),
            encoded(Image.fromarray(GREY), "TIFF"),
            encoded(Image.fromarray(GREY.astype(">u2")), "TIFF"),
            encoded(Image.fromarray(GREY), "TIFF", compression="tiff_lzw"),
            encoded(Image.fromarray(GREY.astype(np.int32)), "TIFF"),
        ],
        ids=["PNG", "TIFF", "big-endian TIFF", "LZW", "32-bit TIFF"],
    )
    def test_grey_is_stretched_and_said_to_be(self, data: bytes) -> None:
        assert np.abs(pixels(data)[..., 0] - self.expected(self.GREY)).max() <= 0.51
        (note,) = notes(read(data))
        is_wide = Image.open(io.BytesIO(data)).mode == "I"  # it says no range of its numbers
        share = "" if is_wide else ", 6.2 % of what 16 bits can hold"  # 4058 of 65535
        assert f"from 37 to 4,095{share}: they are stretched" in note

    @pytest.mark.parametrize("kind", ["PNG", "stored", "deflated", "big-endian", "planes"])
    def test_colours_are_stretched_together(self, kind: str) -> None:
        if kind == "PNG":
            data = self.colour_png(self.COLOURS)
        else:
            buffer = io.BytesIO()
            tifffile.imwrite(
                buffer,
                np.moveaxis(self.COLOURS, 2, 0) if kind == "planes" else self.COLOURS,
                photometric="rgb",
                planarconfig="separate" if kind == "planes" else "contig",
                byteorder=">" if kind == "big-endian" else "<",
                compression="zlib" if kind == "deflated" else None,
            )
            data = buffer.getvalue()
        assert np.abs(pixels(data) - self.expected(self.COLOURS)).max() <= 0.51
        assert "from 37 to 4,095" in notes(read(data))[0]

    def test_transparency_is_not_stretched(self) -> None:
        alpha = np.full_like(self.GREY, 65_535)
        alpha[:8] = 0
        data = self.colour_png(np.concatenate([self.COLOURS, alpha[..., None]], axis=2), colour=6)
        found = pixels(data)
        assert (found[:8] == 128).all()
        assert np.abs(found[8:] - self.expected(self.COLOURS)[8:]).max() <= 0.51
        assert is_transparent(data)

    def test_grey_with_alpha_is_stretched_like_grey(self) -> None:
        alpha = np.full_like(self.GREY, 65_535)
        alpha[:8], alpha[8:16] = 0, 0x8000
        data = self.colour_png(np.stack([self.GREY, alpha], axis=2), colour=4)
        found, expected = pixels(data), self.expected(self.GREY)[..., None]
        assert (found[:8] == 128).all()
        half = 128 + (expected[8:16] - 128) * 128 / 255  # Pillow has 8 bits of alpha
        assert np.abs(found[8:16] - half).max() <= 1.5
        assert np.abs(found[16:] - expected[16:]).max() <= 0.51
        assert "from 37 to 4,095" in notes(read(data))[0]
        assert is_transparent(data)

    def test_grey_of_the_full_range_with_alpha_stays_as_it_is(self) -> None:
        grey = np.linspace(0, 65_535, 48 * 64).astype(np.uint16).reshape(48, 64)
        data = self.colour_png(np.stack([grey, np.full_like(grey, 65_535)], axis=2), colour=4)
        assert np.array_equal(pixels(data)[..., 0], grey >> 8)
        assert notes(read(data)) == ()

    @pytest.mark.parametrize("largest", [4_095, 65_535])
    def test_a_transparent_colour_is_found_by_all_its_bits(self, largest: int) -> None:
        """Its neighbours, which share its upper bytes, are seen."""
        values = np.stack([np.linspace(37, largest, 48 * 64).round().astype(np.uint16)] * 3, axis=1)
        values = values.reshape(48, 64, 3)
        data = self.colour_png(values)
        colour = values[20, 30]
        header = data.index(b"IDAT") - 4
        data = data[:header] + chunk(b"tRNS", colour.astype(">u2").tobytes()) + data[header:]
        found = pixels(data).astype(int)
        is_hidden = (values == colour).all(axis=2)
        assert (found[is_hidden] == 128).all()
        small = largest == 4_095
        expected = self.expected(values) if small else values >> 8
        assert np.abs(found - expected)[~is_hidden].max() <= (0.51 if small else 0)
        assert len(notes(read(data))) == small

    @pytest.mark.parametrize("scale", [1, 3])
    def test_a_full_range_stays_as_it_is(self, scale: int) -> None:
        """From a quarter of the range on."""
        grey = np.linspace(0, 16_384 * scale, 48 * 64).astype(np.uint16).reshape(48, 64)
        for data in (
            encoded(Image.fromarray(grey), "PNG"),
            encoded(Image.fromarray(grey), "TIFF"),
        ):
            assert np.array_equal(pixels(data)[..., 0], np.round(grey / 257))
            assert notes(read(data)) == ()
        colours = np.stack([grey] * 3, axis=2)
        assert np.array_equal(pixels(self.colour_png(colours)), colours >> 8)

    def test_an_image_of_one_value_is_not_stretched(self) -> None:
        for value in (0, 900, 65_535):
            data = encoded(Image.fromarray(np.full((4, 5), value, np.uint16)), "PNG")
            assert (pixels(data) == round(value / 257)).all()
            assert notes(read(data)) == ()

    def test_floats_say_that_they_are_stretched(self) -> None:
        values = np.array([[-2.0, 0.0, 2.0]], np.float32)
        (note,) = notes(read(encoded(Image.fromarray(values), "TIFF")))
        assert note.startswith("The file's values go from -2 to 2: they are stretched")


class TestLargeJpegs:
    """More than 25 million pixels are read at half their width and height."""

    SMALL = np.random.default_rng(0).integers(40, 215, (50, 60, 3)).astype(np.uint8)

    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"turned": True}])
    def test_each_pixel_is_the_mean_of_four(self, options: dict[str, Any]) -> None:
        large = Image.fromarray(self.SMALL).resize((7_021, 5_850), Image.Resampling.BILINEAR)
        exif = Image.Exif()
        if options.pop("turned", False):
            exif[0x0112] = 3
        data = encoded(large, "JPEG", quality=90, exif=exif, **options)
        found = read(data)
        assert found.image.size == (3_511, 2_925)
        assert found.stored == large.size
        assert f"{large.width} × {large.height}" in notes(found)[0]
        image = found.image.rotate(180) if exif else found.image
        expected = large.reduce(2)
        box = (100, 100, 3_400, 2_800)
        difference = np.asarray(image.crop(box)).astype(int) - np.asarray(expected.crop(box))
        assert np.abs(difference).mean() < 1

    def test_up_to_25_million_pixels_a_jpeg_stays_as_it_is(self) -> None:
        data = encoded(Image.new("L", (5_000, 5_000), 90), "JPEG")
        found = read(data)
        assert found.image.size == (5_000, 5_000)
        assert found.stored is None
        assert notes(found) == ()


class TestCutOff:
    """A JPEG that ends too early is shown as browsers show it."""

    NOISE = np.random.default_rng(0).integers(0, 256, (160, 120, 3), np.uint8)

    @pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
    @pytest.mark.parametrize("lost", [1, 2, 3])
    @pytest.mark.parametrize("progressive", [False, True])
    def test_without_its_last_bytes(self, mode: str, lost: int, progressive: bool) -> None:
        image = Image.fromarray(self.NOISE).convert(mode)
        data = encoded(image, "JPEG", quality=90, progressive=progressive)
        whole, found = pixels(data), read(data[:-lost])
        changed = (np.asarray(found.image).astype(int) != whole).any(axis=2)
        assert not changed[:-16].any()  # at most the last blocks
        assert found.is_cut_off
        assert found.missing == 0
        assert "ends too early: its last corner" in notes(found)[0]
        with pytest.raises(ImageError, match="damaged or incomplete"):
            decode(data[:-lost], complete=True)
        assert not read(data).is_cut_off

    def test_one_colour_without_the_mark_of_the_end(self) -> None:
        """Pillow takes it; a preview's mark, before the image, and zeros behind it do not count."""
        exif = Image.Exif()
        exif[0x9286] = b"\xff\xd9"
        data = encoded(Image.new("RGB", (300, 300), "red"), "JPEG", exif=exif)
        assert data.count(b"\xff\xd9") == 2
        for cut in (data[:-2], data[:-2] + bytes(500)):
            found = read(cut)
            assert (found.is_cut_off, found.missing) == (True, 0.0)
            with pytest.raises(ImageError, match="damaged or incomplete"):
                decode(cut, complete=True)
        assert not read(data + b"what cameras add").is_cut_off

    @pytest.mark.parametrize("mode", ["RGB", "L"])
    @pytest.mark.parametrize("share", [0.6, 0.8, 0.95])
    def test_cut_in_its_lower_half(self, mode: str, share: float) -> None:
        """Noise takes the same bytes everywhere, so the rows that are there are the share."""
        data = encoded(Image.fromarray(self.NOISE).convert(mode), "JPEG", quality=90)
        start = data.rfind(b"\xff\xda")
        cut = data[: start + int(share * (len(data) - start))]
        found, whole = read(cut), pixels(data)
        there = 160 - round(160 * found.missing)
        assert abs(there / 160 - share) < 0.11  # blocks have 16 rows
        shown = np.asarray(found.image).astype(int)
        assert (shown[: there - 32] == whole[: there - 32]).all()
        assert (np.abs(shown[there:] - 128) <= 1).all()
        assert f"the last {100 * found.missing:.0f} % of the picture" in notes(found)[0] or (
            found.missing < 0.1
        )

    @pytest.mark.parametrize("share", [0.02, 0.2, 0.4])
    def test_cut_in_its_upper_half_is_damaged(self, share: float) -> None:
        data = encoded(Image.fromarray(self.NOISE), "JPEG", quality=90)
        with pytest.raises(ImageError, match="damaged or incomplete"):
            decode(data[: int(share * len(data))])

    def test_turned_pictures_are_turned(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        data = encoded(Image.fromarray(self.NOISE), "JPEG", exif=exif)
        assert read(data[:-2]).image.size == (160, 120)

    @pytest.mark.parametrize("format_", ["PNG", "WEBP", "GIF", "TIFF", "BMP"])
    def test_other_formats_are_damaged_then(self, format_: str) -> None:
        data = encoded(Image.fromarray(self.NOISE), format_)
        with pytest.raises(ImageError, match="damaged or incomplete"):
            decode(data[: int(0.9 * len(data))])


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
        image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
        image.putpixel((1, 0), (255, 0, 0, 255))
        assert pixels(encoded(image, "PNG"))[0].tolist() == [[128] * 3, [255, 0, 0]]

    def test_half_transparent_pixels_are_mixed(self) -> None:
        data = encoded(Image.new("LA", (2, 2), (0, 128)), "PNG")
        assert np.abs(pixels(data) - 64).max() <= 1

    def test_palette_with_a_transparent_colour(self) -> None:
        image = Image.new("P", (2, 1))
        image.putpalette([255, 0, 0, 0, 255, 0])
        image.putpixel((1, 0), 1)
        for format_ in ("PNG", "GIF"):
            data = encoded(image, format_, transparency=0)
            assert pixels(data)[0].tolist() == [[128] * 3, [0, 255, 0]]

    def test_palette_with_degrees_of_transparency(self) -> None:
        image = Image.new("P", (2, 1))
        image.putpalette([255, 255, 255, 0, 255, 0])
        image.putpixel((1, 0), 1)
        data = encoded(image, "PNG", transparency=bytes([0, 255]))
        assert pixels(data)[0].tolist() == [[128] * 3, [0, 255, 0]]

    def test_grey_with_a_transparent_shade(self) -> None:
        for dtype, shade in ((np.uint8, 7), (np.uint16, 7 * 257)):
            image = Image.fromarray(np.array([[shade, 0]], dtype))
            data = encoded(image, "PNG", transparency=shade)
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
        image = Image.new("RGB", (16, 16), (250, 10, 10))
        data = encoded(image, format_, icc_profile=self.swapped(), **options)
        assert np.abs(pixels(data)[8, 8] - [10, 10, 250]).max() <= 3

    def test_transparency_is_laid_over_the_background_after_the_conversion(self) -> None:
        image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
        image.putpixel((1, 0), (255, 0, 0, 0))
        decoded = pixels(encoded(image, "PNG", icc_profile=self.swapped()))
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
        image = Image.new(mode, (4, 4))
        format_ = "PNG" if mode == "LA" else "TIFF"
        plain = pixels(encoded(image, format_))
        assert np.array_equal(pixels(encoded(image, format_, icc_profile=self.swapped())), plain)


class TestQuiet:
    def test_no_warning_comes_out(self) -> None:
        info = PngImagePlugin.PngInfo()
        info.add(b"acTL", b"\0" * 8)  # an animation of no frames: Pillow warns
        odd = encoded(GRADIENT, "PNG", pnginfo=info)
        with pytest.warns(UserWarning, match="Invalid APNG"):
            Image.open(io.BytesIO(odd))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert decode(odd).size == GRADIENT.size
            with pytest.raises(ImageError, match="25 million"):
                decode(png_header(10_000, 10_000) + chunk(b"IDAT", b""))

    def test_many_threads_leave_filters_and_limits_as_they_were(self) -> None:
        filters, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
        files = [encoded(GRADIENT, "PNG"), encoded(MARKED, "GIF"), b"no picture"]
        sizes: list[tuple[int, tuple[int, int]]] = []

        def work(index: int) -> None:
            for _ in range(10):
                try:
                    sizes.append((index, decode(files[index]).size))
                except ImageError:
                    sizes.append((index, (0, 0)))
                time.sleep(0)

        threads = [threading.Thread(target=work, args=(i % 3,)) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(sizes) == {(0, GRADIENT.size), (1, MARKED.size), (2, (0, 0))}
        assert warnings.filters == filters
        assert limit == Image.MAX_IMAGE_PIXELS


def transparent_images() -> dict[str, tuple[bytes, bool]]:
    """Name files with what they are: whether some of their pixels are transparent."""
    solid = GRADIENT.convert("RGBA")
    hole = solid.copy()
    hole.putpixel((5, 5), (1, 2, 3, 254))
    palette = Image.new("P", (4, 4), 1)
    palette.putpixel((0, 0), 0)
    return {
        "opaque RGB": (encoded(GRADIENT, "PNG"), False),
        "opaque JPEG": (encoded(GRADIENT, "JPEG"), False),
        "opaque RGBA": (encoded(solid, "PNG"), False),
        "one pixel hardly": (encoded(hole, "PNG"), True),
        "WebP": (encoded(hole, "WEBP", lossless=True), True),
        "grey": (encoded(Image.new("LA", (3, 3), (9, 0)), "PNG"), True),
        "GIF": (encoded(palette, "GIF", transparency=0), True),
        "a colour that is there": (encoded(MARKED, "PNG", transparency=(255, 0, 0)), True),
        "a colour that is not": (encoded(MARKED, "PNG", transparency=(9, 9, 9)), False),
    }


@pytest.mark.parametrize("name", transparent_images())
def test_transparent_parts_are_found(name: str) -> None:
    data, expected = transparent_images()[name]
    assert is_transparent(data) == expected
