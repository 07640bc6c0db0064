"""The script that makes the depth series: what it makes again, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.networks.network import Network
from convviz.reconstruction import progress, recorded
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.progress import Plan
from convviz.structure.layers import layers
from tests import project_scripts
from tests.networks_for_tests import network_of, two_convolutions

USUAL = ReconstructionConfig(steps=2, precision="float32", noise=0.03)


@pytest.fixture(scope="module")
def is_done() -> Any:
    return project_scripts.script("make_depth_series").is_done


@pytest.fixture(scope="module")
def tiny() -> Network:
    return network_of(two_convolutions(), side=24, classes=("a", "b", "c"), imagenet=True)


@pytest.fixture
def plans_of(
    tiny: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Plan]]:
    """Plan a series of two layers; the series that are there are those of an empty folder."""
    monkeypatch.setattr(recorded, "read", partial(recorded.read, folder=tmp_path))
    image = decode(sample("coffee").read())

    def plans(config: ReconstructionConfig = USUAL, *, at: tuple[int, ...] = (1, 4)) -> list[Plan]:
        every = layers(tiny)
        return [progress.plan(tiny, every[number], image, "Coffee", config) for number in at]

    return plans


def test_a_series_with_other_settings_or_of_other_layers_is_made_again(
    is_done: Any, tiny: Network, plans_of: Callable[..., list[Plan]], tmp_path: Path
) -> None:
    assert not is_done(tiny, "coffee", plans_of())
    recorded.write(
        recorded.record(tiny, "coffee", plans_of(), version="1.2"),
        folder=tmp_path,
    )
    assert is_done(tiny, "coffee", plans_of())
    for other in (
        {"steps": 3},
        {"noise": 0.01},
        {"spectrum": 0.0},
        {"smoothness": 0.5},
        {"local_scale": False},
        {"tv": 0.1},
        {"seed": 1},
    ):
        assert not is_done(tiny, "coffee", plans_of(replace(USUAL, **other))), other
    assert not is_done(tiny, "coffee", plans_of(at=(1,)))
    assert not is_done(tiny, "coffee", plans_of(at=(1, 3)))
    assert not is_done(tiny, "koala", plans_of())
