"""Trained designs that learn further: their files hold the design's text and the new decoder."""

from pathlib import Path
from typing import Literal

import pytest
import torch

from convviz.datasets.labelled_set import Dataset, Split
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import plan as make_plan
from convviz.learning.transfer import to_bytes, to_network
from convviz.networks import registry
from convviz.networks.decoders import Form
from convviz.networks.design import Design
from convviz.networks.design_module import build
from convviz.networks.design_spec import design_of, design_spec
from convviz.networks.network import Network
from convviz.weights import trained
from convviz.weights.load import DESIGN, load, open_saved

BODIES = {
    "plain": "conv 4 3x3 /4\nrelu\nfc 8\nrelu\nfc 10",
    "auxiliary": "conv 4 3x3 /4\nbatchnorm\nrelu\nauxiliary 0.3\nresidual\nrelu\nend\ngap\nfc 10",
}


def trained_design(body: str) -> Network:
    design = Design.parse(f"name tiny\ninput 3x32x32\n{BODIES[body]}")
    module = build(design, 0).eval().requires_grad_(False)
    classes = tuple(f"class {number}" for number in range(10))
    info = trained.TrainedInfo(
        *(design_spec(design).name, Form("", 1, classes), 32, "shapes", "", 0.5),
        design=design.text,
    )
    return trained.describe(module, info, trained.write(module, info))


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("scenario", ["last-layer", "several", "fine-tune", "scratch"])
def test_a_design_that_learned_further_opens_by_its_file_alone(
    scenario: Literal["last-layer", "several", "fine-tune", "scratch"],
    body: str,
    few: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = trained_design(body)
    plan = make_plan(network, scenario, few.classes)
    split = Split(tuple(range(36)), tuple(range(36, 48)))
    *_, last = fit(plan, few, split, TrainingSettings(epochs=1, size=32, batch=8))
    result = last.result
    assert result is not None
    data = to_bytes(plan, few, result, 32)
    kept = to_network(plan, few, result, 32)
    monkeypatch.setattr(registry, "_unlisted", type(registry._unlisted)())  # as in a new process
    path = tmp_path / "further.safetensors"
    path.write_bytes(data)
    images = torch.rand(3, 3, 32, 32)
    for opened in (open_saved(data), load(DESIGN, path)):
        assert torch.equal(opened.module(images), kept.module(images))
        assert opened.weights.classes == few.classes
        assert opened.title == "tiny"
        assert opened.name == network.name
        assert design_of(opened.spec) == design_of(network.spec)


def test_a_network_that_is_no_design_has_none(tiny: Network) -> None:
    assert design_of(tiny.spec) is None
