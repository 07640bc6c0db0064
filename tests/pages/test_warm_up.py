"""What the server makes ready after its start, so that its first visitor does not wait for it."""

import logging
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from convviz.errors import NetworkError
from convviz.features import activations, overview, predictions
from convviz.learning import recording
from convviz.structure import costs
from convviz.ui import navigation, warm_up
from convviz.ui.cache import ACTIVATIONS


def refused(*_args: object, **_others: object) -> Any:
    raise AssertionError("a visitor had to wait for this")


@pytest.mark.timeout(300)
def test_nothing_that_pages_begin_with_is_left_for_the_first_visitor(
    open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    st.cache_resource.clear()
    ACTIVATIONS.clear()
    warm_up.prepare()
    for module, name in (
        (overview, "overview"),
        (predictions, "predict"),
        (activations, "activations_of"),
        (costs, "count"),
        (recording, "snapshot"),
    ):
        monkeypatch.setattr(module, name, refused)
    begun = ("1_Activations", "3_Architectures", "6_Training")
    for page in ("app.py", *(f"pages/{name}.py" for name in begun)):
        app = open_page(page)
        assert not app.error
        assert not app.exception


def test_every_page_has_its_module_where_it_is_looked_for() -> None:
    for page in (navigation.HOME, *navigation.PAGES):
        module = import_module(f"convviz.ui.{page.folder}.page")
        assert callable(module.draw)


def test_a_page_that_cannot_be_made_ready_is_logged_and_the_others_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[str] = []

    class Fake(ModuleType):
        def prepare(self, image: object, network: object) -> None:
            if "activations" in self.__name__:
                raise RuntimeError("no")
            made.append(self.__name__)

    monkeypatch.setattr(warm_up, "_first_choice", lambda: (None, None))
    monkeypatch.setattr(warm_up, "import_module", Fake)
    with caplog.at_level(logging.ERROR, logger=warm_up.__name__):
        warm_up.prepare()
    assert "the page Activations could not be made ready" in caplog.text
    assert "convviz.ui.home.page" in made
    assert "convviz.ui.design.page" in made
    assert len(made) == len(navigation.PAGES)


def test_what_a_page_cannot_have_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Fake(ModuleType):
        def prepare(self, image: object, network: object) -> None:
            if "architectures" in self.__name__:
                raise NetworkError("LeNet cannot take an image of 224×224 pixels.")

    monkeypatch.setattr(warm_up, "_first_choice", lambda: (None, None))
    monkeypatch.setattr(warm_up, "import_module", Fake)
    with caplog.at_level(logging.DEBUG, logger=warm_up.__name__):
        warm_up.prepare()
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.DEBUG, None)
    assert "Architectures was made ready in part: LeNet cannot take" in record.getMessage()
