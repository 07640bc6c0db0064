"""Passes of pages go before the steps of jobs: who waits for whom, and for how long at most."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from convviz.jobs import gate as gates
from convviz.jobs.gate import Gate, give_way
from convviz.jobs.runner import LocalRunner

WaitUntil = Callable[[Callable[[], bool]], None]


def count(*, stop: Callable[[], bool], done: list[str]) -> Iterator[int]:
    for number in range(1, 4):
        done.append(f"step {number}")
        yield number


def start(gate: Gate, done: list[str], wait_until: WaitUntil) -> LocalRunner:
    runner = LocalRunner(gate=gate)
    runner.submit(count, owner="ann", title="a count", done=done)
    return runner


def test_a_job_takes_no_step_while_a_page_computes(wait_until: WaitUntil) -> None:
    gate, done = Gate(most_seconds=60), []
    with gate.page():
        runner = start(gate, done, wait_until)
        wait_until(lambda: gate.waiting == 1)
        done.append("page")
    wait_until(lambda: len(done) == 4)
    assert done == ["page", "step 1", "step 2", "step 3"]
    assert gate.waiting == 0
    runner.close()


def test_a_page_that_comes_between_two_steps_goes_before_the_next(wait_until: WaitUntil) -> None:
    gate, done, passes = Gate(most_seconds=60), [], []

    def work(*, stop: Callable[[], bool]) -> Iterator[int]:
        done.append("step 1")
        page = gate.page()
        page.__enter__()
        passes.append(page)
        yield 1
        done.append("step 2")
        yield 2

    runner = LocalRunner(gate=gate)
    runner.submit(work, owner="ann", title="a work")
    wait_until(lambda: gate.waiting == 1)
    assert done == ["step 1"]
    done.append("page")
    passes[0].__exit__(None, None, None)
    wait_until(lambda: len(done) == 3)
    assert done == ["step 1", "page", "step 2"]
    runner.close()


def test_of_two_pages_the_last_one_lets_the_job_go_on(wait_until: WaitUntil) -> None:
    gate, done = Gate(most_seconds=60), []
    first, second = gate.page(), gate.page()
    first.__enter__()
    second.__enter__()
    runner = start(gate, done, wait_until)
    wait_until(lambda: gate.waiting == 1)
    first.__exit__(None, None, None)
    assert (gate.waiting, done) == (1, [])
    second.__exit__(None, None, None)
    wait_until(lambda: len(done) == 3)
    runner.close()


def test_pages_without_a_pause_do_not_keep_a_job_from_ending(wait_until: WaitUntil) -> None:
    gate, done = Gate(most_seconds=0.01), []
    with gate.page():
        runner = start(gate, done, wait_until)
        wait_until(lambda: len(done) == 3)
    runner.close()


def test_a_job_waits_no_longer_than_it_has_worked() -> None:
    now = [0.0]
    gate = Gate(most_seconds=1.0, clock=lambda: now[0])
    waited: list[float] = []

    class Changed:
        """Time passes by waiting alone."""

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

        def notify_all(self) -> None: ...

        def wait(self, seconds: float) -> None:
            waited.append(seconds)
            now[0] += seconds

    gate._changed = Changed()  # type: ignore[assignment]
    with gate.page():
        for worked in (0.0, 0.25, 0.5, 8.0):
            now[0] += worked
            gate.wait()
        gate.wait()
    assert waited == [1.0, 0.25, 0.5, 1.0]


def test_a_page_that_fails_lets_the_job_go_on() -> None:
    gate = Gate(most_seconds=60)
    with pytest.raises(ValueError, match="page"), gate.page():
        raise ValueError("page")
    gate.wait()  # returns at once


def test_without_a_page_nobody_waits() -> None:
    def clock() -> float:
        raise AssertionError("nobody has to look at the clock")

    Gate(clock=clock).wait()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a thread has its own priority")
def test_only_the_jobs_thread_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def worker() -> None:
        give_way()
        seen["worker"] = priority()
        child = threading.Thread(target=lambda: seen.update(child=priority()))
        child.start()
        child.join()

    before = priority()
    thread = threading.Thread(target=worker)
    thread.start()
    thread.join()
    assert priority() == before
    assert seen["worker"] == seen["child"] == min(19, before + gates._NICENESS)
