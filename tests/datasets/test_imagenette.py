"""Some of Imagenette's pictures."""

from pathlib import Path

import pytest
from PIL import Image

from convviz.datasets.published import IMAGENETTE, Imagenette
from convviz.errors import ImageError


def _some(root: Path, count: int) -> None:
    for place in range(count):
        folder = root / "imagenette2-160" / "train" / f"n{place % 3:08}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 4), (place, 0, 0)).save(folder / f"picture{place:03}.JPEG")


def test_some_of_its_pictures_the_same_for_the_same_seed(tmp_path: Path) -> None:
    assert not IMAGENETTE.is_here(tmp_path)
    _some(tmp_path, 30)
    assert IMAGENETTE.is_here(tmp_path)
    chosen = Imagenette(tmp_path, count=10)
    assert len(chosen) == len(set(chosen.titles)) == 10
    assert chosen.titles == Imagenette(tmp_path, count=10).titles
    assert chosen.titles != Imagenette(tmp_path, count=10, seed=1).titles
    assert chosen.picture(3).size == (5, 4)
    assert sorted(chosen.labels.count(k) for k in range(3)) == [3, 3, 4]
    assert len(Imagenette(tmp_path, count=50)) == 30


def test_a_file_that_is_gone_is_a_picture_that_cannot_be_read(tmp_path: Path) -> None:
    _some(tmp_path, 3)
    chosen = Imagenette(tmp_path)
    assert chosen.titles
    for file in tmp_path.rglob("*.JPEG"):
        file.unlink()
    with pytest.raises(ImageError, match="gone"):
        chosen.picture(0)
