"""Networks that take grey images: what goes in, and every view of them."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import transforms

from convviz.cli import main
from convviz.datasets.image_set import Files
from convviz.errors import NetworkError
from convviz.features.ablation import ablate
from convviz.features.activations import activations
from convviz.features.capture import capture, input_for
from convviz.features.dead import count_dead
from convviz.features.effective_field import effective_field
from convviz.features.filters import filter_layers, filters
from convviz.features.occlusion import occlude
from convviz.features.overview import overview
from convviz.features.predictions import predict
from convviz.features.synthesis import SynthesisConfig, synthesise
from convviz.features.top_patches import find_top_patches, patch_picture
from convviz.images.encode import png
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import register
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.reconstruct import reconstruct
from convviz.sprites.kernels import kernel_sheet
from convviz.structure.costs import count as costs
from convviz.structure.costs import receptive_field
from convviz.structure.layers import layers
from convviz.weights.load import load
from tests.networks_for_tests import seeded

MEAN, STD = 0.1307, 0.3081


class LeNet(nn.Module):
    """LeNet-5 with ReLUs, on 28 × 28 pixels."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(400, 10)

    def forward(self, image: Tensor) -> Tensor:
        maps = self.pool(self.relu(self.conv1(image)))
        maps = self.pool(self.relu(self.conv2(maps)))
        scores: Tensor = self.fc(maps.flatten(1))
        return scores


@pytest.fixture
def lenet(fresh_registry: None) -> Network:
    register(
        NetworkSpec(
            name="lenet",
            title="LeNet",
            build=lambda: seeded(LeNet()),
            input_size=28,
            resize="none",
            mean=(MEAN,),
            std=(STD,),
            classes=tuple("0123456789"),
        )
    )
    return load("lenet")


@pytest.fixture
def colourful() -> Image.Image:
    generator = torch.Generator().manual_seed(5)
    pixels = torch.randint(256, (28, 28, 3), generator=generator, dtype=torch.uint8)
    return Image.fromarray(pixels.numpy())


def is_grey(image: Image.Image) -> bool:
    red, green, blue = image.convert("RGB").split()
    return red.tobytes() == green.tobytes() == blue.tobytes()


def test_what_goes_in_is_what_torchvision_would_give(
    lenet: Network, colourful: Image.Image
) -> None:
    steps = [transforms.Grayscale(), transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))]
    expected = transforms.Compose(steps)(colourful)
    assert torch.allclose(input_for(lenet, colourful), expected[None], atol=1e-6)


def test_three_numbers_for_grey_are_averaged(fresh_registry: None, colourful: Image.Image) -> None:
    register(NetworkSpec("lenet", "LeNet", lambda: seeded(LeNet()), input_size=28, resize="none"))
    network = load("lenet")
    mean, std = (0.485 + 0.456 + 0.406) / 3, (0.229 + 0.224 + 0.225) / 3
    steps = [transforms.Grayscale(), transforms.ToTensor(), transforms.Normalize((mean,), (std,))]
    expected = transforms.Compose(steps)(colourful)
    assert torch.allclose(input_for(network, colourful), expected[None], atol=1e-6)


def test_its_structure_is_found(lenet: Network) -> None:
    shapes = {each.name: each.shape for each in layers(lenet)}
    assert shapes == {
        "conv1": (6, 28, 28),
        "conv2": (16, 10, 10),
        "relu": (16, 10, 10),
        "pool": (16, 5, 5),
        "fc": (10,),
    }
    counted = costs(lenet)
    assert counted.parameters == (25 + 1) * 6 + (150 + 1) * 16 + (400 + 1) * 10
    assert counted.macs == 25 * 6 * 28 * 28 + 150 * 16 * 10 * 10 + 400 * 10
    field = receptive_field(lenet, "conv2")
    assert field is not None
    assert field.size == 5 + 1 + 4 * 2


def test_every_view_works_and_is_grey(lenet: Network, colourful: Image.Image) -> None:
    batch = input_for(lenet, colourful)
    with torch.no_grad():
        scores = lenet.module(batch)[0].softmax(0)
    best = predict(lenet, colourful)[0]
    assert best.index == int(scores.argmax())
    assert best.label == str(best.index)
    found = activations(lenet, colourful, "conv2")
    assert torch.equal(found.maps, capture(lenet.module, batch, ["conv2"])["conv2"][0])
    assert overview(lenet, colourful).stages
    active = activations(lenet, colourful, "conv1").strongest
    *_, occluded = occlude(lenet, colourful, "conv1", active, positions=2)
    assert occluded.responses.isfinite().all()
    assert effective_field(lenet, colourful, "conv2", 3, 4, 4).weights.shape == (28, 28)
    assert ablate(lenet, colourful, "conv1", (0,), "fc").predictions_after
    images = Files((("noise.png", png(colourful)),))
    *_, dead = count_dead(lenet, images)
    assert dead.seen == 1
    *_, top = find_top_patches(lenet, "conv1", images)
    patches = [patch for channel in range(6) for patch in top.stimuli.patches(channel)]
    assert patches
    assert all(is_grey(patch_picture(lenet, images, patch)) for patch in patches)
    *_, best_image = synthesise(lenet, "conv2", 0, SynthesisConfig(steps=3))
    assert best_image.changed
    assert is_grey(best_image.picture)
    first = filters(lenet, filter_layers(lenet)[0])
    assert first.kernels.shape == (6, 1, 5, 5)
    assert kernel_sheet([kernel[0] for kernel in first.kernels]).png


def test_a_reconstruction_is_grey_and_nears_the_original(
    lenet: Network, colourful: Image.Image
) -> None:
    steps = list(reconstruct(lenet, colourful, ReconstructionConfig(layer="conv1", steps=20)))
    result = steps[-1].result
    assert result is not None
    red, green, blue = result.image
    assert torch.equal(red, green)
    assert torch.equal(green, blue)
    assert result.relative_error < 0.7 * steps[0].relative_error
    # the error is that of the image as a file holds it, through the network's own first layer
    weight, bias = lenet.module.conv1.weight, lenet.module.conv1.bias

    def features(grey: Tensor) -> Tensor:
        return nn.functional.conv2d((grey[None, None] - MEAN) / STD, weight, bias, padding=2)

    original = torch.from_numpy(np.array(colourful.convert("L"))).float() / 255
    target = features(original)
    error = float((features(red) - target).norm() / target.norm())
    assert result.relative_error == pytest.approx(error, abs=1e-3)


@pytest.mark.parametrize("channels", [2, 4])
def test_other_numbers_of_channels_get_a_sentence(
    channels: int, fresh_registry: None, colourful: Image.Image
) -> None:
    register(NetworkSpec("odd", "Odd", lambda: LeNet(channels), input_size=28))
    network = load("odd")
    assert len(layers(network)) == 5  # its structure can be looked at
    assert costs(network).parameters > 0
    with pytest.raises(NetworkError, match=f"takes images of {channels} channels"):
        activations(network, colourful, "conv1")


def test_the_command_line(own_file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    own_file(
        "from convviz.networks import NetworkSpec, register\n"
        "from tests.features.test_one_channel import LeNet\n"
        "register(NetworkSpec('lenet', 'LeNet', LeNet, input_size=28))\n"
    )
    assert main(["layers", "lenet"]) == 0
    assert main(["costs", "lenet"]) == 0
    assert main(["activations", "sample:cat", "--network", "lenet", "--layer", "relu"]) == 0
    command = ["reconstruct", "sample:cat", "--network", "lenet", "--layer", "conv2"]
    assert main([*command, "--steps", "2"]) == 0
    assert capsys.readouterr().err.count("convviz:") == 0
