import json
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from convviz.networks.network import Network
from convviz.ui import cache, navigation, shell

ROOT = Path(__file__).parents[2]


def picture(size: tuple[int, int] = (320, 200), form: str = "PNG") -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, form)
    return file.getvalue()


def page_html(app: AppTest) -> str:
    return unescape("".join(block.proto.body for block in app.get("html")))


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def unfold(app: AppTest) -> AppTest:
    """Show the whole image and the part that goes in; it stays open until it is closed."""
    app.session_state["home_input"] = True
    return app.run()


def upload(app: AppTest, name: str, data: bytes, kind: str = "image/png") -> AppTest:
    app.file_uploader(key="home_upload").upload(name, data, kind)
    return app.run()


def test_opens_with_a_sample_and_what_the_network_takes_it_for(open_page: Any) -> None:
    app = open_page()
    assert app.title[0].value == "Look inside a ConvNet"
    assert [heading.value for heading in app.header] == [
        "What AlexNet makes of it",
        "What AlexNet takes it for",
        "Look further",
    ]
    assert page_html(app).count("<li") == 5
    assert "espresso" in page_html(app)
    assert "512 × 341" not in captions(app)
    assert not app.error
    assert not app.warning
    assert not app.exception


def test_the_whole_image_and_the_part_that_goes_in_are_one_click_away(open_page: Any) -> None:
    app = unfold(open_page())
    assert "Coffee, 512 × 341 pixels" in captions(app)
    assert "224 × 224 pixels" in captions(app)
    assert not app.exception


def stages(app: AppTest) -> list[dict[str, Any]]:
    """Return what the drawing of the network is told."""
    flows = [each.proto for each in app.get("bidi_component") if "network_flow" in str(each.proto)]
    return list(json.loads(flows[0].json)["stages"])


@pytest.mark.parametrize(
    ("name", "first", "last", "count"),
    [
        ("alexnet", "features.1", "features.11", 5),
        ("vgg16", "features.3", "features.29", 5),
        ("googlenet", "conv1", "fc", 13),
    ],
)
def test_the_whole_network_is_there_from_the_image_to_the_classes(
    open_page: Any, name: str, first: str, last: str, count: int
) -> None:
    app = open_page(network=name)
    drawn = stages(app)
    assert [drawn[0]["layer"], drawn[-1]["layer"], len(drawn)] == [first, last, count]
    for stage in drawn:
        assert all(len(b64decode(m)) == stage["height"] * stage["width"] for m in stage["maps"])
    assert all(len(stage["maps"]) == len(stage["channels"]) == 3 for stage in drawn[:5])
    assert all(stage["lines"][0].startswith("3 of ") for stage in drawn[:5])
    assert "Each map: lowest<span" in page_html(app)
    assert "</span>highest value" in page_html(app)
    assert page_html(app).count("<li") == 5
    assert not app.error


def test_a_users_own_network_is_drawn_as_well(
    open_page: Any, own_file: Callable[..., Path]
) -> None:
    own_file(
        """
import torch
from convviz import NetworkSpec, register

def build():
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 3), torch.nn.ReLU(),
        torch.nn.Flatten(), torch.nn.Linear(2 * 28 * 28, 7),
    )

register(NetworkSpec(name="mine", title="Mine", build=build, input_size=32))
"""
    )
    app = open_page(network="mine", weights="random")
    assert [stage["layer"] for stage in stages(app)] == ["1", "3", "5"]
    assert not app.exception


def test_a_pass_of_another_size_for_the_guesses_is_told(open_page: Any) -> None:
    small = "made of the image at 128 × 128 pixels, the size that the decoder was trained on"
    assert small in captions(open_page(network="alexnet"))
    assert "The predictions are made of" not in captions(open_page(network="googlenet"))


def test_what_the_networks_have_no_name_for_is_said(open_page: Any) -> None:
    app = open_page(image="astronaut")
    assert "This image shows: astronaut. None of the 200 classes" in captions(app)
    assert app.query_params["image"] == "astronaut"
    assert app.button(key="home_sample_astronaut").label == "Astronaut"  # in use, if not on offer
    app.button(key="home_sample_koala").click().run()
    assert "This image shows" not in captions(app)


def test_the_url_names_the_choices(open_page: Any) -> None:
    app = open_page()
    assert {key: app.query_params[key] for key in ("image", "network", "weights")} == {
        "image": "coffee",
        "network": "alexnet",
        "weights": "encoder",
    }


def test_says_which_weights_are_in_use(open_page: Any) -> None:
    app = open_page(network="googlenet")
    text = captions(app)
    assert "Weights trained on Tiny ImageNet-200, with decoder" in text
    (about,) = [each.value for each in app.caption if "Weights trained on" in each.value]
    assert "sha256" not in about
    assert "MB" not in about
    (details,) = [each.value for each in app.caption if "sha256" in each.value]
    assert re.search(r"They take \d+ MB", details)


def test_links_exactly_the_pages_there_are(open_page: Any) -> None:
    files = {f"pages/{file.name}" for file in (ROOT / "pages").glob("*.py")}
    assert {page.file for page in navigation.PAGES} == files
    linked = {link.proto.label for link in open_page().sidebar.get("page_link")}
    assert linked == {"Home", *(page.title for page in navigation.PAGES)}


def test_a_sample_is_one_click_away(open_page: Any) -> None:
    app = unfold(open_page())
    app.button(key="home_sample_koala").click().run()
    assert app.query_params["image"] == "koala"
    assert "Koala, " in captions(app)


def test_an_uploaded_picture_replaces_the_sample_and_stays_out_of_the_url(open_page: Any) -> None:
    app = upload(unfold(open_page()), "my *dog*.png", picture())
    assert "320 × 200 pixels" in captions(app)
    assert r"my \*dog\*\.png" in captions(app)
    assert app.query_params["image"] == "upload"
    assert not app.error
    assert not app.exception


def tiles(app: AppTest, key: str) -> list[str]:
    """Return the captions of the images that can be chosen."""
    return [button.label for button in app.button if button.key.startswith(f"{key}_sample_")]


def test_after_a_sample_the_own_image_is_one_click_away(open_page: Any) -> None:
    app = unfold(open_page())
    samples = tiles(app, "home")
    upload(app, "my *dog*.png", picture())
    assert tiles(app, "home") == [*samples, r"my \*dog\*\.png"]
    app.button(key="home_sample_koala").click().run()
    assert app.query_params["image"] == "koala"
    assert tiles(app, "home") == [*samples, r"my \*dog\*\.png"]
    app.button(key="home_sample_upload").click().run()
    assert app.query_params["image"] == "upload"
    assert "320 × 200 pixels" in captions(app)
    assert not app.info
    assert not app.error
    assert not app.exception


def test_the_own_image_is_offered_in_the_sidebar_too(open_page: Any) -> None:
    app = upload(open_page(), "dog.png", picture())
    app.button(key="home_sample_koala").click().run()
    app.switch_page("pages/2_Filters.py").run()
    assert "Koala" in app.sidebar.markdown[0].value
    assert not tiles(app, "side")  # sent when the menu is opened, not with every run
    app.session_state["sidebar_change_image"] = True
    app.run()
    assert tiles(app, "side")[-1] == r"dog\.png"
    app.button(key="side_sample_upload").click().run()
    assert app.query_params["image"] == "upload"
    assert "dog" in app.sidebar.markdown[0].value
    assert not app.exception


def test_a_later_image_takes_the_place_of_the_first(open_page: Any) -> None:
    app = upload(unfold(open_page()), "dog.png", picture())
    app.button(key="home_sample_koala").click().run()
    upload(app, "bad.png", b"this is text")
    assert tiles(app, "home")[-1] == r"dog\.png"
    upload(app, "bird.png", picture((200, 320)))
    assert tiles(app, "home")[-1] == r"bird\.png"
    assert "200 × 320 pixels" in captions(app)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty"),
        (b"this is text", "It reads JPEG, PNG"),
        (picture()[:90], "damaged"),
        (picture((4200, 100)), "times as long"),
    ],
)
def test_a_bad_file_gets_a_sentence_and_the_image_stays(
    open_page: Any, data: bytes, sentence: str
) -> None:
    app = upload(open_page(image="coffee"), "bad.png", data)
    assert sentence in app.error[0].value
    assert app.error[0].value.endswith("The image in use has not changed.")
    assert app.query_params["image"] == "coffee"
    app.button(key="home_sample_koala").click().run()
    assert not app.error


def test_a_picture_may_have_20_megabytes(open_page: Any) -> None:
    app = upload(open_page(image="coffee"), "large.png", bytes(21 * 2**20))
    assert "has 22 MB; a picture may have at most 20 MB" in app.error[0].value
    assert app.query_params["image"] == "coffee"


def test_says_why_there_are_no_predictions_without_a_decoder(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = cache.network

    def encoder_only(name: str, source: str) -> Network:
        loaded = load(name, source)
        weights = replace(
            loaded.weights, source="encoder", has_decoder=False, classes=(), note="Only an encoder."
        )
        return replace(loaded, weights=weights)

    monkeypatch.setattr(cache, "network", encoder_only)
    app = open_page(network="googlenet")
    assert app.info[0].value == "No predictions. Only an encoder."
    assert "<li" not in page_html(app)
    assert "no decoder" in captions(app)


def test_untrained_weights_are_labelled(open_page: Any) -> None:
    app = open_page(network="alexnet", weights="random")
    assert "**untrained**" in app.warning[0].value
    assert "untrained" in app.info[0].value
    assert "not trained" in captions(app)


def test_missing_weights_get_a_sentence_and_choices(
    open_page: Any, network_attempts: list[str]
) -> None:
    app = open_page(network="vgg19")
    assert "VGG19 needs weights first" in [heading.value for heading in app.header]
    assert app.button(key="fetch_again").label.startswith("Fetch them (5")
    app.button(key="use_untrained").click().run()
    assert "**untrained**" in app.warning[0].value
    assert app.query_params["weights"] == "random"
    assert network_attempts == []


def test_from_missing_weights_back_to_those_that_are_here(open_page: Any) -> None:
    app = open_page(network="vgg19")
    app.button(key="use_default_network").click().run()
    assert app.query_params["network"] == "alexnet"
    assert page_html(app).count("<li") == 5


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"image": "zebra"}, "the image “zebra”, which is not among the samples"),
        ({"image": "upload"}, "stays with the visit"),
        ({"network": "alexnut"}, "network “alexnut”, which does not exist"),
        ({"weights": "gold"}, "no weights called “gold”"),
        ({"image": "x" * 500}, "x…”"),
    ],
)
def test_a_link_that_asks_for_the_impossible_gets_a_sentence(
    open_page: Any, link: dict[str, str], sentence: str
) -> None:
    app = open_page(**link)
    assert sentence in app.info[0].value
    assert page_html(app).count("<li") == 5
    assert not app.exception
    assert not app.error


def test_a_notice_goes_when_the_visitor_chooses(open_page: Any) -> None:
    app = open_page(image="zebra")
    app.button(key="home_sample_rocket").click().run()
    assert not app.info


def test_a_broken_pytorch_gets_a_sentence(open_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "_pytorch_problem", lambda: "torch and torchvision do not match.")
    app = open_page()
    assert [error.value for error in app.error] == ["torch and torchvision do not match."]
    assert not app.selectbox
    assert not app.exception


def test_a_bug_shows_the_number_under_which_it_is_logged(
    open_page: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(cache, "predictions", broken)
    app = open_page()
    text = app.error[0].value
    number = text.split("(error ")[1].split(")")[0]
    assert "secret detail" not in text
    assert f"error {number}" in caplog.text
    assert "secret detail" in caplog.text
    assert app.header[-1].value == "Look further"  # the rest of the page goes on


def test_a_small_image_with_transparent_parts_is_enlarged_and_lies_on_grey(open_page: Any) -> None:
    file = BytesIO()
    Image.new("RGBA", (28, 28), (200, 0, 0, 40)).save(file, "PNG")
    text = captions(upload(unfold(open_page()), "digit.png", file.getvalue()))
    assert "the shorter side, 28 pixels, is enlarged to" in text
    assert "is lost" not in text
    assert "lies on mid-grey" in text


def test_what_an_image_had_to_go_through_is_said(open_page: Any) -> None:
    """A 12-bit image, 4,095 of 65,535, that replaces a JPEG without its last two bytes."""
    cut, deep = BytesIO(), BytesIO()
    Image.new("RGB", (300, 300), "red").save(cut, "JPEG")
    values = np.linspace(0, 4095, 300 * 300).round().astype(np.uint16).reshape(300, 300)
    Image.fromarray(values).save(deep, "TIFF")
    app = open_page()
    assert "The file" not in captions(app)
    upload(app, "cut.jfif", cut.getvalue()[:-2], "image/jpeg")
    assert captions(app).count("The file ends too early") == 1
    upload(app, "cells.tif", deep.getvalue(), "image/tiff")
    assert captions(app).count("from 0 to 4,095, 6.2 % of what 16 bits can hold") == 1
    assert "ends too early" not in captions(app)


def test_the_box_crosses_out_a_refused_file_until_another_comes(open_page: Any) -> None:
    app = upload(open_page(), "x.png", b"nonsense")
    assert "line-through" in page_html(app)
    assert "TIFF, 20 MB at most" in page_html(app)
    app.button(key="home_sample_koala").click().run()
    assert not app.error
    assert "line-through" in page_html(app)  # the file is still in the box
    file = BytesIO()
    Image.new("RGB", (28, 28)).save(file, "PNG")
    assert "line-through" not in page_html(upload(app, "good.png", file.getvalue()))
