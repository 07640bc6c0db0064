"""Layers, gates and joins of small networks written by hand, as users write them."""

from collections.abc import Callable

import pytest
from torch import nn

from convviz.structure.layers import Layer
from tests.networks_for_tests import (
    Block,
    BothSigns,
    Fork,
    Functional,
    Half,
    Residual,
    Sum,
    WithImage,
)

Read = Callable[..., dict[str, Layer]]


def test_functional_relus_in_the_networks_own_forward(read: Read) -> None:
    found = read(Functional())
    assert list(found) == ["conv1", "conv2", "norm", "conv3", "conv4", "fc1", "fc2"]
    assert {name: each.pre_relu for name, each in found.items()} == {
        "conv1": "conv1",
        "conv2": "norm",
        "norm": "norm",
        "conv3": "conv3",  # the largest of some numbers is rectified before or after all the same
        "conv4": None,  # the ReLU after it belongs to fc1
        "fc1": "fc1",
        "fc2": None,
    }
    assert not any(each.detail for each in found.values())
    assert found["conv3"].shape == (6, 8, 8)
    assert found["fc1"].shape == (7,)
    assert [each.in_encoder for each in found.values()] == [True] * 5 + [False] * 2
    assert [each.stage for each in found.values()] == ["encoder"] * 5 + ["decoder"] * 2


def test_a_convolution_with_its_own_relu_is_one_layer_with_details(read: Read) -> None:
    found = read(nn.Sequential(Block(3, 4)))
    assert [(each.name, each.kind, each.detail, each.pre_relu) for each in found.values()] == [
        ("0.conv", "convolution", True, "0.norm"),
        ("0.norm", "batch norm", True, "0.norm"),
        ("0", "convolution + batch norm + ReLU", False, None),
    ]
    assert found["0.conv"].title == "0 · convolution"


def test_the_last_use_of_a_module_counts(read: Read) -> None:
    found = read(nn.Sequential(nn.Conv2d(3, 4, 1), Residual(4)))
    assert list(found) == ["0", "1.norm1", "1.conv", "1.norm2", "1.relu"]
    assert found["1.norm1"].pre_relu == "1.norm1"
    assert found["1.conv"].pre_relu is None
    assert found["1.norm2"].pre_relu is None, "what goes into a sum is not rectified"
    assert found["0"].pre_relu is None


def test_a_norm_that_two_convolutions_share_gates_the_last_one_only(read: Read) -> None:
    shared = nn.BatchNorm2d(4)
    found = read(
        nn.Sequential(
            *(nn.Conv2d(3, 4, 1), shared, nn.ReLU(), nn.Conv2d(4, 4, 1), shared, nn.ReLU())
        )
    )
    assert [(each.name, each.pre_relu) for each in found.values()] == [
        ("0", None),
        ("2", None),
        ("3", "1"),
        ("1", "1"),
        ("5", None),
    ]


def test_a_sum_with_a_function_for_its_relu_is_a_layer_that_hides_none(read: Read) -> None:
    found = read(nn.Sequential(Sum(3)))
    assert found["0"].kind == "sum + ReLU"
    assert found["0.conv1"].pre_relu == "0.conv1"
    assert found["0.conv2"].pre_relu is None
    assert not any(each.detail for each in found.values())


def test_a_concatenation_knows_its_branches(read: Read) -> None:
    found = read(nn.Sequential(Fork(3), nn.Conv2d(5, 2, 1)))
    assert found["0"].kind == "concatenation"
    assert [(b.name, b.title, b.start, b.stop) for b in found["0"].branches] == [
        ("0.left", "0.left", 0, 2),
        ("0.right.1", "0.right.1", 2, 5),
    ]
    assert found["0.right.0"].pre_relu == "0.right.0"
    assert found["1"].branches == ()


def test_a_concatenation_of_something_else_has_no_branches(read: Read) -> None:
    found = read(nn.Sequential(WithImage()))
    assert found["0"].kind == "concatenation"
    assert found["0"].branches == ()


def test_a_value_that_also_goes_elsewhere_is_not_gated(read: Read) -> None:
    assert read(BothSigns())["conv"].pre_relu is None


@pytest.mark.parametrize(
    ("activation", "gate"),
    [
        (nn.ReLU(), "0"),
        (nn.ReLU(inplace=True), "0"),
        (nn.ReLU6(), "0"),
        (nn.ReLU6(inplace=True), "0"),
        (nn.Threshold(0.0, 0.0), "0"),
        (nn.Sequential(nn.Dropout2d(), nn.Identity(), nn.ReLU()), "0"),
        (nn.Sequential(nn.MaxPool2d(2), nn.ReLU()), "0"),
        (nn.Sequential(nn.GroupNorm(1, 2), nn.ReLU()), "1.0"),
        (nn.Sequential(nn.InstanceNorm2d(2, affine=True), nn.ReLU()), "1.0"),
        (nn.Sequential(nn.AvgPool2d(2), nn.ReLU()), None),
        (nn.Hardtanh(), None),
        (nn.LeakyReLU(), None),
        (nn.GELU(), None),
        (nn.Sigmoid(), None),
        (nn.Identity(), None),
    ],
    ids=repr,
)
def test_what_counts_as_a_relu_and_what_may_come_before_it(
    read: Read, activation: nn.Module, gate: str | None
) -> None:
    assert read(nn.Sequential(nn.Conv2d(3, 2, 1), activation))["0"].pre_relu == gate


def test_a_relu_after_a_relu_lets_everything_through(read: Read) -> None:
    found = read(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU()))
    assert {name: each.pre_relu for name, each in found.items()} == {
        "0": "0",
        "1": None,
        "2": None,
        "3": None,
    }


def test_writing_into_a_part_of_a_tensor_is_noticed(read: Read) -> None:
    found = read(nn.Sequential(Half()))
    assert "0" in found
    assert found["0.conv"].pre_relu is None


def test_modules_that_only_hand_on_are_details(read: Read) -> None:
    found = read(nn.Sequential(nn.Conv2d(3, 2, 1), nn.Identity(), nn.Flatten(), nn.Linear(128, 2)))
    assert [each.detail for each in found.values()] == [False, True, True, False]
    assert found["2"].kind == "flatten"
