"""Data sets with classes: how they are split, and zips of class folders."""

import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image

from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import from_zip, split
from convviz.datasets.shapes import shapes
from convviz.errors import ImageError, SettingError
from convviz.images.decode import decode
from convviz.images.samples import sample

Zip = Callable[[dict[str, bytes]], bytes]


@pytest.fixture
def pack() -> Zip:
    def packed(files: dict[str, bytes]) -> bytes:
        file = BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return file.getvalue()

    return packed


def png(colour: str, side: int = 40) -> bytes:
    file = BytesIO()
    Image.new("RGB", (side, side), colour).save(file, "PNG")
    return file.getvalue()


def crop(name: str, corner: int) -> bytes:
    file = BytesIO()
    box = (corner, corner, corner + 96, corner + 96)
    decode(sample(name).read()).crop(box).save(file, "JPEG")
    return file.getvalue()


def two(**more: bytes) -> dict[str, bytes]:
    files = {f"{name}/{k}.png": png(name) for name in ("red", "blue") for k in range(2)}
    return files | {name.replace("__", "/"): data for name, data in more.items()}


def test_a_split_takes_its_share_of_every_class_and_nothing_twice() -> None:
    dataset = shapes(8)
    parts = split(dataset, 0.25, seed=3)
    assert not set(parts.train) & set(parts.validation)
    assert sorted(parts.train + parts.validation) == list(range(48))
    assert [dataset.labels[k] for k in parts.validation].count(2) == 2
    assert split(dataset, 0.25, seed=3) == parts != split(dataset, 0.25, seed=4)
    with pytest.raises(SettingError, match="between 0 and 1"):
        split(dataset, 1.0)


def test_two_pictures_of_a_class_are_one_to_learn_from_and_one_to_check_with(pack: Zip) -> None:
    dataset = from_zip(pack(two()))
    parts = split(dataset, 0.9)
    assert len(parts.train) == len(parts.validation) == 2


def test_photographs_in_folders_with_a_broken_one_among_them(pack: Zip) -> None:
    files = {
        f"mine/{name}/{k}.jpg": crop(name, 8 * k)
        for name in ("cat", "coffee", "brick")
        for k in range(10)
    }
    files["mine/cat/3.jpg"] = files["mine/cat/3.jpg"][:400]
    files["mine/cat/notes.txt"] = b"a cat"
    files["__MACOSX/mine/cat/._0.jpg"] = b"junk"
    dataset = from_zip(pack(files), "mine")
    assert dataset.classes == ("brick", "cat", "coffee")
    assert dataset.counts == (10, 9, 10)
    left_out = {file.title: file.reason for file in dataset.left_out}
    assert set(left_out) == {"mine/cat/3.jpg", "mine/cat/notes.txt"}
    assert all(reason.endswith(".") for reason in left_out.values())
    first_cat = dataset.labels.index(1)
    assert dataset.images.image(first_cat).size == (96, 96)
    # Pictures and labels still belong together behind the one that was left out.
    for index, label in enumerate(dataset.labels):
        assert f"/{dataset.classes[label]}/" in dataset.images.titles[index]


def test_folders_that_are_no_classes_are_refused_before_any_picture_is_looked_at(
    pack: Zip, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []

    def counting_decode(data: bytes) -> Image.Image:
        decoded.append(data)
        return decode(data)

    monkeypatch.setattr(labelled_set, "decode", counting_decode)
    enough = {f"red/{k}.png": png("red") for k in range(30)}
    for files in (
        enough,
        enough | {"blue/0.png": png("blue")},
        {f"c{k}/{n}.png": png("red") for k in range(41) for n in "ab"},
    ):
        with pytest.raises(ImageError):
            from_zip(pack(files))
    assert not decoded
    # A class with too few good ones is found before the large ones are gone through.
    with pytest.raises(ImageError, match="class blue has one picture"):
        from_zip(pack(enough | {"blue/0.png": png("blue"), "blue/1.png": b"no picture"}))
    assert len(decoded) == 2


def test_a_picture_outside_the_folders_is_left_out(pack: Zip) -> None:
    dataset = from_zip(pack(two() | {"stray.png": png("green")}))
    assert [file.title for file in dataset.left_out] == ["stray.png"]
    assert "no class" in dataset.left_out[0].reason


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a.png": png("red")}, "no folders"),
        ({"red/a.png": png("red"), "red/b.png": png("red")}, "one class only, red"),
        (two(green__a=b"") | {"green/a.png": png("green")}, "class green has one picture"),
        (two() | {"green/a.png": b"no picture"}, "class green has one picture; at least two"),
        (
            two() | {"green/a.png": b"none", "green/b.png": b"none"},
            "class green has no picture that can be used",
        ),
        (two() | {"blue/more/a.png": png("blue")}, "folders in folders"),
        ({"x/red/a.png": png("red"), "y/blue/a.png": png("blue")}, "folders in folders"),
        ({f"c{k}/{n}.png": png("red") for k in range(41) for n in "ab"}, "41 classes; at most 40"),
    ],
)
def test_folders_that_are_no_classes_get_a_sentence(
    pack: Zip, files: dict[str, bytes], sentence: str
) -> None:
    with pytest.raises(ImageError, match=sentence):
        from_zip(pack(files))
