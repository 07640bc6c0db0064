"""Images of the largest size allowed, in every format: what decoding each of them takes."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from convviz.images import headers
from tests.fault_table import largest, note
from tests.images.test_headers import BOMBS, DECODE
from tests.images.test_tiff import HOSTILE
from tests.peak_memory import table, use_each


def large(mode: str) -> Image.Image:
    values = np.arange(2_500).reshape(50, 50) * 11
    kinds = {"F": np.float32, "I": np.int32, "I;16": np.uint16}
    if mode in kinds:
        image = Image.fromarray((values * (-1 if mode != "I;16" else 1)).astype(kinds[mode]))
    else:
        image = Image.fromarray((values % 256).astype(np.uint8)).convert(mode)
    return image.resize((5_000, 5_000), Image.Resampling.NEAREST)


LARGEST = [
    ("F", "TIFF", {"compression": "tiff_lzw"}),
    ("F", "TIFF", {"compression": "tiff_lzw", "tiffinfo": {274: 6}}),
    ("I", "TIFF", {"compression": "tiff_lzw"}),
    ("I;16", "TIFF", {}),
    ("RGBA", "TIFF", {"compression": "tiff_lzw", "strip_size": 1 << 30}),
    ("CMYK", "TIFF", {"compression": "tiff_lzw"}),
    ("RGBA", "PNG", {"compress_level": 1, "turned": True}),
    ("LA", "PNG", {"compress_level": 1}),
    ("I;16", "PNG", {"compress_level": 1}),
    ("P", "GIF", {}),
    ("RGB", "JPEG", {"quality": 30, "turned": True}),
    ("RGB", "JPEG", {"quality": 30, "progressive": True}),
    ("CMYK", "JPEG", {"quality": 30}),
    ("RGB", "BMP", {}),
]


def values(dtype: str, *shape: int) -> np.ndarray:
    rows = np.arange(shape[-2] if shape[-1] < 9 else shape[-1], dtype=np.float64) * 9
    row = np.broadcast_to(rows[:, None] if shape[-1] < 9 else rows, shape)
    return row.astype(dtype)


RARE: dict[str, Callable[[], dict[str, Any]]] = {
    "planes": lambda: {
        "data": values("uint16", 3, 5_000, 5_000),
        "photometric": "rgb",
        "planarconfig": "separate",
        "compression": "zlib",
    },
    "five channels": lambda: {
        "data": values("uint8", 5_000, 5_000, 5),
        "photometric": "minisblack",
        "planarconfig": "contig",
        "compression": "zlib",
    },
    "doubles": lambda: {
        "data": values("float64", 5_000, 5_000),
        "photometric": "minisblack",
        "compression": "zlib",
    },
    "float colours, turned": lambda: {
        "data": values("float32", 5_000, 5_000, 3),
        "photometric": "rgb",
        "compression": "zlib",
        "rowsperstrip": 64,
        "extratags": [(274, "H", 1, 6, True)],
    },
    "12 bits of 16": lambda: {
        "data": values("uint16", 5_000, 5_000, 3) % 4_096,
        "photometric": "rgb",
        "compression": "zlib",
    },
}


@pytest.mark.load
@pytest.mark.timeout(600)
def test_the_largest_images_of_all_kinds_are_decoded_in_250_megabytes(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    paths = []
    for number, (mode, kind, options) in enumerate(LARGEST):
        paths.append(tmp_path / f"{number} {mode} {kind}")
        more = {"exif": turned} if options.get("turned") else {}
        rest = {name: value for name, value in options.items() if name != "turned"}
        large(mode).save(paths[-1], kind, **rest, **more)
    for name, options in (("lossy", {"quality": 20}), ("lossless", {"lossless": True})):
        image = large("RGBA").resize((4_000, 3_125))
        assert image.width * image.height == headers.MAX_WEBP_PIXELS
        paths.append(tmp_path / f"WebP {name}")
        image.save(paths[-1], "WEBP", method=0, **options)
    for name, options in (
        ("plain", {}),
        ("full colours", {"subsampling": 0}),
        ("progressive", {"progressive": True}),
    ):
        paths.append(tmp_path / f"JPEG of 50 million pixels, {name}")
        large("RGB").resize((8_164, 6_124)).save(paths[-1], "JPEG", quality=30, **options)
    for name, options in RARE.items():
        paths.append(tmp_path / f"TIFF of {name}")
        tifffile.imwrite(paths[-1], **options())
    uses = use_each(DECODE, paths, seconds=500)
    sys.stdout.write(f"{table(uses)}\n")
    note(
        "The largest images of every format are decoded",
        "≤ 250 MB beside the file",
        largest(uses, tmp_path),
    )
    for use in uses:
        assert use.kind == "result", use
        # beside the file, whose bytes the caller holds
        assert use.megabytes - (tmp_path / use.name).stat().st_size / 1e6 < 250, use


@pytest.mark.load
@pytest.mark.timeout(600)
def test_refusals_are_quick(tmp_path: Path) -> None:
    paths = []
    for name, (make, _) in (BOMBS | HOSTILE).items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(make())
    uses = use_each(DECODE, paths, seconds=500)
    sys.stdout.write(f"{table(uses)}\n")
    note("Claims of gigapixels, bombs and hostile TIFFs are refused", "< 0.2 s", largest(uses))
    assert all(use.kind == "ImageError" for use in uses)
