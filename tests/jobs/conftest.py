"""A clock that tests set by hand, and works that yield what a test gives them."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from convviz.jobs.job import JobView, Limits
from convviz.jobs.runner import LocalRunner


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Feed:
    """What a fed work yields, one item at a time, and whether it was closed."""

    def __init__(self) -> None:
        self.items: queue.Queue[Any] = queue.Queue()
        self.came_back = threading.Semaphore(0)
        self.closed = threading.Event()

    def give(self, item: Any) -> None:
        """Let the work yield an item; return when the runner has come back for the next one."""
        self.items.put(item)
        assert self.came_back.acquire(timeout=10)

    def last(self, item: Any) -> None:
        """Let the work yield an item that the runner will not come back from."""
        self.items.put(item)
        assert self.closed.wait(timeout=10)

    def end(self) -> None:
        self.items.put(StopIteration)
        assert self.closed.wait(timeout=10)


@dataclass(frozen=True)
class Item:
    fraction: float = 0.0
    nbytes: int = 0
    text: str = ""


def fed(*, stop: Callable[[], bool], feed: Feed) -> Iterator[Any]:
    """Yield what a test puts into its feed; raise what is an exception."""
    try:
        while (item := feed.items.get(timeout=20)) is not StopIteration:
            if isinstance(item, BaseException):
                raise item
            yield item
            feed.came_back.release()
    finally:
        feed.closed.set()


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds that another thread brings about."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.001)


class Harness:
    """A runner with one thread, its clock, and short ways to use it."""

    def __init__(self, limits: Limits, workers: int = 1) -> None:
        self.clock = Clock()
        self.limits = limits
        self.runner = LocalRunner({"compute": workers, "other": 1}, limits=limits, clock=self.clock)
        self.feeds: dict[str, Feed] = {}

    def submit(self, owner: str, **options: Any) -> str:
        feed = Feed()
        job = self.runner.submit(fed, owner=owner, title=f"{owner}'s", feed=feed, **options)
        self.feeds[job] = feed
        return job

    def start(self, owner: str, **options: Any) -> str:
        """Submit a job and return once it runs."""
        job = self.submit(owner, **options)
        eventually(lambda: self.runner.view(job, owner).state == "running")
        return job

    def view(self, job: str, owner: str) -> JobView:
        return self.runner.view(job, owner)

    def run(self, owner: str, item: Any = None) -> str:
        """Run a job with one item to its end."""
        job = self.start(owner)
        self.feeds[job].give(item)
        self.finish(job, owner)
        return job

    def finish(self, job: str, owner: str) -> None:
        self.feeds[job].end()
        eventually(lambda: not self.view(job, owner).live)

    def close(self) -> None:
        for feed in self.feeds.values():
            feed.items.put(StopIteration)
        self.runner.close()


@pytest.fixture
def make_harness() -> Iterator[Callable[..., Harness]]:
    harnesss: list[Harness] = []

    def make(workers: int = 1, **limits: Any) -> Harness:
        harnesss.append(Harness(Limits(**limits), workers))
        return harnesss[-1]

    yield make
    for harness in harnesss:
        harness.close()


@pytest.fixture
def harness(make_harness: Callable[..., Harness]) -> Harness:
    return make_harness()


@pytest.fixture
def item() -> type[Item]:
    return Item


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    return eventually
