"""Work that several visitors ask for: done once, and each one's Stop is theirs alone."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from convviz import work_clock
from convviz.errors import JobError
from convviz.jobs.job import Limits
from convviz.jobs.queue import KNOWN, STOPPED
from convviz.jobs.runner import LocalRunner
from tests.jobs.conftest import Harness, Item, eventually

MakeHarness = Callable[..., Harness]


def test_who_starts_the_same_joins_the_run_with_its_frames(harness: Harness) -> None:
    first = harness.start("ann", same="cat")
    harness.feeds[first].give("frame 1")
    second = harness.submit("bob", same="cat")
    assert second != first
    view = harness.view(second, "bob")
    assert (view.state, view.newest, view.joined, view.title) == (
        *("running", "frame 1", True),
        "bob's",
    )
    assert not harness.view(first, "ann").joined
    harness.feeds[first].give("frame 2")
    assert harness.view(second, "bob").newest == "frame 2"
    harness.finish(first, "ann")
    assert harness.view(second, "bob").state == "done"
    assert not harness.feeds[second].closed.is_set()  # bob's own work never began


def test_work_that_differs_or_is_nobody_elses_is_not_joined(harness: Harness) -> None:
    harness.start("ann", same="cat")
    assert harness.view(harness.submit("bob", same="dog"), "bob").state == "queued"
    alone = harness.submit("cy")
    assert not harness.view(alone, "cy").joined
    assert not harness.view(harness.submit("di"), "di").joined


def test_a_stop_ends_it_for_one_as_long_as_others_watch_and_for_all_with_the_last(
    harness: Harness, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    first = harness.start("ann", same="cat")
    second = harness.submit("bob", same="cat")
    harness.feeds[first].give("frame 1")
    harness.runner.stop(first, "ann")
    view = harness.view(first, "ann")
    assert (view.state, view.newest, view.note) == ("stopped", "frame 1", STOPPED)
    harness.feeds[first].give("frame 2")
    assert harness.view(first, "ann").newest == "frame 1"  # what it had by then
    view = harness.view(second, "bob")
    assert (view.state, view.stopping, view.newest) == ("running", False, "frame 2")
    again = harness.submit("ann", same="cat")  # free to come back
    assert harness.view(again, "ann").newest == "frame 2"
    harness.runner.stop(again, "ann")
    harness.runner.stop(second, "bob")
    assert harness.view(second, "bob").stopping
    harness.clock.now += harness.limits.grace_seconds
    harness.feeds[first].last("last")
    wait_until(lambda: harness.view(second, "bob").state == "stopped")
    assert harness.view(second, "bob").newest == "last"


def test_somebody_who_has_gone_keeps_no_run_going(harness: Harness) -> None:
    first = harness.start("ann", same="cat")
    second = harness.submit("bob", same="cat")
    for _ in range(2):
        harness.clock.now += harness.limits.gone_seconds * 0.6
        assert harness.view(second, "bob").state == "running"  # bob's look keeps it
    harness.runner.stop(second, "bob")
    assert harness.view(second, "bob").stopping
    harness.feeds[first].end()


def test_leaving_the_queue_leaves_the_others_in_it(harness: Harness) -> None:
    harness.start("zoe")
    first, second = harness.submit("ann", same="cat"), harness.submit("bob", same="cat")
    harness.runner.stop(first, "ann")
    assert harness.view(first, "ann").note == "Stopped before it began."
    assert harness.view(second, "bob").position == 1


def test_who_comes_later_has_the_finished_result_at_once(harness: Harness) -> None:
    first = harness.start("ann", same="cat")
    harness.feeds[first].give("result")
    harness.finish(first, "ann")
    view = harness.view(harness.submit("bob", same="cat"), "bob")
    assert (view.state, view.newest, view.note) == ("done", "result", KNOWN)
    assert harness.view(first, "ann").note == ""


def test_a_run_that_was_stopped_or_failed_is_nobodys_result(harness: Harness) -> None:
    first = harness.start("ann", same="cat")
    harness.runner.stop(first, "ann")
    harness.feeds[first].end()
    eventually(lambda: harness.view(first, "ann").state == "stopped")
    second = harness.start("bob", same="cat")
    assert not harness.view(second, "bob").joined
    harness.feeds[second].items.put(ValueError("a bug"))
    eventually(lambda: harness.view(second, "bob").state == "failed")
    third = harness.start("cy", same="cat")
    assert not harness.view(third, "cy").joined


def test_a_result_goes_with_the_last_who_forgets_it(harness: Harness) -> None:
    first = harness.start("ann", same="cat")
    second = harness.submit("bob", same="cat")
    harness.feeds[first].give("result")
    harness.finish(first, "ann")
    harness.runner.forget(first, "ann")
    with pytest.raises(JobError):
        harness.view(first, "ann")
    assert harness.view(second, "bob").newest == "result"
    harness.runner.forget(second, "bob")
    assert not harness.runner._queue._tickets
    third = harness.start("cy", same="cat")
    assert not harness.view(third, "cy").joined


def test_forgetting_a_run_under_way_leaves_it_to_the_others(harness: Harness) -> None:
    first = harness.start("ann", same="cat")
    second = harness.submit("bob", same="cat")
    harness.runner.forget(first, "ann")
    harness.feeds[first].give("frame")
    view = harness.view(second, "bob")
    assert (view.state, view.stopping, view.newest) == ("running", False, "frame")


def test_nobody_can_use_anothers_ticket_for_the_same_run(harness: Harness) -> None:
    first = harness.start("ann", same="cat")
    harness.submit("bob", same="cat")
    for call in (harness.runner.view, harness.runner.stop, harness.runner.forget):
        with pytest.raises(JobError, match="not yours"):
            call(first, "bob")


def test_a_shared_result_counts_once_among_what_is_kept(
    make_harness: MakeHarness, item: type[Item]
) -> None:
    harness = make_harness(kept_bytes=1000)
    first = harness.start("ann", same="cat")
    harness.submit("bob", same="cat")
    harness.feeds[first].give(item(nbytes=600))
    harness.finish(first, "ann")
    harness.clock.now += 1
    assert harness.runner.mine("bob")
    assert harness.runner.mine("ann")


def test_a_result_that_is_known_is_there_at_once(harness: Harness) -> None:
    harness.start("zoe")
    job = harness.submit("ann", same="cat", finished="from disk")
    view = harness.view(job, "ann")
    assert (view.state, view.newest, view.note) == ("done", "from disk", KNOWN)


def count(*, stop: Callable[[], bool], name: str, log: list[Any], begin: threading.Event) -> Any:
    begin.wait(20)
    for number in range(4):
        log.append((name, number))
        yield number


def test_runs_of_a_real_runner_take_turns_item_by_item() -> None:
    """Everybody's first item comes before anybody's second."""
    runner = LocalRunner({"compute": 1}, limits=Limits(turn_seconds=1e-9))
    log: list[tuple[str, int]] = []
    begin = threading.Event()
    names = [f"visitor {number}" for number in range(12)]
    jobs = {
        name: runner.submit(count, owner=name, title="", name=name, log=log, begin=begin)
        for name in names
    }
    begin.set()
    eventually(lambda: all(runner.view(job, name).state == "done" for name, job in jobs.items()))
    runner.close()
    assert log == [(name, number) for number in range(4) for name in names]


def test_a_paused_run_is_live_and_a_stop_lets_it_measure_its_end() -> None:
    runner = LocalRunner({"compute": 1}, limits=Limits(turn_seconds=1e-9))
    both_wait, busy, gate = (threading.Event() for _ in range(3))

    def ends_when_asked(*, stop: Callable[[], bool]) -> Iterator[str]:
        both_wait.wait(20)
        yield "frame"
        yield "measured at the end" if stop() else "went on"

    def hold(*, stop: Callable[[], bool]) -> Iterator[str]:
        busy.set()
        gate.wait(20)
        yield "done"

    first = runner.submit(ends_when_asked, owner="ann", title="")
    second = runner.submit(hold, owner="bob", title="")
    both_wait.set()
    assert busy.wait(20)
    view = runner.view(first, "ann")
    assert (view.state, view.paused, view.newest, view.others) == ("running", True, "frame", 1)
    runner.stop(first, "ann")
    view = runner.view(first, "ann")
    assert (view.live, view.stopping) == (True, True)
    gate.set()
    eventually(lambda: not runner.view(first, "ann").live)
    view = runner.view(first, "ann")
    assert (view.state, view.newest) == ("stopped", "measured at the end")
    assert runner.view(second, "bob").newest == "done"
    runner.close()


def test_the_clock_of_work_stands_still_while_it_is_paused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("convviz.work_clock.time.perf_counter", lambda: now[0])
    pauses = work_clock.Pauses()
    with pauses.working():
        begun = work_clock.seconds()
        now[0] += 2
        assert work_clock.seconds() - begun == 2
    now[0] += 50  # somebody else's turn
    other = work_clock.Pauses()
    with other.working():
        assert work_clock.seconds() == 152
    with pauses.working():
        now[0] += 1
        assert work_clock.seconds() - begun == 3
    assert work_clock.seconds() == now[0]


def test_a_result_is_kept_at_its_end_whoever_looks_and_a_stopped_one_is_not(
    harness: Harness, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    kept: list[Any] = []
    job = harness.start("ann", same="cat", keep=kept.append)
    harness.feeds[job].give("frame 1")
    assert kept == []
    harness.feeds[job].give("the result")
    harness.feeds[job].end()
    wait_until(lambda: kept == ["the result"])  # nobody has polled it
    stopped = harness.start("bob", same="dog", keep=kept.append)
    harness.feeds[stopped].give("frame 1")
    harness.runner.stop(stopped, "bob")
    harness.finish(stopped, "bob")
    known = harness.submit("cy", same="owl", finished="from disk", keep=None)
    assert harness.view(known, "cy").state == "done"
    assert kept == ["the result"]


def test_what_a_joined_run_may_be_kept_by_counts_too(
    harness: Harness, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    """The first visitor brought the sample as a file of their own, the second chose it."""
    kept: list[Any] = []
    job = harness.start("ann", same="cat")
    harness.submit("bob", same="cat", keep=kept.append)
    harness.feeds[job].give("the result")
    harness.feeds[job].end()
    wait_until(lambda: kept == ["the result"])


def test_a_result_that_cannot_be_kept_is_there_all_the_same(harness: Harness) -> None:
    def fails(result: object) -> None:
        raise RuntimeError("the disk is full")

    job = harness.start("ann", keep=fails)
    harness.feeds[job].give("the result")
    harness.finish(job, "ann")
    view = harness.view(job, "ann")
    assert (view.state, view.newest) == ("done", "the result")
