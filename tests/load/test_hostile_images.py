"""Images of the largest size allowed, in every format: what decoding each of them takes."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convviz.images import headers
from tests.images.test_headers import BOMBS, DECODE
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
    uses = use_each(DECODE, paths, seconds=500)
    sys.stdout.write(f"{table(uses)}\n")
    for use in uses:
        assert use.kind == "result", use
        # beside the file, whose bytes the caller holds
        assert use.megabytes - (tmp_path / use.name).stat().st_size / 1e6 < 250, use


@pytest.mark.load
@pytest.mark.timeout(600)
def test_refusals_are_quick(tmp_path: Path) -> None:
    paths = []
    for name, (make, _) in BOMBS.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(make())
    uses = use_each(DECODE, paths, seconds=500)
    sys.stdout.write(f"{table(uses)}\n")
    assert all(use.kind == "ImageError" for use in uses)
