"""Small networks: what they are made of, and that their arithmetic holds."""

import pytest
import torch

from convviz.errors import SettingError
from convviz.features.capture import capture
from convviz.learning.plan import plan
from convviz.learning.small_networks import SmallDesign, small_network, small_spec
from convviz.structure.layers import layers


def test_stacks_double_their_channels_and_halve_their_sides() -> None:
    result = SmallDesign(width=16, depth=3, pixels=64).stacks()
    assert [(s.inputs, s.channels, s.side, s.output) for s in result] == [
        (3, 16, 64, 32),
        (16, 32, 32, 16),
        (32, 64, 16, 8),
    ]


def test_a_pooling_that_would_leave_too_little_is_left_out() -> None:
    result = SmallDesign(width=8, depth=6, pixels=32).stacks()
    assert [s.output for s in result] == [16, 8, 4, 4, 4, 4]
    assert [s.pooled for s in result] == [True] * 3 + [False] * 3
    assert [s.channels for s in result] == [8, 16, 32, 64, 128, 128]


@pytest.mark.parametrize("pixels", [32, 37, 64, 97])
@pytest.mark.parametrize("depth", [1, 2, 5, 8])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_arithmetic_is_what_the_network_does(
    depth: int, pixels: int, *, batch_norm: bool
) -> None:
    design = SmallDesign(4, depth, batch_norm, pixels)
    module = small_network(design).module
    names = [f"features.relu{k}" for k in range(1, depth + 1)]
    last = list(dict(module.features.named_children()))[-1]
    x = torch.zeros(1, 3, pixels, pixels)
    out = capture(module, x, [*names, f"features.{last}"])
    stacks = design.stacks()
    assert [tuple(out[name].shape[1:]) for name in names] == [
        (s.channels, s.side, s.side) for s in stacks
    ]
    assert out[f"features.{last}"].shape[2:] == (stacks[-1].output,) * 2
    assert module(x).shape == (1, 6)


def test_a_batch_norm_takes_the_place_of_the_bias() -> None:
    def parameters(*, batch_norm: bool) -> int:
        module = small_network(SmallDesign(8, 2, batch_norm, 32)).module
        return sum(parameter.numel() for parameter in module.parameters())

    # conv1 3·8·9, conv2 8·16·9, fc 16·6 + 6; and 8 + 16 biases, or a scale and a shift for each.
    bare = 3 * 8 * 9 + 8 * 16 * 9 + 16 * 6 + 6
    assert parameters(batch_norm=False) == bare + 24
    assert parameters(batch_norm=True) == bare + 48
    for batch_norm in (True, False):
        design = SmallDesign(8, 2, batch_norm, 32)
        assert design.parameters(6) == parameters(batch_norm=batch_norm)


def test_layers_have_titles_and_stages() -> None:
    result = layers(small_network(SmallDesign(4, 2, True, 32)))
    assert [each.title for each in result][:5] == ["conv1", "bn1", "relu1", "pool1", "conv2"]
    assert [each.title for each in result][-2:] == ["global average pooling", "fc"]
    assert [each.stage for each in result] == ["stack 1"] * 4 + ["stack 2"] * 4 + ["decoder"] * 2
    assert [each.in_encoder for each in result] == [True] * 8 + [False] * 2


def test_the_same_seed_makes_the_same_network_and_draws_from_no_global_numbers() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    design = SmallDesign(4, 2)
    first, same, other = (small_network(design, seed) for seed in (1, 1, 2))
    assert torch.rand(2).equal(expected)
    weight = [each.module.get_submodule("features.conv1").weight for each in (first, same, other)]
    assert weight[0].equal(weight[1])
    assert not weight[0].equal(weight[2])


def test_a_plan_from_scratch_trains_all_of_it() -> None:
    made = plan(small_network(SmallDesign(4, 2)), "scratch", ("a", "b", "c"))
    assert made.frozen_parameters == 0
    assert [part.name for part in made.parts] == [
        "features.conv1",
        "features.bn1",
        "features.conv2",
        "features.bn2",
        "fc",
    ]
    assert made.build(torch.Generator()).fc.out_features == 3


@pytest.mark.parametrize(
    ("design", "sentence"),
    [
        (SmallDesign(width=2), "width in channels, 2, is out of range; .* 4 to 64"),
        (SmallDesign(depth=9), "depth in stacks, 9, is out of range; .* 1 to 8"),
        (SmallDesign(pixels=20), "side in pixels, 20, is out of range"),
        (SmallDesign(depth=2.5), "whole number"),  # type: ignore[arg-type]
    ],
)
def test_a_design_out_of_range_gets_a_sentence(design: SmallDesign, sentence: str) -> None:
    for use in (small_spec, small_network, SmallDesign.stacks):
        with pytest.raises(SettingError, match=sentence):
            use(design)
