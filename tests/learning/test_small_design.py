"""Small networks: what they are made of, and that their arithmetic holds."""

import pytest
import torch

from convviz.errors import SettingError
from convviz.learning.plan import plan
from convviz.learning.small_design import SmallDesign, small_network
from convviz.networks.design_spec import design_of
from convviz.structure.layers import layers


def test_stacks_double_their_channels_and_halve_their_sides() -> None:
    assert SmallDesign(width=16, depth=3, pixels=64).design(6).text.splitlines() == [
        *("name small-16x3-bn-64", "input 3x64x64"),
        *("conv 16 3x3 p1", "batchnorm", "relu", "maxpool 2x2"),
        *("conv 32 3x3 p1", "batchnorm", "relu", "maxpool 2x2"),
        *("conv 64 3x3 p1", "batchnorm", "relu", "maxpool 2x2"),
        *("gap", "fc 6"),
    ]


def test_a_pooling_that_would_leave_too_little_is_left_out() -> None:
    design = SmallDesign(width=8, depth=6, batch_norm=False, pixels=32).design(2)
    assert [block.text for block in design.blocks if block.text != "relu"] == [
        *("input 3x32x32", "conv 8 3x3 p1", "maxpool 2x2", "conv 16 3x3 p1", "maxpool 2x2"),
        *("conv 32 3x3 p1", "maxpool 2x2", "conv 64 3x3 p1", "conv 128 3x3 p1", "conv 128 3x3 p1"),
        *("gap", "fc 2"),
    ]


@pytest.mark.parametrize("pixels", [32, 37, 97])
@pytest.mark.parametrize("depth", [1, 8])
def test_any_depth_fits(depth: int, pixels: int) -> None:
    network = small_network(SmallDesign(4, depth, pixels=pixels), classes=3)
    assert network.module(torch.zeros(1, 3, pixels, pixels)).shape == (1, 3)
    assert design_of(network.spec) == SmallDesign(4, depth, pixels=pixels).design(3)


def test_a_batch_norm_takes_the_place_of_the_bias() -> None:
    def parameters(*, batch_norm: bool) -> int:
        module = small_network(SmallDesign(8, 2, batch_norm, 32)).module
        return sum(parameter.numel() for parameter in module.parameters())

    # conv1 3·8·9, conv2 8·16·9, fc 16·6 + 6; and 8 + 16 biases, or a scale and a shift for each.
    bare = 3 * 8 * 9 + 8 * 16 * 9 + 16 * 6 + 6
    assert parameters(batch_norm=False) == bare + 24
    assert parameters(batch_norm=True) == bare + 48


def test_its_layers_are_those_of_a_design() -> None:
    result = layers(small_network(SmallDesign(4, 2, True, 32)))
    assert [each.title for each in result][:5] == [
        *("conv1", "batchnorm1", "relu1", "maxpool1", "conv2"),
    ]
    assert [each.in_encoder for each in result] == [True] * 8 + [False] * 2


def test_the_same_seed_makes_the_same_network_and_draws_from_no_global_numbers() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    design = SmallDesign(4, 2)
    first, same, other = (small_network(design, seed) for seed in (1, 1, 2))
    assert torch.rand(2).equal(expected)
    weight = [each.module.get_submodule("conv1").weight for each in (first, same, other)]
    assert weight[0].equal(weight[1])
    assert not weight[0].equal(weight[2])


def test_a_plan_from_scratch_trains_all_of_it() -> None:
    made = plan(small_network(SmallDesign(4, 2)), "scratch", ("a", "b", "c"))
    assert made.frozen_parameters == 0
    assert [part.name for part in made.parts] == [
        "conv1",
        "batchnorm1",
        "conv2",
        "batchnorm2",
        "fc1",
    ]
    assert made.build(torch.Generator()).fc1.out_features == 3


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
    for use in (small_network, lambda design: design.design(2)):
        with pytest.raises(SettingError, match=sentence):
            use(design)
