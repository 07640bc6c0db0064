"""Batch norms folded into convolutions: the same numbers, and nothing else changed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from convviz.features.capture import truncated
from convviz.reconstruction.folding import fold_norms
from convviz.weights.load import load


def _norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for values in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            assert values is not None
            values.copy_(torch.rand(channels, generator=generator) + 0.5)
    return norm


def test_one_channel_by_hand() -> None:
    """y = 2·x + 1, then (y − 3) / √(4 − ε + ε) · 10 + 7: at x = 5 that is 47."""
    convolution, norm = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert convolution.bias is not None
    with torch.no_grad():
        convolution.weight.fill_(2.0)
        convolution.bias.fill_(1.0)
        norm.running_mean.fill_(3.0)
        norm.running_var.fill_(4.0 - norm.eps)
        norm.weight.fill_(10.0)
        norm.bias.fill_(7.0)
    module = nn.Sequential(convolution, norm).eval()
    fold_norms(module, torch.ones(1, 1, 2, 2))
    folded = module(torch.full((1, 1, 1, 1), 5.0))
    assert folded.item() == pytest.approx(47.0)
    assert convolution.weight.item() == pytest.approx(10.0)
    assert convolution.bias.item() == pytest.approx(-3.0)


def test_googlenet_puts_out_the_same_and_keeps_its_own_weights() -> None:
    network = load("googlenet", "bundled", fetch=False)
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    batch = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for name in ("inception3a", "conv1.bn", "conv1.conv"):
        plain, folded = (truncated(network.module, name) for _ in range(2))
        fold_norms(folded, batch)
        torch.testing.assert_close(folded(batch), plain(batch), rtol=1e-4, atol=1e-4)
    after = network.module.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_norms_no_longer_run() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), _norm(4), nn.ReLU()).eval()
    batch = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        fold_norms(module, batch)
        after_convolution = module[0](batch)
        assert torch.equal(module(batch), after_convolution.relu())


class _Shared(nn.Module):
    """A convolution whose output is read twice: by a norm, and as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), _norm(4)

    def forward(self, batch: Tensor) -> Tensor:
        result = self.convolution(batch)
        return self.norm(result) + result


class _Twice(nn.Module):
    """A convolution that runs twice, with a norm after its second run."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 1), _norm(3)

    def forward(self, batch: Tensor) -> Tensor:
        return self.norm(self.convolution(self.convolution(batch).relu()))


@pytest.mark.parametrize("make", [_Shared, _Twice])
def test_what_cannot_be_folded_stays_as_it_is(make: type[nn.Module]) -> None:
    module = make().eval()
    batch = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        before = module(batch)
        fold_norms(module, batch)
        assert torch.equal(module(batch), before)
