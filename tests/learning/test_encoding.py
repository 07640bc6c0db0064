"""Cutting a network in two before the first part that is trained."""

import pytest
import torch

from convviz.datasets.labelled_set import split
from convviz.datasets.shapes import shapes
from convviz.learning.config import TrainingSettings
from convviz.learning.encoding import cut
from convviz.learning.fit import fit
from convviz.learning.plan import plan
from convviz.networks.decoders import EncoderOnly
from convviz.networks.network import Network
from convviz.weights.load import load

CLASSES = ("a", "b", "c")


def built(name: str, pooled: bool) -> torch.nn.Module:
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
    ],
)
def test_both_halves_together_are_the_network(name: str, pooled: bool, part: str) -> None:
    module = built(name, pooled)
    halves = cut(module, [part])
    assert halves is not None
    before, after = halves
    x = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(after(before(x)), module(x))
    own = {id(p) for p in module.get_submodule(part).parameters()}
    assert own <= {id(p) for p in after.parameters()}
    assert not own & {id(p) for p in before.parameters()}


def test_nothing_is_cut_where_the_first_part_is_trained_or_the_order_is_not_known(
    tiny: Network,
) -> None:
    assert cut(built("alexnet", True), ["features.0", "decoder"]) is None
    assert cut(tiny.module, ["fc"]) is None
    changed = built("googlenet", False)
    changed.transform_input = True  # type: ignore[assignment]
    assert cut(changed, ["inception5a"]) is None


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
    # The decoder's features come from a copy in another layout; the maps from these weights, once,
    # and one picture shows how large they are.
    assert sum(seen) == len(data) + 1
