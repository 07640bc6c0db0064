"""Jobs on a real Dask cluster: a scheduler and two workers in processes of their own."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from convviz.errors import ClusterGone, JobError
from convviz.jobs import cluster as clusters
from convviz.jobs.cluster import ClusterRunner, ClusterSettings, TakeoverRunner
from convviz.jobs.coordinator import RETRIED, Bounds
from convviz.jobs.job import Limits
from convviz.jobs.queue import STOPPED
from convviz.jobs.runner import LocalRunner
from tests.jobs.cluster import (
    Cluster,
    Load,
    count,
    count_all,
    eventually,
    make_certificates,
    refuse,
    tls_options,
    view_when,
    weigh,
)

LIMITS = Limits(gone_seconds=60, waiting=2, grace_seconds=1.0)
BOUNDS = Bounds(work=200_000, works=500_000, item=300_000)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as made:
        made.start_scheduler()
        made.start_worker()
        made.start_worker()
        yield made


@pytest.fixture(scope="module")
def runner(cluster: Cluster) -> Iterator[ClusterRunner]:
    made = ClusterRunner(ClusterSettings(cluster.address), limits=LIMITS, bounds=BOUNDS)
    eventually(lambda: made._workers() == 2)
    yield made
    made.close()


def test_a_job_counts_to_its_end_and_only_its_owner_sees_it(runner: ClusterRunner) -> None:
    job = runner.submit(count, owner="anna", title="to five", page="p", about=("a", 1), most=5)
    view = view_when(runner, job, "anna", lambda view: not view.live)
    assert (view.state, view.note, view.error) == ("done", "", "")
    assert (view.title, view.page, view.about) == ("to five", "p", ("a", 1))
    assert view.newest.number == 5
    assert [mine.id for mine in runner.mine("anna")] == [job]
    assert runner.mine("ben") == ()
    for call in (runner.view, runner.stop, runner.forget):
        with pytest.raises(JobError, match="no longer exists, or it is not yours"):
            call(job, "ben")
    assert not runner.is_of_another(job)
    assert runner.is_of_another("0" * 8 + "." + "x" * 32)
    runner.forget(job, "anna")
    assert runner.mine("anna") == ()


def test_progress_comes_while_it_runs_and_a_stop_keeps_the_last_item(runner: ClusterRunner) -> None:
    job = runner.submit(count, owner="anna", title="long", most=10_000)
    view_when(runner, job, "anna", lambda view: view.newest is not None and view.newest.number > 3)
    with pytest.raises(JobError, match="already have a run under way"):
        runner.submit(count, owner="anna", title="second", most=1)
    runner.stop(job, "anna")
    view = view_when(runner, job, "anna", lambda view: not (view.live or view.closing))
    assert (view.state, view.note, view.newest.number) == ("stopped", STOPPED, -1)
    runner.forget(job, "anna")


@pytest.mark.claims("convviz.jobs.cluster_worker.fault")
@pytest.mark.parametrize("sentence", ["The number cannot be 7: choose 8.", ""])
def test_a_failure_is_a_sentence_and_keeps_the_item(runner: ClusterRunner, sentence: str) -> None:
    job = runner.submit(refuse, owner="anna", title="fails", sentence=sentence)
    view = view_when(runner, job, "anna", lambda view: not view.live)
    assert (view.state, view.newest.number) == ("failed", 1)
    if sentence:
        assert view.error == sentence
    else:
        assert "Something went wrong inside convviz (error " in view.error
        assert "/home" not in view.error
    runner.forget(job, "anna")


def test_servers_share_one_order_of_turns(cluster: Cluster, runner: ClusterRunner) -> None:
    other = ClusterRunner(ClusterSettings(cluster.address), limits=LIMITS, bounds=BOUNDS)
    long = {"most": 10_000}
    jobs = {
        owner: server.submit(count, owner=owner, title=owner, **long)
        for owner, server in (("a", runner), ("b", other), ("c", runner), ("d", other))
    }
    for owner in ("a", "b"):
        view_when(runner, jobs[owner], owner, lambda view: view.state == "running")
    assert runner.view(jobs["c"], "c").position == 1
    assert other.view(jobs["d"], "d").position == 2
    assert runner.view(jobs["d"], "d").position == 2  # the other server knows it as well
    with pytest.raises(JobError, match="2 runs are waiting already"):
        runner.submit(count, owner="e", title="e", **long)
    runner.stop(jobs["b"], "b")
    view_when(other, jobs["c"], "c", lambda view: view.state == "running")
    assert other.view(jobs["d"], "d").position == 1
    for owner, job in jobs.items():
        other.forget(job, owner)
    other.close()


def test_a_job_of_parts_uses_both_workers_and_joins_what_they_find(runner: ClusterRunner) -> None:
    job = runner.submit(count_all, owner="anna", title="parts", mosts=(12, 11, 10, 13))
    view = view_when(runner, job, "anna", lambda view: not view.live)
    assert view.state == "done", view.error
    assert [counted.number for counted in view.newest] == [12, 11, 10, 13]
    assert len({counted.process for counted in view.newest}) == 2
    runner.forget(job, "anna")


def test_what_parts_have_in_common_is_sent_once(cluster: Cluster) -> None:
    """Four parts with 150 kB each would be 600 kB, and no more than 500 kB are let in."""
    runner = ClusterRunner(
        ClusterSettings(cluster.address), limits=LIMITS, bounds=BOUNDS, common=(Load,)
    )
    eventually(lambda: runner._workers() == 2)
    job = runner.submit(
        weigh, owner="anna", title="common", load=Load(bytes(150_000)), mosts=(1, 2, 3, 4)
    )
    view = view_when(runner, job, "anna", lambda view: not view.live)
    assert view.state == "done", view.error
    numbers = [counted.number for counted in view.newest]
    assert numbers == [150_001, 150_002, 150_003, 150_004]
    runner.forget(job, "anna")
    with pytest.raises(ClusterGone, match=r"takes 0 MB with its network and images, and no more"):
        runner.submit(weigh, owner="anna", title="large", load=Load(bytes(250_000)), mosts=(1, 2))
    runner.close()


def test_while_one_looks_for_a_cluster_that_was_away_nobody_else_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner = ClusterRunner(ClusterSettings("tcp://127.0.0.1:1"), limits=LIMITS)
    looks, may_end = threading.Event(), threading.Event()

    def connect() -> None:
        looks.set()
        assert may_end.wait(30)
        raise OSError("it is away")

    monkeypatch.setattr(runner, "_connect", connect)
    monkeypatch.setattr(clusters, "_AGAIN_SECONDS", 0.0)
    may_end.set()
    assert runner.mine("anna") == ()
    may_end.clear()
    looks.clear()
    seen: list[object] = []
    first = threading.Thread(target=runner.mine, args=("anna",), daemon=True)
    first.start()
    assert looks.wait(30)
    second = threading.Thread(target=lambda: seen.append(runner.mine("ben")), daemon=True)
    second.start()
    second.join(20)
    assert seen == [()]
    assert first.is_alive()
    may_end.set()
    first.join(20)


def test_what_is_too_large_is_refused_with_a_sentence(runner: ClusterRunner) -> None:
    with pytest.raises(ClusterGone, match=r"takes 0 MB with its network and images, and no more"):
        runner.submit(refuse, owner="anna", title="large", sentence="x" * 300_000)
    job = runner.submit(count, owner="anna", title="large", most=3, load=400_000)
    view = view_when(runner, job, "anna", lambda view: not view.live)
    assert view.state == "failed"
    assert view.error.startswith("The result takes 0.4 MB, and no more than 0.3 MB may come back")
    runner.forget(job, "anna")


def test_what_cannot_be_pickled_is_refused_with_a_sentence(runner: ClusterRunner) -> None:
    with pytest.raises(ClusterGone, match="cannot be sent to the cluster"):
        runner.submit(count, owner="anna", title="odd", most=lambda: 3)


def test_a_worker_that_dies_leads_to_one_retry_elsewhere_and_a_lost_scheduler_to_a_sentence(
    cluster: Cluster, runner: ClusterRunner
) -> None:
    job = runner.submit(count, owner="anna", title="killed", most=30)
    begun = view_when(runner, job, "anna", lambda view: view.newest is not None)
    by_pid = {worker.pid: worker for worker in cluster.workers}
    by_pid[begun.newest.process].send_signal(signal.SIGKILL)
    view = view_when(runner, job, "anna", lambda view: not view.live)
    assert (view.state, view.note, view.newest.number) == ("done", RETRIED, 30)
    assert view.newest.process != begun.newest.process
    runner.forget(job, "anna")

    # A scheduler that is gone: what ran there has failed, and this process takes over.
    lost = runner.submit(count, owner="anna", title="lost", most=10_000)
    view_when(runner, lost, "anna", lambda view: view.newest is not None)
    assert cluster.scheduler is not None
    cluster.scheduler.kill()
    cluster.scheduler.wait()
    view = view_when(runner, lost, "anna", lambda view: not view.live)
    assert (view.state, view.error) == ("failed", clusters.LOST)
    assert view.newest.number >= 1
    with pytest.raises(ClusterGone, match="cannot be reached"):
        runner.submit(count, owner="anna", title="late", most=1)
    local = LocalRunner(limits=LIMITS)
    both = TakeoverRunner(runner, local)
    here = both.submit(count, owner="anna", title="here", most=2)
    assert view_when(both, here, "anna", lambda view: not view.live).newest.number == 2
    assert {view.id for view in both.mine("anna")} >= {here, lost}
    assert not both.is_of_another(here)
    both.forget(lost, "anna")
    both.forget(here, "anna")
    local.close()


def test_over_tls_only_those_with_a_certificate_of_the_authority_are_let_in(tmp_path: Path) -> None:
    files, foreign = (make_certificates(tmp_path, name) for name in ("ours", "theirs"))
    with Cluster(tmp_path, tls_options(files)) as cluster:
        cluster.start_scheduler()
        cluster.start_worker()
        environment = dict(
            zip(
                ("CONVVIZ_CLUSTER", "CONVVIZ_CLUSTER_CA", "CONVVIZ_CLUSTER_CERT"),
                (cluster.address, str(files[0]), str(files[1])),
                strict=True,
            )
        ) | {"CONVVIZ_CLUSTER_KEY": str(files[2])}
        settings = clusters.settings(environment)
        assert settings is not None
        assert settings.address.startswith("tls://127.0.0.1:")
        runner = ClusterRunner(settings, limits=LIMITS)
        eventually(lambda: runner._workers() == 1)
        job = runner.submit(count, owner="anna", title="secret", most=3)
        view = view_when(runner, job, "anna", lambda view: not view.live)
        assert (view.state, view.newest.number) == ("done", 3)
        runner.close()
        plain = ClusterSettings(cluster.address.replace("tls", "tcp"))
        for outsider in (plain, ClusterSettings(cluster.address, *foreign)):
            with pytest.raises(ClusterGone):
                ClusterRunner(outsider).submit(count, owner="anna", title="no", most=1)
