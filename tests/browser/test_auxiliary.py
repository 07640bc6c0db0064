"""The page Auxiliary classifiers in a browser: curves grow live, a refresh finds them, and Stop."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import AT_THE_TOP

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


def test_the_page_scrolls_to_the_run_and_to_what_came_of_it_once_each(visit: Any) -> None:
    page = visit("/Auxiliary_classifiers?aux_steps=800", reduced_motion="reduce", bypass_csp=True)
    heading = page.locator(".st-key-job_heading")
    main = page.get_by_test_id("stMain")
    page.locator(".st-key-start button").click()
    expect(page.locator(".st-key-auxiliary_live_loss .plotly")).to_be_visible()
    expect(heading).to_be_in_viewport()
    page.wait_for_function(AT_THE_TOP)
    # Whoever scrolls away is left alone while it goes on …
    page.mouse.move(900, 500)
    page.mouse.wheel(0, -2000)
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop === 0")
    before = page.get_by_test_id("stProgress").inner_text()
    expect(page.get_by_test_id("stProgress")).not_to_have_text(before)
    assert main.evaluate("main => main.scrollTop") == 0
    # … and is led to the verdict at the end.
    page.locator(".st-key-stop button").click()
    expect(page.get_by_text("You stopped it")).to_be_visible()
    page.wait_for_function(AT_THE_TOP)
