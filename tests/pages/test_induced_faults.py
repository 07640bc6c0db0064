"""A fault anywhere on a real page: one sentence with an id that the log has; the rest stays."""

import importlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from convviz.jobs.runner import LocalRunner
from convviz.ui import cache, errors, jobs
from convviz.ui.keys import Entry
from tests.pages.test_forget import picture
from tests.pages.test_forward_faults import SECRET, shown
from tests.ui.test_errors import served

__all__ = ["served"]

OpenPage = Callable[..., AppTest]
Act = Callable[[AppTest], Any]

OWNER = "x" * 43


def click(key: str) -> Act:
    return lambda app: app.button(key=key).click()


def upload(key: str, name: str = "a.png") -> Act:
    return lambda app: app.file_uploader(key=key).upload(name, picture(), "image/png")


def choose(key: str, value: str) -> Act:
    return lambda app: app.selectbox(key=key).set_value(value)


@dataclass(frozen=True)
class Fault:
    """Where something fails.

    Attributes:
        where: The function that raises: its module and its name in it.
        page: The page that is open.
        link: What its address says.
        act: What the visitor does for it to be called; None where drawing the page calls it.
        lost: Whether what fails is the sidebar, without which there is no page.
    """

    where: str
    page: str = "pages/1_Activations.py"
    link: dict[str, str] = field(default_factory=dict)
    act: Act | None = None
    lost: bool = False

    def __str__(self) -> str:
        said = " ".join([self.page.removesuffix(".py").rpartition("/")[2], *self.link.values()])
        return re.sub(r"[^\w.:]+", " ", f"{self.where.removeprefix('convviz.')} {said}")


SUBMIT = "convviz.jobs.runner:LocalRunner.submit"
PAGE_CODE = (
    Fault("convviz.ui.home.page:draw", "app.py"),
    Fault("convviz.ui.course.page:draw", "pages/0_Course.py"),
    Fault("convviz.ui.activations.page:draw"),
    Fault("convviz.ui.filters.page:draw", "pages/2_Filters.py"),
    Fault("convviz.ui.architectures.page:draw", "pages/3_Architectures.py"),
    Fault("convviz.ui.reconstruction.page:draw", "pages/4_Reconstruction.py"),
    Fault("convviz.ui.transfer.page:draw", "pages/5_Transfer_learning.py"),
    Fault("convviz.ui.training.page:draw", "pages/6_Training.py"),
    Fault("convviz.ui.auxiliary.page:draw", "pages/7_Auxiliary_classifiers.py"),
    Fault("convviz.ui.evidence.page:draw", "pages/8_Evidence.py"),
    Fault("convviz.ui.design.page:draw", "pages/9_Design.py"),
    Fault("convviz.ui.sidebar.image:thumbnail", "app.py"),
    Fault("convviz.ui.sidebar.image:panel"),
    Fault("convviz.ui.navigation:draw_next"),
    Fault("convviz.ui.navigation:Links.draw"),
    Fault("convviz.ui.page_questions:draw"),
    Fault("convviz.ui.worksheet:of_page"),
    Fault("convviz.ui.tools:draw"),
    Fault("convviz.ui.sidebar.layer:pick", lost=True),
    Fault("convviz.ui.sidebar.network:pick_network", lost=True),
)
FRAGMENTS = (
    Fault("convviz.ui.activations.grid:_panel"),
    Fault(
        "convviz.ui.activations.compare:_draw_side",
        link={"view": "Compare", "compare": "Two layers"},
    ),
    Fault("convviz.ui.training.recorded:_still", "pages/6_Training.py"),
    Fault("convviz.ui.auxiliary.page:_draw_gradients", "pages/7_Auxiliary_classifiers.py"),
    Fault("convviz.ui.design.compare:_draw_table", "pages/9_Design.py", {"design_view": "train"}),
)
CACHES = (
    Fault("convviz.ui.cache:overview", "app.py"),
    Fault("convviz.sprites.grid:atlas"),
    Fault("convviz.features.activations:strength_by_depth", link={"view": "All layers"}),
    Fault("convviz.ui.cache:network", lost=True),
    Fault("convviz.ui.cache:layers", lost=True),
    Fault("convviz.ui.cache:activations"),
    Fault("convviz.ui.cache:costs", "pages/3_Architectures.py"),
)
CALLBACKS = (
    Fault("convviz.ui.sidebar.image:bring", "app.py", act=upload("home_upload")),
    Fault("convviz.ui.sidebar.image:choose", "app.py", act=click("home_sample_koala")),
    Fault(
        "convviz.ui.sidebar.network:_opened",
        act=upload("sidebar_saved_upload", "a.safetensors"),
    ),
    Fault("convviz.ui.sidebar.network:_choose_weights", act=choose("weights", "random")),
    Fault("convviz.ui.sidebar.layer:_go", act=click("sidebar_layer_deeper")),
    Fault("convviz.ui.state:reset", act=click("tools_reset")),
    Fault("convviz.ui.tools:_toggle", act=click("tools_present")),
    Fault("convviz.ui.jobs:forget_all", act=click("forget_my_data")),
    Fault(
        "convviz.ui.downloads:start_fetch",
        link={"network": "vgg16", "weights": "imagenet"},
        act=click("fetch_again"),
        lost=True,
    ),
    Fault(
        "convviz.ui.design.text:put",
        "pages/9_Design.py",
        act=lambda app: app.text_area(key="design_text").set_value("conv 8 3x3"),
    ),
    Fault("convviz.ui.design.text:delete", "pages/9_Design.py", act=click("design_delete")),
    Fault(SUBMIT, "pages/4_Reconstruction.py", {"series": "layer"}, click("start")),
    Fault(SUBMIT, "pages/4_Reconstruction.py", {"series": "amplify"}, click("start")),
    Fault(SUBMIT, "pages/5_Transfer_learning.py", {}, click("start")),
    Fault(SUBMIT, "pages/5_Transfer_learning.py", {"transfer": "separate"}, click("start")),
    Fault(SUBMIT, "pages/6_Training.py", {"watch": "live"}, click("start")),
    Fault(SUBMIT, "pages/7_Auxiliary_classifiers.py", {}, click("start")),
    Fault(SUBMIT, "pages/9_Design.py", {"design_view": "train"}, click("start")),
    Fault(SUBMIT, "pages/9_Design.py", {"design_view": "sweep"}, click("start")),
)
POLLS = (
    Fault("convviz.jobs.runner:LocalRunner.view", "pages/6_Training.py", {"watch": "live"}),
    Fault("convviz.ui.jobs:taking_turns", "pages/7_Auxiliary_classifiers.py"),
    Fault("convviz.ui.jobs:_draw_waiting", "pages/4_Reconstruction.py"),
)
# Callbacks themselves, which a page hands to its widgets when it is drawn.
HANDED_TO_WIDGETS = (":choose", "_choose_weights", ":_go", ":reset", ":_toggle", ":delete")
FAULTS = (*PAGE_CODE, *FRAGMENTS, *CACHES, *CALLBACKS)
# One of each kind is tried in every run.
ALWAYS = (PAGE_CODE[4], FRAGMENTS[0], CACHES[1], CALLBACKS[0], CALLBACKS[15])


def marked(faults: tuple[Fault, ...]) -> list[Any]:
    return [
        pytest.param(
            fault,
            id=str(fault),
            marks=() if fault in ALWAYS or fault in POLLS else pytest.mark.views,
        )
        for fault in faults
    ]


def failing(monkeypatch: pytest.MonkeyPatch, where: str) -> list[str]:
    """Let a function raise; return a list that gets an entry for each call."""
    calls: list[str] = []

    def fail(*_: object, **__: object) -> None:
        calls.append(where)
        raise RuntimeError(SECRET)

    module, _, name = where.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = name.split(".")
    for each in classes:
        owner = getattr(owner, each)
    monkeypatch.setattr(owner, name, fail)
    return calls


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage().removeprefix("error ")
        for record in caplog.records
        if record.name == errors.__name__ and record.levelno == logging.ERROR
    ]


def assert_one_sentence(app: AppTest, ids: list[str]) -> None:
    """Check that the page says one sentence with the log's one id, and nothing of the fault."""
    assert not app.exception
    said = {error.value for error in app.error}
    assert len(said) == 1
    assert re.findall(r"\(error (\w{8})\)", said.pop()) == ids
    assert_nothing_told(app)


def assert_nothing_told(app: AppTest) -> None:
    """Check that nothing of the fault is in what the page sends."""
    told = shown(app)
    for part in (SECRET, "/home/u", "token.txt", "RuntimeError", "Traceback"):
        assert part not in told


def assert_rest_stays(app: AppTest, fault: Fault) -> None:
    """Check that heading, sidebar and the way to the next page are there."""
    assert app.title
    if fault.where != "convviz.ui.navigation:Links.draw":
        assert "page_link" in {element.type for element in app.sidebar}
    if not fault.lost and fault.where != "convviz.ui.navigation:draw_next":
        assert "next" in shown(app)


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("fault", marked(FAULTS))
def test_a_fault_is_one_sentence_and_the_rest_of_the_page_stays(
    fault: Fault,
    open_page: OpenPage,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache.ACTIVATIONS.clear()
    st.cache_resource.clear()  # or what fails need not be called
    st.cache_data.clear()
    with monkeypatch.context() as patch:
        if fault.act is None or fault.where.endswith(HANDED_TO_WIDGETS):
            calls = failing(patch, fault.where)
            app = open_page(fault.page, **fault.link)
        else:
            app = open_page(fault.page, **fault.link)
            calls = failing(patch, fault.where)
        if fault.act is not None:
            assert [error.value for error in app.error] == []
            fault.act(app).run()
        assert calls
        ids = logged(caplog)
        assert len(ids) == 1
        assert_one_sentence(app, ids)
        assert_rest_stays(app, fault)
    app.run()
    assert [error.value for error in app.error] == []


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> LocalRunner:
    made = LocalRunner()
    monkeypatch.setattr(jobs, "runner", lambda: made)
    return made


def with_job(open_page: OpenPage, runner: LocalRunner, fault: Fault, work: Any) -> AppTest:
    """Open a page whose visitor has a job under way there."""
    app = open_page(fault.page, **fault.link)
    app.session_state[Entry.VISITOR] = OWNER
    folder = {"4": "reconstruction", "6": "training", "7": "auxiliary"}
    number = fault.page.rpartition("/")[2][0]
    runner.submit(work, owner=OWNER, title="mine", page=folder[number])
    return app


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("fault", marked(POLLS))
def test_a_poll_that_fails_again_and_again_is_said_and_logged_once(
    fault: Fault,
    open_page: OpenPage,
    runner: LocalRunner,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def wait(*, stop: Callable[[], bool]) -> Any:
        while not stop():
            pass
        yield 1

    try:
        app = with_job(open_page, runner, fault, wait)
        calls = failing(monkeypatch, fault.where)
        for _ in range(3):
            app.run()
            assert_one_sentence(app, logged(caplog))
        assert len(calls) >= 3
        assert len(logged(caplog)) == 1
        assert_rest_stays(app, fault)
    finally:
        runner.close()


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("pages/4_Reconstruction.py", {"series": "layer"}),
        ("pages/6_Training.py", {"watch": "live"}),
        ("pages/7_Auxiliary_classifiers.py", {}),
    ],
)
def test_a_job_that_fails_is_one_sentence_with_the_id_that_the_log_has(
    page: str,
    link: dict[str, str],
    open_page: OpenPage,
    runner: LocalRunner,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*, stop: Callable[[], bool]) -> Any:
        yield from ()
        raise RuntimeError(SECRET)

    try:
        app = with_job(open_page, runner, Fault("", page, link), fail)
        while any(view.live for view in runner.mine(OWNER)):
            pass
        (view,) = runner.mine(OWNER)
        app.query_params["job"] = view.id
        app.session_state[Entry.VISIT].link["job"] = view.id
        app.run()
        (told,) = [error.value.replace("\\", "") for error in app.error]
        (error_id,) = re.findall(r"error ([0-9a-f]{8})", told)
        (record,) = [record for record in caplog.records if record.name.endswith("jobs.runner")]
        assert error_id in record.getMessage()
        assert record.exc_info
        assert not app.exception
        assert_nothing_told(app)
    finally:
        runner.close()
