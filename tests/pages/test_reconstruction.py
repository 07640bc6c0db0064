"""The page Reconstruction, run without a browser: the jobs are real, the steps few."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from streamlit.testing.v1 import AppTest

from convviz.jobs.job import JobView
from convviz.reconstruction import recorded
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.findings import recorded_settings, what_is_lost
from convviz.ui import jobs
from convviz.ui.reconstruction import settings
from convviz.weights.load import load

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


def series_shown(app: AppTest) -> str:
    """The names and errors under the tiles, from left to right."""
    return "\n".join(each.value for each in app.caption if each.value.startswith("**"))


def test_it_opens_with_the_recorded_series_of_the_image_and_the_network(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", image="koala")
    assert not app.exception
    assert not app.error
    runs = recorded.read(load("alexnet"), "koala").series.runs
    assert [run.subject.layer_title for run in runs] == [f"relu{n}" for n in (1, 2, 3, 4, 5)]
    shown = series_shown(app)
    for run in runs:
        name, error = run.subject.layer_title, run.result.relative_error
        said = re.search(rf"\*\*{name}\*\*\s+relative error (\S+)", shown)
        assert said is not None
        assert float(said[1]) == pytest.approx(error, rel=0.01)
    words = text(app)
    assert "Recorded: Koala, from 5 layers of AlexNet" in words
    assert what_is_lost(runs) in words
    assert recorded_settings(recorded.read(load("alexnet"), "koala")) in words
    assert "the weights are given and the ***pixels*** change" in words
    assert downloads(app) == ["Row of pictures (PNG)", "Numbers (CSV)"]
    assert app.get("plotly_chart")
    assert not button(app, "Start").disabled
    assert app.query_params["series"] == "depth"
    assert "job" not in app.query_params


def test_a_link_that_names_a_layer_or_a_view_opens_that(open_page: Any) -> None:
    layer = open_page(PAGE, network="alexnet", layer="features.1")
    assert layer.segmented_control(key="series").value == "layer"
    assert layer.selectbox(key="layer").value == "features.1"
    assert "Recorded:" not in text(layer)
    both = open_page(PAGE, network="alexnet", layer="features.1", series="depth")
    assert both.segmented_control(key="series").value == "depth"
    assert both.selectbox(key="layer").value == "features.1"
    assert "Recorded:" in text(both)


def test_until_a_layer_is_chosen_each_page_begins_with_its_own(open_page: Any) -> None:
    app = open_page("pages/1_Activations.py", network="alexnet")
    assert app.selectbox(key="layer").value == "features.0"
    app.switch_page(PAGE).run()
    assert app.selectbox(key="layer").value == "features.7"  # relu3, half-way
    assert app.segmented_control(key="series").value == "depth"
    app.switch_page("pages/2_Filters.py").run()
    assert app.selectbox(key="layer").value == "features.0"
    app.button(key="sidebar_layer_deeper").click().run()
    chosen = app.selectbox(key="layer").value
    assert chosen != "features.0"
    app.switch_page(PAGE).run()
    assert app.selectbox(key="layer").value == chosen


def test_where_nothing_is_recorded_it_says_why_and_can_be_started(
    open_page: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    untrained = open_page(PAGE, network="alexnet", weights="random")
    assert "was made with other weights; press Start" in text(untrained)
    other = open_page(PAGE, network="googlenet", image="cat")
    assert "No depth series of Cat with GoogLeNet comes with convviz; press Start" in text(other)
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(b"PK")
    monkeypatch.setattr(recorded, "file_of", lambda *names, folder: damaged)
    broken = open_page(PAGE, network="googlenet", image="dam")
    assert "The recorded depth series of Dam with GoogLeNet is damaged" in text(broken)
    for app in (untrained, other, broken):
        assert not app.exception
        assert not app.error
        assert "to come" in series_shown(app)
        assert not button(app, "Start").disabled
    app = broken
    app.segmented_control(key="series").set_value("layer").run()
    assert "is damaged" not in text(app)


def test_the_recorded_series_stays_while_a_run_waits_for_its_turn(
    open_page: Any, queued: Callable[[JobView], None]
) -> None:
    queued(JobView("1", "Coffee", "reconstruction", None, "queued", 2, 30.0))
    app = open_page(PAGE, network="googlenet")
    assert not app.exception
    words = text(app)
    assert "Number 2 in the queue" in words
    assert "Recorded: Coffee, from 6 layers of GoogLeNet" in words
    assert "the weights are given" in words
    one = open_page(PAGE, **LINK)
    assert "Number 2 in the queue" in text(one)
    assert "**y** will grow here" in text(one)
    assert "the weights are given" in text(one)
    assert not one.exception


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


def test_pictures_of_another_image_than_the_chosen_one_say_so_and_can_be_made_anew(
    page: Open,
) -> None:
    app = start(page(image="coffee"))
    assert "**x**, Coffee, as GoogLeNet sees it" in text(app)
    assert "These pictures belong to" not in text(app)
    before = app.query_params["job"]
    app.switch_page("app.py").run()
    app.button(key="home_sample_koala").click().run()
    app.switch_page(PAGE).run()
    app.number_input(key="most_steps").set_value(3)
    app.run()
    assert "These pictures belong to **Coffee**. The image chosen now is **Koala**." in text(app)
    button(app, "Start with Koala").click().run()
    until_ended(app)
    assert app.query_params["job"] != before
    assert "**x**, Koala, as GoogLeNet sees it" in text(app)
    assert "These pictures belong to" not in text(app)


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


def test_the_page_says_what_the_time_buys_and_the_usual_time_follows_the_measured_step(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = [0.1]
    monkeypatch.setattr(settings, "_measured_step", lambda *_: step[0])
    app = open_page(PAGE, network="googlenet", layer="inception4c", series="layer")
    assert app.select_slider(key="seconds").value == 12
    assert "About 120 steps in 12 seconds on this machine: enough for a picture." in text(app)
    step[0] = 0.58
    app.run()  # as on another layer
    assert app.select_slider(key="seconds").value == 60
    assert "About 100 steps in 60 seconds on this machine: enough for a picture." in text(app)
    app.select_slider(key="seconds").set_value(20).run()
    said = "About 34 steps in 20 seconds on this machine: a blur; 60 seconds for a picture."
    assert said in text(app)
    step[0] = 0.1
    app.run()
    assert app.select_slider(key="seconds").value == 20  # somebody has chosen it
    app.number_input(key="most_steps").set_value(3).run()
    assert "seconds on this machine" not in text(app)  # the steps end the run
    assert not app.exception


def test_of_an_early_layer_the_page_says_how_many_steps_and_not_what_they_are_good_for(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What so many steps are good for was found at deep layers."""
    monkeypatch.setattr(settings, "_measured_step", lambda *_: 0.5)
    app = open_page(PAGE, **LINK, series="layer")
    assert app.select_slider(key="seconds").value == 12  # 60 for a picture of a deep one
    assert "About 24 steps in 12 seconds on this machine." in text(app)
    app.selectbox(key="layer").set_value("inception4c").run()
    assert app.select_slider(key="seconds").value == 60
    assert "About 120 steps in 60 seconds on this machine: enough for a picture." in text(app)
    assert not app.exception


def test_the_step_is_measured_in_the_chosen_precision_with_a_runs_threads(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "threads_of_run", lambda: 4)
    monkeypatch.setattr(
        settings,
        "seconds_per_step",
        lambda network, layer, precision, threads: (
            {"auto": 0.125, "float32": 0.25}[precision] * threads
        ),
    )
    app = open_page(PAGE, **LINK, series="layer")
    app.select_slider(key="seconds").set_value(12).run()
    assert "About 24 steps in 12 seconds on this machine" in text(app)
    app.selectbox(key="precision").set_value("float32").run()
    assert "About 12 steps in 12 seconds on this machine" in text(app)
    assert not app.exception


def test_nothing_is_said_of_this_machine_where_others_do_the_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONVVIZ_CLUSTER", "tcp://127.0.0.1:8786")
    monkeypatch.setattr(settings, "_measured_step", lambda *_: 0.1)
    network = cast("Any", SimpleNamespace(name="alexnet"))
    layer = cast("Any", SimpleNamespace(index=3))
    config = ReconstructionConfig(layer="features.3")
    assert settings._step_seconds([(network, layer)], [config]) is None
    monkeypatch.delenv("CONVVIZ_CLUSTER")
    assert settings._step_seconds([(network, layer)], [config]) == 0.1


def test_where_no_step_can_be_measured_the_page_stands_without(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "_measured_step", lambda *_: None)
    app = open_page(PAGE, **LINK, series="layer")
    assert app.select_slider(key="seconds").value == 12
    assert "seconds on this machine" not in text(app)
    assert not app.exception


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


AMPLIFY = {"series": "amplify", "network": "googlenet", "layer": "conv1", "seconds": "4"}


def test_amplify_makes_an_image_that_the_layer_answers_more(open_page: Any) -> None:
    app = open_page(PAGE, **AMPLIFY, octaves="2", strength="0.05")
    assert not app.exception
    assert "give a layer more of what it already sees" in "\n".join(
        each.value for each in app.header
    )
    assert app.select_slider(key="octaves").value == 2
    assert app.select_slider(key="strength").value == 0.05
    app = start(app)
    said = next(each.value for each in app.markdown if "root mean square of" in each.value)
    before, after = map(float, re.findall(r"(-?[\d.]+) (?:before|after)", said))
    assert after > before
    assert "strength 0.05. Both numbers are measured on" in text(app)
    assert downloads(app) == ["Picture (PNG)", "Animation (GIF)", "Numbers (CSV)"]
    assert app.get("plotly_chart")
    assert "job" in app.query_params
    app.query_params.clear()


def test_amplify_is_stopped_and_its_frames_can_be_gone_through(open_page: Any) -> None:
    app = open_page(PAGE, **AMPLIFY | {"seconds": "60"}, octaves="1")
    button(app, "Start").click().run()
    end = time.monotonic() + 60
    while not re.search(r"Step [3-9]", " ".join(str(each.text) for each in app.get("progress"))):
        assert time.monotonic() < end, text(app)
        app.run()
    button(app, "Stop").click().run()
    app = until_ended(app)
    assert downloads(app) == ["Picture (PNG)", "Animation (GIF)", "Numbers (CSV)"]
    keys = [str(each.key) for each in app.select_slider]
    slider = app.select_slider(key=next(key for key in keys if "amplify_frame" in key))
    assert len(slider.options) > 1
    slider.set_value(int(slider.options[0])).run()
    assert f"After step {slider.options[0]} (" in text(app)
    assert not app.exception
    app.query_params.clear()


def test_amplify_keeps_a_channel_of_the_layer(open_page: Any) -> None:
    app = open_page(PAGE, **AMPLIFY, amplify="channel", amplify_channel="5")
    assert app.number_input(key="amplify_channel").value == 5
    assert not app.exception
    other = open_page(PAGE, **AMPLIFY, amplify="channel", amplify_channel="5000")
    assert other.number_input(key="amplify_channel").value == 0
    assert "5000" in text(other)  # the notice says what the link asked for
