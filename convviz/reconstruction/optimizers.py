"""Adam and L-BFGS with an ask/tell interface, and the table of optimizers.

An optimizer is asked for coordinates and told the loss and its gradient there, so the loop that
owns the network can stop, report or change the precision between any two evaluations. A step whose
loss or gradient is not finite, or far worse than the best, is taken back and tried again shorter.

To add an optimizer, write a class with the members of `AskTell` and give it a row in `OPTIMIZERS`.
Only methods of tensors are called here, so that reading the table does not load torch.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from convviz.language import later

if TYPE_CHECKING:
    from torch import Tensor


class AskTell(Protocol):
    """What the loop needs of an optimizer.

    Attributes:
        best: The coordinates with the lowest loss so far.
        stuck: Whether no step improves the loss any more.
        struggling: Whether several evaluations in a row were no improvement, as happens where the
            loss is not computed precisely enough.
    """

    best: Tensor
    stuck: bool

    @property
    def struggling(self) -> bool:
        """Whether several evaluations in a row were no improvement."""
        ...

    def ask(self) -> Tensor:
        """Return the coordinates to evaluate next."""
        ...

    def tell(self, loss: float, gradient: Tensor, rate: float) -> bool:
        """Take the evaluation of the coordinates last asked for.

        Args:
            loss: The loss; infinite if it or its gradient are not finite.
            gradient: With respect to the coordinates.
            rate: Learning rate of the next step.

        Returns:
            Whether the step is kept.
        """
        ...

    def renew(self) -> None:
        """Ask for the best coordinates again: the loss is about to be computed differently."""
        ...


class Places(Protocol):
    """Tells which part of coordinates belongs to which place of the image."""

    def products(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the scalar product of two sets of coordinates at each place."""
        ...

    def scaled(self, coordinates: Tensor, scales: Tensor) -> Tensor:
        """Scale coordinates by a positive number for each place: a symmetric map."""
        ...


_TINY = 2.0**-126  # the least normal number of float32


class Adam:
    """Adam (Kingma & Ba 2015) with averages over fewer steps than usual, because runs are short.

    Args:
        start: The coordinates to begin with.
        places: Ignored: each coordinate has a step length of its own.
    """

    _first, _second = 0.8, 0.99
    _far_worse = 100.0  # times the best loss

    def __init__(self, start: Tensor, places: Places | None = None) -> None:
        self.best, self.stuck = start, False
        self._next, self._shrink = start, 1.0
        self._best_loss = math.inf
        self._count = 0
        self._mean = self._square = start.new_zeros(start.shape)

    @property
    def struggling(self) -> bool:
        """Never: Adam also takes steps that are no improvement."""
        return False

    def ask(self) -> Tensor:
        """Return the coordinates to evaluate next."""
        return self._next

    def tell(self, loss: float, gradient: Tensor, rate: float) -> bool:
        """Take the evaluation; step on, or back to the best."""
        # Written so that a loss that is not a number fails it too.
        if not loss <= self._far_worse * self._best_loss or math.isinf(loss):
            self._shrink *= 0.3
            self._next = self.best
            self._forget()
            return False
        if loss < self._best_loss:
            self.best, self._best_loss = self._next, loss
        self._count += 1
        self._mean = self._mean.lerp(gradient, 1 - self._first)
        self._square = self._square.lerp(gradient.square(), 1 - self._second)
        mean = self._mean / (1 - self._first**self._count)
        deviation = (self._square / (1 - self._second**self._count)).sqrt_()
        # A gradient of exactly zero everywhere must give a step of zero.
        step = mean / deviation.add_(_TINY)
        self._next = self._next - (rate * self._shrink) * step
        return True

    def renew(self) -> None:
        """Ask for the best coordinates again."""
        self._next, self._best_loss = self.best, math.inf

    def _forget(self) -> None:
        self._count = 0
        self._mean = self._square = self._next.new_zeros(self._next.shape)


class Lbfgs:
    """L-BFGS (Liu & Nocedal 1989) that takes the full step unless it fails Armijo's test.

    The Hessian's initial scale lies between the two estimates from the last step (Barzilai &
    Borwein 1988): the usual, cautious one and, by a share of `_boldness`, the bold one, which needs
    fewer steps. Where it is known which coordinates belong to which place of the image, each place
    has a scale of its own, from the last few steps: the loss curves more where an image has strong
    contrasts than where it is smooth.

    Args:
        start: The coordinates to begin with.
        places: Tells the places apart.
    """

    _memory = 5  # steps; more hardly help: the curvature does not stay what it was
    _sufficient = 1e-4  # of the decrease that the slope promises
    _most_failures = 8  # of one direction
    _struggle = 3  # failures
    _first_step = 0.01  # root mean square of the coordinates' first change
    _boldness = 0.25
    _window = 2  # steps that the scales of places are estimated from
    _widest = 4.0  # times, or a share of, the scale of all places together

    def __init__(self, start: Tensor, places: Places | None = None) -> None:
        self.best, self.stuck = start, False
        self._places = places
        self._by_place: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=self._window)
        zero = start.new_zeros(start.shape)
        self._loss, self._gradient = math.inf, zero
        self._pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=self._memory)
        self._known = False  # whether the loss at `best` is known
        self._direction = self._step = zero
        self._next = start  # best + step
        self._slope = 0.0
        self._length = 1.0
        self._failures = 0
        self._shrink = 1.0

    @property
    def struggling(self) -> bool:
        """Whether several evaluations in a row were no improvement."""
        return self._failures >= self._struggle

    def ask(self) -> Tensor:
        """Return the coordinates to evaluate next."""
        if not self._known:
            return self.best
        full = self._length == 1.0
        self._step = self._direction if full else self._length * self._direction
        self._next = self.best + self._step
        return self._next

    def tell(self, loss: float, gradient: Tensor, rate: float) -> bool:
        """Take the evaluation; choose the next direction, or a shorter step."""
        if not math.isfinite(loss):
            self._shorten(0.1, rate)
            return False
        if not self._known:
            self._known, self._loss, self._gradient = True, loss, gradient
            self._aim(rate)
            return True
        if loss > self._loss + self._sufficient * self._length * self._slope:
            excess = loss - self._loss - self._length * self._slope
            best = -self._slope * self._length / (2 * excess)  # of the parabola, as a share
            self._shorten(min(0.5, max(0.1, best)), rate)
            return False
        change = gradient - self._gradient
        curvature = _dot(self._step, change)
        if curvature > 1e-10 * _dot(change, change):
            self._remember(change, curvature)
        self.best, self._loss, self._gradient = self._next, loss, gradient
        self._shrink = min(1.0, self._shrink * 1.2)
        self._aim(rate)
        return True

    def renew(self) -> None:
        """Ask for the best coordinates again; what is known of the curvature stays."""
        self._known, self.stuck, self._failures = False, False, 0

    def _aim(self, rate: float) -> None:
        """Choose a direction from the gradient and the curvature seen so far."""
        self._failures, self._length = 0, rate * self._shrink
        direction = -self._gradient  # a copy, changed in place from here on
        shares = []
        for step, change, curvature in reversed(self._pairs):
            share = _dot(step, direction) / curvature
            shares.append(share)
            direction.sub_(change, alpha=share)
        direction = self._scaled(direction)
        for (step, change, curvature), share in zip(self._pairs, reversed(shares), strict=True):
            direction.add_(step, alpha=share - _dot(change, direction) / curvature)
        self._direction, self._slope = direction, _dot(direction, self._gradient)
        if not self._slope < 0:
            # At a gradient of zero there is nowhere to go; otherwise the curvature misleads.
            self.stuck = not self._pairs
            if self._pairs:
                self._forget()
                self._aim(rate)

    def _remember(self, change: Tensor, curvature: float) -> None:
        """Keep what the step to the newest coordinates has shown of the curvature."""
        step = self._step
        self._pairs.append((step, change, curvature))
        if self._places is not None:
            products = self._places.products
            self._by_place.append(
                (products(step, step), products(step, change), products(change, change))
            )

    def _forget(self) -> None:
        self._pairs.clear()
        self._by_place.clear()

    def _scaled(self, direction: Tensor) -> Tensor:
        """Multiply a direction by the Hessian's initial inverse; the direction may change."""
        common = self._scale()
        if self._places is None or not self._by_place:
            return direction.mul_(common)
        steps, curvatures, changes = (sum(each) for each in zip(*self._by_place, strict=True))
        cautious = curvatures / changes.clamp(min=_TINY)
        bold = steps / curvatures.clamp(min=_TINY)
        # Where the loss has not curved upwards, the place has no scale of its own.
        cautious[curvatures <= 0] = bold[curvatures <= 0] = common
        scales = cautious.pow(1 - self._boldness) * bold.pow(self._boldness)
        scales = scales.clamp(common / self._widest, common * self._widest)
        return self._places.scaled(direction, scales)

    def _scale(self) -> float:
        if self._pairs:
            step, change, curvature = self._pairs[-1]
            cautious = curvature / _dot(change, change)
            bold = _dot(step, step) / curvature
            return math.pow(cautious, 1 - self._boldness) * math.pow(bold, self._boldness)
        length = math.sqrt(_dot(self._gradient, self._gradient))
        return self._first_step * math.sqrt(self._gradient.numel()) / length if length else 0.0

    def _shorten(self, factor: float, rate: float) -> None:
        """Try again with a shorter step; give up the direction after a few failures."""
        self._failures += 1
        self._length *= factor
        if self._failures < self._most_failures:
            return
        self._shrink = max(1e-12, self._shrink * 0.1)
        self.stuck = not self._pairs
        self._forget()
        self._aim(rate)


def _dot(first: Tensor, second: Tensor) -> float:
    return float(first.reshape(-1).dot(second.reshape(-1)))


class Make(Protocol):
    """Makes an optimizer."""

    def __call__(self, start: Tensor, places: Places | None = None) -> AskTell:
        """Make one that begins at coordinates."""
        ...


@dataclass(frozen=True)
class Optimizer:
    """One row of the table of optimizers.

    Attributes:
        make: Makes one that begins at given coordinates; it may be told their places.
        title: Its title.
        help: What distinguishes it: a clause without its full stop; a message.
        rate: Learning rate where none is asked for.
        rate_help: What its learning rate measures, and that this `rate` is usual; a message.
        decay: p in learning rate · (1 − t)^p where none is asked for.
    """

    make: Make
    title: str
    help: str
    rate: float
    rate_help: str
    decay: float


# By the name in settings and on the command line; the first is the default.
OPTIMIZERS = {
    "lbfgs": Optimizer(
        make=Lbfgs,
        title="L-BFGS",
        help=later("L-BFGS estimates how the loss curves and takes long steps"),
        rate=1.0,
        rate_help=later("for L-BFGS as a multiple of what it computes ({rate:g} is usual)"),
        decay=0.0,
    ),
    "adam": Optimizer(
        make=Adam,
        title="Adam",
        help=later("Adam follows averaged gradients with one step length for each coordinate"),
        rate=0.02,
        rate_help=later("for Adam the change of each coordinate ({rate:g} is usual)"),
        decay=1.0,
    ),
}
DEFAULT = next(iter(OPTIMIZERS))
