"""Which weights `load` chooses, what is fetched for it, and what it says where there are none."""

import dataclasses
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from convviz.downloads import cache
from convviz.errors import SettingError, WeightsError, WeightsNotHere
from convviz.formatting import size_text
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import available, spec
from convviz.weights import findings
from convviz.weights.imagenet import TorchvisionFile
from convviz.weights.load import SOURCES, load, reference, source_statuses, start_fetch
from tests.download_server import Server


def test_a_fresh_machine_has_the_courses_networks_and_untrained_weights() -> None:
    available_sources = {
        name: [status.source for status in source_statuses(name) if status.here]
        for name in available()
    }
    assert available_sources.pop("googlenet") == ["bundled", "random"]
    assert (
        available_sources.pop("alexnet") == available_sources.pop("vgg16") == ["encoder", "random"]
    )
    assert set(map(tuple, available_sources.values())) == {("random",)}


@pytest.mark.parametrize(
    ("name", "costs"),
    [
        ("alexnet", {"imagenet": "244 MB"}),
        ("vgg16", {"imagenet": "553 MB"}),
        ("googlenet", {"imagenet": "52 MB"}),
        ("vgg19_bn", {"imagenet": "575 MB"}),
    ],
)
def test_what_a_fetch_costs_is_known_beforehand(name: str, costs: dict[str, str]) -> None:
    statuses = [status for status in source_statuses(name) if not status.here]
    assert {status.source: size_text(status.fetch_bytes) for status in statuses} == costs
    assert all(status.path is None and status.bytes == 0 for status in statuses)


@pytest.mark.parametrize("name", ["alexnet", "vgg19", "googlenet", "resnet18", "vit_h_14"])
def test_sources_are_listed_in_the_order_of_auto(name: str) -> None:
    sources = [status.source for status in source_statuses(name)]
    assert sources == sorted(sources, key=list(SOURCES).index)
    assert sources[-1] == "random"


def test_googlenet_starts_at_once_without_a_network() -> None:
    assert load("googlenet", fetch=False).weights.source == "bundled"
    assert load("googlenet").weights.source == "bundled"


@pytest.mark.parametrize("name", ["vgg11", "vgg19", "vgg19_bn"])
def test_nothing_is_fetched_unasked_and_the_sentence_says_what_can_be_done(name: str) -> None:
    with pytest.raises(WeightsNotHere) as caught:
        load(name, fetch=False)
    sentence = str(caught.value)
    assert sentence.startswith(f"{spec(name).title}'s weights are not on this machine: fetch ")
    assert "MB)" in sentence
    assert f"{name}.pth into a folder and name it in CONVVIZ_WEIGHTS" in sentence
    assert sentence.endswith("or choose untrained weights.")
    assert "\n" not in sentence
    assert not cache.folder().exists()


def test_a_machine_without_a_network_gets_one_sentence() -> None:
    """The tests' proxy answers nobody, so the download fails as on such a machine."""
    with pytest.raises(WeightsError) as caught:
        load("vgg19")
    sentence = str(caught.value)
    assert sentence.startswith(
        "VGG19's weights are not on this machine, and download.pytorch.org cannot be reached"
    )
    assert "CONVVIZ_WEIGHTS, or choose untrained weights." in sentence
    assert "\n" not in sentence
    assert sentence.count(". ") == 0


def test_a_folder_that_is_not_there_is_mentioned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(tmp_path / "gone"))
    with pytest.raises(WeightsNotHere, match="now it names none") as caught:
        load("vgg19", fetch=False)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "weights", "sentence"),
    [
        (
            "alexnet",
            "bundled",
            "called bundled are those of GoogLeNet, not of AlexNet: choose auto",
        ),
        ("vgg19", "encoder", "There is no separate encoder for VGG19"),
        ("alexnet", "own", "AlexNet is built by convviz"),
        ("small", "imagenet", "no ImageNet weights for Small"),
    ],
)
def test_a_source_that_a_network_does_not_have_is_refused(
    small: NetworkSpec, name: str, weights: str, sentence: str
) -> None:
    with pytest.raises(WeightsError, match=sentence):
        load(name, weights)


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(
        SettingError, match="choose auto, imagenet, bundled, encoder, own or random"
    ):
        load("alexnet", "best")


def test_the_global_random_numbers_are_left_alone(small: NetworkSpec) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load("small", "random")
    load("googlenet")
    assert torch.rand(3).equal(expected)


def test_what_cannot_be_fetched_is_said_at_once() -> None:
    with pytest.raises(WeightsError, match="no weights to fetch for VGG19"):
        start_fetch("vgg19", "encoder")
    with pytest.raises(WeightsError, match="no weights to fetch for GoogLeNet"):
        start_fetch("googlenet", "bundled")


@pytest.fixture
def real(server: Server, tiny: Callable[[], TorchvisionFile]) -> nn.Module:
    """Store a state dict on the server that fits the network called tiny."""
    module = nn.Linear(2, 3)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    server.stored = file.getvalue()
    return module


def test_load_fetches_the_full_weights_and_tells_how_far_it_is(
    server: Server, real: nn.Module, tiny: Callable[[], TorchvisionFile]
) -> None:
    calls: list[tuple[int, int]] = []
    said: list[str] = []
    network = load("tiny", progress=lambda *numbers: calls.append(numbers), announce=said.append)
    assert said == [findings.before_fetching(tiny().name, len(server.stored), "")]
    assert calls[-1] == (len(server.stored), len(server.stored))
    assert network.weights.source == "imagenet"
    assert network.weights.sha256 == hashlib.sha256(server.stored).hexdigest()
    assert network.weights.bytes == len(server.stored)
    assert network.weights.classes == ("a", "b", "c")
    assert network.module.weight.equal(real.weight)


@pytest.mark.parametrize("weights", ["auto", "imagenet"])
def test_a_damaged_file_in_the_cache_is_fetched_again_once(
    server: Server, real: nn.Module, tiny: Callable[[], TorchvisionFile], weights: str
) -> None:
    load("tiny", weights)
    (cache.folder() / tiny().name).write_bytes(b"damaged")
    assert not any(status.here for status in source_statuses("tiny") if status.source == "imagenet")
    assert load("tiny", weights).module.weight.equal(real.weight)
    assert len(server.requests) == 2
    server.way = "wrong"
    (cache.folder() / tiny().name).write_bytes(b"damaged again")
    with pytest.raises(WeightsError, match="checksum is wrong"):
        load("tiny", weights)
    assert len(server.requests) == 3


def test_a_damaged_file_is_named_where_nothing_may_be_fetched(
    server: Server, real: nn.Module, tiny: Callable[[], TorchvisionFile]
) -> None:
    load("tiny")
    (cache.folder() / tiny().name).write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="is there, but damaged"):
        load("tiny", fetch=False)
    assert len(server.requests) == 1


def test_a_network_that_comes_with_convviz_is_sent_to_other_machines_by_its_name() -> None:
    network = load("alexnet", "random")
    call = reference(network)
    assert call is not None
    function, arguments = call
    assert arguments == ("alexnet", "random", network.weights.sha256)
    other = function(*arguments)
    assert other.weights == network.weights
    assert function(*arguments) is other
    with pytest.raises(WeightsError, match="differ between the server and the cluster"):
        function("alexnet", "random", "0" * 64)
    fetched = dataclasses.replace(network.weights, source="imagenet")
    assert reference(dataclasses.replace(network, weights=fetched)) is None
