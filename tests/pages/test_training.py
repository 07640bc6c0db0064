"""The page Training: a recorded training moment by moment, and one that is run here."""

import io
import re
import time
import zipfile
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from convviz.datasets.labelled_set import Dataset
from convviz.datasets.shapes import shapes
from convviz.learning import recording
from convviz.ui import datasets, handed_on
from convviz.ui.training import live

PAGE = "pages/6_Training.py"


def captions(app: AppTest) -> str:
    return " ".join(element.value for element in app.caption)


def saves(app: AppTest) -> set[str]:
    return {element.label for element in app.get("download_button")}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(kind: str) -> Dataset:
        assert kind == datasets.SHAPES
        return shapes(per_class=6)

    monkeypatch.setattr(datasets, "_generated", few)
    monkeypatch.setattr(live, "_SECONDS", (1, 40))


def finished(app: AppTest) -> AppTest:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        app.run()
        if "Curves (CSV)" in saves(app) or app.error:
            return app
        time.sleep(0.3)
    raise AssertionError("the training did not end")


def test_opens_with_the_recording_without_any_weights(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet")
    assert not app.exception
    assert not app.error
    assert app.segmented_control(key="watch").value == "recorded"
    assert "The green line is the moment shown above" in captions(app)
    assert "first 2,000 of the 10,000 validation pictures" in captions(app)
    assert "would stay at 0.85, not at 0" in captions(app)
    assert saves(app) == {"Kernels (PNG)", "Maps (PNG)", "Loss (CSV)"}
    assert len(app.main.get("button_group")) == 1


def test_a_link_opens_a_moment_and_a_layer(open_page: Any) -> None:
    app = open_page(PAGE, moment="300", recorded_layer="inception3a", image="coffee")
    assert not app.exception
    assert app.selectbox(key="recorded_layer").value == "inception3a"
    assert app.session_state["moment"] == 300
    assert app.query_params["moment"] == "300"


def test_a_moment_that_was_not_recorded_is_said_so(open_page: Any) -> None:
    app = open_page(PAGE, moment="7")
    assert not app.exception
    assert any("moment “7”" in element.value for element in app.info)
    assert app.session_state["moment"] == recording.steps()[0]


def test_a_training_is_told_what_it_will_be(open_page: Any) -> None:
    app = open_page(PAGE, watch="live", live_depth="2", live_width="8")
    assert not app.exception
    assert "3 × 48 × 48 → 8 × 24 × 24 → 16 × 12 × 12 → global average pooling: 16" in captions(app)
    assert "learning rate 0.01, 40 seconds" in captions(app)
    assert not app.button(key="start").disabled


def test_the_deadly_rate_switches_batch_norm_off_and_the_usual_one_on(open_page: Any) -> None:
    app = open_page(PAGE, watch="live")
    assert app.toggle(key="live_norm").value
    app.radio(key="live_rate").set_value("deadly").run()
    assert not app.toggle(key="live_norm").value
    assert "stays dead" in captions(app)
    app.toggle(key="live_norm").set_value(True).run()
    assert "switch it off to compare" in captions(app)
    app.radio(key="live_rate").set_value("usual").run()
    assert app.toggle(key="live_norm").value
    app = open_page(PAGE, watch="live", live_rate="deadly")
    assert not app.toggle(key="live_norm").value


@pytest.mark.usefixtures("quick")
def test_trains_counts_and_saves(open_page: Any) -> None:
    app = open_page(PAGE, watch="live", live_seconds="1", live_rate="deadly")
    app.button(key="start").click()
    app = finished(app)
    assert not app.exception
    assert not app.error
    assert saves(app) == {"Kernels (PNG)", "Maps (PNG)", "Curves (CSV)"}
    numbers = {element.label: element.value for element in app.metric}
    empty, of = re.findall(r"\d+", numbers["Empty channels"])
    assert int(of) == 16 + 32 + 64
    assert int(empty) <= int(of)
    assert "any of 12 validation pictures" in captions(app)
    # Six equal classes: one sixth.
    assert "always naming the largest class would name 17 % of them correctly" in captions(app)
    assert app.segmented_control(key="live_layer").value == "relu2"
    app.segmented_control(key="live_layer").set_value("relu1").run()
    assert not app.exception
    assert "earlier image" not in captions(app)
    app.session_state["sidebar_change_image"] = True
    app.run()
    app.button(key="side_sample_koala").click().run()
    assert "are of your earlier image, Coffee:" in captions(app)
    assert not app.exception


@pytest.mark.usefixtures("quick")
def test_a_training_can_be_handed_on(open_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handed_on.RUNS, "_by_id", {})
    app = open_page(PAGE, watch="live", live_seconds="1", image="koala")
    app.button(key="start").click()
    app = finished(app)
    numbers = {element.label: element.value for element in app.metric}
    app.button(key="handed_on_share").click().run()
    assert not app.exception
    link = parse_qs(urlsplit(str(app.code[0].value)).query)
    assert link.keys() == {"watch", "shared"}
    assert "sees the result and its image" in captions(app)
    guest = open_page(PAGE, **{key: value for key, (value,) in link.items()})
    assert not guest.exception
    assert any("Somebody shared this result" in each.value for each in guest.info)
    assert {element.label: element.value for element in guest.metric} == numbers
    assert "earlier image" not in captions(guest)  # it is not the guest's
    guest.button(key="handed_on_close").click().run()
    assert not guest.metric
    elsewhere = open_page("pages/7_Auxiliary_classifiers.py", shared=link["shared"][0])
    assert not elsewhere.exception
    assert not any("Somebody shared" in each.value for each in elsewhere.info)


@pytest.mark.usefixtures("quick")
def test_learns_from_a_zip_too(open_page: Any) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("*red*", "blue"):
            for k in range(4):
                picture = io.BytesIO()
                Image.new("RGB", (48 + k, 40), name.strip("*")).save(picture, "PNG")
                archive.writestr(f"{name}/{k}.png", picture.getvalue())
    app = open_page(PAGE, watch="live", data="zip", live_seconds="1")
    assert app.button(key="start").disabled
    upload = app.file_uploader(key="training_zip")
    upload.upload("my *colours*.zip", file.getvalue(), "application/zip").run()
    app.button(key="start").click()
    app = finished(app)
    assert not app.exception
    assert not app.error
    assert any("\\*colours\\*" in element.value for element in app.header)
