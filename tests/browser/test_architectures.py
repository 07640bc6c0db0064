"""The page Architectures in a real browser: the diagram, the laboratories, saving, a phone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
PATH = "/Architectures"


def heading(page: Page, text: str) -> None:
    expect(page.locator("h2", has_text=text).first).to_be_visible()


def test_googlenet_is_a_click_away(visit: Visit) -> None:
    page = visit(PATH)
    expect(page.get_by_text("VGG16 has 2.26 times the parameters of AlexNet")).to_be_visible()
    page.locator(".st-key-architectures_networks").get_by_role("button", name="GoogLeNet").click()
    expect(page.get_by_text("VGG16 has 2.26 times the parameters of AlexNet")).to_be_visible()
    expect(page.get_by_text("VGG16 has 21 times the parameters of GoogLeNet")).to_be_visible()
    expect(page).to_have_url(re.compile("googlenet"))


def test_a_click_on_a_block_writes_its_row_out(visit: Visit) -> None:
    page = visit(f"{PATH}?view=layers&network=googlenet")
    heading(page, "conv1")
    block = page.locator(".block[data-id='inception3b.cat()']")
    block.click()
    expect(page.get_by_text("inception3b: 4 branches side by side")).to_be_visible()
    expect(page.get_by_text("128 + 192 + 96 + 64 = 480").first).to_be_visible()
    inner = page.locator(".block[data-id='inception3b.branch3.1.conv']")
    inner.click()
    heading(page, "inception3b")
    expect(page.get_by_text("3·3·32·96 = 27,648")).to_be_visible()
    expect(page).to_have_url(re.compile(r"row=inception3b\.branch3\.1\.conv"))


def test_the_diagram_can_be_walked_with_the_keyboard(visit: Visit) -> None:
    page = visit(f"{PATH}?view=layers&network=alexnet&weights=random")
    page.locator(".block[data-id='features.0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    heading(page, "pool1")
    page.keyboard.press("End")
    heading(page, "fc8")
    assert page.locator(".block[aria-selected='true']").get_attribute("data-id") == "classifier.6"


def test_a_link_opens_the_same_row(visit: Visit) -> None:
    page = visit(f"{PATH}?view=layers&network=vgg16&weights=random&row=features.28")
    heading(page, "conv5_3")
    expect(page.get_by_text("132 + (3 − 1)·16 = 164")).to_have_count(0)
    expect(page.locator(".convviz-ledger")).to_contain_text("196")


def test_the_receptive_field_follows_the_pointer_and_can_be_saved(visit: Visit) -> None:
    page = visit(f"{PATH}?view=layers&network=alexnet&weights=random&row=features.12")
    canvas = page.locator(".st-key-architectures_field canvas")
    told = page.locator(".st-key-architectures_field p")
    expect(told).to_contain_text("Row 4 of 6, column 4 of 6")
    canvas.click(position={"x": 3, "y": 3})
    expect(told).to_contain_text("Row 1 of 6, column 1 of 6")
    canvas.press("ArrowDown")
    expect(told).to_contain_text("Row 2 of 6")
    with page.expect_download() as saved:
        page.locator(".st-key-architectures_field").get_by_role(
            "button", name="Save picture"
        ).click()
    assert saved.value.suggested_filename.endswith(".png")


def test_the_kernel_slides_and_what_is_left_is_said(visit: Visit) -> None:
    page = visit("/Course?step=filters&laboratory=True&n=10&k=3&s=2")
    where = page.locator(".st-key-course_sliding .where")
    expect(where).to_have_text("Row 1, column 1 of the output")
    lab = page.locator(".st-key-course_sliding")
    lab.get_by_role("button", name="Next stop").click()
    expect(where).to_have_text("Row 1, column 2 of the output")
    lab.locator("canvas.picture").press("ArrowDown")
    expect(where).to_have_text("Row 2, column 2 of the output")
    expect(page.get_by_text("1 pixel at the far edge is left over and dropped")).to_be_visible()
    play = lab.locator(".play")
    play.click()
    expect(where).to_have_text("Row 4, column 4 of the output")
    play.click()


def test_drawings_can_be_saved(visit: Visit) -> None:
    page = visit(f"{PATH}?view=lessons&lesson=stack")  # an older link: it opens the course
    with page.expect_download() as saved:
        page.locator(".st-key-course_stack").get_by_role("button", name="Save drawing").click()
    text = saved.value.path().read_text("utf-8")
    assert text.startswith("<svg")
    assert "currentColor" not in text
    page = visit(f"{PATH}?view=layers&network=googlenet", dark=True)
    with page.expect_download() as saved:
        page.locator(".st-key-architectures_diagram").get_by_role(
            "button", name="Save drawing"
        ).click()
    assert saved.value.suggested_filename == "googlenet-224.svg"
    assert "var(--" not in saved.value.path().read_text("utf-8")


def test_nothing_sticks_out_of_a_phone(visit: Visit) -> None:
    page = visit(PATH, width=390, height=844, touch=True)
    address = page.url.split("?")[0]
    for link in (
        "view=compare",
        "view=layers&network=googlenet&row=inception4a.cat()",
        "view=lessons&lesson=inception",
        "view=lessons&lesson=auxiliary",
        "view=papers&paper=googlenet",
    ):
        page.goto(f"{address}?{link}")
        expect(
            page.get_by_test_id("stDownloadButton").or_(page.locator("canvas")).first
        ).to_be_visible()
        expect(page.get_by_test_id("stSpinner")).to_have_count(0)
        main = page.get_by_test_id("stMain")
        assert main.evaluate("main => main.scrollWidth <= main.clientWidth"), link
