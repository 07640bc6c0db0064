"""Data sets with classes: how they are divided, and which of their images are the same."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedGroupKFold

from convviz.datasets import labelled_set
from convviz.datasets.class_folders import from_zip
from convviz.datasets.labelled_set import Dataset, Split, partition, split
from convviz.datasets.shapes import shapes
from convviz.errors import SettingError
from tests.class_folders import png, two, zipped


def test_a_split_takes_its_share_of_every_class_and_nothing_twice() -> None:
    dataset = shapes(8)
    parts = split(dataset, 0.25, seed=3)
    assert not set(parts.train) & set(parts.validation)
    assert sorted(parts.train + parts.validation) == list(range(48))
    assert [dataset.labels[k] for k in parts.validation].count(2) == 2
    assert split(dataset, 0.25, seed=3) == parts != split(dataset, 0.25, seed=4)
    with pytest.raises(SettingError, match="between 0 and 1"):
        split(dataset, 1.0)


def test_two_pictures_of_a_class_are_one_to_learn_from_and_one_to_check_with() -> None:
    dataset = from_zip(zipped(two()))
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


def test_the_same_pixels_under_two_names_are_one_group() -> None:
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
    dataset = from_zip(zipped(files))
    assert [dataset.images.titles[index] for index in range(7)] == list(files)
    assert dataset.duplicates == ((0, 1), (2, 5))
    assert dataset.conflicts == ((2, 5),)
    assert len(dataset.members) == 5
    # A copy says nothing new; in another class it is another question.
    assert dataset.different(range(7)) == (0, 2, 3, 4, 5, 6)
    assert dataset.different((1, 3)) == (1, 3)
    # The same pixels in another shape are another image.
    turned = files | {"b/4.png": saved(noise[0].reshape(10, 40, 3), "PNG")}
    assert len(from_zip(zipped(turned)).members) == 6


def test_classes_of_one_picture_under_many_names_cannot_be_divided() -> None:
    files = {f"{name}/{k}.png": png(name) for name in ("red", "blue") for k in range(5)}
    dataset = from_zip(zipped(files))
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


def test_images_for_a_training_are_decoded_in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = from_zip(zipped(two()))
    shares = [share for share, _ in labelled_set.read(dataset, range(4), 8)]
    assert shares == [1.0]
    monkeypatch.setattr(labelled_set, "_STEP_PIXELS", 2_000)  # one has 1,600 or 1,681
    steps = list(labelled_set.read(dataset, range(4), 8))
    assert [share for share, _ in steps] == [0.25, 0.75, 1.0]
    assert steps[-1][1] is not None
    pixels, labels = steps[-1][1]
    assert pixels.shape == (4, 3, 8, 8)
    assert labels.tolist() == list(dataset.labels)
