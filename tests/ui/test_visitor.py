"""Who a visitor is, where the browser's cookie is not seen by the server (AppTest has none)."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from convviz.ui import visitor


def page() -> None:
    import streamlit as st

    from convviz.ui import visitor

    st.text(visitor.owner())
    st.text(visitor.owner())  # as where two parts of a page have jobs


def test_a_visitor_keeps_one_secret_and_no_two_visitors_share_one() -> None:
    first, second = AppTest.from_function(page), AppTest.from_function(page)
    secret = first.run().text[0].value
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret)
    assert [text.value for text in first.run().text] == [secret, secret]
    assert not first.exception
    assert second.run().text[0].value != secret


def test_the_browsers_own_secret_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    held = "x" * 43

    class Context:
        cookies = {"convviz_visitor": held}  # noqa: RUF012 - stands in for Streamlit's

    monkeypatch.setattr(visitor.st, "context", Context())
    assert AppTest.from_function(page).run().text[0].value == held


def test_a_cookie_of_another_shape_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Context:
        cookies = {"convviz_visitor": "short"}  # noqa: RUF012 - stands in for Streamlit's

    monkeypatch.setattr(visitor.st, "context", Context())
    assert AppTest.from_function(page).run().text[0].value != "short"
