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


class EachByItself:
    """Every coordinate is a place."""

    def products(self, first: Tensor, second: Tensor) -> Tensor:
        return first * second

    def scaled(self, coordinates: Tensor, scales: Tensor) -> Tensor:
        return coordinates * scales


def evaluations_until_done(places: EachByItself | None, curvatures: list[float]) -> int:
    target = torch.tensor([1.0, -2.0, 3.0])
    curvature = torch.tensor(curvatures)
    optimizer = Lbfgs(torch.zeros(3), places)
    for count in range(1, 60):
        x = optimizer.ask()
        loss = float((curvature * (x - target).square()).sum())
        if loss < 1e-9:
            return count
        optimizer.tell(loss, 2 * curvature * (x - target), 1.0)
    return 60


def test_where_each_place_curves_by_itself_its_own_scale_is_newtons_step() -> None:
    # The start, one step, whose ratio to the change of the slope is the curvature, and Newton's.
    assert evaluations_until_done(EachByItself(), [1.0, 1.5, 3.0]) == 3
    assert evaluations_until_done(None, [1.0, 1.5, 3.0]) > 3


def test_a_place_is_scaled_by_no_more_than_four_times_the_common_scale() -> None:
    optimizer = Lbfgs(torch.zeros(3), EachByItself())
    curvature = torch.tensor([1.0, 100.0, 1e4])
    for _ in range(2):
        x = optimizer.ask()
        optimizer.tell(float((curvature * (x - 1).square()).sum()), 2 * curvature * (x - 1), 1.0)
    scales = optimizer._scaled(torch.ones(3)) / optimizer._scale()
    assert float(scales[0]) == pytest.approx(4.0)
    assert all(0.25 <= float(scale) <= 4.0 for scale in scales)


def test_a_place_that_shows_no_curvature_has_the_common_scale() -> None:
    optimizer = Lbfgs(torch.zeros(3), EachByItself())
    gradients = (torch.tensor([2.0, 2.0, 1.0]), torch.tensor([1.0, 1.0, 1.0]))
    for number, gradient in enumerate(gradients):
        optimizer.ask()
        optimizer.tell(1.0 - number / 2, gradient, 1.0)
    scales = optimizer._scaled(torch.ones(3))
    assert float(scales[2]) == pytest.approx(optimizer._scale())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_row_of_the_table_makes_an_optimizer_that_goes_downhill(name: str) -> None:
    optimizer = OPTIMIZERS[name]
    best = run(optimizer.make(torch.zeros(3)), bowl, 100, rate=optimizer.rate)
    assert bowl(best) < bowl(torch.zeros(3))
    check(ReconstructionConfig(optimizer=name, learning_rate=optimizer.rate, decay=optimizer.decay))
    assert not optimizer.help.endswith(".")
