"""Whatever stands in a link, in every parameter at once: text on the page, and it stays there."""

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from convviz.ui.keys import Entry, Key
from tests.pages.test_foreign_text import HOSTILE, VIEWS, assert_text, texts

OpenPage = Callable[..., AppTest]

MARK = "elsewhere"
PAGES = (
    *("app.py", "pages/0_Course.py", "pages/1_Activations.py", "pages/2_Filters.py"),
    *("pages/3_Architectures.py", "pages/4_Reconstruction.py", "pages/5_Transfer_learning.py"),
    *("pages/6_Training.py", "pages/7_Auxiliary_classifiers.py", "pages/8_Evidence.py"),
    "pages/9_Design.py",
)
# Views that the default of another parameter hides.
MORE = (
    ("pages/4_Reconstruction.py", {"series": "layer"}),
    ("pages/4_Reconstruction.py", {"series": "amplify"}),
    ("pages/5_Transfer_learning.py", {"transfer": "separate"}),
    ("pages/6_Training.py", {"watch": "live"}),
    ("pages/9_Design.py", {"design_view": "train"}),
    ("pages/9_Design.py", {"design_view": "sweep"}),
    *(
        ("pages/8_Evidence.py", {"evidence": view})
        for view in ("Is it true?", "A worse image", "Two networks")
    ),
)
NUMBERS = ("nan", "inf", "-1", "1e999", "9" * 5000, "0x10", "1_000", "٣", "\x00", "", " " * 5000)


def asked(text: str, link: dict[str, str]) -> dict[str, str]:
    """Ask for a text by every parameter of the app; keep those that open the view."""
    names = (key + ("x" if key.endswith("_") else "") for key in Key)
    return {**dict.fromkeys(names, text), **link}


def assert_nothing_travels(app: AppTest, text: str) -> None:
    """Check that no value that is remembered, and no link to another page, holds the text."""
    visit = app.session_state[Entry.VISIT]
    assert [key for key, value in visit.values.items() if text in str(value)] == []
    links = [
        (field, value)
        for kind, field, value in texts(app)
        if text in value and (kind == "page_link" or field in ("href", "url", "query_string"))
    ]
    assert links == []


def assert_plain_sentences(app: AppTest) -> None:
    """Check that the page tells of no fault of convviz'."""
    assert not app.exception
    said = [element.value for element in (*app.error, *app.info, *app.warning)]
    assert not [text for text in said if re.search(r"\(error \w{8}\)|Traceback|Error:", text)]


@pytest.mark.parametrize("page", PAGES)
def test_every_parameter_of_a_link_is_text_and_does_not_travel_on(
    page: str, open_page: OpenPage
) -> None:
    app = open_page(page, **asked(HOSTILE, {}))
    assert_plain_sentences(app)
    assert any(MARK in str(element.value) for element in app.info)
    assert_text(app)
    assert_nothing_travels(app, MARK)
    app.switch_page("app.py" if page == "pages/2_Filters.py" else "pages/2_Filters.py").run()
    assert_plain_sentences(app)
    assert_text(app)
    assert_nothing_travels(app, MARK)


@pytest.mark.views
@pytest.mark.parametrize(
    ("page", "link"), [*VIEWS, *MORE], ids=lambda value: re.sub(r"[^\w ]+", " ", str(value))[:60]
)
def test_every_parameter_beside_the_view_is_text(
    page: str, link: dict[str, str], open_page: OpenPage
) -> None:
    given = {key: value for key, value in link.items() if MARK not in value}
    app = open_page(page, **asked(HOSTILE, given))
    assert_plain_sentences(app)
    assert_text(app)
    assert_nothing_travels(app, MARK)


@pytest.mark.views
@pytest.mark.parametrize("text", NUMBERS, ids=lambda text: repr(text)[:12])
@pytest.mark.parametrize("page", PAGES)
def test_numbers_that_are_none_are_refused_in_every_parameter(
    page: str, text: str, open_page: OpenPage
) -> None:
    app = open_page(page, **asked(text, {}))
    assert_plain_sentences(app)
    assert_text(app)
