"""Files whose headers promise far more than their few bytes: refused before they are decoded."""

import io
import re
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from convviz.errors import ImageError
from convviz.images import decode as decode_module
from convviz.images import headers, heic
from convviz.images.decode import decode
from tests.peak_memory import use_each

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
MEBI = 1 << 20


def tiff(entries: list[tuple[int, int, tuple[int, ...]]], body: bytes = b"\0" * 64) -> bytes:
    """A little-endian TIFF with these tags (number, type 3 or 4, values), after its pixels."""
    formats = {3: "H", 4: "L"}
    start = 8 + len(body) + len(body) % 2
    place = start + 2 + 12 * len(entries) + 4
    directory, extra = struct.pack("<H", len(entries)), b""
    for tag, kind, values in sorted(entries):
        packed = struct.pack(f"<{len(values)}{formats[kind]}", *values)
        if len(packed) <= 4:
            field = packed.ljust(4, b"\0")
        else:
            field = struct.pack("<L", place + len(extra))
            extra += packed
        directory += struct.pack("<HHL", tag, kind, len(values)) + field
    return (
        b"II*\0"
        + struct.pack("<L", start)
        + body.ljust(start - 8, b"\0")
        + directory
        + (b"\0" * 4 + extra)
    )


def plain(width: int = 100, height: int = 100, **other: tuple[int, ...]) -> list[Any]:
    """Tags of a deflated grey TIFF; others by name."""
    numbers = {
        "bits": 258,
        "compression": 259,
        "strip_offset": 273,
        "samples": 277,
        "rows": 278,
        "strip_bytes": 279,
        "planar": 284,
        "tile_width": 322,
        "tile_height": 323,
        "tile_offset": 324,
        "tile_bytes": 325,
    }
    tags: dict[int, tuple[int, ...]] = {256: (width,), 257: (height,), 258: (8,), 259: (8,)}
    tags |= {262: (1,), 277: (1,)}
    tags |= {numbers[name]: values for name, values in other.items()}
    return [(tag, 4 if max(values) > 65535 else 3, values) for tag, values in tags.items()]


def tiled(side: int, height: int | None = None, **other: tuple[int, ...]) -> bytes:
    body = zlib.compress(bytes(10 * MEBI))
    height = side if height is None else height
    tags = plain(tile_width=(side,), tile_height=(height,), tile_offset=(8,), **other)
    return tiff([*tags, (325, 4, (len(body),))], body)


def stripped(width: int, height: int, rows: int, **other: tuple[int, ...]) -> bytes:
    body = zlib.compress(bytes(10 * MEBI))
    tags = plain(width, height, rows=(rows,), strip_offset=(8,), **other)
    return tiff([*tags, (279, 4, (len(body),))], body)


def jpeg(side: int, **options: Any) -> bytes:
    """A JPEG that claims to be larger than it is: only its frame header is changed."""
    buffer = io.BytesIO()
    Image.new(options.pop("mode", "RGB"), (64, 64)).save(buffer, "JPEG", **options)
    data = bytearray(buffer.getvalue())
    frame = re.search(rb"\xff[\xc0\xc2]\0.", bytes(data), re.DOTALL)
    assert frame
    struct.pack_into(">HH", data, frame.start() + 5, side, side)
    return bytes(data)


def png(size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "PNG")
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def webp(kind: str, width: int, height: int) -> bytes:
    if kind == "canvas":
        sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        body = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + sides
    elif kind == "lossless":
        bits = (width - 1) | (height - 1) << 14
        body = b"VP8L" + struct.pack("<I", 14) + b"\x2f" + struct.pack("<I", bits) + bytes(9)
    else:
        frame = b"\x30\1\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
        body = b"VP8 " + struct.pack("<I", 30) + frame + bytes(20)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def bmp(width: int, height: int, compression: int = 0, bits: int = 24, size: int = 100) -> bytes:
    info = struct.pack("<LllHHLLllLL", 40, width, height, 1, bits, compression, size, 0, 0, 256, 0)
    palette = bytes(1024) if bits == 8 else b""
    start = 54 + len(palette)
    return b"BM" + struct.pack("<LLL", start + size, 0, start) + info + palette + bytes(size)


def gif(width: int, height: int, before: bytes = b"") -> bytes:
    data = b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + before
    return data + b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\2\2\x4c\1\0\x3b"


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "one huge tile": (lambda: tiled(26_000), "tiles of 26000 × 26000"),
    "a tile of one row": (lambda: tiled(400_000_000, 1), "tiles of 400000000 × 1"),
    "a tile of one column": (lambda: tiled(16, 40_000_000), "tiles of 16 × 40000000"),
    "a tile of 2³² rows": (lambda: tiled(4096, 2**32 - 16), "tiles of 4096 × 4294967280"),
    "a tile of many samples": (
        lambda: tiled(4_992, samples=(10,), bits=(16,) * 10),
        "tiles of 4992 × 4992",
    ),
    "a tile of one bit": (lambda: tiled(40_000, bits=(1,)), "tiles of 40000 × 40000"),
    "a tile of doubles": (lambda: tiled(4_992, samples=(2,), bits=(64, 64)), "tiles of"),
    "separate planes": (lambda: tiled(26_000, samples=(3,), bits=(8,) * 3, planar=(2,)), "tiles"),
    "tiles named without their height": (
        lambda: tiff(plain(4_000, 4_000, tile_width=(60_000,), tile_offset=(8,), tile_bytes=(64,))),
        "tiles of 60000 × 4000",
    ),
    "a strip of many samples": (
        lambda: stripped(5_000, 5_000, 5_000, samples=(6,), bits=(16,) * 6),
        "strips of 5000 × 5000",
    ),
    "a strip of deep samples": (
        lambda: stripped(5_000, 5_000, 2**32 - 1, samples=(3,), bits=(64,) * 3),
        "strips of 5000 × 5000",
    ),
    "a TIFF of a thousand million pixels": (lambda: stripped(40_000, 30_000, 1), "25 million"),
    "a TIFF of one row": (lambda: stripped(400_000_000, 1, 1), "25 million"),
    "a TIFF tag larger than the file": (
        lambda: big_tag(),
        "damaged",
    ),
    "tags that share their bytes": (lambda: shared_tags(), "damaged"),
    "a million tags": (lambda: many_tags(), "20,000 parts"),
    "a progressive JPEG": (lambda: jpeg(5_000, progressive=True, subsampling=0), "several passes"),
    "a progressive CMYK JPEG": (lambda: jpeg(5_000, mode="CMYK", progressive=True), "several"),
    "a JPEG of a thousand million pixels": (lambda: jpeg(40_000), "50 million"),
    "a JPEG of 51 million pixels": (lambda: jpeg(7_142), "7142 × 7142, has more than 50 million"),
    "a progressive JPEG of 49 million pixels in full colours": (
        lambda: jpeg(7_000, progressive=True, subsampling=0),
        "several passes",
    ),
    "a JPEG of many passes": (lambda: many_passes(), "in 5,[0-9]{3} passes"),
    "a JPEG of many segments": (
        lambda: b"\xff\xd8" + b"\xff\xe5\0\2" * 1_000_000 + jpeg(64)[2:],
        "20,000 parts",
    ),
    "a JPEG with filling": (lambda: b"\xff\xd8" + b"\xff" * 10_000_000 + jpeg(64)[3:], "damaged"),
    "a JPEG with zeros": (lambda: b"\xff\xd8\xff\xe5\0\2" + bytes(9_000_000), "damaged"),
    "a PNG of many chunks": (
        lambda: png()[:33] + chunk(b"vpAg", b"") * 1_000_000 + png()[33:],
        "20,000 parts",
    ),
    "a PNG of a thousand million pixels": (lambda: claimed_png(40_000, 30_000), "25 million"),
    "a PNG of one row": (lambda: claimed_png(2**31 - 1, 1), "25 million"),
    "a WebP canvas": (lambda: webp("canvas", 16_000, 16_000), "25 million"),
    "a WebP canvas of 2²⁴ columns": (lambda: webp("canvas", 1 << 24, 1 << 24), "25 million"),
    "a lossless WebP": (lambda: webp("lossless", 16_383, 16_383), "25 million"),
    "a lossy WebP": (lambda: webp("lossy", 16_383, 16_383), "25 million"),
    "a WebP of 20 million pixels": (lambda: webp("lossy", 5_000, 4_000), "12.5 million"),
    "a WebP of many chunks": (
        lambda: webp("canvas", 8, 8) + (b"JUNK" + bytes(4)) * 1_000_000,
        "20,000 parts",
    ),
    "a BMP of a thousand million pixels": (lambda: bmp(40_000, 30_000), "25 million"),
    "a BMP of one column": (lambda: bmp(1, 2**31 - 1), "25 million"),
    "a BMP upside down": (lambda: bmp(40_000, -30_000), "25 million"),
    "a BMP packed in runs": (lambda: bmp(5_000, 5_000, 1, 8, 10_000_000), "packed in runs"),
    "a GIF screen": (lambda: gif(65_535, 65_535), "25 million"),
    "a GIF of one row": (lambda: gif(65_535, 1), "20 times"),
    "a GIF of many comments": (
        lambda: gif(8, 8, b"\x21\xfe" + (b"\xff" + bytes(255)) * 50_000 + b"\0"),
        "20,000 parts",
    ),
}


def big_tag() -> bytes:
    data = bytearray(tiff([*plain(strip_offset=(8,), strip_bytes=(64,)), (700, 4, (0, 0))]))
    entry = bytes(data).find(struct.pack("<HHL", 700, 4, 2))
    struct.pack_into("<L", data, entry + 4, 2**30 - 1)
    return bytes(data)


def shared_tags() -> bytes:
    """A hundred tags, each of them the whole file."""
    body = bytes(MEBI)
    data = tiff([*plain(), *((40_000 + k, 4, (0, 0)) for k in range(100))], body)
    changed = bytearray(data)
    for k in range(100):
        entry = data.find(struct.pack("<HHL", 40_000 + k, 4, 2))
        struct.pack_into("<LL", changed, entry + 4, MEBI // 4, 8)
    return bytes(changed)


def many_tags() -> bytes:
    entries = struct.pack("<HHQQ", 60_000, 3, 1, 0) * 1_000_000
    return b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, 1_000_000) + entries


def many_passes() -> bytes:
    data = jpeg(4_000, progressive=True)
    at = data.rfind(b"\xff\xda")
    return data[:at] + data[at:-2] * 5_000 + data[-2:]


def claimed_png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b""))


@pytest.mark.parametrize("name", BOMBS)
def test_what_headers_promise_is_refused_before_decoding(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, words = BOMBS[name]
    data = make()
    # Nothing may be decoded: no file's load() is reached.
    monkeypatch.setattr(decode_module, "_decoding", None)
    with pytest.raises(ImageError, match=words) as caught:
        decode(data)
    assert str(caught.value).count(". ") == 0  # one sentence


DECODE = """
from convviz.images.decode import decode
from convviz.images.samples import sample
decode(sample("cat").read())
def use(path):
    return decode(path.read_bytes()).size
"""


@linux
def test_refusing_takes_no_memory(tmp_path: Path) -> None:
    paths = []
    for name, (make, _) in BOMBS.items():
        paths.append(tmp_path / name.replace("/", " "))
        paths[-1].write_bytes(make())
    for use in use_each(DECODE, paths):
        size = (tmp_path / use.name).stat().st_size / 1e6
        assert use.kind == "ImageError", use
        assert use.megabytes < 3 * size + 15, use  # the file itself, which the test reads


@linux
def test_an_image_of_floats_is_stretched_and_turned_in_little_memory(tmp_path: Path) -> None:
    """12 million pixels, half of the largest; tests/load has those of all kinds."""
    values = np.arange(2_500, dtype=np.float32).reshape(50, 50) - 7
    image = Image.fromarray(values).resize((4_000, 3_000), Image.Resampling.NEAREST)
    image.save(tmp_path / "floats", "TIFF", compression="tiff_lzw", tiffinfo={274: 6})
    (use,) = use_each(DECODE, [tmp_path / "floats"])
    assert use.outcome == "(3000, 4000)"
    assert use.megabytes < 125


def test_two_images_are_decoded_at_once_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peak of images inside `_to_rgb`, with eight threads that decode."""
    inside, peak, lock = 0, 0, threading.Lock()
    original = decode_module._to_rgb

    def watched(file: Image.Image, scaled: Any) -> Image.Image:
        nonlocal inside, peak
        with lock:
            inside += 1
            peak = max(peak, inside)
        time.sleep(0.02)
        try:
            return original(file, scaled)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(decode_module, "_to_rgb", watched)
    data = png()
    threads = [threading.Thread(target=decode, args=(data,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert peak == 2


def test_a_failure_gives_its_turn_back() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)).save(
        buffer, "PNG"
    )
    for _ in range(5):
        with pytest.raises(ImageError, match="damaged"):
            decode(buffer.getvalue()[:6_000])
    assert decode(buffer.getvalue()).size == (90, 90)


def test_without_memory_the_file_is_not_called_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(file: Image.Image, scaled: Any) -> Image.Image:
        raise MemoryError

    monkeypatch.setattr(decode_module, "_to_rgb", exhausted)
    with pytest.raises(ImageError, match="too little memory"):
        decode(png())


@pytest.mark.parametrize(
    "options",
    [
        {"format": "TIFF", "compression": "tiff_lzw", "strip_size": 1 << 20},
        {"format": "TIFF", "compression": "jpeg"},
        {"format": "TIFF", "big_tiff": True},
        {"format": "JPEG", "progressive": True},
        {"format": "PNG"},
        {"format": "WEBP"},
        {"format": "AVIF"},
        {"format": "GIF"},
        {"format": "BMP"},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_honest_files_pass(options: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8))
    image.save(buffer, **options)
    headers.check(buffer.getvalue())
    assert decode(buffer.getvalue()).size == (400, 300)


def test_a_small_tiff_in_tiles_is_an_image() -> None:
    """100 × 100 pixels in one tile of 256 × 256, which is how editors store it."""
    grey = np.arange(256 * 256, dtype=np.uint32).reshape(256, 256).astype(np.uint8)
    body = zlib.compress(grey.tobytes())
    tags = plain(tile_width=(256,), tile_height=(256,), tile_offset=(8,))
    image = decode(tiff([*tags, (325, 4, (len(body),))], body))
    assert np.array_equal(np.asarray(image)[..., 0], grey[:100, :100])


@pytest.mark.parametrize("name", ["one huge tile", "a progressive JPEG", "a lossy WebP"])
def test_every_truncation_of_a_header_gets_a_sentence(name: str) -> None:
    data = BOMBS[name][0]()
    for end in [*range(1, 60), *range(60, min(len(data), 900), 37)]:
        with pytest.raises(ImageError):
            decode(data[:end])


@pytest.mark.claims("convviz.images.headers.too_large")
@pytest.mark.parametrize(
    ("limit", "text"), [(25_000_000, "25"), (12_500_000, "12.5"), (100_000, "0.1")]
)
def test_too_many_pixels_are_told_with_the_limit(limit: int, text: str) -> None:
    sentence = headers.too_large("The picture", limit)
    assert sentence == (
        f"The picture has more than {text} million pixels; make it smaller and try again."
    )
    assert float(text) * 1e6 == limit


@pytest.mark.claims("convviz.images.formats.refusal")
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "HEIC"),
        (b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc", "HEIC"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "video"),
        (b"\0\0\0\x1cftypisom\0\0\0\0isomavc1", "video"),
        (b"\0\0\0\x14ftyp3gp4\0\0\0\x003gp4", "video"),
        (b"\0\0\0\x08wide\0\0\x10\0mdat", "video"),
        (b"\0\0\x10\0moov\0\0\0\x6cmvhd", "video"),
        (b"<svg/>", "SVG"),
        (b"\xef\xbb\xbf  <?XML version='1.0'?>\n<!-- <a> -->\n<SVG xmlns='x'>", "SVG"),
        (b"%PDF-2.0", "PDF"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51\0\x2f", "JPEG 2000"),
        (b"\xff\x0a\0", "JPEG XL"),
        (b"\0\0\1\0\1\0", "ICO"),
        (b"icns\0\0", "ICNS"),
        (b"8BPS\0\1", "Photoshop"),
        (b"%!PS-Adobe-3.0 EPSF", "PostScript"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"P6\n3 2\n255\n", "PNM"),
        (b"<?xml version='1.0'?><plist/>", "such"),
        (b"x", "such"),
    ],
)
def test_a_refusal_names_the_kind_of_file_and_those_that_are_read(
    data: bytes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heic, "is_available", lambda: False)
    with pytest.raises(ImageError) as caught:
        decode(data)
    sentence = str(caught.value)
    assert sentence.startswith(f"convviz cannot read {kind} files. It reads ")
    for name in ("JPEG", "PNG", "WebP", "AVIF", "GIF", "BMP", "TIFF"):
        assert name in sentence


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\3\4\x14\0", "archive with other files in it: unpack it"),
        (b"\x1f\x8b\x08\0", "archive with other files in it: unpack it"),
        (bytes(257) + b"ustar\0", "archive with other files in it: unpack it"),
        (b"<!DOCTYPE html>\n<html><svg/></html>", "a web page, which came in place of a picture"),
        (b"<?xml version='1.0'?><html><svg/></html>", "a web page"),
    ],
)
def test_what_came_in_place_of_a_picture_is_named_and_what_to_do(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        decode(data)


@pytest.mark.parametrize("kind", ["JPEG2000", "ICO", "ICNS", "TGA", "PPM", "DDS"])
def test_bombs_of_other_formats_are_not_even_opened(kind: str) -> None:
    """Whatever they claim: no plug-in of Pillow but the seven sees them."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, kind)
    with pytest.raises(ImageError, match="cannot read"):
        decode(buffer.getvalue())


SIGNATURES = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]
SIGNATURES += [b"RIFF\0\0\0\0WEBPVP8X", b"RIFF\0\0\0\0WEBPVP8 ", b"GIF89a", b"BM"]
SIGNATURES += [b"\0\0\0\x14ftypavif\0\0\0\0avif\0\0\1\0meta\0\0\0\0"]


@given(st.sampled_from(SIGNATURES), st.binary(max_size=120))
@settings(deadline=None, max_examples=400)
def test_any_header_passes_or_gets_a_sentence(signature: bytes, rest: bytes) -> None:
    with suppress(ImageError):
        headers.check(signature + rest)


@pytest.mark.parametrize("start", [2**64 - 1, 2**63, 2**63 - 1, 2**31])
def test_an_offset_beyond_all_files_gets_a_sentence(start: int) -> None:
    with pytest.raises(ImageError, match="damaged"):
        decode(b"II+\0" + struct.pack("<HHQ", 8, 0, start) + bytes(100))
