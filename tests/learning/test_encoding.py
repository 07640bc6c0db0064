"""Cutting a network in two before the first part that is trained."""

import pytest
import torch
from torchvision import models

from convviz.datasets.labelled_set import split
from convviz.datasets.shapes import shapes
from convviz.learning.config import TrainingSettings
from convviz.learning.encoding import cut
from convviz.learning.fit import fit
from convviz.learning.plan import plan
from convviz.networks.decoders import EncoderOnly
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import register
from convviz.weights.load import load

CLASSES = ("a", "b", "c")


def built(name: str, pooled: bool) -> torch.nn.Module:
    if name == "resnet18":
        register(NetworkSpec(name, "ResNet-18", models.resnet18))
    network = load(name, "random")
    if pooled:
        features = EncoderOnly(network.module.get_submodule("features")).eval()
        network = Network(network.spec, features, network.weights)
    return plan(network, "last-layer", CLASSES).build(torch.Generator().manual_seed(0)).eval()


@pytest.mark.parametrize(
    ("name", "pooled", "part"),
    [
        ("googlenet", False, "inception5a"),
        ("googlenet", False, "conv2"),
        ("googlenet", False, "fc"),
        ("alexnet", True, "features.10"),
        ("alexnet", True, "decoder"),
        ("alexnet", False, "features.8"),
        ("vgg11_bn", True, "features.25"),
        ("resnet18", False, "layer4.1"),
    ],
)
def test_both_halves_together_are_the_network(
    fresh_registry: None, name: str, pooled: bool, part: str
) -> None:
    module = built(name, pooled)
    x = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    halves = cut(module, [part], x)
    assert halves is not None
    before, after, maps = halves
    with torch.no_grad():
        assert torch.equal(after(before(x)), module(x))
        assert torch.equal(before(x), maps)
    own = {id(p) for p in module.get_submodule(part).parameters()}
    assert own <= {id(p) for p in after.parameters()}
    assert not own & {id(p) for p in before.parameters()}


def test_nothing_is_cut_where_the_first_part_is_trained_or_the_order_is_not_known(
    tiny: Network,
) -> None:
    x = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    assert cut(built("alexnet", True), ["features.0", "decoder"], x) is None
    assert cut(tiny.module, ["fc"], x) is None
    changed = built("googlenet", False)
    changed.transform_input = True  # type: ignore[assignment]
    assert cut(changed, ["inception5a"], x) is None


def test_fine_tuning_runs_what_is_frozen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network, data = load("googlenet", "random"), shapes(per_class=3)
    made = plan(network, "fine-tune", data.classes, thaw=["inception5b"])
    seen: list[int] = []
    conv = type(network.module.get_submodule("conv1"))
    forward = conv.forward
    stem = network.module.get_submodule("conv1.conv").weight.data_ptr()  # type: ignore[union-attr,operator]

    def counted(self: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        if self.conv.weight.data_ptr() == stem:
            seen.append(len(x))
        return forward(self, x)

    monkeypatch.setattr(conv, "forward", counted)
    steps = list(fit(made, data, split(data), TrainingSettings(epochs=6, size=64, batch=8)))
    assert steps[-1].epoch == 6
    # The decoder's features come from a copy in another layout; the maps from these weights, once.
    # One image is run twice before: whole and in halves, to compare them.
    assert sum(seen) == len(data) + 2
