from dataclasses import replace

import pytest
import torch
import torchvision
from torch import nn

from convviz.networks.network import NetworkSpec
from convviz.structure import layers as structure_layers
from convviz.structure.layers import Branch, Layer
from convviz.structure.trunk import comparable, stepping_stones
from convviz.ui.components.layer_keys import added
from convviz.ui.sidebar import findings
from convviz.ui.sidebar.layer import Steps, choices, label, related


def layer(index: int, name: str, kind: str = "ReLU", **more: object) -> Layer:
    made = Layer(name, name, kind, "block 1", (8, 4, 4), index, False, None, (), True)
    return replace(made, **more)


NETWORK = (
    layer(0, "conv1", "convolution"),
    layer(1, "relu1"),
    layer(2, "pool1", "max pooling"),
    layer(3, "mix.a"),
    layer(4, "mix.b"),
    layer(5, "mix", "concatenation", branches=(Branch("mix.a", "a", 0, 4),)),
    layer(6, "drop", "dropout", in_encoder=False),
    layer(7, "part", "batch norm", detail=True),
    layer(8, "fc", "linear", shape=(10,), in_encoder=False),
)


def test_parts_and_dropout_are_not_offered() -> None:
    offered = [each.name for each in choices(NETWORK)]
    assert offered == ["conv1", "relu1", "pool1", "mix.a", "mix.b", "mix", "fc"]


@pytest.mark.parametrize(("depth", "name"), [(0.1, "relu1"), (0.5, "relu1"), (1.0, "mix")])
def test_a_comparable_layer_follows_a_relu_and_is_no_part_of_a_concatenation(
    depth: float, name: str
) -> None:
    assert comparable(choices(NETWORK), depth).name == name


def test_a_first_layer_leads_to_a_first_one() -> None:
    assert comparable(choices(NETWORK), 0.0).name == "conv1"
    assert comparable(NETWORK, 0.0).name == "conv1"


def test_a_network_without_relu_still_has_a_layer() -> None:
    bare = (layer(0, "a", "linear", in_encoder=False), layer(1, "b", "linear", in_encoder=False))
    assert comparable(bare, 1.0).name == "b"


def test_a_label_names_the_stage_once() -> None:
    assert label(layer(0, "relu1")) == "block 1 · relu1 — 8 × 4 × 4"
    inception = layer(0, "inception3a · 1×1", stage="inception3a")
    assert label(inception) == "inception3a · 1×1 — 8 × 4 × 4"
    here = layer(0, "inception3a · “5×5” (3×3 here)", stage="inception3a")
    assert label(here) == "inception3a · “5×5” — 8 × 4 × 4"


STEPS = Steps(
    {each.name: each.index for each in NETWORK},
    ["conv1", "relu1", "pool1", "mix", "fc"],
    [each.name for each in choices(NETWORK)],
)


@pytest.mark.parametrize(
    ("name", "trunk_steps", "part_steps", "target"),
    [
        ("conv1", 1, 0, "relu1"),
        ("pool1", 1, 0, "mix"),  # past the parts of the module
        ("mix", -1, 0, "pool1"),
        ("mix.a", 1, 0, "mix"),
        ("mix.b", -1, 0, "pool1"),
        ("mix", 1, 0, "fc"),
        ("fc", 1, 0, "fc"),
        ("conv1", -1, 0, "conv1"),
        ("conv1", 3, 0, "mix"),
        ("conv1", 99, 0, "fc"),
        ("fc", -99, 0, "conv1"),
        ("pool1", 0, 1, "mix.a"),
        ("mix", 0, -1, "mix.b"),
        ("mix", 0, -99, "conv1"),
        ("conv1", 2, 1, "mix.a"),
        ("mix.a", 0, 0, "mix.a"),
        ("part", 1, 0, "fc"),  # a part of a layer, that only a link names
        ("part", -1, 0, "mix"),
    ],
)
def test_steps_go_along_the_trunk_or_by_the_parts(
    name: str, trunk_steps: int, part_steps: int, target: str
) -> None:
    assert STEPS.target(name, trunk_steps, part_steps) == target


def stones(module: nn.Module) -> list[str]:
    made = NetworkSpec(name="stones", title="Stones", build=lambda: module)
    layers = structure_layers.layers(made)
    return [each.name for each in stepping_stones(module, choices(layers))]


def test_googlenet_is_gone_through_by_module() -> None:
    googlenet = torchvision.models.googlenet(aux_logits=False, init_weights=False)
    assert stones(googlenet) == [
        *("conv1", "maxpool1", "conv2", "conv3", "maxpool2"),
        *("inception3a", "inception3b", "maxpool3"),
        *("inception4a", "inception4b", "inception4c", "inception4d", "inception4e", "maxpool4"),
        *("inception5a", "inception5b", "avgpool", "fc"),
    ]


def test_resnet_is_gone_through_by_block() -> None:
    blocks = [f"layer{stage}.{block}.relu" for stage in range(1, 5) for block in range(2)]
    stem = ["conv1", "bn1", "relu", "maxpool"]
    assert stones(torchvision.models.resnet18()) == [*stem, *blocks, "avgpool", "fc"]


class Wrapped(nn.Module):
    """A network whose encoder is one module with a forward pass of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = InARow()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pooled: torch.Tensor = self.pool(self.encoder(images))
        return pooled


class InARow(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.conv2 = nn.Conv2d(4, 4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.conv2(self.conv1(images))
        return maps


def test_layers_in_a_row_are_gone_through_one_by_one() -> None:
    assert stones(Wrapped()) == ["encoder.conv1", "encoder.conv2", "pool"]
    for module in (torchvision.models.alexnet(), torchvision.models.vgg11()):
        named = {name for name, _ in module.named_modules()}
        found = stones(module)
        assert set(found) <= named
        kinds = (nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.Linear)
        wanted = [name for name, each in module.named_modules() if isinstance(each, kinds)]
        assert [name for name in found if name != "avgpool"] == wanted


@pytest.mark.parametrize(
    ("before", "totals", "steps"),
    [
        (None, {"id": "a", "trunk": 1, "parts": 0}, (1, 0)),
        ({"id": "a", "trunk": 1, "parts": 0}, {"id": "a", "trunk": 3, "parts": -1}, (2, -1)),
        ({"id": "a", "trunk": 5, "parts": 5}, {"id": "b", "trunk": 1, "parts": 0}, (1, 0)),
        ({"id": "a", "trunk": 1, "parts": 0}, None, (0, 0)),
        (None, {"id": "a", "trunk": "many", "parts": 0}, (0, 0)),
        (None, {"id": "a"}, (0, 0)),
        (None, [1, 2], (0, 0)),
    ],
)
def test_no_press_of_a_key_is_lost_or_counted_twice(
    before: object, totals: object, steps: tuple[int, int]
) -> None:
    assert added(before, totals) == steps


@pytest.mark.claims("convviz.ui.sidebar.findings.step_help")
@pytest.mark.parametrize("has_parts", [True, False])
def test_the_help_of_a_step_names_its_direction_and_its_key(has_parts: bool) -> None:
    shallower = findings.step_help(-1, has_parts=has_parts)
    deeper = findings.step_help(1, has_parts=has_parts)
    assert "towards the image" in shallower
    assert "key [ does" in shallower
    assert "towards the classes" in deeper
    assert "key ] does" in deeper
    for text in (shallower, deeper):
        assert ("module" in text) == ("Shift" in text) == has_parts


class TestAround:
    """What else can be looked at around a layer: its module's other outputs, and its blocks."""

    LAYERS = (
        layer(0, "stage.0.conv", "convolution"),
        layer(1, "stage.0.relu"),
        layer(2, "stage.1.conv", "convolution"),
        layer(3, "stage.1.relu"),
        layer(4, "last.conv"),
        layer(5, "fc", "linear", shape=(10,), in_encoder=False),
    )
    FURTHER = (
        layer(0, "stage.0.relu:1", detail=True),
        layer(1, "stage.0", "block", detail=True),
        layer(3, "stage.1", "block", detail=True),
        layer(3, "stage", "block", detail=True),
    )

    def around(self, name: str) -> list[str]:
        everything = {each.name: each for each in (*self.LAYERS, *self.FURTHER)}
        return [each.name for each in related(everything[name], self.LAYERS, self.FURTHER)]

    def test_uses_first_then_the_innermost_block(self) -> None:
        assert self.around("stage.0.relu") == ["stage.0.relu:1", "stage.0", "stage"]
        assert self.around("stage.0.relu:1") == ["stage.0.relu", "stage.0", "stage"]
        assert self.around("stage.0") == ["stage"]
        assert self.around("fc") == []

    def test_the_whole_encoder_is_no_block(self) -> None:
        layers, further = self.LAYERS[:4], self.FURTHER
        assert [each.name for each in related(layers[0], layers, further)] == ["stage.0"]

    def test_steps_go_on_from_a_block(self) -> None:
        order = {each.name: each.index for each in (*self.LAYERS, *self.FURTHER)}
        names = [each.name for each in self.LAYERS]
        steps = Steps(order, names, names)
        assert steps.target("stage.0", 1) == "stage.1.conv"
        assert steps.target("stage.0", -1) == "stage.0.conv"
        assert steps.target("stage.0.relu:1", 1) == "stage.0.relu"
