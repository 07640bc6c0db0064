"""The features that are works: each ends when asked to, and can be sent to another process."""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from torch import nn

from convviz.datasets.image_set import SampleCrops
from convviz.features.dead import count_dead
from convviz.features.occlusion import occlude
from convviz.features.synthesis import SynthesisConfig, synthesise
from convviz.features.top_patches import find_top_patches
from tests.networks_for_tests import network_of

RED = Image.new("RGB", (4, 4), "red")
WORKS: list[tuple[Callable[..., Iterator[Any]], dict[str, Any]]] = [
    (find_top_patches, {"layer_name": "relu", "pictures": SampleCrops()}),
    (count_dead, {"pictures": SampleCrops()}),
    (occlude, {"image": RED, "layer_name": "relu", "channel": 0}),
    (synthesise, {"layer_name": "relu", "channel": 0, "config": SynthesisConfig(steps=40)}),
]


@pytest.mark.parametrize(("work", "arguments"), WORKS)
def test_a_work_ends_after_the_step_in_which_it_is_asked_to(
    work: Callable[..., Iterator[Any]],
    arguments: dict[str, Any],
    red_channels: nn.Module,
) -> None:
    answers = iter([False, True])
    steps = list(work(network=network_of(red_channels), stop=lambda: next(answers), **arguments))
    assert len(steps) == 2
    assert steps[-1].fraction < 1


@pytest.mark.parametrize(("work", "arguments"), WORKS)
def test_a_work_and_its_arguments_can_be_pickled(
    work: Callable[..., Iterator[Any]], arguments: dict[str, Any]
) -> None:
    repeated, _ = pickle.loads(pickle.dumps((work, arguments)))
    assert repeated is work
