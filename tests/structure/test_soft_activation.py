import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from convviz.structure.layers import Layer
from convviz.structure.soft_activation import SoftActivation

Read = Callable[..., dict[str, Layer]]


def behind(read: Read, activation: nn.Module) -> SoftActivation | None:
    """What is read of an activation function behind a convolution."""
    return read(nn.Sequential(nn.Conv2d(3, 2, 1), activation))["1"].soft


# The deepest point of each function for inputs up to 0, from its formula: x · sigmoid(x) has its
# minimum where 1 + x (1 − sigmoid(x)) = 0, at −1.2785.
BOUNDED: list[tuple[nn.Module, str, float]] = [
    (nn.SiLU(), "SiLU", 1.278464542761 / (1 + math.exp(1.278464542761))),
    (nn.SiLU(inplace=True), "SiLU", 1.278464542761 / (1 + math.exp(1.278464542761))),
    (nn.GELU(), "GELU", 0.7517915247 * (1 + math.erf(-0.7517915247 / math.sqrt(2))) / 2),
    (nn.ELU(), "ELU", 1.0),
    (nn.ELU(alpha=0.5), "ELU", 0.5),
    (nn.Hardswish(), "Hardswish", 1.5 * 1.5 / 6),
    (nn.SELU(), "ELU", 1.0507009873554804934 * 1.6732632423543772848),
]


@pytest.mark.parametrize(("activation", "name", "reach"), BOUNDED, ids=lambda each: str(each)[:12])
def test_how_far_below_zero_a_function_reaches(
    activation: nn.Module, name: str, reach: float, read: Read
) -> None:
    soft = behind(read, activation)
    assert soft is not None
    assert soft.function in {name, "SELU"}
    assert soft.reach == pytest.approx(reach, rel=1e-5)
    assert soft.share is None
    # the same on numbers: nothing up to 0 is put out further from 0
    inputs = torch.linspace(-30, 0, 2001)
    reached = float(activation(inputs.clone()).abs().max())
    assert reached == pytest.approx(reach, rel=1e-4)
    # τ · largest is the reach again
    threshold = soft.threshold(8.0)
    assert threshold is not None
    assert threshold * 8 == pytest.approx(reach, rel=1e-5)
    assert soft.threshold(reach / 2) is None


@pytest.mark.parametrize(
    ("activation", "name", "share"),
    [
        (nn.LeakyReLU(0.2), "LeakyReLU", 0.2),
        (nn.Sigmoid(), "Sigmoid", 0.01),
        (nn.Softplus(), "Softplus", 0.01),
        (nn.Hardsigmoid(), "Hardsigmoid", 0.01),
    ],
)
def test_a_share_of_the_largest(activation: nn.Module, name: str, share: float, read: Read) -> None:
    assert behind(read, activation) == SoftActivation(name, share=share)
    assert SoftActivation(name, share=share).threshold(3.0) == share


@pytest.mark.parametrize(("activation", "name"), [(nn.Tanh(), "Tanh"), (nn.PReLU(), "PReLU")])
def test_for_some_no_threshold_means_anything(activation: nn.Module, name: str, read: Read) -> None:
    soft = behind(read, activation)
    assert soft == SoftActivation(name)
    assert soft.threshold(3.0) is None


@pytest.mark.parametrize(
    "activation", [nn.ReLU(), nn.ReLU6(), nn.Identity(), nn.LeakyReLU(0.0), nn.Hardtanh(0, 4)]
)
def test_others_are_none(activation: nn.Module, read: Read) -> None:
    assert behind(read, activation) is None


class Step(nn.Module):
    """A function, as a layer of its own."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def by_error_function(x: Tensor) -> Tensor:
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


def by_tanh(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3))))


# The deepest point of x · sigmoid(1.702 x) is that of x · sigmoid(x), divided by 1.702.
SILU, GELU = 1.278464542761 / (1 + math.exp(1.278464542761)), BOUNDED[2][2]
WRITTEN: dict[str, tuple[Callable[[Tensor], Tensor], str, float]] = {
    "x * sigmoid": (lambda x: x * torch.sigmoid(x), "SiLU", SILU),
    "sigmoid in place": (lambda x: x.clone().mul_(x.sigmoid()), "SiLU", SILU),
    "x over 1 + exp": (lambda x: x / (1 + torch.exp(-x)), "SiLU", SILU),
    "quick GELU": (lambda x: x * torch.sigmoid(1.702 * x), "QuickGELU", SILU / 1.702),
    "erf": (by_error_function, "GELU", GELU),
    "tanh": (by_tanh, "GELU", GELU),
    "relu6": (lambda x: x * functional.relu6(x + 3) / 6, "Hardswish", 1.5 * 1.5 / 6),
    "softplus": (lambda x: x * torch.tanh(functional.softplus(x)), "Mish", 0.308840),
    "where of exp": (lambda x: torch.where(x > 0, x, torch.exp(x) - 1), "ELU", 1.0),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_functions_that_are_written_out_are_told_by_their_numbers(kind: str, read: Read) -> None:
    function, name, reach = WRITTEN[kind]
    soft = behind(read, Step(function))
    assert soft is not None
    assert soft.function.replace("CELU", "ELU") == name
    assert soft.reach == pytest.approx(reach, rel=2e-3)
    inputs = torch.linspace(-30, 0, 2001)
    assert float(function(inputs).abs().max()) == pytest.approx(reach, rel=2e-3)


@pytest.mark.parametrize(
    ("function", "name", "share"),
    [
        (lambda x: 1 / (1 + torch.exp(-x)), "Sigmoid", 0.01),
        (lambda x: x.exp(), "exp", 0.01),
        (lambda x: torch.log(1 + torch.exp(x)), "Softplus", 0.01),
        (lambda x: functional.relu6(x + 3) / 6, "Hardsigmoid", 0.01),
        (lambda x: torch.where(x > 0, x, 0.2 * x), "LeakyReLU", 0.2),
        (lambda x: torch.maximum(x, 0.1 * x), "LeakyReLU", 0.1),
        (lambda x: functional.rrelu(x, 0.1, 0.3), "RReLU", 0.2),
        (lambda x: x / (1 + x.abs()), "Softsign", None),
        (lambda x: 2 * torch.sigmoid(2 * x) - 1, "Tanh", None),
    ],
)
def test_other_functions_that_are_written_out(
    function: Callable[[Tensor], Tensor], name: str, share: float | None, read: Read
) -> None:
    soft = behind(read, Step(function))
    assert soft is not None
    assert (soft.function, soft.reach) == (name, None)
    assert soft.share == (None if share is None else pytest.approx(share))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 2 + 1,
        lambda x: x * x,
        lambda x: x * torch.sigmoid(x.mean((2, 3), keepdim=True)),
        lambda x: x * (x > 0),
        lambda x: (x.relu() * 2).clamp(max=3),
        lambda x: x - torch.sigmoid(x),
        lambda x: torch.sin(x) * 2,
    ],
)
def test_other_arithmetic_is_no_activation_function(
    function: Callable[[Tensor], Tensor], read: Read
) -> None:
    assert behind(read, Step(function)) is None


def test_a_function_in_forward_counts_for_the_module_that_calls_it(read: Read) -> None:
    class Block(nn.Module):
        def __init__(self, *, residual: bool) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)
            self.residual = residual

        def forward(self, image: Tensor) -> Tensor:
            maps = functional.gelu(self.conv(image))
            return maps + image if self.residual else maps

    soft = read(nn.Sequential(Block(residual=False), nn.MaxPool2d(2)))
    assert soft["0.conv"].soft is None
    assert soft["0"].soft is not None
    assert soft["1"].soft == soft["0"].soft  # the largest of such numbers is one of them
    assert read(nn.Sequential(Block(residual=True)))["0"].soft is None
