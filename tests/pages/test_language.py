"""A visitor's language: a link's, the browser's or chosen, and in it whatever is kept."""

import json
from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from convviz import language
from convviz.language import speaking, tr
from convviz.ui import state
from convviz.ui.keys import Key

OpenPage = Callable[..., AppTest]
CATALOGUE = language._catalogue
FILTERS, ARCHITECTURES = "pages/2_Filters.py", "pages/3_Architectures.py"


@pytest.fixture(autouse=True)
def english_first(open_page: OpenPage, bracketed: None) -> None:
    """Make in English what is kept for all visitors."""
    open_page(FILTERS)


@pytest.fixture
def browser_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Let the browser say its language."""

    def says(locale: str | None) -> None:
        monkeypatch.setattr(type(st.context), "locale", property(lambda self: locale))

    return says


def sound(app: AppTest) -> AppTest:
    assert [each.value for each in app.exception] == []
    assert [each.value for each in app.error] == []
    return app


def heading(app: AppTest) -> str:
    return str(app.title[0].value)


def links(app: AppTest) -> list[str]:
    found = [link.proto.query_string for link in app.sidebar.get("page_link")]
    assert found
    return found


def run(app: AppTest) -> AppTest:
    """Let the page run; AppTest asks for the options' texts, which are in the page's language."""
    with speaking(app.session_state[Key.LANGUAGE]):
        return sound(app.run())


def choose(app: AppTest, code: str) -> AppTest:
    before = app.session_state[Key.LANGUAGE]
    app.segmented_control(key="lang").set_value(code)
    with speaking(before):
        return sound(app.run())


def told_browser(app: AppTest) -> str:
    """The language that a screen reader is told."""
    [proto] = [x.proto for x in app.get("bidi_component") if "language_name" in x.proto.id]
    return str(json.loads(proto.json)["language"])


def test_a_link_brings_its_language(open_page: OpenPage) -> None:
    app = sound(open_page(FILTERS, lang="da"))
    assert heading(app) == "⟦Filters⟧"
    assert app.segmented_control(key="lang").value == "da"
    assert app.query_params["lang"] == "da"
    assert all("lang=da" in query for query in links(app))
    assert told_browser(app) == "da"


def test_the_switch_changes_the_whole_page_and_the_address(open_page: OpenPage) -> None:
    app = sound(open_page(FILTERS))
    assert (heading(app), told_browser(app)) == ("Filters", "en")
    assert "lang" not in app.query_params
    app = choose(app, "da")
    assert (heading(app), told_browser(app)) == ("⟦Filters⟧", "da")
    assert app.button(key="tools_reset").label == "⟦Reset to defaults⟧"
    assert app.query_params["lang"] == "da"
    assert all("lang=da" in query for query in links(app))
    app = choose(app, "en")
    assert (heading(app), told_browser(app)) == ("Filters", "en")
    assert app.button(key="tools_reset").label == "Reset to defaults"
    assert "lang" not in app.query_params
    assert not any("lang" in query for query in links(app))


def test_the_choice_goes_along_from_page_to_page(open_page: OpenPage) -> None:
    app = choose(open_page(ARCHITECTURES), "da")
    app = run(app.switch_page(FILTERS))
    assert heading(app) == "⟦Filters⟧"
    assert app.segmented_control(key="lang").value == "da"


@pytest.mark.parametrize(
    ("locale", "code"),
    [("da-DK", "da"), ("da", "da"), ("DA", "da"), ("sv-SE", "en"), ("", "en"), (None, "en")],
)
def test_a_visit_begins_in_the_browsers_language(
    open_page: OpenPage,
    browser_of: Callable[[str | None], None],
    locale: str | None,
    code: str,
) -> None:
    browser_of(locale)
    app = sound(open_page(FILTERS))
    assert app.segmented_control(key="lang").value == code
    assert heading(app) == {"da": "⟦Filters⟧", "en": "Filters"}[code]
    assert "lang" not in app.query_params


def test_who_has_a_danish_browser_can_read_english(
    open_page: OpenPage, browser_of: Callable[[str | None], None]
) -> None:
    browser_of("da-DK")
    app = choose(open_page(FILTERS), "en")
    assert heading(app) == "Filters"
    assert app.query_params["lang"] == "en"
    app = sound(open_page(FILTERS, lang="en"))
    assert heading(app) == "Filters"


@pytest.mark.parametrize("asked", ["xx", "", "Dansk"])
def test_a_language_that_there_is_not_is_the_usual_one(open_page: OpenPage, asked: str) -> None:
    app = sound(open_page(FILTERS, lang=asked))
    assert heading(app) == "Filters"
    assert app.segmented_control(key="lang").value == "en"
    assert "lang" not in app.query_params
    [notice] = [info.value for info in app.info if "lang" in info.value]
    assert "which does not exist here" in notice


def test_reset_keeps_the_language(open_page: OpenPage) -> None:
    app = sound(open_page(FILTERS, lang="da", network="alexnet"))
    app.button(key="tools_reset").click()
    app = run(app)
    assert heading(app) == "⟦Filters⟧"
    assert app.segmented_control(key="lang").value == "da"
    assert app.query_params["lang"] == "da"


def test_forget_my_data_keeps_the_language(open_page: OpenPage) -> None:
    app = sound(open_page(FILTERS, lang="da"))
    app.button(key="forget_my_data").click()
    app = run(app)
    assert heading(app) == "⟦Filters⟧"
    assert app.segmented_control(key="lang").value == "da"


def test_back_takes_the_whole_page_to_the_language_of_before(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = choose(open_page(FILTERS), "da")
    with monkeypatch.context() as patch:
        patch.setattr(state, "is_back_or_forward", lambda: True)
        del app.query_params["lang"]
        app = run(app)
    assert heading(app) == "Filters"
    assert app.segmented_control(key="lang").value == "en"
    assert run(app).button(key="tools_reset").label == "Reset to defaults"


def test_what_a_link_asked_for_in_vain_is_said_again_in_the_language_that_is_read(
    open_page: OpenPage,
) -> None:
    app = sound(open_page(FILTERS, filter_order="sideways"))
    assert [info.value[0] for info in app.info if "sideways" in info.value] == ["T"]
    app = choose(app, "da")
    assert [info.value[0] for info in app.info if "sideways" in info.value] == ["⟦"]


def test_an_error_is_said_again_in_the_language_that_is_read(open_page: OpenPage) -> None:
    app = open_page()
    app.file_uploader(key="home_upload").upload("none.png", b"none", "image/png").run()
    assert [error.value[0] == "⟦" for error in app.error] == [False]
    app.segmented_control(key="lang").set_value("da").run()
    assert [error.value[0] == "⟦" for error in app.error] == [True]


def test_the_danish_that_comes_along(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_catalogue", CATALOGUE)
    app = sound(open_page(FILTERS, lang="da"))
    with speaking("da"):
        assert heading(app) == tr("Filters") == "Filtre"
