"""The choice of the language in a real browser: on the page, in the address, and for its reader."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

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
