"""Which layers are compared, and how layout and detail are told apart."""

import pytest
import torch

from convviz.networks.registry import spec
from convviz.reconstruction import quality
from convviz.structure import layers as structure_layers
from convviz.structure.layers import layers as network_layers


@pytest.fixture(scope="module")
def layers():
    return {name: network_layers(spec(name)) for name in ("alexnet", "vgg16", "googlenet")}


def titles(found):
    return [layer.title for layer in found]


def test_one_per_stage_is_the_last_relu_before_each_pooling(layers):
    assert titles(structure_layers.one_per_stage(layers["vgg16"])) == [
        "relu1_2",
        "relu2_2",
        "relu3_3",
        "relu4_3",
        "relu5_3",
    ]
    assert titles(structure_layers.one_per_stage(layers["alexnet"])) == [
        f"relu{i}" for i in range(1, 6)
    ]


def test_many_stages_are_thinned_and_keep_first_and_last(layers):
    found = structure_layers.one_per_stage(layers["googlenet"], at_most=4)
    assert titles(found)[0] == "conv3 (3×3)"
    assert titles(found)[-1] == "inception5b"
    assert len(found) == 4
    assert [layer.index for layer in found] == sorted(layer.index for layer in found)


def test_the_trunk_leaves_out_the_branches(layers):
    through = structure_layers.trunk(layers["googlenet"])
    assert titles(through)[:4] == ["conv1", "conv2 (1×1)", "conv3 (3×3)", "inception3a"]
    assert all("·" not in layer.title for layer in through)
    assert len(through) == 12


def test_depth_goes_from_0_to_1_and_back_to_the_layer(layers):
    for found in layers.values():
        through = structure_layers.trunk(found)
        assert structure_layers.trunk_depth(found, through[0]) == 0
        assert structure_layers.trunk_depth(found, through[-1]) == 1
        for layer in through:
            depth = structure_layers.trunk_depth(found, layer)
            assert structure_layers.at_trunk_depth(found, depth) == layer


def test_a_layer_outside_the_trunk_has_a_depth_too(layers):
    last = layers["vgg16"][-1]
    assert structure_layers.trunk_depth(layers["vgg16"], last) == 1


@pytest.fixture
def image():
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_an_image_agrees_with_itself_and_with_more_contrast(image):
    for other in (image, image * 0.5 + 0.2):
        assert quality.agreement(image, other) == (pytest.approx(1), pytest.approx(1))


def test_the_negative_disagrees(image):
    assert quality.agreement(image, 1 - image) == (pytest.approx(-1), pytest.approx(-1))


def test_layout_is_what_patch_means_keep_and_detail_is_the_rest(image):
    patches = image.reshape(3, 8, 8, 8, 8).mean((2, 4)) + torch.linspace(0, 1, 8)
    blocks = patches.repeat_interleave(8, 1).repeat_interleave(8, 2)
    ripple = torch.tensor([0.1, -0.1]).repeat(32)  # sums to 0 in every patch
    layout, detail = quality.agreement(blocks + ripple, blocks + ripple[:, None])
    assert layout == pytest.approx(1)
    assert detail == pytest.approx(0, abs=1e-6)


def test_a_flat_image_has_neither(image):
    flat = torch.full((3, 64, 64), 0.3)
    assert quality.agreement(flat, image) == (None, None)
    assert quality.agreement(image, flat) == (None, None)
