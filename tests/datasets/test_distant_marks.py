"""The two generated sets on which a design matters: distant marks, and marks anywhere."""

from collections import Counter
from hashlib import sha256

import numpy as np
import pytest
from scipy import ndimage
from sklearn.linear_model import LogisticRegression

from convviz.datasets.distant_marks import APART, distant_marks
from convviz.datasets.generated import GENERATED
from convviz.datasets.marks_anywhere import marks_anywhere


def bright(image: object) -> np.ndarray:
    """Where an image is light: back and fore are at least 90 apart, and the noise averages out."""
    smooth = ndimage.uniform_filter(np.asarray(image)[..., 0].astype(float), 3)
    return np.asarray(smooth > (smooth.min() + smooth.max()) / 2)


def bars(image: object) -> list[tuple[float, float, bool]]:
    """The bars of an image, row by row: their middles, and whether they lie."""
    labels, count = ndimage.label(bright(image))
    found = []
    for rows, columns in ndimage.find_objects(labels):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        middle = (rows.stop + rows.start) / 2, (columns.stop + columns.start) / 2
        found.append((*middle, width > height))
    upper, lower = sorted(found)[:2], sorted(found)[2:]
    assert count == 4
    return [*sorted(upper, key=lambda bar: bar[1]), *sorted(lower, key=lambda bar: bar[1])]


def test_the_marks_of_each_row_are_the_same_or_not_as_their_class_says() -> None:
    dataset = distant_marks(40)
    arrangements = set()
    for index, label in enumerate(dataset.labels):
        found = bars(dataset.images.image(index))
        left, right, below_left, below_right = (lies for *_, lies in found)
        same = dataset.classes[label] == "same"
        assert (left == right, below_left == below_right) == (same, same)
        assert left + right + below_left + below_right == 2  # counting says nothing
        arrangements.add((left, right, below_left, below_right))
        for first, second in ((0, 1), (2, 3)):
            assert abs(found[second][1] - found[first][1] - APART) <= 11
    assert len(arrangements) == 6  # all ways to place two of each kind


def test_no_pixel_tells_distant_marks() -> None:
    dataset = distant_marks(100)
    pixels = np.stack([bright(dataset.images.image(k))[::4, ::4].ravel() for k in range(200)])
    labels = np.array(dataset.labels)
    model = LogisticRegression(C=0.1, max_iter=200).fit(pixels[:150], labels[:150])
    assert model.score(pixels[150:], labels[150:]) < 0.7


def test_one_mark_stands_anywhere() -> None:
    dataset = marks_anywhere(30)
    middles = []
    for index, label in enumerate(dataset.labels):
        mask = bright(dataset.images.image(index))
        rows, columns = np.nonzero(mask)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert 28 <= min(height, width) <= max(height, width) <= 35
        top, left = rows.min(), columns.min()
        middle = mask[top + 12 : top + 20, left + 12 : left + 20].mean()
        corner = mask[top : top + 6, left : left + 6].mean()
        kind = dataset.classes[label]
        assert (middle > 0.5) == (kind in ("plus", "cross"))  # the others are hollow
        assert (corner > 0.4) == (kind in ("cross", "square"))
        middles.append((min(top // 32, 2), min(left // 32, 2)))
    assert len(set(middles)) == 9  # of all ninths of where a mark can begin


@pytest.mark.parametrize("name", ["distant-marks", "marks-anywhere"])
def test_the_same_seed_draws_the_same_set(name: str) -> None:
    make = GENERATED[name].make
    digests = [
        [sha256(each.images.image(k).tobytes()).hexdigest() for k in range(len(each))]
        for each in (make(3), make(3), make(3, seed=1))
    ]
    assert digests[0] == digests[1]
    assert not set(digests[0]) & set(digests[2])
    assert set(Counter(make(3).labels).values()) == {3}
