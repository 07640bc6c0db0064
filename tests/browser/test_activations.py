import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

ALEXNET = "/Activations?image=cat&network=alexnet&weights=random&layer=features.6"
PAGES = ["/", ALEXNET, "/Activations?view=All+layers"]


def selected(page: Page) -> Any:
    return page.get_by_role("option", selected=True)


def channel(page: Page, number: int) -> Any:
    return page.get_by_role("heading", name=f"Channel {number}", exact=True)


def test_a_shared_link_opens_the_same_view(visit: Any) -> None:
    first = visit(ALEXNET + "&order=strength&tau=0.02&contrast=shared")
    first.get_by_role("option").nth(11).click()
    expect(first).to_have_url(re.compile("channel="))
    second = visit("/" + first.url.split("/", 3)[3])
    headline = first.get_by_role("heading", name="of this image").inner_text()
    expect(second.get_by_role("heading", name=headline)).to_be_visible()
    number = selected(first).get_attribute("data-channel")
    expect(selected(second)).to_have_attribute("data-channel", number)
    expect(channel(second, int(number))).to_be_visible()
    expect(second.get_by_role("option").nth(11)).to_have_attribute("data-channel", number)


def test_arrow_keys_move_within_and_between_rows(visit: Any) -> None:
    page = visit(ALEXNET)
    tiles = page.get_by_role("option")
    tiles.nth(0).click()
    first, row = tiles.nth(0).bounding_box(), 1
    while tiles.nth(row).bounding_box()["y"] == first["y"]:
        row += 1
    for key, number in [
        ("ArrowDown", row),
        ("ArrowRight", row + 1),
        ("ArrowUp", 1),
        ("ArrowLeft", 0),
        ("ArrowLeft", 0),
        ("End", 383),
        ("ArrowDown", 383),
        ("Home", 0),
    ]:
        page.keyboard.press(key)
        expect(selected(page)).to_have_attribute("data-channel", str(number))
    expect(channel(page, 0)).to_be_visible()


def test_the_buttons_and_the_grid_agree(visit: Any) -> None:
    page = visit(ALEXNET)
    page.get_by_role("option").nth(5).click()
    expect(channel(page, 5)).to_be_visible()
    page.locator(".st-key-activations_channel_next button:visible").click()
    expect(channel(page, 6)).to_be_visible()
    expect(selected(page)).to_have_attribute("data-channel", "6")
    page.get_by_role("option").nth(5).click()  # the same one again, after the button
    expect(channel(page, 5)).to_be_visible()


def test_the_large_picture_is_sent_once(visit: Any) -> None:
    page = visit(ALEXNET)
    expect(page.get_by_role("option")).to_have_count(384)
    sizes: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on(
        "Network.webSocketFrameReceived",
        lambda event: sizes.append(len(event["response"]["payloadData"])),
    )
    page.get_by_role("option").nth(7).click()
    expect(channel(page, 7)).to_be_visible()
    # The scripts of three components and two small maps; the grid alone would be 300,000.
    assert 0 < sum(sizes) < 100_000


def test_hovering_names_the_channel(visit: Any) -> None:
    page = visit(ALEXNET)
    page.get_by_role("option").nth(3).hover()
    expect(page.get_by_text(re.compile(r"^Channel 3\s+maximum"))).to_be_visible()


def test_order_and_hiding_change_the_grid(visit: Any) -> None:
    page = visit(ALEXNET + "&show=only")
    sentence = page.get_by_text(re.compile(r"\d+ of 384 channels")).first.inner_text()
    count = int(re.findall(r"(\d+) of 384 channels", sentence)[0])
    expect(page.get_by_role("option")).to_have_count(count)
    expect(page.get_by_role("option", name=re.compile("empty"))).to_have_count(count)


@pytest.mark.parametrize(
    "link",
    [
        "",
        "?network=alexnet&layer=features.10",
        "?network=vgg16&layer=features.28",
        "?network=googlenet&layer=inception4a",
        "?network=googlenet&layer=inception4a.branch3.1&tau=0.05&contrast=shared",
        "?network=googlenet&layer=inception5b&channel=1000&order=active",
    ],
)
def test_the_first_map_and_the_chosen_one_are_in_view_from_the_start(visit: Any, link: str) -> None:
    page = visit(f"/Activations{link}")
    expect(selected(page)).to_be_in_viewport(ratio=0.9)
    grid = page.locator(".st-key-activations_explorer_grid").bounding_box()
    assert grid["y"] <= 300
    picked = selected(page).bounding_box()
    assert grid["y"] <= picked["y"]
    box = page.locator(".st-key-channel_grid_box")
    box.evaluate("box => { box.scrollTop = 0 }")
    tile = page.locator("[data-channel]").first.bounding_box()
    assert tile["y"] <= 300
    number = selected(page).get_attribute("data-channel")
    expect(channel(page, int(number))).to_be_in_viewport()


def test_a_channel_that_a_button_picks_comes_into_sight_and_nothing_else_moves(visit: Any) -> None:
    page = visit("/Activations?network=alexnet&layer=features.8&channel=3")
    box = page.locator(".st-key-channel_grid_box")
    following = page.locator(".st-key-activations_channel_next button")
    expect(selected(page)).to_be_in_viewport(ratio=0.9)
    box.evaluate("box => { box.scrollTop = box.scrollTop > 99 ? 0 : box.scrollHeight }")
    expect(selected(page)).not_to_be_in_viewport()
    following.click()
    expect(channel(page, 3)).to_have_count(0)
    expect(selected(page)).to_be_in_viewport(ratio=0.9)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollTop") == 0
    # One that is in sight already is marked where it is.
    top = box.evaluate("box => { box.scrollTop += 20; return box.scrollTop }")
    number = selected(page).get_attribute("data-channel")
    page.locator(".st-key-activations_channel_previous button").click()
    expect(selected(page)).to_have_attribute("data-channel", "3")
    following.click()
    expect(selected(page)).to_have_attribute("data-channel", str(number))
    assert abs(box.evaluate("box => box.scrollTop") - top) <= 100


def test_on_a_phone_the_next_channel_comes_into_sight_below_the_picked_one(visit: Any) -> None:
    page = visit("/Activations?network=alexnet&layer=features.8&channel=3", width=390, height=844)
    main = page.get_by_test_id("stMain")
    main.evaluate("main => { main.scrollTop = main.scrollHeight }")
    page.locator(".st-key-activations_channel_next button").click()
    expect(channel(page, 3)).to_have_count(0)
    expect(selected(page)).to_be_in_viewport(ratio=0.9)
    panel = page.locator(".st-key-activations_channel_main").bounding_box()
    assert selected(page).bounding_box()["y"] >= panel["y"] + panel["height"] - 1
    before = main.evaluate("main => main.scrollTop")
    page.locator(".st-key-activations_channel_previous button").click()
    expect(selected(page)).to_have_attribute("data-channel", "3")
    assert abs(main.evaluate("main => main.scrollTop") - before) <= 120


def test_the_dotted_name_is_the_first_code_of_the_main_part(visit: Any) -> None:
    for link, name in (("", "features.0"), ("?network=googlenet&layer=conv2", "conv2")):
        page = visit(f"/Activations{link}")
        code = page.get_by_test_id("stMain").locator("code").first
        expect(code).to_have_text(name)


def test_keys_step_along_the_trunk_and_with_shift_by_the_parts(visit: Any) -> None:
    page = visit("/Activations?network=googlenet&layer=maxpool3")
    deeper = page.locator(".st-key-sidebar_layer_deeper button:visible").first
    expect(deeper).to_have_attribute("aria-keyshortcuts", "]")  # the page listens from now on
    for act, layer in (
        (lambda: page.keyboard.press("]"), "inception4a"),
        (lambda: page.keyboard.press("["), "maxpool3"),
        (lambda: page.keyboard.press("Shift+BracketRight"), "inception4a.branch1"),
        (lambda: page.keyboard.press("]"), "inception4a"),
        (lambda: page.keyboard.press("Shift+BracketLeft"), "inception4a.branch4.1"),
        (lambda: deeper.click(), "inception4a"),
        (lambda: deeper.click(modifiers=["Shift"]), "inception4b.branch1"),
        (lambda: [page.keyboard.press("]") for _ in range(3)], "inception4d"),
    ):
        act()
        expect(page).to_have_url(re.compile(rf"layer={re.escape(layer)}(&|$)"))
        expect(page.get_by_test_id("stMain").locator("code").first).to_have_text(layer)


# Press buttons one after the other, and say what the page shows in the same moment.
PRESS = """(buttons) => {
  const shown = () => {
    const boxes = [...document.querySelectorAll(".st-key-channel_grid_box *")];
    const tile = boxes.map((box) => box.shadowRoot?.querySelector(".map[style]")).find(Boolean);
    return [".st-key-activations_headline h2", ".st-key-activations_headline p"]
      .map((selector) => document.querySelector(selector).textContent.trim())
      .concat(tile.style.backgroundImage);
  };
  return [shown(), ...buttons.map((name) => {
    document.querySelector(`.st-key-sidebar_layer_${name} button`).click();
    return shown();
  })];
}"""


# Whether layers and the images of their maps have come to the browser.
ARE_THERE = """(names) => names.every((name) =>
  [...(window.convvizLayers?.values() ?? [])].some(
    ({ grid }) => grid.id.endsWith(`/${name}`) && window.convvizStore?.has(grid.token),
  ),
)"""


def test_a_step_is_drawn_before_the_server_answers_and_as_it_answers(visit: Any) -> None:
    page = visit("/Activations?network=alexnet&layer=features.3")
    code = page.get_by_test_id("stMain").locator("code").first
    deeper = page.locator(".st-key-sidebar_layer_deeper button:visible").first
    expect(deeper).to_have_attribute("aria-keyshortcuts", "]")
    deeper.click()
    expect(code).to_have_text("features.4")
    page.wait_for_function(ARE_THERE, arg=["features.3", "features.4", "features.5"])

    before, after = page.evaluate(PRESS, ["deeper"])
    assert "features.4" in before[1]
    assert "features.5" in after[1]
    assert all(old != new for old, new in zip(before, after, strict=True))
    expect(page).to_have_url(re.compile(r"layer=features\.5(&|$)"))
    expect(page.locator(".st-key-layer input").first).to_have_value(re.compile("pool2"))
    assert page.evaluate(PRESS, []) == [after]

    # There and back, before the server has said a word.
    page.wait_for_function(ARE_THERE, arg=["features.6"])
    *_, there, back = page.evaluate(PRESS, ["shallower", "deeper"])
    assert there[1:] == before[1:]
    assert back == after
    page.evaluate(PRESS, ["shallower", "shallower"])
    expect(page).to_have_url(re.compile(r"layer=features\.3(&|$)"))
    expect(code).to_have_text("features.3")


def test_a_picked_channel_stays_picked_in_the_pooling_behind_it(visit: Any) -> None:
    page = visit("/Activations?network=alexnet&layer=features.4")
    deeper = page.locator(".st-key-sidebar_layer_deeper button:visible").first
    expect(deeper).to_have_attribute("aria-keyshortcuts", "]")
    page.wait_for_function(ARE_THERE, arg=["features.4", "features.5"])
    page.locator('[data-channel="3"]').click()
    expect(selected(page)).to_have_attribute("data-channel", "3")
    page.keyboard.press("]")
    drawn = page.evaluate("""() => [...document.querySelectorAll(".st-key-channel_grid_box *")]
      .map((box) => box.shadowRoot?.querySelector("[aria-selected=true]")?.dataset.channel)
      .find(Boolean)""")
    assert drawn == "3"  # before the server answers
    expect(page).to_have_url(re.compile(r"layer=features\.5(&|$)"))
    expect(page).to_have_url(re.compile(r"channel=3(&|$)"))
    expect(selected(page)).to_have_attribute("data-channel", "3")
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile(r"layer=features\.6(&|$)"))
    expect(page).not_to_have_url(re.compile("channel="))
    page.keyboard.press("[")
    expect(page).to_have_url(re.compile(r"channel=3(&|$)"))
    expect(selected(page)).to_have_attribute("data-channel", "3")


def test_on_a_phone_the_steps_stand_in_the_page(visit: Any) -> None:
    page = visit(
        "/Activations?network=googlenet&weights=random&layer=inception3a", width=390, height=844
    )
    sidebar = page.get_by_test_id("stSidebar")
    deeper = page.locator(".st-key-sidebar_page_layer_deeper button:visible").first
    deeper.click()
    expect(page).to_have_url(re.compile(r"layer=inception3b(&|$)"))  # as a whole, not its parts
    expect(page.get_by_test_id("stMain").locator("code").first).to_have_text("inception3b")
    expect(sidebar).not_to_be_in_viewport()
    page.locator(".st-key-sidebar_page_layer_shallower button:visible").first.click()
    expect(page).to_have_url(re.compile(r"layer=inception3a(&|$)"))
    expect(sidebar).not_to_be_in_viewport()
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.locator(".st-key-sidebar_page_layer button:visible")).to_have_count(0)


def test_no_name_in_the_list_of_layers_is_cut(visit: Any) -> None:
    page = visit("/Activations?network=googlenet&weights=random&layer=inception3a")
    page.locator(".st-key-layer [role=combobox]").click()
    options = page.get_by_role("option", name=re.compile("inception3a"))
    expect(options.filter(has_text="pool projection")).to_be_visible()
    assert options.evaluate_all(
        "all => all.every((each) => each.firstChild.scrollWidth <= each.firstChild.clientWidth)"
    )


def test_what_is_typed_or_commanded_steps_nowhere(visit: Any) -> None:
    page = visit(ALEXNET)
    deeper = page.locator(".st-key-sidebar_layer_deeper button:visible").first
    expect(deeper).to_have_attribute("aria-keyshortcuts", "]")
    for key in ("Control+]", "Alt+]", "Meta+["):
        page.keyboard.press(key)
    page.locator(".st-key-layer input").first.click()
    page.keyboard.press("]")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("]")  # of all of them this one counts
    expect(page).to_have_url(re.compile(r"layer=features\.7(&|$)"))


def test_the_threshold_is_in_the_menu_of_the_display(visit: Any) -> None:
    page = visit(ALEXNET)
    expect(page.get_by_text("Empty up to τ")).to_have_count(0)
    page.locator(".st-key-activations_display button").first.click()
    page.locator(".st-key-tau input").press("ArrowRight")
    expect(page).to_have_url(re.compile("tau=0.001"))
    expect(page.locator(".st-key-tau")).to_be_visible()  # the menu stays open


def test_the_grid_can_be_saved_as_it_is_shown(visit: Any) -> None:
    page = visit(ALEXNET)
    with page.expect_download() as download:
        page.locator(".st-key-activations_save_grid button").click()
    assert download.value.suggested_filename == "cat-alexnet-features.6.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as download:
        page.locator(".st-key-activations_save_numbers button").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 385


def test_a_bar_of_the_chart_opens_its_layer(visit: Any) -> None:
    page = visit(ALEXNET + "&view=All+layers")
    bar = page.locator(".st-key-activations_depth_chart .bars .point path").nth(12)
    expect(bar).to_be_visible()
    box = bar.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile(r"layer=features\.12"))
    expect(page.get_by_role("option")).to_have_count(256)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_wider_than_a_phone(visit: Any, path: str) -> None:
    page = visit(path, width=390, height=844, touch=True)
    expect(page.locator("h1")).to_be_visible()
    too_wide = """() => {
        const main = document.querySelector('[data-testid=stMain]');
        return Math.max(document.documentElement.scrollWidth, main.scrollWidth) - innerWidth;
    }"""
    assert page.evaluate(too_wide) <= 0


def test_on_a_phone_the_picked_channel_stays_in_sight(visit: Any) -> None:
    page = visit(ALEXNET, width=390, height=844, touch=True)
    every(page).tap()
    far_down = page.get_by_role("option").nth(300)
    far_down.scroll_into_view_if_needed()
    far_down.tap()
    expect(channel(page, 300)).to_be_in_viewport()
    expect(page.get_by_role("img", name="Channel 300 over the image")).to_be_in_viewport()
    expect(far_down).to_be_in_viewport()


def every(page: Page) -> Any:
    """Find the button that shows all rows of a folded grid."""
    return page.locator(".st-key-channel_grid_box").get_by_role("button", name="All 384 channels")


def rows(page: Page) -> list[int]:
    """Count the tiles of each row of the grid that is shown."""
    tops = page.locator("[data-channel]").evaluate_all(
        "all => all.filter((each) => each.checkVisibility())"
        ".map((each) => Math.round(each.getBoundingClientRect().top))"
    )
    return [tops.count(top) for top in sorted(set(tops))]


def test_on_a_phone_twelve_rows_are_shown_and_a_button_for_the_rest(visit: Any) -> None:
    page = visit(ALEXNET, width=390, height=844, touch=True)
    tiles = page.locator("[data-channel]")
    expect(tiles).to_have_count(384)
    expect(every(page)).to_be_visible()
    shown = rows(page)
    assert len(shown) == 12
    assert set(shown) == {shown[0]}
    assert page.locator(".st-key-activations_explorer_grid").bounding_box()["height"] < 1200
    first_hidden = tiles.nth(12 * shown[0])
    expect(first_hidden).to_be_hidden()
    page.emulate_media(media="print")
    assert sum(rows(page)) == 384
    expect(every(page)).to_be_hidden()
    page.emulate_media(media="screen")
    every(page).tap()
    expect(every(page)).to_be_hidden()
    expect(first_hidden).to_be_focused()
    assert sum(rows(page)) == 384
    # A wide screen shows all of another layer.
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(page.url.replace("features.6", "features.8"))
    expect(tiles).to_have_count(256)
    assert sum(rows(page)) == 256


def test_on_a_phone_a_picked_channel_beyond_the_first_rows_opens_the_rest(visit: Any) -> None:
    phone = {"width": 390, "height": 844, "touch": True}
    linked = visit(ALEXNET + "&channel=300", **phone)
    expect(selected(linked)).to_have_attribute("data-channel", "300")
    expect(selected(linked)).to_be_visible()
    expect(every(linked)).to_be_hidden()

    page = visit(ALEXNET, **phone)
    expect(every(page)).to_be_visible()
    columns = rows(page)[0]
    page.get_by_role("option").nth(12 * columns - 2).tap()
    expect(channel(page, 12 * columns - 2)).to_be_visible()
    for key, number in (("ArrowRight", 12 * columns - 1), ("ArrowDown", 13 * columns - 1)):
        expect(every(page)).to_be_visible()
        page.keyboard.press(key)
        expect(selected(page)).to_have_attribute("data-channel", str(number))
    expect(every(page)).to_be_hidden()
    expect(selected(page)).to_be_in_viewport()

    # The button of the panel above the grid.
    page = visit(f"{ALEXNET}&channel={12 * columns - 1}", **phone)
    expect(every(page)).to_be_visible()
    page.locator(".st-key-activations_channel_next button:visible").tap()
    expect(selected(page)).to_have_attribute("data-channel", str(12 * columns))
    expect(every(page)).to_be_hidden()
    expect(selected(page)).to_be_visible()

    # A number that is typed in another view.
    page = visit(f"{ALEXNET}&view=One+channel&channel=5", **phone)
    page.get_by_label("Channel of conv3").fill("200")
    page.get_by_label("Channel of conv3").press("Enter")
    expect(page).to_have_url(re.compile("channel=200"))
    page.get_by_role("radio", name="This layer", exact=True).tap()
    expect(selected(page)).to_have_attribute("data-channel", "200")
    expect(selected(page)).to_be_visible()


def test_on_a_phone_another_layer_is_folded_again(visit: Any) -> None:
    page = visit(ALEXNET, width=390, height=844, touch=True)
    every(page).tap()
    expect(every(page)).to_be_hidden()
    page.locator(".st-key-sidebar_page_layer_deeper button:visible").first.tap()
    expect(page).to_have_url(re.compile(r"layer=features\.7(&|$)"))
    expect(every(page)).to_be_visible()
    assert len(rows(page)) == 12


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_readable_on_its_ground(visit: Any, dark: bool) -> None:
    page = visit(ALEXNET, dark=dark)
    expect(page.get_by_role("option")).to_have_count(384)
    ground = brightness(page, ".stApp", "backgroundColor")
    assert (ground < 60) == dark
    for selector in [".stApp h1", ".convviz-legend", ".convviz-numbers dt", "[role=option]"]:
        assert abs(brightness(page, selector, "color") - ground) > 90, selector


def brightness(page: Page, selector: str, style: str) -> float:
    """Return how bright a colour is, in 0…255."""
    colour = page.locator(selector).first.evaluate(
        "(element, style) => getComputedStyle(element)[style]", style
    )
    red, green, blue = (float(part) for part in re.findall(r"[\d.]+", colour)[:3])
    return 0.299 * red + 0.587 * green + 0.114 * blue
