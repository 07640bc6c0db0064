"""One channel up close and the page Filters, in a real browser."""

import re
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect

from convviz.features.activations import activations
from convviz.features.capture import input_for
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.weights.load import load
from tests.browser.conftest import LAPTOP, PHONE, check_widths

pytestmark = pytest.mark.browser

CHANNEL = "/Activations?network=googlenet&layer=inception4a&view=One+channel&channel=100"


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
    expect(page.get_by_text("The 9 strongest patches")).to_be_visible(timeout=90_000)
    expect(page.locator(".st-key-activations_patches img")).to_have_count(9)
    expect(page.get_by_text(re.compile(r"Alive over N = \d+ crops of 12 photo"))).to_be_visible()


def test_a_filter_leads_to_its_channel(visit: Any) -> None:
    page = visit("/Filters?network=googlenet&layer=conv1")
    page.get_by_role("option").nth(5).click()
    expect(page.get_by_role("heading", name="Filter 5", exact=True)).to_be_visible()
    page.get_by_role("button", name="Look closer at this channel").click()
    expect(page.get_by_label("Channel of conv1")).to_have_value("5")


@pytest.mark.parametrize(
    "path",
    [
        CHANNEL,
        CHANNEL + "&question=Arithmetic",
        CHANNEL + "&question=Switch+it+off",
        "/Filters?network=googlenet&layer=inception4a",
    ],
)
def test_nothing_is_wider_than_the_screen(visit: Any, path: str) -> None:
    check_widths(visit(path, width=PHONE[0], height=PHONE[1]))


ARITHMETIC = "/Activations?network=alexnet&view=One+channel&question=Arithmetic"


def shown_numbers(page: Page) -> dict[str, float]:
    """Read what stands beside the maps: what each input channel adds, and the steps after it."""
    lab = page.locator(".st-key-activations_window_box")
    numbers = {}
    for part in ("rows", "steps"):
        texts = lab.locator(f".{part} > :not(.bar)").all_text_contents()
        exact = lab.locator(f".{part} .value").evaluate_all("each => each.map(e => e.title)")
        numbers |= dict(zip(texts[::2], map(float, exact), strict=True))
    return numbers


def test_the_window_slides_over_the_image_and_its_products_make_the_maps_number(
    visit: Any,
) -> None:
    network = load("alexnet", "encoder", fetch=False)
    image = decode(sample("cat").read())
    maps = activations(network, image, "features.0").maps
    page = visit(f"{ARITHMETIC}&layer=features.0&channel=3&image=cat")
    lab = page.locator(".st-key-activations_window_box")
    where = lab.locator(".where")
    stage = lab.locator(".stage.input")
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    expect(where).to_contain_text("Row 1 of 55, column 1 of 55")
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    page.mouse.up()
    # The middle of 228 padded pixels: the window of 11 that begins at 27 × 4 has its middle there.
    expect(where).to_contain_text("Row 28 of 55, column 28 of 55")
    stage.press("ArrowUp")
    lab.get_by_role("button", name="Step", exact=True).click()
    expect(where).to_contain_text("Row 27 of 55, column 29 of 55")
    read = shown_numbers(page)
    convolution = network.module.features[0]
    batch = input_for(network, image)
    padded = torch.nn.functional.pad(batch, (2, 2, 2, 2))[0]
    patch = padded[:, 26 * 4 : 26 * 4 + 11, 28 * 4 : 28 * 4 + 11].double()
    products = patch * convolution.weight[3].detach().double()
    for name, values in zip(("red", "green", "blue"), products, strict=True):
        assert read[name] == pytest.approx(float(values.sum()), abs=1e-6)
    total = float(products.sum()) + float(convolution.bias[3])
    assert read["bias"] == pytest.approx(float(convolution.bias[3]))
    assert read["Sum"] == pytest.approx(total, abs=1e-6)
    assert read["Later, after the ReLU"] == pytest.approx(max(0.0, total), abs=1e-6)
    assert read["The map's number"] == pytest.approx(float(maps[3, 26, 28]), abs=1e-6)
    lab.get_by_label("Input channel").select_option("blue")
    cells = lab.locator(".part").nth(2).locator(".cells span")
    expect(cells).to_have_count(121)
    cells.nth(16).hover()
    expect(lab.locator(".tip")).to_contain_text(
        f"row 2, column 6: {float(products[2, 1, 5]):.5g}"[:22]
    )
    # The server learns where the window came to rest, and takes that number apart.
    expect(page.get_by_text("Channel 3 at row 27, column 29 is")).to_be_visible()
    play = lab.locator(".play")
    play.click()
    expect(play).to_have_text("Pause")
    expect(where).to_contain_text(re.compile("Row (28|29|3.) of 55"))
    play.click()
    expect(play).to_have_text("Play")


@pytest.mark.parametrize(("width", "height"), [PHONE, LAPTOP])
@pytest.mark.parametrize(
    ("link", "numbers"),
    [
        ("network=alexnet&layer=features.0", 121),
        ("network=googlenet&layer=conv1", 49),
        ("network=alexnet&layer=features.6", 9),
    ],
)
def test_the_numbers_of_kernels_of_every_size_are_large_enough_to_read(
    visit: Any, link: str, numbers: int, width: int, height: int
) -> None:
    link = f"/Activations?{link}&view=One+channel&question=Arithmetic&channel=3"
    page = visit(link, width=width, height=height)
    parts = page.locator(".st-key-activations_window_box .part")
    expect(parts).to_have_count(3)
    for part in parts.all():
        cells = part.locator(".cells span")
        expect(cells).to_have_count(numbers)
        sizes = cells.evaluate_all("all => all.map((each) => getComputedStyle(each).fontSize)")
        assert min(float(size.removesuffix("px")) for size in sizes) >= 11.2
        # None is cut off at its cell's edge.
        assert cells.evaluate_all(
            "all => all.every((each) => each.scrollWidth <= each.clientWidth)"
        )


def test_a_finger_drags_the_window_over_a_deeper_layer(visit: Any) -> None:
    page = visit(f"{ARITHMETIC}&layer=features.3&channel=3", width=390, height=844, touch=True)
    lab = page.locator(".st-key-activations_window_box")
    where = lab.locator(".where")
    expect(where).to_contain_text("of 27")
    stage = lab.locator(".stage.output")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        touched = [
            {"x": box["x"] + across * box["width"], "y": box["y"] + down * box["height"]}
            for across, down in points
        ]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})

    touch("touchStart", (0.02, 0.02))
    expect(where).to_contain_text("Row 1 of 27, column 1 of 27")
    touch("touchMove", (0.3, 0.02))
    touch("touchMove", (0.98, 0.02))
    expect(where).to_contain_text("Row 1 of 27, column 27 of 27")
    touch("touchEnd")


def test_with_little_motion_the_window_steps_and_does_not_play(visit: Any) -> None:
    page = visit(
        f"{ARITHMETIC}&layer=features.2&channel=3", width=390, height=844, reduced_motion="reduce"
    )
    lab = page.locator(".st-key-activations_window_box")
    expect(lab.locator(".stage.photograph .field")).to_be_visible()
    expect(lab.locator(".play")).to_be_hidden()
    expect(lab.get_by_text("asks for little motion")).to_be_visible()
    output = lab.locator(".stage.output")
    output.click(position={"x": 3, "y": 3})
    expect(lab.locator(".where")).to_contain_text("Row 1 of 27, column 1 of 27")
    lab.get_by_role("button", name="Step", exact=True).click()
    lab.locator(".stage.input").press(" ")
    expect(lab.locator(".where")).to_contain_text("Row 1 of 27, column 2 of 27")
