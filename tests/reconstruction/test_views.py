"""Frames and curves stay bounded, and pictures keep their pixels."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.progress import (
    Frame,
    Frames,
    Point,
    ReconstructionProgress,
    SeriesProgress,
    Subject,
    thin,
)


def frame(step):
    return Frame(step, float(step), 0.5, b"jpeg")


@given(st.lists(st.integers(), max_size=200), st.integers(2, 50))
def test_thinning_keeps_the_ends_and_the_order(items, most):
    items = sorted(items)
    kept = thin(items, most)
    assert len(kept) == min(len(items), most)
    assert list(kept) == sorted(kept)
    if items:
        assert (kept[0], kept[-1]) == (items[0], items[-1])


@given(st.integers(1, 700), st.integers(3, 60))
def test_frames_are_bounded_in_order_and_keep_first_and_newest(count, most):
    frames = Frames(most)
    for step in range(count):
        frames.add(frame(step))
        kept = [each.step for each in frames.kept]
        assert len(kept) <= most
        assert kept == sorted(set(kept))
        assert (kept[0], kept[-1]) == (0, step)


def test_frames_stay_evenly_spread():
    frames = Frames(8)
    for step in range(64):
        frames.add(frame(step))
    steps = [each.step for each in frames.kept]
    gaps = [after - before for before, after in pairwise(steps[:-1])]
    assert len(set(gaps)) == 1


def test_frames_go_on_from_an_earlier_run():
    frames = Frames(10, [frame(step) for step in range(10)])
    frames.add(frame(20))
    steps = [each.step for each in frames.kept]
    assert (steps[0], steps[-1]) == (0, 20)
    assert len(steps) <= 10


@pytest.fixture
def subject():
    return Subject("Cat", "tiny", "Tiny", "random", "Untrained", "relu", "relu1", 1000, 32)


def test_a_view_tells_its_size_and_its_newest_numbers(subject):
    points = (Point(1, 0.5, 2.0, 1.4), Point(2, 1.0, 1.0, 1.0))
    view = ReconstructionProgress(
        subject, ReconstructionConfig(), b"x" * 100, b"y" * 50, points, (frame(1), frame(2))
    )
    assert (view.step, view.seconds, view.relative_error) == (2, 1.0, 1.0)
    assert view.nbytes >= 100 + 50 + 2 * len(b"jpeg")
    assert SeriesProgress((subject,), (view, view)).nbytes == 2 * view.nbytes


def test_a_view_before_the_first_step_has_no_numbers(subject):
    view = ReconstructionProgress(subject, ReconstructionConfig(), b"x")
    assert (view.step, view.seconds, view.relative_error) == (0, 0.0, None)
