"""The page Evidence."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from convviz.cli import main
from convviz.features.class_target import ClassTarget, decoder_input
from convviz.features.grad_cam import grad_cam
from convviz.features.predictions import predict
from convviz.features.saliency import randomised, similarity
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.ui import exports
from convviz.ui.evidence import findings, worse
from convviz.weights.load import load
from tests.own_networks import CLASSES, PATCHES, RESIDUAL

PAGE = "pages/8_Evidence.py"


def text_of(app: AppTest) -> str:
    elements = (*app.header, *app.subheader, *app.markdown, *app.caption, *app.info, *app.warning)
    return " ".join(str(element.value) for element in elements)


def two_decimals(value: float) -> str:
    text = f"{value:.2f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "−")


def maps_of(app: AppTest) -> list[dict[str, Any]]:
    return [
        json.loads(each.proto.json)
        for each in app.get("bidi_component")
        if each.proto.component_name == "convviz_channel_map"
    ]


def test_it_opens_with_grad_cam_of_the_most_probable_class_at_the_last_maps(
    open_page: Any,
) -> None:
    app = open_page(PAGE, network="googlenet", image="cat")
    assert not app.exception
    assert not app.error
    network, image = load("googlenet", "bundled", fetch=False), decode(sample("cat").read())
    best = predict(network, image)[0]
    assert f"Score of **{best.label}**" in text_of(app)
    assert app.selectbox(key="layer").value == "inception5b"
    expected = grad_cam(network, image, "inception5b", ClassTarget(best.index)).map
    shown = maps_of(app)[0]
    assert [shown["height"], shown["width"]] == list(expected.shape)
    assert "class activation mapping" in text_of(app)
    assert "Which channels" in text_of(app)
    falls = re.findall(r"adds (−?[\d.]+); switched off, the score (falls|rises) by", text_of(app))
    assert len(falls) == 10


def test_another_class_method_and_layer(open_page: Any) -> None:
    app = open_page(
        PAGE, network="alexnet", layer="features.8", **{"class": "tabby", "method": "layercam"}
    )
    assert not app.exception
    assert not app.error
    assert "Score of **tabby**" in text_of(app)
    assert app.selectbox(key="method").value == "layercam"
    app.select_slider(key="evidence_scrub").set_value("features.4").run()
    assert app.selectbox(key="layer").value == "features.4"
    over, alone = maps_of(app)[:2]
    assert over["levels"] == alone["levels"]
    assert (over["blend"], "photograph" in alone) == (0.75, False)
    app.slider(key="blend").set_value(20).run()
    assert maps_of(app)[0] == over | {"blend": 0.2}
    app.selectbox(key="against").set_value("Persian cat").run()
    assert "tabby and not Persian cat" in text_of(app)
    app.selectbox(key="against").set_value("tabby").run()
    assert "cannot be compared with itself" in text_of(app)


def test_guided_backpropagation_is_put_to_the_test(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", method="guided")
    assert "Adebayo" in text_of(app)
    app.toggle(key="evidence_randomised").set_value(True).run()
    assert not app.exception
    assert not app.error
    assert re.search(r"With a decoder of random numbers the picture (stays|changes)", text_of(app))


@pytest.mark.parametrize("view", ["Is it true?", "A worse image", "Two networks"])
def test_every_view_opens(open_page: Any, view: str) -> None:
    app = open_page(PAGE, network="alexnet", evidence=view)
    assert not app.exception
    assert not app.error
    words = {
        "Is it true?": "Cover one place after another",
        "A worse image": "With the image as it is:",
        "Two networks": "**GoogLeNet**",
    }
    text = text_of(app)
    assert words[view] in text
    if view == "A worse image":
        before = re.findall(r"Score (−?[\d.]+)", text)
        app.select_slider(key="evidence_worse_blur").set_value(8.0).run()
        assert re.findall(r"Score (−?[\d.]+)", text_of(app)) != before


def test_what_a_slider_shows_does_not_wait_for_the_curve(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worse, "_WORK_SECONDS", 0)  # a value in each run, however fast the machine
    app = open_page(PAGE, network="alexnet", image="koala", evidence="A worse image")
    assert "The curve is on its way." in text_of(app)
    counts, curves = [0], []
    for _ in range(40):
        app.run()
        told = re.search(r"(\d+) of 21 values? of the curve", text_of(app))
        if told is None and counts[-1]:
            break
        counts.append(int(told[1]) if told else 0)
    assert counts == sorted(counts)
    assert not re.search(r"on its way|of 21 values?", text_of(app))
    for value in (0.5, 2.0):  # the second movement comes before the first one's curve is there
        score = re.findall(r"Score (−?[\d.]+)", text_of(app))
        app.select_slider(key="evidence_worse_contrast").set_value(value).run()
        assert re.findall(r"Score (−?[\d.]+)", text_of(app)) != score
        assert "The grey curve is of the sliders as they stood before" in text_of(app)
        curves.append(app.session_state["convviz.evidence_curve"])
        assert curves[-1].newest is None
        assert curves[-1].before.fraction == 1
        app.run()
        assert 0 < len(curves[-1].newest.values) < 21
    assert curves[0].name != curves[1].name
    known = len(curves[0].newest.values)
    app.run()
    assert len(curves[0].newest.values) == known  # what is abandoned is not computed any more
    assert not app.exception


def test_without_a_decoder_it_says_what_is_missing_and_what_to_choose(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random")
    assert not app.exception
    assert "untrained here" in text_of(app)
    assert "GoogLeNet comes with a decoder" in text_of(app)


def test_a_layer_without_places_is_replaced_by_the_last_maps(open_page: Any) -> None:
    app = open_page(PAGE, network="googlenet", layer="fc")
    assert not app.error
    assert "fc puts out one number for each channel" in text_of(app)
    assert maps_of(app)[0]["height"] == 4


def test_a_map_is_put_to_the_test_of_deletion(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", image="coffee", evidence="Is it true?")
    app.button(key="evidence_start_deletion").click().run()
    for _ in range(200):
        if "Deleting in the map's order" in text_of(app):
            break
        time.sleep(0.2)
        app.run()
    assert not app.exception
    assert not app.error
    assert re.search(r"area of 0\.\d{3}, in shuffled orders 0\.\d{3}", text_of(app))
    assert len(app.get("plotly_chart")) == 2


def test_the_json_of_a_map_is_that_of_the_command_line(
    open_page: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: dict[str, Any] = {}
    plain = exports.save_button

    def save_button(label: str, data: Any, name: str, **more: Any) -> None:
        made[label] = (data, name)
        plain(label, data, name, **more)

    monkeypatch.setattr(exports, "save_button", save_button)
    app = open_page(PAGE, network="googlenet", image="cat")
    assert not app.exception
    data, name = made["Save as JSON"]
    assert name.endswith("-gradcam_inception5b-map.json")
    saved = json.loads(data())
    file = tmp_path / "map.json"
    assert main(["evidence", "sample:cat", "--network", "googlenet", "--json", str(file)]) == 0
    expected = json.loads(file.read_text())
    del expected["seconds"]
    values = saved.pop("map")
    assert saved == expected
    assert [len(values), len(values[0])] == expected["shape"]
    assert max(map(max, values)) == pytest.approx(expected["max"])


def test_a_worse_image_shows_the_layer_before_where_no_gradient_reaches_one(
    open_page: Any, own_file: Callable[..., Path]
) -> None:
    own_file(PATCHES)
    app = open_page(PAGE, network="patches", layer="encoder.ln", evidence="A worse image")
    assert not app.exception
    said = " ".join(each.value for each in app.info)
    assert "No gradient of the score reaches encoder.ln" in said
    instead = re.search(r"This is the evidence in (\S+)\.", said)
    assert instead is not None
    assert f"Evidence in {instead[1]}" in " ".join(each.value for each in app.caption)

    app = open_page(PAGE, network="patches", layer="encoder.ln", evidence="Is it true?")
    assert "No gradient of the score reaches encoder.ln" in app.warning[0].value
    app.button(key="evidence_layer_before").click().run()
    assert not app.exception
    assert app.selectbox(key="layer").value != "encoder.ln"
    assert "Cover one place after another" in text_of(app)


def test_guided_backpropagation_without_a_relu_is_no_error(
    open_page: Any, own_file: Callable[..., Path]
) -> None:
    own_file(PATCHES)
    for view in ("Where it looks", "Is it true?"):
        app = open_page(PAGE, network="patches", method="guided", evidence=view)
        assert not app.exception
        assert not app.error
        assert [each.value for each in app.info if "has no ReLU on the way" in each.value]
        assert "How we know" in [each.label for each in app.expander]


def test_an_own_network_is_told_what_it_lacks_and_what_it_shares(
    open_page: Any, own_file: Callable[..., Path]
) -> None:
    own_file(
        "from torch import nn\n"
        "from convviz.networks import NetworkSpec, register\n"
        "def build():\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1),\n"
        "        nn.Flatten(), nn.Linear(4, 2))\n"
        "register(NetworkSpec(name='nameless', title='Nameless', build=build, input_size=32))\n"
        "register(NetworkSpec(name='named', title='Named', build=build, input_size=32,\n"
        "    classes=('same', 'other')))\n"
    )
    app = open_page(PAGE, network="nameless")
    assert not app.exception
    assert "`classes=(" in text_of(app)
    assert "Choose other weights" not in text_of(app)
    app = open_page(PAGE, network="nameless", weights="random")
    assert "`classes=(" not in text_of(app)
    app = open_page(PAGE, network="named", evidence="Two networks", **{"class": "same"})
    assert not app.exception
    assert "choose another network under With, one that knows “same”." in text_of(app)


def test_a_network_that_ends_in_a_softmax_is_not_softmaxed_again(
    open_page: Any, own_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    own_file(
        "import torch\n"
        "from torch import nn\n"
        "from convviz.networks import NetworkSpec, register\n"
        "def build():\n"
        "    linear = nn.Linear(4, 2)\n"
        "    nn.init.zeros_(linear.weight)\n"
        "    linear.bias.data = torch.tensor([2.0, -2.0])\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1),\n"
        "        nn.Flatten(), linear, nn.Softmax(dim=1))\n"
        "register(NetworkSpec(name='shares', title='Shares', build=build, input_size=32,\n"
        "    classes=('one', 'other')))\n"
    )
    app = open_page(PAGE, network="shares", image="cat")
    assert not app.exception
    assert "Score of **one**: 2.00, probability 98.2 %." in text_of(app).replace("\u00a0", " ")
    assert "This network ends in a softmax." in text_of(app)
    assert "one · 98.2 %" in str(app.selectbox(key="class").options).replace("\\xa0", " ")
    assert main(["evidence", "sample:cat", "--network", "shares", "--method", "gradient"]) == 0
    printed = capsys.readouterr().out
    assert "Score 2.000, probability 98.2" in printed
    assert "This network ends in a softmax." in printed


@pytest.mark.parametrize("name", ["residual", "patches"])
def test_small_networks_of_other_kinds_are_explained(
    open_page: Any, own_file: Callable[..., Path], name: str
) -> None:
    own_file({"residual": RESIDUAL, "patches": PATCHES}[name])
    app = open_page(PAGE, network=name, image="cat")
    assert not app.exception
    if name == "patches":  # of the last block, its class token alone goes on
        app.button(key="evidence_layer_before").click().run()
    layer = app.selectbox(key="layer").value
    network, image = load(name), decode(sample("cat").read())
    best = int(network.module(decoder_input(network, image))[0].argmax())
    found = grad_cam(network, image, layer, ClassTarget(best))
    side = {"residual": 2, "patches": 4}[name]
    assert list(found.map.shape) == [side, side]
    assert [maps_of(app)[0][each] for each in ("height", "width")] == [side, side]
    assert f"Score of **{CLASSES[best]}**: {two_decimals(found.score)}" in text_of(app)
    for channel in found.strongest(10):
        told = re.search(rf"\*\*{channel}\*\* adds (−?\d+\.(\d+));", text_of(app))
        assert told is not None
        share = float(told[1].replace("−", "-"))
        assert abs(share - float(found.contributions[channel])) <= 0.51 * 10 ** -len(told[2])
    app.toggle(key="evidence_randomised").set_value(True).run()
    assert not app.exception
    other = grad_cam(randomised(network), image, layer, ClassTarget(best))
    alike = similarity(found.map, other.map)
    assert findings.randomised(alike, "Grad-CAM") in text_of(app)
    for view, words in (
        ("A worse image", "With the image as it is:"),
        ("Is it true?", "Cover one place after another"),
    ):
        app = open_page(PAGE, network=name, image="cat", layer=layer, evidence=view)
        assert not app.exception
        assert not app.error
        assert words in text_of(app)


@pytest.mark.parametrize(("method", "done"), [("smoothgrad", ""), ("integrated", "add up to")])
def test_a_method_of_many_passes_is_started_and_drawn(
    open_page: Any, own_file: Callable[..., Path], method: str, done: str
) -> None:
    own_file(RESIDUAL)
    app = open_page(PAGE, network="residual", image="cat", method=method)
    assert not maps_of(app)
    app.button(key="evidence_start_saliency").click().run()
    drawn(app)
    assert [maps_of(app)[0][each] for each in ("height", "width")] == [64, 64]
    assert done in text_of(app)


def test_places_are_covered_and_drawn(open_page: Any, own_file: Callable[..., Path]) -> None:
    own_file(RESIDUAL)
    app = open_page(PAGE, network="residual", image="cat", method="occlusion")
    app.button(key="evidence_start_occlusion").click().run()
    drawn(app)
    assert [maps_of(app)[0][each] for each in ("height", "width")] == [64, 64]


def drawn(app: AppTest) -> None:
    """Wait for the first map."""
    for _ in range(200):
        if maps_of(app):
            break
        time.sleep(0.2)
        app.run()
    assert not app.exception
    assert not app.error


def test_two_networks_explain_why_one_class_and_not_another(
    open_page: Any, own_file: Callable[..., Path]
) -> None:
    own_file(PATCHES)
    tabby = {"evidence": "Two networks", "class": "tabby"}
    app = open_page(PAGE, network="patches", against="goldfish", **tabby)
    assert not app.exception
    assert "**GoogLeNet**" in text_of(app)
    assert len(maps_of(app)) == 2
    assert text_of(app).count("Why **tabby and not goldfish**") == 3  # above, and on each side
    app = open_page(PAGE, network="patches", against=CLASSES[2], **tabby)
    assert f"“{CLASSES[2]}” is none of the classes of GoogLeNet" in text_of(app)
    assert len(maps_of(app)) == 1


def test_a_name_that_two_classes_have_is_not_looked_for_in_another_network(
    open_page: Any, own_file: Callable[..., Path]
) -> None:
    own_file(PATCHES.replace("'goldfish'", "'Tabby'").replace('name="patches"', 'name="alike"'))
    link = {"network": "alike", "evidence": "Two networks"}
    app = open_page(PAGE, **link, **{"class": "Tabby"})
    assert not app.exception
    assert "More than one class is called “Tabby” in GoogLeNet or in the network" in text_of(app)
    app = open_page(PAGE, **link, **{"class": "tabby"})
    assert len(maps_of(app)) == 2


def test_channels_that_all_speak_against_the_class_are_told(
    open_page: Any, own_file: Callable[..., Path]
) -> None:
    own_file(
        "import torch\n"
        "from torch import nn\n"
        "from convviz.networks import NetworkSpec, register\n"
        "def build():\n"
        "    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.ReLU(),\n"
        "        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))\n"
        "    for name, value in (('0.weight', 0.1), ('0.bias', 9.0), ('5.bias', 0.5)):\n"
        "        torch.nn.init.constant_(module.get_parameter(name), value)\n"
        "    module[5].weight.data = torch.tensor([[-1.0, -2.0], [-3.0, -4.0]])\n"
        "    return module\n"
        "register(NetworkSpec(name='against', title='Against', build=build, input_size=8,\n"
        "    classes=('a', 'b')))\n"
    )
    app = open_page(PAGE, network="against", layer="2")
    assert not app.exception
    assert "At no place does any of these channels speak for the class" in text_of(app)
    assert "The rest is the bias of the linear layer behind them, 0.50." in text_of(app)
    app.toggle(key="evidence_randomised").set_value(True).run()
    assert "this test tells nothing of Grad-CAM here" in text_of(app)
    app = open_page(PAGE, network="against", layer="0")
    assert "would not stay 0 in" in text_of(app)
    assert "The rest is the bias" not in text_of(app)


ONE_CLASS_AGAINST_THE_OTHER = """
import torch
from torch import nn
from convviz.networks import NetworkSpec, register
def build():
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    for name, value in (('0.weight', 0.1), ('0.bias', 9.0), ('4.bias', 0.5)):
        torch.nn.init.constant_(module.get_parameter(name), value)
    module[4].weight.data = torch.tensor([[-1.0, -1.0], [1.0, -0.5]])
    return module
register(NetworkSpec(name='drawn', title='Drawn', build=build, input_size=8, classes=('a', 'b')))
"""


def test_random_decoders_are_drawn_until_one_has_a_map(
    open_page: Any, own_file: Callable[..., Path]
) -> None:
    own_file(ONE_CLASS_AGAINST_THE_OTHER)
    app = open_page(PAGE, network="drawn", image="cat", **{"class": "b"})
    app.toggle(key="evidence_randomised").set_value(True).run()
    assert not app.exception
    network, image = load("drawn"), decode(sample("cat").read())
    draws = [grad_cam(randomised(network, seed), image, "1", ClassTarget(1)) for seed in range(8)]
    first = next(seed for seed, drawn in enumerate(draws) if float(drawn.map.max()) > 0)
    assert first > 0
    assert findings.drawn_anew(first) in text_of(app)
    assert "the picture stays much the same" in text_of(app)


def test_a_class_without_a_rival_says_nothing_of_a_map(
    open_page: Any, own_file: Callable[..., Path]
) -> None:
    own_file(
        ONE_CLASS_AGAINST_THE_OTHER.replace("nn.Linear(2, 2)", "nn.Linear(2, 1)")
        .replace("[[-1.0, -1.0], [1.0, -0.5]]", "[[1.0, -0.5]]")
        .replace("('a', 'b')", "('a',)")
    )
    app = open_page(PAGE, network="drawn", image="cat", evidence="Is it true?")
    app.button(key="evidence_start_deletion").click().run()
    for _ in range(200):
        if app.get("plotly_chart"):
            break
        time.sleep(0.2)
        app.run()
    assert not app.exception
    assert "The probability stays at > 99.9 %" in text_of(app)
    assert not app.warning
