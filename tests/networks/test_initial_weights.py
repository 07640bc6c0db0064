"""Untrained weights."""

import pytest
import torch
from torch import nn

from convviz.networks.initial_weights import untrained
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import spec


def small_network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 50, 5), nn.BatchNorm2d(50), nn.ReLU(), nn.Flatten(), nn.Linear(200, 80)
    )


SMALL = NetworkSpec(name="small", title="Small", build=small_network, input_size=6)


def test_the_same_seed_gives_the_same_weights_whatever_the_global_seed() -> None:
    state = torch.random.get_rng_state()
    torch.manual_seed(1)
    first = untrained(SMALL, seed=5).state_dict()
    torch.manual_seed(2)
    second = untrained(SMALL, seed=5).state_dict()
    third = untrained(SMALL, seed=6).state_dict()
    torch.random.set_rng_state(state)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["0.weight"], third["0.weight"])


def test_weights_follow_the_rule_of_the_docstring() -> None:
    convolution, norm, _, _, linear = untrained(SMALL, seed=0)
    assert convolution.weight.std().item() == pytest.approx((2 / 75) ** 0.5, rel=0.05)
    assert linear.weight.abs().max().item() <= 200**-0.5
    assert linear.weight.std().item() == pytest.approx((200 * 3) ** -0.5, rel=0.05)
    assert not convolution.bias.any()
    assert not linear.bias.any()
    assert norm.running_var.eq(1).all()
    assert norm.weight.eq(1).all()


def test_a_signal_keeps_its_strength_through_googlenet() -> None:
    module = untrained(spec("googlenet"), seed=0)
    assert not any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert 0.01 < module(image).std() < 100


def test_a_module_that_build_returns_every_time_keeps_its_own_weights() -> None:
    module = small_network()
    weight = module[0].weight.clone()
    redrawn = untrained(NetworkSpec(name="mine", title="Mine", build=lambda: module), seed=0)
    assert torch.equal(module[0].weight, weight)
    assert not torch.equal(redrawn[0].weight, weight)
