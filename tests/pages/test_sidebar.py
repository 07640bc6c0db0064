"""The sidebar offers what the view on the page uses, and keeps the rest for the other pages."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

OpenPage = Callable[..., AppTest]

HOME, ARCHITECTURES = "app.py", "pages/3_Architectures.py"
ALL = {"image", "network", "weights"}


def offered(app: AppTest) -> set[str]:
    """The choices that the sidebar draws."""
    boxes = {box.key for box in app.sidebar.get("selectbox")} & {"network", "weights"}
    images = [each for each in app.sidebar.get("popover") if each.proto.popover.label]
    labels = {each.proto.popover.label for each in images}
    assert ("Open a saved network" in labels) == ("weights" in boxes)
    return boxes | ({"image"} if "Change image" in labels else set())


@pytest.mark.parametrize(
    ("file", "link", "used"),
    [
        (HOME, {}, {"network", "weights"}),
        ("pages/2_Filters.py", {}, ALL),
        ("pages/6_Training.py", {}, {"image"}),
        ("pages/6_Training.py", {"watch": "live"}, {"image"}),
        ("pages/7_Auxiliary_classifiers.py", {}, set()),
        ("pages/9_Design.py", {}, set()),
        (ARCHITECTURES, {}, set()),
        (ARCHITECTURES, {"architectures": "papers"}, set()),
        (ARCHITECTURES, {"architectures": "layers"}, {"image", "network"}),
        (ARCHITECTURES, {"architectures": "lessons"}, set()),
        (ARCHITECTURES, {"architectures": "lessons", "lesson": "stack"}, set()),
        (ARCHITECTURES, {"architectures": "lessons", "lesson": "bottleneck"}, set()),
        (ARCHITECTURES, {"architectures": "lessons", "lesson": "inception"}, ALL),
        (ARCHITECTURES, {"architectures": "lessons", "lesson": "gap"}, ALL),
        (ARCHITECTURES, {"architectures": "lessons", "lesson": "auxiliary"}, {"image"}),
    ],
)
def test_a_view_offers_what_it_uses(
    open_page: OpenPage, file: str, link: dict[str, str], used: set[str]
) -> None:
    app = open_page(file, network="alexnet", weights="random", **link)
    assert not app.exception
    assert not app.error
    assert offered(app) == used
    if used != ALL and file != HOME:  # nothing is said of weights that play no part
        assert not app.warning


def test_the_choice_follows_when_the_view_changes(open_page: OpenPage) -> None:
    app = open_page(ARCHITECTURES)
    assert offered(app) == set()
    app.segmented_control(key="architectures").set_value("layers").run()
    assert offered(app) == {"image", "network"}
    app.selectbox(key="network").set_value("vgg16").run()
    app.segmented_control(key="architectures").set_value("papers").run()
    assert offered(app) == set()
    assert app.query_params["network"] == "vgg16"
    app.segmented_control(key="architectures").set_value("layers").run()
    assert app.selectbox(key="network").value == "vgg16"


def test_a_page_without_the_choice_hands_it_on(open_page: OpenPage) -> None:
    app = open_page("pages/7_Auxiliary_classifiers.py", network="vgg16", weights="random")
    links = {link.proto.page: link.proto.query_string for link in app.sidebar.get("page_link")}
    assert all("network=vgg16" in query for query in links.values())
    assert all("weights=random" in query for query in links.values())
    app.switch_page("pages/2_Filters.py").run()
    assert app.selectbox(key="network").value == "vgg16"
    assert app.selectbox(key="weights").value == "random"
