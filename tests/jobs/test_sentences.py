"""What a job's visitor is told, against the limits and the clock of the test."""

import logging
import re

import pytest

from convviz.jobs.job import Limits
from convviz.jobs.lane import Job
from convviz.jobs.queue import JobQueue, Ticket
from tests.jobs.conftest import Harness, eventually


@pytest.mark.claims(
    "convviz.jobs.queue.JobQueue._enforce_limits", "convviz.jobs.queue.JobQueue._gone"
)
@pytest.mark.parametrize("seconds", [10.0, 300.0, 1e6])
def test_a_job_that_ends_says_which_limit_it_met(seconds: float) -> None:
    queue = JobQueue({"compute": 1}, Limits(seconds=seconds, gone_seconds=2 * seconds))
    job = Job("id", None, {}, None, 0.0)
    queue.add(Ticket("id", "ann", "title", 0.0), job, "compute", 0.0)
    queue.next("compute", 0.0)
    job.last_seen = seconds
    queue.expire(seconds - 2.0 + 1e-3)
    numbers = re.findall(r"\d+", job.stop_reason)
    assert list(map(float, numbers)) == [seconds]
    assert "the most a run may take" in job.stop_reason
    other = Job("other", None, {}, None, 0.0)
    gone = JobQueue({"compute": 1}, Limits(seconds=1e9, gone_seconds=seconds))
    gone.add(Ticket("other", "bob", "title", 0.0), other, "compute", 0.0)
    gone.next("compute", 0.0)
    gone.expire(seconds + 1.0)
    assert list(map(float, re.findall(r"\d+", other.stop_reason))) == [seconds]
    assert "nobody had looked" in other.stop_reason


@pytest.mark.claims("convviz.jobs.runner.LocalRunner._run")
@pytest.mark.parametrize("fault", [RuntimeError, MemoryError])
def test_a_fault_in_a_work_has_an_id_that_the_log_has(
    harness: Harness, caplog: pytest.LogCaptureFixture, fault: type[Exception]
) -> None:
    job = harness.start("ann")
    with caplog.at_level(logging.ERROR):
        harness.feeds[job].items.put(fault("secret /home/u"))
        eventually(lambda: harness.view(job, "ann").state == "failed")
    error = harness.view(job, "ann").error
    (number,) = re.findall(r"error ([0-9a-f]{8})", error)
    assert number in caplog.text
    assert "secret" not in error
    assert ("not enough memory" in error) == (fault is MemoryError)
