"""Whatever goes wrong on a page: one sentence with an id that the log has, and nothing else."""

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.testing.v1 import AppTest

from convviz.errors import SettingError
from convviz.language import speaking, tr
from convviz.ui import errors

SECRET = "secret /home/u/token.txt"
FAULTS = (
    *(RuntimeError, ValueError, KeyError, TypeError, OSError, MemoryError, ZeroDivisionError),
    *(OverflowError, AttributeError, UnicodeError),
)
PLACES = ("page", "boundary", "callback", "fragment", "nested fragment", "cache", "guarded")


def page() -> None:
    import builtins

    import streamlit as st

    from convviz.errors import SettingError
    from convviz.ui import errors, shell  # noqa: F401 - the shell is what a page has

    kind = st.session_state.get("kind", "RuntimeError")
    where = st.session_state.get("where", "")

    def fail() -> None:
        error = SettingError if kind == "SettingError" else getattr(builtins, kind)
        raise error("secret /home/u/token.txt")

    @errors.fragment
    def part() -> None:
        st.text("part")
        if where == "fragment":
            fail()

    @st.fragment
    def bare_part() -> None:
        if where == "nested fragment":
            fail()

    @st.cache_resource
    def cached(kind: str) -> None:
        fail()

    errors.draw_kept()
    errors.forget_kept()
    st.text("before")
    st.button("callback", on_click=fail)
    st.button("guarded", on_click=errors.guarded(fail))
    with errors.errors():
        if where == "boundary":
            fail()
        if where == "cache":
            cached(kind)
    part()
    with errors.errors():
        bare_part()
    if where != "page":
        st.text("after")
    else:
        fail()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand the scripts what the server hands them."""
    begin = ScriptRunner.__init__

    def with_handler(self: ScriptRunner, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs, on_script_error=errors.uncaught)

    monkeypatch.setattr(ScriptRunner, "__init__", with_handler)


def ids(records: list[logging.LogRecord]) -> list[str]:
    return [
        record.getMessage().removeprefix("error ")
        for record in records
        if record.name == errors.__name__
    ]


def texts(at: AppTest) -> Iterator[str]:
    for element in at:
        yield str(getattr(element, "proto", ""))


@pytest.mark.claims("convviz.ui.errors.fault", "convviz.errors.memory_short")
@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("where", PLACES)
def test_a_fault_is_one_sentence_with_the_id_that_the_log_has(
    where: str, kind: type[Exception], served: None, caplog: pytest.LogCaptureFixture
) -> None:
    at = AppTest.from_function(page)
    at.session_state["kind"] = kind.__name__
    if where in ("callback", "guarded"):
        at.run()
        next(button for button in at.button if button.label == where).click().run()
    else:
        at.session_state["where"] = where
        at.run()
    assert not at.exception
    (shown,) = at.error
    (logged,) = set(ids(caplog.records))
    assert re.search(r"\(error ([0-9a-f]{8})\)", shown.value)[1] == logged  # type: ignore[index]
    assert ("not enough memory" in shown.value) == (kind is MemoryError)
    assert "secret" not in " ".join(texts(at))
    drawn = [element.value for element in at.text]
    assert "before" in drawn
    assert ("after" in drawn) == (where != "page")
    at.session_state["where"] = ""
    at.run()
    assert not at.error


@pytest.mark.parametrize("where", PLACES)
def test_a_users_own_mistake_is_said_in_its_words_and_not_logged(
    where: str, served: None, caplog: pytest.LogCaptureFixture
) -> None:
    at = AppTest.from_function(page)
    at.session_state["kind"] = SettingError.__name__
    if where in ("callback", "guarded"):
        at.run()
        next(button for button in at.button if button.label == where).click().run()
    else:
        at.session_state["where"] = where
        at.run()
    assert [error.value for error in at.error] == [SECRET]
    assert ids(caplog.records) == []


def test_a_part_that_fails_every_second_is_logged_once(
    served: None, caplog: pytest.LogCaptureFixture
) -> None:
    at = AppTest.from_function(page)
    at.session_state["where"] = "fragment"
    shown = {at.run().error[0].value for _ in range(5)}
    assert len(shown) == 1
    assert len(ids(caplog.records)) == 1


def test_no_part_of_a_page_runs_by_itself_outside_the_boundary() -> None:
    from pathlib import Path

    ui = Path(errors.__file__).parent
    users = {
        file.relative_to(ui).as_posix()
        for file in ui.rglob("*.py")
        if re.search(r"\bst\.fragment\b(?!`)", file.read_text(encoding="utf-8"))
    }
    assert users == {"errors.py"}


def test_a_users_error_is_said_in_the_language_that_is_read(bracketed: None) -> None:
    error = SettingError(tr("choose {least:,} or more", least=1000))
    assert errors.sentence(error) == "choose 1,000 or more"
    with speaking("da"):
        assert errors.sentence(error) == "⟦choose 1.000 or more⟧"
