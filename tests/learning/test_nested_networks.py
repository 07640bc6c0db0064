"""Networks of unusual build: in a wrapper, with a last layer inside a module, with odd passes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from convviz.datasets.labelled_set import Dataset, split
from convviz.errors import NetworkError
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import SCENARIOS, Scenario, parts_of, plan
from convviz.networks import registry
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import build, register
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.reconstruct import reconstruct
from convviz.structure.layers import layers
from convviz.weights.load import load
from tests.learning.test_odd_networks import IMAGE

SETTINGS = TrainingSettings(epochs=1, size=16)


class Inner(nn.Module):
    """Two convolutions, and a layer of scores beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, 4, 1, 1))
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc((self.features(x) * self.scale).mean((2, 3)))


class Wrapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = Inner()

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(4, 6)
        self.fc2 = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.fc1(x).relu())


class WithHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = Head()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(x).relu().mean((2, 3)))


class InDictionary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({"conv": nn.Conv2d(3, 4, 3), "fc": nn.Linear(4, 5)})

    def forward(self, x: Tensor) -> Tensor:
        return self.parts["fc"](self.parts["conv"](x).relu().mean((2, 3)))


def test_parts_are_listed_from_the_image_to_the_classes() -> None:
    names = ["features.0", "features.1", "features.2", "features.3", "fc"]
    assert list(parts_of(Inner())) == names
    assert list(parts_of(Wrapped(), ["model.fc"])) == [f"model.{name}" for name in names]
    assert list(parts_of(Wrapped())) == ["model"]
    assert list(parts_of(WithHead(), ["head.fc2"])) == ["conv", "head.fc1", "head.fc2"]


def made(builder: Callable[[], nn.Module]) -> Network:
    torch.manual_seed(0)
    register(NetworkSpec(name="nested", title="Nested", build=builder, input_size=16))
    return load("nested")


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize(
    ("builder", "replaced", "kept"),
    [
        (Wrapped, "model.fc", "model.features.0"),
        (lambda: nn.DataParallel(Inner()), "module.fc", "module.features.0"),
        (WithHead, "head.fc2", "conv"),
        (InDictionary, "parts.fc", "parts.conv"),
    ],
)
def test_the_last_layer_is_replaced_wherever_it_lies(
    fresh_registry: None,
    builder: Callable[[], nn.Module],
    replaced: str,
    kept: str,
    scenario: Scenario,
    few: Dataset,
) -> None:
    network = made(builder)
    found = plan(network, scenario, few.classes, thaw=None)
    states = {part.name: part.state for part in found.parts}
    *_, step = fit(found, few, split(few), SETTINGS)
    assert step.result is not None
    before, after = network.module.state_dict(), step.result.module.state_dict()
    same = torch.equal(after[f"{kept}.weight"], before[f"{kept}.weight"])
    assert same == {"frozen": True, "from scratch": False}.get(states[kept], same)
    assert step.result.module(torch.zeros(1, 3, 16, 16)).shape == (1, len(few.classes))
    if scenario == "last-layer":
        assert states[replaced] == "replaced"
        assert set(states.values()) == {"replaced", "frozen"}
        counted = sum(part.parameters for part in found.parts)
        assert counted == sum(p.numel() for p in step.result.module.parameters())


class Volumes(nn.Module):
    """Convolves over depth as well."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 4, 3, padding=1)
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x.unsqueeze(1)).relu().mean((2, 3, 4)))


def test_convolutions_over_volumes_are_trained_and_reconstructed(
    fresh_registry: None, few: Dataset
) -> None:
    network = made(Volumes)
    *_, step = fit(plan(network, "last-layer", few.classes), few, split(few), SETTINGS)
    assert step.result is not None
    *_, done = reconstruct(network, IMAGE, ReconstructionConfig(layer="fc", steps=1))
    assert done.result is not None


class OneNumber(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).sum()


def test_a_network_that_returns_one_number_is_looked_into(fresh_registry: None) -> None:
    assert [layer.name for layer in layers(made(OneNumber))] == ["conv"]


@pytest.mark.claims("convviz.networks.registry._cannot_be_looked_into")
def test_layers_without_a_size_yet_are_refused_in_one_sentence(fresh_registry: None) -> None:
    def builder() -> nn.Module:
        return nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU())

    spec = NetworkSpec(name="lazy", title="Lazy", build=builder, input_size=16)
    with pytest.raises(NetworkError, match=r"the sizes of its LazyConv2d .* returns it\.$"):
        build(spec)


class Odd(nn.Module):
    """Does something unusual with its input or its maps before the scores."""

    def __init__(
        self, before: Callable[[Tensor], Tensor], after: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 5)
        self.before, self.after = before, after

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.after(self.conv(self.before(x)).relu().mean((2, 3))))


def same(x: Tensor) -> Tensor:
    return x


def test_a_network_that_changes_its_input_in_place_is_reconstructed(fresh_registry: None) -> None:
    errors = []
    for double in (lambda x: x * 2, lambda x: x.mul_(2)):
        network = made(lambda double=double: Odd(double, same))  # type: ignore[misc]
        registry._specs.pop("nested")
        config = ReconstructionConfig(layer="conv", steps=2, precision="float32")
        *_, step = reconstruct(network, IMAGE, config)
        assert step.result is not None
        errors.append(step.result.relative_error)
    assert 0 < errors[0] == errors[1]


def test_a_forward_for_one_image_only_cannot_learn_and_says_so(
    fresh_registry: None, few: Dataset
) -> None:
    network = made(lambda: Odd(same, lambda x: x.reshape(1, -1)[:, :4]))
    with pytest.raises(NetworkError, match="makes 1 of 16 images"):
        list(fit(plan(network, "last-layer", few.classes), few, split(few), SETTINGS))


def test_a_forward_that_takes_no_bfloat16_learns_in_float32(
    fresh_registry: None, few: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convviz.learning.fit.fast_dtype", lambda: torch.bfloat16)
    network = made(lambda: Odd(same, lambda x: torch.from_numpy(x.detach().numpy())))
    *_, step = fit(plan(network, "last-layer", few.classes), few, split(few), SETTINGS)
    assert step.result is not None
