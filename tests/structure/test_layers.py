"""The layers of the built-in networks, against lists made by hand and passes with other hooks."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from convviz.errors import NetworkError, SettingError
from convviz.language import again, speaking
from convviz.networks.catalogue import OF_THE_COURSE
from convviz.networks.initial_weights import untrained
from convviz.networks.network import Network, NetworkSpec, Weights
from convviz.networks.registry import spec
from convviz.structure import costs
from convviz.structure.layers import (
    Branch,
    Layer,
    channels_origin,
    further_layers,
    layer,
    layers,
    left_out,
)
from convviz.structure.ops import kind_text
from convviz.structure.trunk import one_per_stage, stages, thin, trunk, trunk_depth
from convviz.ui.architectures.findings import no_field_text
from tests.networks_for_tests import network_of

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

SMALL = {"alexnet": 63, "vgg16": 32, "googlenet": 40}  # pixels; enough for one pass of layer


def weights(source: str, size: int = 224) -> Weights:
    return Weights(source, "", "", False, 0, "", (), size, size)


def network(name: str, source: str = "random") -> Network:
    return Network(spec(name), spec(name).build(), weights(source))


class TestByHand:
    def test_alexnet(self) -> None:
        all_layers = layers(spec("alexnet"))
        assert {
            layer.title: (layer.name, layer.shape, layer.stage) for layer in all_layers
        } == ALEXNET
        assert [layer.title for layer in all_layers] == list(ALEXNET)
        assert [layer.index for layer in all_layers] == list(range(len(ALEXNET)))
        assert {layer.title: layer.pre_relu for layer in all_layers if layer.pre_relu} == {
            title: ALEXNET[title][0]
            for title in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
        }
        assert [layer.title for layer in all_layers if layer.in_encoder] == list(ALEXNET)[:13]
        assert not any(layer.detail or layer.branches for layer in all_layers)
        assert [layer.kind for layer in all_layers][:3] == ["convolution", "ReLU", "max pooling"]
        assert [layer.kind for layer in all_layers][13:17] == [
            *("average pooling", "dropout", "linear", "ReLU")
        ]

    def test_vgg16(self) -> None:
        by_title = {layer.title: layer for layer in layers(spec("vgg16"))}
        assert len(by_title) == 13 * 2 + 5 + 1 + 7
        for title, (name, shape) in VGG16.items():
            assert (by_title[title].name, by_title[title].shape) == (name, shape)
        assert by_title["relu3_3"].stage == "block 3"
        assert by_title["pool5"].in_encoder
        assert not by_title["avgpool"].in_encoder

    def test_vgg19_has_four_convolutions_in_its_last_blocks(self) -> None:
        titles = [layer.title for layer in layers(spec("vgg19"))]
        assert "conv5_4" in titles
        assert "conv2_3" not in titles

    def test_vgg_with_batch_norm_looks_at_the_norm_before_its_relu(self) -> None:
        by_title = {layer.title: layer for layer in layers(spec("vgg11_bn"))}
        assert (
            by_title["conv1_1"].pre_relu
            == by_title["bn1_1"].pre_relu
            == "features.1"
            == by_title["bn1_1"].name
        )
        assert by_title["relu1_1"].pre_relu is None
        assert by_title["conv5_2"].pre_relu == by_title["bn5_2"].name
        assert by_title["bn5_2"].kind == "batch norm"

    def test_googlenet(self) -> None:
        all_layers = layers(spec("googlenet"))
        units = [layer for layer in all_layers if not layer.detail]
        titles = [layer.title for layer in units]
        assert titles[:5] == ["conv1", "pool1", "conv2 (1×1)", "conv3 (3×3)", "pool2"]
        assert titles[-4:] == ["inception5b", "avgpool", "dropout", "fc"]
        assert list(dict.fromkeys(layer.stage for layer in units)) == GOOGLENET_STAGES
        parts = {layer.title: layer for layer in units if layer.stage == "inception4a"}
        assert {
            title: (layer.name, layer.shape[0]) for title, layer in parts.items()
        } == INCEPTION4A
        assert list(parts) == list(INCEPTION4A)
        assert all(layer.shape[1:] == (14, 14) for layer in parts.values())
        assert parts["inception4a"].kind == "concatenation"
        assert parts["inception4a"].branches == (
            Branch("inception4a.branch1", "1×1", 0, 192),
            Branch("inception4a.branch2.1", "3×3", 192, 400),
            Branch("inception4a.branch3.1", "“5×5”", 400, 448),
            Branch("inception4a.branch4.1", "pool", 448, 512),
        )
        assert parts["inception4a · 3×3"].kind == "convolution + batch norm + ReLU"
        assert not any(layer.pre_relu for layer in units)
        assert [layer.name for layer in units if layer.in_encoder][-1] == "inception5b"

    def test_googlenets_details_are_the_convolutions_and_norms_within(self) -> None:
        all_layers = layers(spec("googlenet"))
        details = [layer for layer in all_layers if layer.detail]
        assert len(details) == 2 * 57  # 3 before the Inception modules, 6 in each of 9
        assert all(layer.name.endswith((".conv", ".bn")) for layer in details)
        conv, norm = details[:2]
        assert (conv.title, norm.title) == ("conv1 · convolution", "conv1 · batch norm")
        assert conv.pre_relu == norm.pre_relu == "conv1.bn"
        assert conv.stage == norm.stage == "stem"

    def test_auxiliary_heads_are_no_layers(self) -> None:
        assert not any(layer.name.startswith("aux") for layer in layers(spec("googlenet")))

    @pytest.mark.parametrize("name", [each.name for each in OF_THE_COURSE])
    def test_titles_and_names_are_unique(self, name: str) -> None:
        all_layers = layers(spec(name))
        assert len({layer.title for layer in all_layers}) == len(
            {layer.name for layer in all_layers}
        )
        assert len({layer.name for layer in all_layers}) == len(all_layers)


@pytest.mark.parametrize("name", SMALL)
def test_order_and_shapes_are_those_of_a_real_pass(name: str) -> None:
    size = SMALL[name]
    module = spec(name).build().to_empty(device="cpu").eval()
    calls: list[tuple[str, tuple[int, ...]]] = []
    for part_name, part in module.named_modules():
        part.register_forward_hook(
            lambda _, args, output, part_name=part_name: calls.append(
                (part_name, tuple(output.shape))
            )
        )
    with torch.no_grad():
        module(torch.zeros(2, 3, size, size))

    all_layers = layers(spec(name), input_size=size)
    names = {layer.name for layer in all_layers}
    assert [(layer.name, (2, *layer.shape)) for layer in all_layers] == [
        (part_name, shape) for part_name, shape in calls if part_name in names
    ]
    leaves = {n for n, part in module.named_modules() if not list(part.children())}
    assert {part_name for part_name, _ in calls if part_name in leaves} <= names


def outputs(module: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """Run a network and copy what every module returns, before anything changes it in place."""
    copies: dict[str, Tensor] = {}
    handles = [
        part.register_forward_hook(
            lambda _, args, output, name=name: copies.update({name: output.clone()})
        )
        for name, part in module.named_modules()
    ]
    with torch.no_grad():
        module(image)
    for handle in handles:
        handle.remove()
    return copies


def test_branches_are_the_parts_of_the_real_concatenation() -> None:
    module = untrained(spec("googlenet"), seed=0)
    activations = outputs(module, torch.randn(1, 3, 40, 40))
    concatenations = [layer for layer in layers(spec("googlenet")) if layer.branches]
    assert len(concatenations) == 9
    for module_layer in concatenations:
        for branch in module_layer.branches:
            part = activations[module_layer.name][:, branch.start : branch.stop]
            assert torch.equal(part, activations[branch.name])
        assert module_layer.branches[-1].stop == module_layer.shape[0]


def test_the_gates_positive_part_is_what_the_relu_lets_through() -> None:
    module = untrained(spec("googlenet"), seed=0)
    activations = outputs(module, torch.randn(1, 3, 40, 40))
    for part in layers(spec("googlenet")):
        if part.pre_relu is not None:
            rectified = activations[part.name.rpartition(".")[0]]
            assert torch.equal(activations[part.pre_relu].clamp(min=0), rectified)


class TestSizes:
    def test_shapes_follow_the_input_size(self) -> None:
        assert layer(spec("googlenet"), "inception5b").shape == (1024, 7, 7)
        at_128 = {layer.name: layer.shape for layer in layers(spec("googlenet"), input_size=128)}
        assert at_128["inception5b"] == (1024, 4, 4)

    def test_a_network_is_asked_at_the_size_that_suits_its_weights(self) -> None:
        small = Network(spec("googlenet"), spec("googlenet").build(), weights("bundled", 128))
        assert layer(small, "inception5b").shape == (1024, 4, 4)

    @pytest.mark.parametrize(
        ("name", "least", "title"),
        [("alexnet", 63, "pool5"), ("vgg16", 32, "pool5"), ("vgg11_bn", 32, "pool5")],
    )
    def test_too_small_an_image_names_the_layer_that_ran_out_of_pixels(
        self, name: str, least: int, title: str
    ) -> None:
        assert layers(spec(name), input_size=least)
        with pytest.raises(NetworkError) as caught:
            layers(spec(name), input_size=least - 1)
        assert (
            f"cannot take an image of {least - 1}×{least - 1} pixels: choose {least}×{least} or "
            f"more; layer {title}"
        ) in str(caught.value)
        assert "is left with" in str(caught.value)

    def test_sizes_below_one_pixel_are_refused(self) -> None:
        for size in (0, -1, 10**12):
            with pytest.raises(SettingError, match=f"cannot be {size} pixels here: choose 1 to"):
                layers(spec("alexnet"), input_size=size)


class TestLookingUp:
    def test_finds_a_layer_by_its_dotted_name(self) -> None:
        assert layer(network("vgg16"), "features.15").title == "relu3_3"

    def test_an_unknown_layer_is_answered_with_near_names(self) -> None:
        with pytest.raises(NetworkError, match=r"no layer called feature.15: .*features.15"):
            layer(spec("vgg16"), "feature.15")
        with pytest.raises(NetworkError, match=r"they go from features.0 to classifier.6"):
            layer(spec("vgg16"), "?")

    def test_of_an_encoder_alone_only_its_layers_are_there(self) -> None:
        encoder = network("alexnet", "encoder")
        assert [layer.title for layer in layers(encoder)] == list(ALEXNET)[:13]
        with pytest.raises(NetworkError, match=r"classifier.1: .*ends with features.12"):
            layer(encoder, "classifier.1")

    def test_a_second_look_runs_nothing(self) -> None:
        alexnet = network("alexnet")
        assert layers(alexnet) is layers(alexnet)
        assert layers(spec("alexnet")) is layers(spec("alexnet"))
        assert layers(alexnet) == layers(spec("alexnet"))

    def test_looking_leaves_the_network_alone(self) -> None:
        module = untrained(spec("googlenet"), seed=0)
        layers(Network(spec("googlenet"), module, weights("random")))
        assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
        assert not any(parameter.is_meta for parameter in module.parameters())


@pytest.fixture(scope="module")
def course() -> dict[str, tuple[Layer, ...]]:
    return {name: layers(spec(name)) for name in ("alexnet", "vgg16", "googlenet")}


def titles(layers: Iterable[Layer]) -> list[str]:
    return [layer.title for layer in layers]


def test_one_per_stage_is_the_last_relu_before_each_pooling(
    course: dict[str, tuple[Layer, ...]],
) -> None:
    assert titles(one_per_stage(course["vgg16"])) == [
        "relu1_2",
        "relu2_2",
        "relu3_3",
        "relu4_3",
        "relu5_3",
    ]
    assert titles(one_per_stage(course["alexnet"])) == [f"relu{i}" for i in range(1, 6)]


def test_many_stages_are_thinned_and_keep_first_and_last(
    course: dict[str, tuple[Layer, ...]],
) -> None:
    last = one_per_stage(course["googlenet"], at_most=4)
    assert titles(last)[0] == "conv3 (3×3)"
    assert titles(last)[-1] == "inception5b"
    assert len(last) == 4
    assert [layer.index for layer in last] == sorted(layer.index for layer in last)


def test_the_trunk_leaves_out_the_branches(course: dict[str, tuple[Layer, ...]]) -> None:
    in_trunk = trunk(course["googlenet"])
    assert titles(in_trunk)[:4] == ["conv1", "conv2 (1×1)", "conv3 (3×3)", "inception3a"]
    assert all("·" not in layer.title for layer in in_trunk)
    assert len(in_trunk) == 12


def test_depth_goes_from_0_to_1(course: dict[str, tuple[Layer, ...]]) -> None:
    for network_layers in course.values():
        in_trunk = trunk(network_layers)
        assert trunk_depth(network_layers, in_trunk[0]) == 0
        assert trunk_depth(network_layers, in_trunk[-1]) == 1


def test_a_layer_outside_the_trunk_has_a_depth_too(course: dict[str, tuple[Layer, ...]]) -> None:
    last = course["vgg16"][-1]
    assert trunk_depth(course["vgg16"], last) == 1


@given(st.lists(st.integers(), max_size=200), st.integers(2, 50))
def test_thinning_keeps_the_ends_and_the_order(items: list[int], most: int) -> None:
    items = sorted(items)
    thinned = thin(items, most)
    assert len(thinned) == min(len(items), most)
    assert list(thinned) == sorted(thinned)
    if items:
        assert (thinned[0], thinned[-1]) == (items[0], items[-1])


def test_items_are_taken_evenly() -> None:
    assert thin(range(5), 8) == (0, 1, 2, 3, 4)
    assert thin(range(9), 3) == (0, 4, 8)


class TestStages:
    """The layers that stand for a whole network."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("alexnet", "relu1 relu2 relu3 relu4 relu5 fc6 fc7 fc8"),
            ("vgg16", "relu1_2 relu2_2 relu3_3 relu4_3 relu5_3 fc6 fc7 fc8"),
            (
                "vgg11",
                "relu1_1 relu2_1 relu3_1 relu3_2 relu4_1 relu4_2 relu5_1 relu5_2 fc6 fc7 fc8",
            ),
        ],
    )
    def test_of_networks_in_a_row(self, name: str, expected: str) -> None:
        assert [each.title for each in stages(layers(spec(name)))] == expected.split()

    def test_googlenets_modules_each_stand_for_themselves(self) -> None:
        names = [each.name for each in stages(layers(spec("googlenet")))]
        modules = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
        stem = ["conv1", "conv2", "conv3"]
        assert names == [*stem, *(f"inception{each}" for each in modules), "fc"]

    def test_stages_stand_in_the_order_in_which_they_run(self) -> None:
        """The norm after all blocks of a ViT has a stage whose first layer comes before them."""
        names = [each.name for each in stages(layers(spec("vit_b_16")))]
        assert names[0] == "encoder.layers.encoder_layer_0"
        assert names[-2:] == ["encoder.ln", "heads.head"]

    def test_of_a_long_network_without_groups_they_are_evenly_spaced(
        self, read: Callable[..., dict[str, Layer]]
    ) -> None:
        blocks = [part for _ in range(23) for part in (nn.Conv2d(3, 3, 1), nn.ReLU())]
        chosen = stages(list(read(nn.Sequential(*blocks)).values()))
        assert [each.name for each in chosen] == [str(4 * i + 1) for i in range(12)]

    def test_maps_of_one_pixel_count_where_there_are_no_others(
        self, read: Callable[..., dict[str, Layer]]
    ) -> None:
        only = read(nn.Sequential(nn.Conv2d(3, 2, 8), nn.ReLU()))
        assert [each.name for each in stages(list(only.values()))] == ["1"]
        both = read(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 6), nn.ReLU()))
        assert [each.name for each in stages(list(both.values()))] == ["1"]


@pytest.mark.parametrize(
    "name", ["alexnet", "googlenet", "resnet18", "vit_b_16", "efficientnet_b0"]
)
def test_a_kind_is_kept_in_english_and_told_word_by_word(bracketed: None, name: str) -> None:
    with speaking("da"):
        kinds = {layer.kind for layer in layers(spec(name))}
        told = {kind: kind_text(kind) for kind in kinds}
    assert "convolution" in " ".join(kinds)
    for kind, text in told.items():
        words = kind.split(" + ")
        is_class = kind[0].isupper() and kind != "ReLU"  # SiLU, GELU
        expected = kind if is_class else f"⟦{words[0]}⟧"
        for word in words[1:]:
            expected = f"⟦{expected} + ⟦{word}⟧⟧"
        assert text == expected
        assert again(text) == kind_text(kind) == kind


def test_kinds_in_titles_are_kept_in_english_and_told_again() -> None:
    with speaking("da"):
        titles = {each.name: each.title for each in layers(spec("googlenet"))}
        told = {name: again(title) for name, title in titles.items()}
    assert titles["conv1.conv"] == "conv1 · convolution"
    assert told["conv1.conv"] == "conv1 · foldning"
    for name in ("conv1", "conv2", "inception4a", "inception4a.branch2.0", "maxpool3", "fc"):
        assert told[name] == titles[name]


def test_uses_and_parts_of_a_module_are_told_again_too() -> None:
    relu = nn.ReLU()
    module = nn.Sequential(nn.Conv2d(3, 2, 3), relu, nn.Conv2d(2, 2, 3), relu)
    twice = NetworkSpec(name="twice", title="Twice", build=lambda: module, input_size=8)
    (first,) = [each for each in further_layers(twice) if each.name.endswith(":1")]
    assert first.title == f"{first.module} (use 1 of 2)"
    token = next(each for each in further_layers(spec("vit_b_16")) if each.kind == "class token")
    assert token.title.endswith(" · class token")
    with speaking("da"):
        assert again(token.title).endswith(f" · {kind_text('class token')}")


@pytest.mark.parametrize(
    ("module", "has_relu"),
    [
        (nn.ReLU(), True),
        (nn.ReLU6(), True),
        (nn.LeakyReLU(), False),
        (nn.PReLU(), False),
        (nn.RReLU(), False),
        (nn.GELU(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_what_sets_numbers_to_zero_is_a_relu(
    read: Callable[..., dict[str, Layer]], module: nn.Module, has_relu: bool
) -> None:
    found = read(nn.Sequential(nn.Conv2d(3, 2, 1), module))
    assert (found["0"].has_relu, found["1"].has_relu) == (False, has_relu)


@pytest.mark.claims("convviz.ui.architectures.findings.no_field_text")
def test_what_is_the_same_for_every_image_is_no_layer_and_has_no_field() -> None:
    """Swin v2 computes its biases of positions by two layers that see nothing of the image."""
    described = spec("swin_v2_t")
    listed = {layer.name for layer in (*layers(described, 64), *further_layers(described, 64))}
    biases = {name for name in left_out(described, 64) if ".cpb_mlp." in name}
    assert len(biases) == 3 * 12
    assert not any("cpb_mlp" in name for name in listed)
    rows = costs.count(described, 64).layers
    assert biases <= {row.module for row in rows if not row.of_image}
    assert [row.name for row in rows if row.of_image != (row.field is not None)] == []
    row = next(row for row in rows if ".cpb_mlp." in row.module)
    assert no_field_text(row).startswith("This layer sees nothing of the image")
    lost = replace(row, of_image=True)
    assert no_field_text(lost) == "What this layer's positions see cannot be followed."
    with pytest.raises(NetworkError, match="puts out neither maps"):
        layer(described, row.module, 64)


class Channelwise(nn.Module):
    """Whatever works on each channel by itself, with convolutions and joins between."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.SiLU()
        self.pool = nn.AvgPool2d(2)
        self.drop = nn.Dropout()
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.again = nn.ReLU()
        self.end = nn.AdaptiveMaxPool2d(1)
        self.fc = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.pool(self.act(self.norm(self.conv(x)))))
        y = self.again(self.depthwise(x))
        return self.fc(self.end(torch.cat([x, y], 1)).flatten(1))


def test_channels_stay_the_same_until_others_are_made_of_them() -> None:
    network = network_of(Channelwise(), side=8)
    origins = {each.name: channels_origin(network, each) for each in layers(network)}
    groups: dict[str, list[str]] = {}
    for name, origin in origins.items():
        groups.setdefault(origin, []).append(name)
    assert [*groups.values()] == [
        ["conv", "norm", "act", "pool", "drop"],
        ["depthwise", "again"],
        ["end"],
        ["fc"],
    ]


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_a_pooling_of_the_course_keeps_the_channels_and_nothing_else_is_taken_for_one(
    name: str,
) -> None:
    network = spec(name)
    listed = layers(network)
    for before, after in pairwise(listed):
        same = channels_origin(network, before) == channels_origin(network, after)
        keeps = after.kind in ("ReLU", "max pooling", "average pooling", "dropout")
        is_flattened = len(before.shape) != len(after.shape)
        # A linear layer's ReLU works on vectors, whose numbers are the channels.
        if len(before.shape) == 3:
            assert same == (keeps and not is_flattened), (before.title, after.title)
