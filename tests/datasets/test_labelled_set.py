"""Data sets with classes: how they are split, and zips of class folders."""

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedGroupKFold

from convviz.datasets import class_folders, labelled_set
from convviz.datasets.class_folders import from_folder, from_zip
from convviz.datasets.labelled_set import Dataset, Split, partition, split
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
    files = {f"{name}/{k}.png": png(name, 40 + k) for name in ("red", "blue") for k in range(2)}
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


def labelled(labels: list[int], groups: list[int] | None = None) -> Dataset:
    """Images without pixels: what is divided are labels and groups."""
    images = shapes(1).images
    names = tuple(f"c{k}" for k in range(max(labels) + 1))
    return Dataset("made up", names, images, tuple(labels), groups=tuple(groups or ()))


def check_parts(dataset: Dataset, part: Split) -> None:
    """Whether no image and no group is in two parts, and nothing is missing."""
    sides = (part.train, part.validation, part.test)
    everything = [index for side in sides for index in side]
    assert sorted(everything) == list(range(len(dataset)))
    numbers = dataset.groups or range(len(dataset))
    groups = [{numbers[index] for index in side} for side in sides]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]


def test_from_two_hundred_images_on_a_quarter_is_tested() -> None:
    dataset = labelled([k % 2 for k in range(200)])
    made = partition(dataset)
    check_parts(dataset, made.split)
    assert made.folds == ()
    # 60 : 15 : 25, of each class.
    assert [len(p) for p in (made.split.train, made.split.validation, made.split.test)] == [
        120,
        30,
        50,
    ]
    for side in (made.split.train, made.split.validation, made.split.test):
        assert sum(dataset.labels[index] for index in side) == len(side) / 2
    assert made.tested == made.split.test
    assert partition(dataset, 1) != made == partition(dataset)


def test_below_that_every_image_is_tested_once_in_five_folds() -> None:
    dataset = labelled([0] * 60 + [1] * 39 + [2] * 100)
    made = partition(dataset)
    assert len(made.folds) == 5
    assert made.tested == tuple(range(199))
    assert not made.split.test
    check_parts(dataset, made.split)
    for fold in made.folds:
        check_parts(dataset, fold)
        of_class = [[dataset.labels[k] for k in fold.test].count(n) for n in range(3)]
        assert of_class[0] == 12
        assert of_class[1] in (7, 8)
        assert of_class[2] == 20


def test_folds_are_as_even_as_scikit_learns() -> None:
    """StratifiedGroupKFold divides by the same rules: classes even, groups whole."""
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 90, 150)
    labels = groups % 3
    dataset = labelled(labels.tolist(), groups.tolist())
    ours = [fold.test for fold in partition(dataset).folds]
    theirs = [
        test
        for _, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(
            np.zeros(150), labels, groups
        )
    ]

    def unevenness(tests: list[Any]) -> float:
        return max(
            float(np.std([np.sum(labels[np.asarray(test)] == n) for test in tests]))
            for n in range(3)
        )

    assert unevenness(ours) <= unevenness(theirs) + 0.5
    for fold in partition(dataset).folds:
        check_parts(dataset, fold)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=4, max_size=260),
    st.integers(0, 5),
)
def test_no_group_is_ever_on_two_sides(rows: list[tuple[int, int]], seed: int) -> None:
    """Whatever the duplicates, also such as lie in two classes."""
    names = sorted({label for label, _ in rows})
    dataset = labelled([names.index(label) for label, _ in rows], [group for _, group in rows])
    try:
        parts = [split(dataset, 0.25, seed)]
        made = partition(dataset, seed)
    except SettingError:  # too few different images
        return
    for part in (*parts, made.split, *made.folds):
        check_parts(dataset, part)
        assert part.train
        assert part.validation
    if made.folds:
        assert made.tested == tuple(range(len(dataset)))
    else:
        assert len(dataset) >= 200


def test_the_same_pixels_under_two_names_are_one_group(pack: Zip) -> None:
    generator = np.random.default_rng(0)
    noise = [generator.integers(0, 256, (20, 20, 3), np.uint8) for _ in range(5)]

    def saved(pixels: Any, kind: str) -> bytes:
        file = BytesIO()
        Image.fromarray(pixels).save(file, kind)
        return file.getvalue()

    files = {
        "a/0.png": saved(noise[0], "PNG"),
        "a/1.bmp": saved(noise[0], "BMP"),  # other bytes, the same pixels
        "a/2.png": saved(noise[1], "PNG"),
        "b/0.png": saved(noise[2], "PNG"),
        "b/1.png": saved(noise[3], "PNG"),
        "b/2.png": saved(noise[1], "PNG"),  # in both classes
        "b/3.png": saved(noise[4], "PNG"),
    }
    dataset = from_zip(pack(files))
    assert [dataset.images.titles[index] for index in range(7)] == list(files)
    assert dataset.duplicates == ((0, 1), (2, 5))
    assert dataset.conflicts == ((2, 5),)
    assert len(dataset.members) == 5
    # A copy says nothing new; in another class it is another question.
    assert dataset.different(range(7)) == (0, 2, 3, 4, 5, 6)
    assert dataset.different((1, 3)) == (1, 3)
    # The same pixels in another shape are another image.
    turned = files | {"b/4.png": saved(noise[0].reshape(10, 40, 3), "PNG")}
    assert len(from_zip(pack(turned)).members) == 6


def test_classes_of_one_picture_under_many_names_cannot_be_divided(pack: Zip) -> None:
    files = {f"{name}/{k}.png": png(name) for name in ("red", "blue") for k in range(5)}
    dataset = from_zip(pack(files))
    assert [len(group) for group in dataset.duplicates] == [5, 5]
    for divide in (split, partition):
        with pytest.raises(SettingError, match="same one under several names"):
            divide(dataset)


@pytest.mark.parametrize(("counts", "share"), [((90, 10), 0.9), ((50, 50), 0.5), ((1, 3), 0.75)])
def test_guessing_is_the_most_frequent_classs_share(counts: tuple[int, int], share: float) -> None:
    labels = [0] * counts[0] + [1] * counts[1]
    dataset = labelled(labels)
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(labels), 1)), labels)
    expected = accuracy_score(labels, dummy.predict(np.zeros((len(labels), 1))))
    assert dataset.guessing(range(len(labels))) == pytest.approx(expected) == share


def test_photographs_in_folders_with_a_broken_one_among_them(pack: Zip) -> None:
    files = {
        f"mine/{name}/{k}.jpg": crop(name, 8 * k)
        for name in ("cat", "coffee", "brick")
        for k in range(10)
    }
    files["mine/cat/3.jpg"] = files["mine/cat/3.jpg"][:400]
    files["mine/cat/4.jpg"] = files["mine/cat/4.jpg"][:-2]  # shown elsewhere, with a note
    files["mine/cat/notes.txt"] = b"a cat"
    files["__MACOSX/mine/cat/._0.jpg"] = b"junk"
    dataset = from_zip(pack(files), "mine")
    assert dataset.classes == ("brick", "cat", "coffee")
    assert dataset.counts == (10, 8, 10)
    left_out = {file.title: file.reason for file in dataset.left_out}
    assert set(left_out) == {"mine/cat/3.jpg", "mine/cat/4.jpg", "mine/cat/notes.txt"}
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

    def counting_decode(data: bytes, **options: bool) -> Image.Image:
        decoded.append(data)
        return decode(data, **options)

    monkeypatch.setattr(class_folders, "decode", counting_decode)
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


def test_a_zip_is_looked_at_one_image_at_a_time(pack: Zip, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    monkeypatch.setattr(
        class_folders,
        "decode",
        lambda data, complete: decoded.append(len(data)) or decode(data, complete=complete),
    )
    steps = class_folders.read_zip(pack(two(red__broken=b"", red__bad=b"none")), "two")
    assert decoded == []
    for done in (1, 2, 3, 4):
        step = next(steps)
        assert (step.done, step.total, step.dataset) == (done, 4, None)
        assert step.fraction == done / 4
        assert len(decoded) == done
    last = next(steps)
    assert last.fraction == 1
    assert last.dataset is not None
    assert last.dataset.counts == (2, 2)
    assert len(last.dataset.left_out) == 2
    assert next(steps, None) is None


def test_what_is_wrong_with_a_zip_is_said_at_the_call_or_at_its_step(pack: Zip) -> None:
    with pytest.raises(ImageError, match="no zip archive"):
        class_folders.read_zip(b"none")
    with pytest.raises(ImageError, match="one class only"):
        class_folders.read_zip(pack({f"red/{k}.png": png("red", 40 + k) for k in range(2)}))
    damaged = {f"{name}/{k}.png": b"none" for name in ("red", "blue") for k in range(2)}
    steps = class_folders.read_zip(pack(damaged))
    assert (next(steps).done, next(steps).done) == (1, 2)
    with pytest.raises(ImageError, match="The class blue has no picture that can be used"):
        next(steps)


@given(st.integers(1, 9), st.integers(1, 9), st.binary(min_size=243, max_size=243))
def test_fingerprints_do_not_depend_on_how_an_image_is_cut_into_bands(
    width: int, height: int, noise: bytes
) -> None:
    image = Image.frombytes("RGB", (width, height), noise[: 3 * width * height])
    with pytest.MonkeyPatch.context() as patch:
        prints = set()
        for pixels in (1, 7, 20, 250_000):
            patch.setattr(labelled_set, "_BAND_PIXELS", pixels)
            prints.add(labelled_set.fingerprint(image))
    assert len(prints) == 1
    other = Image.frombytes("RGB", (height, width), noise[: 3 * width * height])
    assert (labelled_set.fingerprint(other) in prints) == (width == height)


def test_images_for_a_training_are_decoded_in_small_steps(
    pack: Zip, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = from_zip(pack(two()))
    shares = [share for share, _ in labelled_set.read(dataset, range(4), 8)]
    assert shares == [1.0]
    monkeypatch.setattr(labelled_set, "_STEP_PIXELS", 2_000)  # one has 1,600 or 1,681
    steps = list(labelled_set.read(dataset, range(4), 8))
    assert [share for share, _ in steps] == [0.25, 0.75, 1.0]
    assert steps[-1][1] is not None
    pixels, labels = steps[-1][1]
    assert pixels.shape == (4, 3, 8, 8)
    assert labels.tolist() == list(dataset.labels)


def divided(counts: dict[str, int], above: str = "") -> dict[str, bytes]:
    """Name so many images, no two the same, in each folder."""
    names = [f"{above}{folder}/{k}.png" for folder, count in counts.items() for k in range(count)]
    return {name: png(f"rgb({n % 250}, {n // 250}, 9)", 20 + n % 7) for n, name in enumerate(names)}


def named(dataset: Dataset, indices: tuple[int, ...]) -> set[str]:
    return {dataset.images.titles[index] for index in indices}


@pytest.mark.parametrize("above", ["", "hymenoptera_data/", "a/b/"])
@pytest.mark.parametrize("name", ["val", "valid", "Validation"])
def test_without_a_test_folder_val_is_the_test(pack: Zip, above: str, name: str) -> None:
    counts = {"train/ants": 10, "train/bees": 20, f"{name}/ants": 3, f"{name}/bees": 4}
    files = divided(counts, above)
    dataset = from_zip(pack(files))
    assert dataset.classes == ("ants", "bees")
    assert dataset.left_out == ()
    made = partition(dataset)
    assert made.folds == ()
    parts = made.split
    # a fifth of each class in train chooses the epoch
    assert [len(side) for side in (parts.train, parts.validation, parts.test)] == [24, 6, 7]
    assert named(dataset, parts.test) == {file for file in files if f"{name}/" in file}
    assert named(dataset, parts.train + parts.validation) == {f for f in files if "train/" in f}
    assert [dataset.labels[index] for index in parts.validation].count(0) == 2
    assert partition(dataset, 1).split.test == parts.test
    whole = split(dataset)
    assert named(dataset, whole.train) == {file for file in files if "train/" in file}
    assert named(dataset, whole.validation) == {file for file in files if f"{name}/" in file}


def test_three_folders_are_used_as_they_are(pack: Zip) -> None:
    """From 200 images on as well, where a quarter would be tested otherwise."""
    counts = {"train/a": 90, "train/b": 80, "valid/a": 20, "valid/b": 1, "test/a": 5, "test/b": 9}
    files = divided(counts)
    dataset = from_zip(pack(files))
    made = partition(dataset)
    assert made.folds == ()
    for side, folder in (("train", "train"), ("validation", "valid"), ("test", "test")):
        expected = {file for file in files if file.startswith(folder)}
        assert named(dataset, getattr(made.split, side)) == expected
    assert partition(dataset, 5) == made
    assert dataset.counts == (115, 90)


def test_train_and_test_leave_the_choice_of_the_epoch_to_a_fifth_of_train(pack: Zip) -> None:
    dataset = from_zip(pack(divided({"TRAIN/a": 5, "TRAIN/b": 5, "Test/a": 2, "Test/b": 1})))
    parts = partition(dataset).split
    assert [len(side) for side in (parts.train, parts.validation, parts.test)] == [8, 2, 3]


def test_a_division_is_kept_though_an_image_lies_on_both_sides(pack: Zip) -> None:
    files = divided({"train/a": 4, "train/b": 4, "val/a": 2, "val/b": 2})
    files["val/b/1.png"] = files["train/a/0.png"]
    files["train/b/3.png"] = files["train/b/2.png"]
    dataset = from_zip(pack(files))
    assert [named(dataset, group) for group in dataset.leaks] == [{"train/a/0.png", "val/b/1.png"}]
    assert len(dataset.duplicates) == 2
    assert named(dataset, partition(dataset).split.test) == {f for f in files if "val/" in f}
    parts = partition(dataset).split
    # copies within train still stay together
    copies = {"train/b/2.png", "train/b/3.png"}
    assert any(copies <= named(dataset, side) for side in (parts.train, parts.validation))


def test_what_a_division_has_no_use_for_is_left_out_and_named(pack: Zip) -> None:
    files = divided({"d/train/a": 3, "d/train/b": 3, "d/val/a": 1, "d/val/b": 1, "d/val/c": 2})
    strays = {"d/preview.png", "d/train/sheet.png", "d/test/0.png", "d/more/x.png", "top.png"}
    dataset = from_zip(pack(files | {name: png("red") for name in strays}))
    assert dataset.classes == ("a", "b")
    assert len(dataset) == 8
    reasons = {file.title: file.reason for file in dataset.left_out}
    assert set(reasons) == strays | {"d/val/c/0.png", "d/val/c/1.png"}
    assert "no picture in train" in reasons["d/val/c/1.png"]
    assert "outside the folders train" in reasons["d/more/x.png"]
    assert all("no class" in reasons[name] for name in strays - {"d/more/x.png"})
    assert len(partition(dataset).split.test) == 2


def test_only_train_or_classes_of_these_names_are_no_division(pack: Zip) -> None:
    """What a folder is called counts only where class folders are in it, and not for itself."""
    for files in (
        divided({"train/a": 5, "train/b": 5}),
        divided({"x/train/a": 5, "x/train/b": 5}),
        divided({"train/a": 5, "train/b": 5, "test": 3}),  # a test without labels
    ):
        dataset = from_zip(pack(files))
        assert (dataset.classes, dataset.given, dataset.counts) == (("a", "b"), (), (5, 5))
    dataset = from_zip(pack(divided({"train": 5, "test": 5, "car": 5})))
    assert (dataset.classes, dataset.given) == (("car", "test", "train"), ())


@pytest.mark.parametrize("stray", ["preview.png", "d/preview.png", "d/e/preview.png"])
def test_one_image_beside_the_class_folders_is_left_out(pack: Zip, stray: str) -> None:
    files = {f"d/e/{name}": data for name, data in two().items()}
    dataset = from_zip(pack(files | {stray: png("green")}))
    assert dataset.classes == ("blue", "red")
    assert len(dataset) == 4
    assert [file.title for file in dataset.left_out] == [stray]
    assert "no class" in dataset.left_out[0].reason


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"train/a": 3, "val/a": 3}, "one class only, a"),
        ({"train/a": 3, "val/a": 3, "val/b": 3}, "one class only, a"),
        ({"train/a/x": 3, "train/b/x": 3, "val/a/x": 3}, "folders in folders"),
        ({"a/train": 3, "a/val": 3, "b/train": 3, "b/val": 3}, "folders in folders"),
        ({"val/a": 3, "val/b": 3, "test/a": 3, "test/b": 3}, "folders in folders"),
    ],
)
def test_divided_folders_that_are_no_classes_get_a_sentence(
    pack: Zip, counts: dict[str, int], sentence: str
) -> None:
    with pytest.raises(ImageError, match=sentence):
        from_zip(pack(divided(counts)))


def test_a_class_without_a_usable_picture_in_train_gets_a_sentence(pack: Zip) -> None:
    files = divided({"train/a": 3, "train/b": 1, "val/a": 3, "val/b": 3})
    dataset = from_zip(pack(files))  # one picture is enough: none need be set aside
    assert len(partition(dataset).split.test) == 6
    with pytest.raises(ImageError, match="class b has no picture that can be used in train"):
        from_zip(pack(files | {"train/b/0.png": b"none"}))
    alone = from_zip(pack(divided({"train/a": 1, "train/b": 1, "val/a": 1, "val/b": 1})))
    with pytest.raises(SettingError, match="too few to learn from some"):
        partition(alone)


def unpacked(files: dict[str, bytes], root: Path) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def test_a_folder_is_what_a_zip_of_it_is(pack: Zip, tmp_path: Path) -> None:
    files = divided({"train/ä": 5, "train/b": 5, "val/ä": 2, "val/b": 3}, "h/")
    files |= {"h/preview.png": png("red"), "h/train/b/bad.png": b"none", "h/train/b/x.txt": b"hi"}
    files |= {"h/train/b/empty.png": b"", "h/train/b/photo": png("green"), "h/.DS_Store": b"x"}
    files |= {"h/.cache/a.png": png("blue"), "h/val/b/Thumbs.db": b"x"}
    files = dict(sorted(files.items()))
    folder, packed = from_folder(unpacked(files, tmp_path)), from_zip(pack(files))
    assert set(folder.images.titles) == set(packed.images.titles)
    for dataset in (folder, packed):
        assert dataset.classes == ("b", "ä")
        assert {file.title for file in dataset.left_out} == {
            "h/preview.png",
            "h/train/b/bad.png",
            "h/train/b/empty.png",
            "h/train/b/x.txt",
        }
        assert len(partition(dataset).split.test) == 5
    first = folder.images.titles.index("h/train/b/photo")
    assert folder.images.image(first).getpixel((0, 0)) == (0, 128, 0)
    assert from_folder(tmp_path / "h").counts == folder.counts  # whichever folder is named


def test_folders_have_the_limits_of_zips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from convviz.datasets import image_folder

    unpacked(two(), tmp_path)
    monkeypatch.setattr(image_folder, "MAX_FILES", 3)
    with pytest.raises(ImageError, match="more than the 3 files"):
        from_folder(tmp_path)
    monkeypatch.setattr(image_folder, "MAX_FILES", 4)
    assert len(from_folder(tmp_path)) == 4
    monkeypatch.setattr(image_folder, "MAX_BYTES", 10)
    with pytest.raises(ImageError, match=r"of pictures; at most 0\.0 MB are"):
        from_folder(tmp_path)


def test_folders_that_cannot_be_used_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"The folder has no picture that convviz could use\."):
        from_folder(tmp_path)
    (tmp_path / "a.png").write_bytes(png("red"))
    with pytest.raises(ImageError, match="The folder has pictures but no folders"):
        from_folder(tmp_path)
    unpacked(two(), tmp_path)
    (tmp_path / "red" / "circle").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(ImageError, match="more than 12 deep"):
        from_folder(tmp_path)


def test_links_to_pictures_and_folders_are_followed(tmp_path: Path) -> None:
    files = divided({"red": 3, "blue": 3})
    unpacked(files, tmp_path / "all")
    (tmp_path / "set" / "red").mkdir(parents=True)
    for k in range(2):
        (tmp_path / "set" / "red" / f"{k}.png").symlink_to(tmp_path / "all" / "red" / f"{k}.png")
    (tmp_path / "set" / "blue").symlink_to(tmp_path / "all" / "blue", target_is_directory=True)
    (tmp_path / "set" / "red" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    dataset = from_folder(tmp_path / "set")
    assert dict(zip(dataset.classes, dataset.counts, strict=True)) == {"blue": 3, "red": 2}
    assert [file.title for file in dataset.left_out] == ["red/gone.png"]
    assert dataset.images.image(0).mode == "RGB"
    (tmp_path / "all" / "blue" / "0.png").unlink()
    with pytest.raises(ImageError, match="cannot be read"):
        dataset.images.image(dataset.images.titles.index("blue/0.png"))
