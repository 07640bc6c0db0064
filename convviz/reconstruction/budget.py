"""How long a run may go on: so many steps, so many seconds, or whichever ends first."""

from __future__ import annotations

import time

from convviz.reconstruction.config import DEFAULT_SECONDS

_PRECISE_SHARE = 0.05  # of the run, at its end

# A run by the clock takes at least so many steps: on a server where thirty students begin at once,
# getting ready alone can take as long as the run was meant to, and noise is no answer.
_LEAST_STEPS = 10


class Budget:
    """Counts steps and seconds.

    Args:
        steps: How many at most.
        seconds: How long, for ten steps at least; with neither of the two, the default.

    Attributes:
        index: Number of the step, from 1; 0 before the first.
        closing_seconds: How long the measurements at the end will take.
    """

    def __init__(self, steps: int | None, seconds: float | None) -> None:
        self._started = self._step_started = time.perf_counter()
        self._steps = steps
        self._seconds = DEFAULT_SECONDS if steps is None and seconds is None else seconds
        self._step_seconds = 0.0
        self.index = 0
        self.closing_seconds = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._started

    def begin_step(self) -> None:
        """Start a step."""
        self.index += 1
        self._step_started = time.perf_counter()

    def end_step(self) -> None:
        """End a step: the next one will take about as long."""
        self._step_seconds = time.perf_counter() - self._step_started

    @property
    def fraction(self) -> float:
        """How much of the run is behind it, in 0…1."""
        shares = [0.0]
        if self._steps is not None:
            shares.append(self.index / self._steps)
        if self._seconds is not None:
            working = self._seconds - self.closing_seconds
            shares.append(self.elapsed / working if working > 0 else 1.0)
        return min(1.0, max(shares))

    @property
    def is_over(self) -> bool:
        """Whether no further step fits in."""
        if self._steps is not None and self.index >= self._steps:
            return True
        if self._seconds is None or self.index < _LEAST_STEPS:
            return False
        return self._working_seconds_left < self._step_seconds

    def is_nearly_over(self, precise_seconds: float) -> bool:
        """Whether the next step is one of the last, which run in float32.

        Args:
            precise_seconds: How long such a step takes.
        """
        if self._steps is not None:
            tail = max(1, round(_PRECISE_SHARE * self._steps))
            if self._steps - self.index <= tail:
                return True
        if self._seconds is None or self.index < _LEAST_STEPS - 2:
            return False
        tail_seconds = max(_PRECISE_SHARE * self._seconds, 2 * precise_seconds)
        return self._working_seconds_left < tail_seconds

    @property
    def seconds_left(self) -> float | None:
        """About how long the run will still take; None before the first step has ended."""
        left = [] if self._seconds is None else [max(0.0, self._seconds - self.elapsed)]
        if self._steps is not None and self.index:
            per_step = self.elapsed / self.index
            left.append(per_step * (self._steps - self.index) + self.closing_seconds)
        return min(left) if left else None

    @property
    def total(self) -> int | None:
        """How many steps there will be, about; None before the first step has ended."""
        totals = [] if self._steps is None else [self._steps]
        if self._seconds is not None and self._step_seconds > 0:
            more = max(0.0, self._working_seconds_left) / self._step_seconds
            totals.append(max(_LEAST_STEPS, self.index + int(more)))
        return min(totals) if totals else None

    @property
    def _working_seconds_left(self) -> float:
        return (self._seconds or 0.0) - self.closing_seconds - self.elapsed
