"""A page's side of jobs: start, find again, refuse, watch."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from convviz.formatting import say_seconds
from convviz.jobs.job import Limits
from convviz.jobs.runner import LocalRunner
from convviz.ui import jobs


@pytest.fixture
def runner(monkeypatch) -> Iterator[LocalRunner]:
    made = LocalRunner({"compute": 1}, limits=Limits(stop_seconds=0.2, grace_seconds=0.1))
    monkeypatch.setattr(jobs, "runner", lambda: made)
    yield made
    made.close()


def page() -> None:
    import time

    import streamlit as st

    from convviz.ui import jobs, state

    def count(*, stop, upto):
        for i in range(upto):
            while i == upto - 1 and not stop():
                time.sleep(0.005)
            yield i

    def other(*, stop):
        while not stop():
            time.sleep(0.005)
            yield 0

    desk = jobs.desk("test", count)
    view = desk.find()
    st.button("go", on_click=lambda: desk.start(count, title="counting", seconds=None, upto=3))
    st.button("go elsewhere", on_click=lambda: desk.start(other, title="other", seconds=None))
    state.write_address()
    if view is None:
        st.text("nothing")
        return

    def draw(view):
        if view.state == "queued":
            jobs.waiting(view)
        st.text(f"{view.state} {view.newest}")

    desk.watch(view, draw)
    st.button("stop", on_click=desk.stop, args=(view.id,))
    st.button("clear", on_click=desk.clear, args=(view.id,))


def press(at: AppTest, label: str) -> AppTest:
    return next(button for button in at.button if button.label == label).click().run()


def until(at: AppTest, text: str) -> AppTest:
    for _ in range(400):
        if at.text and at.text[0].value == text:
            return at
        at.run()
    raise AssertionError([element.value for element in at.text])


def test_start_watch_stop_and_clear(runner):
    at = AppTest.from_function(page).run()
    assert at.text[0].value == "nothing"
    press(at, "go")
    until(at, "running 1")
    press(at, "stop")
    until(at, "stopped 2")
    press(at, "clear")
    assert at.text[0].value == "nothing"
    assert "job" not in at.query_params
    assert not at.exception


def test_a_second_start_is_refused_with_a_sentence(runner):
    at = AppTest.from_function(page).run()
    press(at, "go")
    until(at, "running 1")
    press(at, "go")
    assert "already have a run" in at.warning[0].value
    assert at.text[0].value == "running 1"


def test_the_job_id_is_in_the_url_and_no_help_to_another_visitor(runner):
    at = AppTest.from_function(page).run()
    press(at, "go")
    until(at, "running 1")
    job = at.query_params["job"]
    stranger = AppTest.from_function(page)
    stranger.query_params["job"] = job
    stranger.run()
    assert stranger.text[0].value == "nothing"
    assert "not to be found" in stranger.info[0].value
    assert until(at.run(), "running 1")


def test_a_new_connection_of_the_same_browser_finds_the_job(runner, monkeypatch):
    class Context:
        cookies = {"convviz_visitor": "x" * 43}  # noqa: RUF012 - stands in for Streamlit's

    monkeypatch.setattr("convviz.ui.visitor.st.context", Context())
    at = AppTest.from_function(page).run()
    press(at, "go")
    until(at, "running 1")
    again = AppTest.from_function(page).run()  # without the id: a refresh right after the start
    assert again.text[0].value == "running 1"
    press(again, "stop")
    until(again, "stopped 2")


def test_a_job_of_another_page_is_named_and_can_be_stopped(runner):
    at = AppTest.from_function(page).run()
    press(at, "go elsewhere")
    at.run()
    press(at, "go")
    assert "already have a run" in at.warning[0].value
    assert "other" in at.info[-1].value
    press(at, "Stop it")
    for _ in range(400):
        if not at.run().info:
            break
    press(at, "go")
    until(at, "running 1")


def test_a_waiting_visitor_sees_place_and_wait(runner):
    first = AppTest.from_function(page).run()
    press(first, "go")
    until(first, "running 1")
    second = AppTest.from_function(page).run()
    press(second, "go")
    assert second.text[0].value == "queued None"
    assert second.info[0].value.startswith("Next to run: it will probably start in about 5 minutes")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "a moment"), (4, "about 5 seconds"), (38, "about 40 seconds"), (170, "about 3 minutes")],
)
def test_times_are_said_as_to_a_person(seconds, said):
    assert say_seconds(seconds) == said
