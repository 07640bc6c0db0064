"""The page Transfer learning in a browser: an uploaded zip, a refresh, the result elsewhere."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from convviz.images.decode import decode
from convviz.images.samples import sample
from tests.browser.conftest import AT_THE_TOP

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Ten crops of three photographs, each in a folder of its name; one file is cut off."""
    path = tmp_path / "photographs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("cat", "coffee", "brick"):
            picture = decode(sample(name).read())
            for k in range(10):
                left, top = 11 * k, 7 * k
                file = io.BytesIO()
                picture.crop((left, top, left + 160, top + 160)).save(file, "JPEG")
                data = file.getvalue()
                cut = name == "cat" and k == 3
                archive.writestr(f"photographs/{name}/{k}.jpg", data[:700] if cut else data)
        archive.writestr("__MACOSX/photographs/cat/._0.jpg", b"junk")
    return path


def trained(page: Page) -> None:
    """Train, refresh while it runs, and wait for the result."""
    page.locator(".st-key-start").get_by_role("button").click()
    expect(page).to_have_url(re.compile("job="))
    page.reload()
    expect(page.get_by_role("button", name="The whole network")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("Test accuracy", exact=True)).to_be_visible()


def test_uploaded_photographs_become_weights_and_a_file_that_opens(
    visit: Any, photographs: Path, tmp_path: Path
) -> None:
    page = visit("/Transfer_learning?network=googlenet&data=zip&training_seconds=5&compare=False")
    page.locator(".st-key-training_zip input").set_input_files(str(photographs))
    expect(page.get_by_text("cat: 9")).to_be_visible()
    expect(page.get_by_text("coffee: 10")).to_be_visible()
    page.get_by_text("1 file was left out").click()
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    trained(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Only the decoder").click()
    assert download.value.suggested_filename == "googlenet-decoder.safetensors"
    saved = tmp_path / "mine.safetensors"
    download.value.save_as(saved)
    assert saved.stat().st_size < 50_000
    page.get_by_role("link", name="Home").first.click()
    expect(page.get_by_role("heading", name="Look inside a ConvNet")).to_be_visible()
    page.locator(".st-key-weights [role=combobox]").click()
    expect(page.get_by_role("option", name="Yours: photographs")).to_be_visible()

    other = visit("/Activations?image=cat")
    other.get_by_role("button", name="Open a saved network").click()
    other.locator(".st-key-sidebar_saved_upload input").set_input_files(str(saved))
    expect(other.get_by_text("is in use: GoogLeNet with 3 classes")).to_be_visible()
    expect(other).to_have_url(re.compile("weights=trained-"))
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(saved.read_bytes()[:-50])
    other.locator(".st-key-sidebar_saved_upload input").set_input_files(str(broken))
    expect(other.get_by_text("is damaged or incomplete")).to_be_visible()
    expect(other).to_have_url(re.compile("weights=trained-"))


def test_everything_fits_on_a_phone(visit: Any) -> None:
    page = visit(
        "/Transfer_learning?network=googlenet&training_seconds=5&compare=False",
        width=390,
        height=844,
        dark=True,
    )
    trained(page)
    expect(page.locator(".st-key-transfer_fine_tune button")).to_be_visible()
    wide = page.evaluate(
        "() => [...document.querySelectorAll('[data-testid=stMain] *')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1)"
        ".map((e) => e.className).slice(0, 5)"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, wide


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
def test_a_run_begins_at_the_top_of_the_screen(visit: Any, width: int, height: int) -> None:
    page = visit(
        "/Transfer_learning?network=googlenet&training_seconds=20&compare=False",
        width=width,
        height=height,
        reduced_motion="reduce",
        bypass_csp=True,
    )
    page.locator(".st-key-start").get_by_role("button").click()
    page.wait_for_function(AT_THE_TOP)
    expect(page.locator(".st-key-stop")).to_be_visible()  # and not only its end does


def test_fine_tuning_leads_to_its_run_and_then_to_what_it_has_changed(visit: Any) -> None:
    page = visit(
        "/Transfer_learning?network=googlenet&training_seconds=5&compare=False"
        "&fine_tune_seconds=10",
        reduced_motion="reduce",
        bypass_csp=True,
    )
    trained(page)
    page.locator(".st-key-transfer_fine_tune button").click()
    expect(page.locator(".st-key-stop")).to_be_visible()
    page.wait_for_function(AT_THE_TOP)
    page.mouse.move(900, 500)
    page.mouse.wheel(0, -9000)
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop === 0")
    verdict = page.get_by_text(re.compile("before fine-tuning and .* after it: "))
    expect(verdict).to_be_in_viewport(timeout=120_000)
    page.wait_for_function(AT_THE_TOP)


def test_pictures_as_points_show_themselves_and_their_neighbours(visit: Any) -> None:
    page = visit("/Transfer_learning?network=alexnet&transfer=separate&data=shapes")
    page.locator(".st-key-start").get_by_role("button").click()
    scatter = page.get_by_role("img", name="pictures and your image as points")
    expect(scatter).to_be_visible(timeout=120_000)
    points = scatter.locator(".point:not(.own)")
    expect(scatter.locator(".own")).to_have_count(1)
    expect(page.get_by_text(re.compile(r"\d of 8 are of the class "))).to_be_visible()
    scatter.scroll_into_view_if_needed()
    box = points.first.bounding_box()
    assert box is not None
    across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(across, down)
    tip = page.locator(".tip:visible")
    expect(tip.locator("img")).to_have_attribute("src", re.compile("^blob:"))
    expect(tip.locator("span")).to_have_text(re.compile("disc|square|: "))
    page.mouse.click(across, down)
    expect(page.get_by_text(re.compile(r"\d of 8 are of its own class, "))).to_be_visible()
