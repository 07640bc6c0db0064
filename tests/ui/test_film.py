"""What the browser is sent of a film, and what a training's film says."""

import json
from dataclasses import replace

import pytest
import torch

from convviz.features.activations import measure
from convviz.learning.guessing import Guessing
from convviz.learning.live import ChannelCount, EpochCheck, LiveProgress, LossPoint
from convviz.learning.small_design import SmallDesign, small_network
from convviz.learning.snapshots import Maps, Snapshot
from convviz.structure.layers import layer
from convviz.ui.components.film import Still, _pack
from convviz.ui.training import live_film

DESIGN = SmallDesign(width=4, depth=2, pixels=32)
RELU = "relu1"


def frame(step: int, *, kept: bool = False) -> Snapshot:
    maps = torch.ones(4, 2, 2)
    maps[0] = 0
    found = Maps.of(measure(layer(small_network(DESIGN), RELU), maps, None), dead=1)
    return Snapshot(step, step // 10, step / 10, torch.ones(4, 3, 3, 3) / 2, (found,), 7, kept)


@pytest.fixture
def view() -> LiveProgress:
    return LiveProgress(
        DESIGN,
        0.1,
        ("a", "b"),
        10,
        4,
        "Cat",
        Guessing(0.5, 0.6931),
        others=7,
        step=30,
        points=(LossPoint(10, 2.0), LossPoint(30, 1.0)),
        checks=(EpochCheck(0, 0, 0.7, 0.5), EpochCheck(30, 3, 0.6, 0.75)),
        counts=(ChannelCount(0, 1, 0), ChannelCount(30, 2, 1)),
        frames=(frame(0), frame(30)),
    )


def test_pictures_follow_their_header_in_order() -> None:
    stills = [Still("a", 0, (b"one", b"eleven"), ("x", "y")), Still("b", 5, (b"", b"22"), ())]
    token, message = _pack(stills)
    length = int.from_bytes(message[:4], "little")
    header = json.loads(message[4 : 4 + length])
    assert message[4 + length :] == b"oneeleven22"
    assert header["token"] == token
    assert header["sizes"] == [[3, 6], [0, 2]]
    assert [each["at"] for each in header["stills"]] == [0, 5]
    assert _pack(stills)[0] == token
    assert _pack(stills[:1])[0] != token


def test_a_still_says_what_is_empty(view: LiveProgress) -> None:
    (still,) = live_film.newest(view, RELU)
    assert still.label == "Step 30 · epoch 3 · 3 s"
    assert all(picture.startswith(b"\x89PNG") for picture in still.pictures)
    kernels, maps = still.notes
    assert "4 kernels of 3 × 3 pixels" in kernels
    assert "a weight of 0.5" in kernels
    assert "1 of 4 channels empty (crossed out)" in maps


def test_the_last_moment_says_whose_weights_are_kept(view: LiveProgress) -> None:
    last = frame(30, kept=True)
    ended = replace(view, frames=(frame(0), last))
    assert live_film.end(ended) == 1
    assert "the end: these weights are kept" in live_film.label(ended, last)
    earlier = frame(10, kept=True)
    back = replace(view, frames=(frame(0), frame(30), earlier))
    assert live_film.end(back) == 1
    assert "back to the best weights" in live_film.label(back, earlier)


def test_the_table_has_a_row_for_each_step(view: LiveProgress) -> None:
    rows = live_film.table(view).splitlines()
    assert rows[0] == "step,training_loss,validation_loss,validation_accuracy,empty,dead"
    assert rows[1:] == ["0,,0.7,0.5,1,0", "10,2.0,,,,", "30,1.0,0.6,0.75,2,1"]


def test_curves_share_the_axis_of_the_moments(view: LiveProgress) -> None:
    for chart in live_film.charts(view):
        assert chart.length == view.step
        assert all(0 <= x <= view.step for line in chart.lines for x, _ in line.points)
