"""Runs with a tiny network; frames and curves stay bounded."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from convviz.networks.network import Network
from convviz.reconstruction import progress
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.objective import LossParts
from convviz.reconstruction.progress import (
    Frame,
    Frames,
    Plan,
    ReconstructionProgress,
    SeriesProgress,
    Subject,
)
from convviz.reconstruction.reconstruct import ReconstructionStep
from convviz.structure.layers import layers
from tests.networks_for_tests import network_of


class Stop:
    def __init__(self, after: int | None = None) -> None:
        self.after, self.looks = after, 0

    def __call__(self) -> bool:
        self.looks += 1
        return self.after is not None and self.looks > self.after


@pytest.fixture
def network() -> Network:
    generator = torch.Generator().manual_seed(1)
    module = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.ReLU())
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    return network_of(module, side=24, resize=32, imagenet=True)


@pytest.fixture
def image() -> Image.Image:
    return Image.linear_gradient("L").resize((50, 40)).convert("RGB")


def plan(network: Network, image: Image.Image, layer: int = 1, **settings: Any) -> Plan:
    config = ReconstructionConfig(**{"steps": 8, **settings})
    return progress.plan(network, layers(network)[layer], image, "Ramp", config)


def test_a_run_begins_with_the_original_and_ends_with_everything(
    network: Network, image: Image.Image
) -> None:
    views = list(progress.reconstruct_one(stop=Stop(), plan=plan(network, image)))
    first, last = views[0], views[-1]
    assert (first.image, first.result, first.fraction) == (b"", None, 0.0)
    assert Image.open(io.BytesIO(first.original)).size == (24, 24)
    assert last.fraction == 1.0
    assert len(last.steps) == last.step == 8
    assert last.result.image.shape == (3, 24, 24)
    assert Image.open(io.BytesIO(last.image)).format == "PNG"
    assert Image.open(io.BytesIO(last.frames[0].jpeg)).size == (24, 24)
    assert last.relative_error == last.result.relative_error < 1
    assert last.subject.numbers == 6 * 24 * 24
    assert all(view.result is None for view in views[:-1])


def test_fractions_never_go_back(network: Network, image: Image.Image) -> None:
    fractions = [
        view.fraction for view in progress.reconstruct_one(stop=Stop(), plan=plan(network, image))
    ]
    assert fractions == sorted(fractions)


def test_asked_to_end_a_run_still_has_a_result(network: Network, image: Image.Image) -> None:
    views = list(progress.reconstruct_one(stop=Stop(after=2), plan=plan(network, image, steps=500)))
    assert views[-1].result is not None
    assert views[-1].step < 10


def test_going_on_continues_steps_frames_and_image(network: Network, image: Image.Image) -> None:
    first = list(progress.reconstruct_one(stop=Stop(), plan=plan(network, image)))[-1]
    repeated = progress.continuation(network, first)
    assert repeated.original.tobytes() == plan(network, image).original.tobytes()
    views = list(progress.reconstruct_one(stop=Stop(), plan=repeated, before=first))
    assert views[0].step == first.step
    last = views[-1]
    assert last.step == first.step + 8
    assert last.steps[:8] == first.steps
    assert last.frames[0] == first.frames[0]
    assert last.seconds > first.seconds
    assert last.result.relative_error <= first.result.relative_error


def test_a_series_fills_in_run_by_run(network: Network, image: Image.Image) -> None:
    plans = [plan(network, image, layer) for layer in (1, 3)]
    views = list(progress.reconstruct_series(stop=Stop(), plans=plans))
    assert [len(view.subjects) for view in views] == [2] * len(views)
    assert {len(view.runs) for view in views} == {1, 2}
    assert all(run.result for view in views for run in view.runs[:-1])
    last = views[-1]
    assert [run.subject.layer for run in last.runs] == ["1", "3"]
    assert all(run.result for run in last.runs)
    assert last.fraction == 1.0
    fractions = [view.fraction for view in views]
    assert fractions == sorted(fractions)


def test_the_time_left_of_a_series_counts_the_pictures_to_come(
    network: Network, image: Image.Image
) -> None:
    first = plan(network, image, 1, steps=None, seconds=0.5)
    for other, seconds in (({"seconds": 4.0}, 4.0), ({"steps": 3}, 0.5)):
        later = plan(network, image, 3, **{"steps": None, **other})
        for view in progress.reconstruct_series(stop=Stop(), plans=[first, later]):
            if len(view.runs) > 1:
                break
            left = view.runs[0].seconds_left
            if left is None:
                assert view.seconds_left is None
            else:
                # A run without a limit of seconds is taken to last as long as the present one.
                expected = seconds if "seconds" in other else view.runs[0].seconds + left
                assert view.seconds_left == pytest.approx(left + expected)


def test_asked_to_end_a_series_finishes_its_picture_and_begins_no_other(
    network: Network, image: Image.Image
) -> None:
    plans = [plan(network, image, layer, steps=500) for layer in (1, 3)]
    last = list(progress.reconstruct_series(stop=Stop(after=3), plans=plans))[-1]
    assert len(last.runs) == 1
    assert last.runs[0].result is not None


def frame(step: int) -> Frame:
    return Frame(step, float(step), 0.5, b"jpeg")


@given(st.integers(1, 700), st.integers(3, 60))
def test_frames_are_bounded_in_order_and_keep_first_and_newest(count: int, most: int) -> None:
    frames = Frames(most)
    for step in range(count):
        frames.add(frame(step))
        kept = [each.step for each in frames.kept]
        assert len(kept) <= most
        assert kept == sorted(set(kept))
        assert (kept[0], kept[-1]) == (0, step)


def test_frames_stay_evenly_spread() -> None:
    frames = Frames(8)
    for step in range(64):
        frames.add(frame(step))
    steps = [each.step for each in frames.kept]
    gaps = [after - before for before, after in pairwise(steps[:-1])]
    assert len(set(gaps)) == 1


def test_frames_go_on_from_an_earlier_run() -> None:
    frames = Frames(10, [frame(step) for step in range(10)])
    frames.add(frame(20))
    steps = [each.step for each in frames.kept]
    assert (steps[0], steps[-1]) == (0, 20)
    assert len(steps) <= 10


@pytest.fixture
def subject() -> Subject:
    return Subject("Cat", "tiny", "Tiny", "random", "Untrained", "relu", "relu1", 1000, 32, 32)


def test_a_view_tells_its_size_and_its_newest_numbers(subject: Subject) -> None:
    steps = (
        ReconstructionStep(1, 2, 0.5, LossParts(2.0, 0.0, 0.0), 1.4, 0.5, 0.5),
        ReconstructionStep(2, 2, 1.0, LossParts(1.0, 0.0, 0.0), 1.0, 1.0, 0.0),
    )
    view = ReconstructionProgress(
        subject, ReconstructionConfig(), b"x" * 100, b"y" * 50, steps, (frame(1), frame(2))
    )
    assert (view.step, view.seconds, view.relative_error) == (2, 1.0, 1.0)
    assert view.nbytes >= 100 + 50 + 2 * len(b"jpeg")
    assert SeriesProgress((subject,), (view, view)).nbytes == 2 * view.nbytes


def test_a_view_before_the_first_step_has_no_numbers(subject: Subject) -> None:
    view = ReconstructionProgress(subject, ReconstructionConfig(), b"x")
    assert (view.step, view.seconds, view.relative_error) == (0, 0.0, None)


def test_the_numbers_of_a_step_go_without_its_tensors(network: Network, image: Image.Image) -> None:
    last = list(progress.reconstruct_one(stop=Stop(), plan=plan(network, image)))[-1]
    assert [step.index for step in last.steps] == list(range(1, 9))
    assert all(step.image is None and step.result is None for step in last.steps)
    assert tuple(step.loss for step in last.steps) == last.result.losses
    repeated = progress.continuation(network, last)
    longer = list(progress.reconstruct_one(stop=Stop(), plan=repeated, before=last))[-1]
    assert [(step.index, step.total) for step in longer.steps[8:]] == [
        (index, 16) for index in range(9, 17)
    ]


def test_a_series_in_parts_joins_to_the_series_of_one_machine(
    network: Network, image: Image.Image
) -> None:
    plans = [plan(network, image, layer) for layer in (1, 3)]
    subjects, parts = progress.cut_series({"plans": tuple(plans)}, 5)
    assert [part["plans"] for part in parts] == [(each,) for each in plans]
    assert subjects == tuple(each.subject for each in plans)
    first, second = (list(progress.reconstruct_series(stop=Stop(), **part)) for part in parts)
    assert progress.join_series(subjects, [None, None]) is None
    assert progress.join_series(subjects, [None, second[-1]]) is None  # runs are shown in order
    early = progress.join_series(subjects, [first[0], None])
    assert early is not None
    assert (len(early.runs), early.fraction) == (1, 0.0)
    joined = progress.join_series(subjects, [first[-1], second[-1]])
    assert joined is not None
    assert (joined.subjects, joined.fraction) == (subjects, 1.0)
    *_, whole = progress.reconstruct_series(stop=Stop(), plans=plans)
    for mine, theirs in zip(joined.runs, whole.runs, strict=True):
        assert mine.subject == theirs.subject
        assert mine.result.image.equal(theirs.result.image)


def test_a_plan_without_a_name_is_the_same_whatever_the_image_is_called(
    network: Network, image: Image.Image
) -> None:
    layer = layers(network)[0]
    plans = [
        progress.plan(network, layer, image, title, ReconstructionConfig(layer.name, steps=1))
        for title in ("mine.png", "theirs.png")
    ]
    first, second = (progress.unnamed(plan).subject for plan in plans)
    assert first == second
    *_, run = progress.reconstruct_one(stop=Stop(), plan=progress.unnamed(plans[0]))
    assert progress.named(run, "mine.png").subject == plans[0].subject
    series = SeriesProgress((run.subject,) * 2, (run,))
    again = progress.named_series(series, "mine.png")
    assert {subject.image for subject in again.subjects} == {"mine.png"}
    assert [each.subject.image for each in again.runs] == ["mine.png"]
    assert again.runs[0].result is run.result
