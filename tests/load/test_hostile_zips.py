"""Zips of as many images as are allowed: decoded one by one, in little memory, and stoppable."""

import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.peak_memory import table, use_each

ZIPPED = """
from convviz.datasets.image_set import Zipped
from convviz.datasets.zip_archive import open_archive
from convviz.images.samples import sample
from convviz.images.decode import decode
decode(sample("cat").read())
def use(path):
    images = Zipped(open_archive(path.read_bytes()))
    return sum(images.image(index).width for index in range(len(images)))
"""


@pytest.mark.load
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kind", "side", "count"), [("TIFF", 180, 2_000), ("JPEG", 3_000, 35), ("PNG", 180, 2_000)]
)
def test_as_many_images_as_allowed_take_little_memory(
    kind: str, side: int, count: int, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    path = tmp_path / f"{count} {kind}"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"c{number % 3}/{number}.{kind.lower()}", buffer.getvalue())
    (use,) = use_each(ZIPPED, [path], seconds=800)
    sys.stdout.write(f"{table([use])}\n")
    assert use.outcome == str(side * count)
    assert use.megabytes < 300  # the archive's own bytes among them
