"""The page Evidence in a real browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_map_is_drawn_and_a_channel_leads_to_its_inspector(visit: Any) -> None:
    page = visit("/Evidence?network=googlenet&image=cat")
    over = page.locator(".st-key-evidence_over_box")
    expect(over.locator("canvas")).to_be_visible()
    expect(page.locator(".convviz-scale").first).to_be_visible()
    first = page.locator("[class*=st-key-evidence_look_closer_]").first
    name = re.search(r"evidence_look_closer_(\d+)", first.get_attribute("class") or "")
    assert name is not None
    first.get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"/Activations\?"))
    expect(page.get_by_label("Channel of inception5b")).to_have_value(name[1])
