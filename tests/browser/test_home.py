import re
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def photograph() -> dict[str, Any]:
    """Return an image file as a camera writes it: large, and lying on its side."""
    picture = Image.linear_gradient("L").resize((1600, 1200)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    file = BytesIO()
    picture.save(file, "JPEG", exif=exif)
    return {"name": "holiday.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}


def upload(page: Page, file: dict[str, Any]) -> None:
    page.locator(".st-key-home_upload input[type=file]").set_input_files(file)


def test_is_useful_at_once(visit: Any) -> None:
    page = visit("/")
    expect(page.locator("ol.convviz-bars li")).to_have_count(5)
    expect(page.locator("ol.convviz-bars")).to_contain_text("espresso")
    expect(page.locator("img[alt='What goes into the network']:visible")).to_have_count(1)
    expect(page).to_have_url(re.compile("image=coffee&network=alexnet&weights=encoder"))
    expect(page).to_have_title(re.compile("convviz"))


def test_back_to_the_own_image_after_a_sample(visit: Any) -> None:
    page = visit("/")
    expect(page.locator(".st-key-home_samples img")).to_have_count(9)
    upload(page, photograph() | {"name": "a holiday by the sea, last summer.jpg"})
    chosen = page.locator(".st-key-home_chosen_upload")
    expect(chosen).to_be_visible()
    expect(chosen).to_contain_text("a holiday by the sea, last summer.jpg")
    page.locator(".st-key-home_other_rocket img").click(force=True)
    expect(page).to_have_url(re.compile("image=rocket"))
    own, rocket = (page.locator(f".st-key-home_{key}") for key in ("other_upload", "chosen_rocket"))
    expect(rocket).to_be_visible()
    expect(own).to_be_visible()
    tile, sample = own.bounding_box(), rocket.bounding_box()
    assert {key: tile[key] for key in ("y", "width", "height")} == {
        key: sample[key] for key in ("y", "width", "height")
    }
    own.locator("img").click(force=True)
    expect(page).to_have_url(re.compile("image=upload"))
    expect(chosen).to_be_visible()


def test_an_uploaded_photograph_to_a_marked_grid(visit: Any) -> None:
    """Upload, AlexNet, third convolution, click a channel, arrow keys."""
    page = visit("/")
    upload(page, photograph())
    expect(page.locator(".st-key-home_chosen_upload")).to_contain_text("holiday.jpg")
    expect(page).to_have_url(re.compile("image=upload"))

    page.locator(".st-key-navigation").get_by_text("Activations").click()
    expect(page.locator("h1")).to_have_text("Activations")
    expect(page.locator(".st-key-sidebar_image")).to_contain_text("holiday.jpg")

    choose(page, "network", "AlexNet")
    choose(page, "layer", "block 3 · conv3 — 384 × 13 × 13")
    expect(page.get_by_text("384 maps of 13 × 13")).to_be_visible()
    tiles = page.get_by_role("option")
    expect(tiles).to_have_count(384)

    sentence = page.get_by_text(re.compile("of 384 channels")).first.inner_text()
    counted = int((re.findall(r"(\d+) of 384 channels", sentence) or [0])[0])
    expect(page.get_by_role("option", name=re.compile("empty"))).to_have_count(counted)

    tiles.nth(40).click()
    expect(page.get_by_role("heading", name="Channel 40", exact=True)).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="Channel 41", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("channel=41"))
    expect(page.get_by_role("img", name="Channel 41 over the image")).to_be_visible()


def test_a_bad_file_gets_a_sentence_and_the_image_stays(visit: Any) -> None:
    page = visit("/?image=coffee")
    upload(page, {"name": "notes.png", "mimeType": "image/png", "buffer": b"just some text"})
    expect(page.get_by_test_id("stAlert")).to_contain_text("The image in use has not changed.")
    expect(page.locator(".st-key-home_chosen_coffee")).to_be_visible()
    expect(page).to_have_url(re.compile("image=coffee"))


def test_a_sample_is_chosen_by_clicking_its_picture(visit: Any) -> None:
    page = visit("/")
    page.locator(".st-key-home_other_rocket img").click(force=True)  # its button lies over it
    expect(page).to_have_url(re.compile("image=rocket"))
    expect(page.locator(".st-key-home_chosen_rocket")).to_be_visible()


def test_a_picture_from_the_camera(visit: Any) -> None:
    page = visit("/", bypass_csp=True)  # Playwright's way to wait for a function evaluates it
    page.get_by_text("Use the camera").click()
    page.wait_for_function("document.querySelector('video')?.readyState >= 2", timeout=60_000)
    page.get_by_test_id("stCameraInputButton").click()
    expect(page).to_have_url(re.compile("image=upload"))
    expect(page.locator(".st-key-home_chosen_upload")).to_contain_text("Camera picture")


def test_without_a_network_the_other_networks_say_what_can_be_done(visit: Any) -> None:
    page = visit("/?network=vgg19")
    missing = page.locator(".st-key-weights_missing")
    expect(missing).to_contain_text("CONVVIZ_WEIGHTS")
    press(page, "fetch_again")
    expect(missing.get_by_test_id("stAlert")).to_contain_text(re.compile("reach|connect|network"))
    press(page, "use_default_network")
    expect(page.locator("ol.convviz-bars li")).to_have_count(5)


def boxes(page: Page) -> list[dict[str, float]]:
    """Return where the stages lie, in their order."""
    stages = page.locator("[data-stage]")
    expect(stages.first).to_be_visible()
    return [box for each in stages.all() if (box := each.bounding_box())]


@pytest.mark.parametrize(
    ("network", "rows"), [("alexnet", [5]), ("vgg16", [5]), ("googlenet", [6, 7])]
)
def test_the_whole_network_is_on_one_screen(visit: Any, network: str, rows: list[int]) -> None:
    page = visit(f"/?network={network}")
    stages = boxes(page)
    tops = sorted({round(box["y"]) for box in stages})
    in_rows = [[box["x"] for box in stages if round(box["y"]) == top] for top in tops]
    assert [len(lefts) for lefts in in_rows] == rows
    assert all(lefts == sorted(lefts) for lefts in in_rows)
    assert min(box["width"] for box in stages) >= 80  # to be read
    lefts = in_rows[-1]
    assert max(box["y"] + box["height"] for box in stages) <= 900
    bars = page.locator("ol.convviz-bars").bounding_box()
    assert bars
    assert bars["x"] > lefts[-1]
    assert bars["y"] + bars["height"] <= 900


def test_on_a_phone_the_network_runs_downwards(visit: Any) -> None:
    page = visit("/?network=googlenet", width=390, height=844, touch=True)
    stages = boxes(page)
    assert len({box["x"] for box in stages}) == 1
    for above, below in pairwise(stages):
        assert above["y"] + above["height"] <= below["y"]
    assert all(box["x"] + box["width"] <= 390 for box in stages)
    bars = page.locator("ol.convviz-bars").bounding_box()
    assert bars
    assert bars["y"] > stages[-1]["y"]


def test_a_stage_opens_its_layer_with_the_visitors_image(visit: Any) -> None:
    page = visit("/?network=alexnet")
    upload(page, photograph())
    expect(page.locator(".st-key-home_chosen_upload")).to_be_visible()
    page.locator("[data-stage='features.4']").click()
    expect(page.locator("h1")).to_have_text("Activations")
    expect(page).to_have_url(re.compile("/Activations.*layer=features.4"))
    expect(page).to_have_url(re.compile("image=upload"))
    expect(page.get_by_text("192 maps of 27 × 27")).to_be_visible()
    expect(page.locator(".st-key-sidebar_image")).to_contain_text("holiday.jpg")


def test_a_stage_is_opened_with_the_keyboard(visit: Any) -> None:
    page = visit("/?network=googlenet")
    page.locator("[data-stage='conv1']").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/Activations.*layer=conv3"))
    expect(page.get_by_text("192 maps of 32 × 32")).to_be_visible()


def test_the_whole_card_is_its_link(visit: Any) -> None:
    page = visit("/?network=alexnet&image=koala")
    question = page.get_by_text("What did the channels of a layer learn to look for?")
    question.click(force=True)  # the link lies over it
    expect(page.locator("h1")).to_have_text("Filters")
    expect(page).to_have_url(re.compile("image=koala"))


def test_an_address_of_no_page_leads_home_with_its_choices_and_says_so(visit: Any) -> None:
    page = visit("/Nothing**here**?network=alexnet&image=koala")
    expect(page.get_by_text("There is no page “Nothing**here**” here")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/\?(?=.*image=koala)(?!.*asked)"))
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Filters").click()
    expect(page.locator("h1")).to_have_text("Filters")
    expect(page.get_by_text("There is no page")).to_have_count(0)


def test_an_address_in_small_letters_is_the_pages(visit: Any) -> None:
    page = visit("/filters?image=koala")
    expect(page.locator("h1")).to_have_text("Filters")
    expect(page).to_have_url(re.compile(r"/Filters\?(?=.*image=koala)(?!.*asked)"))


def press(page: Page, key: str) -> None:
    # A button with a tooltip is there twice, once for touch screens.
    page.locator(f".st-key-{key} button:visible").click()


def choose(page: Page, key: str, option: str) -> None:
    # A run of the script that ends later would close the list again.
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.locator(f".st-key-{key} input").click()
    page.get_by_test_id("stSelectboxVirtualDropdown").get_by_text(option, exact=True).click()
