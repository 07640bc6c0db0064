"""Open the file of a trained network in the sidebar: one more choice of weights, on every page."""

import io
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn
from torchvision.models import get_model

from convviz.networks.clone import clone
from convviz.networks.decoders import Form, in_form
from convviz.networks.initial_weights import draw
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register
from convviz.weights import trained
from convviz.weights.load import load
from convviz.weights.trained import TrainedInfo
from tests.weights.test_state_dict_file import Net, away, numbered, prefixed

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
        (b"junk", "cannot be read as weights"),
        (b"PK\x03\x04rest", "cannot be read as weights"),
        (b"\x08\x07\x12\x07pytorch\x1a\x032.0", "is an ONNX file"),
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


def checkpoint_file(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def with_names(app: AppTest, text: str, name: str = "names.txt") -> AppTest:
    app.file_uploader(key="sidebar_names_upload").upload(name, text.encode(), "text/plain").run()
    assert not app.exception
    return app


FIVE = "ant\nbee\ncat\ndog\nelk\n"


def test_a_training_s_checkpoint_is_recognised_and_takes_names(
    open_page: Any, fresh_registry: None
) -> None:
    register(NetworkSpec(name="net", title="Net", build=Net, input_size=16))
    data = checkpoint_file({"epoch": 3, "model": prefixed("module.")})
    app = opened(open_page(), data, "run7.ckpt")
    assert not app.error
    assert app.selectbox(key="network").value == "net"
    first = app.selectbox(key="weights").value
    assert "Your file run7.ckpt" in app.selectbox(key="weights").options
    assert any("What the weights learned from is not stated" in c.value for c in app.caption)
    assert trained.find(first).weights.classes == ()  # type: ignore[union-attr]
    app = with_names(app, FIVE)
    second = app.selectbox(key="weights").value
    assert second != first
    assert trained.find(second).weights.classes == tuple(FIVE.split())  # type: ignore[union-attr]
    assert "is in use: Net with 5 classes." in app.success[0].value
    app = with_names(app, "ant\nbee\n")
    assert "2 classes but returns 5" in app.error[0].value
    assert app.selectbox(key="weights").value == second


def test_a_network_with_parts_of_ones_own_is_a_network_of_its_own_on_every_page(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "convviz.weights.fitting.registry.available", lambda: ("shufflenet_v2_x0_5",)
    )
    module = get_model("shufflenet_v2_x0_5", weights=None)
    module.conv1[0] = nn.Conv2d(1, 24, 3, 2, 1, bias=False)
    module.fc = nn.Sequential(nn.Linear(1024, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 4))
    app = opened(open_page(), checkpoint_file(module.state_dict()), "scans.pth")
    assert not app.error
    assert not app.exception
    name = app.selectbox(key="network").value
    assert name.startswith("shufflenet_v2_x0_5-replaced-")
    assert "for grey images, with another head with 4 classes" in app.success[0].value
    for page in ("2_Filters", "3_Architectures", "4_Reconstruction", "1_Activations"):
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception
        assert not app.error
    assert app.selectbox(key="network").value == name


def test_where_several_networks_fit_the_visitor_chooses(
    open_page: Any, fresh_registry: None
) -> None:
    for name in ("net", "twin"):
        register(NetworkSpec(name=name, title=name.title(), build=Net, input_size=16))
    app = opened(open_page(network="googlenet"), checkpoint_file(numbered()), "run7.pt")
    assert not app.error
    assert app.selectbox(key="network").value == "googlenet"
    choice = app.selectbox(key="sidebar_saved_network")
    assert (choice.label, choice.options) == (
        "These weights fit 2 networks. Which is it?",
        ["Net", "Twin"],
    )
    choice.set_value("twin").run()
    assert app.selectbox(key="network").value == "twin"
    assert "is in use: Twin" in app.success[0].value


def test_a_visitor_holds_no_more_of_opened_files_than_they_may(
    open_page: Any, fresh_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(NetworkSpec(name="net", title="Net", build=Net, input_size=16))
    monkeypatch.setattr("convviz.ui.sidebar.network.trained.memory_of", lambda network: 200_000_000)
    app = opened(open_page(), checkpoint_file(numbered()), "one.pt")
    first = app.selectbox(key="weights").value
    app = opened(app, checkpoint_file(away(numbered())), "two.pt")
    assert trained.find(first) is None
    assert "Your file one.pt" not in app.selectbox(key="weights").options
    assert "Your file two.pt" in app.selectbox(key="weights").options
