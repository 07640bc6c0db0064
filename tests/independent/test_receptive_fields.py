"""Boxes of receptive fields against the pixels that have a gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from convviz.networks.network import Network
from convviz.networks.registry import build
from convviz.structure.costs import receptive_field
from convviz.structure.layers import Layer, layers
from tests.independent.networks import spec_of
from tests.networks_for_tests import network_of

Measured = tuple[int, int, tuple[int, int, int, int]]  # row, column, box


def all_positive(name: str) -> nn.Module:
    """Build a network in which every value moves every value that reads it.

    Weights are positive, so no gradients cancel; a maximum becomes a mean, which passes gradients
    to the whole window; norms and dropout do nothing; ReLUs see positive numbers only.
    """
    module = build(spec_of(name)).to_empty(device="cpu").double().eval()
    generator = torch.Generator().manual_seed(0)
    for part_name, part in list(module.named_modules()):
        if isinstance(part, nn.Conv2d | nn.Linear):
            fan = part.weight[0].numel()
            part.weight.data.uniform_(0.5 / fan, 1.5 / fan, generator=generator)
            if part.bias is not None:
                part.bias.data.zero_()
        elif isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()
        elif isinstance(part, nn.MaxPool2d):
            parent, _, leaf = part_name.rpartition(".")
            mean = nn.AvgPool2d(part.kernel_size, part.stride, part.padding, part.ceil_mode)
            setattr(module.get_submodule(parent), leaf, mean)
    return module


def boxes(module: nn.Module, size: int, names: set[str], every: int) -> dict[str, list[Measured]]:
    """Measure the box of some positions of every layer, by the support of their gradients."""
    outputs: dict[str, Tensor] = {}
    hooks = [
        part.register_forward_hook(
            lambda _, __, out, name=name: outputs.__setitem__(name, out.clone())
        )
        for name, part in module.named_modules()
        if name in names
    ]
    image = torch.ones(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    module(image)
    for hook in hooks:
        hook.remove()
    found: dict[str, list[Measured]] = {}
    for name, out in outputs.items():
        if out.dim() != 4:
            continue
        height, width = out.shape[2:]
        places = [(i * 7 % height, i * 5 % width) for i in range(0, height * width, every)]
        for row, column in {(0, 0), (height - 1, width - 1), *places[:4]}:
            total = out[0, :, row, column].sum()
            (gradient,) = torch.autograd.grad(total, image, retain_graph=True)
            rows, columns = gradient[0].sum(0).nonzero(as_tuple=True)
            box = (int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
            found.setdefault(name, []).append((row, column, box))
    return found


@pytest.mark.parametrize(
    ("name", "size", "every"),
    [
        ("alexnet", 127, 10_000),
        ("googlenet", 65, 10_000),
        *(
            pytest.param(name, size, 9, marks=pytest.mark.independent)
            for name, size in (
                *(("alexnet", 224), ("vgg11_bn", 96), ("vgg16", 64), ("googlenet", 128)),
                *(("resnet18", 96), ("densenet121", 64), ("mobilenet_v2", 96)),
                *(("squeezenet1_1", 96), ("mnasnet0_5", 96), ("regnet_x_400mf", 96)),
            )
        ),
    ],
)
def test_boxes_are_the_pixels_with_a_gradient(name: str, size: int, every: int) -> None:
    module = all_positive(name)
    network: Network = network_of(module, side=size)
    listed: dict[str, Layer] = {layer.name: layer for layer in layers(network)}
    compared = 0
    module.requires_grad_(False)
    for layer_name, measured in boxes(module, size, set(listed), every).items():
        field = receptive_field(network, layer_name)
        if field is None:
            continue
        for row, column, box in measured:
            assert field.box(row, column) == box, (layer_name, row, column)
            compared += 1
    assert compared >= 2 * len([each for each in listed.values() if len(each.shape) == 3]) * 0.5
