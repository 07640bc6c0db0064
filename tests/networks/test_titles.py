"""Titles and stages that are read from the modules."""

from collections import OrderedDict

import pytest
from torch import nn

from convviz.language import again, speaking
from convviz.networks.registry import spec
from convviz.networks.titles import TitledNetwork, stage_text, titles_of
from convviz.structure.layers import layers


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 3, 1)
        self.block = nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)),
            nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.SiLU()),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(3, 3, 1))


def network() -> nn.Module:
    stem = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
    features = nn.Sequential(stem, Block(), Block(), nn.MaxPool2d(2), Block())
    return nn.Sequential(
        OrderedDict(features=features, pool=nn.AdaptiveAvgPool2d(1), fc=nn.Linear(3, 2))
    )


@pytest.mark.parametrize(
    ("name", "title", "stage"),
    [
        ("features.0.0", "features.0 · conv", "features.0"),
        ("features.0.1", "features.0 · relu", "features.0"),
        ("features.1.conv1", "features.1 · conv1", "features.1"),
        ("features.1.block.0.0", "features.1 · block.conv1", "features.1"),
        ("features.1.block.1.0", "features.1 · block.conv2", "features.1"),
        ("features.1.block.1.2", "features.1 · block.silu", "features.1"),
        ("features.1.shortcut.0", "features.1 · shortcut.conv", "features.1"),
        ("features.3", "features · pool", "features.2"),  # it belongs to the block before it
        ("features.4", None, "features.4"),
        ("features", None, None),
        ("pool", None, None),
        ("fc", None, None),
    ],
)
def test_a_layer_is_called_by_its_block_and_its_place_in_it(
    name: str, title: str | None, stage: str | None
) -> None:
    assert titles_of(network())[name] == (title, stage)


def test_equal_titles_give_way_to_dotted_names() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 3, 1)
            self.more = nn.Sequential(nn.Conv2d(3, 3, 1))
            self.rest = nn.ModuleDict(
                {"conv": nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1))}
            )

    titles = titles_of(nn.Sequential(Odd(), nn.Linear(1, 1), nn.Linear(1, 1)))
    named = [title for title, _ in titles.values() if title is not None]
    assert len(named) == len(set(named))


def test_a_network_is_built_once_for_all_its_titles() -> None:
    builds: list[dict[str, int]] = []

    def build(**options: int) -> nn.Module:
        builds.append(options)
        return network()

    titled = TitledNetwork(build)
    assert builds == []
    assert titled.build(num_classes=3) is not None
    assert titled.title("features.1.conv1") == "features.1 · conv1"
    assert (titled.title("nowhere"), titled.stage("nowhere")) == (None, None)
    assert builds == [{"num_classes": 3}]


@pytest.mark.parametrize(
    ("network_name", "name", "title", "stage"),
    [
        ("resnet18", "layer1.0.conv1", "layer1.0 · conv1", "layer1"),
        ("resnet18", "layer2.0.downsample.0", "layer2.0 · downsample.conv", "layer2"),
        ("resnet18", "conv1", "conv1", "encoder"),
        ("resnet18", "fc", "fc", "decoder"),
        ("mobilenet_v2", "features.3.conv.1.0", "features.3 · conv2", "features.3"),
        ("densenet121", "features.denseblock2.denselayer3.conv1", None, "features.denseblock2"),
        ("vit_b_32", "conv_proj", "conv_proj", "encoder"),
        ("squeezenet1_1", "features.3.squeeze", "features.3 · squeeze", "features.3"),
    ],
)
def test_torchvisions_networks(network_name: str, name: str, title: str | None, stage: str) -> None:
    layer = {each.name: each for each in layers(spec(network_name))}[name]
    assert layer.stage == stage
    assert title is None or layer.title == title


def test_a_stage_is_told_and_a_module_keeps_its_name(bracketed: None) -> None:
    stages = ("block 3", "classifier", "stem", "layer1", "block 3 of mine")
    assert tuple(map(stage_text, stages)) == stages
    with speaking("da"):
        assert tuple(map(stage_text, stages)) == (
            *("⟦block 3⟧", "⟦classifier⟧", "⟦stem⟧"),
            *("layer1", "block 3 of mine"),
        )


def test_a_networks_title_is_english_and_can_be_told_again(bracketed: None) -> None:
    title = spec("vgg16_bn").title
    with speaking("da"):
        assert title == "VGG16 with batch norm"
        assert again(title) == "⟦VGG16 with batch norm⟧"
        assert again(spec("vgg16").title) == "VGG16"
