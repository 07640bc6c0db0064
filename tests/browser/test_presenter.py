"""Presenter mode at 1920 × 1080: its keys, large text, and images that fill the screen."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import a_few, settled

pytestmark = pytest.mark.browser

SCREEN = {"width": 1920, "height": 1080}

# Texts that can be seen and are smaller than 24 pixels, also in components and drawings.
SMALL_TEXT = """() => {
  const small = [];
  const look = (root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.shadowRoot) look(node.shadowRoot);
      if (node.nodeType !== Node.TEXT_NODE || !node.textContent.trim()) continue;
      const parent = node.parentElement;
      if (!parent?.checkVisibility({ visibilityProperty: true })) continue;
      if (parent.closest("style, script, noscript, option, title, [data-testid=stStatusWidget]"))
        continue;
      const { width, height } = parent.getBoundingClientRect();
      if (width <= 1 || height <= 1) continue; // for screen readers
      const host = parent.getRootNode().host ?? parent;
      if (!host.closest("[data-testid=stMain], .convviz-leave")) continue;
      const scale = parent.closest("svg text")?.getScreenCTM();
      const drawn = scale ? Math.hypot(scale.a, scale.b) : 1;
      const size = drawn * parseFloat(getComputedStyle(parent).fontSize);
      if (size < 24) small.push(`${size} ${node.textContent.slice(0, 40)}`);
    }
  };
  look(document.body);
  return small;
}"""

# Pages beside the course's, of which each run looks at one.
PAGES = (
    *("/?", "/Activations?view=All+layers", "/Architectures?architectures=compare", "/Design?"),
    *("/Architectures?architectures=layers", "/Reconstruction?", "/Training?", "/Filters?"),
    *("/Activations?view=One+channel&question=Map+and+field", "/Transfer_learning?", "/Evidence?"),
    "/Auxiliary_classifiers?",
)


def presented(visit: Any, path: str) -> Page:
    """Open a page in presenter mode."""
    page: Page = visit(f"{path}&present=1", **SCREEN)
    # The mark is set by what listens to the keys.
    expect(page.locator("html")).to_have_attribute("data-convviz-present", "")
    settled(page)
    return page


def test_the_key_hides_what_can_be_pressed_and_escape_brings_it_back(visit: Any) -> None:
    page = presented(visit, "/Course?step=filters&network=alexnet&image=koala")
    for hidden in ("[data-testid=stSidebar]", ".st-key-course_buttons", ".st-key-course_steps"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator(".st-key-questions_predict [role=radiogroup]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    expect(page).not_to_have_url(re.compile("present"))
    settled(page)
    page.keyboard.press("p")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page).to_have_url(re.compile("present=1"))


def test_the_button_of_the_sidebar_begins_and_the_one_in_the_corner_ends_it(visit: Any) -> None:
    page = visit("/Architectures", **SCREEN)
    page.locator(".st-key-tools_present button:visible").first.click()
    expect(page.locator("html")).to_have_attribute("data-convviz-present", "")
    page.get_by_role("button", name="Leave (Esc)").click()
    expect(page.locator("html")).not_to_have_attribute("data-convviz-present", "")


@pytest.mark.parametrize("step", ["filters", "vgg", "reconstruction", "better"])
def test_the_course_s_text_can_be_read_from_the_back(visit: Any, step: str) -> None:
    page = presented(visit, f"/Course?step={step}&network=alexnet&image=koala")
    page.locator(".st-key-questions_predict [role=radiogroup] label").first.click()
    page.locator(".st-key-questions_check button").click()
    expect(page.locator(".st-key-questions_answer")).to_be_visible()
    settled(page)
    assert page.evaluate(SMALL_TEXT) == []


@pytest.mark.parametrize("path", a_few(PAGES, ["/Design?"]))
def test_a_page_s_text_can_be_read_from_the_back(visit: Any, path: str) -> None:
    page = presented(visit, f"{path}&network=alexnet&image=koala")
    page.wait_for_timeout(500)  # a chart is laid out anew for the room that it gets
    assert page.evaluate(SMALL_TEXT) == []


def test_arrow_keys_go_through_the_course(visit: Any) -> None:
    page = presented(visit, "/Course?step=filters&network=alexnet&image=koala")
    page.keyboard.press("ArrowRight")
    expect(page.locator("h2").first).to_have_text(re.compile(r"^3\. "))
    settled(page)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("h2").first).to_have_text(re.compile(r"^2\. "))
    settled(page)
    # Where an option is chosen, the arrow chooses another one.
    page.locator(".st-key-questions_predict input").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".st-key-questions_predict input").nth(1)).to_be_checked()
    settled(page)
    expect(page.locator("h2").first).to_have_text(re.compile(r"^2\. "))


def test_arrow_keys_go_through_the_layers(visit: Any) -> None:
    page = presented(visit, "/Activations?network=alexnet&layer=features.3&image=koala")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"layer=features\.4"))
    settled(page)
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"layer=features\.3"))


def test_maps_can_be_seen_from_the_back_of_a_room(visit: Any) -> None:
    page = presented(visit, "/Activations?network=alexnet&layer=features.0&image=koala")
    tile = page.locator("[data-channel]").first
    expect(tile).to_be_visible()
    assert tile.bounding_box()["width"] >= 1920 / 12.5  # two and a half times as wide as else
    grid = page.locator(".st-key-channel_grid_box")
    assert grid.bounding_box()["height"] <= 1080
    assert grid.evaluate("box => box.scrollHeight > box.clientHeight")  # the others come below


def test_an_image_fills_the_screen_until_a_click_or_escape(visit: Any) -> None:
    page = presented(visit, "/Course?step=filters&network=alexnet&image=koala")
    image = page.locator(".st-key-course_figure img").first
    filled = page.locator(".convviz-filled img")
    image.click()
    expect(filled).to_be_visible()
    box = filled.bounding_box()
    assert box is not None
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 1920, 1080)
    filled.click()
    expect(filled).to_have_count(0)
    image.click()
    expect(filled).to_be_visible()
    page.keyboard.press("Escape")
    expect(filled).to_have_count(0)
    expect(page.locator("html")).to_have_attribute("data-convviz-present", "")


def test_p_is_a_letter_where_text_is_typed(visit: Any) -> None:
    page = visit("/Design", **SCREEN)
    page.locator(".st-key-design_text textarea").click()
    page.keyboard.press("p")
    expect(page.locator(".st-key-design_text textarea")).to_have_value(re.compile("p"))
    expect(page.locator("html")).not_to_have_attribute("data-convviz-present", "")
