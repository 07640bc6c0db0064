"""Networks that are built without values, and what they get when they are given memory."""

import pytest
import torch
import torchvision
from torch import Tensor, nn

from convviz.networks.registry import build, spec
from convviz.networks.without_values import build_without_values, give_memory


class Made(nn.Module):
    """Tensors of all origins: drawn, filled, computed, read while the network is built."""

    def __init__(self) -> None:
        super().__init__()
        widths = (torch.arange(3) * 2 + 4).tolist()
        self.conv = nn.Conv2d(3, widths[1], 3)
        nn.init.kaiming_normal_(self.conv.weight)
        self.norm = nn.BatchNorm2d(widths[1])
        self.scale = nn.Parameter(torch.ones(widths[1], 1, 1) * 0.5)
        self.places = nn.Parameter(torch.empty(1, 4).normal_(std=0.02))
        self.register_buffer("index", torch.arange(6).reshape(2, 3))
        self.tied = nn.Linear(2, 2)
        self.tied_as_well = nn.Linear(2, 2)
        self.tied_as_well.weight = self.tied.weight
        self.frozen = nn.Parameter(torch.empty(2), requires_grad=False)


def tensors(module: nn.Module) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def test_everything_is_on_the_meta_device_with_the_shapes_of_a_plain_build() -> None:
    plain, module = Made(), build_without_values(Made)
    assert all(tensor.is_meta for tensor in tensors(module).values())
    assert {name: tuple(tensor.shape) for name, tensor in tensors(module).items()} == {
        name: tuple(tensor.shape) for name, tensor in tensors(plain).items()
    }
    assert module.tied.weight is module.tied_as_well.weight
    flags = {name: parameter.requires_grad for name, parameter in module.named_parameters()}
    assert flags == {name: each.requires_grad for name, each in plain.named_parameters()}


def test_memory_brings_back_what_was_computed_and_names_the_rest() -> None:
    plain, module = Made(), build_without_values(Made)
    empty = give_memory(module)
    assert empty == {
        *("conv.weight", "conv.bias", "norm.weight", "norm.bias", "places", "frozen"),
        *("tied.weight", "tied.bias", "tied_as_well.bias"),
    }
    for name, tensor in tensors(module).items():
        assert tensor.device.type == "cpu"
        assert name in empty or torch.equal(tensor, tensors(plain)[name]), name
    assert module.tied.weight is module.tied_as_well.weight


@pytest.mark.parametrize("name", ["regnet_x_400mf", "swin_v2_t", "inception_v3", "vit_b_32"])
def test_nothing_is_drawn_and_the_callers_device_does_not_matter(name: str) -> None:
    before = torch.random.get_rng_state()
    module = build(spec(name))
    with torch.device("meta"):
        under_meta = build(spec(name))
    assert torch.equal(torch.random.get_rng_state(), before)
    shapes = {key: value.shape for key, value in module.state_dict().items()}
    assert shapes == {key: value.shape for key, value in under_meta.state_dict().items()}
    assert all(value.is_meta for value in module.state_dict().values())


@pytest.mark.parametrize("name", ["swin_t", "swin_v2_t", "maxvit_t", "regnet_y_400mf"])
def test_it_is_the_network_that_torchvision_builds(name: str) -> None:
    module, plain = build(spec(name)), torchvision.models.get_model(name)
    assert {key: value.shape for key, value in module.state_dict().items()} == {
        key: value.shape for key, value in plain.state_dict().items()
    }
    give_memory(module)
    buffers = dict(plain.named_buffers())
    assert buffers
    for key, value in module.named_buffers():
        assert torch.equal(value, buffers[key]), key
