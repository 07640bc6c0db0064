"""Pages stand still while they load: what is on its way has its place from the start."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import LAPTOP, PHONE, a_few, settled

pytestmark = pytest.mark.browser

MOST = 0.1  # of https://web.dev/articles/cls: what users do not mind

SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const moved = entry.sources.map(({ node, previousRect: from, currentRect: to }) => {
      const element = node?.nodeType === 1 ? node : node?.parentElement;
      return `${element?.className} from ${from.y} to ${to.y}`;
    });
    window.shifts.push([entry.value, moved]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""

# What each shows last; by then nothing is on its way.
PAGES = {
    "/": ".st-key-home_flow canvas",
    "/Activations": "[data-channel]",
    "/Evidence": ".st-key-evidence_alone canvas",
    "/Filters": "[data-channel]",
    "/Architectures": ".js-plotly-plot",
    "/Reconstruction": ".st-key-reconstruction_tiles img",
    "/Transfer_learning": ".st-key-data_preview img",
    "/Training": ".st-key-training_recorded_film canvas",
    "/Auxiliary_classifiers": ".st-key-auxiliary_idea ol",
    "/Course": ".st-key-course_buttons button",
    "/Design": ".st-key-design_text textarea",
}
CASES = [f"{page} {screen}" for page in PAGES for screen in ("laptop", "phone")]


@pytest.mark.parametrize("case", a_few(CASES, ["/Activations laptop", "/Activations phone"]))
def test_a_page_stands_still_while_it_loads(warm_app: str, browser: Browser, case: str) -> None:
    path, screen = case.split()
    width, height = LAPTOP if screen == "laptop" else PHONE
    context = browser.new_context(viewport={"width": width, "height": height})
    try:
        page = context.new_page()
        page.add_init_script(SHIFTS)
        page.goto(warm_app + path)
        settled(page)
        expect(page.locator(PAGES[path]).first).to_be_attached()
        shifts = page.evaluate("window.shifts")
        assert sum(value for value, _ in shifts) < MOST, shifts
    finally:
        context.close()


def test_what_moves_is_seen(visit: Callable[..., Page]) -> None:
    """The measure itself: a page whose heading is pushed down has moved."""
    page = visit("/Filters")
    page.evaluate(SHIFTS)
    page.evaluate("document.querySelector('h1').style.marginTop = '300px'")
    page.wait_for_function("window.shifts.some(([value]) => value > 0.1)")
