"""Zips and folders of class folders: classes, given divisions, what is left out and refused."""

from pathlib import Path

import pytest
from PIL import Image

from convviz.datasets import class_folders
from convviz.datasets.class_folders import from_folder, from_zip
from convviz.datasets.labelled_set import Dataset, partition, split
from convviz.errors import ImageError, SettingError
from convviz.images.decode import decode
from tests.class_folders import crop, png, two, zipped


def test_photographs_in_folders_with_a_broken_one_among_them() -> None:
    files = {
        f"mine/{name}/{k}.jpg": crop(name, 8 * k)
        for name in ("cat", "coffee", "brick")
        for k in range(10)
    }
    files["mine/cat/3.jpg"] = files["mine/cat/3.jpg"][:400]
    files["mine/cat/4.jpg"] = files["mine/cat/4.jpg"][:-2]  # shown elsewhere, with a note
    files["mine/cat/notes.txt"] = b"a cat"
    files["__MACOSX/mine/cat/._0.jpg"] = b"junk"
    dataset = from_zip(zipped(files), "mine")
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
    monkeypatch: pytest.MonkeyPatch,
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
            from_zip(zipped(files))
    assert not decoded
    # A class with too few good ones is found before the large ones are gone through.
    with pytest.raises(ImageError, match="class blue has one picture"):
        from_zip(zipped(enough | {"blue/0.png": png("blue"), "blue/1.png": b"no picture"}))
    assert len(decoded) == 2


def test_a_picture_outside_the_folders_is_left_out() -> None:
    dataset = from_zip(zipped(two() | {"stray.png": png("green")}))
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
def test_folders_that_are_no_classes_get_a_sentence(files: dict[str, bytes], sentence: str) -> None:
    with pytest.raises(ImageError, match=sentence):
        from_zip(zipped(files))


def test_a_zip_is_looked_at_one_image_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    monkeypatch.setattr(
        class_folders,
        "decode",
        lambda data, complete: decoded.append(len(data)) or decode(data, complete=complete),
    )
    steps = class_folders.read_zip(zipped(two(red__broken=b"", red__bad=b"none")), "two")
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


def test_what_is_wrong_with_a_zip_is_said_at_the_call_or_at_its_step() -> None:
    with pytest.raises(ImageError, match="no zip archive"):
        class_folders.read_zip(b"none")
    with pytest.raises(ImageError, match="one class only"):
        class_folders.read_zip(zipped({f"red/{k}.png": png("red", 40 + k) for k in range(2)}))
    damaged = {f"{name}/{k}.png": b"none" for name in ("red", "blue") for k in range(2)}
    steps = class_folders.read_zip(zipped(damaged))
    assert (next(steps).done, next(steps).done) == (1, 2)
    with pytest.raises(ImageError, match="The class blue has no picture that can be used"):
        next(steps)


def divided(counts: dict[str, int], above: str = "") -> dict[str, bytes]:
    """Name so many images, no two the same, in each folder."""
    names = [f"{above}{folder}/{k}.png" for folder, count in counts.items() for k in range(count)]
    return {name: png(f"rgb({n % 250}, {n // 250}, 9)", 20 + n % 7) for n, name in enumerate(names)}


def named(dataset: Dataset, indices: tuple[int, ...]) -> set[str]:
    return {dataset.images.titles[index] for index in indices}


@pytest.mark.parametrize("above", ["", "hymenoptera_data/", "a/b/"])
@pytest.mark.parametrize("name", ["val", "valid", "Validation"])
def test_without_a_test_folder_val_is_the_test(above: str, name: str) -> None:
    counts = {"train/ants": 10, "train/bees": 20, f"{name}/ants": 3, f"{name}/bees": 4}
    files = divided(counts, above)
    dataset = from_zip(zipped(files))
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


@pytest.mark.parametrize(
    ("train", "others"),
    [
        ("training_set", "test_set"),
        ("trainset", "testset"),
        ("Train Images", "Test Images"),
        ("train", "dev"),
        ("TRAIN", "Eval"),
        ("train-data", "validate"),
        ("seg_train", "seg_test"),
        ("training_set/training_set", "test_set/test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train/train", "val"),
    ],
)
@pytest.mark.parametrize("above", ["", "pets/"])
def test_other_names_of_the_folders_of_a_division(above: str, train: str, others: str) -> None:
    counts = {f"{train}/cats": 4, f"{train}/dogs": 5, f"{others}/cats": 2, f"{others}/dogs": 1}
    files = divided(counts, above)
    files |= {f"{above}seg_pred/seg_pred/9.png": png("red")} if "seg" in train else {}
    dataset = from_zip(zipped(files))
    assert dataset.classes == ("cats", "dogs")
    assert named(dataset, partition(dataset).split.test) == {
        file for file in files if file.startswith(f"{above}{others}/")
    }
    assert len(dataset.left_out) == ("seg" in train)


def test_classes_may_be_called_as_the_parts_of_a_division_are() -> None:
    dataset = from_zip(zipped(divided({"test set": 3, "trains": 3, "images": 3})))
    assert dataset.classes == ("images", "test set", "trains")
    assert dataset.given == ()


def test_three_folders_are_used_as_they_are() -> None:
    """From 200 images on as well, where a quarter would be tested otherwise."""
    counts = {"train/a": 90, "train/b": 80, "valid/a": 20, "valid/b": 1, "test/a": 5, "test/b": 9}
    files = divided(counts)
    dataset = from_zip(zipped(files))
    made = partition(dataset)
    assert made.folds == ()
    for side, folder in (("train", "train"), ("validation", "valid"), ("test", "test")):
        expected = {file for file in files if file.startswith(folder)}
        assert named(dataset, getattr(made.split, side)) == expected
    assert partition(dataset, 5) == made
    assert dataset.counts == (115, 90)


def test_train_and_test_leave_the_choice_of_the_epoch_to_a_fifth_of_train() -> None:
    dataset = from_zip(zipped(divided({"TRAIN/a": 5, "TRAIN/b": 5, "Test/a": 2, "Test/b": 1})))
    parts = partition(dataset).split
    assert [len(side) for side in (parts.train, parts.validation, parts.test)] == [8, 2, 3]


def test_a_division_is_kept_though_an_image_lies_on_both_sides() -> None:
    files = divided({"train/a": 4, "train/b": 4, "val/a": 2, "val/b": 2})
    files["val/b/1.png"] = files["train/a/0.png"]
    files["train/b/3.png"] = files["train/b/2.png"]
    dataset = from_zip(zipped(files))
    assert [named(dataset, group) for group in dataset.leaks] == [{"train/a/0.png", "val/b/1.png"}]
    assert len(dataset.duplicates) == 2
    assert named(dataset, partition(dataset).split.test) == {f for f in files if "val/" in f}
    parts = partition(dataset).split
    # copies within train still stay together
    copies = {"train/b/2.png", "train/b/3.png"}
    assert any(copies <= named(dataset, side) for side in (parts.train, parts.validation))


def test_what_a_division_has_no_use_for_is_left_out_and_named() -> None:
    files = divided({"d/train/a": 3, "d/train/b": 3, "d/val/a": 1, "d/val/b": 1, "d/val/c": 2})
    strays = {"d/preview.png", "d/train/sheet.png", "d/test/0.png", "d/more/x.png", "top.png"}
    dataset = from_zip(zipped(files | {name: png("red") for name in strays}))
    assert dataset.classes == ("a", "b")
    assert len(dataset) == 8
    reasons = {file.title: file.reason for file in dataset.left_out}
    assert set(reasons) == strays | {"d/val/c/0.png", "d/val/c/1.png"}
    assert "no picture in train" in reasons["d/val/c/1.png"]
    assert "outside the folders train" in reasons["d/more/x.png"]
    assert all("no class" in reasons[name] for name in strays - {"d/more/x.png"})
    assert len(partition(dataset).split.test) == 2


def test_only_train_or_classes_of_these_names_are_no_division() -> None:
    """What a folder is called counts only where class folders are in it, and not for itself."""
    for files in (
        divided({"train/a": 5, "train/b": 5}),
        divided({"x/train/a": 5, "x/train/b": 5}),
        divided({"train/a": 5, "train/b": 5, "test": 3}),  # a test without labels
    ):
        dataset = from_zip(zipped(files))
        assert (dataset.classes, dataset.given, dataset.counts) == (("a", "b"), (), (5, 5))
    dataset = from_zip(zipped(divided({"train": 5, "test": 5, "car": 5})))
    assert (dataset.classes, dataset.given) == (("car", "test", "train"), ())


@pytest.mark.parametrize("stray", ["preview.png", "d/preview.png", "d/e/preview.png"])
def test_one_image_beside_the_class_folders_is_left_out(stray: str) -> None:
    files = {f"d/e/{name}": data for name, data in two().items()}
    dataset = from_zip(zipped(files | {stray: png("green")}))
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
        ({"val/a": 3, "val/b": 3, "test/a": 3, "test/b": 3}, "has no folder train, only test, val"),
    ],
)
def test_divided_folders_that_are_no_classes_get_a_sentence(
    counts: dict[str, int], sentence: str
) -> None:
    with pytest.raises(ImageError, match=sentence):
        from_zip(zipped(divided(counts)))


def test_a_class_without_a_usable_picture_in_train_gets_a_sentence() -> None:
    files = divided({"train/a": 3, "train/b": 1, "val/a": 3, "val/b": 3})
    dataset = from_zip(zipped(files))  # one picture is enough: none need be set aside
    assert len(partition(dataset).split.test) == 6
    with pytest.raises(ImageError, match="class b has no picture that can be used in train"):
        from_zip(zipped(files | {"train/b/0.png": b"none"}))
    alone = from_zip(zipped(divided({"train/a": 1, "train/b": 1, "val/a": 1, "val/b": 1})))
    with pytest.raises(SettingError, match="too few to learn from some"):
        partition(alone)


def unpacked(files: dict[str, bytes], root: Path) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def test_a_folder_is_what_a_zip_of_it_is(tmp_path: Path) -> None:
    files = divided({"train/ä": 5, "train/b": 5, "val/ä": 2, "val/b": 3}, "h/")
    files |= {"h/preview.png": png("red"), "h/train/b/bad.png": b"none", "h/train/b/x.txt": b"hi"}
    files |= {"h/train/b/empty.png": b"", "h/train/b/photo": png("green"), "h/.DS_Store": b"x"}
    files |= {"h/.cache/a.png": png("blue"), "h/val/b/Thumbs.db": b"x"}
    files = dict(sorted(files.items()))
    folder, packed = from_folder(unpacked(files, tmp_path)), from_zip(zipped(files))
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
