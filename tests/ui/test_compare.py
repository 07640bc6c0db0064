import pytest

from convviz.networks.registry import spec
from convviz.structure.layers import Layer, layers
from convviz.ui.activations.compare import have_same_channels


def named(network: str) -> tuple[tuple[Layer, ...], dict[str, Layer]]:
    in_order = layers(spec(network))
    return in_order, {layer.name: layer for layer in in_order}


@pytest.mark.parametrize(
    ("network", "one", "other", "same"),
    [
        ("vgg16", "features.12", "features.13", True),  # a convolution and its ReLU
        ("vgg16", "features.16", "features.15", True),  # … and the pooling after it
        ("vgg16", "features.13", "features.15", False),  # another convolution
        ("googlenet", "inception3b", "maxpool3", True),
        ("googlenet", "inception4b", "inception4c", False),
        ("googlenet", "inception4c", "inception4c.branch4.0", False),  # a part of the next module
    ],
)
def test_layers_share_channels_where_nothing_between_them_mixes_any(
    network: str, one: str, other: str, same: bool
) -> None:
    in_order, by_name = named(network)
    assert have_same_channels(in_order, by_name[one], by_name[other]) is same
