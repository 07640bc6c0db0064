"""The layers of the built-in networks, against lists made by hand and passes with other hooks."""

import pytest
import torch
from torch import Tensor, nn

from convviz.errors import NetworkError
from convviz.networks.initial_weights import untrained
from convviz.networks.network import Network, Weights
from convviz.networks.registry import available, spec
from convviz.structure.layers import Branch, layer, layers

ALEXNET = {
    "conv1": ("features.0", (64, 55, 55), "block 1"),
    "relu1": ("features.1", (64, 55, 55), "block 1"),
    "pool1": ("features.2", (64, 27, 27), "block 1"),
    "conv2": ("features.3", (192, 27, 27), "block 2"),
    "relu2": ("features.4", (192, 27, 27), "block 2"),
    "pool2": ("features.5", (192, 13, 13), "block 2"),
    "conv3": ("features.6", (384, 13, 13), "block 3"),
    "relu3": ("features.7", (384, 13, 13), "block 3"),
    "conv4": ("features.8", (256, 13, 13), "block 4"),
    "relu4": ("features.9", (256, 13, 13), "block 4"),
    "conv5": ("features.10", (256, 13, 13), "block 5"),
    "relu5": ("features.11", (256, 13, 13), "block 5"),
    "pool5": ("features.12", (256, 6, 6), "block 5"),
    "avgpool": ("avgpool", (256, 6, 6), "classifier"),
    "dropout6": ("classifier.0", (9216,), "classifier"),
    "fc6": ("classifier.1", (4096,), "classifier"),
    "relu6": ("classifier.2", (4096,), "classifier"),
    "dropout7": ("classifier.3", (4096,), "classifier"),
    "fc7": ("classifier.4", (4096,), "classifier"),
    "relu7": ("classifier.5", (4096,), "classifier"),
    "fc8": ("classifier.6", (1000,), "classifier"),
}

VGG16 = {
    "conv1_1": ("features.0", (64, 224, 224)),
    "relu1_2": ("features.3", (64, 224, 224)),
    "pool1": ("features.4", (64, 112, 112)),
    "conv3_2": ("features.12", (256, 56, 56)),
    "relu3_3": ("features.15", (256, 56, 56)),
    "relu4_3": ("features.22", (512, 28, 28)),
    "relu5_3": ("features.29", (512, 14, 14)),
    "pool5": ("features.30", (512, 7, 7)),
    "fc6": ("classifier.0", (4096,)),
    "relu6": ("classifier.1", (4096,)),
    "dropout6": ("classifier.2", (4096,)),
    "fc8": ("classifier.6", (1000,)),
}

INCEPTION4A = {  # Szegedy et al. 2015, table 1
    "inception4a · 1×1": ("inception4a.branch1", 192),
    "inception4a · 3×3 reduce": ("inception4a.branch2.0", 96),
    "inception4a · 3×3": ("inception4a.branch2.1", 208),
    "inception4a · 5×5 reduce": ("inception4a.branch3.0", 16),
    "inception4a · “5×5” (3×3 here)": ("inception4a.branch3.1", 48),
    "inception4a · pool": ("inception4a.branch4.0", 480),
    "inception4a · pool projection": ("inception4a.branch4.1", 64),
    "inception4a": ("inception4a", 512),
}

GOOGLENET_STAGES = [
    *("stem", "inception3a", "inception3b", "pool3", "inception4a", "inception4b"),
    *("inception4c", "inception4d", "inception4e", "pool4", "inception5a", "inception5b"),
    "classifier",
]

SMALL = {"alexnet": 63, "vgg16": 32, "googlenet": 40}  # pixels; enough for one pass of each


def weights(source: str, size: int = 224) -> Weights:
    return Weights(source, "", "", False, 0, "", (), size, size)


def network(name: str, source: str = "random") -> Network:
    return Network(spec(name), spec(name).build(), weights(source))


class TestByHand:
    def test_alexnet(self):
        found = layers(spec("alexnet"))
        assert {each.title: (each.name, each.shape, each.stage) for each in found} == ALEXNET
        assert [each.title for each in found] == list(ALEXNET)
        assert [each.index for each in found] == list(range(len(ALEXNET)))
        assert {each.title: each.pre_relu for each in found if each.pre_relu} == {
            title: ALEXNET[title][0]
            for title in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
        }
        assert [each.title for each in found if each.in_encoder] == list(ALEXNET)[:13]
        assert not any(each.detail or each.branches for each in found)
        assert [each.kind for each in found][:3] == ["convolution", "ReLU", "max pooling"]
        assert [each.kind for each in found][13:17] == [
            *("average pooling", "dropout", "linear", "ReLU")
        ]

    def test_vgg16(self):
        found = {each.title: each for each in layers(spec("vgg16"))}
        assert len(found) == 13 * 2 + 5 + 1 + 7
        for title, (name, shape) in VGG16.items():
            assert (found[title].name, found[title].shape) == (name, shape)
        assert found["relu3_3"].stage == "block 3"
        assert found["pool5"].in_encoder
        assert not found["avgpool"].in_encoder

    def test_vgg19_has_four_convolutions_in_its_last_blocks(self):
        titles = [each.title for each in layers(spec("vgg19"))]
        assert "conv5_4" in titles
        assert "conv2_3" not in titles

    def test_vgg_with_batch_norm_looks_at_the_norm_before_its_relu(self):
        found = {each.title: each for each in layers(spec("vgg11_bn"))}
        assert (
            found["conv1_1"].pre_relu
            == found["bn1_1"].pre_relu
            == "features.1"
            == found["bn1_1"].name
        )
        assert found["relu1_1"].pre_relu is None
        assert found["conv5_2"].pre_relu == found["bn5_2"].name
        assert found["bn5_2"].kind == "batch norm"

    def test_googlenet(self):
        found = layers(spec("googlenet"))
        whole = [each for each in found if not each.detail]
        titles = [each.title for each in whole]
        assert titles[:5] == ["conv1", "pool1", "conv2 (1×1)", "conv3 (3×3)", "pool2"]
        assert titles[-4:] == ["inception5b", "avgpool", "dropout", "fc"]
        assert list(dict.fromkeys(each.stage for each in whole)) == GOOGLENET_STAGES
        parts = {each.title: each for each in whole if each.stage == "inception4a"}
        assert {title: (each.name, each.shape[0]) for title, each in parts.items()} == INCEPTION4A
        assert list(parts) == list(INCEPTION4A)
        assert all(each.shape[1:] == (14, 14) for each in parts.values())
        assert parts["inception4a"].kind == "concatenation"
        assert parts["inception4a"].branches == (
            Branch("inception4a.branch1", "1×1", 0, 192),
            Branch("inception4a.branch2.1", "3×3", 192, 400),
            Branch("inception4a.branch3.1", "“5×5”", 400, 448),
            Branch("inception4a.branch4.1", "pool", 448, 512),
        )
        assert parts["inception4a · 3×3"].kind == "convolution + batch norm + ReLU"
        assert not any(each.pre_relu for each in whole)
        assert [each.name for each in whole if each.in_encoder][-1] == "inception5b"

    def test_googlenets_details_are_the_convolutions_and_norms_within(self):
        found = layers(spec("googlenet"))
        details = [each for each in found if each.detail]
        assert len(details) == 2 * 57  # 3 before the Inception modules, 6 in each of 9
        assert all(each.name.endswith((".conv", ".bn")) for each in details)
        conv, norm = details[:2]
        assert (conv.title, norm.title) == ("conv1 · convolution", "conv1 · batch norm")
        assert conv.pre_relu == norm.pre_relu == "conv1.bn"
        assert conv.stage == norm.stage == "stem"

    def test_auxiliary_heads_are_no_layers(self):
        assert not any(each.name.startswith("aux") for each in layers(spec("googlenet")))

    @pytest.mark.parametrize("name", available())
    def test_titles_and_names_are_unique(self, name):
        found = layers(spec(name))
        assert len({each.title for each in found}) == len({each.name for each in found})
        assert len({each.name for each in found}) == len(found)


@pytest.mark.parametrize("name", SMALL)
def test_order_and_shapes_are_those_of_a_real_pass(name):
    size = SMALL[name]
    module = spec(name).build().to_empty(device="cpu").eval()
    seen: list[tuple[str, tuple[int, ...]]] = []
    for part_name, part in module.named_modules():
        part.register_forward_hook(
            lambda _, args, output, part_name=part_name: seen.append(
                (part_name, tuple(output.shape))
            )
        )
    with torch.no_grad():
        module(torch.zeros(2, 3, size, size))

    found = layers(spec(name), input_size=size)
    names = {each.name for each in found}
    assert [(each.name, (2, *each.shape)) for each in found] == [
        (part_name, shape) for part_name, shape in seen if part_name in names
    ]
    leaves = {n for n, part in module.named_modules() if not list(part.children())}
    assert {part_name for part_name, _ in seen if part_name in leaves} <= names


def outputs(module: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """Run a network and copy what every module returns, before anything changes it in place."""
    found: dict[str, Tensor] = {}
    handles = [
        part.register_forward_hook(
            lambda _, args, output, name=name: found.update({name: output.clone()})
        )
        for name, part in module.named_modules()
    ]
    with torch.no_grad():
        module(image)
    for handle in handles:
        handle.remove()
    return found


def test_branches_are_the_parts_of_the_real_concatenation():
    module = untrained(spec("googlenet"), seed=0)
    found = outputs(module, torch.randn(1, 3, 40, 40))
    joined = [each for each in layers(spec("googlenet")) if each.branches]
    assert len(joined) == 9
    for each in joined:
        for branch in each.branches:
            part = found[each.name][:, branch.start : branch.stop]
            assert torch.equal(part, found[branch.name])
        assert each.branches[-1].stop == each.shape[0]


def test_the_gates_positive_part_is_what_the_relu_lets_through():
    module = untrained(spec("googlenet"), seed=0)
    found = outputs(module, torch.randn(1, 3, 40, 40))
    for each in layers(spec("googlenet")):
        if each.pre_relu is not None:
            rectified = found[each.name.rpartition(".")[0]]
            assert torch.equal(found[each.pre_relu].clamp(min=0), rectified)


class TestSizes:
    def test_shapes_follow_the_input_size(self):
        assert layer(spec("googlenet"), "inception5b").shape == (1024, 7, 7)
        at_128 = {each.name: each.shape for each in layers(spec("googlenet"), input_size=128)}
        assert at_128["inception5b"] == (1024, 4, 4)

    def test_a_network_is_asked_at_the_size_that_suits_its_weights(self):
        small = Network(spec("googlenet"), spec("googlenet").build(), weights("bundled", 128))
        assert layer(small, "inception5b").shape == (1024, 4, 4)

    @pytest.mark.parametrize(
        ("name", "least", "where"),
        [("alexnet", 63, "pool5"), ("vgg16", 32, "pool5"), ("vgg11_bn", 32, "pool5")],
    )
    def test_too_small_an_image_names_the_layer_that_ran_out_of_pixels(self, name, least, where):
        assert layers(spec(name), input_size=least)
        with pytest.raises(NetworkError) as caught:
            layers(spec(name), input_size=least - 1)
        assert f"larger image than {least - 1} × {least - 1} pixels: layer {where}" in str(
            caught.value
        )
        assert "is left with" in str(caught.value)

    def test_sizes_below_one_pixel_are_refused(self):
        with pytest.raises(NetworkError, match="0 × 0"):
            layers(spec("alexnet"), input_size=0)


class TestLookingUp:
    def test_finds_a_layer_by_its_dotted_name(self):
        assert layer(network("vgg16"), "features.15").title == "relu3_3"

    def test_an_unknown_layer_is_answered_with_near_names(self):
        with pytest.raises(NetworkError, match=r"no layer called feature.15: .*features.15"):
            layer(spec("vgg16"), "feature.15")
        with pytest.raises(NetworkError, match=r"they go from features.0 to classifier.6"):
            layer(spec("vgg16"), "?")

    def test_of_an_encoder_alone_only_its_layers_are_there(self):
        encoder = network("alexnet", "encoder")
        assert [each.title for each in layers(encoder)] == list(ALEXNET)[:13]
        with pytest.raises(NetworkError, match=r"classifier.1: .*ends with features.12"):
            layer(encoder, "classifier.1")

    def test_a_second_look_runs_nothing(self):
        alexnet = network("alexnet")
        assert layers(alexnet) is layers(alexnet)
        assert layers(spec("alexnet")) is layers(spec("alexnet"))
        assert layers(alexnet) == layers(spec("alexnet"))

    def test_looking_leaves_the_network_alone(self):
        module = untrained(spec("googlenet"), seed=0)
        layers(Network(spec("googlenet"), module, weights("random")))
        assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
        assert not any(parameter.is_meta for parameter in module.parameters())
