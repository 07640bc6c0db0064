"""Frozen means frozen: in the real networks, weights and batch norms' statistics, bit by bit."""

import pytest
import torch
from torch import Tensor

from convviz.datasets.labelled_set import Dataset, split
from convviz.datasets.shapes import shapes
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import Scenario, TransferPlan, plan, plan_further
from convviz.networks.decoders import EncoderOnly
from convviz.networks.network import Network, is_within
from convviz.weights.load import load

SETTINGS = TrainingSettings(epochs=3, size=64, batch=6)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return shapes(per_class=3)


@pytest.fixture(scope="module", params=["alexnet", "vgg16", "vgg11_bn", "googlenet"])
def network(request: pytest.FixtureRequest) -> Network:
    """A network as it is used: AlexNet and the VGGs as encoders, GoogLeNet whole."""
    found = load(request.param, "random", seed=4)
    generator = torch.Generator().manual_seed(1)
    for name, value in found.module.named_buffers():  # not the trivial zeros and ones
        if name.endswith("running_mean"):
            value.copy_(0.1 * torch.randn(value.shape, generator=generator))
        elif name.endswith("running_var"):
            value.copy_(0.5 + torch.rand(value.shape, generator=generator))
    if request.param == "googlenet":
        return found
    return Network(found.spec, EncoderOnly(found.module.features).eval(), found.weights)  # type: ignore[arg-type]


def values(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def check(made: TransferPlan, before: dict[str, Tensor], data: Dataset) -> torch.nn.Module:
    """Train, and look at every number of every part, named or not."""
    untouched = values(made.network.module)
    steps = list(fit(made, data, split(data), SETTINGS))
    result = steps[-1].result
    assert result is not None
    assert result.epochs == 3
    after = values(result.module)
    named = made.trained_names()
    frozen = [name for name in after if not any(is_within(name, part) for part in named)]
    assert len(frozen) > 5
    for name in frozen:
        assert torch.equal(after[name], before[name]), f"{name} is frozen but moved"
    now = values(made.network.module)
    assert all(torch.equal(now[name], value) for name, value in untouched.items())
    return result.module


@pytest.mark.parametrize("scenario", ["last-layer", "several", "fine-tune"])
def test_only_the_named_layers_move(network: Network, scenario: Scenario, data: Dataset) -> None:
    before = values(network.module)
    made = plan(network, scenario, data.classes)
    last = [part for part in made.parts if part.trained]
    assert (scenario == "fine-tune") == any(part.state == "thawed" for part in last)
    check(made, before, data)


def test_only_the_named_layers_move_when_it_goes_on(network: Network, data: Dataset) -> None:
    first = plan(network, "last-layer", data.classes)
    module = check(first, values(network.module), data)
    learned = Network(network.spec, module, network.weights)
    further = plan_further(learned, first.form, first.trained_names())
    check(further, values(module), data)


def test_thawed_layers_do_move(network: Network, data: Dataset) -> None:
    made = plan(network, "fine-tune", data.classes)
    thawed = [part.name for part in made.parts if part.state == "thawed"]
    before, moved = values(network.module), set()
    for step in fit(made, data, split(data), SETTINGS):
        if step.module is not None and step.phase == "training":
            for name in thawed:
                state = step.module.get_submodule(name).state_dict()
                moved |= {name for key in state if not state[key].equal(before[f"{name}.{key}"])}
    assert moved == set(thawed)
