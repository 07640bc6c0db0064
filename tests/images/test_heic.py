"""HEICs: what their headers state, the pictures in them, and what is said without pi-heif."""

import struct
from contextlib import suppress

import numpy as np
import pytest

from convviz.errors import ImageError
from convviz.images import headers, heic
from convviz.images.decode import decode, is_transparent
from convviz.images.formats import FILE_SUFFIXES, format_names, is_image
from tests.images.heic_files import ALPHA, DEEP, PLAIN

COLOURS = ((200, 30, 40), (30, 160, 60), (40, 60, 200), (230, 220, 60))


def centres(data: bytes) -> list[tuple[int, ...]]:
    image = decode(data)
    assert (image.mode, image.size) == ("RGB", (64, 48))
    pixels = np.asarray(image)
    return [tuple(pixels[y, x].tolist()) for y, x in ((12, 16), (12, 48), (36, 16), (36, 48))]


def with_frame(data: bytes, width: int, height: int) -> bytes:
    """State another size in the box that has it."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">LL", width, height) + data[at + 8 :]


@pytest.mark.parametrize("data", [PLAIN, DEEP])
def test_the_picture_is_that_which_was_saved(data: bytes) -> None:
    for found, expected in zip(centres(data), COLOURS, strict=True):
        assert np.abs(np.subtract(found, expected)).max() <= 4  # it was compressed
    assert is_image(data[:64])
    assert not is_transparent(data)


def test_transparent_parts_lie_on_grey() -> None:
    assert is_transparent(ALPHA)
    for place, found in enumerate(centres(ALPHA)):
        alpha = (12 if place < 2 else 36) * 255 / 47 / 255
        expected = [alpha * each + (1 - alpha) * 128 for each in COLOURS[place]]
        assert np.abs(np.subtract(found, expected)).max() <= 6


@pytest.mark.parametrize(
    ("data", "coded", "is_deep"), [(PLAIN, 1, False), (ALPHA, 2, False), (DEEP, 1, True)]
)
def test_sizes_are_those_of_the_frames(data: bytes, coded: int, is_deep: bool) -> None:
    """Frames have sides of whole blocks; an alpha channel is a frame of its own."""
    found = heic.sizes(data)
    assert (found.width, found.height, found.is_deep) == (64, 64, is_deep)
    assert found.coded == coded * 64 * 64


def test_the_size_of_the_frame_counts_whatever_the_box_says() -> None:
    found = heic.sizes(with_frame(PLAIN, 8, 8))
    assert (found.width, found.height) == (64, 64)


def test_too_many_pixels_are_refused_before_they_are_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heic, "read", lambda data: pytest.fail("it was decoded"))
    with pytest.raises(ImageError, match=r"HEIC picture, 6000 × 5000, has more than 25 million"):
        decode(with_frame(PLAIN, 6000, 5000))
    monkeypatch.setattr(headers, "MAX_HEIC_PIXELS", 64 * 64)
    with pytest.raises(ImageError, match=r"64 × 64, has more than 0\.002048 million"):
        decode(DEEP)
    monkeypatch.setattr(headers, "MAX_HEIC_PIXELS", 64 * 64 - 1)
    with pytest.raises(ImageError, match="64 × 64, has more than"):
        decode(PLAIN)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.7, 0.95])
def test_a_file_that_ends_too_early_is_refused(share: float) -> None:
    with pytest.raises(ImageError, match="damaged"):
        decode(PLAIN[: int(len(PLAIN) * share)])


@pytest.mark.parametrize("seed", range(60))
def test_damaged_bytes_give_a_picture_or_a_sentence(seed: int) -> None:
    generator = np.random.default_rng(seed)
    data = np.frombuffer(ALPHA if seed % 2 else PLAIN, np.uint8).copy()
    places = generator.integers(24, len(data), 3)
    data[places] = generator.integers(0, 256, 3)
    with suppress(ImageError):
        assert decode(data.tobytes()).mode == "RGB"


def test_a_film_gets_a_sentence() -> None:
    start = b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc"
    with pytest.raises(ImageError, match="a film and no single picture"):
        decode(start + b"\0\0\0\x10moov" + bytes(8))


def test_the_formats_are_named_with_it() -> None:
    assert format_names() == "JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP and TIFF"
    assert {"heic", "heif"} < set(FILE_SUFFIXES)


def test_without_pi_heif_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heic, "is_available", lambda: False)
    assert not is_image(PLAIN[:64])
    with pytest.raises(
        ImageError, match=r"cannot read HEIC files\. It reads JPEG, PNG, WebP, AVIF"
    ):
        decode(PLAIN)
