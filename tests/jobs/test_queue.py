"""How long a job will have to wait, by hand-computed values."""

import pytest

from convviz.jobs.lane import Job, Lane, wait_seconds


@pytest.mark.parametrize(
    ("workers", "busy", "ahead", "expected"),
    [
        (1, [], [], 0.0),
        (1, [7.0], [], 7.0),
        (1, [7.0], [10.0, 20.0], 37.0),
        (2, [7.0], [], 0.0),  # one of the two is free
        (2, [7.0, 3.0], [], 3.0),
        (2, [7.0, 3.0], [10.0], 7.0),  # ahead starts at 3 and ends at 13; the other is free at 7
        (2, [7.0, 3.0], [10.0, 1.0], 8.0),
    ],
)
def test_wait_is_when_the_next_worker_is_free(
    workers: int, busy: list[float], ahead: list[float], expected: float
) -> None:
    assert wait_seconds(workers, busy, ahead) == expected


def job(*, expected: float | None = None, started: float | None = None) -> Job:
    return Job("a", None, {}, expected, 0.0, turn=started)


class Halfway:
    fraction = 0.5


def test_wait_uses_what_a_work_says_then_the_median_then_the_limit() -> None:
    says, silent, mine = job(expected=12.0), job(), job()
    lane = Lane(1, waiting=[says, silent, mine])
    assert lane.wait(mine, now=0.0, limit=300.0) == 12.0 + 300.0
    lane.durations.extend([10.0, 30.0, 200.0])
    assert lane.wait(mine, now=0.0, limit=300.0) == 12.0 + 30.0


def test_wait_takes_no_job_for_longer_than_the_limit() -> None:
    lane = Lane(1, waiting=[job(expected=5000.0), job(expected=1.0)])
    lane.busy.append(job(expected=5000.0, started=10.0))
    assert lane.wait(lane.waiting[1], now=60.0, limit=300.0) == (300.0 - 50.0) + 300.0


def test_wait_follows_the_progress_of_what_runs() -> None:
    running, mine = job(expected=100.0, started=0.0), job()
    lane = Lane(1, waiting=[mine], busy=[running])
    assert lane.wait(mine, now=20.0, limit=300.0) == 80.0
    running.take(Halfway())  # half of it in 20 seconds: another 20
    assert lane.wait(mine, now=20.0, limit=300.0) == 20.0


def test_wait_is_never_negative_when_a_work_takes_longer_than_it_said() -> None:
    running, mine = job(expected=10.0, started=0.0), job()
    assert Lane(1, waiting=[mine], busy=[running]).wait(mine, now=25.0, limit=300.0) == 0.0


def test_an_item_that_does_not_say_its_size_is_measured() -> None:
    silent = job()
    silent.take(b"x" * 1000)
    assert 1000 <= silent.bytes < 1100
