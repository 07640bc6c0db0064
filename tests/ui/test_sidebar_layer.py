from dataclasses import replace

import pytest

from convviz.structure.layers import Branch, Layer, comparable
from convviz.ui.sidebar.layer import as_deep, choices, label


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


@pytest.mark.parametrize(("depth", "name"), [(0.0, "relu1"), (0.5, "relu1"), (1.0, "mix")])
def test_a_comparable_layer_follows_a_relu_and_is_no_part_of_a_concatenation(
    depth: float, name: str
) -> None:
    assert comparable(choices(NETWORK), depth).name == name


def test_a_first_layer_leads_to_a_first_one() -> None:
    assert as_deep(choices(NETWORK), 0.0).name == "conv1"
    assert as_deep(choices(NETWORK), 0.1).name == "relu1"


def test_a_network_without_relu_still_has_a_layer() -> None:
    bare = (layer(0, "a", "linear", in_encoder=False), layer(1, "b", "linear", in_encoder=False))
    assert comparable(bare, 1.0).name == "b"


def test_a_label_names_the_stage_once() -> None:
    assert label(layer(0, "relu1")) == "block 1 · relu1 — 8 × 4 × 4"
    inception = layer(0, "inception3a · 1×1", stage="inception3a")
    assert label(inception) == "inception3a · 1×1 — 8 × 4 × 4"
