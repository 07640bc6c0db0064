"""AVIFs: what their headers state, and the pictures in them."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convviz.errors import ImageError
from convviz.images import avif
from convviz.images import decode as decode_module
from convviz.images.decode import decode, is_transparent
from convviz.images.formats import is_image

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (36, 52, 3), np.uint8))


def encoded(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "AVIF", **options)
    return buffer.getvalue()


def with_size(data: bytes, width: int, height: int) -> bytes:
    """State another size in the box that has it."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">LL", width, height) + data[at + 8 :]


def bits(*fields: tuple[int, int]) -> bytes:
    """Write numbers, each with its count of bits, the highest first."""
    text = "".join(f"{value:0{count}b}" for value, count in fields)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_sizes_are_pillows(mode: str) -> None:
    """An alpha channel is a picture of its own."""
    image = NOISE.convert(mode)
    if mode == "RGBA":
        image.putalpha(90)
    data = encoded(image)
    found = avif.sizes(data)
    assert (found.width, found.height) == Image.open(io.BytesIO(data)).size == NOISE.size
    assert found.coded == 36 * 52 * (2 if mode == "RGBA" else 1)
    assert is_image(data[:64])


def test_the_size_of_the_coded_frame_counts_whatever_the_box_says() -> None:
    data = with_size(encoded(NOISE), 8, 8)
    assert (avif.sizes(data).width, avif.sizes(data).height) == NOISE.size


SHORT = [(0, 3), (1, 1), (1, 1), (0, 5)]  # profile, still, the short form, level
LONG = [
    *[(0, 3), (0, 1), (0, 1)],
    *[(1, 1), (1, 32), (25, 32), (1, 1), (0, 1), (0, 1), (1, 1), (2, 2)],  # timing
    *[(1, 1), (9, 5), (1, 32), (9, 5), (9, 5)],  # the decoder's model, delays of 10 bits
    *[(1, 1), (1, 5)],  # two operating points
    *[(0, 12), (8, 5), (1, 1), (1, 1), (5, 10), (6, 10), (0, 1), (1, 1), (3, 4)],
    *[(0, 12), (7, 5), (0, 1), (0, 1)],
]


@pytest.mark.parametrize("fields", [SHORT, LONG])
@pytest.mark.parametrize("size", [(1, 1), (640, 480), (65_536, 65_536)])
def test_sequence_headers_by_hand(fields: list[tuple[int, int]], size: tuple[int, int]) -> None:
    width, height = size
    header = bits(*fields, (15, 4), (15, 4), (width - 1, 16), (height - 1, 16))
    assert avif._sequence_size(header) == size


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((5_000, 5_001), "more than 25 million pixels"),
        ((4_000, 3_126), "The AVIF picture, 4000 × 3126, has more than 12.5 million pixels"),
        ((2**32 - 1, 2**32 - 1), "more than 25 million pixels"),
    ],
)
def test_what_is_too_large_is_not_decoded(
    size: tuple[int, int], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode_module, "_decoding", None)
    with pytest.raises(ImageError, match=words):
        decode(with_size(encoded(NOISE), *size))


def test_a_small_box_around_a_huge_frame_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module, "_decoding", None)
    monkeypatch.setattr(avif, "_sequence_size", lambda header: (8_192, 8_192))
    with pytest.raises(ImageError, match="8192 × 8192, has more than 25 million pixels"):
        decode(encoded(NOISE))


def test_animations_get_a_sentence() -> None:
    data = encoded(
        NOISE, save_all=True, append_images=[NOISE.transpose(Image.Transpose.ROTATE_180)]
    )
    with pytest.raises(ImageError, match="The AVIF is animated"):
        decode(data)


def test_pictures_are_turned_upright_and_transparent_parts_lie_on_grey() -> None:
    image = Image.new("RGB", (64, 32), "blue")
    image.paste((255, 0, 0), (0, 0, 16, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned to the left in the file
    turned = np.asarray(decode(encoded(image, exif=exif, quality=95))).astype(int)
    assert turned.shape == (64, 32, 3)
    assert turned[4, 16, 0] > 200 > 60 > turned[40, 16, 0]
    image.putalpha(Image.new("L", image.size, 0))
    data = encoded(image, quality=95)
    assert np.abs(np.asarray(decode(data)).astype(int) - 128).max() <= 1
    assert is_transparent(data)
    assert not is_transparent(encoded(NOISE))


def test_every_truncation_gets_a_sentence() -> None:
    data = encoded(NOISE)
    for end in [*range(1, 400), *range(400, len(data) - 1, 97)]:
        with pytest.raises(ImageError):
            decode(data[:end])
