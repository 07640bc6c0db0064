"""Dead channels of every layer over a set."""

from io import BytesIO

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.datasets.image_set import Files
from convviz.errors import ImageError, SettingError
from convviz.features.dead import count_dead
from convviz.features.top_patches import find_top_patches
from convviz.learning.snapshots import watch
from tests.networks_for_tests import network_of


def _file(colour: str) -> tuple[str, bytes]:
    buffer = BytesIO()
    Image.new("RGB", (4, 4), colour).save(buffer, "PNG")
    return f"{colour}.png", buffer.getvalue()


def test_a_channel_is_dead_until_one_picture_wakes_it() -> None:
    parts = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True))
    parts[0].weight.data.zero_()
    parts[0].weight.data[:3, :, 0, 0] = torch.eye(3)
    parts[0].bias.data[:] = torch.tensor([-0.5, -0.5, -0.5, -1.0])
    network = network_of(parts)
    colours = ("red", "red", "black", "red", "blue")
    steps = list(count_dead(network, Files(tuple(_file(colour) for colour in colours))))
    assert [[layer.dead for layer in step.layers] for step in steps] == [[3, 3], [2, 2]]
    assert [step.seen for step in steps] == [4, 5]
    assert steps[-1].layers[1].share == 0.5


def test_it_agrees_with_the_pass_for_one_layer(red_channels: nn.Module) -> None:
    network = network_of(red_channels)
    pictures = Files((_file("red"), _file("black"), ("bad.png", b"x")))
    *_, all_layers = count_dead(network, pictures)
    for layer in all_layers.layers:
        *_, one = find_top_patches(network, layer.layer.name, pictures)
        assert int(one.stimuli.dead().sum()) == layer.dead
    assert [left.title for left in all_layers.left_out] == ["bad.png"]


def test_a_channel_of_nans_is_dead_nowhere() -> None:
    parts = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True))
    parts[0].weight.data.zero_()
    parts[0].bias.data[:] = torch.tensor([torch.nan, -1.0, 1.0])
    network = network_of(parts)
    pictures = Files((_file("red"), _file("black")))
    *_, step = count_dead(network, pictures)
    assert [layer.numbers for layer in step.layers] == [(1,), (1,)]
    *_, one = find_top_patches(network, "1", pictures)
    assert one.stimuli.dead().tolist() == [False, True, False]
    image = Image.new("RGB", (4, 4), "red")
    snapshot = watch(network, image, 4, others=[image]).take(
        network.module, step=0, epoch=0, seconds=0.0
    )
    assert [maps.dead for maps in snapshot.maps] == [1]


def test_sets_without_pictures_are_refused(red_channels: nn.Module) -> None:
    with pytest.raises(SettingError):
        count_dead(network_of(red_channels), Files(()))
    with pytest.raises(ImageError, match="bad"):
        list(count_dead(network_of(red_channels), Files((("bad.png", b"x"),))))


def test_it_ends_after_a_step_when_it_is_asked_to_stop(red_channels: nn.Module) -> None:
    pictures = Files(tuple(_file("red") for _ in range(9)))
    assert len(list(count_dead(network_of(red_channels), pictures, stop=lambda: True))) == 1
    assert len(list(count_dead(network_of(red_channels), pictures))) == 3
