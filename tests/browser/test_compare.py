"""Two sides that follow each other, in a real browser."""

import re
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, check_widths

pytestmark = pytest.mark.browser

COMPARE = "/Activations?network=googlenet&layer=inception4a&view=Compare"


def grid(page: Any, side: str) -> Any:
    return page.locator(f".st-key-activations_compare_{side}").get_by_role("listbox")


def test_what_is_pointed_at_or_picked_on_one_side_is_marked_on_the_other(visit: Any) -> None:
    page = visit(COMPARE)
    left, right = grid(page, "left"), grid(page, "right")
    expect(left.get_by_role("option")).to_have_count(512)
    left.get_by_role("option").nth(0).hover()
    expect(right.locator(".pointed")).to_have_attribute("data-channel", "0")
    right.get_by_role("option").nth(9).click()
    picked = '[aria-selected="true"]'
    expect(left.locator(picked)).to_have_attribute("data-channel", "9")
    expect(page.get_by_text("Channel 9", exact=True)).to_have_count(2)
    boxes = [page.locator(f".st-key-activations_compare_{side}") for side in ("left", "right")]
    tops = [each.evaluate("box => box.getBoundingClientRect().top") for each in boxes]
    assert tops[0] == pytest.approx(tops[1], abs=1)  # however the lines above them break
    left.locator(picked).focus()
    page.keyboard.press("ArrowRight")
    expect(right.locator(picked)).to_have_attribute("data-channel", "10")
    expect(page.get_by_text("Channel 10", exact=True)).to_have_count(2)
    page.locator(".st-key-activations_compare_closer_right button:visible").first.click()
    expect(page.get_by_label("Channel of inception4a")).to_have_value("10")


def test_the_picked_channel_is_in_sight_on_both_sides(visit: Any) -> None:
    page = visit(COMPARE + "&channel=500")
    page.locator(".st-key-activations_save_compare_left").scroll_into_view_if_needed()
    for side in ("left", "right"):
        expect(grid(page, side).locator('[data-channel="500"]')).to_be_in_viewport()


def test_layers_with_other_channels_have_a_pick_each(visit: Any) -> None:
    page = visit(COMPARE + "&compare=Two+layers")
    left, right = grid(page, "left"), grid(page, "right")
    before = left.locator('[aria-selected="true"]').get_attribute("data-channel")
    right.get_by_role("option").nth(4).click()
    expect(page.get_by_text("Channel 4", exact=True)).to_be_visible()
    expect(left.locator('[aria-selected="true"]')).to_have_attribute("data-channel", before)


def test_a_second_picture_of_ones_own_and_one_that_is_refused(visit: Any) -> None:
    page = visit(COMPARE + "&beside=upload")
    expect(page.get_by_text("Bring a second picture")).to_be_visible()
    file = BytesIO()
    Image.radial_gradient("L").convert("RGB").save(file, "PNG")
    upload = page.locator(".st-key-activations_second_image_upload input[type=file]")
    rings = {"name": "rings.png", "mimeType": "image/png", "buffer": file.getvalue()}
    upload.set_input_files(rings)
    expect(page.get_by_text(re.compile("rings.png, inception4a of GoogLeNet"))).to_be_visible()
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"nonsense"}
    page.locator(".st-key-activations_second_image_upload input[type=file]").set_input_files(broken)
    expect(page.get_by_text("The picture in use has not changed.")).to_be_visible()


def test_nothing_is_wider_than_the_screen(visit: Any) -> None:
    check_widths(visit(COMPARE, width=PHONE[0], height=PHONE[1]))
