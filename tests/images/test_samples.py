from importlib.resources import files

import pytest

from convviz.errors import ImageError
from convviz.images.samples import sample, samples


def test_five_samples_with_credits() -> None:
    assert [photograph.name for photograph in samples()] == [
        "cat",
        "coffee",
        "astronaut",
        "rocket",
        "brick",
    ]
    credits = files("convviz.images.samples").joinpath("CREDITS.md").read_text(encoding="utf-8")
    for photograph in samples():
        assert photograph.title
        assert f"{photograph.name}.jpg" in credits
        author = photograph.credit.split(",")[0]
        assert author in credits
        assert photograph.licence in credits


def test_every_picture_in_the_folder_is_a_sample() -> None:
    folder = files("convviz.images.samples")
    images = {entry.name for entry in folder.iterdir() if entry.name.endswith(".jpg")}
    assert images == {f"{photograph.name}.jpg" for photograph in samples()}


def test_an_unknown_sample_names_those_there_are() -> None:
    assert sample("cat").title == "Cat"
    with pytest.raises(ImageError, match=r"'dog'; there are cat, coffee"):
        sample("dog")
