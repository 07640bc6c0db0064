"""A pass over a set of 500 pictures as a job: progress, stop, and going on."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from threading import Event

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.datasets.image_set import Files
from convviz.features.progress import Run, stimuli_run
from convviz.features.top_patches import TopPatchesStep, find_top_patches
from convviz.jobs.job import JobView
from convviz.jobs.runner import LocalRunner
from convviz.networks.network import Network

COUNT = 500


@pytest.fixture
def runner() -> Iterator[LocalRunner]:
    made = LocalRunner({"compute": 1})
    yield made
    made.close()


@pytest.fixture(scope="module")
def pictures() -> Files:
    generator = torch.Generator().manual_seed(0)
    files = []
    for place in range(COUNT):
        pixels = torch.randint(0, 256, (8, 8, 3), generator=generator, dtype=torch.uint8)
        buffer = BytesIO()
        Image.fromarray(pixels.numpy()).save(buffer, "PNG")
        files.append((f"{place}.png", buffer.getvalue()))
    return Files(tuple(files))


@dataclass(frozen=True)
class Held:
    """The same pictures; one in the middle is only handed out once the gate is open."""

    files: Files
    gate: Event
    name: str = "held"

    @property
    def titles(self) -> tuple[str, ...]:
        return self.files.titles

    def __len__(self) -> int:
        return len(self.files)

    def picture(self, place: int) -> Image.Image:
        if place == COUNT // 2:
            self.gate.wait(60)
        return self.files.picture(place)


@pytest.fixture
def network(network_of: Callable[..., Network]) -> Network:
    torch.manual_seed(0)
    return network_of(nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU()), side=8)


def watch(runner: LocalRunner, job: str, until: Callable[[JobView], bool]) -> list[JobView]:
    """Look at a job again and again, as a page does."""
    seen = []
    for _ in range(20_000):
        view = runner.view(job, "me")
        seen.append(view)
        if until(view):
            return seen
        time.sleep(0.002)
    raise AssertionError(f"it stays {view.state}")


def step(view: JobView) -> TopPatchesStep:
    assert isinstance(view.newest, Run)
    assert isinstance(view.newest.step, TopPatchesStep)
    return view.newest.step


def test_a_set_of_500_with_progress_a_stop_and_the_rest(
    runner: LocalRunner, pictures: Files, network: Network
) -> None:
    held = Held(pictures, Event())
    about = {"subject": ("x",), "network": network, "layer_name": "1", "pictures": held}
    *_, whole = find_top_patches(network, "1", pictures)

    job = runner.submit(stimuli_run, owner="me", title="500", **about)
    watch(runner, job, lambda view: view.newest is not None)
    runner.stop(job, "me")
    held.gate.set()
    stopped = watch(runner, job, lambda view: not view.live)[-1]
    assert stopped.state == "stopped"
    partly = step(stopped)
    assert 0 < partly.done < COUNT
    assert partly.stimuli.seen == partly.done

    job = runner.submit(stimuli_run, owner="me", title="the rest", after=partly, **about)
    views = watch(runner, job, lambda view: not view.live)
    fractions = [step(view).fraction for view in views if view.newest is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert views[-1].state == "done"
    assert torch.equal(step(views[-1]).stimuli.scores, whole.stimuli.scores)
    assert torch.equal(step(views[-1]).stimuli.pictures, whole.stimuli.pictures)
