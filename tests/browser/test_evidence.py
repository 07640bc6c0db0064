"""The page Evidence in a real browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, check_widths, settled

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


# What each view draws last.
VIEWS = {
    "Where it looks": ".st-key-evidence_channels",
    "Is it true?": ".st-key-evidence_start_covering",
    "A worse image": ".st-key-evidence_corruption_curve .js-plotly-plot",
    "Two networks": ".st-key-evidence_network_right_box canvas",
}


def test_views_that_are_left_while_they_are_computed_leave_nothing_behind(visit: Any) -> None:
    page = visit("/Evidence?network=alexnet&image=rocket", width=PHONE[0], height=PHONE[1])
    tabs = page.locator(".st-key-widgets_views")
    for name in (*VIEWS, *reversed(VIEWS)):
        tabs.get_by_role("radio", name=name).click()
    for name, last in VIEWS.items():
        tabs.get_by_role("radio", name=name).click()
        expect(page.locator(last).first).to_be_visible()
        settled(page)
        for other, selector in VIEWS.items():
            expect(page.locator(selector)).to_have_count(int(other == name))
        check_widths(page)
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
