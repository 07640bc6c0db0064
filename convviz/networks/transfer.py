"""One transfer over the network: how far it is, when it counts as stalled, how it is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from convviz.errors import FetchCancelled, WeightsError
from convviz.formatting import size_text


@dataclass(frozen=True)
class Limits:
    """How patient a download is.

    Attributes:
        connect_seconds: Until an address of the server answers.
        stall_seconds: In which at least `stall_bytes` have to arrive.
        stall_bytes: What counts as progress: a byte now and then does not.
        poll_seconds: Between two looks at what another program or process does.
    """

    connect_seconds: float = 10.0
    stall_seconds: float = 60.0
    stall_bytes: int = 64 * 1024
    poll_seconds: float = 0.05


LIMITS = Limits()


@dataclass
class Transfer:
    """What a download and those who wait for it tell each other.

    Attributes:
        total: Bytes there will be; None where the server has not said.
        received: Bytes there are.
        limits: How patient it is.
    """

    total: int | None = None
    received: int = 0
    limits: Limits = LIMITS
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _hang_up: Callable[[], None] | None = None
    _since: float = field(default_factory=time.monotonic)
    _then: int = 0

    def restart(self) -> None:
        """Begin to count from nothing, now."""
        self.received = self._then = 0
        self._since = time.monotonic()

    def advance(self, received: int) -> None:
        """Take note of how many bytes there are, and see whether to go on.

        Raises:
            FetchCancelled: Nobody wants them any more.
            WeightsError: Too little has arrived for too long.
        """
        self.check()
        self.received = received
        now = time.monotonic()
        if received - self._then >= self.limits.stall_bytes:
            self._since, self._then = now, received
        elif now - self._since > self.limits.stall_seconds:
            raise self.stalled()

    def check(self) -> None:
        """See whether somebody still wants the download.

        Raises:
            FetchCancelled: Nobody does.
        """
        if self._cancelled.is_set():
            raise FetchCancelled("The download was stopped; nothing was kept of it.")

    def stalled(self) -> WeightsError:
        """Put into a sentence that nothing arrives any more."""
        there = size_text(self.received)
        of = f" of {size_text(self.total)}" if self.total else ""
        return WeightsError(
            f"The download stopped at {there}{of}: almost nothing arrived for "
            f"{self.limits.stall_seconds:.0f} seconds; try again, perhaps on another network."
        )

    def when_cancelled(self, hang_up: Callable[[], None] | None) -> None:
        """Say how to wake the download where it waits for bytes."""
        self._hang_up = hang_up

    @property
    def cancelled(self) -> bool:
        """Whether it is to stop, or has."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop the download; it tidies up behind itself."""
        self._cancelled.set()
        hang_up = self._hang_up
        if hang_up is not None:
            hang_up()
