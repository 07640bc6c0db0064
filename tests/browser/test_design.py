"""The page Design in a real browser: built from nothing, changed, undone, and kept by the link."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from convviz.networks.design_link import to_link

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


def test_a_lenet_from_an_empty_text_and_one_change_go_to_a_verdict_and_are_looked_into(
    visit: Visit,
) -> None:
    page = visit("/Design")
    area = page.locator(".st-key-design_text textarea")
    chosen = page.locator(".st-key-design_line input")
    area.fill("")
    area.press("Control+Enter")
    expect(chosen).to_have_count(0)
    blocks = (
        *("name mine", "input 1x28x28", "conv 6 5x5 p2", "relu", "maxpool 2x2", "conv 16 5x5"),
        *("relu", "maxpool 2x2", "fc 120", "relu", "fc 84", "relu", "fc 10"),
    )
    for number, block in enumerate(blocks, 1):
        # The field of before stands beside its successor for a moment.
        added = page.get_by_label("Add the first line" if number < 3 else "Add below")
        added.fill(block)
        added.press("Enter")
        if number > 1:  # a name is none of the lines that can be chosen
            expect(chosen).to_have_value(f"{number} · {block}")
        else:
            expect(area).to_have_value("name mine\n")
        expect(page.locator(".st-key-design_added input")).to_have_value("")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("61,706")
    text = "\n".join((*blocks, ""))
    expect(area).to_have_value(text)
    page = visit(
        f"/Design?design={to_link(text)}&design_view=train&design_b=change-norm"
        "&design_equal=epochs&design_epochs=2&design_seeds=2"
    )
    page.locator(".st-key-start button").click()
    verdict = re.compile("No difference that these|is better on these data")
    # The recorded comparison, which is there before, has a verdict but no results to save.
    expect(page.get_by_role("button", name="Results (CSV)")).to_be_visible(timeout=180_000)
    expect(page.get_by_text(verdict)).to_be_visible()
    expect(page.locator(".st-key-design_train_difference")).to_be_visible()
    expect(page.get_by_text("has 61,026 parameters here in the place of 61,706")).to_be_visible()
    moment = page.get_by_role("slider", name="Moment of the training")
    expect(moment).to_be_visible()
    moment.press("Home")
    expect(moment).to_have_attribute("aria-valuetext", "step 0")
    page.get_by_role("link", name="Activations", exact=True).first.click()
    page.locator(".st-key-network input").click()
    page.get_by_role("option", name="mine, norm").click()
    expect(page.get_by_text("of mine, norm, convolution: 6 maps of 28 × 28")).to_be_visible()
    expect(page).to_have_url(re.compile("network=design-mine-norm-"))
