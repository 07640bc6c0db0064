"""One channel up close and the page Filters, in a real browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

CHANNEL = "/Activations?network=googlenet&layer=inception4a&view=One+channel&channel=100"
SIZES = [(1440, 900), (390, 844)]


def read(page: Page) -> Any:
    return page.locator(".st-key-field_view .read")


@pytest.mark.claims("convviz.ui.components.position_map.draw")
def test_pointing_and_arrow_keys_move_the_position(visit: Any) -> None:
    page = visit(CHANNEL)
    map_ = page.locator(".st-key-field_view .stage.map")
    expect(read(page)).to_contain_text("Row")
    expect(map_).to_have_attribute("aria-label", re.compile("the arrow keys move the chosen"))
    box = map_.bounding_box()
    map_.click(position={"x": 8, "y": 8})
    expect(read(page)).to_contain_text("Row 1, column 1")
    expect(page.get_by_text("What matters at row 1, column 1")).to_be_visible()
    # A corner sees less: its frame begins at the image's own corner.
    expect(page.locator(".st-key-field_view .seen")).to_contain_text("columns 1 to")
    map_.press("ArrowRight")
    map_.press("ArrowDown")
    expect(page.get_by_text("What matters at row 2, column 2")).to_be_visible()
    map_.hover(position={"x": box["width"] - 8, "y": box["height"] - 8})
    expect(read(page)).to_contain_text("Row 8, column 8")


def test_arrow_keys_step_through_the_channels(visit: Any) -> None:
    page = visit(CHANNEL)
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("channel=101"))
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("channel=100"))


def test_from_the_grid_to_the_channel_and_its_patches(visit: Any) -> None:
    page = visit("/Activations?network=googlenet&layer=conv1")
    page.get_by_role("option").nth(3).click()
    expect(page.get_by_role("heading", name="Channel 3", exact=True)).to_be_visible()
    page.locator(".st-key-activations_look_closer button:visible").first.click()
    expect(page.get_by_label("Channel of conv1")).to_have_value("3")
    page.get_by_role("radio", name="What stimulates it").click()
    page.locator(".st-key-activations_start_patches button:visible").first.click()
    expect(page.get_by_text("The 5 strongest patches")).to_be_visible(timeout=90_000)
    expect(page.locator(".st-key-activations_patches img")).to_have_count(5)
    expect(page.get_by_text("Alive over N = 83 crops of 5 photographs")).to_be_visible()


def test_a_filter_leads_to_its_channel(visit: Any) -> None:
    page = visit("/Filters?network=googlenet&layer=conv1")
    page.get_by_role("option").nth(5).click()
    expect(page.get_by_role("heading", name="Filter 5", exact=True)).to_be_visible()
    page.get_by_role("button", name="Look closer at this channel").click()
    expect(page.get_by_label("Channel of conv1")).to_have_value("5")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "path",
    [
        CHANNEL,
        CHANNEL + "&question=Arithmetic",
        CHANNEL + "&question=Switch+it+off",
        "/Filters?network=googlenet&layer=inception4a",
    ],
)
def test_nothing_is_wider_than_the_screen(visit: Any, path: str, size: tuple[int, int]) -> None:
    page = visit(path, width=size[0], height=size[1])
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= size[0]
