"""What each page keeps of the visitor's choices, held against tests/golden/choices.json.

The quick test opens each scene by a link with all of its changed values, goes to another page and
comes back, and reloads. The full one (`make choices`) plays every scene by hand, as the table was
recorded: see tests/golden/record_choices.py.
"""

import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
RECORDER = Path(__file__).parents[1] / "golden" / "record_choices.py"


def _recorder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("record_choices", RECORDER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their module
    spec.loader.exec_module(module)
    return module


recorder = _recorder()
SCENES = dict(recorder.table())
# The others hold the same mechanism to more names; tests/browser/test_history.py opens, reloads and
# goes back on each page.
QUICK = ("activations-layer", "architectures-compare", "transfer")


def eventually(page: Page, read: Callable[[], Any], expected: Any, patience: float = 30) -> None:
    """Look until it is as expected; the last look is what the test is told."""
    end = time.monotonic() + patience
    while (got := read()) != expected and time.monotonic() < end:
        page.wait_for_timeout(100)  # Playwright hears of a new address only while it waits itself
    assert got == expected


@pytest.mark.parametrize("name", QUICK)
def test_a_link_opens_the_choices_and_they_last(visit: Visit, name: str) -> None:
    scene, part = SCENES[name]
    changes = {change.key: change for change in scene.changes}
    rows = [row for row in part["choices"] if row["parameter"]]
    wanted = [(changes[row["key"]].selector, changes[row["key"]].attribute) for row in rows]
    kept = [row["after_reload"] for row in rows]

    page = visit(recorder.address(scene.path, scene.open))
    eventually(page, lambda: recorder.query(page), part["address_at_first"])

    page = visit(recorder.address(scene.path, part["address_reloaded"]))
    eventually(page, lambda: recorder.values(page, wanted), kept)
    eventually(page, lambda: recorder.query(page), part["address_reloaded"])

    recorder.go(page, scene.elsewhere)
    eventually(page, lambda: recorder.query(page), part["address_elsewhere"])
    recorder.go(page, scene.path)
    eventually(page, lambda: recorder.values(page, wanted), kept)
    eventually(page, lambda: recorder.query(page), part["address_back"])

    page.reload()
    eventually(page, lambda: recorder.values(page, wanted), kept)
    eventually(page, lambda: recorder.query(page), part["address_back"])


@pytest.mark.choices
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", list(SCENES))
def test_every_choice_is_kept_as_it_was_recorded(
    warm_app: str, browser: Browser, name: str
) -> None:
    scene, part = SCENES[name]
    context = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    try:
        assert recorder.record(context.new_page(), warm_app, scene) == part
    finally:
        context.close()


def test_links_to_other_pages_carry_the_choices_that_pages_share(
    warm_app: str, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    try:
        assert recorder.walk(context.new_page(), warm_app) == recorder.recorded_walk()
    finally:
        context.close()
