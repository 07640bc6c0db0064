"""The page Training in a browser: the slider by keyboard, and the link to a moment."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_the_slider_walks_through_the_training_and_the_link_follows(visit: Any) -> None:
    page = visit("/Training?image=cat")
    maps = page.get_by_alt_text("All channels' maps")
    expect(maps).to_be_visible()
    first = maps.get_attribute("src")
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("End")
    expect(page.get_by_text("after 8,302 steps")).to_be_visible()
    expect(page).to_have_url(re.compile("moment=8302"))
    expect(maps).not_to_have_attribute("src", first or "")
    page.reload()
    expect(page.get_by_text("after 8,302 steps")).to_be_visible()
