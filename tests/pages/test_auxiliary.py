"""The page Auxiliary classifiers: settings, a training of two networks, and what came of it."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from convviz.datasets.labelled_set import Dataset
from convviz.datasets.shapes import shapes
from convviz.errors import RecordingError
from convviz.jobs.job import JobView
from convviz.learning import auxiliary_recording
from convviz.learning import findings as learning_findings
from convviz.learning.auxiliary import Settings
from convviz.ui import datasets, handed_on
from convviz.ui.auxiliary import findings as auxiliary_findings
from convviz.ui.auxiliary import settings

PAGE = "pages/7_Auxiliary_classifiers.py"


@pytest.fixture(autouse=True)
def little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(kind: str) -> Dataset:
        assert kind == datasets.SHAPES
        return shapes(per_class=4)

    monkeypatch.setattr(datasets, "_generated", few)
    monkeypatch.setattr(settings, "_STEPS", (4, 100))
    monkeypatch.setattr(settings, "_DEFAULTS", Settings(steps=4))


def until(app: AppTest, done: Callable[[AppTest], bool]) -> AppTest:
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        app.run()
        if done(app) or app.error:
            return app
        time.sleep(0.3)
    raise AssertionError("the training did not end")


def ended(app: AppTest) -> bool:
    over = any(each.label == "Curves and gradients (CSV)" for each in app.get("download_button"))
    recorded = any(each.value.startswith("Recorded:") for each in app.header)
    return over and not recorded


@pytest.mark.claims("convviz.ui.auxiliary.page._draw_idea")
def test_opens_with_the_papers_weight_and_a_drawing(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet")
    assert not app.exception
    assert not app.error
    assert app.select_slider(key="aux_weight").value == 0.3
    drawing = next(each for each in app.get("html") if "convviz-heads" in each.proto.body)
    assert drawing.proto.body.count("loss × 0.3") == 2
    assert "§5" in " ".join(each.value for each in app.markdown)


def test_opens_with_a_recorded_run_and_its_verdict(open_page: Any) -> None:
    app = open_page(PAGE)
    assert not app.exception
    recording = auxiliary_recording.read()
    said = "\n".join(each.value for each in app.markdown)
    first = recording.comparisons[0]
    assert learning_findings.learning(first) in said
    assert learning_findings.gradients(first) in said
    assert auxiliary_findings.recorded(recording) in [each.value for each in app.caption]
    assert "Recorded: with and without auxiliary losses" in [each.value for each in app.header]
    assert len(app.get("plotly_chart")) == 3
    assert app.button(key="start").label == "Start"
    assert not app.button(key="start").disabled
    assert not any(button.key == "stop" for button in app.button)


def test_a_damaged_recording_is_one_sentence(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise RecordingError("The recorded run is damaged.")

    monkeypatch.setattr(auxiliary_recording, "read", fails)
    st.cache_resource.clear()
    app = open_page(PAGE)
    assert not app.exception
    assert [each.value for each in app.info] == ["The recorded run is damaged."]
    assert not app.get("plotly_chart")


def test_the_recorded_run_stays_while_a_training_waits_for_its_turn(
    open_page: Any, queued: Callable[[JobView], None]
) -> None:
    queued(JobView("1", "Auxiliary losses", "auxiliary", None, "queued", 1, 30.0))
    app = open_page(PAGE)
    assert not app.exception
    assert any("Next to run" in each.value for each in app.info)
    assert len(app.get("plotly_chart")) == 3


def test_the_link_says_how_they_are_trained(open_page: Any) -> None:
    app = open_page(PAGE, aux_weight="0.5", aux_norm="True", aux_start="he", aux_seed="7")
    assert app.selectbox(key="aux_norm").value is True
    assert app.selectbox(key="aux_start").value == "he"
    assert app.number_input(key="aux_seed").value == 7
    assert "main + 0.5 · aux1" in " ".join(each.value for each in app.caption)


def test_trains_both_and_says_what_the_numbers_show(open_page: Any) -> None:
    app = open_page(PAGE)
    app.button(key="start").click()
    until(app, ended)
    assert not app.exception
    assert not app.error
    said = " ".join(each.value for each in app.markdown)
    assert "**Before the first step.** With the main loss alone the gradient is " in said
    assert "**After 4 steps.** With the auxiliary losses the gradient at conv1 is " in said
    assert "of the 6 validation pictures are named correctly" in said
    assert len(app.get("plotly_chart")) == 3
    table = app.dataframe[0].value
    assert list(table["auxiliary losses"]) == ["with, weight 0.3", "without"]
    assert set(table["parameters kept"]) == {"89,984"}
    slider = next(each for each in app.select_slider if each.label == "Step")
    slider.set_value(4).run()
    assert not app.exception
    assert any(each.value.startswith("After 4 steps") for each in app.caption)
    app.run()
    assert ended(app)


def test_stop_keeps_what_there_is(open_page: Any) -> None:
    app = open_page(PAGE, aux_steps="100")
    app.button(key="start").click()
    until(app, lambda each: any(button.key == "stop" for button in each.button))
    app.button(key="stop").click()
    until(app, lambda each: not any(button.key == "stop" for button in each.button))
    assert not app.exception
    assert app.info
    assert not app.button(key="start").disabled


def test_a_comparison_can_be_handed_on(open_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handed_on.RUNS, "_by_id", {})
    app = open_page(PAGE)
    app.button(key="start").click()
    until(app, ended)
    table = app.dataframe[0].value
    assert app.button(key="handed_on_share").label == "Share for a day"
    app.button(key="handed_on_share").click().run()
    assert any("sees the result, for about a day more" in each.value for each in app.caption)
    (shared,) = re.findall(r"\?shared=([A-Za-z0-9_-]{32})$", str(app.code[0].value))
    guest = open_page(PAGE, shared=shared)
    assert not guest.exception
    assert any("Somebody shared this result" in each.value for each in guest.info)
    assert guest.dataframe[0].value.equals(table)
    assert ended(guest)
    app.button(key=f"handed_on_stop:{shared}").click().run()
    late = open_page(PAGE, shared=shared)
    assert any("is not shared, or no longer" in each.value for each in late.info)
    assert any(each.value.startswith("Recorded:") for each in late.header)
