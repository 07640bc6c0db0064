"""Turns: who has the next one, how long it is, and that everybody soon has a first item."""

import pytest

from convviz.errors import JobError
from convviz.jobs.job import Limits
from convviz.jobs.lane import HEAD_START, ROUND_SECONDS, Job, Lane
from convviz.jobs.queue import JobQueue, Ticket

SECONDS = 4.0


def waiting(
    name: str, *, came: float = 0.0, paused_since: float | None = None, stop: str = ""
) -> Job:
    job = Job(name, None, {}, None, 0.0, waiting_since=came)
    if paused_since is not None:
        job.begin_turn(paused_since)
        job.pause(iter(()), paused_since)
    job.stop_reason = stop
    return job


def names(jobs: list[Job]) -> list[str]:
    return [job.id for job in jobs]


def test_new_jobs_go_before_paused_ones_and_each_kind_in_its_order() -> None:
    jobs = [waiting("old", paused_since=7.0), waiting("a", came=8.0)]
    jobs += [waiting("older", paused_since=5.0), waiting("b", came=9.0)]
    assert names(Lane(1, SECONDS, waiting=jobs).order()) == ["a", "b", "older", "old"]


def test_who_comes_long_after_a_job_was_paused_goes_behind_it_and_what_is_to_end_goes_first() -> (
    None
):
    lane = Lane(1, SECONDS, waiting=[waiting("paused", paused_since=5.0)])
    lane.waiting += [waiting("soon", came=4.9 + HEAD_START), waiting("late", came=5.1 + HEAD_START)]
    lane.waiting.append(waiting("ends", paused_since=50.0, stop="You stopped it."))
    assert names(lane.order()) == ["ends", "soon", "paused", "late"]


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


def test_the_wait_counts_turns_as_long_as_their_items_make_them() -> None:
    # Turns are to be 1.5 s, and one cannot be paused before its item of 6 s has come.
    queue = JobQueue({"compute": 1}, Limits(turn_seconds=SECONDS), takes_turns=True)
    jobs = [Job(str(number), None, {}, 100.0, 0.0) for number in range(30)]
    for job in jobs:
        queue.add(Ticket(job.id, job.id, "run", 0.0), job, "compute", 0.0)
    lane, now = queue.lanes["compute"], 0.0
    for _ in range(2):
        for job in jobs:
            job.last_seen = now
        job = queue.next("compute", now)
        assert job is not None
        now += 6.0
        assert queue.turn_is_over(job, now)
        queue.pause(job, iter(()), now)
    running = queue.next("compute", now)
    first, second = lane.order()[:2]
    assert running is jobs[2]
    assert lane.turn() == pytest.approx(ROUND_SECONDS / 30)
    assert lane.wait(first, now, limit=300.0) == pytest.approx(6.0)
    assert lane.wait(second, now, limit=300.0) == pytest.approx(12.0)


def simulate(workers: int, item: float, apart: float) -> tuple[list[str], dict[str, float], float]:
    """Thirty runs of 24 items each, by a clock of the test's own.

    Args:
        workers: How many threads there are.
        item: Seconds that an item takes.
        apart: Seconds between two starts.

    Returns:
        Whose turns there were, how long after the start each had a first item, and when all ended.
    """
    queue = JobQueue({"compute": workers}, Limits(turn_seconds=SECONDS), takes_turns=True)
    coming = [Job(str(number), None, {}, 12.0, number * apart) for number in range(30)]
    jobs, lane = list(coming), queue.lanes["compute"]
    now, left = 0.0, {job.id: 24 for job in jobs}
    turns: list[str] = []
    first_item: dict[str, float] = {}
    while any(left.values()):
        while coming and coming[0].last_seen <= now:
            job = coming.pop(0)
            queue.add(Ticket(job.id, job.id, "run", now), job, "compute", now)
        for job in lane.waiting:
            job.last_seen = now
        while len(lane.busy) < workers and (next_job := queue.next("compute", now)):
            turns.append(next_job.id)
        now += item
        for job in list(lane.busy):
            job.last_seen = now
            job.take(now)
            first_item.setdefault(job.id, now - int(job.id) * apart)
            left[job.id] -= 1
            if not left[job.id]:
                job.end("done", now)
                queue.release(job, now)
            elif queue.turn_is_over(job, now):
                queue.pause(job, iter(()), now)
    assert {job.state for job in jobs} == {"done"}
    assert {job.seconds(now) for job in jobs} == {24 * item}  # each had all of its time
    return turns, first_item, now


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("item", [0.5, 4.0])  # on a slow machine a round takes two minutes
def test_thirty_who_start_at_once_all_have_a_turn_before_anybody_has_a_second(
    workers: int, item: float
) -> None:
    turns, first_item, end = simulate(workers, item, 0.0)
    assert sorted(turns[:30]) == sorted(map(str, range(30)))
    assert end == 30 * 24 * item / workers  # no time is lost between the turns
    assert item > 1 or max(first_item.values()) <= 60.0


@pytest.mark.parametrize("apart", [0.5, 2.0])
def test_thirty_who_start_within_a_minute_have_a_first_item_within_one(apart: float) -> None:
    _, first_item, _ = simulate(1, 0.5, apart)
    assert len(first_item) == 30
    assert max(first_item.values()) <= 60.0


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
            assert now - 1.0 <= HEAD_START + SECONDS
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
