"""The pages of the app, and where each of them leads."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from convviz.ui.course import steps
from convviz.ui.glossary import mark
from convviz.ui.navigation import HOME, NEXT, PAGES

OpenPage = Callable[..., AppTest]

APP = Path(__file__).parents[2] / "app.py"
FILES = {page.title: page.file for page in (HOME, *PAGES)}


def test_following_next_leads_through_every_page_and_back_to_the_first() -> None:
    assert set(NEXT) == set(FILES)
    tour = [HOME.title]
    while (following := NEXT[tour[-1]][0]) not in tour:
        tour.append(following)
    assert following == HOME.title
    assert tour == list(FILES)  # the sidebar's order


@pytest.mark.parametrize("title", FILES)
def test_every_page_ends_with_a_link_to_the_next(title: str) -> None:
    app = AppTest.from_file(str(APP), default_timeout=120)
    if title != HOME.title:
        app.switch_page(FILES[title])
    app.query_params["network"] = "alexnet"
    app.query_params["weights"] = "random"
    if title == "Course":
        app.query_params["step"] = steps.STEPS[-1].name
    app.run()
    assert not app.exception
    following, sentence = NEXT[title]
    link = app.main.get("page_link")[-1].proto
    assert link.label == f"**Next: {following}**"
    assert "network=alexnet" in link.query_string
    assert any(each.value == mark(sentence) for each in app.main.markdown)


def test_a_step_of_the_course_has_one_next() -> None:
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.switch_page(FILES["Course"])
    app.query_params["network"] = "alexnet"
    app.query_params["weights"] = "random"
    app.query_params["step"] = steps.STEPS[1].name
    app.run()
    assert not app.exception
    assert app.button(key="course_next")
    assert not [link for link in app.main.get("page_link") if "Next" in link.proto.label]
