"""Layers, gates and joins of small networks written by hand, as users write them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

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


class Step(nn.Module):
    """A function of one tensor, as a layer without parts."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def index_set(y: Tensor) -> Tensor:
    y = y.clone()
    y[y < 0] = 0
    return y


def times_a_mask(y: Tensor) -> Tensor:
    y = y.clone()
    y *= y > 0
    return y


ZERO = torch.tensor(0.0)

RELUS: dict[str, Callable[[Tensor], Tensor]] = {
    "where": lambda y: torch.where(y > 0, y, 0),
    "where, not less": lambda y: torch.where(y >= 0, y, 0.0),
    "where of zeros": lambda y: torch.where(y > 0, y, torch.zeros_like(y)),
    "where the other way": lambda y: torch.where(y < 0, 0, y),
    "where, zero first": lambda y: torch.where(y > 0, y, torch.zeros(1)),
    "maximum": lambda y: torch.maximum(y, torch.zeros_like(y)),
    "maximum of zeros": lambda y: torch.maximum(y, torch.zeros(())),
    "new zeros": lambda y: torch.maximum(y, y.new_zeros(1)),
    "full": lambda y: torch.maximum(y, torch.full_like(y, 0)),
    "max": lambda y: torch.max(y, torch.zeros_like(y)),
    "mask": lambda y: y * (y > 0),
    "mask first": lambda y: (y > 0) * y,
    "mask as numbers": lambda y: y * (y > 0).float(),
    "mask of its type": lambda y: y * (y >= 0).to(y.dtype),
    "masked fill": lambda y: y.masked_fill(y < 0, 0),
    "index": index_set,
    "clamp": lambda y: y.clamp(min=0),
    "clamp to a tensor": lambda y: y.clamp(min=torch.zeros(())),
    "functional": nn.functional.relu,
    "maximum of a number": lambda y: torch.maximum(y, torch.tensor(0.0)),
    "maximum of a number first": lambda y: torch.maximum(torch.tensor(0.0), y),
    "max of a number": lambda y: torch.max(y, torch.tensor([0.0])),
    "fmax": lambda y: torch.fmax(y, torch.as_tensor(0.0)),
    "maximum of a list": lambda y: torch.maximum(y, torch.tensor([0.0, 0.0])[:1]),
    "maximum of a number from outside": lambda y: torch.maximum(y, ZERO),
    "where of a number": lambda y: torch.where(y > 0, y, torch.tensor(0.0)),
    "where above a number": lambda y: torch.where(y > torch.tensor(0.0), y, 0),
    "where of a method": lambda y: y.where(y > 0, 0),
    "where not": lambda y: torch.where(~(y <= 0), y, 0),
    "where not, in words": lambda y: torch.where(torch.logical_not(y < 0), y, 0),
    "zero below": lambda y: torch.where(0 >= y, 0, y),  # noqa: SIM300  # as users write it
    "threshold": lambda y: nn.functional.threshold(y, 0, 0),
    "threshold in place": lambda y: nn.functional.threshold(y.clone(), 0.0, 0.0, inplace=True),
    "clip": lambda y: torch.clip(y, 0),
    "clip by name": lambda y: y.clip(min=0.0),
    "clamp in place": lambda y: y.clone().clamp_(min=0),
    "clamp_min": lambda y: y.clamp_min(0),
    "clamp between tensors": lambda y: torch.clamp(y, torch.tensor(0.0), torch.tensor(9.0)),
    "in place": lambda y: y.clone().relu_(),
    "times a mask in place": times_a_mask,
    "hardtanh": lambda y: nn.functional.hardtanh(y, 0.0, 9.0),
    "leaky by nothing": lambda y: nn.functional.leaky_relu(y, 0.0),
    "half of it and its magnitude": lambda y: (y + y.abs()) / 2,
    "half of its magnitude and it": lambda y: 0.5 * (y.abs() + y),
    "less its negative part": lambda y: y - y.clamp(max=0),
    "less its minimum with zeros": lambda y: y - torch.minimum(torch.zeros_like(y), y),
    "the other way round": lambda y: -(-y).clamp(max=0),
    "the other way round, by a factor": lambda y: -torch.minimum(-1 * y, torch.tensor(0.0)),
}

NO_RELUS: dict[str, Callable[[Tensor], Tensor]] = {
    "where above 1": lambda y: torch.where(y > 1, y, 0),
    "where of ones": lambda y: torch.where(y > 0, y, 1.0),
    "where of the negatives": lambda y: torch.where(y < 0, y, 0),
    "where of something else": lambda y: torch.where(y > 0, y * 2, 0),
    "leaky": lambda y: torch.where(y > 0, y, 0.1 * y),
    "maximum of ones": lambda y: torch.maximum(y, torch.ones_like(y)),
    "maximum of a half": lambda y: torch.maximum(y, torch.tensor(0.5)),
    "maximum of a one": lambda y: torch.maximum(y, torch.tensor(1.0)),
    "threshold at one": lambda y: nn.functional.threshold(y, 1, 0),
    "threshold to one": lambda y: nn.functional.threshold(y, 0, 1),
    "clamp between others": lambda y: torch.clamp(y, torch.tensor(-1.0), torch.tensor(9.0)),
    "where not above": lambda y: torch.where(~(y > 0), y, 0),
    "minimum": lambda y: torch.minimum(y, torch.zeros_like(y)),
    "mask of the negatives": lambda y: y * (y < 0),
    "mask of something else": lambda y: y * (y.mean(1, keepdim=True) > 0),
    "swish": lambda y: y * torch.sigmoid(y),
    "mask that is returned too": lambda y: torch.where(y > 0, y, 0) + (y > 0),
    "it and its magnitude": lambda y: y + y.abs(),
    "a third of it and its magnitude": lambda y: (y + y.abs()) / 3,
    "magnitude": lambda y: y.abs(),
    "less what is below 1": lambda y: y - y.clamp(max=1),
    "less its negative part twice": lambda y: torch.sub(y, y.clamp(max=0), alpha=2),
    "the negative part": lambda y: y.clamp(max=0),
    "the negative part of the negated": lambda y: (-y).clamp(max=0),
    "no more than 6": lambda y: y.clamp(max=6),
    "magnitude that is returned too": lambda y: (y + y.abs()) / 2 + y.abs(),
}


@pytest.mark.parametrize("kind", RELUS)
def test_a_relu_is_one_in_whatever_words(read: Read, kind: str) -> None:
    y = torch.tensor([-2.0, -0.0, 0.0, 0.5, 3.0])
    assert RELUS[kind](y).tolist() == y.clamp(min=0).tolist()
    found = read(nn.Sequential(nn.Conv2d(3, 2, 1), Step(RELUS[kind]), nn.Conv2d(2, 2, 1)))
    assert found["0"].pre_relu == "0"
    assert found["1"].pre_relu is None
    assert found["2"].pre_relu is None


@pytest.mark.parametrize("kind", NO_RELUS)
def test_what_lets_other_numbers_through_is_none(read: Read, kind: str) -> None:
    found = read(nn.Sequential(nn.Conv2d(3, 2, 1), Step(NO_RELUS[kind])))
    assert found["0"].pre_relu is None


def test_a_block_with_a_relu_in_other_words_is_one_layer(read: Read) -> None:
    class Masked(Block):
        def forward(self, x: Tensor) -> Tensor:
            y = self.norm(self.conv(x))
            return torch.where(y > 0, y, 0)

    found = read(nn.Sequential(Masked(3, 4)))
    assert found["0"].kind == "convolution + batch norm + ReLU"
    assert (found["0.conv"].pre_relu, found["0.conv"].detail) == ("0.norm", True)


@pytest.mark.parametrize(
    "capped",
    [
        nn.functional.relu6,
        lambda y: y.clamp(0, 6),
        lambda y: torch.clamp(y, min=0, max=6.0),
        lambda y: nn.functional.hardtanh(y, 0, 6),
        lambda y: torch.clip(y, 0, 6),
        lambda y: torch.clamp(y, torch.tensor(0.0), torch.tensor(6.0)),
        nn.ReLU6(),
        nn.ReLU6(inplace=True),
        nn.Hardtanh(0, 6),
        lambda y: y.relu().clamp(max=6),
        lambda y: y.relu().clamp(-1, 6),
        lambda y: y.relu().clamp_max(6),
        lambda y: torch.minimum(y.relu(), torch.tensor(6.0)),
        lambda y: torch.clamp(y.relu(), max=torch.tensor(6.0)),
        lambda y: nn.functional.relu6(y).clamp(max=9),
        lambda y: y.clamp(max=6).relu(),
        lambda y: torch.minimum(torch.tensor(6.0), y).relu(),
        lambda y: ((y + y.abs()) / 2).clamp(max=6),
    ],
)
def test_functional_relus_that_end_somewhere_say_where(
    read: Read, capped: Callable[[Tensor], Tensor]
) -> None:
    y = torch.tensor([-7.0, 0.0, 2.5, 6.0, 8.07])
    assert capped(y.clone()).tolist() == y.clamp(0, 6).tolist()
    found = read(nn.Sequential(nn.Conv2d(3, 2, 1), Step(capped), nn.ReLU()))
    assert (found["0"].pre_relu, found["0"].ceiling) == ("0", 6.0)
    behind = "1.function" if isinstance(capped, nn.Module) else "1"
    assert found[behind].pre_relu is None, "it is rectified"


@pytest.mark.parametrize(
    "step",
    [
        lambda y: (y.relu().clamp(max=6), y.relu())[1],
        lambda y: y.relu().clamp(max=6) + y.relu().sum(),
        lambda y: (lambda z: z.clamp(max=6) + z)(y.relu()),
    ],
)
def test_a_relu_of_which_all_is_passed_on_has_no_ceiling(
    read: Read, step: Callable[[Tensor], Tensor]
) -> None:
    assert read(nn.Sequential(nn.Conv2d(3, 2, 1), Step(step)))["0"].ceiling is None


def test_what_a_later_module_caps_the_relu_itself_passes_on(read: Read) -> None:
    """The ReLU's own map shows it all."""
    cap = Step(lambda y: y.clamp(max=6))
    assert read(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), cap))["0"].ceiling is None


def test_a_block_whose_relu_ends_somewhere_is_one_layer(read: Read) -> None:
    class Capped(Block):
        def forward(self, x: Tensor) -> Tensor:
            return self.norm(self.conv(x)).relu().clamp(max=6)

    found = read(nn.Sequential(Capped(3, 4), nn.ReLU()))
    assert found["0"].kind == "convolution + batch norm + ReLU"
    assert found["0"].pre_relu is None
    assert (found["0.conv"].pre_relu, found["0.conv"].ceiling) == ("0.norm", 6.0)
    assert (found["0.norm"].detail, found["0.norm"].ceiling) == (True, 6.0)


class NormConv2d(nn.Conv2d):
    """A convolution whose class's name says norm."""


class NormedLinear(nn.Linear):
    """A fully connected layer whose class's name says norm."""


class NormedKernels(nn.Module):
    """Kernels of its own, and a name that says norm."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = nn.Parameter(torch.ones(5, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.kernels)


@pytest.mark.parametrize(
    "mixing",
    [NormConv2d(4, 5, 1), NormedKernels(), nn.Sequential(nn.Flatten(), NormedLinear(64, 5))],
    ids=lambda each: type(each).__name__,
)
def test_what_mixes_channels_is_no_norm_whatever_its_name(read: Read, mixing: nn.Module) -> None:
    found = read(nn.Sequential(nn.Conv2d(3, 4, 1), nn.MaxPool2d(2), mixing, nn.ReLU()))
    assert found["0"].pre_relu is None
    assert found["1"].pre_relu is None
    last = "2.1" if isinstance(mixing, nn.Sequential) else "2"
    assert found[last].pre_relu == last


@pytest.mark.parametrize("where", ["buffer", "attribute"])
def test_a_zero_that_a_module_holds_is_known(read: Read, where: str) -> None:
    class Holds(nn.Module):
        def __init__(self, number: float) -> None:
            super().__init__()
            if where == "buffer":
                self.register_buffer("number", torch.tensor([number]))
            else:
                self.number = torch.tensor(number)

        def forward(self, y: Tensor) -> Tensor:
            return torch.maximum(y, self.number)

    assert read(nn.Sequential(nn.Conv2d(3, 2, 1), Holds(0.0)))["0"].pre_relu == "0"
    assert read(nn.Sequential(nn.Conv2d(3, 2, 1), Holds(0.5)))["0"].pre_relu is None
