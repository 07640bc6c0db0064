"""Generated patterns: each is what its title says, and the same seed draws the same ones."""

import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

from convviz.datasets.image_set import origins, seen_text
from convviz.datasets.stimuli import SIDE, CropsAndPatterns, Stimuli
from convviz.errors import SettingError
from convviz.images.samples import names_of_samples


@pytest.fixture(scope="module")
def patterns() -> Stimuli:
    return Stimuli()


def pixels(patterns: Stimuli, words: str) -> NDArray[np.float64]:
    """Draw the first pattern whose title holds some words."""
    index = next(index for index, title in enumerate(patterns.titles) if words in title)
    return np.asarray(patterns.image(index), dtype=float).sum(2)


def test_there_are_a_few_hundred_and_each_says_what_it_is(patterns: Stimuli) -> None:
    assert len(patterns) == len(patterns.titles) == 360
    kinds = "edge line grating checkerboard dot square plain gradient noise net rings Julia Sierp"
    for kind in kinds.split():
        assert any(kind in title for title in patterns.titles)
    # Titles repeat where only places differ.
    assert len(set(patterns.titles)) > 320


def test_what_is_drawn_is_what_the_title_says(patterns: Stimuli) -> None:
    assert np.ptp(pixels(patterns, "plain red")) == 0
    upright = pixels(patterns, "line at 90°")
    assert np.ptp(upright, axis=0).max() == 0 < np.ptp(upright, axis=1).min()
    level = pixels(patterns, "line at 0°")
    assert np.ptp(level, axis=1).max() == 0 < np.ptp(level, axis=0).min()
    for index, title in enumerate(patterns.titles):
        if title.startswith("grating at 0°"):
            period = int(title.split(", ")[1].split()[0])
            column = np.asarray(patterns.image(index), dtype=float).sum(2)[:, 0]
            waves = np.abs(np.fft.rfft(column - column.mean()))
            assert abs(int(waves.argmax()) - SIDE / period) <= 1


@pytest.mark.claims("convviz.datasets.stimuli._checkerboard", "convviz.datasets.stimuli._fractal")
def test_numbers_in_titles_are_those_drawn(patterns: Stimuli) -> None:
    checked = set()
    for index, title in enumerate(patterns.titles):
        image = np.asarray(patterns.image(index), dtype=float).sum(2)
        if title.startswith("checkerboard at 0°"):
            side = int(title.split("fields of ")[1].split()[0])
            changes = np.flatnonzero(np.diff(image[0]))
            assert set(np.diff(changes)) == {side}
        elif title.startswith("Sierpiński"):
            levels = int(title.split(" of ")[1].split()[0])
            hole = (image != image[0, 0]).mean()
            assert hole == pytest.approx(1 - (8 / 9) ** levels, abs=0.03)
        elif title.startswith("Julia"):
            assert np.abs(image - image[::-1, ::-1]).max() <= 1  # z and −z go the same way
        else:
            continue
        checked.add(title.split()[0])
    assert checked == {"checkerboard", "Sierpiński", "Julia"}


def test_a_pattern_lies_within_its_two_colours(patterns: Stimuli) -> None:
    index = next(i for i, t in enumerate(patterns.titles) if t.endswith("black and white"))
    image = np.asarray(patterns.image(index))
    assert (image == image[:, :, :1]).all()  # grey everywhere


def test_the_same_seed_draws_the_same_and_another_others() -> None:
    one, same, other = Stimuli(2), pickle.loads(pickle.dumps(Stimuli(2))), Stimuli(2, seed=1)
    assert one.titles == same.titles != other.titles
    for index in range(len(one)):
        assert one.image(index).tobytes() == same.image(index).tobytes()
        assert one.image(index).size == (SIDE, SIDE)
    with pytest.raises(SettingError, match="patterns of each kind"):
        Stimuli(0)


def test_crops_come_first_and_are_counted_apart() -> None:
    images = CropsAndPatterns()
    photographs = len(names_of_samples())
    crops = len(images) - len(Stimuli())
    assert len(set(images.titles[:crops])) == photographs
    assert images.titles[crops:] == Stimuli().titles
    assert images.image(crops).tobytes() == Stimuli().image(0).tobytes()

    def said(seen: int) -> str:
        return seen_text(images, seen, len(set(origins(images)[:seen])))

    assert said(len(images)) == f"{crops} crops of {photographs} photographs and 360 generated " + (
        "patterns"
    )
    assert said(crops) == f"{crops} crops of {photographs} photographs"
    assert said(crops + 1).endswith("and 1 generated pattern")


@pytest.mark.claims("convviz.datasets.stimuli._plain")
def test_a_plain_pattern_lies_between_the_colours_that_it_names(patterns: Stimuli) -> None:
    def colour(title: str) -> NDArray[np.float64]:
        drawn = np.asarray(patterns.image(patterns.titles.index(title)), dtype=float)
        assert np.ptp(drawn, axis=(0, 1)).max() == 0
        return drawn[0, 0]

    mixed = {"midway": 0.5, "a quarter of the way": 0.25}
    found = set()
    for title in patterns.titles:
        for words, share in mixed.items():
            if title.startswith(f"plain, {words} between "):
                first, second = title.partition(" between ")[2].split(" and ")
                expected = (
                    colour(f"plain {first}") * (1 - share) + colour(f"plain {second}") * share
                )
                assert np.abs(colour(title) - expected).max() <= 0.5
                found.add(words)
    assert found
