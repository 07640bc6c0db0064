"""Training with auxiliary heads and with computed weights of networks that are not GoogLeNet."""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parametrizations, spectral_norm, weight_norm
from torchvision.models import Inception3

from convviz.datasets.labelled_set import split
from convviz.datasets.shapes import shapes
from convviz.errors import SettingError
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.gradients import gradient_norms, weight_norms
from convviz.learning.plan import plan
from convviz.learning.step import Learner, all_scores
from convviz.networks.initial_weights import untrained
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register, spec
from convviz.weights.load import load

Outputs = namedtuple("Outputs", ("logits", "aux_logits"))


@dataclass
class Scores:
    logits: Tensor
    features: Tensor
    aux: Tensor


PACKS: dict[str, Callable[[Tensor, Tensor, Tensor], Any]] = {
    "tuple": lambda scores, aux, features: (scores, aux),
    "list": lambda scores, aux, features: [scores, aux, features],
    "namedtuple": lambda scores, aux, features: Outputs(scores, aux),
    "dict": lambda scores, aux, features: {"out": scores, "features": features, "aux": aux},
    "dataclass": lambda scores, aux, features: Scores(scores, features, aux),
}


class WithHead(nn.Module):
    """Puts out main and auxiliary scores in train mode, and the main ones alone in eval mode."""

    def __init__(self, pack: Callable[[Tensor, Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 7, 3)
        self.aux = nn.Sequential(nn.Linear(7, 4), nn.ReLU(), nn.Linear(4, 10))
        self.fc = nn.Linear(7, 10)
        self.pack = pack

    def forward(self, x: Tensor) -> Any:
        features = self.conv(x).relu().mean((2, 3))
        scores = self.fc(features)
        return self.pack(scores, self.aux(features), features) if self.training else scores


@pytest.mark.parametrize("form", PACKS)
def test_main_scores_come_first_and_features_are_none(form: str) -> None:
    scores, aux, features = torch.zeros(2, 10), torch.ones(2, 10), torch.zeros(2, 7)
    assert [id(each) for each in all_scores(PACKS[form](scores, aux, features))] == [
        id(scores),
        id(aux),
    ]


@pytest.mark.parametrize("form", PACKS)
@pytest.mark.parametrize("auxiliary", [True, False])
def test_a_network_of_ones_own_is_trained_with_its_heads_or_without(
    fresh_registry: None, form: str, auxiliary: bool
) -> None:
    register(
        NetworkSpec("own", "Own", lambda: WithHead(PACKS[form]), input_size=32, auxiliary=("aux",))
    )
    dataset = shapes(per_class=6)
    made = plan(load("own"), "scratch", dataset.classes, auxiliary=auxiliary)
    count = len(dataset.classes)
    with_head = 3 * 7 * 9 + 7 + 7 * count + count, 7 * 4 + 4 + 4 * count + count
    assert made.parameters == sum(with_head) if auxiliary else with_head[0]
    steps = list(fit(made, dataset, split(dataset), TrainingSettings(epochs=2, size=32, batch=8)))
    losses = {len(step.auxiliary) for step in steps if step.loss is not None}
    assert losses == {1 if auxiliary else 0}
    result = steps[-1].result
    assert result is not None
    assert set(result.module.state_dict()) == {"conv.weight", "conv.bias", "fc.weight", "fc.bias"}
    with torch.inference_mode():
        assert result.module(torch.zeros(1, 3, 32, 32)).shape == (1, count)


@pytest.mark.parametrize("scenario", ["last-layer", "fine-tune"])
def test_transfer_leaves_such_a_head_out(fresh_registry: None, scenario: Any) -> None:
    pack = PACKS["namedtuple"]
    register(NetworkSpec("own", "Own", lambda: WithHead(pack), input_size=32, auxiliary=("aux",)))
    dataset = shapes(per_class=6)
    made = plan(load("own"), scenario, dataset.classes)
    assert [part.name for part in made.parts] == ["conv", "fc"]
    steps = list(fit(made, dataset, split(dataset), TrainingSettings(epochs=1, size=32, batch=8)))
    assert steps[-1].result is not None


@pytest.mark.networks
def test_inception_v3_learns_with_its_auxiliary_head() -> None:
    made = plan(load("inception_v3", "random"), "scratch", ("a", "b", "c"), auxiliary=True)
    module = made.build(torch.Generator().manual_seed(0)).train()
    assert isinstance(module, Inception3)
    batch, labels = torch.randn(2, 3, 299, 299), torch.tensor([0, 2])
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.eval()
    losses = Learner(module, optimiser="sgd", auxiliary_weight=0.4).step(batch, labels, 0.0)
    gradient = module.AuxLogits.fc.weight.grad
    assert gradient is not None
    assert gradient.any()
    with torch.no_grad():
        out = module(batch)
    expected = [float(cross_entropy(each, labels)) for each in (out.logits, out.aux_logits)]
    assert [losses.main, *losses.auxiliary] == pytest.approx(expected, rel=1e-3)


def test_what_inception_v3_trains_with_its_auxiliary_head_and_without() -> None:
    dataset = shapes(per_class=6)
    classes = len(dataset.classes)
    network = load("inception_v3", "random")
    made = plan(network, "scratch", dataset.classes, auxiliary=True)
    heads = {part.name: part.parameters for part in made.parts if part.name == "AuxLogits"}
    # conv0 768 → 128 (1 × 1) and conv1 128 → 768 (5 × 5), each with a batch norm, and fc.
    weights = 768 * 128 + 256 + 128 * 768 * 25 + 2 * 768
    assert heads == {"AuxLogits": weights + 768 * classes + classes}
    parts = split(dataset)
    with pytest.raises(SettingError, match="images of 75 × 75 pixels: choose 299"):
        fit(made, dataset, parts, TrainingSettings(size=75))
    without = plan(network, "last-layer", dataset.classes)
    assert "AuxLogits" not in [part.name for part in without.parts]
    assert without.trainable_parameters == 2048 * classes + classes
    steps = list(fit(without, dataset, parts, TrainingSettings(epochs=1, size=75, batch=8)))
    result = steps[-1].result
    assert result is not None
    assert not any(name.startswith("AuxLogits") for name in result.module.state_dict())


WRAPPED = {
    "weight_norm": (parametrizations.weight_norm, ["weight.original0", "weight.original1"]),
    "spectral_norm": (parametrizations.spectral_norm, ["weight.original"]),
    "first weight_norm": (weight_norm, ["weight_g", "weight_v"]),
    "first spectral_norm": (spectral_norm, ["weight_orig"]),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", WRAPPED)
def test_gradients_of_computed_weights_are_those_of_what_is_learned(name: str, bias: bool) -> None:
    wrap, learned = WRAPPED[name]
    module = nn.Sequential(wrap(nn.Conv2d(3, 4, 3, bias=bias)), nn.Flatten(), nn.Linear(64, 2))
    x = torch.randn(2, 3, 6, 6)
    names = ["0", "2"]
    norms = gradient_norms(module.eval()(x).square().sum(), module, names)
    torch.autograd.backward(module(x).square().sum())
    parameters = {
        key.removeprefix("0.").removeprefix("parametrizations."): value
        for key, value in module.named_parameters()
        if key.startswith("0.")
    }
    gradients = [parameters[key].grad for key in learned]
    assert norms["0"] == pytest.approx(
        float(torch.cat([g.flatten() for g in gradients if g is not None]).norm()), rel=1e-5
    )
    assert norms["2"] == pytest.approx(float(module[2].weight.grad.norm()), rel=1e-5)
    weights = torch.cat([parameters[key].detach().flatten() for key in learned])
    assert weight_norms(module, names)["0"] == pytest.approx(float(weights.norm()), rel=1e-5)


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("name", WRAPPED)
def test_computed_weights_are_drawn_anew_from_the_seed(name: str) -> None:
    def build() -> nn.Module:
        return nn.Sequential(WRAPPED[name][0](nn.Conv2d(3, 64, 3)), nn.ReLU())

    first, second, other = (untrained(NetworkSpec("own", "Own", build), seed) for seed in (0, 0, 1))
    x = torch.randn(1, 3, 8, 8)
    assert torch.allclose(first(x), second(x), rtol=1e-3)
    assert not torch.allclose(first(x), other(x), rtol=1e-3)
    if "spectral" in name:  # Miyato et al. 2018: the largest singular value is 1
        matrix = first[0].weight.detach().flatten(1)
        assert float(torch.linalg.matrix_norm(matrix, 2)) == pytest.approx(1, rel=0.01)
    else:  # He et al. 2015: variance 2 / 27
        assert float(first[0].weight.var()) == pytest.approx(2 / 27, rel=0.1)


def test_inception_is_known_with_its_head() -> None:
    assert spec("inception_v3").auxiliary == ("AuxLogits",)
