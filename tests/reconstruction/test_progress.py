"""The work functions of the jobs, with a tiny network."""

import io

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.networks.network import Network, NetworkSpec, Weights
from convviz.reconstruction import progress
from convviz.reconstruction.config import ReconstructionConfig
from convviz.structure.layers import layers


class Stop:
    def __init__(self, after=None):
        self.after, self.looks = after, 0

    def __call__(self):
        self.looks += 1
        return self.after is not None and self.looks > self.after


@pytest.fixture
def network():
    generator = torch.Generator().manual_seed(1)
    module = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.ReLU())
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    module.eval().requires_grad_(False)
    spec = NetworkSpec("tiny", "Tiny", lambda: module, input_size=24)
    weights = Weights("own", "By hand", "none", False, 0, "0" * 64, (), 24, 32)
    return Network(spec, module, weights)


@pytest.fixture
def image():
    return Image.linear_gradient("L").resize((50, 40)).convert("RGB")


def plan(network, image, layer=1, **settings):
    config = ReconstructionConfig(**{"steps": 8, **settings})
    return progress.plan(network, layers(network)[layer], image, "Ramp", config)


def test_a_run_begins_with_the_original_and_ends_with_everything(network, image):
    views = list(progress.reconstruct_one(stop=Stop(), plan=plan(network, image)))
    first, last = views[0], views[-1]
    assert (first.picture, first.ending, first.fraction) == (b"", None, 0.0)
    assert Image.open(io.BytesIO(first.original)).size == (24, 24)
    assert last.fraction == 1.0
    assert len(last.points) == last.step == 8
    assert last.ending.pixels.shape == (3, 24, 24)
    assert Image.open(io.BytesIO(last.picture)).format == "PNG"
    assert Image.open(io.BytesIO(last.frames[0].jpeg)).size == (24, 24)
    assert last.relative_error == last.ending.relative_error < 1
    assert last.subject.numbers == 6 * 24 * 24
    assert all(view.ending is None for view in views[:-1])


def test_fractions_never_go_back(network, image):
    fractions = [
        view.fraction for view in progress.reconstruct_one(stop=Stop(), plan=plan(network, image))
    ]
    assert fractions == sorted(fractions)


def test_asked_to_end_a_run_still_has_a_result(network, image):
    views = list(progress.reconstruct_one(stop=Stop(after=2), plan=plan(network, image, steps=500)))
    assert views[-1].ending is not None
    assert views[-1].step < 10


def test_going_on_continues_steps_frames_and_image(network, image):
    first = list(progress.reconstruct_one(stop=Stop(), plan=plan(network, image)))[-1]
    again = progress.continuation(network, first)
    assert again.original.tobytes() == plan(network, image).original.tobytes()
    views = list(progress.reconstruct_one(stop=Stop(), plan=again, before=first))
    assert views[0].step == first.step
    last = views[-1]
    assert last.step == first.step + 8
    assert last.points[:8] == first.points
    assert last.frames[0] == first.frames[0]
    assert last.seconds > first.seconds
    assert last.ending.relative_error <= first.ending.relative_error


def test_a_series_fills_in_run_by_run(network, image):
    plans = [plan(network, image, layer) for layer in (1, 3)]
    views = list(progress.reconstruct_series(stop=Stop(), plans=plans))
    assert [len(view.subjects) for view in views] == [2] * len(views)
    assert {len(view.runs) for view in views} == {1, 2}
    assert all(run.ending for view in views for run in view.runs[:-1])
    last = views[-1]
    assert [run.subject.layer for run in last.runs] == ["1", "3"]
    assert all(run.ending for run in last.runs)
    assert last.fraction == 1.0
    fractions = [view.fraction for view in views]
    assert fractions == sorted(fractions)


def test_asked_to_end_a_series_finishes_its_picture_and_begins_no_other(network, image):
    plans = [plan(network, image, layer, steps=500) for layer in (1, 3)]
    last = list(progress.reconstruct_series(stop=Stop(after=3), plans=plans))[-1]
    assert len(last.runs) == 1
    assert last.runs[0].ending is not None
