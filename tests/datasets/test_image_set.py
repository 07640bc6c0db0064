"""Sets of images: the samples' crops, files and zips."""

import pickle
import zipfile
from io import BytesIO

import pytest
from PIL import Image

from convviz.datasets.image_set import Files, SampleCrops, Zipped
from convviz.datasets.zip_archive import open_archive
from convviz.errors import ImageError
from convviz.images.samples import samples


def _png(colour: str) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (4, 4), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_samples_crops_are_squares_of_every_sample() -> None:
    crops = SampleCrops()
    assert len(crops) == len(crops.titles) > 50
    assert set(crops.titles) == {sample.title for sample in samples()}
    sizes = {crops.image(index).size for index in range(len(crops))}
    assert all(width == height for width, height in sizes)


def test_crops_of_one_scale_do_not_overlap() -> None:
    boxes = SampleCrops()._boxes
    for name, (left, top, right, bottom) in boxes:
        same_scale = [b for n, b in boxes if n == name and b[2] - b[0] == right - left]
        overlapping = [
            b for b in same_scale if b[0] < right and left < b[2] and b[1] < bottom and top < b[3]
        ]
        assert overlapping == [(left, top, right, bottom)]


def test_files_are_decoded_one_at_a_time() -> None:
    images = Files((("red.png", _png("red")), ("bad.png", b"x")))
    assert images.image(0).getpixel((0, 0)) == (255, 0, 0)
    with pytest.raises(ImageError):
        images.image(1)


def test_sets_of_files_say_how_much_memory_they_take() -> None:
    assert Files((("red.png", b"12345"), ("bad.png", b"x"))).nbytes == 6


def test_sets_travel_to_another_process() -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/blue.png", _png("blue"))
    for images in (
        SampleCrops(),
        Files((("red.png", _png("red")),)),
        Zipped(open_archive(buffer.getvalue())),
    ):
        assert len(images) > 0
        again = pickle.loads(pickle.dumps(images))
        assert again.titles == images.titles
        assert again.image(0).tobytes() == images.image(0).tobytes()
