"""A page saved as a worksheet: one file that says what the page said, and fetches nothing."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

PAGES = {
    "/?network=googlenet&image=cat": ("Tiny ImageNet", 3),
    "/Activations?network=alexnet&weights=random&layer=features.0&image=cat": ("64 channels", 4),
    "/Architectures": ("138,357,544", 3),
    "/Reconstruction?network=alexnet&weights=random&layer=features.0&seconds=60": ("Seconds60", 1),
}


@pytest.mark.parametrize("path", PAGES)
def test_a_worksheet_holds_the_page_and_fetches_nothing(
    visit: Callable[..., Page], tmp_path: Path, path: str
) -> None:
    page = visit(path)
    expect(page.locator(".st-key-next")).to_be_visible()  # the end of the page
    expect(page.get_by_test_id("stSpinner")).to_have_count(0)
    title = page.locator("h1").inner_text()
    ends = (
        "a => history.replaceState(history.state, '', location + (location.search ? '&' : '?') + a)"
    )
    page.evaluate(ends, "job=a&shared=b&present=1")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Worksheet").first.click()
    assert re.fullmatch(r"convviz-\w+-worksheet\.html", saved.value.suggested_filename)
    file = tmp_path / "worksheet.html"
    saved.value.save_as(file)

    text, figures = PAGES[path]
    sheet = page.context.new_page()
    asked: list[str] = []
    sheet.on("request", lambda request: asked.append(request.url))
    sheet.goto(file.as_uri())
    assert [url for url in asked if not url.startswith(("data:", file.as_uri()))] == []
    expect(sheet.locator("h1")).to_have_text(title)
    expect(sheet.locator("body")).to_contain_text(text)
    assert sheet.locator("script, link, iframe, [href]").count() == 0
    images = sheet.locator("img")
    assert images.count() >= figures
    assert images.evaluate_all(
        "all => all.every((each) => each.src.startsWith('data:image/') && each.naturalWidth > 0)"
    )
    assert sheet.locator(".question").count() == 2
    expect(sheet.locator("code").last).to_contain_text(page.url.partition("?")[0])
    expect(sheet.locator("code").last).not_to_contain_text(re.compile("job=|shared=|present="))
