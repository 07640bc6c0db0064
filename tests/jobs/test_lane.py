"""Turns: who has the next one, how long it is, and that everybody soon has a first item."""

import pytest

from convviz.errors import JobError
from convviz.jobs.job import Limits
from convviz.jobs.lane import LONGEST_PAUSE, ROUND_SECONDS, Job, Lane
from convviz.jobs.queue import JobQueue, Ticket

SECONDS = 4.0


def waiting(name: str, *, paused_since: float | None = None, stop: str = "") -> Job:
    job = Job(name, None, {}, None, 0.0)
    if paused_since is not None:
        job.begin_turn(paused_since)
        job.pause(iter(()), paused_since)
    job.stop_reason = stop
    return job


def names(jobs: list[Job]) -> list[str]:
    return [job.id for job in jobs]


def test_new_jobs_go_before_paused_ones_and_each_kind_in_its_order() -> None:
    jobs = [waiting("old", paused_since=5.0), waiting("a"), waiting("older", paused_since=7.0)]
    lane = Lane(1, SECONDS, waiting=[*jobs, waiting("b")])
    assert names(lane.order(10.0)) == ["a", "b", "old", "older"]


def test_a_job_that_was_paused_for_long_goes_first_and_one_that_is_to_end_before_all() -> None:
    lane = Lane(1, SECONDS, waiting=[waiting("new"), waiting("long", paused_since=5.0)])
    lane.waiting.append(waiting("ends", paused_since=50.0, stop="You stopped it."))
    assert names(lane.order(5.0 + LONGEST_PAUSE)) == ["ends", "new", "long"]
    assert names(lane.order(5.1 + LONGEST_PAUSE)) == ["ends", "long", "new"]


def test_turns_are_short_enough_for_everybody_to_have_one_soon() -> None:
    lane = Lane(1, SECONDS)
    assert lane.turn() == SECONDS
    lane.waiting = [waiting(str(number)) for number in range(29)]
    assert lane.turn() == ROUND_SECONDS / 30
    assert Lane(2, SECONDS, waiting=lane.waiting).turn() == 2 * ROUND_SECONDS / 30


def test_a_turn_ends_only_where_others_wait_and_jobs_may_be_paused() -> None:
    job = waiting("job")
    job.begin_turn(0.0)
    lane = Lane(1, SECONDS, busy=[job])
    assert not lane.turn_is_over(job, 100.0)
    lane.waiting = [waiting("other")]
    assert not lane.turn_is_over(job, 3.9)
    assert lane.turn_is_over(job, 4.0)
    job.request_stop("enough", 4.0)
    assert not lane.turn_is_over(job, 100.0)  # it ends by itself
    other = Lane(1, busy=[waiting("x")], waiting=lane.waiting)
    assert not other.turn_is_over(other.busy[0], 1e9)


def test_a_paused_job_that_is_to_end_waits_for_no_turn_to_be_over() -> None:
    job = waiting("job")
    job.begin_turn(10.0)
    lane = Lane(1, SECONDS, busy=[job], waiting=[waiting("p", paused_since=9.0)])
    assert not lane.turn_is_over(job, 10.5)
    lane.waiting[0].request_stop("stopped", 10.5)
    assert lane.turn_is_over(job, 10.6)
    assert lane.waiting[0].stop_requested_at is None  # its time to end begins with its turn
    lane.waiting[0].begin_turn(10.6)
    assert lane.waiting[0].stop_requested_at == 10.6


def test_a_jobs_seconds_are_those_of_its_turns() -> None:
    job = waiting("job")
    job.begin_turn(0.0)
    job.pause(iter(()), 3.0)
    assert (job.seconds(50.0), job.paused) == (3.0, True)
    job.begin_turn(50.0)
    assert (job.seconds(52.0), job.paused) == (5.0, False)
    job.end("done", 53.0)
    assert job.seconds(99.0) == 6.0


def test_the_wait_counts_turns_and_not_whole_runs() -> None:
    job = waiting("running")
    job.expected_seconds = 100.0
    job.begin_turn(0.0)
    lane = Lane(1, SECONDS, busy=[job], waiting=[waiting("a"), waiting("b")])
    assert lane.wait(lane.waiting[0], now=1.0, limit=300.0) == 3.0
    assert lane.wait(lane.waiting[1], now=1.0, limit=300.0) == 3.0 + 4.0


@pytest.mark.parametrize("workers", [1, 2])
def test_thirty_starters_all_have_a_first_item_before_anybody_has_a_second_turn(
    workers: int,
) -> None:
    """Thirty runs of 12 s each, an item every half second, by a clock of the test's own."""
    limits = Limits(turn_seconds=SECONDS)
    queue = JobQueue({"compute": workers}, limits, takes_turns=True)
    jobs = [Job(str(number), None, {}, 12.0, 0.0) for number in range(30)]
    for job in jobs:
        queue.add(Ticket(job.id, job.id, "run", 0.0), job, "compute", 0.0)
    now, left = 0.0, {job.id: 24 for job in jobs}
    turns: list[str] = []
    first_item: dict[str, float] = {}
    lane = queue.lanes["compute"]
    while any(left.values()):
        while len(lane.busy) < workers and (job := queue.next("compute", now)):
            turns.append(job.id)
        now += 0.5
        for job in list(lane.busy):
            job.last_seen = now
            job.take(now)
            first_item.setdefault(job.id, now)
            left[job.id] -= 1
            if not left[job.id]:
                job.end("done", now)
                queue.release(job, now)
            elif queue.turn_is_over(job, now):
                queue.pause(job, iter(()), now)
        for job in lane.waiting:
            job.last_seen = now
    assert sorted(turns[:30]) == sorted(job.id for job in jobs)
    assert max(first_item.values()) <= 60.0
    assert {job.state for job in jobs} == {"done"}
    assert {job.seconds(now) for job in jobs} == {12.0}
    assert now == 30 * 12.0 / workers  # no time is lost between the turns


def test_a_stream_of_new_jobs_does_not_starve_a_paused_one() -> None:
    queue = JobQueue({"compute": 1}, Limits(turn_seconds=SECONDS), takes_turns=True)
    old = Job("old", None, {}, None, 0.0)
    queue.add(Ticket("old", "ann", "run", 0.0), old, "compute", 0.0)
    assert queue.next("compute", 0.0) is old
    queue.pause(old, iter(()), 1.0)
    now = 1.0
    for number in range(40):
        new = Job(f"new {number}", None, {}, None, now)
        queue.add(Ticket(new.id, new.id, "run", now), new, "compute", now)
        old.last_seen = now
        job = queue.next("compute", now)
        if job is old:
            assert now - 1.0 <= LONGEST_PAUSE + SECONDS
            return
        assert job is new
        now += SECONDS
        new.end("done", now)
        queue.release(new, now)
    raise AssertionError("it never had a second turn")


def test_paused_jobs_count_among_those_that_wait() -> None:
    queue = JobQueue({"compute": 1}, Limits(turn_seconds=SECONDS, waiting=2), takes_turns=True)
    for number in range(2):
        job = Job(str(number), None, {}, None, 0.0)
        queue.add(Ticket(job.id, job.id, "run", 0.0), job, "compute", 0.0)
    first = queue.next("compute", 0.0)
    assert first is not None
    queue.pause(first, iter(()), 1.0)
    late = Job("late", None, {}, None, 0.0)
    with pytest.raises(JobError, match="2 runs are waiting"):
        queue.add(Ticket("late", "cy", "run", 1.0), late, "compute", 1.0)
