"""The one definition of an empty channel against the seven that stood for it before.

The old functions are kept here as they were, each for what it was asked. On networks without a
not-a-number they agree with the definition; a channel of not-a-numbers is never empty.
"""

from collections.abc import Sequence
from io import BytesIO

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.datasets.image_set import Files
from convviz.errors import SettingError
from convviz.features.activations import (
    activations,
    empty_by_depth,
    extremes,
    is_empty,
    judged,
    layers_with_maps,
    observe_strengths,
    strength,
)
from convviz.features.capture import capture, input_for, observe
from convviz.features.dead import count_dead
from convviz.features.occlusion import occlude
from convviz.features.top_patches import find_top_patches
from convviz.learning.snapshots import watch
from convviz.networks.network import Network
from convviz.structure.layers import Layer
from tests.networks_for_tests import network_of


def empty_channels(maximum: Tensor, threshold: float) -> Tensor:
    """What activations and the summary by depth asked."""
    largest = (
        maximum[maximum.isfinite()].max() if maximum.isfinite().any() else maximum.new_zeros(())
    )
    return maximum <= threshold * largest


def maximum_of(layer: Layer, output: Tensor) -> Tensor:
    """What activations called a channel's maximum, for one image."""
    maps = output.clamp(min=0) if layer.pre_relu else output
    return maps.abs().flatten(1).amax(1)


def maximum_by_depth(layer: Layer, output: Tensor) -> Tensor:
    """What the summary by depth made of a channel's largest and least value, for one image."""
    pixels = output.flatten(1).float()
    largest, least = pixels.amax(1), pixels.amin(1)
    return largest.clamp(min=0) if layer.pre_relu else torch.maximum(largest.abs(), least.abs())


def alive(layer: Layer, output: Tensor) -> Tensor:
    """What the count of dead channels asked of a batch."""
    values = output.transpose(0, 1).flatten(1)
    return (~(values <= 0)).any(1) if layer.pre_relu else (values != 0).any(1)


def silent(output: Tensor) -> Tensor:
    """What snapshots asked of a batch, behind a ReLU."""
    return (output <= 0).all(0).flatten(1).all(1)


def peaks(layer: Layer, output: Tensor) -> Tensor:
    """What the top patches took for the strongest activation of each image and channel."""
    maps = output.reshape(*output.shape[:2], -1)
    return (maps.clamp(min=0) if layer.pre_relu else maps).abs().amax(2)


def response(layer: Layer, output: Tensor) -> Tensor:
    """What occlusion asked to be 0 of one image."""
    maps = output.flatten(1)
    return (maps.clamp(min=0) if layer.pre_relu else maps).amax(1)


class Branches(nn.Module):
    """Layers of every kind: before and behind ReLUs, norms, a residual sum, a signed end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.side = nn.Conv2d(8, 8, 1)
        self.pool = nn.MaxPool2d(2)
        self.end = nn.Conv2d(8, 6, 1)
        self.fc = nn.Linear(6, 4)

    def forward(self, batch: Tensor) -> Tensor:
        maps = self.relu(self.norm(self.conv(batch)))
        maps = self.pool((maps + self.side(maps)).relu())
        return self.fc(self.end(maps).amax((2, 3)))


@pytest.fixture
def network() -> Network:
    torch.manual_seed(3)
    module = Branches()
    with torch.no_grad():
        module.norm.bias -= 1.0
        module.norm.bias[2] = -9
        module.side.bias -= 0.5
        module.side.weight[5] = 0
        module.side.bias[5] = -9
        module.end.weight[4] = 0
        module.end.bias[4] = 0
        module.end.weight[3] = 0
        module.end.bias[3] = -2
    return network_of(module, side=12)


def noise(count: int) -> list[Image.Image]:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 12, 12, 3), generator=generator, dtype=torch.uint8)
    return [Image.fromarray(image.numpy()) for image in pixels]


def files(images: Sequence[Image.Image]) -> Files:
    written = []
    for index, image in enumerate(images):
        buffer = BytesIO()
        image.save(buffer, "PNG")
        written.append((f"{index}.png", buffer.getvalue()))
    return Files(tuple(written))


@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.3, 1.0])
def test_activations_and_the_summary_by_depth_ask_what_they_asked(
    network: Network, threshold: float
) -> None:
    for image in noise(3):
        batch = input_for(network, image)
        for summary in empty_by_depth(network, image, threshold):
            layer = summary.layer
            (output,) = capture(network.module, batch, [judged(layer)])[judged(layer)]
            old = empty_channels(maximum_of(layer, output), threshold)
            by_depth = empty_channels(maximum_by_depth(layer, output), threshold)
            assert torch.equal(old, by_depth)
            answer = activations(network, image, layer.name)
            assert torch.equal(answer.empty(threshold), old)
            assert torch.equal(answer.strength, maximum_of(layer, output))
            assert summary.empty == int(old.sum())


def test_dead_channels_and_top_patches_ask_what_they_asked(network: Network) -> None:
    images = noise(6)
    batch = torch.cat([input_for(network, image) for image in images])
    *_, step = count_dead(network, files(images))
    dead = {layer.layer.name: layer.numbers for layer in step.layers}
    assert any(dead.values())
    for layer in layers_with_maps(network):
        name = judged(layer)
        output = capture(network.module, batch, [name])[name]
        old = (~alive(layer, output)).nonzero().flatten().tolist()
        assert list(dead[layer.name]) == old
        *_, last = find_top_patches(network, layer.name, files(images))
        largest = peaks(layer, output).amax(0)
        assert torch.equal(last.stimuli.maximum, largest)
        assert last.stimuli.dead().nonzero().flatten().tolist() == old
        assert [not last.stimuli.patches(c) for c in range(layer.shape[0])] == [
            c in old for c in range(layer.shape[0])
        ]


def test_snapshots_ask_what_they_asked(network: Network) -> None:
    images = noise(5)
    names = ["conv", "norm", "relu", "side", "pool"]
    watched = watch(network, images[0], 12, layer_names=names, others=images[1:])
    snapshot = watched.take(network.module, step=0, epoch=0, seconds=0.0)
    assert watched.others is not None
    for maps in snapshot.maps:
        name = judged(maps.layer)
        old = observe(network.module, watched.others, [name], silent)[name]
        if maps.layer.pre_relu or maps.layer.name in ("relu", "pool"):  # the old one knew no others
            assert maps.dead == int(old.sum())
        assert maps.empty == int((maps.maximum <= 0).sum())


def test_occlusion_refuses_what_it_refused(network: Network) -> None:
    (image,) = noise(1)
    batch = input_for(network, image)
    for layer in layers_with_maps(network):
        name = judged(layer)
        (output,) = capture(network.module, batch, [name])[name]
        for channel, old in enumerate((response(layer, output) == 0).tolist()):
            if old:
                with pytest.raises(SettingError, match="is empty"):
                    occlude(network, image, layer.name, channel, measure="maximum")
            else:
                occlude(network, image, layer.name, channel, measure="maximum")


def test_a_mean_of_0_is_not_called_empty() -> None:
    conv = nn.Conv2d(3, 1, 1, bias=False)
    conv.weight.data[:] = torch.tensor([1.0, -1.0, 0.0]).view(1, 3, 1, 1)
    image = Image.new("RGB", (4, 4), "red")
    image.paste((0, 255, 0), (0, 0, 2, 4))
    with pytest.raises(SettingError, match="mean of channel 0 is 0"):
        occlude(network_of(nn.Sequential(conv)), image, "0", 0)


def test_a_not_a_number_is_never_empty(network: Network) -> None:
    module = network.module
    assert isinstance(module, Branches)
    module.norm.bias.data[2] = torch.nan
    images = noise(2)
    batch = torch.cat([input_for(network, image) for image in images])
    for name, strengths in observe_strengths(module, batch, layers_with_maps(network)).items():
        assert strengths.shape[0] == 2
        assert not is_empty(strengths)[strengths.isnan()].any(), name
    assert not activations(network, images[0], "conv").empty()[2]
    *_, step = count_dead(network, files(images))
    assert 2 not in step.layers[0].numbers
    *_, last = find_top_patches(network, "conv", files(images))
    assert not last.stimuli.dead()[2]


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 2, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_strength_of_the_extremes_is_that_of_the_output(
    network: Network, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    output = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    output[0, 1], output[1, 2], output[2, 3] = torch.nan, torch.inf, -torch.inf
    for layer in layers_with_maps(network):
        expected = strength(layer, output)
        assert expected.shape == (3, 5)
        assert expected.dtype == torch.float32
        result = strength(layer, extremes(output))
        torch.testing.assert_close(result, expected, rtol=0, atol=0, equal_nan=True)


def test_each_image_of_a_batch_is_judged_by_its_own_largest() -> None:
    strengths = torch.tensor([[1.0, 0.4, 0.0], [0.1, 0.04, torch.inf]])
    assert is_empty(strengths, 0.4).tolist() == [[False, True, True], [False, True, False]]
