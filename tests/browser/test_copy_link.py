"""Copy link: the page's address without what is the visitor's own."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

SAID = "data-convviz-said"


def button(page: Page) -> Any:
    return page.locator(".st-key-tools_copy_link button:visible").first


def test_what_is_copied_opens_the_same_view_for_others(visit: Any) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    page = visit("/Activations?network=alexnet&layer=features.3&channel=7", permissions=permissions)
    more = "job=a.b&shared=c&present=1"
    page.evaluate(f"history.replaceState(history.state, '', location + '&{more}')")
    button(page).click()
    expect(button(page).locator("p")).to_have_attribute(SAID, "Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert re.search("job=|shared=|present=", copied) is None
    for kept in ("network=alexnet", "layer=features.3", "channel=7"):
        assert kept in copied
    assert copied.startswith(page.url.partition("?")[0])
    # The second press within the two seconds leaves no “Copied” behind.
    button(page).click()
    expect(button(page).locator("p")).not_to_have_attribute(SAID, re.compile("."))
    expect(button(page)).to_have_text(re.compile("Copy link$"))


def test_the_address_stays_as_it_is(visit: Any) -> None:
    page = visit("/Architectures?side=256")
    page.evaluate("history.replaceState(history.state, '', location + '&present=1')")
    before = page.url
    button(page).click()
    expect(button(page).locator("p")).to_have_attribute(SAID, re.compile("."))
    assert page.url == before
