"""Layers whose weights are computed from others in each pass are what they were before.

PyTorch has had two forms of weight_norm and of spectral_norm, prune, and parametrizations of
one's own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune

from convviz.features.arithmetic import arithmetic
from convviz.features.filters import filter_layers, filters
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.structure.costs import count, receptive_field
from convviz.structure.dataflow import norm_pairs
from convviz.structure.layers import layer, layers
from convviz.structure.ops import weight_of
from convviz.structure.trace import trace
from tests.networks_for_tests import network_of


class Double(nn.Module):
    """Twice the weight that is kept."""

    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def own(module: nn.Module) -> nn.Module:
    parametrize.register_parametrization(module, "weight", Double())
    return module


def old(name: str) -> Callable[[nn.Module], nn.Module]:
    def apply(module: nn.Module) -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is a newer form
            changed: nn.Module = getattr(nn.utils, name)(module)
        return changed

    return apply


def pruned(module: nn.Module) -> nn.Module:
    return prune.l1_unstructured(module, "weight", amount=0.3)


# How many parameters and other weights it adds for a kernel of so many outputs.
FORMS: dict[str, tuple[Callable[[nn.Module], nn.Module], bool]] = {
    "plain": (lambda module: module, False),
    "weight_norm": (parametrizations.weight_norm, True),
    "spectral_norm": (parametrizations.spectral_norm, False),
    "own": (own, False),
    "old weight_norm": (old("weight_norm"), True),
    "old spectral_norm": (old("spectral_norm"), False),
    "pruned": (pruned, False),
    "twice": (lambda module: own(parametrizations.weight_norm(module)), True),
}


def network(form: str) -> nn.Module:
    torch.manual_seed(0)
    apply = FORMS[form][0]
    return nn.Sequential(
        *(apply(nn.Conv2d(3, 8, 3, bias=False)), nn.ReLU()),
        *(apply(nn.Conv2d(8, 8, 3, stride=2)), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), apply(nn.Linear(8, 4))),
    ).eval()


@pytest.mark.parametrize("form", FORMS)
def test_a_layer_stays_what_it_is(form: str) -> None:
    module = network(form)
    whole = network_of(module, side=16)
    found = {each.name: each for each in layers(whole)}
    assert list(found) == ["0", "1", "2", "3", "4", "5", "6"]
    kinds = [found[name].kind for name in ("0", "2", "6")]
    assert kinds == ["convolution", "convolution", "linear"]
    assert [found[name].pre_relu for name in ("0", "2")] == ["0", "2"]
    costs = count(whole)
    rows = {row.name: row for row in costs.layers}
    assert list(rows) == ["0", "1", "2", "3", "4", "5", "6"]
    assert [rows[name].depth for name in ("0", "2", "6")] == [1, 2, 3]
    assert [rows[name].receptive_field for name in ("0", "2")] == [3, 5]
    assert rows["2"].window is not None
    assert (rows["2"].window.kernel, rows["2"].window.stride) == ((3, 3), (2, 2))
    # 14 × 14 outputs of 27 products each, 6 × 6 of 72, and 32.
    assert costs.macs == 14 * 14 * 8 * 27 + 6 * 6 * 8 * 72 + 8 * 4
    magnitudes = 8 + 8 + 4 if FORMS[form][1] else 0
    assert costs.parameters == 836 + magnitudes
    assert costs.parameters == sum(p.numel() for p in module.parameters())
    assert [each.name for each in filter_layers(whole)] == ["0", "2"]
    assert receptive_field(whole, "0") is not None


@pytest.mark.parametrize("form", FORMS)
def test_the_kernels_shown_are_those_that_multiply(form: str) -> None:
    module = network(form)
    with torch.no_grad():
        for parameter in module.parameters():  # as a file of weights does, without a pass
            parameter.mul_(1.5).add_(0.01)
    whole = network_of(module, side=16)
    shown = filters(whole, layer(whole, "0")).kernels
    # What a convolution multiplies by is what it answers to one pixel of each input with.
    unit = torch.zeros(3, 3, 5, 5)
    unit[range(3), range(3), 2, 2] = 1
    answer = module[0](unit)  # 3 images × 8 maps of 3 × 3, turned round
    assert torch.allclose(shown, answer.flip(2, 3).transpose(0, 1), atol=1e-6)
    assert torch.equal(weight_of(module[0]), module[0].weight.detach())
    image = decode(sample("cat").read())
    for name in ("0", "1", "2", "6"):
        derived = arithmetic(whole, image, name, 1, 0, 0)
        assert derived.difference == pytest.approx(0, abs=1e-4)
        assert not any(type(stage).__name__ == "Opaque" for stage in derived.stages)


def test_a_norm_is_not_folded_into_computed_weights() -> None:
    for form in FORMS:
        pair = nn.Sequential(FORMS[form][0](nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4)).eval()
        assert len(norm_pairs(trace(pair, 8))) == (form == "plain")


def test_modules_that_compute_weights_are_no_layers() -> None:
    module = nn.Sequential(nn.Conv2d(3, 1, 3), nn.ReLU())
    own(module[0])  # a weight of one output looks like a map of one image
    assert [each.name for each in layers(network_of(module, side=8))] == ["0", "1"]
