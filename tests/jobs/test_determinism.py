"""Same seed, same steps, same threads: the same bits, alone, beside others, and with pauses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from convviz.datasets.labelled_set import split
from convviz.datasets.shapes import shapes
from convviz.features.synthesis import SynthesisConfig, synthesise
from convviz.jobs.job import Limits
from convviz.jobs.runner import LocalRunner
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import plan
from convviz.networks.network import Network
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.reconstruct import reconstruct
from tests.networks_for_tests import network_of, two_convolutions

NETWORK = network_of(two_convolutions(), side=24, classes=("cat", "cup", "rocket"), imagenet=True)
IMAGE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (24, 24, 3), np.uint8))
LAYER = "2"


def reconstruction(*, stop: Callable[[], bool], seed: int, optimizer: str) -> Iterator[Any]:
    config = ReconstructionConfig(layer=LAYER, steps=25, seed=seed, optimizer=optimizer)  # type: ignore[arg-type]
    for step in reconstruct(NETWORK, IMAGE, config):
        yield None if step.result is None else [step.result.image]


def synthesis(*, stop: Callable[[], bool], seed: int) -> Iterator[Any]:
    for step in synthesise(NETWORK, LAYER, 0, SynthesisConfig(steps=25, seed=seed)):
        yield [torch.from_numpy(np.asarray(step.picture).copy())]


def training(*, stop: Callable[[], bool], seed: int, network: Network) -> Iterator[Any]:
    few = shapes(per_class=8)
    settings = TrainingSettings(epochs=2, size=32, batch=8, seed=seed)
    for step in fit(plan(network, "scratch", few.classes), few, split(few), settings):
        if step.result is None:
            yield None
        else:
            yield [value.clone() for value in step.result.module.state_dict().values()]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("workers", "turn"), [(9, float("inf")), (2, 1e-9)])
def test_runs_give_the_same_bits_alone_beside_others_and_with_pauses(
    tiny: Network, workers: int, turn: float
) -> None:
    works: dict[str, tuple[Callable[..., Iterator[Any]], dict[str, Any]]] = {
        "L-BFGS": (reconstruction, {"optimizer": "lbfgs"}),
        "Adam": (reconstruction, {"optimizer": "adam"}),
        "synthesis": (synthesis, {}),
        "training": (training, {"network": tiny}),
    }
    alone = {}
    for name, (work, arguments) in works.items():
        *_, alone[name] = work(stop=lambda: False, seed=5, **arguments)
        *_, other = work(stop=lambda: False, seed=6, **arguments)
        assert not all(map(torch.equal, alone[name], other)), f"{name}: no seed was used"
    runner = LocalRunner({"compute": workers}, limits=Limits(seconds=250, turn_seconds=turn))
    try:
        jobs = {}
        for k, seed in enumerate((5, 6, 5)):  # three of each: nine others run beside each at first
            for name, (work, arguments) in works.items():
                owner = f"{name} {k}"
                job = runner.submit(work, owner=owner, title=name, seed=seed, **arguments)
                jobs[owner] = (job, name, seed)
        assert sum(runner.view(job, owner).live for owner, (job, _, _) in jobs.items()) == 12
        for owner, (job, name, seed) in jobs.items():
            deadline = time.monotonic() + 240
            while runner.view(job, owner).live:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            view = runner.view(job, owner)
            assert (view.state, view.error) == ("done", "")
            if seed == 5:
                assert all(map(torch.equal, view.newest, alone[name])), name
    finally:
        runner.close()
