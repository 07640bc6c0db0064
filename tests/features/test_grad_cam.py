"""Grad-CAM, HiRes-CAM and Layer-CAM, by hand and against captum."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from PIL import Image
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from convviz.errors import NetworkError, SettingError
from convviz.features.class_evidence import class_activation_map
from convviz.features.class_target import ClassTarget, decoder_input
from convviz.features.grad_cam import (
    CAM_METHODS,
    as_decoder_sees,
    check_reached,
    evidence_box,
    grad_cam,
    last_with_maps,
    reached_before,
    with_method,
)
from convviz.networks.network import Network
from convviz.structure.layers import layer
from convviz.weights.load import load
from tests.features.explained import (
    explainable,
    explained,
    real,
    two_channels,
    two_channels_image,
)
from tests.networks_for_tests import network_of

A, B = ClassTarget(0), ClassTarget(1)


@pytest.mark.parametrize(
    ("name", "method", "expected"),
    [
        # After the ReLU the maps are [[0, .5], [.5, 0]] and .2, their gradients .5 and −.25.
        ("1", "gradcam", [[0.0, 0.2], [0.2, 0.0]]),
        ("1", "hirescam", [[0.0, 0.2], [0.2, 0.0]]),
        ("1", "layercam", [[0.0, 0.25], [0.25, 0.0]]),
        # Before it −.5 stands for 0, and there the gradient of the first map is 0: its mean is .25.
        ("0", "gradcam", [[0.0, 0.075], [0.075, 0.0]]),
        ("0", "hirescam", [[0.0, 0.2], [0.2, 0.0]]),
        ("0", "layercam", [[0.0, 0.25], [0.25, 0.0]]),
    ],
)
def test_maps_of_a_tiny_network_by_hand(name: str, method: Any, expected: Any) -> None:
    found = grad_cam(two_channels(), two_channels_image(), name, A, method)
    assert found.score == pytest.approx(0.4)
    assert torch.allclose(found.map, torch.tensor(expected), atol=1e-6)
    channels = torch.stack([found.of_channel(channel) for channel in range(2)])
    assert torch.allclose(channels.sum(0), found.evidence, atol=1e-6)


def test_the_evidence_keeps_its_sign_and_the_shares_add_up_to_the_score() -> None:
    found = grad_cam(two_channels(), two_channels_image(), "1", A)
    assert torch.allclose(found.evidence, torch.tensor([[-0.05, 0.2], [0.2, -0.05]]), atol=1e-6)
    assert torch.allclose(found.weights, torch.tensor([0.5, -0.25]))
    assert torch.allclose(found.contributions, torch.tensor([0.5, -0.2]))
    assert float(found.contributions.sum()) + 0.1 == pytest.approx(found.score)
    assert found.strongest(5) == (0, 1)
    assert found.is_reached


def test_why_one_class_and_not_another_is_the_difference_of_their_scores() -> None:
    found = grad_cam(two_channels(), two_channels_image(), "1", ClassTarget(0, against=1))
    assert found.score == pytest.approx(0.4 - 3 * 0.2)
    assert torch.allclose(found.weights, torch.tensor([0.5, -1.0]))
    assert torch.allclose(found.map, torch.tensor([[0.0, 0.05], [0.05, 0.0]]), atol=1e-6)


class TwoWays(nn.Module):
    """Scores that the second of two layers has no part in."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 2, 1)
        self.second = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        scores: Tensor = x.mean((2, 3)) + 0 * self.second(x).mean((2, 3))
        return scores


def test_where_no_gradient_arrives_the_layer_before_is_offered() -> None:
    network = explained(TwoWays(), side=2, classes=2)
    found = grad_cam(network, two_channels_image(), "second", A)
    assert not found.is_reached
    assert float(found.map.abs().max()) == 0
    before = reached_before(network, two_channels_image(), found)
    assert before is not None
    assert before.name == "first"
    with pytest.raises(NetworkError, match=r"No gradient of the score reaches second.*first"):
        check_reached(network, two_channels_image(), found)
    first = grad_cam(network, two_channels_image(), "first", A)
    check_reached(network, two_channels_image(), first)
    assert reached_before(network, two_channels_image(), first) is None


def test_of_a_transformer_the_block_before_the_last_attention_is_offered() -> None:
    torch.manual_seed(0)
    module = VisionTransformer(16, 4, 3, 2, 8, 16, num_classes=3)
    torch.nn.init.normal_(module.heads.head.weight)
    network, image = explained(module, side=16, classes=3), Image.new("RGB", (16, 16), "red")
    found = grad_cam(network, image, "encoder.ln", A)
    assert not found.is_reached
    before = reached_before(network, image, found)
    assert before is not None
    assert before.name == "encoder.layers.encoder_layer_1"  # of the blocks 0 to 2
    assert grad_cam(network, image, before.name, A).map.shape == (4, 4)


def test_what_cannot_be_explained_is_said_in_a_sentence() -> None:
    network, image = two_channels(), two_channels_image()
    with pytest.raises(NetworkError, match=r"puts out no maps but 2 numbers"):
        grad_cam(network, image, "4", A)
    with pytest.raises(SettingError, match="no class 2: choose 0 to 1"):
        grad_cam(network, image, "1", ClassTarget(2))
    with pytest.raises(SettingError, match="compared with itself"):
        grad_cam(network, image, "1", ClassTarget(1, against=1))
    with pytest.raises(SettingError, match="no method 'cam'; choose gradcam, hirescam, layercam"):
        grad_cam(network, image, "1", A, "cam")  # type: ignore[arg-type]
    encoder = replace(network.weights, source="encoder", has_decoder=False, classes=())
    silent = replace(network, weights=encoder)
    with pytest.raises(NetworkError, match="no decoder"):
        grad_cam(silent, image, "1", A)


def test_nothing_of_the_network_is_changed() -> None:
    network = two_channels()
    before = copy.deepcopy(network.module.state_dict())
    first = grad_cam(network, two_channels_image(), "0", A)
    assert torch.equal(first.map, grad_cam(network, two_channels_image(), "0", A).map)
    assert all(
        torch.equal(before[key], value) for key, value in network.module.state_dict().items()
    )
    assert not any(part._forward_hooks for part in network.module.modules())
    assert not any(parameter.requires_grad for parameter in network.module.parameters())


@pytest.mark.parametrize(
    ("name", "layer_name"),
    [
        ("tiny", "0"),
        ("tiny", "1"),
        ("alexnet", "features.10"),
        ("alexnet", "features.11"),
        ("alexnet", "features.12"),
        ("resnet18", "layer3.1.conv2"),
        ("resnet18", "layer4.1.bn2"),
    ],
)
def test_grad_cam_equals_captum(name: str, layer_name: str, cat: Image.Image) -> None:
    network, image, index = explainable(name, cat)
    module = copy.deepcopy(network.module)
    for part in module.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
    batch, target = decoder_input(network, image), ClassTarget(index)
    theirs = LayerGradCam(module, module.get_submodule(layer_name)).attribute(batch, target=index)
    theirs = theirs.detach()
    ours = grad_cam(network, image, layer_name, target)
    largest = float(theirs.abs().max())
    assert largest > 0
    assert torch.allclose(ours.evidence, theirs[0, 0], rtol=1e-4, atol=1e-4 * largest)


def test_cam_equals_grad_cam_but_for_the_number_of_places(cat: Image.Image) -> None:
    network = load("googlenet", "bundled", fetch=False)
    for target in (ClassTarget(38), ClassTarget(38, against=2)):
        cam = class_activation_map(network, cat, target)
        assert cam is not None
        ours = grad_cam(network, cat, cam.layer.name, target)
        assert cam.positions == ours.map.numel() > 1
        assert float(cam.map.max()) > 0
        assert torch.allclose(cam.map, ours.map * cam.positions, rtol=1e-4, atol=1e-4)
        assert float(cam.evidence.mean()) + cam.bias == pytest.approx(ours.score, abs=1e-3)
        assert torch.allclose(ours.contributions, cam.weights * cam.maps.mean((1, 2)), atol=1e-4)


def test_cam_is_for_small_decoders_and_not_for_others(cat: Image.Image) -> None:
    network = load("alexnet", "encoder", fetch=False)
    cam = class_activation_map(network, cat, ClassTarget(3))
    assert cam is not None
    scores = network.module(decoder_input(network, cat))[0]
    assert float(cam.evidence.mean()) + cam.bias == pytest.approx(float(scores[3]), abs=1e-3)
    whole = real("alexnet")
    assert class_activation_map(whole, cat, ClassTarget(3)) is None


def test_scores_of_zeros_are_no_sign_of_averages(cat: Image.Image) -> None:
    def network(weight: float) -> Network:
        decoder = nn.Linear(4, 2)
        nn.init.constant_(decoder.weight, weight)
        parts = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), decoder
        nn.init.constant_(parts[0].weight, 0.1)
        return network_of(nn.Sequential(*parts), side=16, classes=("a", "b"))

    assert class_activation_map(network(1.0), cat, ClassTarget(0)) is not None
    assert class_activation_map(network(0.0), cat, ClassTarget(0)) is None


def test_the_map_lies_where_the_decoder_s_input_has_it(cat: Image.Image) -> None:
    network = load("alexnet", "encoder", fetch=False)
    assert (network.input_size, as_decoder_sees(network).input_size) == (224, 128)
    last = last_with_maps(network)
    assert last.name == "features.11"
    found = grad_cam(network, cat, last.name, ClassTarget(0))
    assert found.map.shape == layer(as_decoder_sees(network), last.name).shape[1:] == (7, 7)
    box, side = evidence_box(network, last.name)
    assert side == 128
    assert box is not None
    top, left, bottom, right = box
    # Seven positions, two poolings and a stride of 4 apart: 16 pixels each.
    assert bottom - top == right - left == 7 * 16


def test_another_method_needs_no_other_pass(cat: Image.Image) -> None:
    network = load("alexnet", "encoder", fetch=False)
    found = grad_cam(network, cat, "features.8", ClassTarget(5))
    for method in CAM_METHODS:
        again = grad_cam(network, cat, "features.8", ClassTarget(5), method)
        assert np.allclose(with_method(found, method).map, again.map)
        assert float(again.map.min()) >= 0
