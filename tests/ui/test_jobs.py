"""A page's side of jobs: start, find again, refuse, draw; and the server's one runner."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from convviz.errors import ClusterGone
from convviz.formatting import say_seconds
from convviz.jobs import cluster
from convviz.jobs.job import Limits
from convviz.jobs.runner import LocalRunner
from convviz.ui import jobs


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalRunner]:
    local = LocalRunner({"compute": 1}, limits=Limits(stop_seconds=0.2, grace_seconds=0.1))
    monkeypatch.setattr(jobs, "runner", lambda: local)
    yield local
    local.close()


def page() -> None:
    import threading
    import time

    import streamlit as st

    from convviz.ui import jobs, state

    def count(*, stop, upto):
        for i in range(upto):
            while i == upto - 1 and not stop():
                time.sleep(0.005)
            yield i

    def hang(*, stop, gates):
        for i, gate in enumerate(gates):
            gate.wait(20)
            yield i

    page_jobs = jobs.page_jobs("test")
    elsewhere = jobs.page_jobs("elsewhere")
    view = page_jobs.find()
    gates = st.session_state.setdefault("gates", (threading.Event(), threading.Event()))
    st.button("go", on_click=lambda: page_jobs.start(count, title="count_up", upto=3))
    st.button("go elsewhere", on_click=lambda: elsewhere.start(count, title="other", upto=3))
    st.button("hang", on_click=lambda: page_jobs.start(hang, title="hanging", gates=gates))
    st.button("let it begin", on_click=gates[0].set)
    st.button("let it end", on_click=gates[1].set)
    state.write_address()
    if view is None:
        st.text("nothing")
        return

    def live(view):
        st.text("laid out")
        return lambda now: st.text(f"{now.state} {now.newest}")

    page_jobs.show(
        view,
        live=live,
        ended=lambda view: st.text(f"ended with {view.newest}"),
        ready="Warming up…",
        closing="Almost over…" if view.title == "hanging" else "",
        caption="about it",
        beside=lambda view: st.button("clear", on_click=page_jobs.clear, args=(view.id,)),
    )


def press(at: AppTest, label: str) -> AppTest:
    return next(button for button in at.button if button.label == label).click().run()


def texts(at: AppTest) -> list[str]:
    return [element.value for element in at.text]


def bars(at: AppTest) -> list[str]:
    return [bar.proto.text for bar in at.get("progress")]


def until(at: AppTest, *expected: str) -> AppTest:
    for _ in range(400):
        if texts(at) == list(expected):
            return at
        at.run()
    raise AssertionError(texts(at))


def test_start_watch_stop_and_clear(runner: LocalRunner) -> None:
    at = AppTest.from_function(page).run()
    assert texts(at) == ["nothing"]
    press(at, "go")
    until(at, "laid out", "running 1")
    assert at.header[0].value == "count_up"
    assert at.caption[0].value == "about it"
    press(at, "Stop")
    until(at, "ended with 2")
    assert at.info[0].value.startswith("You stopped it")
    assert "Stop" not in [button.label for button in at.button]
    press(at, "clear")
    assert texts(at) == ["nothing"]
    assert "job" not in at.query_params
    assert not at.exception


def test_a_job_says_when_it_gets_ready_and_when_its_work_is_still_busy(
    runner: LocalRunner,
) -> None:
    at = AppTest.from_function(page).run()
    press(at, "hang")
    for _ in range(400):
        if bars(at.run()):
            break
    assert bars(at) == ["Warming up…"]
    press(at, "let it begin")
    until(at, "laid out", "running 0")
    press(at, "Stop")
    for _ in range(400):
        if bars(at.run()):
            break
    assert bars(at) == ["Almost over…"]
    assert at.info[0].value.startswith("You stopped it")
    press(at, "let it end")
    until(at, "ended with 1")


def test_a_second_start_is_refused_with_a_sentence(runner: LocalRunner) -> None:
    at = AppTest.from_function(page).run()
    press(at, "go")
    until(at, "laid out", "running 1")
    press(at, "go")
    assert "already have a run" in at.warning[0].value
    assert texts(at) == ["laid out", "running 1"]


def test_the_job_id_is_in_the_url_and_no_help_to_another_visitor(runner: LocalRunner) -> None:
    at = AppTest.from_function(page).run()
    press(at, "go")
    until(at, "laid out", "running 1")
    job = at.query_params["job"]
    stranger = AppTest.from_function(page)
    stranger.query_params["job"] = job
    stranger.run()
    assert texts(stranger) == ["nothing"]
    assert "no longer exists" in stranger.info[0].value
    assert until(at.run(), "laid out", "running 1")


def test_a_new_connection_of_the_same_browser_finds_the_job(
    runner: LocalRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Context:
        cookies = {"convviz_visitor": "x" * 43}  # noqa: RUF012 - stands in for Streamlit's
        locale = "en-GB"

    monkeypatch.setattr("convviz.ui.visitor.st.context", Context())
    at = AppTest.from_function(page).run()
    press(at, "go")
    until(at, "laid out", "running 1")
    again = AppTest.from_function(page).run()  # without the id: a refresh right after the start
    assert texts(again) == ["laid out", "running 1"]
    press(again, "Stop")
    until(again, "ended with 2")


def test_a_job_of_another_page_is_named_and_can_be_stopped(runner: LocalRunner) -> None:
    at = AppTest.from_function(page).run()
    press(at, "go elsewhere")  # the same work, but it is filed under another page
    at.run()
    assert texts(at) == ["nothing"]
    press(at, "go")
    assert "already have a run" in at.warning[0].value
    assert "other" in at.info[-1].value
    press(at, "Stop it")
    for _ in range(400):
        if not at.run().info:
            break
    press(at, "go")
    until(at, "laid out", "running 1")


def test_a_waiting_visitor_sees_position_and_wait(runner: LocalRunner) -> None:
    first = AppTest.from_function(page).run()
    press(first, "go")
    until(first, "laid out", "running 1")
    second = AppTest.from_function(page).run()
    press(second, "go")
    assert texts(second) == []
    assert second.info[0].value.startswith("Next to run: it will probably start in about 5 minutes")
    press(second, "Leave the queue")
    assert second.info[0].value == "Stopped before it began."


def test_a_visitor_who_clears_the_caches_does_not_lose_the_runner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "_runner", None)
    before = jobs.runner()
    st.cache_resource.clear()
    st.cache_data.clear()
    assert jobs.runner() is before


def test_visitors_who_come_at_once_get_the_same_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_runner", None)
    gate = threading.Barrier(8)
    runners: list[object] = []

    def make() -> LocalRunner:
        time.sleep(0.05)  # long enough for all to find that there is none yet
        return LocalRunner()

    monkeypatch.setattr(jobs, "_make_runner", make)

    def visit() -> None:
        gate.wait()
        runners.append(jobs.runner())

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runners) == 8
    assert len(set(map(id, runners))) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "a moment"), (4, "about 5 seconds"), (38, "about 40 seconds"), (170, "about 3 minutes")],
)
def test_times_are_said_as_to_a_person(seconds: float, text: str) -> None:
    assert say_seconds(seconds) == text


def test_after_a_restart_an_open_page_says_that_its_run_is_gone(
    runner: LocalRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = AppTest.from_function(page).run()
    press(at, "go")
    until(at, "laid out", "running 1")
    job = at.query_params["job"]
    restarted = LocalRunner()
    monkeypatch.setattr(jobs, "runner", lambda: restarted)
    again = AppTest.from_function(page)
    again.query_params["job"] = job
    again.run()
    assert texts(again) == ["nothing"]
    assert again.info[0].value.startswith("The server was started again")
    assert "job" not in again.query_params  # what is refused does not travel on
    press(again, "go")
    until(again, "laid out", "running 1")
    assert not again.info
    restarted.close()


@pytest.mark.parametrize("job", ["nonsense", "[x](https://elsewhere.example)", "a" * 5000, "\x00"])
def test_an_id_that_never_was_is_not_called_a_restart(runner: LocalRunner, job: str) -> None:
    at = AppTest.from_function(page)
    at.query_params["job"] = job
    at.run()
    assert "no longer exists" in at.info[0].value
    assert "elsewhere" not in at.info[0].value
    assert "job" not in at.query_params


def test_no_page_offers_to_start_a_run_while_one_is_under_way_elsewhere(
    runner: LocalRunner,
) -> None:
    def two_pages() -> None:
        import time

        import streamlit as st

        from convviz.ui import jobs

        def work(*, stop):
            while not stop():
                time.sleep(0.005)
                yield 1

        one, two = jobs.page_jobs("one"), jobs.page_jobs("two")
        st.button("other", on_click=lambda: two.start(work, title="[o](https://elsewhere.x)"))
        one.start_button("Train", one.find(), ready=True, on_click=one.start, args=(work,))

    at = AppTest.from_function(two_pages).run()
    train = next(button for button in at.button if button.label == "Train")
    assert not train.disabled
    press(at, "other")
    at.run()
    train = next(button for button in at.button if button.label == "Train")
    assert train.disabled
    assert "another page" in train.help
    assert "](https" not in at.info[0].value.replace("\\](", "")
    press(at, "Stop it")
    for _ in range(400):
        train = next(button for button in at.run().button if button.label == "Train")
        if not train.disabled:
            return
    raise AssertionError("still disabled")


def test_caches_that_anybody_clears_in_mid_job_lose_no_job(runner: LocalRunner) -> None:
    at = AppTest.from_function(page).run()
    press(at, "go")
    until(at, "laid out", "running 1")
    st.cache_resource.clear()
    st.cache_data.clear()
    assert until(at.run(), "laid out", "running 1")
    press(at, "Stop")
    until(at, "ended with 2")


def test_the_time_left_follows_the_share_that_is_done() -> None:
    assert jobs.time_left(0.25, 60) == "about 3 minutes left"  # three quarters take three times
    assert jobs.time_left(0.5, 20) == "about 20 seconds left"
    # What came before makes no chosen time longer: 0.1 of 40 s are over, after 8 s of reading.
    assert jobs.time_left(0.1, 12, 40) == "about 35 seconds left"
    assert jobs.time_left(0.5, 10, 40) == "about 10 seconds left"
    for nothing in ((0.0, 10), (1.0, 10), (0.1, 0.5)):
        assert jobs.time_left(*nothing) == ""


def test_a_cluster_that_is_not_there_leaves_the_work_to_this_server_if_that_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONVVIZ_CLUSTER", "tcp://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 0.2)
    runner = jobs._make_runner()
    job = runner.submit(_one, owner="anna", title="one")
    while (view := runner.view(job, "anna")).live:
        time.sleep(0.005)
    assert (view.state, view.newest) == ("done", 1)
    assert [mine.id for mine in runner.mine("anna")] == [job]

    monkeypatch.setenv("CONVVIZ_CLUSTER_LOCAL_RUNS", "0")
    runner = jobs._make_runner()
    assert runner.mine("anna") == ()
    with pytest.raises(ClusterGone, match="long work cannot be reached: try again in a minute"):
        runner.submit(_one, owner="anna", title="one")


def _one(*, stop: Callable[[], bool]) -> Iterator[int]:
    yield 1


def test_a_run_has_its_share_of_the_threads_and_none_here_where_a_cluster_does_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    assert jobs.threads_of_run() == 6
    monkeypatch.setenv("CONVVIZ_WORKERS", "2")
    assert jobs.threads_of_run() == 3
    monkeypatch.setenv("CONVVIZ_WORKERS", "8")
    assert jobs.threads_of_run() == 1
    monkeypatch.setenv("CONVVIZ_CLUSTER", "tls://scheduler.example.edu:8786")
    assert jobs.threads_of_run() is None
