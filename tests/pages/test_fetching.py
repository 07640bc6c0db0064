"""Weights that are not here: fetched before the visitor's eyes, or a sentence and choices."""

from dataclasses import dataclass
from typing import Any

import pytest

from convviz.errors import WeightsError
from convviz.ui import cache, downloads
from convviz.ui.sidebar import network as sidebar
from convviz.weights.source import SourceStatus


@dataclass
class Ticket:
    """A download whose state the test sets."""

    network: str
    source: str
    received: int = 13_000_000
    total: int | None = 52_000_000
    state: str = "running"
    error: str = ""

    @property
    def fraction(self) -> float:
        return self.received / self.total if self.total else 0.0

    def cancel(self) -> None:
        self.state = "cancelled"


@pytest.fixture
def tickets(monkeypatch: pytest.MonkeyPatch) -> list[Ticket]:
    started: list[Ticket] = []

    def start(network: str, source: str) -> Ticket:
        started.append(Ticket(network, source))
        return started[-1]

    monkeypatch.setattr(downloads, "start_fetch", start)
    return started


def headings(app: Any) -> list[str]:
    return [heading.value for heading in app.header]


def progress(app: Any) -> list[str]:
    return [bar.proto.text for bar in app.get("progress")]


def fetching(app: Any) -> Any:
    """Answer the question whether GoogLeNet's weights are to be fetched."""
    return app.button(key="fetch_again").click().run()


def test_progress_is_shown_while_weights_are_fetched(open_page: Any, tickets: list[Ticket]) -> None:
    app = fetching(open_page(network="googlenet", weights="imagenet"))
    assert [(ticket.network, ticket.source) for ticket in tickets] == [("googlenet", "imagenet")]
    assert headings(app) == ["Fetching the weights of GoogLeNet"]
    assert progress(app) == ["13 MB of 52 MB"]
    app.run()
    assert len(tickets) == 1


@pytest.mark.parametrize(
    ("chosen", "title", "size"),
    [
        ({"network": "vgg16", "weights": "imagenet"}, "VGG16", "553 MB"),
        ({"network": "googlenet", "weights": "imagenet"}, "GoogLeNet", "52 MB"),
        ({"network": "squeezenet1_1"}, "SqueezeNet1.1", "5.0 MB"),
    ],
)
def test_weights_are_asked_for_first_with_size_and_licence(
    open_page: Any, tickets: list[Ticket], chosen: dict[str, str], title: str, size: str
) -> None:
    app = open_page(**chosen)
    assert not tickets
    assert headings(app) == [f"{title} needs weights first"]
    assert app.button(key="fetch_again").label == f"Fetch them ({size})"
    assert any("BSD 3-clause licence" in caption.value for caption in app.caption)
    assert headings(fetching(app)) == [f"Fetching the weights of {title}"]


def test_a_download_can_be_cancelled_and_begun_again(open_page: Any, tickets: list[Ticket]) -> None:
    app = fetching(open_page(network="googlenet", weights="imagenet"))
    app.button(key="fetch_cancel").click().run()
    assert "The download was stopped." in app.warning[0].value
    assert len(tickets) == 1
    app.button(key="fetch_again").click().run()
    assert len(tickets) == 2
    assert headings(app) == ["Fetching the weights of GoogLeNet"]


def test_a_failure_is_said_in_its_own_sentence(open_page: Any, tickets: list[Ticket]) -> None:
    app = fetching(open_page(network="googlenet", weights="imagenet"))
    tickets[0].state, tickets[0].error = "failed", "The server is asleep: try again."
    app.run()
    assert app.warning[0].value == "The server is asleep: try again."
    app.run()
    assert len(tickets) == 1  # nothing is tried again by itself


def test_one_click_to_the_full_weights_and_back(open_page: Any, tickets: list[Ticket]) -> None:
    app = open_page(network="googlenet")
    assert (
        app.button(key="sidebar_full_weights").label
        == "Use the full ImageNet weights (fetch 52 MB)"
    )
    assert any("BSD 3-clause licence" in caption.value for caption in app.sidebar.caption)
    app.button(key="sidebar_full_weights").click().run()
    assert [(ticket.network, ticket.source) for ticket in tickets] == [("googlenet", "imagenet")]
    app.button(key="use_bundled").click().run()
    assert app.query_params["weights"] == "bundled"
    assert "What GoogLeNet takes it for" in headings(app)


def test_a_download_whose_size_nobody_knows(open_page: Any, tickets: list[Ticket]) -> None:
    app = fetching(open_page(network="googlenet", weights="imagenet"))
    tickets[0].total = None
    app.run()
    assert progress(app) == ["13 MB"]


def test_a_damaged_file_can_be_fetched_again(
    open_page: Any, tickets: list[Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = (
        SourceStatus("imagenet", "ImageNet, full network", here=True, bytes=244_000_000),
        SourceStatus("random", "Untrained", here=True),
    )

    def damaged(name: str, source: str) -> None:
        raise WeightsError("The file is damaged: fetch it again.")

    monkeypatch.setattr(sidebar, "source_statuses", lambda name: statuses)
    monkeypatch.setattr(cache, "network", damaged)
    app = open_page(network="alexnet", weights="imagenet")
    assert app.warning[0].value == "The file is damaged: fetch it again."
    app.button(key="fetch_again").click().run()
    assert [(ticket.network, ticket.source) for ticket in tickets] == [("alexnet", "imagenet")]
    assert headings(app) == ["Fetching the weights of AlexNet"]


def test_where_weights_are_missing_the_address_is_written_all_the_same(open_page: Any) -> None:
    """The script ends before the page is drawn: links and Back would lead elsewhere."""
    app = open_page("pages/1_Activations.py", network="alexnet", weights="encoder", tau="0.1")
    app.selectbox(key="network").set_value("vgg16").run()
    app.selectbox(key="weights").set_value("imagenet").run()
    visit = app.session_state["convviz.visit"]
    assert any(button.key == "fetch_again" for button in app.button)
    assert not visit.chosen
    assert not visit.running
    assert visit.written == visit.address
    assert (visit.written["network"], visit.written["weights"]) == ("vgg16", "imagenet")
