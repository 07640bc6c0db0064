"""The embedded runner: states, stop, who may see what, queue, limits, what is kept."""

import logging
import threading

import pytest

from convviz.errors import ConvvizError, JobError, QueueFull
from convviz.jobs.runner import LocalRunner


def test_a_job_goes_from_queued_to_done_and_keeps_its_newest_item(house, item):
    job = house.start("ann")
    assert house.view(job, "ann").newest is None
    house.feeds[job].give(item(0.5))
    house.clock.now += 8
    view = house.view(job, "ann")
    assert (view.state, view.newest, view.seconds) == ("running", item(0.5), 8.0)
    assert (view.title, view.work) == ("ann's", "fed")
    house.feeds[job].give(item(1.0))
    house.finish(job, "ann")
    view = house.view(job, "ann")
    assert (view.state, view.newest, view.note, view.error) == ("done", item(1.0), "", "")
    house.clock.now += 5
    assert house.view(job, "ann").seconds == 8.0


def test_ids_cannot_be_guessed(house):
    jobs = {house.submit(f"visitor {i}") for i in range(20)}
    assert len(jobs) == 20
    assert min(map(len, jobs)) >= 32


def test_nobody_else_can_read_stop_or_forget_a_job(house):
    job = house.start("ann")
    sentences = set()
    for call in (house.runner.view, house.runner.stop, house.runner.forget):
        for job_id in (job, "no such job"):
            with pytest.raises(JobError) as caught:
                call(job_id, "bob")
            sentences.add(str(caught.value))
    assert len(sentences) == 1  # a stranger's job and no job look the same
    with pytest.raises(JobError):
        house.view("no such job", "")
    assert house.runner.mine("bob") == ()
    assert house.view(job, "ann").state == "running"


def test_a_job_without_owner_is_a_bug(house):
    with pytest.raises(ValueError, match="owner"):
        house.submit("")


def test_mine_lists_the_jobs_of_one_visitor_newest_first(house):
    first = house.run("ann")
    house.run("bob")
    second = house.start("ann")
    assert [view.id for view in house.runner.mine("ann")] == [second, first]


def test_stop_closes_the_work_after_a_grace_and_keeps_its_last_item(house):
    job = house.start("ann")
    house.feeds[job].give("early")
    house.runner.stop(job, "ann")
    view = house.view(job, "ann")
    assert (view.state, view.stopping) == ("running", True)
    house.feeds[job].give("closing numbers")  # still within its grace
    house.clock.now += house.limits.grace_seconds
    house.feeds[job].last("last")
    view = house.view(job, "ann")
    assert (view.state, view.newest, view.stopping) == ("stopped", "last", False)
    assert "stopped it" in view.note


def test_a_work_that_ends_when_asked_is_over_at_once(house, wait_until):
    def listens(*, stop, heard):
        yield "first"
        while not stop():
            heard.wait(0.001)
        yield "the end"

    job = house.runner.submit(listens, owner="ann", title="", heard=threading.Event())
    wait_until(lambda: house.view(job, "ann").newest == "first")
    house.runner.stop(job, "ann")
    wait_until(lambda: not house.view(job, "ann").live)
    assert house.view(job, "ann").newest == "the end"
    assert house.view(job, "ann").state == "stopped"


def test_stop_takes_effect_in_two_seconds_even_while_the_work_is_busy(house, wait_until):
    job = house.start("ann")
    house.feeds[job].give("newest")
    house.runner.stop(job, "ann")
    house.clock.now += 2.0
    view = house.view(job, "ann")
    assert (view.state, view.newest, view.closing) == ("stopped", "newest", True)
    again = house.submit("ann")  # the visitor is free to start the next one
    assert house.view(again, "ann").state == "queued"
    house.feeds[job].last("late")
    wait_until(lambda: not house.view(job, "ann").closing)
    assert house.view(job, "ann").newest == "late"


def test_a_work_that_never_lets_go_of_its_thread_is_replaced(house, wait_until):
    stuck = house.start("ann")
    house.runner.stop(stuck, "ann")
    house.clock.now += 2.0
    waiting = house.submit("bob")
    assert house.view(waiting, "bob").place == 1
    house.clock.now += house.limits.stuck_seconds + 1
    wait_until(lambda: house.view(waiting, "bob").state == "running")
    house.feeds[stuck].end()
    house.finish(waiting, "bob")
    after = house.start("cy")
    house.finish(after, "cy")


def test_stopping_an_ended_job_changes_nothing(house):
    job = house.run("ann", "result")
    house.runner.stop(job, "ann")
    view = house.view(job, "ann")
    assert (view.state, view.newest, view.note) == ("done", "result", "")


def test_one_live_job_per_visitor_and_lane(house):
    job = house.start("ann")
    with pytest.raises(JobError, match="already"):
        house.submit("ann")
    house.submit("ann", lane="other")
    waiting = house.submit("bob")
    with pytest.raises(JobError, match="already"):
        house.submit("bob")
    house.runner.stop(waiting, "bob")
    house.submit("bob")
    house.finish(job, "ann")
    house.submit("ann")


def test_the_queue_is_first_come_first_served_with_place_and_wait(house, wait_until):
    running = house.start("ann", seconds=20.0)
    bob, cy = house.submit("bob", seconds=30.0), house.submit("cy")
    house.clock.now += 5
    view = house.view(bob, "bob")
    assert (view.state, view.place, view.expected_wait_seconds) == ("queued", 1, 15.0)
    view = house.view(cy, "cy")
    assert (view.place, view.expected_wait_seconds) == (2, 45.0)
    house.finish(running, "ann")
    wait_until(lambda: house.view(bob, "bob").state == "running")
    assert house.view(cy, "cy").place == 1
    assert house.view(bob, "bob").place == 0


def test_two_workers_run_two_jobs(make_house):
    house = make_house(workers=2)
    house.start("ann")
    house.start("bob")
    assert house.view(house.submit("cy"), "cy").state == "queued"


def test_the_thirty_first_waiting_job_is_refused_at_once(house):
    house.start("ann")
    for i in range(30):
        house.submit(f"visitor {i}")
    with pytest.raises(QueueFull, match="30 runs are waiting"):
        house.submit("one too many")
    assert house.runner.mine("one too many") == ()


def test_a_stopped_waiting_job_leaves_the_queue(house):
    house.start("ann")
    bob, cy = house.submit("bob"), house.submit("cy")
    house.runner.stop(bob, "bob")
    assert house.view(bob, "bob").state == "stopped"
    assert house.view(bob, "bob").note == "Stopped before it began."
    assert house.view(cy, "cy").place == 1


def test_a_job_whose_visitor_has_gone_ends_with_its_newest_item(house, wait_until):
    job = house.start("ann")
    house.feeds[job].give("newest")
    house.clock.now += 119
    house.view(job, "ann")  # still there
    house.clock.now += 119
    house.feeds[job].give("newer")
    assert house.runner.mine("someone else") == ()
    house.clock.now += 2
    house.feeds[job].give("newest of all")
    house.clock.now += house.limits.grace_seconds
    house.feeds[job].last("last")
    wait_until(lambda: not house.view(job, "ann").live)
    view = house.view(job, "ann")
    assert (view.state, view.newest) == ("stopped", "last")
    assert "120 seconds" in view.note


def test_a_waiting_job_whose_visitor_has_gone_leaves_the_queue(house):
    running = house.start("ann")
    gone, cy = house.submit("bob"), house.submit("cy")
    house.clock.now += 100
    assert house.view(running, "ann").live
    assert house.view(cy, "cy").place == 2
    house.clock.now += 21
    assert house.view(cy, "cy").place == 1
    view = house.view(gone, "bob")
    assert (view.state, view.place) == ("stopped", 0)
    assert "nobody had looked" in view.note


def test_a_job_ends_at_its_limit_with_its_newest_item(house, wait_until):
    job = house.start("ann")
    for _ in range(3):
        house.clock.now += 99
        house.feeds[job].give("going on")
        assert not house.view(job, "ann").stopping
    house.clock.now += 1.0
    house.feeds[job].give("asked to end at 298 s")
    house.clock.now += 1.5
    house.feeds[job].last("the best")
    wait_until(lambda: not house.view(job, "ann").live)
    view = house.view(job, "ann")
    assert (view.state, view.newest, view.seconds) == ("stopped", "the best", 299.5)
    assert "300 seconds" in view.note


def test_a_work_that_does_not_listen_is_over_at_the_limit(house):
    job = house.start("ann")
    for _ in range(5):
        house.clock.now += 60
        house.view(job, "ann")
    house.clock.now += 2
    assert house.view(job, "ann").state == "stopped"


def test_a_users_mistake_fails_the_job_with_its_sentence(house, wait_until, caplog):
    job = house.start("ann")
    house.feeds[job].give("newest")
    house.feeds[job].last(ConvvizError("The loss is not a number."))
    wait_until(lambda: not house.view(job, "ann").live)
    view = house.view(job, "ann")
    assert (view.state, view.error, view.newest) == (
        "failed",
        "The loss is not a number.",
        "newest",
    )
    assert not caplog.records


@pytest.mark.parametrize("bug", [ZeroDivisionError("a secret"), MemoryError(), SystemExit(1)])
def test_a_bug_is_logged_with_an_id_and_the_queue_goes_on(house, wait_until, caplog, bug):
    job = house.start("ann")
    with caplog.at_level(logging.ERROR):
        house.feeds[job].last(bug)
        wait_until(lambda: not house.view(job, "ann").live)
    view = house.view(job, "ann")
    assert view.state == "failed"
    assert "a secret" not in view.error
    logged = caplog.records[0].getMessage()
    assert logged.split()[1] in view.error
    house.run("bob")


def test_a_work_that_cannot_be_called_or_iterated_is_a_bug(house, wait_until):
    for owner, work in (("ann", lambda *, stop: None), ("bob", lambda: iter(()))):
        job = house.runner.submit(work, owner=owner, title="")
        wait_until(lambda job=job, owner=owner: house.view(job, owner).state == "failed")


def test_a_plain_iterator_will_do(house, wait_until):
    job = house.runner.submit(lambda *, stop: iter([1, 2, 3]), owner="ann", title="")
    wait_until(lambda: house.view(job, "ann").state == "done")
    assert house.view(job, "ann").newest == 3


def test_a_result_is_let_go_some_time_after_its_visitor_last_looked(make_house):
    house = make_house(kept_seconds=600)
    job = house.run("ann", "result")
    house.clock.now += 599
    assert house.view(job, "ann").newest == "result"
    house.clock.now += 599
    assert house.view(job, "ann").newest == "result"
    house.clock.now += 601
    house.runner.mine("bob")  # whoever comes does the housekeeping
    with pytest.raises(JobError):
        house.view(job, "ann")


def test_results_are_bounded_in_number_the_longest_unseen_go_first(make_house):
    house = make_house(kept=2)
    jobs = {}
    for owner in ("ann", "bob"):
        jobs[owner] = house.run(owner)
        house.clock.now += 1
    house.view(jobs["ann"], "ann")
    house.clock.now += 1
    jobs["cy"] = house.run("cy")
    house.runner.mine("nobody")
    kept = [owner for owner, job in jobs.items() if house.runner.mine(owner)]
    assert kept == ["ann", "cy"]


def test_results_are_bounded_in_bytes(make_house, item):
    house = make_house(kept_bytes=1000)
    for owner in ("ann", "bob"):
        house.run(owner, item(nbytes=400))
        house.clock.now += 1
    assert house.runner.mine("ann")
    house.clock.now += 1
    house.run("cy", item(nbytes=400))
    assert [owner for owner in ("ann", "bob", "cy") if house.runner.mine(owner)] == ["ann", "cy"]


def test_forget_lets_go_at_once_and_stops_what_runs(house, wait_until):
    job = house.start("ann")
    house.feeds[job].give("newest")
    house.runner.forget(job, "ann")
    with pytest.raises(JobError):
        house.view(job, "ann")
    house.clock.now += house.limits.grace_seconds
    house.feeds[job].last("last")
    house.run("ann")


def test_an_ended_job_no_longer_holds_its_arguments(house):
    job = house.run("ann")
    record = house.runner._book.find(job, "ann", house.clock())
    assert record.work is None
    assert not record.arguments


def test_close_ends_everything_and_takes_nothing_more(house):
    running, waiting = house.start("ann"), house.submit("bob")
    house.feeds[running].items.put(StopIteration)
    house.runner.close()
    assert house.view(running, "ann").state == "stopped"
    assert house.view(waiting, "bob").state == "stopped"
    assert not any(thread.is_alive() for thread in house.runner._threads)
    with pytest.raises(JobError, match="shutting down"):
        house.submit("cy")


def test_threads_never_keep_the_process_alive(house):
    house.start("ann")
    assert all(thread.daemon for thread in house.runner._threads)


def test_each_worker_thread_is_prepared_once(wait_until):
    prepared = []
    runner = LocalRunner({"compute": 1}, prepare=lambda: prepared.append(threading.get_ident()))
    ran_on = []

    def work(*, stop):
        ran_on.append(threading.get_ident())
        yield None

    for owner in ("ann", "bob"):
        runner.submit(work, owner=owner, title="")
    wait_until(lambda: len(ran_on) == 2)
    runner.close()
    assert prepared == ran_on[:1]
    assert ran_on[0] == ran_on[1]


def test_many_visitors_at_once_all_get_their_result(make_house, wait_until):
    house = make_house(workers=2)

    def squares(*, stop, n):
        for i in range(20):
            yield (n, i)

    results = {}

    def visit(n):
        job = house.runner.submit(squares, owner=f"v{n}", title="", n=n)
        wait_until(lambda: not house.view(job, f"v{n}").live)
        results[n] = house.view(job, f"v{n}").newest

    threads = [threading.Thread(target=visit, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == {n: (n, 19) for n in range(12)}
