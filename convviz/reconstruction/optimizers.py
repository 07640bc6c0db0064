"""Adam and L-BFGS, turned inside out: they are asked where to look and told what was found there.

So the loop that owns the network can stop, report or change the precision between any two looks.
A look whose loss or gradient is not finite, or far worse than what is known, is taken back and
tried again with a smaller step.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol

import torch
from torch import Tensor


class Minimiser(Protocol):
    """What the loop needs of an optimiser.

    Attributes:
        best: The coordinates with the lowest loss found so far; the last good ones.
        stuck: Whether it has found no way to improve.
        struggling: Whether several looks in a row found nothing better, as happens where the loss
            is not computed precisely enough.
    """

    best: Tensor
    stuck: bool

    @property
    def struggling(self) -> bool:
        """Whether several looks in a row found nothing better."""
        ...

    def ask(self) -> Tensor:
        """Return the coordinates to look at next."""
        ...

    def tell(self, loss: float, gradient: Tensor, rate: float) -> bool:
        """Take in what was found there.

        Args:
            loss: The loss; infinite if it or its gradient are not finite.
            gradient: With respect to the coordinates.
            rate: Learning rate of the next step.

        Returns:
            Whether the step is kept.
        """
        ...

    def renew(self) -> None:
        """Look at the best coordinates again: the loss is about to be computed differently."""
        ...


class Adam:
    """Adam (Kingma & Ba 2015) with less memory than usual: runs are short."""

    _first, _second = 0.8, 0.99
    _far_worse = 100.0  # times the best loss

    def __init__(self, start: Tensor) -> None:
        self.best, self.stuck = start, False
        self._here, self._shrink = start, 1.0
        self._best_loss = math.inf
        self._count = 0
        self._mean = torch.zeros_like(start)
        self._square = torch.zeros_like(start)

    @property
    def struggling(self) -> bool:
        """Whether several looks in a row found nothing better: Adam does not mind."""
        return False

    def ask(self) -> Tensor:
        """Return the coordinates to look at next."""
        return self._here

    def tell(self, loss: float, gradient: Tensor, rate: float) -> bool:
        """Take in what was found there and step on, or back to the best."""
        # Written so that a loss that is not a number fails it too.
        if not loss <= self._far_worse * self._best_loss or math.isinf(loss):
            self._shrink *= 0.3
            self._here = self.best
            self._forget()
            return False
        if loss < self._best_loss:
            self.best, self._best_loss = self._here, loss
        self._count += 1
        self._mean = self._mean.lerp(gradient, 1 - self._first)
        self._square = self._square.lerp(gradient.square(), 1 - self._second)
        mean = self._mean / (1 - self._first**self._count)
        deviation = (self._square / (1 - self._second**self._count)).sqrt_()
        # A gradient of exactly zero everywhere must give a step of zero.
        step = mean / deviation.add_(torch.finfo(deviation.dtype).tiny)
        self._here = self._here - (rate * self._shrink) * step
        return True

    def renew(self) -> None:
        """Look at the best coordinates again."""
        self._here, self._best_loss = self.best, math.inf

    def _forget(self) -> None:
        self._count = 0
        self._mean = torch.zeros_like(self._here)
        self._square = torch.zeros_like(self._here)


class Lbfgs:
    """L-BFGS (Liu & Nocedal 1989) that takes the full step unless it fails Armijo's test."""

    _memory = 5  # steps; more hardly help: the curvature does not stay what it was
    _sufficient = 1e-4  # of the decrease that the slope promises
    _most_failures = 8  # of one direction
    _struggle = 3  # failures
    _first_step = 0.01  # root mean square of the coordinates' first change
    # The unknown directions' curvature lies between two estimates from the last step; the usual
    # choice is the cautious one (0), a share of the bold one (1) needs fewer steps.
    _boldness = 0.25

    def __init__(self, start: Tensor) -> None:
        self.best, self.stuck = start, False
        self._loss, self._gradient = math.inf, torch.zeros_like(start)
        self._pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=self._memory)
        self._known = False  # whether the loss at `best` is
        self._direction = self._step = torch.zeros_like(start)
        self._there = start  # best + step
        self._slope = 0.0
        self._length = 1.0
        self._failures = 0
        self._shrink = 1.0

    @property
    def struggling(self) -> bool:
        """Whether several looks in a row found nothing better."""
        return self._failures >= self._struggle

    def ask(self) -> Tensor:
        """Return the coordinates to look at next."""
        if not self._known:
            return self.best
        whole = self._length == 1.0
        self._step = self._direction if whole else self._length * self._direction
        self._there = self.best + self._step
        return self._there

    def tell(self, loss: float, gradient: Tensor, rate: float) -> bool:
        """Take in what was found there and choose the next direction, or a shorter step."""
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
            self._pairs.append((self._step, change, curvature))
        self.best, self._loss, self._gradient = self._there, loss, gradient
        self._shrink = min(1.0, self._shrink * 1.2)
        self._aim(rate)
        return True

    def renew(self) -> None:
        """Look at the best coordinates again; what is known of the curvature stays."""
        self._known, self.stuck, self._failures = False, False, 0

    def _aim(self, rate: float) -> None:
        """Choose a direction from the gradient and the curvature seen so far."""
        self._failures, self._length = 0, rate * self._shrink
        direction = -self._gradient  # a tensor of its own, changed in place from here on
        shares = []
        for step, change, curvature in reversed(self._pairs):
            share = _dot(step, direction) / curvature
            shares.append(share)
            direction.sub_(change, alpha=share)
        direction.mul_(self._scale())
        for (step, change, curvature), share in zip(self._pairs, reversed(shares), strict=True):
            direction.add_(step, alpha=share - _dot(change, direction) / curvature)
        self._direction, self._slope = direction, _dot(direction, self._gradient)
        if not self._slope < 0:
            # At a gradient of zero there is nowhere to go; otherwise the curvature misleads.
            self.stuck = not self._pairs
            if self._pairs:
                self._pairs.clear()
                self._aim(rate)

    def _scale(self) -> float:
        if self._pairs:
            step, change, curvature = self._pairs[-1]
            cautious = curvature / _dot(change, change)
            bold = _dot(step, step) / curvature
            return math.pow(cautious, 1 - self._boldness) * math.pow(bold, self._boldness)
        length = math.sqrt(_dot(self._gradient, self._gradient))
        return self._first_step * math.sqrt(self._gradient.numel()) / length if length else 0.0

    def _shorten(self, factor: float, rate: float) -> None:
        """Try again nearer by; give a direction up after a few failures."""
        self._failures += 1
        self._length *= factor
        if self._failures < self._most_failures:
            return
        self._shrink = max(1e-12, self._shrink * 0.1)
        self.stuck = not self._pairs
        self._pairs.clear()
        self._aim(rate)


def _dot(first: Tensor, second: Tensor) -> float:
    return float(torch.dot(first.reshape(-1), second.reshape(-1)))
