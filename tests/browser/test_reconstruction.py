"""Start and stop, refresh, a second tab, a stranger with the link, visitors who take turns."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

# The bundled network and its first layer: quick steps. Long enough to look, and stopped at the end.
RUN = "/Reconstruction?network=googlenet&layer=conv1&seconds=60"


@pytest.fixture
def started(visit: Callable[..., Page]) -> Iterator[Callable[..., Page]]:
    """Open the page as a new visitor and start a run; whatever still runs is stopped at the end."""
    pages: list[Page] = []

    def start(link: str = RUN, **options: Any) -> Page:
        page = visit(link, **options)
        page.locator(".st-key-start button").click()
        expect(page).to_have_url(re.compile("job="))
        pages.append(page)
        return page

    yield start
    for page in pages:
        if not page.is_closed() and stop(page).count():
            stop(page).click()
            expect(stop(page)).to_have_count(0)


def stop(page: Page) -> Locator:
    return page.locator(".st-key-stop button")


def image(page: Page) -> Locator:
    return page.get_by_role("img", name="The reconstruction")


def test_a_picture_grows_until_it_is_stopped(started: Callable[..., Page]) -> None:
    page = started()
    expect(image(page)).to_be_visible()
    first = image(page).get_attribute("src")
    expect(image(page)).not_to_have_attribute("src", first)
    expect(page.get_by_test_id("stProgress")).to_contain_text(re.compile(r"Step \d+ .* left"))
    expect(page.get_by_role("img", name="Loss curve")).to_be_visible()
    stop(page).click()
    expect(page.get_by_text("You stopped it")).to_be_visible()
    expect(page.get_by_test_id("stMetric")).to_have_count(3)
    expect(page.locator(".js-plotly-plot")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Picture (PNG)").click()
    assert saved.value.suggested_filename == "reconstruction-Coffee-GoogLeNet-conv1.png"
    with page.expect_download() as saved:
        page.get_by_role("button", name="Animation (GIF)").click()
    assert saved.value.path().read_bytes().startswith(b"GIF89a")


def test_a_refresh_finds_the_run_and_so_does_a_second_tab(started: Callable[..., Page]) -> None:
    page = started()
    expect(image(page)).to_be_visible()
    page.reload()
    expect(stop(page)).to_be_visible()
    expect(image(page)).to_be_visible()
    tab = page.context.new_page()
    tab.goto(page.url.split("?")[0])  # not even the id is needed
    expect(stop(tab)).to_be_visible()
    stop(tab).click()
    expect(tab.get_by_text("You stopped it")).to_be_visible()
    expect(page.get_by_text("You stopped it")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("stMetric")).to_have_count(3)


def test_a_stranger_with_the_link_sees_nothing_and_stops_nothing(
    started: Callable[..., Page], visit: Callable[..., Page]
) -> None:
    page = started()
    expect(image(page)).to_be_visible()
    stranger = visit("/" + page.url.split("/", 3)[3])
    expect(stranger.get_by_text("no longer exists")).to_be_visible()
    expect(stop(stranger)).to_have_count(0)
    expect(image(stranger)).to_have_count(0)
    expect(stop(page)).to_be_enabled()


def test_three_visitors_take_turns_and_a_fourth_joins_one_of_them(
    started: Callable[..., Page],
) -> None:
    pages = [started(RUN + f"&seed={seed}") for seed in (1, 2, 3)]
    for page in pages:
        expect(image(page)).to_be_visible()  # nobody waits for another's 60 seconds
        expect(page.get_by_text("2 others take turns with this run")).to_be_visible()
    fourth = started(RUN + "&seed=1")
    expect(fourth.get_by_text("Somebody had started exactly this run already")).to_be_visible()
    expect(image(fourth)).to_be_visible()
    expect(fourth.get_by_text("2 others take turns with this run")).to_be_visible()
    stop(pages[0]).click()
    expect(pages[0].get_by_text("You stopped it")).to_be_visible()
    expect(image(pages[0])).to_be_visible()
    grown = image(fourth).get_attribute("src")
    expect(image(fourth)).not_to_have_attribute("src", grown)
    stop(fourth).click()  # the last who watches it
    expect(fourth.get_by_text("You stopped it")).to_be_visible()
    expect(fourth.get_by_test_id("stMetric")).to_have_count(3)


def test_a_phone_shows_both_pictures_side_by_side(started: Callable[..., Page]) -> None:
    page = started(width=390, height=844, touch=True)
    expect(image(page)).to_be_visible()
    expect(page.get_by_role("img", name="The original")).to_be_visible()
    # For a moment the one may be drawn and the other not find its place yet.
    page.wait_for_function(
        """names => {
            const tops = names.map(name => document.querySelector(`img[alt="${name}"]`))
                .map(found => found?.getBoundingClientRect().y);
            return Math.abs(tops[0] - tops[1]) < 2;
        }""",
        arg=["The original", "The reconstruction"],
    )
    growing = image(page).bounding_box()
    assert growing["x"] + growing["width"] <= 390
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
