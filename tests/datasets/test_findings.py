"""What is said of a labelled set, against sets made by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from convviz.datasets import findings, zip_archive
from convviz.datasets.class_folders import ReadingStep
from convviz.datasets.labelled_set import Dataset, Part


@dataclass(frozen=True)
class Titles:
    """Images of which only the titles are asked for."""

    titles: tuple[str, ...]
    name: str = "made up"


def labelled(labels: Sequence[int], groups: Sequence[int]) -> Dataset:
    names = tuple(f"class {k}" for k in range(max(labels) + 1))
    titles = tuple(f"{label}/{index}.png" for index, label in enumerate(labels))
    return Dataset("made up", names, Titles(titles), tuple(labels), groups=tuple(groups))  # type: ignore[arg-type]


@pytest.mark.claims("convviz.datasets.findings.duplicates")
def test_duplicates_are_counted() -> None:
    assert findings.duplicates(labelled([0, 0, 1, 1], ())) == ""
    assert findings.duplicates(labelled([0, 0, 1, 1], (5, 6, 7, 8))) == ""
    one = findings.duplicates(labelled([0, 0, 0, 1], (1, 1, 1, 2)))
    assert one.startswith("One picture is there more than once, with equal pixels under 3 names.")
    two = findings.duplicates(labelled([0, 0, 1, 1], (1, 1, 2, 2)))
    assert two.startswith("2 pictures are there more than once, with equal pixels under 4 names.")


TRAIN: Part = "train"
VALIDATION: Part = "validation"
TEST: Part = "test"


@pytest.mark.claims("convviz.datasets.findings.given_division")
def test_a_given_division_is_counted_and_what_it_is_for_is_said() -> None:
    plain = labelled([0, 0, 1, 1], ())
    assert findings.given_division(plain) == ""
    three = replace(plain, given=(TRAIN, TRAIN, VALIDATION, TEST))
    assert findings.given_division(three) == (
        "The folders divide these pictures already: train (2), val (1), test (1). That is how they "
        "are used: val chooses the epoch, test measures the result."
    )
    many = labelled([0] * 1500 + [1] * 5, ())
    two = replace(many, given=(TRAIN,) * 1500 + (VALIDATION,) * 5)
    assert "already: train (1,500) and val (5). The result is measured with val;" in (
        findings.given_division(two)
    )
    two = replace(many, given=(TRAIN,) * 5 + (TEST,) * 1500)
    assert "already: train (5) and test (1,500). The result is measured with test;" in (
        findings.given_division(two)
    )


@pytest.mark.claims("convviz.datasets.findings.leaks")
def test_an_image_on_both_sides_of_a_given_division_is_named() -> None:
    plain = labelled([0, 0, 1, 1], (1, 2, 1, 1))
    assert findings.leaks(plain) == ""
    assert "never learned from and tested" in findings.duplicates(plain)
    within = replace(plain, given=(TRAIN, TEST, TRAIN, TRAIN))
    assert findings.leaks(within) == ""
    assert findings.duplicates(within).endswith("equal pixels under 3 names.")
    one = replace(plain, given=(TRAIN, TRAIN, TEST, TRAIN))
    assert findings.leaks(one).startswith("One picture lies in more than one of the folders")
    assert "test: 0/0.png = 1/2.png = 1/3.png. The division" in findings.leaks(one)
    five = labelled([0] * 5 + [1] * 5, (*range(5), *range(5)))
    text = findings.leaks(replace(five, given=(TRAIN,) * 5 + (VALIDATION,) * 5))
    assert text.startswith("5 pictures lie in more than one")
    assert "0/2.png = 1/7.png; and 2 more. The" in text


@pytest.mark.claims("convviz.datasets.findings.conflicts")
def test_the_same_image_in_two_classes_is_named() -> None:
    assert findings.conflicts(labelled([0, 0, 1, 1], (1, 1, 2, 2))) == ""
    one = findings.conflicts(labelled([0, 0, 1, 1], (1, 2, 1, 3)))
    assert one.startswith("One picture lies in several classes at once")
    assert "0/0.png = 1/2.png." in one
    five = findings.conflicts(labelled([0] * 5 + [1] * 5, (*range(5), *range(5))))
    assert five.startswith("5 pictures lie in")
    assert "2/" not in five
    assert "0/2.png = 1/7.png; and 2 more." in five


@pytest.mark.claims("convviz.datasets.findings.whole_classes")
def test_a_class_of_one_image_is_named() -> None:
    assert findings.whole_classes(labelled([0, 0, 1, 1], ())) == ""
    assert "of: class 1." in findings.whole_classes(labelled([0, 0, 1, 1], (1, 2, 3, 3)))
    given = labelled([0, 0, 1, 1], (1, 2, 3, 3))
    assert findings.whole_classes(replace(given, given=(TRAIN, TRAIN, TRAIN, TEST))) == ""
    many = labelled([0, 0, 1, 1, 2, 2, 3, 3, 4, 4], (0, 0, 1, 1, 2, 2, 3, 3, 4, 4))
    assert "class 0, class 1, class 2 and 2 more." in findings.whole_classes(many)


@pytest.mark.claims("convviz.datasets.findings.upload_limits")
def test_the_limits_are_those_of_zips() -> None:
    assert findings.upload_limits().startswith(
        "At most 2,000 files of at most 20 MB, 200 MB unpacked."
    )
    assert (zip_archive.MAX_FILES, zip_archive.MAX_FILE_BYTES) == (2_000, 20_000_000)
    assert zip_archive.MAX_BYTES == 200_000_000


@pytest.mark.claims("convviz.datasets.findings.reading")
@pytest.mark.parametrize(
    ("done", "total", "text"), [(1, 4, "1 of 4"), (1500, 2000, "1,500 of 2,000")]
)
def test_a_look_at_a_zip_says_how_far_it_is(done: int, total: int, text: str) -> None:
    assert findings.reading(ReadingStep(done, total)).endswith(f": {text}")


@pytest.mark.claims("convviz.datasets.findings.reading_stopped")
def test_a_look_that_was_stopped_says_where() -> None:
    assert findings.reading_stopped(None).startswith("Stopped before the first picture")
    assert findings.reading_stopped(ReadingStep(1, 4)).startswith("Stopped after 1 of 4 pictures:")
    assert "after 1,999 of 2,000 pictures" in findings.reading_stopped(ReadingStep(1999, 2000))
