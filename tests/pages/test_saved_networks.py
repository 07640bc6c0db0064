"""Open the file of a trained network in the sidebar: one more choice of weights, on every page."""

from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from convviz.networks.clone import clone
from convviz.networks.decoders import Form, in_form
from convviz.networks.initial_weights import draw
from convviz.weights import trained
from convviz.weights.load import load
from convviz.weights.trained import TrainedInfo

CLASSES = ("cat", "dog", "fish")


def decoder_file(name: str = "googlenet", source: str = "bundled", seed: int = 0) -> bytes:
    """A new decoder on a network's encoder, the decoder alone in the file."""
    base = load(name, source)
    form = Form("fc" if name == "googlenet" else "classifier.6", 1024, CLASSES)
    if name != "googlenet":
        form = Form("classifier.6", 4096, CLASSES)
    with torch.device("meta"):
        module = in_form(clone(base.module), form, base.spec.auxiliary)
    part = module.get_submodule(form.decoder).to_empty(device="cpu").requires_grad_(False)
    draw(part, torch.Generator().manual_seed(seed))
    about = TrainedInfo(name, form, 64, "my pets", "A note.", 0.9)
    return trained.write(module, about, parts=(form.decoder,), on=base.weights)


def opened(app: AppTest, data: bytes, name: str = "pets.safetensors") -> AppTest:
    app.file_uploader(key="sidebar_saved_upload").upload(
        name, data, "application/octet-stream"
    ).run()
    assert not app.exception
    return app


def test_an_opened_decoder_is_in_use_at_once(open_page: Any) -> None:
    app = opened(open_page(), decoder_file())
    assert not app.error
    assert app.selectbox(key="weights").value.startswith(trained.PREFIX)
    assert "Yours: my pets, 90 %" in app.selectbox(key="weights").options
    assert "pets.safetensors is in use: GoogLeNet with 3 classes" in app.success[0].value
    html = "".join(element.proto.body for element in app.get("html"))
    assert all(f'"name">{name}' in html for name in CLASSES)
    app.switch_page("pages/1_Activations.py").run()
    assert app.selectbox(key="weights").value.startswith(trained.PREFIX)
    assert app.query_params["weights"].startswith(trained.PREFIX)


def test_a_file_of_another_network_switches_to_that(open_page: Any) -> None:
    app = opened(open_page(network="googlenet"), decoder_file("alexnet", "random"))
    assert not app.error
    assert app.selectbox(key="network").value == "alexnet"
    assert "AlexNet with 3 classes" in app.success[0].value


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"junk", "not saved by convviz"),
        (b"PK\x03\x04rest", "may run code"),
        (None, "damaged"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    open_page: Any, data: bytes | None, sentence: str
) -> None:
    app = opened(open_page(image="cat", network="googlenet"), data or decoder_file()[:-100])
    assert sentence in app.error[0].value
    assert "have not changed" in app.error[0].value
    assert app.selectbox(key="weights").value == "bundled"
    assert app.query_params["image"] == "cat"


def test_a_decoder_whose_encoder_is_not_here_says_which_it_needs(open_page: Any) -> None:
    base = load("alexnet", "random", seed=5)
    form = Form("classifier.6", 4096, CLASSES)
    with torch.device("meta"):
        module = in_form(clone(base.module), form)
    part = module.get_submodule("classifier.6").to_empty(device="cpu").requires_grad_(False)
    draw(part, torch.Generator().manual_seed(0))
    about = TrainedInfo("alexnet", form, 64, "pets", "A note.", 0.9)
    data = trained.write(module, about, parts=("classifier.6",), on=base.weights)
    app = opened(open_page(), data)
    assert "only the trained part of AlexNet" in app.error[0].value


def test_a_link_opens_a_network_that_is_in_memory(open_page: Any) -> None:
    app = opened(open_page(), decoder_file(seed=7))
    link = app.query_params["weights"]
    other = open_page(network="googlenet", weights=link)
    assert other.selectbox(key="weights").value == link
    unknown = open_page(network="googlenet", weights="trained-000000000000")
    assert "has no weights called" in unknown.info[0].value


def test_two_networks_of_one_set_can_be_told_apart(open_page: Any) -> None:
    app = opened(opened(open_page(), decoder_file(seed=1)), decoder_file(seed=2))
    names = [name for name in app.selectbox(key="weights").options if name.startswith("Yours")]
    assert len(set(names)) == len(names) == 2
