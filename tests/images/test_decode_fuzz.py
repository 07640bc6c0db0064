import io
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from convviz.errors import ImageError
from convviz.images.decode import decode


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


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


def rare_tiff(values: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


RAMP = (np.arange(48 * 64).reshape(48, 64) * 21).astype(np.uint16)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
VALID = [
    encoded(GRADIENT, "PNG"),
    encoded(GRADIENT, "JPEG"),
    encoded(GRADIENT, "JPEG", progressive=True),
    encoded(GRADIENT.convert("CMYK"), "JPEG", icc_profile=SRGB),
    encoded(GRADIENT, "WEBP"),
    encoded(GRADIENT, "AVIF"),
    encoded(GRADIENT.quantize(16), "GIF", save_all=True, append_images=[GRADIENT.quantize(8)]),
    encoded(GRADIENT, "BMP"),
    encoded(GRADIENT, "TIFF"),
    encoded(GRADIENT, "TIFF", compression="tiff_lzw"),
    encoded(GRADIENT.convert("L"), "TIFF", compression="jpeg"),
    encoded(GRADIENT.quantize(16), "PNG", transparency=3),
    encoded(GRADIENT, "PNG", icc_profile=SRGB),
    encoded(Image.fromarray(RAMP), "TIFF"),
    rare_tiff(np.stack([RAMP] * 3), photometric="rgb", planarconfig="separate"),
    rare_tiff(np.stack([RAMP] * 3, axis=2).astype(np.float32), photometric="rgb"),
    rare_tiff(RAMP.astype(np.float64), compression="zlib", tile=(16, 16)),
    rare_tiff(np.stack([RAMP // 32] * 3, axis=2), photometric="rgb", compression="zlib"),
]


def picture_or_image_error(data: bytes) -> None:
    with suppress(ImageError):
        image = decode(data)
        assert image.mode == "RGB"
        image.getpixel((image.width - 1, image.height - 1))


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=100)
def test_random_bytes_are_refused_plainly(data: bytes) -> None:
    picture_or_image_error(data)


def repaired(png: bytes) -> bytes:
    """Write the checksum of each chunk of a PNG anew, as far as its lengths lead."""
    data, start = bytearray(png), 8
    while start + 12 <= len(data):
        end = start + 8 + int.from_bytes(data[start : start + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[start + 4 : end]).to_bytes(4, "big")
        start = end + 4
    return bytes(data)


PNGS = [data for data in VALID if data.startswith(b"\x89PNG")]


@given(
    st.sampled_from(PNGS),
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=4)), max_size=6),
)
@settings(deadline=None, max_examples=400)
def test_mutated_files_whose_checksums_are_right_give_a_picture_or_an_image_error(
    valid: bytes, edits: list[tuple[int, bytes]]
) -> None:
    """What a checksum would have refused reaches the decoder."""
    assert repaired(valid) == valid
    data = bytearray(valid)
    for index, new in edits:
        start = 8 + index % (min(200, len(data) - 8) if index % 2 else len(data) - 8)
        data[start : start + len(new)] = new[: len(data) - start]
    picture_or_image_error(repaired(bytes(data)))


@given(
    st.sampled_from(VALID),
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=4)), max_size=6),
    st.integers(0, 10**6),
)
@settings(deadline=None, max_examples=400)
def test_mutated_files_give_a_picture_or_an_image_error(
    valid: bytes, edits: list[tuple[int, bytes]], cut: int
) -> None:
    data = bytearray(valid)
    for index, new in edits:
        # Every other edit goes to the header, where most can go wrong.
        start = index % (min(64, len(data)) if index % 2 else len(data))
        data[start : start + len(new)] = new
    if cut % 4 == 0:
        data = data[: cut % len(data)]
    picture_or_image_error(bytes(data))
