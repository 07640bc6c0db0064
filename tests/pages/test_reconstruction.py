"""The page Reconstruction, run without a browser: the jobs are real, the steps few."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

PAGE = "pages/4_Reconstruction.py"
LINK = {"network": "googlenet", "layer": "conv1"}
Open = Callable[..., AppTest]


@pytest.fixture
def page(open_page: Any) -> Open:
    def opened(**link: str) -> AppTest:
        app = open_page(PAGE, **{**LINK, **link})
        assert not app.exception
        app.number_input(key="most_steps").set_value(3)
        return app.run()

    return opened


def button(app: AppTest, label: str) -> Any:
    return next(button for button in app.button if button.label == label)


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def downloads(app: AppTest) -> list[str]:
    return [element.proto.label for element in app.get("download_button")]


def layers_picker(app: AppTest) -> Any:
    return next(widget for widget in app.multiselect if widget.label == "Layers")


def text(app: AppTest) -> str:
    elements = (*app.markdown, *app.caption, *app.header, *app.info, *app.warning, *app.error)
    return "\n".join(element.value for element in elements)


def start(app: AppTest) -> AppTest:
    button(app, "Start").click().run()
    return until_ended(app)


def until_ended(app: AppTest) -> AppTest:
    end = time.monotonic() + 60
    while any(label in labels(app) for label in ("Stop", "Leave the queue")):
        assert time.monotonic() < end, text(app)
        app.run()
    assert not app.exception
    return app


def test_the_idea_is_told_before_the_first_run(page: Open) -> None:
    app = page()
    words = text(app)
    assert "here the weights are given and the ***pixels*** change" in words
    assert "Mahendran & Vedaldi" in words
    assert app.get("bidi_component")  # the drawing
    assert "job" not in app.query_params
    assert not app.metric


def test_a_run_ends_with_numbers_pictures_and_everything_to_save(page: Open) -> None:
    app = start(page())
    assert [metric.label for metric in app.metric] == ["Relative error", "PSNR", "SSIM"]
    error = app.metric[0].value
    assert f"A relative error of {error} means" in text(app)
    assert f"{100 * float(error):.0f} % of the length" in text(app).replace("\xa0", " ")
    assert "after 3 steps" in text(app)
    assert "From step 1 to step 3 the relative error" in text(app)
    assert "with the original of" in text(app)
    assert "4 other photographs" in text(app)
    assert "settled" not in text(app).split("**How far a run")[0]
    assert "How we know" in [expander.label for expander in app.expander]
    assert downloads(app) == ["Picture (PNG)", "Animation (GIF)", "Loss (CSV)"]
    assert app.get("plotly_chart")
    assert "What GoogLeNet takes them for" in text(app)
    assert app.query_params["job"]


def test_the_frames_can_be_gone_through(page: Open) -> None:
    app = start(page())
    slider = app.select_slider(key=next(s.key for s in app.select_slider if "frame" in s.key))
    assert slider.options[-1] == "3"
    slider.set_value(int(slider.options[0])).run()
    assert f"after step {slider.options[0]}" in text(app)
    assert not app.exception


def test_going_on_adds_to_the_steps(page: Open) -> None:
    app = start(page())
    before = app.query_params["job"]
    button(app, "Continue from here").click().run()
    until_ended(app)
    assert app.query_params["job"] != before
    assert "after 6 steps" in text(app)


def test_a_depth_series_fills_in_and_says_what_it_shows(page: Open) -> None:
    app = page(series="depth")
    picker = layers_picker(app)
    assert len(picker.value) >= 5
    picker.set_value(["inception3a", "conv1"]).run()
    start(app)
    words = text(app)
    assert "Coffee, from 2 layers of GoogLeNet" in words
    assert words.index("**conv1**") < words.index("**inception3a**")
    assert words.count("relative error 0") + words.count("relative error 1") >= 2
    assert "From conv1 to inception3a" in words or "give each more time" in words
    assert downloads(app) == ["Row of pictures (PNG)", "Numbers (CSV)"]


def test_networks_are_compared_at_about_the_same_depth(page: Open) -> None:
    app = page(series="networks")
    words = text(app)
    assert "conv1 of GoogLeNet" in words
    assert " of AlexNet" in words
    assert " of VGG16" in words
    assert "not here yet" not in words


def test_many_pictures_share_the_time_of_one_job(page: Open) -> None:
    app = page(series="depth", seconds="240")
    seconds = app.select_slider(key="seconds")
    pictures = len(layers_picker(app).value)
    assert seconds.value * pictures <= 270
    assert "does not exist" not in text(app)


def test_nothing_chosen_is_nothing_to_start(page: Open) -> None:
    app = page(series="depth")
    layers_picker(app).set_value([]).run()
    assert button(app, "Start").disabled
    assert not app.exception


def test_a_run_that_fails_says_why(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from convviz.errors import ReconstructionError
    from convviz.reconstruction import progress

    def fails(*args: object, **kwargs: object) -> None:
        raise ReconstructionError("The loss is not a number any more.")

    monkeypatch.setattr(progress, "reconstruct", fails)
    app = start(page())
    assert [error.value for error in app.error] == ["The loss is not a number any more."]


def test_the_link_of_somebody_elses_run_shows_nothing_of_it(page: Open) -> None:
    job = start(page()).query_params["job"]
    stranger = page(job=job)
    assert "no longer exists" in text(stranger)
    assert not stranger.metric


def test_advanced_settings_outlast_a_look_at_another_page(page: Open) -> None:
    app = page()
    app.selectbox(key="optimizer").set_value("adam")
    app.selectbox(key="precision").set_value("float32")
    app.number_input(key="decay").set_value(1.5)
    app.number_input(key="seed").set_value(7).run()
    app.number_input(key="decay").set_value(None).run()
    app.switch_page("app.py").run()
    app.switch_page(PAGE).run()
    assert not app.exception
    assert app.selectbox(key="optimizer").value == "adam"
    assert app.selectbox(key="precision").value == "float32"
    assert app.number_input(key="decay").value is None
    assert app.number_input(key="seed").value == 7
    assert app.number_input(key="most_steps").value == 3
    assert not {"optimizer", "precision", "seed", "most_steps"} & set(app.query_params)
