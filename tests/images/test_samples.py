from importlib.resources import files

import pytest

from convviz.errors import ImageError
from convviz.images.samples import sample, samples


def test_five_samples_with_credits() -> None:
    assert [one.name for one in samples()] == ["cat", "coffee", "astronaut", "rocket", "brick"]
    credits = files("convviz.images.samples").joinpath("CREDITS.md").read_text(encoding="utf-8")
    for one in samples():
        assert one.title
        assert f"{one.name}.jpg" in credits
        who = one.credit.split(",")[0]
        assert who in credits
        assert one.licence in credits


def test_every_picture_in_the_folder_is_a_sample() -> None:
    folder = files("convviz.images.samples")
    pictures = {entry.name for entry in folder.iterdir() if entry.name.endswith(".jpg")}
    assert pictures == {f"{one.name}.jpg" for one in samples()}


def test_an_unknown_sample_names_those_there_are() -> None:
    assert sample("cat").title == "Cat"
    with pytest.raises(ImageError, match=r"'dog'; there are cat, coffee"):
        sample("dog")
