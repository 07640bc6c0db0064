"""The page Design in a real browser: built from nothing, changed, undone, and kept by the link."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]


def test_lenet_is_built_from_nothing_and_the_link_keeps_it(visit: Visit) -> None:
    page = visit("/Design?design=small-googlenet")
    area = page.locator(".st-key-design_text textarea")
    total = page.get_by_test_id("stMetricValue").first
    chosen = page.locator(".st-key-design_line input")
    area.fill("input 1x32x32\nconv 6 5x5")
    area.press("Control+Enter")
    expect(total).to_have_text("156")  # 6 · 25 + 6
    for block in ("relu", "maxpool 2x2", "conv 16 5x5", "relu", "maxpool 2x2", "fc 10"):
        lines = len(area.input_value().splitlines())
        added = page.locator(".st-key-design_added input")
        if lines == 2:  # from then on the line that was added is chosen
            chosen.click()
            page.get_by_role("option", name="2 · conv 6 5x5").click()
            expect(chosen).to_have_value("2 · conv 6 5x5")
        added.fill(block)
        added.press("Enter")
        expect(chosen).to_have_value(f"{lines + 1} · {block}")
    expect(area).to_have_value(re.compile(r"maxpool 2x2\nfc 10$"))
    expect(total).to_have_text("6,582")  # 156 + 16 · 6 · 25 + 16 + 400 · 10 + 10
    page.locator(".st-key-design_undo button").click()
    expect(total).to_have_text("2,572")
    page.locator(".block[data-id='conv2']").click()
    expect(chosen).to_have_value("5 · conv 16 5x5")
    block = page.locator("[class*=st-key-design_block_] input")
    block.fill("conv 17 5x5")
    block.press("Enter")
    expect(chosen).to_have_value("5 · conv 17 5x5")
    area.fill(area.input_value().replace("conv 17 5x5", "conv 16 19x19"))
    area.press("Control+Enter")
    expect(page.get_by_text("Line 5: a 19×19 kernel on a 14×14 map")).to_be_visible()
    expect(chosen).to_have_value("5 · conv 16 19x19")
    expect(page).to_have_url(re.compile("design=eN"))
    page.reload()
    expect(area).to_have_value(re.compile("conv 16 19x19"))
    page.locator(".st-key-design_start input").click()
    page.get_by_role("option", name="LeNet-5").click()
    expect(total).to_have_text("61,706")
    with page.expect_download() as download:
        page.get_by_role("button", name="Take it home").click()
    assert "class LeNet5(nn.Module):" in Path(download.value.path()).read_text("utf-8")


def test_one_change_is_trained_to_a_verdict_and_looked_into(visit: Visit) -> None:
    page = visit(
        "/Design?design=lenet5&design_view=train&design_b=change-norm&design_equal=epochs"
        "&design_epochs=2&design_seeds=1"
    )
    page.locator(".st-key-start button").click()
    expect(page.get_by_text("One seed:")).to_be_visible(timeout=180_000)
    moment = page.get_by_role("slider", name="Moment of the training")
    expect(moment).to_be_visible()
    moment.press("Home")
    expect(moment).to_have_attribute("aria-valuetext", "step 0")
    page.get_by_role("link", name="Activations", exact=True).first.click()
    page.locator(".st-key-network input").click()
    page.get_by_role("option", name="LeNet-5, norm").click()
    expect(page.get_by_text("of LeNet-5, norm, convolution: 6 maps of 28 × 28")).to_be_visible()
    expect(page).to_have_url(re.compile("network=design-lenet-5-norm-"))
