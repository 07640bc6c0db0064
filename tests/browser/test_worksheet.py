"""A page saved as a worksheet: one file that says what the page said, and fetches nothing."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from convviz.language import LANGUAGES, speaking, tr
from convviz.ui.course.steps import by_name

pytestmark = pytest.mark.browser

PAGES = {
    "/?network=googlenet&image=cat": (
        "python -m convviz overview sample:cat",
        2 + 12 * 3,
    ),  # three maps of each stage
    "/Activations?network=alexnet&weights=random&layer=features.0&image=cat": ("64 channels", 4),
    "/Architectures": ("138,357,544", 3),
    "/Reconstruction?network=alexnet&weights=random&layer=features.0&seconds=60": ("Seconds60", 1),
    "/Evidence?network=alexnet&image=cat": ("python -m convviz evidence sample:cat", 2),
    "/Filters?network=alexnet&layer=features.0": ("python -m convviz filters", 1),
    "/Training": ("No command line makes this view", 1),
    "/Auxiliary_classifiers": ("trained on the page alone", 0),
    "/Transfer_learning?network=alexnet": ("python -m convviz train directions", 1),
    "/Design?design=small-vgg": ("python -m convviz design start:small-vgg", 1),
}

FILE_NAME = "<b>bold<b> <img src=x onerror=document.title=1> &lt;i&gt; ![x](www.elsewhere.example)"


def settled(page: Page) -> None:
    """Wait for the end of the page, and for what it computes."""
    expect(page.locator(".st-key-next")).to_be_visible()
    expect(page.get_by_test_id("stSpinner")).to_have_count(0)


def opened_worksheet(page: Page, folder: Path, button: str = "Worksheet") -> Page:
    """Save the page's worksheet and open it; check that it fetches nothing."""
    with page.expect_download() as saved:
        page.get_by_role("button", name=button).first.click()
    assert re.fullmatch(r"convviz-\w+-worksheet\.html", saved.value.suggested_filename)
    file = folder / "worksheet.html"
    saved.value.save_as(file)
    sheet = page.context.new_page()
    asked: list[str] = []
    sheet.on("request", lambda request: asked.append(request.url))
    sheet.goto(file.as_uri())
    assert [url for url in asked if not url.startswith(("data:", file.as_uri()))] == []
    return sheet


@pytest.mark.parametrize("path", PAGES)
def test_a_worksheet_holds_the_page_and_fetches_nothing(
    visit: Callable[..., Page], tmp_path: Path, path: str
) -> None:
    page = visit(path)
    settled(page)
    title = page.locator("h1").inner_text()
    ends = (
        "a => history.replaceState(history.state, '', location + (location.search ? '&' : '?') + a)"
    )
    page.evaluate(ends, "job=a&shared=b&present=1")
    sheet = opened_worksheet(page, tmp_path)
    text, figures = PAGES[path]
    expect(sheet.locator("h1")).to_have_text(title)
    expect(sheet.locator("body")).to_contain_text(text)
    assert sheet.locator("script, link, iframe, [href]").count() == 0
    images = sheet.locator("img")
    assert images.count() >= figures
    assert images.evaluate_all(
        "all => all.every((each) => each.src.startsWith('data:image/') && each.naturalWidth > 0)"
    )
    assert sheet.locator(".question").count() == 2
    assert sheet.locator(".question .line").count() == 6
    expect(sheet.locator("code").last).to_contain_text(page.url.partition("?")[0])
    expect(sheet.locator("code").last).not_to_contain_text(re.compile("job=|shared=|present="))


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_course_s_sheet_asks_the_step_s_question_and_does_not_answer_it(
    visit: Callable[..., Page], tmp_path: Path, code: str
) -> None:
    step = by_name()["bottleneck"]
    page = visit(f"/Course?step=bottleneck&network=alexnet&image=cat&lang={code}")
    page.locator(".st-key-questions_predict [role=radiogroup] label").first.click()
    page.locator(".st-key-questions_check button").click()
    answer = page.locator(".st-key-questions_answer")
    expect(answer).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    number = re.findall(r"\d+[.,]\d\d", answer.inner_text())[0]
    with speaking(code):
        question = tr(step.question.text)
        options = [tr(option) for option in step.question.options.values()]
        button = tr("Worksheet")
    sheet = opened_worksheet(page, tmp_path, button)
    asked = sheet.locator(".question")
    expect(asked).to_have_count(1)
    expect(asked.locator("h3")).to_have_text(question)
    assert asked.locator(".options span").all_inner_texts() == options
    expect(asked.locator(".line")).to_have_count(3)
    expect(sheet.locator("html")).to_have_attribute("lang", code)
    body = sheet.locator("body").inner_text()
    assert number not in body
    assert body.count(question) == 1
    command = sheet.locator("code").first
    expect(command).to_contain_text("python -m convviz activations sample:cat --network googlenet")
    expect(command).to_contain_text("--layer inception4a.branch3.0")
    # The page stays at its step, whose title in the list of steps has a mark since the check.
    expect(answer).to_be_visible()
    expect(page).to_have_url(re.compile("step=bottleneck"))


def test_names_that_somebody_else_wrote_are_text_on_a_worksheet(
    visit: Callable[..., Page], tmp_path: Path
) -> None:
    page = visit("/?network=alexnet&weights=random")
    image = io.BytesIO()
    Image.new("RGB", (90, 60), "teal").save(image, "PNG")
    file = {"name": f"{FILE_NAME}.png", "mimeType": "image/png", "buffer": image.getvalue()}
    page.locator(".st-key-home_upload input[type=file]").set_input_files(file)
    expect(page).to_have_url(re.compile("image=upload"))
    page.get_by_test_id("stSidebar").get_by_role("link", name="Activations").click()
    expect(page.locator("h1")).to_have_text("Activations")
    settled(page)
    sheet = opened_worksheet(page, tmp_path)
    expect(sheet.locator("body")).to_contain_text(FILE_NAME)
    assert sheet.locator("b, i, img[src=x]").count() == 0
    assert sheet.title() != "1"
