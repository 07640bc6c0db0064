"""Adam and L-BFGS on functions whose minimum is known."""

import math

import pytest
import torch

from convviz.reconstruction.config import ReconstructionConfig, check
from convviz.reconstruction.optimizers import OPTIMIZERS, Adam, Lbfgs


def run(minimiser, function, steps, rate=1.0):
    for _ in range(steps):
        here = minimiser.ask().clone().requires_grad_()
        value = function(here)
        (gradient,) = torch.autograd.grad(value, here)
        minimiser.tell(float(value.detach()), gradient, rate)
    return minimiser.best


def bowl(x):
    return (torch.tensor([1.0, 10.0, 100.0]) * (x - torch.tensor([1.0, -2.0, 3.0])).square()).sum()


def banana(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def test_lbfgs_finds_the_bottom_of_a_narrow_bowl():
    best = run(Lbfgs(torch.zeros(3)), bowl, 40)
    torch.testing.assert_close(best, torch.tensor([1.0, -2.0, 3.0]), atol=1e-3, rtol=0)


def test_lbfgs_follows_a_curved_valley():
    best = run(Lbfgs(torch.tensor([-1.2, 1.0])), banana, 150)
    torch.testing.assert_close(best, torch.ones(2), atol=1e-2, rtol=0)


def test_adam_walks_downhill():
    best = run(Adam(torch.zeros(3)), bowl, 300, rate=0.05)
    assert bowl(best) < 1e-3 * bowl(torch.zeros(3))


@pytest.mark.parametrize("kind", [Adam, Lbfgs])
def test_what_is_not_finite_is_taken_back_and_tried_smaller(kind):
    minimiser = kind(torch.zeros(3))
    start = float(bowl(torch.zeros(3)))
    first = torch.tensor([-2.0, 40.0, -600.0])
    assert minimiser.tell(start, first, 1.0)
    far = minimiser.ask()
    assert not minimiser.tell(math.inf, torch.full((3,), torch.nan), 1.0)
    assert torch.equal(minimiser.best, torch.zeros(3))
    if kind is Adam:  # looks once more at where it stood
        assert torch.equal(minimiser.ask(), torch.zeros(3))
        assert minimiser.tell(start, first, 1.0)
    assert 0 < minimiser.ask().norm() < 0.5 * far.norm()


@pytest.mark.parametrize("kind", [Adam, Lbfgs])
@pytest.mark.parametrize("rate", [1e6, 1e30])
def test_an_absurd_learning_rate_loses_nothing(kind, rate):
    best = run(kind(torch.zeros(3)), bowl, 60, rate=rate)
    assert torch.isfinite(best).all()
    assert bowl(best) <= bowl(torch.zeros(3))


@pytest.mark.parametrize("kind", [Adam, Lbfgs])
def test_a_gradient_of_zero_moves_nothing(kind):
    minimiser = kind(torch.ones(3))
    for _ in range(3):
        minimiser.tell(0.5, torch.zeros(3), 1.0)
    assert torch.equal(minimiser.ask(), torch.ones(3))
    assert minimiser.stuck is (kind is Lbfgs)


def test_a_loss_that_never_falls_leaves_lbfgs_stuck_where_it_began():
    minimiser, looks = Lbfgs(torch.zeros(3)), 0
    while not minimiser.stuck and looks < 100:
        minimiser.tell(1.0 + looks, torch.ones(3), 1.0)
        looks += 1
        assert minimiser.struggling is (4 <= looks < 9)
    assert looks == 9  # the start, and eight in vain
    assert torch.equal(minimiser.best, torch.zeros(3))


@pytest.mark.parametrize("kind", [Adam, Lbfgs])
def test_renewed_they_look_at_the_best_again(kind):
    minimiser = kind(torch.zeros(3))
    best = run(minimiser, bowl, 5, rate=0.1)
    minimiser.renew()
    assert torch.equal(minimiser.ask(), best)
    # What the loss was before no longer counts.
    assert minimiser.tell(1e9, torch.ones(3), 0.1)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_row_of_the_table_makes_an_optimizer_that_goes_downhill(name):
    optimizer = OPTIMIZERS[name]
    best = run(optimizer.make(torch.zeros(3)), bowl, 100, rate=optimizer.rate)
    assert bowl(best) < bowl(torch.zeros(3))
    check(ReconstructionConfig(optimizer=name, learning_rate=optimizer.rate, decay=optimizer.decay))
    assert not optimizer.help.endswith(".")
