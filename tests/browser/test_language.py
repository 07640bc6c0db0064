"""The choice of the language in a real browser: on the page, in the address, and for its reader."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from convviz.ui.navigation import HOME, PAGES
from tests.browser.conftest import PHONE, a_few, check_widths

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]


def test_the_switch_changes_the_page_and_what_the_browser_reads_it_in(visit: Visit) -> None:
    page = visit("/Filters?network=alexnet")
    heading, html = page.get_by_role("heading", level=1), page.locator("html")
    expect(heading).to_have_text("Filters")
    expect(html).to_have_attribute("lang", "en")
    page.locator(".st-key-lang").get_by_text("Dansk").click()
    expect(heading).to_have_text("Filtre")
    expect(html).to_have_attribute("lang", "da")
    expect(page).to_have_url(re.compile(r"[?&]lang=da\b"))
    page.reload()
    expect(heading).to_have_text("Filtre")
    page.locator(".st-key-lang").get_by_text("English").click()
    expect(heading).to_have_text("Filters")
    expect(html).to_have_attribute("lang", "en")
    page.go_back()
    expect(heading).to_have_text("Filtre")


# What is cut off: the text of an element whose box shows less of it than there is.
CLIPPED = """() => [...document.querySelectorAll("[data-testid=stMain] *")]
  .filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .filter((each) => each.clientWidth > 1 && each.scrollWidth > each.clientWidth + 1)
  .filter((each) => getComputedStyle(each).overflowX === "hidden")
  .map((each) => each.textContent)"""


@pytest.mark.parametrize(
    "name", a_few([page.title for page in (HOME, *PAGES)], ("Course", "Design"))
)
def test_danish_has_room_on_a_phone(name: str, visit: Visit) -> None:
    path = "/" if name == HOME.title else f"/{name.replace(' ', '_')}"
    width, height = PHONE
    page = visit(f"{path}?lang=da", width=width, height=height)
    expect(page.locator("html")).to_have_attribute("lang", "da")
    assert page.evaluate(CLIPPED) == []
    check_widths(page)
