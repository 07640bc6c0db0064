"""Receptive fields, against the pixels that really move one output position."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from convviz.networks import registry
from convviz.networks.clone import clone
from convviz.structure import costs
from convviz.structure.axis import NOTHING, Axis

SIZES = (224, 163)


class Slim(nn.Module):
    """A convolution with the same geometry but one channel and positive weights.

    One channel is enough to see which pixels matter; positive weights cannot cancel out.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            1, 1, conv.kernel_size, conv.stride, conv.padding, conv.dilation, bias=False
        ).double()
        nn.init.constant_(self.conv.weight, 1.0 / conv.kernel_size[0])

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x.mean(1, keepdim=True))
        return y


def slim(module: nn.Module) -> nn.Module:
    """Copy a network with slim convolutions, means for maxima, and no ReLU or norm of its own."""
    copied = clone(module)
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d):
                setattr(parent, name, Slim(child))
            elif isinstance(child, nn.MaxPool2d):
                # A maximum passes gradients through one pixel; a mean shows the whole window.
                mean = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
                setattr(parent, name, mean)
            elif isinstance(child, nn.BatchNorm2d | nn.ReLU | nn.Dropout):
                setattr(parent, name, nn.Identity())
    return copied


class EnoughError(Exception):
    """The encoder is done."""


def outputs(module: nn.Module, names: set[str], image: Tensor) -> dict[str, Tensor]:
    outputs_by_name: dict[str, Tensor] = {}
    for name, part in module.named_modules():
        if name in names:

            def keep(_: nn.Module, __: object, out: Tensor, name: str = name) -> None:
                outputs_by_name[name] = out * 1.0
                if names <= set(outputs_by_name):
                    raise EnoughError

            part.register_forward_hook(keep)
    with pytest.raises(EnoughError):
        module(image)
    return outputs_by_name


def measured_box(out: Tensor, row: int, column: int, image: Tensor) -> tuple[int, ...] | None:
    (gradient,) = torch.autograd.grad(out[0, :, row, column].sum(), image, retain_graph=True)
    rows, columns = gradient[0].abs().sum(0).nonzero(as_tuple=True)
    if not len(rows):
        return None
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet"])
@pytest.mark.parametrize("size", SIZES)
def test_boxes_are_the_pixels_that_move_a_position(name: str, size: int) -> None:
    spec = registry.spec(name)
    rows = [
        row
        for row in costs.count(spec, size).layers
        if row.kind in {"convolution", "max pooling"} and row.executed
    ]
    assert len(rows) == {"alexnet": 8, "vgg16": 18, "googlenet": 57 + 13}[name]
    image = torch.ones(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    module = slim(spec.build()).to_empty(device="cpu").double()
    for parameter in module.parameters():
        nn.init.constant_(parameter, 0.3)
    outputs_by_name = outputs(module, {row.module for row in rows}, image)
    for row in rows:
        out = outputs_by_name[row.module]
        assert row.field is not None
        assert tuple(out.shape[-2:]) == row.field.shape
        last = row.field.shape[0] - 1
        for position in {(0, last), (last // 2, last // 2)}:
            assert row.field.box(*position) == measured_box(out, *position, image), row.name


@pytest.mark.parametrize(("name", "last", "size"), [("vgg16", 212, 420), ("googlenet", 379, 780)])
def test_unclipped_boxes_are_as_large_as_the_formula_says(name: str, last: int, size: int) -> None:
    rows = [row for row in costs.count(registry.spec(name), size).layers if row.part == "encoder"]
    assert rows[-1].receptive_field == last
    for row in rows:
        assert row.field is not None
        middle = row.field.shape[0] // 2
        box = row.field.box(middle, middle)
        assert box is not None
        assert box[2] - box[0] == box[3] - box[1] == row.receptive_field, row.name


def test_adaptive_pooling_that_changes_nothing_changes_nothing() -> None:
    rows = {row.name: row for row in costs.count(registry.spec("alexnet"), 224).layers}
    assert rows["avgpool"].field == rows["features.12"].field
    rows = {row.name: row for row in costs.count(registry.spec("alexnet"), 320).layers}
    assert rows["avgpool"].receptive_field == 195 + 32  # 9 positions shared out to 6 by twos


kernels = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(1, 2))


@settings(max_examples=60, deadline=None)
@given(length=st.integers(6, 40), chain=st.lists(kernels, min_size=1, max_size=4))
def test_chains_of_kernels_see_what_gradients_say(
    length: int, chain: list[tuple[int, int, int, int]]
) -> None:
    image = torch.ones(1, 1, length, dtype=torch.float64, requires_grad=True)
    axis, x = Axis.of_input(length), image
    for kernel, stride, padding, dilation in chain:
        if x.shape[-1] + 2 * padding < dilation * (kernel - 1) + 1:
            break
        weight = torch.ones(1, 1, kernel, dtype=torch.float64)
        x = nn.functional.conv1d(x, weight, None, stride, padding, dilation)
        axis = axis.slide(
            kernel=kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            positions=x.shape[-1],
        )
    for position in range(x.shape[-1]):
        (gradient,) = torch.autograd.grad(x[0, 0, position], image, retain_graph=True)
        moved = gradient[0, 0].nonzero().flatten().tolist()
        assert axis.seen[position] == ((moved[0], moved[-1]) if moved else NOTHING)


@given(length=st.integers(1, 30), positions=st.integers(1, 12))
def test_adaptive_pooling_shares_the_map_out_as_torch_does(length: int, positions: int) -> None:
    values = torch.eye(length)[None]
    pooled = nn.functional.adaptive_avg_pool1d(values, positions)[0]
    axis = Axis.of_input(length).pool_to(positions)
    for position in range(positions):
        pixels = pooled[:, position].nonzero().flatten()
        assert axis.seen[position] == (int(pixels.min()), int(pixels.max()))


def test_padding_is_seen_by_nobody() -> None:
    axis = Axis.of_input(3).pad(1, -1)
    assert axis.seen == (NOTHING, (0, 0), (1, 1))
