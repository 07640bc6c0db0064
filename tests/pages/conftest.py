"""The real app, run without a browser."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from convviz.jobs.job import JobView
from convviz.ui import jobs, shared_work
from convviz.ui.jobs import PageJobs
from tests.scanned_once import components_are_looked_for_once

__all__ = ["components_are_looked_for_once"]  # holds for all tests of this folder

ROOT = Path(__file__).parents[2]

OpenPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def no_results_of_other_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let visitors share work with those of the same test only: all tests have one runner."""

    def sharing(*args: Any, **options: Any) -> shared_work.Sharing:
        shared = shared_work.sharing(*args, **options)
        same = hashlib.sha256(f"{tmp_path} {shared.same}".encode()).hexdigest()
        return replace(shared, same=same) if shared.same else shared

    monkeypatch.setattr(jobs, "sharing", sharing)


@pytest.fixture
def open_page() -> OpenPage:
    """Open a page as a new visitor: `open_page("pages/1_Activations.py", network="alexnet")`."""

    def opened(file: str = "app.py", **link: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        if file != "app.py":
            app.switch_page(file)
        for key, value in link.items():
            app.query_params[key] = value
        return app.run()

    return opened


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> Callable[[JobView], None]:
    """Let pages find a job that waits for its turn."""

    def found(view: JobView) -> None:
        monkeypatch.setattr(PageJobs, "find", lambda self: view)
        monkeypatch.setattr(PageJobs, "_watch", lambda self, view, draw, phase: draw(view))

    return found
