"""Forget my data: everything of a visit is gone at once; and what anybody clears loses nothing."""

import io
from collections.abc import Callable

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from convviz.jobs.runner import LocalRunner
from convviz.ui import forget, jobs
from convviz.ui.keys import Entry

OpenPage = Callable[..., AppTest]


def picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (90, 60), "teal").save(data, "PNG")
    return data.getvalue()


def with_own_image(open_page: OpenPage) -> AppTest:
    at = open_page()
    at.file_uploader(key="home_upload").upload("mine.png", picture(), "image/png").run()
    assert at.session_state[Entry.VISIT].own_image is not None
    return at


def sample_sha256(name: str) -> str:
    from convviz.ui.sidebar.image import of_sample

    return of_sample(name).sha256


def press_forget(at: AppTest) -> AppTest:
    return at.button(key="forget_my_data").click().run()


def test_image_and_choices_are_gone_at_once(open_page: OpenPage) -> None:
    at = with_own_image(open_page)
    at.query_params["tau"] = "0.1"
    press_forget(at)
    assert not at.exception
    assert "Forgotten: your image." in at.success[0].value
    visit = at.session_state[Entry.VISIT]
    assert visit.own_image is None
    assert at.query_params["image"] == ["coffee"] or at.query_params["image"] == "coffee"
    assert not any("mine" in str(element.value) for element in (*at.markdown, *at.caption))
    assert [button.label for button in at.button if "mine" in button.label] == []
    assert at.file_uploader(key="home_upload_1") is not None


def test_no_activations_are_kept(open_page: OpenPage) -> None:
    from convviz.ui import cache

    at = with_own_image(open_page)
    at.switch_page("pages/1_Activations.py").run()
    assert cache.ACTIVATIONS.bytes > 0
    press_forget(at)
    # The page has gone on to draw the sample, and nothing else is kept.
    coffee = at.session_state[Entry.VISIT].values["image"]
    assert coffee == "coffee"
    kept = {key[0] for key in cache.ACTIVATIONS.keys()}  # noqa: SIM118 - no dictionary
    assert kept <= {sample_sha256(coffee)}


def test_runs_are_stopped_and_dropped(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = LocalRunner()
    monkeypatch.setattr(jobs, "runner", lambda: runner)
    owner = "x" * 43
    at = open_page()
    at.session_state[Entry.VISITOR] = owner

    def work(*, stop):  # type: ignore[no-untyped-def]
        while not stop():
            yield 1

    runner.submit(work, owner=owner, title="mine", page="training")
    press_forget(at)
    assert "1 run with" in at.success[0].value
    assert runner.mine(owner) == ()
    runner.close()


def test_caches_that_hold_something_of_an_image_are_found() -> None:
    import convviz.ui.cache  # noqa: F401 - a module with caches, of images and of other things

    names = {cached.__wrapped__.__name__ for cached in forget.caches_of("image")}
    assert {"thumbnail", "_framed", "atlas", "predictions"} <= names
    assert "costs" not in names


def test_caches_that_anybody_clears_lose_no_choice(open_page: OpenPage) -> None:
    at = with_own_image(open_page)
    st.cache_resource.clear()
    st.cache_data.clear()
    at.run()
    assert not at.error
    assert at.session_state[Entry.VISIT].own_image is not None
    assert "mine" in at.button(key="home_sample_upload").label
