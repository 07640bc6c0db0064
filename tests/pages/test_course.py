"""The page Course without a browser: its steps, their answers, and their laboratories."""

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from torch import nn

from convviz.features.predictions import predict
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.language import LANGUAGES, speaking, tr
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register
from convviz.ui.course import steps
from convviz.ui.keys import Entry
from convviz.weights.load import load
from tests.reconstruction.by_skimage import ssim

PAGE = "pages/0_Course.py"
STEPS = tuple(steps.by_name())
LESSONS = ("filters", "vgg", "bottleneck", "inception", "gap", "auxiliary")
FORMER = ("size", "stack", "bottleneck", "inception", "gap", "auxiliary")

OpenPage = Callable[..., AppTest]


def text(app: AppTest) -> str:
    """All that the page says in words and formulas."""
    said = [each.value for kind in ("markdown", "caption", "html") for each in app.get(kind)]
    return re.sub(r":primary\[([^\]]*)\]", r"\1", "\n".join(map(str, said)))  # words explained


def formulas(app: AppTest) -> str:
    return "\n".join(each.proto.body for each in app.get("html"))


def sound(app: AppTest) -> AppTest:
    assert [each.value for each in app.exception] == []
    assert [each.value for each in app.error] == []
    return app


def component_data(app: AppTest, key: str) -> dict[str, Any]:
    found = [each.proto for each in app.get("bidi_component") if key in each.proto.id]
    assert found, f"no component with the key {key}"
    data: dict[str, Any] = json.loads(found[0].json)
    return data


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("step", steps.STEPS, ids=lambda step: step.name)
def test_an_idea_is_short_and_a_question_has_a_choice(
    step: steps.CourseStep, language: str
) -> None:
    with speaking(language):
        idea, question = tr(step.idea), tr(step.question.text)
    assert 20 <= len(idea.split()) <= steps.MOST_WORDS
    assert idea.count("**") % 2 == 0
    assert question.endswith("?")
    assert len(step.question.options) >= 2


def predict_and_check(app: AppTest, option: int) -> AppTest:
    radio = app.main.radio[0]
    app = radio.set_value(list(radio.options)[option]).run()
    return sound(app.button(key="questions_check").click().run())


def test_a_visitor_walks_through_all_steps_and_what_was_predicted_stays(
    open_page: OpenPage,
) -> None:
    app = sound(open_page(PAGE, image="koala", network="alexnet"))
    for number, name in enumerate(STEPS, start=1):
        assert app.selectbox(key="step").value == name
        assert app.query_params["step"] == name
        assert app.button(key="questions_check").disabled
        app = predict_and_check(app, 0)
        if name == "better":
            assert "the answer is that of your own run" in text(app)
        else:
            [said] = [x for x in app.main.markdown if "predicted" in x.value]
            right = said.value.startswith("**As you predicted.**")
            assert right or said.value.startswith("**Otherwise than you predicted: ")
        assert f"{number} of {len(STEPS)} predictions checked" in text_of_progress(app)
        if number < len(STEPS):
            app = sound(app.button(key="course_next").click().run())
    assert app.button(key="course_next").disabled
    app = sound(app.button(key="course_back").click().run())
    assert app.main.radio[0].disabled
    assert any("predicted" in each.value for each in app.main.markdown)


def text_of_progress(app: AppTest) -> str:
    return " ".join(str(each.proto.text) for each in app.get("progress"))


def test_the_first_answer_is_that_of_the_image_and_network(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, image="koala", network="alexnet"))
    best = predict(load("alexnet"), decode(sample("koala").read()))[0]
    yes, no = app.main.radio[0].options
    app = predict_and_check(app, 0)
    [said] = [each.value for each in app.main.markdown if "predicted" in each.value]
    assert said.startswith("**As you") == (best.probability > 0.5)
    assert f"*{best.label}*" in said
    shown = re.search(r"([\d.]+) % of the probability", said)
    assert shown is not None
    assert float(shown[1]) == pytest.approx(100 * best.probability, abs=0.06)
    assert (yes, no) == ("Yes", "No")


def test_another_image_is_asked_anew(open_page: OpenPage) -> None:
    app = predict_and_check(open_page(PAGE, image="koala", network="alexnet"), 1)
    app.switch_page("app.py").run()
    app.button(key="home_sample_rocket").click().run()
    app = sound(app.switch_page(PAGE).run())
    assert app.button(key="questions_check").disabled
    assert "1 of 13 predictions" in text_of_progress(app)


def test_filters_stand_above_the_maps_that_they_make(open_page: OpenPage) -> None:
    for network, said in (("alexnet", "11 × 11 weights for"), ("googlenet", "7 × 7 weights for")):
        app = sound(open_page(PAGE, step="filters", network=network, image="koala"))
        assert f"stands the filter that makes it: {said} each of three colours" in text(app)
        drawn = [image.alt for each in app.main.get("image") for image in each.proto.imgs]
        pairs = [alt.split() for alt in drawn if alt.startswith(("filter", "channel"))]
        assert len(pairs) == 16
        for (first, a), (second, b) in zip(pairs[::2], pairs[1::2], strict=True):
            assert (first, second, a) == ("filter", "channel", b)


def test_a_first_layer_that_no_one_convolution_makes_has_its_maps_alone(
    open_page: OpenPage, fresh_registry: None
) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.relu = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.relu(self.a(x) + self.b(x))

    register(NetworkSpec("two", "Two", Two, 32))
    app = sound(open_page(PAGE, step="filters", network="two", weights="random"))
    assert "All 4 channels of Two's layer relu" in text(app)
    assert "Above each map" not in text(app)


def test_a_step_about_other_networks_than_the_chosen_one_says_so(open_page: OpenPage) -> None:
    said = "This step shows GoogLeNet, whichever network is chosen."
    assert said in text(sound(open_page(PAGE, step="gap", network="alexnet")))
    assert said not in text(sound(open_page(PAGE, step="gap", network="googlenet")))
    assert "This step" not in text(sound(open_page(PAGE, step="filters", network="alexnet")))


@pytest.mark.claims("convviz.ui.navigation.draw_start")
def test_home_goes_on_with_the_step_that_was_open_last(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, step="filters", network="alexnet", image="koala"))
    app = sound(app.switch_page("app.py").run())
    labels = [each.proto.label for each in app.main.get("page_link")]
    assert "**Course: go on with step 2 of 13**" in labels
    app = sound(app.switch_page(PAGE).run())
    assert app.selectbox(key="step").value == "filters"
    sound(app.button(key="course_back").click().run())
    app = sound(app.switch_page("app.py").run())
    labels = [each.proto.label for each in app.main.get("page_link")]
    assert "**New here? Start the course**" in labels


@pytest.mark.parametrize(("asked", "opened"), [("3", "alexnet"), ("gap", "gap")])
def test_a_link_opens_a_step(open_page: OpenPage, asked: str, opened: str) -> None:
    app = sound(open_page(PAGE, step=asked, network="alexnet"))
    assert app.selectbox(key="step").value == opened
    assert not app.info


@pytest.mark.parametrize("asked", ["0", "14", "nothing"])
def test_a_link_to_no_step_is_told_so(open_page: OpenPage, asked: str) -> None:
    app = sound(open_page(PAGE, step=asked, network="alexnet"))
    assert app.selectbox(key="step").value == STEPS[0]
    assert f"“{asked}”, which does not exist" in app.info[0].value


# Of each step: the page that it hands over to, and the values of widgets there.
HANDED_OVER: dict[str, tuple[str, dict[str, object]]] = {
    "encoder": ("Look inside a ConvNet", {"network": "alexnet", "weights": "encoder"}),
    "filters": ("Filters", {"network": "alexnet", "layer": "features.1"}),
    "alexnet": ("Architectures", {"network": "alexnet", "architectures": "layers"}),
    "vgg": ("Architectures", {"architectures": "compare"}),
    "bottleneck": ("Activations", {"network": "googlenet", "layer": "inception4a.branch3.0"}),
    "inception": ("Activations", {"network": "googlenet", "layer": "inception4a"}),
    "gap": ("Evidence", {"network": "googlenet", "weights": "bundled"}),
    "auxiliary": ("Auxiliary classifiers", {"aux_weight": 0.3, "aux_start": "lecun"}),
    "empty": ("Activations", {"network": "alexnet", "view": "All layers"}),
    "reconstruction": ("Reconstruction", {"network": "alexnet", "layer": "features.11"}),
    "transfer": ("Transfer learning", {"network": "alexnet"}),
    "training": ("Training", {"watch": "recorded", "recorded_layer": "conv3"}),
    "better": (
        "Design",
        {
            **{"design_view": "train", "design_a": "at-hand", "design_b": "change-norm"},
            **{"design_seconds": 10, "design_seeds": 3, "data": "shapes"},
        },
    ),
}


def test_every_step_hands_over() -> None:
    assert list(HANDED_OVER) == list(STEPS)


def chosen(app: AppTest, key: str) -> object:
    kinds = ("selectbox", "segmented_control", "pills", "select_slider", "number_input", "radio")
    found = [each for kind in kinds for each in app.get(kind) if each.key == key]
    found += [each for each in app.get("button_group") if each.key == key]
    assert found, f"no widget with the key {key}"
    return found[0].value


@pytest.mark.parametrize("step", HANDED_OVER)
def test_a_step_hands_over_to_the_full_page_with_everything_set(
    open_page: OpenPage, step: str
) -> None:
    title, values = HANDED_OVER[step]
    # What was looked at before does not come along.
    app = open_page(PAGE, step=step, network="alexnet", image="koala")
    app = sound(app.button(key="course_further").click().run())
    assert app.title[0].value == title
    assert {key: chosen(app, key) for key in values} == values
    assert app.query_params["image"] == "koala"
    assert not app.info or "does not exist" not in app.info[0].value


def test_a_network_without_maps_gets_a_sentence(open_page: OpenPage, fresh_registry: None) -> None:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4))
    register(NetworkSpec(name="flat", title="Flat", build=lambda: flat, input_size=32))
    for step in ("filters", "empty", "transfer"):
        app = open_page(PAGE, step=step, network="flat", weights="random")
        assert [each.value for each in app.exception] == []
        said = {each.value for each in app.error}
        assert said == {"Flat has no maps: choose a ConvNet."}, step


@pytest.mark.parametrize(("former", "step"), list(zip(FORMER, LESSONS, strict=True)))
def test_an_older_link_to_a_lesson_opens_its_step(
    open_page: OpenPage, former: str, step: str
) -> None:
    name = "view" if former == "size" else "architectures"  # the first name, and the later one
    link = {name: "lessons", "lesson": former}
    app = sound(open_page("pages/3_Architectures.py", network="alexnet", **link))
    assert app.selectbox(key="step").value == step
    assert app.toggle(key="laboratory").value is True
    assert not app.info


@pytest.mark.parametrize("step", LESSONS)
def test_every_lesson_makes_its_point_first(open_page: OpenPage, step: str) -> None:
    app = sound(open_page(PAGE, laboratory="True", step=step))
    points = [each.value for each in app.markdown if each.value.count("**") >= 2]
    assert points


def test_output_size_with_what_is_dropped(open_page: OpenPage) -> None:
    app = open_page(PAGE, laboratory="True", step="filters")
    assert "(227 − 11 + 0)/4 + 1 = 55" in formulas(app)
    app.slider(key="n").set_value(224).run()
    assert "⌊(224 − 11 + 0)/4⌋ + 1 = ⌊53.25⌋ + 1 = 54" in formulas(app)
    assert component_data(app, "course_sliding")["dropped"] == 1
    app.selectbox(key="course_size_example").set_value("277").run()
    assert component_data(sound(app), "course_sliding")["dropped"] == 2
    assert "7 × 7 × 256 = 12,544" in text(app)  # what would reach fc6, which expects 9,216


def test_bad_input_gets_a_sentence(open_page: OpenPage) -> None:
    app = open_page(PAGE, laboratory="True", step="filters")
    app.slider(key="s").set_value(0).run()
    assert "the kernel would never move on; choose 1 or more" in app.error[0].value
    app.slider(key="s").set_value(1)
    app.slider(key="n").set_value(5).run()
    assert "A kernel that spans 11 pixels does not fit into 5" in app.error[0].value
    app = open_page(PAGE, laboratory="True", step="bottleneck", branch="free")
    app.number_input(key="kernel_large").set_value(0).run()
    assert "The kernel cannot be 0: choose 1 or more." in app.error[0].value


def test_stacking_and_bottleneck_have_the_courses_numbers(open_page: OpenPage) -> None:
    stack = open_page(PAGE, laboratory="True", step="vgg")
    assert "18 weights instead of 25" in text(stack)
    assert "2·3·3·64·64 = 73,728" in formulas(stack)
    narrow = open_page(PAGE, laboratory="True", step="bottleneck")
    assert "112.9 M MACs into 5.3 M" in text(narrow)
    assert "14·14·5·5·480·48 = 112,896,000" in formulas(narrow)


def test_gap_takes_the_score_apart_on_the_visitors_image(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, laboratory="True", step="gap", network="alexnet", weights="random"))
    assert "512·1,000 + 1,000 = 513,000" in formulas(app)
    assert "score of" in formulas(app)
    assert any("which comes with convviz" in each.value for each in app.caption)
    assert len(app.main.get("image")) == 1 + 9  # the figure of the step comes first


def test_auxiliary_heads_bring_gradients_where_the_network_needs_them(
    open_page: OpenPage,
) -> None:
    app = sound(open_page(PAGE, laboratory="True", step="auxiliary"))
    assert "hardly anything arrives at any stage" in text(app)
    assert "With the auxiliary losses the gradient at conv1 is **" in text(app)
    assert component_data(app, "course_heads")["marks"] == {
        "inception4a.cat()": "aux1",
        "inception4d.cat()": "aux2",
    }
    app.selectbox(key="trained_form").set_value("googlenet").run()
    assert "the main loss arrives at conv1 without help" in text(sound(app))


def test_an_image_of_ones_own_is_made_again_in_the_course(open_page: OpenPage) -> None:
    """No recorded series is of it, so the step makes one, and its answer is of that."""
    app = open_page(PAGE, step="reconstruction", network="alexnet")
    app.session_state["sidebar_change_image"] = True  # the menu is open
    app.run()
    photograph = decode(sample("rocket").read()).crop((40, 20, 300, 280))
    buffer = io.BytesIO()
    photograph.save(buffer, "PNG")
    app.file_uploader(key="side_upload").upload("launch.png", buffer.getvalue(), "image/png")
    sound(app.run())
    assert "launch.png, made again from layers of AlexNet in 15 steps for each." in text(app)
    own = app.session_state[Entry.VISIT].own_image
    runs = steps._made_here(load("alexnet", "encoder", fetch=False), own)
    assert [run.subject.image for run in runs] == ["launch.png"] * 5
    originals, images = (
        [Image.open(io.BytesIO(data)).convert("RGB") for data in each]
        for each in ([run.original for run in runs], [run.image for run in runs])
    )
    alike = [ssim(*pair) for pair in zip(originals, images, strict=True)]
    assert alike == pytest.approx([run.result.ssim for run in runs if run.result], abs=1e-3)
    assert alike[0] > 0.8
    assert alike[0] > alike[-1] + 0.2  # the deeper, the less comes back
