"""What a time buys on this machine: the measured step, the default, and the sentence."""

from __future__ import annotations

import itertools
import time

import pytest
import torch

from convviz.networks.network import Network
from convviz.reconstruction import step_time
from convviz.reconstruction.findings import what_time_buys
from convviz.reconstruction.step_time import (
    seconds_for_a_picture,
    seconds_per_step,
    steps_within,
    usual_seconds,
)
from tests.networks_for_tests import network_of, two_convolutions

TIMES = (4, 8, 12, 20, 30, 60, 120, 240)


def test_a_measured_step_is_part_of_the_time_that_measuring_takes(network: Network) -> None:
    began = time.perf_counter()
    seconds = seconds_per_step(network, "4", precision="float32")
    assert 0 < seconds < time.perf_counter() - began


@pytest.mark.parametrize(
    ("small", "sides", "expected"), [(1.0, [112], 16.0), (0.001, [112, 448], 7)]
)
def test_a_long_step_counts_by_the_area_and_a_short_one_is_measured_at_full_size(
    monkeypatch: pytest.MonkeyPatch, small: float, sides: list[int], expected: float
) -> None:
    seen = []

    def measured(network: object, found: object, side: int, precision: str) -> float:
        seen.append(side)
        return small if side == 112 else 7.0

    monkeypatch.setattr(step_time, "_measure", measured)
    large = network_of(two_convolutions(), side=448, classes=("a", "b"))
    assert seconds_per_step(large, "4") == expected
    assert seen == sides


@pytest.mark.parametrize("threads", [3, None])
def test_a_step_is_measured_with_the_threads_that_a_run_has(
    network: Network, monkeypatch: pytest.MonkeyPatch, threads: int | None
) -> None:
    before = torch.get_num_threads()
    seen = []

    def measured(*_: object) -> float:
        seen.append(torch.get_num_threads())
        return 1.0

    monkeypatch.setattr(step_time, "_measure", measured)
    seconds_per_step(network, "4", threads=threads)
    assert set(seen) == {threads or before}
    assert torch.get_num_threads() == before


def test_nothing_is_left_behind(network: Network) -> None:
    random = torch.get_rng_state()
    seconds_per_step(network, "4")
    assert torch.equal(torch.get_rng_state(), random)
    assert not any(part._forward_hooks for part in network.module.modules())


@pytest.mark.parametrize(
    ("seconds", "step", "steps"), [(12, 0.58, 20), (60, 0.58, 103), (12, 0.01, 1200), (4, 9.0, 10)]
)
def test_how_many_steps_fit(seconds: float, step: float, steps: int) -> None:
    assert steps_within(seconds, step) == steps


@pytest.mark.parametrize(
    ("step", "enough", "usual"),
    [
        (0.008, 4, 12),  # 0.64 s are enough: the usual time stays
        (0.15, 12, 12),  # 12 s exactly
        (0.16, 20, 20),
        (0.58, 60, 60),  # 46.4 s
        (1.0, 120, 60),  # nobody waits longer who has not asked for it
        (4.0, None, 60),
    ],
)
def test_the_usual_time_is_enough_for_a_picture_within_its_bounds(
    step: float, enough: int | None, usual: int
) -> None:
    assert seconds_for_a_picture(step, TIMES) == enough
    assert usual_seconds(step, TIMES, least=12, most=60) == usual


@pytest.mark.parametrize(
    ("choices", "usual"), [((4, 8), 8), ((4,), 4), ((4, 8, 12, 20, 30), 30), ((90, 120), 90)]
)
def test_the_usual_time_can_be_chosen(choices: tuple[int, ...], usual: int) -> None:
    assert usual_seconds(0.58, choices, least=12, most=60) == usual


@pytest.mark.claims(
    "convviz.reconstruction.findings.what_time_buys",
    "convviz.reconstruction.findings._steps_in_time",
)
def test_what_a_time_buys_is_said() -> None:
    assert what_time_buys(12, 0.58, TIMES) == (
        "About 20 steps in 12 seconds on this machine: a blur; 60 seconds for a picture."
    )
    assert what_time_buys(30, 0.58, TIMES) == (
        "About 51 steps in 30 seconds on this machine: a picture with little detail; 60 seconds "
        "for a picture."
    )
    assert what_time_buys(60, 0.58, TIMES) == (
        "About 100 steps in 60 seconds on this machine: enough for a picture."
    )
    assert what_time_buys(12, 0.58, TIMES, deep=False) == (
        "About 20 steps in 12 seconds on this machine."
    )
    assert what_time_buys(240, 0.001, TIMES).startswith("About 240,000 steps in 240 seconds ")
    assert what_time_buys(12, 6.0, TIMES) == (
        "10 steps, the fewest of a run, in about 60 seconds on this machine: a blur, and the "
        "longest time that can be chosen is too short for more."
    )
    assert what_time_buys(4, 1.0, TIMES) == (
        "10 steps, the fewest of a run, in about 10 seconds on this machine: a blur; 120 seconds "
        "for a picture."
    )
    assert " this machine for the picture that takes longest: " in what_time_buys(12, 1, TIMES, 3)
    assert " this machine for the picture that takes longest: " in what_time_buys(4, 1, TIMES, 3)


@pytest.mark.claims("convviz.reconstruction.findings.what_time_buys")
def test_a_run_that_ends_before_its_fewest_steps_is_said_to() -> None:
    """Ten steps of 30.1 s are a second more than a run may take."""
    assert what_time_buys(12, 30.1, TIMES, most=300) == (
        "On this machine 10 steps, the fewest of a run, take about 5 minutes, and a run may "
        "take 300 seconds at most: choose an earlier layer or a smaller network."
    )
    assert what_time_buys(12, 30.0, TIMES, most=300).startswith(
        "10 steps, the fewest of a run, in "
    )


def test_the_words_change_where_the_steps_do() -> None:
    """40 and 80 steps, as the page says."""
    for steps, step in itertools.product((39, 40, 79, 80), (0.25, 1.0)):
        text = what_time_buys(steps * step, step, (1000,))
        assert ("a blur" in text) == (steps < 40)
        assert ("enough for a picture" in text) == (steps >= 80)
