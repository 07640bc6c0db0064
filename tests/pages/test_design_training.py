"""The page Design trains: two designs from start to verdict, and a sweep from point to point."""

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from convviz.datasets.labelled_set import Dataset
from convviz.datasets.shapes import shapes
from convviz.errors import SettingError
from convviz.learning.design_sweep import SweepProgress, train_points
from convviz.networks.design_link import from_link, to_link
from convviz.networks.design_starts import FIRST
from convviz.ui import datasets, handed_on, visitor
from convviz.ui.design import sweep
from tests.pages.guests import end_sharing, open_as_guest, share

PAGE = "pages/9_Design.py"
SWEEP = {"design_view": "sweep", "design_equal": "epochs", "design_epochs": "2"} | {
    "design_seeds": "1"
}


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handed_on.RUNS, "_by_id", {})

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
    hostile = re.sub("(?m)^name .*$", "name :red[A] **b** $x$", from_link(FIRST))
    app = open_page(
        PAGE,
        **{"design_view": "train", "design_b": "change-norm", "design_equal": "epochs"},
        **{"design_epochs": "2", "design_seeds": "1", "design": to_link(hostile)},
    )
    assert "Recorded: a small and a large receptive field" in [h.value for h in sound(app).header]
    app.button(key="start").click().run()
    app = until(app, lambda app: "Results (CSV)" in saves(app))
    assert "One seed:" in texts(app)
    assert "Guessing the largest class gives" in texts(app)
    table = next(f.value for f in app.dataframe if "seconds an epoch" in f.value.columns)
    assert list(table["epochs"]) == ["2", "2"]
    first, second = (f"{letter} · \\:red\\[A\\] \\*\\*b\\*\\* \\$x\\$" for letter in "AB")
    assert saves(app) == {
        *("Results (CSV)", f"{first} (safetensors)", f"{second}, norm (safetensors)"),
        *(f"{first} (Python)", f"{second}, norm (Python)"),
    }
    # Six classes in the place of ten: four times 84 weights and a bias less.
    assert "has 61,366 parameters here in the place of 61,706, since it gets 6 outputs" in texts(
        app
    )
    assert app.segmented_control(key="design_film_of").options == [first, f"{second}, norm"]
    assert "While they learned" in [h.value for h in app.header]
    layers = app.segmented_control(key="design_film_layer_0")
    layers.set_value(layers.options[-1])
    app = sound(app.run())
    assert "moments of the first seed's training" in texts(app)
    app.button(key="handed_on_share").click().run()
    link = parse_qs(urlsplit(str(sound(app).code[0].value)).query)
    assert link.keys() == {"design_view", "shared"}
    guest = sound(open_page(PAGE, **{key: value for key, (value,) in link.items()}))
    assert any("Somebody shared this result" in each.value for each in guest.info)
    shown = next(f.value for f in guest.dataframe if "seconds an epoch" in f.value.columns)
    assert shown.equals(table)
    assert saves(guest) == saves(app)
    name = table["design"][1]
    guest.switch_page("pages/1_Activations.py").run()
    assert name not in guest.selectbox(key="network").options  # nobody else's network
    app.switch_page("pages/1_Activations.py").run()
    assert name in app.selectbox(key="network").options[:2]


@pytest.mark.usefixtures("few_images")
def test_what_was_predicted_of_two_designs_is_answered_by_the_visitor_s_own_run(
    open_page: Any,
) -> None:
    link = {"design": "small-alexnet", "design_view": "train", "design_b": "change-norm"}
    more = {"design_equal": "epochs", "design_epochs": "2", "design_seeds": "2"}
    app = sound(open_page(PAGE, **link, **more))
    question = "Which design will classify more test pictures correctly?"
    assert question in texts(app)
    [radio] = [each for each in app.main.radio if each.label == question]
    assert radio.options == ["Design A", "Design B", "These seeds will not tell"]
    app = radio.set_value("neither").run()
    app = sound(app.button(key="questions_check").click().run())
    assert "the answer is that of your own run" in texts(app)
    app.button(key="start").click().run()
    app = until(app, lambda app: "Results (CSV)" in saves(app))
    [verdict] = [each.value for each in app.markdown if each.value.startswith("**“")] or [
        each.value for each in app.markdown if each.value.startswith("**No difference")
    ]
    [said] = [each.value for each in app.markdown if "you predicted" in each.value]
    assert plain_words(verdict) in plain_words(said)
    right = "neither" if verdict.startswith("**No difference") else "other"
    assert said.startswith("**As you predicted.**") == (right == "neither")
    # The same question, and its answer, in the course.
    app.switch_page("pages/0_Course.py")
    app.query_params["step"] = "better"
    app = sound(app.run())
    app.selectbox(key="step").set_value("better").run()
    assert plain_words(said) in plain_words(texts(app))
    # Another change is another question.
    app = sound(app.switch_page(PAGE).run())
    app.selectbox(key="design_b").set_value("change-wide").run()
    assert app.button(key="questions_check").disabled


def plain_words(text: str) -> str:
    return re.sub(r":primary\[([^\]]*)\]|[*\\]", r"\1", text)


@pytest.mark.usefixtures("few_images")
def test_a_sweep_goes_from_point_to_point(open_page: Any) -> None:
    app = start_two_variants(open_page)
    app = until(app, lambda app: variants(app) == 2)
    assert "of 2 trained variants" in texts(app)
    assert "Sweep (CSV)" in saves(app)
    shown = next(f.value for f in app.dataframe if "variant" in f.value)
    link = share(app)
    assert link.keys() == {"design_view", "shared"}
    guest = open_as_guest(open_page, PAGE, link)
    assert next(f.value for f in guest.dataframe if "variant" in f.value).equals(shown)
    assert "Sweep (CSV)" in saves(guest)
    guest.button(key="handed_on_close").click().run()
    assert variants(sound(guest)) == 0  # theirs is none
    end_sharing(open_page, PAGE, app, link)


def start_two_variants(open_page: Any) -> AppTest:
    app = open_page(PAGE, **SWEEP)
    (pills,) = [p for p in sound(app).get("button_group") if "Values of width" in p.label]
    pills.set_value([0.25, 0.5]).run()
    assert "2 variants with 1 seed, 2 epochs each." in texts(app)
    return app.button(key="start").click().run()


def variants(app: AppTest) -> int:
    return sum(len(f.value) for f in app.dataframe if "variant" in f.value)


@pytest.fixture
def one_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every visit be the same visitor's, as after a refresh."""
    secret = secrets.token_urlsafe(32)
    monkeypatch.setattr(visitor, "known_owner", lambda: secret)


@pytest.mark.usefixtures("few_images", "one_browser")
def test_a_sweep_goes_on_after_a_refresh(open_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def held(**arguments: Any) -> Iterator[SweepProgress]:
        for item in train_points(**arguments):
            yield item
            released.wait(5)

    monkeypatch.setattr(sweep, "train_points", held)
    # Too few seconds for two variants of 2 epochs in one run.
    short = SimpleNamespace(RUN_SECONDS=SimpleNamespace(value=7))
    monkeypatch.setattr(sweep, "limits", short)
    app = start_two_variants(open_page)
    assert "Variant 1 of 2" in texts(app)
    job = app.query_params["job"]
    app = open_page(PAGE, **SWEEP, job=job)
    assert "Variant 1 of 2" in texts(sound(app))
    assert "On generated shapes and textures; 1 seed of each variant, 2 epochs each." in texts(app)
    released.set()
    app = until(app, lambda app: variants(app) == 2)
    assert app.query_params["job"] != job
    assert "2 of 2 variants trained. On " in texts(app)

    # When it is over, another refresh shows it all, whatever is chosen for the next one.
    other = {"design_equal": "time", "design_seconds": "20"}
    app = open_page(PAGE, **(SWEEP | other), job=app.query_params["job"])
    assert variants(sound(app)) == 2
    assert "20 s each" in texts(app)
    assert "1 seed of each variant, 2 epochs each." in texts(app)
    # The first run's address has what that run has trained, and starts nothing.
    app = open_page(PAGE, **SWEEP, job=job)
    assert variants(sound(app)) == 1
    assert not app.button(key="design_sweep_go_on").disabled


@pytest.mark.usefixtures("one_browser")
def test_why_a_sweep_failed_stays_and_it_goes_on_with_its_own_pictures(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**arguments: Any) -> Iterator[SweepProgress]:
        for item in train_points(**arguments):
            yield item
            if item.over:
                raise SettingError("It broke *off*.")

    def few(kind: str) -> Dataset:
        return shapes(per_class=8 if kind == "distant-marks" else 9)

    monkeypatch.setattr(datasets, "_generated", few)
    monkeypatch.setattr(sweep, "train_points", broken)
    app = start_two_variants(open_page)
    deadline = time.monotonic() + 60
    while not app.error:
        assert time.monotonic() < deadline
        time.sleep(0.2)
        app.run()
    link = SWEEP | {"job": app.query_params["job"]}
    for again in (app.run(), open_page(PAGE, **link)):
        assert [each.value for each in again.error] == [r"It broke \*off\*."]
        assert variants(again) == 1
        assert "1 of 2 variants trained. On " in texts(again)
        assert not again.button(key="design_sweep_go_on").disabled
    app = open_page(PAGE, **link, data="shapes")
    assert variants(app) == 1
    assert app.button(key="design_sweep_go_on").disabled
    assert "To go on, choose the pictures of this sweep again" in texts(app)
    monkeypatch.setattr(sweep, "train_points", train_points)
    app.segmented_control(key="data").set_value("distant-marks").run()
    app.button(key="design_sweep_go_on").click().run()
    app = until(app, lambda app: variants(app) == 2)
    assert not [each for each in app.button if each.key == "design_sweep_go_on"]


@pytest.mark.usefixtures("few_images")
def test_a_sweep_leaves_out_what_cannot_be_trained_and_says_why(open_page: Any) -> None:
    wide = "name w\ninput 3x32x32\nconv 80 3x3 p1\nconv 80 3x3 p1\ngap\nfc 10"
    app = sound(open_page(PAGE, **SWEEP, design=to_link(wide)))
    assert "4 variants with 1 seed, 2 epochs each." in texts(app)
    (info,) = app.info
    assert info.value.startswith(
        "1 variant cannot be trained here and is left out, width 3: the network has 537,"
    )
    assert not app.button(key="start").disabled
    flat = open_page(PAGE, **SWEEP, design=to_link("input 3x32x32\ngap\nflatten"))
    assert [each.value for each in flat.error] == [
        "No variant can be trained here: There is nothing to widen: the design has no layer but "
        "the last."
    ]
    assert flat.button(key="start").disabled


def test_what_takes_too_long_is_said_before_anything_starts(open_page: Any) -> None:
    app = open_page(PAGE, design_view="train", design_seconds="60", design_seeds="8")
    assert [e.value for e in app.exception] == []
    assert any("8 seeds and 60 s make 960 s" in each.value for each in app.error)
    assert app.button(key="start").disabled
