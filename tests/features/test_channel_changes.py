"""What changed between two sets of weights: by hand, and against NumPy's norms."""

from math import inf, sqrt

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import SettingError
from convviz.features import findings
from convviz.features.activations import activations
from convviz.features.channel_changes import ChannelChanges, channel_changes, filter_changes
from convviz.features.filters import filters
from convviz.networks.network import Network
from convviz.structure.layers import layer
from tests.networks_for_tests import network_of, seeded

RED = Image.new("RGB", (4, 4), (255, 0, 0))


def of_red(*weights: float) -> Network:
    """Each channel is the image's red, times a weight, and then a ReLU."""
    conv = nn.Conv2d(3, len(weights), 1, bias=False)
    conv.weight.data.zero_()
    conv.weight.data[:, 0, 0, 0] = torch.tensor(weights)
    return network_of(nn.Sequential(conv, nn.ReLU(inplace=True)))


def changes(first: Network, second: Network, image: Image.Image = RED) -> ChannelChanges:
    return channel_changes(activations(first, image, "0"), activations(second, image, "0"))


def test_distances_by_hand_are_of_what_the_relu_lets_through() -> None:
    """Maps of 16 equal numbers: 3, 4, 0 become 3, 0, 2; their norms are four times that."""
    result = changes(of_red(3, 4, -9), of_red(3, -4, 2))
    typical = sqrt((12**2 + 16**2 + 0) / 3)
    assert result.distances.tolist() == pytest.approx([0, 16 / typical, 8 / typical])
    assert result.total == pytest.approx(sqrt((16**2 + 8**2) / (12**2 + 16**2)))
    assert result.order().tolist() == [1, 2, 0]
    assert (result.only_first, result.only_second) == (1, 1)


def test_filters_by_hand() -> None:
    first, second = of_red(3, 4, 0, 0), of_red(3, -4, 2, 0)
    moved = filter_changes(*(filters(each, layer(each, "0")) for each in (first, second)))
    assert moved.tolist() == [0, 2, inf, 0]


def test_the_measure_is_numpys_norm_of_maps_that_hooks_collect() -> None:
    modules = [
        seeded(nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 2, 1)), seed)
        for seed in (1, 2)
    ]
    networks = [network_of(module, side=12) for module in modules]
    image = Image.effect_noise((12, 12), 80).convert("RGB")
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
    maps: list[np.ndarray] = []

    def collect(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        maps.append(output.numpy()[0].astype(float).reshape(6, -1))

    for module in modules:
        handle = module[1].register_forward_hook(collect)
        module(pixels)
        handle.remove()
    typical = np.sqrt(np.mean(np.linalg.norm(maps[0], axis=1) ** 2))
    expected = np.linalg.norm(maps[1] - maps[0], axis=1) / typical
    result = changes(*networks, image)
    assert result.distances.numpy() == pytest.approx(expected, rel=1e-4)
    assert result.total == pytest.approx(np.sqrt(np.mean(expected**2)), rel=1e-4)
    assert expected.max() > 1


def test_layers_of_other_sizes_are_refused() -> None:
    with pytest.raises(SettingError, match="2 × 4 × 4 and 3 × 4 × 4 numbers"):
        changes(of_red(1, 2), of_red(1, 2, 3))
    first, second = of_red(1, 2), of_red(1, 2, 3)
    with pytest.raises(SettingError, match="have other sizes"):
        filter_changes(*(filters(each, layer(each, "0")) for each in (first, second)))


@pytest.mark.claims("convviz.features.findings.changed", "convviz.features.findings.seen_alike")
def test_the_sentence_names_the_share_and_the_channel() -> None:
    shown = layer(of_red(1), "0")
    text = findings.changed(changes(of_red(3, 4, -9), of_red(3, -4, 2)), shown)
    assert "differ by 89 % of their size under the first weights" in text  # sqrt(320 / 400)
    assert "Channel 1 changed most: its map moved by 1.39 times" in text  # 16 / sqrt(400 / 3)
    assert text.endswith(
        "1 of the layer's channels are empty under the second weights alone, "
        "1 under the first alone."
    )
    same = findings.changed(changes(of_red(3, 4), of_red(3, 4)), shown)
    assert same.endswith("are the same under both sets of weights.")
    assert "under the second weights alone" not in findings.changed(
        changes(of_red(3), of_red(4)), shown
    )
    assert "is silent for this image" in findings.changed(changes(of_red(-1), of_red(1)), shown)
    assert findings.seen_alike(64).startswith("Both get the image in 64 × 64 pixels")
