"""No barrier on any page, in light and dark: axe-core finds nothing serious, headings are in order.

Contrast is looked at with a segment just clicked, which Streamlit then draws on a stronger wash.
"""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import a_few, settled

pytestmark = pytest.mark.browser

ALEXNET = "network=alexnet&layer=features.0"
# Of each view: its address, and what is clicked in it before it is looked at.
VIEWS = {
    "Home": ("/", ""),
    "Activations": (f"/Activations?{ALEXNET}", ""),
    "Arithmetic": ("/Activations?layer=features.3&view=One+channel&question=Arithmetic", ""),
    "Evidence": ("/Evidence?network=alexnet", ""),
    "Worse image": ("/Evidence?network=alexnet&evidence=A+worse+image", ""),
    "Filters": (f"/Filters?{ALEXNET}", ""),
    "Compare": ("/Architectures", ".st-key-axis button >> nth=1"),
    "Layer by layer": ("/Architectures?architectures=layers&network=googlenet", ""),
    "Course": ("/Course?step=empty", ""),
    "Inception": ("/Course?step=inception&laboratory=True", ""),
    "Pooling": ("/Course?step=gap&laboratory=True", ""),
    "Auxiliary lesson": ("/Course?step=auxiliary&laboratory=True", ""),
    "Papers": ("/Architectures?architectures=papers", ".st-key-paper button >> nth=1"),
    "Design": ("/Design?design=small-googlenet", ""),
    "Two designs": ("/Design?design_view=train", ""),
    "Sweep": ("/Design?design_view=sweep", ".st-key-design_sweep_axes button >> nth=0"),
    "Reconstruction": (f"/Reconstruction?{ALEXNET}", ".st-key-series button >> nth=1"),
    "Amplify": (f"/Reconstruction?{ALEXNET}&series=amplify", ""),
    "Transfer learning": ("/Transfer_learning?network=alexnet", ""),
    "Classes": ("/Transfer_learning?network=alexnet&transfer=separate", ""),
    "Recorded training": ("/Training", ""),
    "Live training": ("/Training", ".st-key-watch button >> nth=1"),
    "Auxiliary classifiers": ("/Auxiliary_classifiers", ""),
}
QUICK = ("Home", "Activations", "Compare", "Reconstruction", "Live training")
OPTIONS = {
    "resultTypes": ["violations"],
    "rules": {"label-content-name-mismatch": {"enabled": True}},
}


@pytest.mark.parametrize("view", a_few(VIEWS, QUICK))
def test_no_barrier_in_light_and_dark(visit: Callable[..., Page], view: str) -> None:
    path, click = VIEWS[view]
    page = visit(path, bypass_csp=True)  # for axe's own script
    if click:
        page.locator(click).click()
        settled(page)
    expect(page.locator(".st-key-next")).to_be_visible()
    light = ground(page)
    assert barriers(page) == []
    page.emulate_media(color_scheme="dark")
    expect(page.locator(".stApp")).not_to_have_css("background-color", light)
    assert barriers(page) == []
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(h => h.tagName)")
    assert levels[0] == "H1"
    assert levels.count("H1") == 1


def ground(page: Page) -> str:
    colour = "app => getComputedStyle(app).backgroundColor"
    return str(page.locator(".stApp").evaluate(colour))


def barriers(page: Page) -> list[str]:
    """Look until nothing is found, or twice the same: text that fades has little contrast."""
    before, found = None, looked_at(page)
    while found and found != before:
        page.wait_for_function(
            "document.getAnimations().every(a => a.playState !== 'running'"
            " || a.effect.getTiming().iterations === Infinity)"
        )
        before, found = found, looked_at(page)
    return found


def looked_at(page: Page) -> list[str]:
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [
        said(one)
        for one in found
        if one["impact"] in ("serious", "critical") or one["id"] == "heading-order"
    ]


def said(violation: dict[str, Any]) -> str:
    places = [f"{node['target']}: {node['failureSummary']}" for node in violation["nodes"][:3]]
    return f"{violation['id']} ({violation['impact']}): " + "; ".join(places)
