"""Presenter mode: what is clicked fills the screen as the page shows it, and nothing else."""

import re
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

SCREEN = {"width": 1920, "height": 1080}
ALEXNET = "image=koala&network=alexnet&weights=random&layer=features.0&present=1"
# How many of the pixels of an image are not opaque, and its width and height.
PIXELS = """async (image) => {
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let clear = 0;
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 255) clear += 1;
    colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  }
  return [clear, canvas.width, canvas.height, colours.size];
}"""


def filled(page: Page) -> Locator:
    """What fills the screen."""
    image = page.locator(".convviz-filled img")
    expect(image).to_be_visible()
    expect(image).to_have_attribute("src", re.compile("."))  # it is drawn first
    assert image.bounding_box() == {"x": 0, "y": 0, **SCREEN}
    return image


def emptied(page: Page) -> None:
    """Escape shows the page again, in presenter mode still."""
    page.keyboard.press("Escape")
    expect(page.locator(".convviz-filled")).to_have_count(0)
    expect(page).to_have_url(re.compile("present=1"))


def test_a_channel_fills_the_screen_and_so_does_the_grid(visit: Any) -> None:
    page = visit(f"/Activations?{ALEXNET}", **SCREEN)
    tile = page.locator(".grid .tile:has(.map:not(.empty))").nth(5)
    number = tile.get_attribute("data-channel")
    tile.click()
    # A map of AlexNet's first layer has 55 × 55 values, each a pixel here.
    assert filled(page).evaluate(PIXELS)[:3] == [0, 55, 55]
    label = re.compile(rf"\b{number}\b")
    expect(page.locator(".convviz-filled")).to_have_attribute("aria-label", label)
    emptied(page)
    expect(page).to_have_url(re.compile(rf"channel={number}(&|$)"))  # it is picked as well
    grid = page.locator(".grid[role=listbox]")
    box = grid.bounding_box()
    assert box is not None
    first, second = (grid.locator(".tile").nth(n).bounding_box() for n in (0, 1))
    assert first is not None
    assert second is not None
    between = (first["x"] + first["width"] + second["x"]) / 2
    page.mouse.click(between, first["y"] + first["height"] / 2)
    _, width, height, colours = filled(page).evaluate(PIXELS)
    assert width / height == pytest.approx(box["width"] / box["height"], rel=0.02)
    assert colours > 50
    emptied(page)


def test_a_stage_of_the_network_fills_the_screen_and_opens_no_page(visit: Any) -> None:
    page = visit("/?image=koala&network=alexnet&weights=random&present=1", **SCREEN)
    page.locator(".stage canvas").first.click()
    filled(page)
    page.wait_for_timeout(1000)  # that nothing happens no event tells
    expect(page.get_by_role("heading", level=1)).to_have_text("Look inside a ConvNet")
    emptied(page)


def test_a_map_over_the_image_fills_the_screen_with_the_image(visit: Any) -> None:
    page = visit(f"/Activations?{ALEXNET}", **SCREEN)
    page.locator(".stage[role=img] canvas").first.click()
    clear, _, _, colours = filled(page).evaluate(PIXELS)
    assert clear == 0
    assert colours > 1000  # the photograph's
    emptied(page)


def test_a_chart_fills_the_screen_with_its_words(visit: Any) -> None:
    page = visit("/Reconstruction?image=koala&network=alexnet&present=1", **SCREEN)
    chart = page.locator(".js-plotly-plot").first
    words = chart.locator(".gtitle, .legendtext, .xtitle, .ytitle").all_text_contents()
    assert words
    chart.click(position={"x": 200, "y": 100})
    source = unquote(str(filled(page).get_attribute("src")))
    assert [word for word in words if word not in source] == []
    assert len(re.findall("main-svg", source)) > 1
    emptied(page)


def test_where_a_click_means_a_place_nothing_fills_the_screen(visit: Any) -> None:
    page = visit(f"/Activations?{ALEXNET}&view=One+channel", **SCREEN)
    stage = page.locator(".stage.map[role=application]")
    stage.click(position={"x": 10, "y": 10})
    picked = page.locator(".cell.picked").get_attribute("style")
    stage.click(position={"x": 100, "y": 100})
    expect(page.locator(".cell.picked")).not_to_have_attribute("style", str(picked))
    expect(page.locator(".convviz-filled")).to_have_count(0)
