"""Adam and L-BFGS on functions whose minimum is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from convviz.reconstruction.config import ReconstructionConfig, check
from convviz.reconstruction.optimizers import OPTIMIZERS, Adam, AskTell, Lbfgs


def run(
    optimizer: AskTell, function: Callable[[Tensor], Tensor], steps: int, rate: float = 1.0
) -> Tensor:
    for _ in range(steps):
        coordinates = optimizer.ask().clone().requires_grad_()
        value = function(coordinates)
        (gradient,) = torch.autograd.grad(value, coordinates)
        optimizer.tell(float(value.detach()), gradient, rate)
    return optimizer.best


def bowl(x: Tensor) -> Tensor:
    return (torch.tensor([1.0, 10.0, 100.0]) * (x - torch.tensor([1.0, -2.0, 3.0])).square()).sum()


def banana(x: Tensor) -> Tensor:
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def test_lbfgs_finds_the_bottom_of_a_narrow_bowl() -> None:
    best = run(Lbfgs(torch.zeros(3)), bowl, 40)
    torch.testing.assert_close(best, torch.tensor([1.0, -2.0, 3.0]), atol=1e-3, rtol=0)


def test_lbfgs_follows_a_curved_valley() -> None:
    best = run(Lbfgs(torch.tensor([-1.2, 1.0])), banana, 150)
    torch.testing.assert_close(best, torch.ones(2), atol=1e-2, rtol=0)


def test_adam_walks_downhill() -> None:
    best = run(Adam(torch.zeros(3)), bowl, 300, rate=0.05)
    assert bowl(best) < 1e-3 * bowl(torch.zeros(3))


@pytest.mark.parametrize("kind", [Adam, Lbfgs])
def test_what_is_not_finite_is_taken_back_and_tried_smaller(kind: type[Adam] | type[Lbfgs]) -> None:
    optimizer = kind(torch.zeros(3))
    start = float(bowl(torch.zeros(3)))
    first = torch.tensor([-2.0, 40.0, -600.0])
    assert optimizer.tell(start, first, 1.0)
    far = optimizer.ask()
    assert not optimizer.tell(math.inf, torch.full((3,), torch.nan), 1.0)
    assert torch.equal(optimizer.best, torch.zeros(3))
    if kind is Adam:  # asks once more for where it stood
        assert torch.equal(optimizer.ask(), torch.zeros(3))
        assert optimizer.tell(start, first, 1.0)
    assert 0 < optimizer.ask().norm() < 0.5 * far.norm()


@pytest.mark.parametrize("kind", [Adam, Lbfgs])
@pytest.mark.parametrize("rate", [1e6, 1e30])
def test_an_absurd_learning_rate_loses_nothing(kind: type[Adam] | type[Lbfgs], rate: float) -> None:
    best = run(kind(torch.zeros(3)), bowl, 60, rate=rate)
    assert torch.isfinite(best).all()
    assert bowl(best) <= bowl(torch.zeros(3))


@pytest.mark.parametrize("kind", [Adam, Lbfgs])
def test_a_gradient_of_zero_moves_nothing(kind: type[Adam] | type[Lbfgs]) -> None:
    optimizer = kind(torch.ones(3))
    for _ in range(3):
        optimizer.tell(0.5, torch.zeros(3), 1.0)
    assert torch.equal(optimizer.ask(), torch.ones(3))
    assert optimizer.stuck is (kind is Lbfgs)


def test_a_loss_that_never_falls_leaves_lbfgs_stuck_where_it_began() -> None:
    optimizer, evaluations = Lbfgs(torch.zeros(3)), 0
    while not optimizer.stuck and evaluations < 100:
        optimizer.tell(1.0 + evaluations, torch.ones(3), 1.0)
        evaluations += 1
        assert optimizer.struggling is (4 <= evaluations < 9)
    assert evaluations == 9  # the start, and eight in vain
    assert torch.equal(optimizer.best, torch.zeros(3))


@pytest.mark.parametrize("kind", [Adam, Lbfgs])
def test_renewed_they_ask_for_the_best_again(kind: type[Adam] | type[Lbfgs]) -> None:
    optimizer = kind(torch.zeros(3))
    best = run(optimizer, bowl, 5, rate=0.1)
    optimizer.renew()
    assert torch.equal(optimizer.ask(), best)
    # What the loss was before no longer counts.
    assert optimizer.tell(1e9, torch.ones(3), 0.1)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_row_of_the_table_makes_an_optimizer_that_goes_downhill(name: str) -> None:
    optimizer = OPTIMIZERS[name]
    best = run(optimizer.make(torch.zeros(3)), bowl, 100, rate=optimizer.rate)
    assert bowl(best) < bowl(torch.zeros(3))
    check(ReconstructionConfig(optimizer=name, learning_rate=optimizer.rate, decay=optimizer.decay))
    assert not optimizer.help.endswith(".")
