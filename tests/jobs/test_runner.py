"""The embedded runner: states, stop, who may see what, queue, limits, what is kept."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from convviz.errors import ConvvizError, JobError, QueueFull
from convviz.jobs.runner import LocalRunner
from tests.jobs.conftest import Harness, Item

WaitUntil = Callable[[Callable[[], bool]], None]


def test_a_job_goes_from_queued_to_done_and_keeps_its_newest_item(
    harness: Harness, item: type[Item]
) -> None:
    job = harness.start("ann")
    assert harness.view(job, "ann").newest is None
    harness.feeds[job].give(item(0.5))
    harness.clock.now += 8
    view = harness.view(job, "ann")
    assert (view.state, view.newest, view.seconds) == ("running", item(0.5), 8.0)
    assert (view.title, view.page, view.about) == ("ann's", "", None)
    harness.feeds[job].give(item(1.0))
    harness.finish(job, "ann")
    view = harness.view(job, "ann")
    assert (view.state, view.newest, view.note, view.error) == ("done", item(1.0), "", "")
    harness.clock.now += 5
    assert harness.view(job, "ann").seconds == 8.0


def test_a_view_carries_the_page_and_what_the_result_is_filed_under(harness: Harness) -> None:
    about = ("occlusion", "relu3_3")
    job = harness.start("ann", page="activations", about=about)
    assert (harness.view(job, "ann").page, harness.view(job, "ann").about) == ("activations", about)
    harness.finish(job, "ann")
    assert harness.view(job, "ann").about == about


def test_ids_cannot_be_guessed(harness: Harness) -> None:
    jobs = {harness.submit(f"visitor {i}") for i in range(20)}
    assert len(jobs) == 20
    assert min(map(len, jobs)) >= 32
    assert not any("_" in job for job in jobs)  # which a component's key may not have twice


def test_nobody_else_can_read_stop_or_forget_a_job(harness: Harness) -> None:
    job = harness.start("ann")
    sentences = set()
    for call in (harness.runner.view, harness.runner.stop, harness.runner.forget):
        for job_id in (job, "no such job"):
            with pytest.raises(JobError) as caught:
                call(job_id, "bob")
            sentences.add(str(caught.value))
    assert len(sentences) == 1  # a stranger's job and no job look the same
    with pytest.raises(JobError):
        harness.view("no such job", "")
    assert harness.runner.mine("bob") == ()
    assert harness.view(job, "ann").state == "running"


def test_a_job_without_owner_is_a_bug(harness: Harness) -> None:
    with pytest.raises(ValueError, match="owner"):
        harness.submit("")


def test_mine_lists_the_jobs_of_one_visitor_newest_first(harness: Harness) -> None:
    first = harness.run("ann")
    harness.run("bob")
    second = harness.start("ann")
    assert [view.id for view in harness.runner.mine("ann")] == [second, first]


def test_stop_closes_the_work_after_a_grace_and_keeps_its_last_item(harness: Harness) -> None:
    job = harness.start("ann")
    harness.feeds[job].give("early")
    harness.runner.stop(job, "ann")
    view = harness.view(job, "ann")
    assert (view.state, view.stopping) == ("running", True)
    harness.feeds[job].give("closing numbers")  # still within its grace
    harness.clock.now += harness.limits.grace_seconds
    harness.feeds[job].last("last")
    view = harness.view(job, "ann")
    assert (view.state, view.newest, view.stopping) == ("stopped", "last", False)
    assert "stopped it" in view.note


def test_a_work_that_ends_when_asked_is_over_at_once(
    harness: Harness, wait_until: WaitUntil
) -> None:
    def listens(*, stop: Callable[[], bool], heard: threading.Event) -> Iterator[str]:
        yield "first"
        while not stop():
            heard.wait(0.001)
        yield "the end"

    job = harness.runner.submit(listens, owner="ann", title="", heard=threading.Event())
    wait_until(lambda: harness.view(job, "ann").newest == "first")
    harness.runner.stop(job, "ann")
    wait_until(lambda: not harness.view(job, "ann").live)
    assert harness.view(job, "ann").newest == "the end"
    assert harness.view(job, "ann").state == "stopped"


def test_stop_takes_effect_in_two_seconds_even_while_the_work_is_busy(
    harness: Harness, wait_until: WaitUntil
) -> None:
    job = harness.start("ann")
    harness.feeds[job].give("newest")
    harness.runner.stop(job, "ann")
    harness.clock.now += 2.0
    view = harness.view(job, "ann")
    assert (view.state, view.newest, view.closing) == ("stopped", "newest", True)
    again = harness.submit("ann")  # the visitor is free to start the next one
    assert harness.view(again, "ann").state == "queued"
    harness.feeds[job].last("late")
    wait_until(lambda: not harness.view(job, "ann").closing)
    assert harness.view(job, "ann").newest == "late"


def test_a_worker_whose_work_never_returns_is_replaced(
    harness: Harness, wait_until: WaitUntil
) -> None:
    stuck = harness.start("ann")
    harness.runner.stop(stuck, "ann")
    harness.clock.now += 2.0
    waiting = harness.submit("bob")
    assert harness.view(waiting, "bob").position == 1
    harness.clock.now += harness.limits.stuck_seconds + 1
    wait_until(lambda: harness.view(waiting, "bob").state == "running")
    harness.feeds[stuck].end()
    harness.finish(waiting, "bob")
    after = harness.start("cy")
    harness.finish(after, "cy")


def test_stopping_an_ended_job_changes_nothing(harness: Harness) -> None:
    job = harness.run("ann", "result")
    harness.runner.stop(job, "ann")
    view = harness.view(job, "ann")
    assert (view.state, view.newest, view.note) == ("done", "result", "")


def test_one_live_job_per_visitor_and_lane(harness: Harness) -> None:
    job = harness.start("ann")
    with pytest.raises(JobError, match="already"):
        harness.submit("ann")
    harness.submit("ann", lane="other")
    waiting = harness.submit("bob")
    with pytest.raises(JobError, match="already"):
        harness.submit("bob")
    harness.runner.stop(waiting, "bob")
    harness.submit("bob")
    harness.finish(job, "ann")
    harness.submit("ann")


def test_the_queue_is_first_come_first_served_with_position_and_wait(
    harness: Harness, wait_until: WaitUntil
) -> None:
    running = harness.start("ann", seconds=20.0)
    bob, cy = harness.submit("bob", seconds=30.0), harness.submit("cy")
    harness.clock.now += 5
    view = harness.view(bob, "bob")
    assert (view.state, view.position, view.expected_wait_seconds) == ("queued", 1, 15.0)
    view = harness.view(cy, "cy")
    assert (view.position, view.expected_wait_seconds) == (2, 45.0)
    harness.finish(running, "ann")
    wait_until(lambda: harness.view(bob, "bob").state == "running")
    assert harness.view(cy, "cy").position == 1
    assert harness.view(bob, "bob").position == 0


def test_two_workers_run_two_jobs(make_harness: Callable[..., Harness]) -> None:
    harness = make_harness(workers=2)
    harness.start("ann")
    harness.start("bob")
    assert harness.view(harness.submit("cy"), "cy").state == "queued"


def test_the_thirty_first_waiting_job_is_refused_at_once(harness: Harness) -> None:
    harness.start("ann")
    for i in range(30):
        harness.submit(f"visitor {i}")
    with pytest.raises(QueueFull, match="30 runs are waiting"):
        harness.submit("one too many")
    assert harness.runner.mine("one too many") == ()


def test_a_stopped_waiting_job_leaves_the_queue(harness: Harness) -> None:
    harness.start("ann")
    bob, cy = harness.submit("bob"), harness.submit("cy")
    harness.runner.stop(bob, "bob")
    assert harness.view(bob, "bob").state == "stopped"
    assert harness.view(bob, "bob").note == "Stopped before it began."
    assert harness.view(cy, "cy").position == 1


def test_a_job_whose_visitor_has_gone_ends_with_its_newest_item(
    harness: Harness, wait_until: WaitUntil
) -> None:
    job = harness.start("ann")
    harness.feeds[job].give("newest")
    harness.clock.now += 119
    harness.view(job, "ann")  # still there
    harness.clock.now += 119
    harness.feeds[job].give("newer")
    assert harness.runner.mine("someone else") == ()
    harness.clock.now += 2
    harness.feeds[job].give("newest of all")
    harness.clock.now += harness.limits.grace_seconds
    harness.feeds[job].last("last")
    wait_until(lambda: not harness.view(job, "ann").live)
    view = harness.view(job, "ann")
    assert (view.state, view.newest) == ("stopped", "last")
    assert "120 seconds" in view.note


def test_a_waiting_job_whose_visitor_has_gone_leaves_the_queue(harness: Harness) -> None:
    running = harness.start("ann")
    gone, cy = harness.submit("bob"), harness.submit("cy")
    harness.clock.now += 100
    assert harness.view(running, "ann").live
    assert harness.view(cy, "cy").position == 2
    harness.clock.now += 21
    assert harness.view(cy, "cy").position == 1
    view = harness.view(gone, "bob")
    assert (view.state, view.position) == ("stopped", 0)
    assert "nobody had looked" in view.note


def test_a_job_ends_at_its_limit_with_its_newest_item(
    harness: Harness, wait_until: WaitUntil
) -> None:
    job = harness.start("ann")
    for _ in range(3):
        harness.clock.now += 99
        harness.feeds[job].give("going on")
        assert not harness.view(job, "ann").stopping
    harness.clock.now += 1.0
    harness.feeds[job].give("asked to end at 298 s")
    harness.clock.now += 1.5
    harness.feeds[job].last("the best")
    wait_until(lambda: not harness.view(job, "ann").live)
    view = harness.view(job, "ann")
    assert (view.state, view.newest, view.seconds) == ("stopped", "the best", 299.5)
    assert "300 seconds" in view.note


def test_a_work_that_does_not_listen_is_over_at_the_limit(harness: Harness) -> None:
    job = harness.start("ann")
    for _ in range(5):
        harness.clock.now += 60
        harness.view(job, "ann")
    harness.clock.now += 2
    assert harness.view(job, "ann").state == "stopped"


def test_a_users_mistake_fails_the_job_with_its_sentence(
    harness: Harness, wait_until: WaitUntil, caplog: pytest.LogCaptureFixture
) -> None:
    job = harness.start("ann")
    harness.feeds[job].give("newest")
    harness.feeds[job].last(ConvvizError("The loss is not a number."))
    wait_until(lambda: not harness.view(job, "ann").live)
    view = harness.view(job, "ann")
    assert (view.state, view.error, view.newest) == (
        "failed",
        "The loss is not a number.",
        "newest",
    )
    assert not caplog.records


@pytest.mark.parametrize("bug", [ZeroDivisionError("a secret"), MemoryError(), SystemExit(1)])
def test_a_bug_is_logged_with_an_id_and_the_queue_goes_on(
    harness: Harness, wait_until: WaitUntil, caplog: pytest.LogCaptureFixture, bug: BaseException
) -> None:
    job = harness.start("ann")
    with caplog.at_level(logging.ERROR):
        harness.feeds[job].last(bug)
        wait_until(lambda: not harness.view(job, "ann").live)
    view = harness.view(job, "ann")
    assert view.state == "failed"
    assert "a secret" not in view.error
    logged = caplog.records[0].getMessage()
    assert logged.split()[1] in view.error
    harness.run("bob")


def test_a_work_that_cannot_be_called_or_iterated_is_a_bug(
    harness: Harness, wait_until: WaitUntil
) -> None:
    for owner, work in (("ann", lambda *, stop: None), ("bob", lambda: iter(()))):
        job = harness.runner.submit(work, owner=owner, title="")
        wait_until(lambda job=job, owner=owner: harness.view(job, owner).state == "failed")


def test_a_plain_iterator_will_do(harness: Harness, wait_until: WaitUntil) -> None:
    job = harness.runner.submit(lambda *, stop: iter([1, 2, 3]), owner="ann", title="")
    wait_until(lambda: harness.view(job, "ann").state == "done")
    assert harness.view(job, "ann").newest == 3


def test_a_result_is_evicted_some_time_after_its_visitor_last_looked(
    make_harness: Callable[..., Harness],
) -> None:
    harness = make_harness(kept_seconds=600)
    job = harness.run("ann", "result")
    harness.clock.now += 599
    assert harness.view(job, "ann").newest == "result"
    harness.clock.now += 599
    assert harness.view(job, "ann").newest == "result"
    harness.clock.now += 601
    harness.runner.mine("bob")  # whoever comes does the housekeeping
    with pytest.raises(JobError):
        harness.view(job, "ann")


def test_results_are_bounded_in_number_the_longest_unseen_go_first(
    make_harness: Callable[..., Harness],
) -> None:
    harness = make_harness(kept=2)
    jobs = {}
    for owner in ("ann", "bob"):
        jobs[owner] = harness.run(owner)
        harness.clock.now += 1
    harness.view(jobs["ann"], "ann")
    harness.clock.now += 1
    jobs["cy"] = harness.run("cy")
    harness.runner.mine("nobody")
    kept = [owner for owner, job in jobs.items() if harness.runner.mine(owner)]
    assert kept == ["ann", "cy"]


def test_results_are_bounded_in_bytes(
    make_harness: Callable[..., Harness], item: type[Item]
) -> None:
    harness = make_harness(kept_bytes=1000)
    for owner in ("ann", "bob"):
        harness.run(owner, item(nbytes=400))
        harness.clock.now += 1
    assert harness.runner.mine("ann")
    harness.clock.now += 1
    harness.run("cy", item(nbytes=400))
    assert [owner for owner in ("ann", "bob", "cy") if harness.runner.mine(owner)] == ["ann", "cy"]


def test_forget_drops_the_job_at_once_and_stops_what_runs(
    harness: Harness, wait_until: WaitUntil
) -> None:
    job = harness.start("ann")
    harness.feeds[job].give("newest")
    harness.runner.forget(job, "ann")
    with pytest.raises(JobError):
        harness.view(job, "ann")
    harness.clock.now += harness.limits.grace_seconds
    harness.feeds[job].last("last")
    harness.run("ann")


def test_an_ended_job_no_longer_holds_its_arguments(harness: Harness) -> None:
    job = harness.run("ann")
    _, ended = harness.runner._queue.find(job, "ann", harness.clock())
    assert ended.work is None
    assert not ended.arguments


def test_close_ends_everything_and_takes_nothing_more(harness: Harness) -> None:
    running, waiting = harness.start("ann"), harness.submit("bob")
    harness.feeds[running].items.put(StopIteration)
    harness.runner.close()
    assert harness.view(running, "ann").state == "stopped"
    assert harness.view(waiting, "bob").state == "stopped"
    assert not any(thread.is_alive() for thread in harness.runner._threads)
    with pytest.raises(JobError, match="shutting down"):
        harness.submit("cy")


def test_threads_never_keep_the_process_alive(harness: Harness) -> None:
    harness.start("ann")
    assert all(thread.daemon for thread in harness.runner._threads)


def test_each_worker_thread_is_prepared_once(wait_until: WaitUntil) -> None:
    prepared: list[int] = []
    runner = LocalRunner({"compute": 1}, prepare=lambda: prepared.append(threading.get_ident()))
    ran_on: list[int] = []

    def work(*, stop: Callable[[], bool]) -> Iterator[None]:
        ran_on.append(threading.get_ident())
        yield None

    for owner in ("ann", "bob"):
        runner.submit(work, owner=owner, title="")
    wait_until(lambda: len(ran_on) == 2)
    runner.close()
    assert prepared == ran_on[:1]
    assert ran_on[0] == ran_on[1]


def test_many_visitors_at_once_all_get_their_result(
    make_harness: Callable[..., Harness], wait_until: WaitUntil
) -> None:
    harness = make_harness(workers=2)

    def squares(*, stop: Callable[[], bool], n: int) -> Iterator[tuple[int, int]]:
        for i in range(20):
            yield (n, i)

    results: dict[int, tuple[int, int]] = {}

    def visit(n: int) -> None:
        job = harness.runner.submit(squares, owner=f"v{n}", title="", n=n)
        wait_until(lambda: not harness.view(job, f"v{n}").live)
        results[n] = harness.view(job, f"v{n}").newest

    threads = [threading.Thread(target=visit, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == {n: (n, 19) for n in range(12)}
