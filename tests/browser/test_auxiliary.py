"""The page Auxiliary classifiers in a browser: curves grow live, a refresh finds them, and Stop."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_both_networks_train_live_and_a_refresh_finds_them(visit: Any) -> None:
    page = visit("/Auxiliary_classifiers?aux_steps=800")
    expect(page.get_by_label("Where the heads sit")).to_be_visible()
    page.locator(".st-key-start button").click()
    expect(page.locator(".st-key-auxiliary_live_gradients .plotly")).to_be_visible()
    page.reload()
    expect(page.locator(".st-key-auxiliary_live_gradients .plotly")).to_be_visible()
    page.locator(".st-key-stop button").click()
    expect(page.get_by_text("You stopped it")).to_be_visible()
    expect(page.locator(".st-key-auxiliary_ended_gradients .plotly")).to_be_visible()
    expect(page.get_by_text("With the main loss alone the gradient is")).to_be_visible()
