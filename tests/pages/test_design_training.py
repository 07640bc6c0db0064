"""The page Design trains: two designs from start to verdict, and a sweep from point to point."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from convviz.datasets.labelled_set import Dataset
from convviz.datasets.shapes import shapes
from convviz.ui import datasets

PAGE = "pages/9_Design.py"


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(kind: str) -> Dataset:
        assert kind == "distant-marks"  # what both views begin with
        return shapes(per_class=8)

    monkeypatch.setattr(datasets, "_generated", few)


def sound(app: AppTest) -> AppTest:
    assert [each.value for each in app.exception] == []
    assert [each.value for each in app.error] == []
    return app


def until(app: AppTest, is_over: Callable[[AppTest], bool]) -> AppTest:
    deadline = time.monotonic() + 60
    while not is_over(sound(app)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
        app.run()
    return app


def saves(app: AppTest) -> set[str]:
    return {element.label for element in app.get("download_button")}


def texts(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption))


@pytest.mark.usefixtures("few_images")
def test_two_designs_are_trained_from_start_to_verdict(open_page: Any) -> None:
    app = open_page(
        PAGE,
        **{"design_view": "train", "design_b": "change-norm", "design_equal": "epochs"},
        **{"design_epochs": "2", "design_seeds": "1"},
    )
    assert "Recorded: a small and a large receptive field" in [h.value for h in sound(app).header]
    app.button(key="start").click().run()
    app = until(app, lambda app: "Results (CSV)" in saves(app))
    assert "One seed:" in texts(app)
    assert "Guessing the largest class gives" in texts(app)
    table = next(f.value for f in app.dataframe if "seconds an epoch" in f.value.columns)
    assert list(table["epochs"]) == ["2", "2"]
    assert len(saves(app)) == 3
    assert "While they learned" in [h.value for h in app.header]
    layers = app.segmented_control(key="design_film_layer_0")
    layers.set_value(layers.options[-1])
    app = sound(app.run())
    assert "moments of the first seed's training" in texts(app)
    name = table["design"][1]
    app.switch_page("pages/1_Activations.py").run()
    assert name in app.selectbox(key="network").options[:2]


@pytest.mark.usefixtures("few_images")
def test_a_sweep_goes_from_point_to_point(open_page: Any) -> None:
    app = open_page(
        PAGE,
        **{"design_view": "sweep", "design_equal": "epochs", "design_epochs": "2"},
        **{"design_seeds": "1"},
    )
    (pills,) = [p for p in sound(app).get("button_group") if "Values of width" in p.label]
    pills.set_value([0.25, 0.5]).run()
    assert "2 variants of 1 seed, 2 epochs each." in texts(app)
    app.button(key="start").click().run()

    def is_over(app: AppTest) -> bool:
        return any(list(f.value.get("variant", [])) and len(f.value) == 2 for f in app.dataframe)

    app = until(app, is_over)
    assert "of 2 trained variants" in texts(app)
    assert "Sweep (CSV)" in saves(app)


def test_what_takes_too_long_is_said_before_anything_starts(open_page: Any) -> None:
    app = open_page(PAGE, design_view="train", design_seconds="60", design_seeds="8")
    assert [e.value for e in app.exception] == []
    assert any("8 seeds and 60 s make 960 s" in each.value for each in app.error)
    assert app.button(key="start").disabled
