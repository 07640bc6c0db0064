"""The queue of a cluster by itself: a scheduler that is only a list of workers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from convviz.jobs import cluster_worker, coordinator
from convviz.jobs.coordinator import LOST_TWICE, NO_WORKERS, RETRIED, Bounds, Coordinator
from convviz.jobs.job import Limits
from convviz.jobs.sentences import received
from tests import asgi


class Scheduler:
    """What the coordinator uses of Dask's scheduler."""

    def __init__(self, workers: int) -> None:
        self.workers = {f"w{number}": None for number in range(1, workers + 1)}
        self.handlers: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {}


class Desk:
    """A coordinator, and short ways to call it."""

    def __init__(self, workers: int = 2, limits: Limits | None = None, **bounds: int) -> None:
        self.scheduler = Scheduler(workers)
        self.plugin = Coordinator(limits or Limits(), Bounds(**bounds), "1")

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        return await self.scheduler.handlers[f"convviz_{name}"](**arguments)

    async def submit(self, owner: str, *works: bytes, **more: Any) -> str:
        answer = await self.call(
            *("submit",),
            **{"owner": owner, "title": owner, "page": "", "about": b"", "lane": "compute"},
            **{"seconds": None, "works": list(works or (b"work",)), **more},
        )
        return str(answer.get("id") or received(answer["sentence"]))

    async def next(self, worker: str, last: str = "") -> dict[str, Any]:
        return await self.call("next", worker=worker, last=last)

    async def report(self, assigned: dict[str, Any], **more: Any) -> dict[str, Any]:
        report = {"item": None, "fraction": 0.0, "done": False, "error": ""} | more
        return await self.call("report", token=assigned["token"], **report)

    async def view(self, job: str, owner: str) -> dict[str, Any]:
        answer = await self.call("view", job_id=job, owner=owner, have=[])
        view = answer["view"]
        return answer | {"view": view | {name: received(view[name]) for name in ("note", "error")}}

    async def lose(self, worker: str) -> None:
        del self.scheduler.workers[worker]
        await self.plugin.remove_worker(self.scheduler, worker, stimulus_id="")  # type: ignore[arg-type]


def on(play: Callable[[Desk], Awaitable[None]], workers: int = 2, **options: Any) -> None:
    """Play a scene with a coordinator."""

    async def scene() -> None:
        desk = Desk(workers, **options)
        await desk.plugin.start(desk.scheduler)  # type: ignore[arg-type]
        await play(desk)

    asgi.run(asyncio.wait_for(scene(), 20))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "_ASK_AGAIN_SECONDS", 0.02)


def test_a_part_whose_worker_is_lost_twice_is_given_up() -> None:
    async def play(desk: Desk) -> None:
        job = await desk.submit("anna")
        first = await desk.next("w1")
        await desk.report(first, item=b"one", fraction=0.5)
        await desk.lose("w1")
        view = (await desk.view(job, "anna"))["view"]
        assert (view["state"], view["note"]) == ("running", RETRIED)
        assert (await desk.report(first, item=b"late"))["stop"]  # it was not dead after all
        second = await desk.next("w2")
        assert second["work"] == b"work"
        await desk.lose("w2")
        answer = await desk.view(job, "anna")
        assert (answer["view"]["state"], answer["view"]["error"]) == ("failed", LOST_TWICE)
        assert answer["items"] == [(1, b"one")]

    on(play)


def test_a_worker_that_reports_nothing_counts_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(desk: Desk) -> None:
        job = await desk.submit("anna")
        await desk.next("w1")
        monkeypatch.setattr(coordinator, "_SILENT_SECONDS", -1.0)
        await desk.view(job, "anna")
        monkeypatch.setattr(coordinator, "_SILENT_SECONDS", 90.0)
        assert (await desk.next("w2"))["job"] == job

    on(play)


def test_a_worker_gets_what_parts_have_in_common_once_and_only_what_it_needs() -> None:
    async def play(desk: Desk) -> None:
        common = {"needs": [[0, 1], [1], [0]], "common": [b"network", b"other"]}
        job = await desk.submit("anna", b"1", b"2", b"3", **common)
        first = await desk.next("w1")
        assert (first["work"], first["common"]) == (b"1", {0: b"network", 1: b"other"})
        second = await desk.next("w2")
        assert (second["work"], second["common"]) == (b"2", {1: b"other"})
        await desk.report(second, done=True)
        third = await desk.call("next", worker="w2", last=job, have=[1])
        assert (third["work"], third["common"]) == (b"3", {0: b"network"})
        await desk.lose("w1")  # another one, which worked on something else, begins it again
        desk.scheduler.workers["w3"] = None
        again = await desk.call("next", worker="w3", last="another", have=[0, 1])
        assert (again["work"], again["common"]) == (b"1", {0: b"network", 1: b"other"})

    on(play)


def test_what_parts_have_in_common_counts_once_and_until_they_are_done() -> None:
    """Bound: 100 bytes. The first job has 2 + 60, the second 1 + 40."""

    async def play(desk: Desk) -> None:
        large = {"needs": [[0], [0]], "common": [bytes(60)]}
        first = await desk.submit("anna", b"1", b"2", **large)
        small = {"needs": [[0]], "common": [bytes(40)]}
        assert "hold 0 MB already" in await desk.submit("ben", b"1", **small)
        for _ in range(2):
            await desk.report(await desk.next("w1", first), done=True)
        assert "hold" not in await desk.submit("ben", b"1", **small)

    on(play, works=100)


def test_parts_use_free_workers_but_let_the_next_job_go_first() -> None:
    async def play(desk: Desk) -> None:
        series = await desk.submit("anna", b"1", b"2", b"3", b"4", b"5")
        one, two = await desk.next("w1"), await desk.next("w2")
        assert (one["work"], two["work"]) == (b"1", b"2")
        other = await desk.submit("ben")
        await desk.report(one, done=True)
        assert (await desk.next("w1", last=series))["job"] == other  # w2 works on the series
        await desk.report(two, done=True)
        third = await desk.submit("carl")
        three = await desk.next("w2", last=series)  # nobody else does: the series goes on
        assert three["work"] == b"3"
        assert (await desk.next("w3")) == {}  # no worker of this cluster
        desk.scheduler.workers["w3"] = None
        assert (await desk.next("w3"))["job"] == third
        desk.scheduler.workers["w4"] = None
        assert (await desk.next("w4"))["work"] == b"4"

    on(play)


def test_the_fraction_is_that_of_the_whole_and_a_failed_part_ends_the_job() -> None:
    async def play(desk: Desk) -> None:
        job = await desk.submit("anna", b"1", b"2", b"3")
        one, two = await desk.next("w1"), await desk.next("w2")
        await desk.report(one, item=b"a", fraction=0.5)
        run = desk.plugin._runs[job]
        assert run.job.newest.fraction == pytest.approx(0.5 / 3)
        assert run.job.newest.nbytes == 1
        await desk.report(one, done=True, error="It does not work.")
        assert (await desk.view(job, "anna"))["view"]["state"] == "running"
        assert (await desk.report(two))["stop"]
        await desk.report(two, item=b"bb", done=True)
        answer = await desk.view(job, "anna")
        assert (answer["view"]["state"], answer["view"]["error"]) == ("failed", "It does not work.")
        assert [data for _, data in answer["items"]] == [b"a", b"bb", None]

    on(play)


def test_works_are_bounded_together_and_let_go_with_their_job() -> None:
    async def play(desk: Desk) -> None:
        first = await desk.submit("anna", b"x" * 60)
        sentence = await desk.submit("ben", b"x" * 60)
        assert sentence.startswith("The runs that wait hold 0 MB already")
        await desk.call("forget", job_id=first, owner="anna")
        assert len(await desk.submit("ben", b"x" * 60)) == 41
        assert len(desk.plugin._runs) == 1

    on(play, works=100)


def test_a_job_that_its_visitor_forgets_is_stopped_and_dropped() -> None:
    async def play(desk: Desk) -> None:
        job = await desk.submit("anna")
        assigned = await desk.next("w1")
        await desk.call("forget", job_id=job, owner="anna")
        assert (await desk.report(assigned))["stop"]
        await desk.report(assigned, done=True)
        assert desk.plugin._runs == {}
        assert desk.plugin._by_token == {}

    on(play)


def test_a_work_that_does_not_stop_is_given_up() -> None:
    async def play(desk: Desk) -> None:
        job = await desk.submit("anna")
        assigned = await desk.next("w1")
        await desk.call("stop", job_id=job, owner="anna")
        await asyncio.sleep(0.02)
        assert (await desk.view(job, "anna"))["view"]["state"] == "stopped"
        assert await desk.report(assigned) == {"stop": True, "given_up": True}

    on(play, limits=Limits(stop_seconds=0.01, stuck_seconds=0.0))


def test_without_workers_no_job_is_taken() -> None:
    async def play(desk: Desk) -> None:
        assert await desk.submit("anna") == NO_WORKERS

    on(play, workers=0)


@pytest.mark.claims("convviz.jobs.cluster_worker.too_large")
@pytest.mark.parametrize(
    ("size", "most", "words"),
    [(400_000, 300_000, "0.4 MB, and no more than 0.3 MB"), (10**9, 10**8, "1,000.0 MB, and no")],
)
def test_a_result_that_is_too_large_says_how_large(size: int, most: int, words: str) -> None:
    assert words in cluster_worker.too_large(size, most)


def test_two_visitors_of_a_cluster_share_one_job_and_one_stop_leaves_it_to_the_other() -> None:
    async def play(desk: Desk) -> None:
        first = await desk.submit("anna", same="cat", context=b"cut in one")
        second = await desk.submit("ben", same="cat", context=b"cut in two")
        assigned = await desk.next("w1")
        assert await desk.next("w2") == {}  # there is one job
        await desk.report(assigned, item=b"one", fraction=0.5)
        for job, owner in ((first, "anna"), (second, "ben")):
            answer = await desk.view(job, owner)
            assert (answer["items"], answer["context"]) == ([(1, b"one")], b"cut in one")
        await desk.call("stop", job_id=first, owner="anna")
        assert not (await desk.report(assigned, item=b"two", fraction=0.8))["stop"]
        left, going_on = await desk.view(first, "anna"), await desk.view(second, "ben")
        assert (left["view"]["state"], left["items"]) == ("stopped", [(1, b"one")])
        assert (going_on["view"]["state"], going_on["items"]) == ("running", [(2, b"two")])
        await desk.call("stop", job_id=second, owner="ben")
        assert (await desk.report(assigned))["stop"]
        await desk.report(assigned, done=True)
        await desk.call("forget", job_id=first, owner="anna")
        await desk.call("forget", job_id=second, owner="ben")
        assert (desk.plugin._runs, desk.plugin._left) == ({}, {})

    on(play)


def test_a_result_that_is_known_needs_no_worker() -> None:
    async def play(desk: Desk) -> None:
        job = await desk.submit("anna", finished=b"result", same="cat")
        answer = await desk.view(job, "anna")
        assert (answer["view"]["state"], answer["items"]) == ("done", [(1, b"result")])
        assert answer["whole"]
        assert await desk.next("w1") == {}

    on(play)
