"""What the sidebar says of weights and downloads, with the names and numbers given."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from convviz.networks.network import Network
from convviz.ui import downloads
from convviz.ui.sidebar import findings as sidebar
from convviz.weights import findings as weights
from convviz.weights.load import load
from convviz.weights.source import SourceStatus
from convviz.weights.unused import UnusedFile


@pytest.mark.claims(
    "convviz.ui.sidebar.findings.opened",
    "convviz.ui.sidebar.findings.unopened",
    "convviz.ui.sidebar.findings.no_longer_here",
    "convviz.ui.sidebar.findings.details",
    "convviz.ui.sidebar.findings.what_may_be_opened",
    "convviz.ui.sidebar.findings.several_fit",
)
@pytest.mark.parametrize("classes", [0, 1, 2, 1_000])
def test_the_sidebar_names_the_file_the_network_and_the_weights(classes: int) -> None:
    network = load("alexnet", "random")
    weights = replace(network.weights, classes=tuple(map(str, range(classes))))
    trained = Network(network.spec, network.module, weights)
    counted = {0: "", 1: " with 1 class"}.get(classes, f" with {classes} classes")
    assert sidebar.opened("pets", trained) == f"pets is in use: AlexNet{counted}."
    assert sidebar.what_may_be_opened(classes).startswith(f"At most {classes} MB. Larger files go")
    assert sidebar.several_fit(3) == "These weights fit 3 networks. Which is it?"
    assert sidebar.unopened("x: It is damaged.") == (
        "x: It is damaged. The weights in use have not changed."
    )
    assert sidebar.no_longer_here("VGG16").startswith("The trained VGG16 is no longer")
    text = sidebar.details(2_500_000, weights.sha256, "A *note*.")
    assert text == (
        f"A \\*note\\*. They take 2.5 MB. Their fingerprint (sha256) is `{weights.sha256}`."
    )


@pytest.mark.claims(
    "convviz.ui.downloads.not_here_yet",
    "convviz.ui.downloads.happens_once",
    "convviz.ui.downloads.not_fetched",
    "convviz.ui.downloads.fetching_once",
    "convviz.ui.sidebar.findings.use_full_weights",
)
def test_downloads_name_what_is_fetched() -> None:
    assert downloads.fetching_once("CIFAR-10").startswith("**Fetching CIFAR-10**")
    for here, size, cost in ((True, 9, ""), (False, 233_100_000, " (fetch 233 MB)")):
        status = SourceStatus("imagenet", "A", here, fetch_bytes=size)
        assert sidebar.use_full_weights(status) == f"Use the full ImageNet weights{cost}"
    assert downloads.not_here_yet("A") == "These weights (A) are not here yet."
    assert downloads.happens_once("A").startswith("A. This happens once;")
    assert downloads.not_fetched("Imagenette", "No network.").startswith(
        "Imagenette could not be fetched: No network. The generated shapes"
    )


@pytest.mark.claims("convviz.ui.sidebar.findings.unused")
@pytest.mark.parametrize(("count", "last"), [(1, "1"), (12, "12"), (13, "1 more"), (90, "78 more")])
def test_what_is_not_used_is_listed_up_to_a_dozen(count: int, last: str) -> None:
    files = [UnusedFile(f"a*{k}.pth", f"is of no use {k}") for k in range(1, count + 1)]
    first, blank, *lines = sidebar.unused(files).splitlines()
    assert (first, blank) == ("In the folder of weights, and not used:", "")
    assert lines[0] == "- a\\*1\\.pth is of no use 1"
    assert len(lines) == min(count, 13)
    assert lines[-1].endswith(last)


@pytest.mark.claims(
    "convviz.weights.findings.from_torchvision",
    "convviz.weights.findings.licence",
    "convviz.weights.findings.before_fetching",
)
def test_a_licence_of_their_own_is_named_and_else_torchvisions() -> None:
    address = "https://example.org/LICENSE"
    assert weights.from_torchvision("") == "from torchvision"
    assert weights.from_torchvision(address) == (
        f"from torchvision, under a licence of their own: {address}"
    )
    assert weights.licence(address).endswith(f"under a licence of their own: {address}")
    assert weights.before_fetching("a.pth", 233_100_000, address) == (
        f"To fetch: a.pth, 233 MB. {weights.licence(address)}"
    )
    assert "BSD 3-clause" in weights.licence("")
    assert "ImageNet-1k" in weights.licence("")


@pytest.mark.claims("convviz.ui.sidebar.findings.network_label")
def test_the_list_of_networks_says_which_are_to_be_fetched() -> None:
    assert sidebar.network_label("VGG19", here=False) == "VGG19 · to be fetched"
    assert sidebar.network_label("AlexNet", here=True) == "AlexNet"


@pytest.mark.claims(
    "convviz.ui.downloads._progress_of_weights", "convviz.ui.downloads._progress_of_images"
)
@pytest.mark.parametrize("total", [None, 200_000_000])
@pytest.mark.parametrize("state", ["running", "waiting"])
def test_how_far_a_download_is(total: int | None, state: str) -> None:
    ticket: Any = SimpleNamespace(
        received=50_000_000, total=total, state=state, fraction=0.25 if total else 0.0
    )
    whole = " of 200 MB" if total else ""
    other = " (another convviz on this machine is fetching "
    text = downloads._progress_of_weights(ticket)
    assert text == f"50 MB{whole}" + (other + "them)") * (state == "waiting")
    share = "25 % · " if total else ""
    text = downloads._progress_of_images(ticket)
    assert text == f"{share}50 MB{whole}" + (other + "it)") * (state == "waiting")
