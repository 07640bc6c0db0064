"""Forget my data: everything of a visit is gone at once; and what anybody clears loses nothing."""

import io
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import streamlit as st
from PIL import Image
from streamlit.runtime import Runtime
from streamlit.runtime.state import SessionState
from streamlit.testing.v1 import AppTest

from convviz.jobs.runner import LocalRunner
from convviz.ui import forget, jobs
from convviz.ui.keys import Entry
from convviz.ui.state import Visit

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


def test_what_any_page_made_of_an_image_is_forgotten(open_page: OpenPage) -> None:
    """What is made once for everybody who has the same image, and the evidence of its classes."""
    from convviz.ui import cache
    from convviz.ui.evidence import maps

    at = with_own_image(open_page)
    own = at.session_state[Entry.VISIT].own_image
    made: list[str] = []

    def make() -> None:
        made.append("made")

    at.switch_page("pages/8_Evidence.py").run()
    assert not at.error
    assert own.sha256 in {key[0] for key in maps._CLASS_MAPS.keys()}  # noqa: SIM118 - no dictionary
    cache.once(make, "something", own)
    cache.once(make, "something", own)
    assert len(made) == 1
    press_forget(at)
    assert not at.error
    assert own.sha256 not in {key[0] for key in maps._CLASS_MAPS.keys()}  # noqa: SIM118
    cache.once(make, "something", own)
    assert len(made) == 2


def sweep(*visits: Visit) -> None:
    """Sweep while the server knows these visits, in Streamlit's own kind of session state."""
    infos = []
    for visit in visits:
        held = SessionState()
        held[Entry.VISIT] = visit
        infos.append(SimpleNamespace(session=SimpleNamespace(session_state=held)))
    infos.append(SimpleNamespace(session=SimpleNamespace(session_state=SessionState())))
    manager = SimpleNamespace(list_sessions=lambda: infos)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runtime, "instance", lambda: SimpleNamespace(_session_mgr=manager))
        patch.setattr(forget, "_ARRIVING_SECONDS", -1.0)
        forget.let_go_of_ended_visits()


def test_what_was_made_of_an_own_image_goes_with_the_last_visit_that_has_it(
    open_page: OpenPage,
) -> None:
    from convviz.ui import cache, choice

    sweep()  # what earlier tests have brought
    assert choice.BROUGHT == {}
    at = with_own_image(open_page)
    at.switch_page("pages/1_Activations.py").run()
    visit = at.session_state[Entry.VISIT]
    own = visit.own_image
    made: list[str] = []

    def make() -> None:
        made.append("made")

    cache.once(make, "something", own)

    def held() -> set[str]:
        computed = {key[0] for key in cache.ACTIVATIONS.keys()}  # noqa: SIM118 - no dictionary
        return computed | set(choice.DECODED.keys())

    other = with_own_image(open_page).session_state[Entry.VISIT]  # the same bytes, in another tab
    sweep(visit, other)
    sweep(other)
    cache.once(make, "something", own)
    assert own.sha256 in held()
    assert made == ["made"]
    samples = held() - {own.sha256}
    before = cache.ACTIVATIONS.bytes
    sweep()
    assert held() == samples  # a sample's results stay for everybody
    assert samples
    assert 0 <= cache.ACTIVATIONS.bytes < before
    cache.once(make, "something", own)
    assert len(made) == 2
    assert choice.BROUGHT == {}


NOBODYS = {
    # What any visitor gets who chooses the same network, which came with convviz or was fetched.
    *("costs", "layers", "further_layers", "_neighbours", "_diagram_message"),
    *("_are_here", "_unused", "_read", "_series", "_heads", "_sample_vectors"),
    # What was recorded once, or is drawn by rule.
    *("_recorded", "_generated", "_subset"),
    # Networks that a visitor trained: dropped where one was.
    *("network", "_stills"),
}


def test_every_cache_is_forgotten_or_holds_nothing_of_a_visitor() -> None:
    """A cache that is new is cleared by what it takes, or is looked at and listed here."""
    import importlib
    import pkgutil

    import convviz.ui

    for module in pkgutil.walk_packages(convviz.ui.__path__, "convviz.ui."):
        importlib.import_module(module.name)
    everything = {
        f"{value.__module__}.{value.__wrapped__.__name__}"
        for name, module in list(sys.modules.items())
        if name.startswith("convviz.ui")
        for value in list(vars(module).values())
        if hasattr(value, "clear") and hasattr(value, "__wrapped__")
    }
    forgotten = {
        f"{cached.__module__}.{cached.__wrapped__.__name__}"
        for cached in forget.caches_of("image", "job", "made_of")
    }
    assert {name.rpartition(".")[2] for name in everything - forgotten} == NOBODYS
    assert {f"convviz.ui.{name}" for name in ("cache._made", "training.live_film._stills")} <= (
        forgotten
    )
    stores = {id(store) for store in forget.byte_stores()}
    from convviz.ui import cache, choice
    from convviz.ui.evidence import maps

    assert stores == {id(each) for each in (cache.ACTIVATIONS, choice.DECODED, maps._CLASS_MAPS)}


def test_caches_that_anybody_clears_lose_no_choice(open_page: OpenPage) -> None:
    at = with_own_image(open_page)
    st.cache_resource.clear()
    st.cache_data.clear()
    at.run()
    assert not at.error
    assert at.session_state[Entry.VISIT].own_image is not None
    assert "mine" in at.button(key="home_sample_upload").label
