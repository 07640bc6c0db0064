from importlib.resources import files

import pytest

from convviz.errors import ImageError
from convviz.features.predictions import predict
from convviz.images.decode import decode
from convviz.images.samples import Sample, gallery, names_of_samples, sample, samples
from convviz.networks.catalogue import COURSE
from convviz.weights.load import load

EVERY = [sample(name) for name in names_of_samples()]


def test_the_first_five_stay_openable_by_name() -> None:
    assert [photograph.name for photograph in samples()] == [
        "cat",
        "coffee",
        "astronaut",
        "rocket",
        "brick",
    ]
    assert set(samples()) <= set(EVERY)


def test_the_gallery_offers_at_least_eight() -> None:
    names = [photograph.name for photograph in gallery()]
    assert len(set(names)) == len(names) >= 8
    assert set(gallery()) <= set(EVERY)


@pytest.mark.parametrize("photograph", EVERY, ids=lambda photograph: photograph.name)
def test_every_sample_has_its_credits(photograph: Sample) -> None:
    credits = files("convviz.images.samples").joinpath("CREDITS.md").read_text(encoding="utf-8")
    assert photograph.title
    assert photograph.label
    row = next(line for line in credits.splitlines() if line.startswith(f"| {photograph.name}.jpg"))
    author = photograph.credit.split(",")[0]
    assert author in row
    assert photograph.licence in row


def test_every_picture_in_the_folder_is_a_sample() -> None:
    folder = files("convviz.images.samples")
    images = {entry.name for entry in folder.iterdir() if entry.name.endswith(".jpg")}
    assert images == {f"{photograph.name}.jpg" for photograph in EVERY}


@pytest.mark.parametrize("name", COURSE)
def test_each_network_has_each_photographs_class_among_its_first_five(name: str) -> None:
    network = load(name)
    for photograph in gallery():
        guesses = predict(network, decode(photograph.read()))
        names = [each.strip() for guess in guesses for each in guess.names.split(",")]
        assert photograph.label in names, (photograph.name, names)


def test_an_unknown_sample_names_those_there_are() -> None:
    assert sample("cat").title == "Cat"
    with pytest.raises(ImageError, match=r"'dog'; there are cat, coffee.*, mountain\."):
        sample("dog")
