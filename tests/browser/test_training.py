"""The page Training in a browser: the slider, the link to a moment, and a training that is run."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import AT_THE_TOP

pytestmark = pytest.mark.browser

LIVE = "/Training?watch=live&live_seconds=120&live_width=4&live_depth=2&live_rate=deadly"
PAINTED = "canvas => canvas.toDataURL()"


def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Moment of the training")


def maps(page: Page) -> Locator:
    return page.get_by_role("img", name=re.compile("answers"))


def stop(page: Page) -> Locator:
    return page.locator(".st-key-stop button")


def paints_another(page: Page, canvas: Locator, before: str) -> None:
    """Wait until a canvas shows something else."""
    page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before",
        arg=[canvas.element_handle(), before],
        timeout=60_000,
    )


@pytest.fixture
def started(visit: Callable[..., Page]) -> Any:
    """Start a training as a new visitor; what still runs is stopped at the end."""
    pages = []

    def start(**options: Any) -> Page:
        page = visit(LIVE, bypass_csp=True, **options)  # to wait for a function
        page.locator(".st-key-start button").click()
        expect(page).to_have_url(re.compile("job="))
        pages.append(page)
        return page

    yield start
    for page in pages:
        if stop(page).count():
            stop(page).click()
            expect(stop(page)).to_have_count(0)


def test_the_slider_walks_through_the_recording_and_the_link_follows(visit: Any) -> None:
    page = visit("/Training?image=cat")
    expect(page.locator(".screen")).to_have_attribute("data-ready", "true")
    expect(slider(page)).to_have_attribute("aria-valuetext", "After 0 steps: random numbers")
    first = maps(page).evaluate(PAINTED)
    maps(page).evaluate("canvas => { canvas.staysHere = true }")
    slider(page).focus()
    slider(page).press("End")
    paints_another(page, maps(page), first)
    expect(page.get_by_text("pixels after 8,302 steps")).to_be_visible()
    expect(page).to_have_url(re.compile("moment=8302"))
    # The server has answered, and the film was not laid anew: nothing can have flashed.
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    assert maps(page).evaluate("canvas => canvas.staysHere")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Kernels (PNG)").click()
    assert "kernels_8302" in saved.value.suggested_filename
    page.reload()
    expect(page.get_by_text("pixels after 8,302 steps")).to_be_visible()


def test_moments_are_painted_without_asking_the_server(visit: Any) -> None:
    page = visit("/Training")
    # The maps of the other moments come once, when somebody reaches for the slider.
    slider(page).focus()
    expect(page.locator(".screen")).to_have_attribute("data-partial", "false")
    expect(page.locator(".screen")).to_have_attribute("data-ready", "true")
    page.context.set_offline(True)
    shown = set()
    for _ in range(6):
        slider(page).press("ArrowRight")
        page.evaluate("() => new Promise(requestAnimationFrame)")
        page.evaluate("() => new Promise(requestAnimationFrame)")
        shown.add(maps(page).evaluate(PAINTED))
    assert len(shown) == 6


def test_a_training_is_watched_found_again_stopped_and_scrubbed(started: Any) -> None:
    page = started()
    expect(maps(page)).to_be_visible()
    expect(slider(page)).to_have_count(0)  # there is more to come
    first = maps(page).evaluate(PAINTED)
    paints_another(page, maps(page), first)
    expect(page.get_by_test_id("stProgress")).to_contain_text("of validation pictures")
    page.reload()
    expect(stop(page)).to_be_visible()
    expect(maps(page)).to_have_count(1)  # two while the page takes turns
    expect(maps(page)).to_be_visible()
    expect(page.get_by_text(re.compile(r"[1-9]\d* of 12 are empty")).first).to_be_visible()
    stop(page).click()
    expect(slider(page)).to_be_visible()
    expect(page.get_by_text("its best weights so far")).to_be_visible()
    slider(page).focus()
    slider(page).press("Home")
    expect(page.get_by_text(re.compile("Step 0 · epoch 0 .*untrained"))).to_be_visible()
    mark = page.locator("svg .mark").first
    before = mark.get_attribute("x1")
    slider(page).press("ArrowRight")
    slider(page).press("ArrowRight")
    expect(mark).not_to_have_attribute("x1", before or "")
    page.reload()
    expect(slider(page)).to_be_visible()
    expect(page.get_by_text("its best weights so far")).to_be_visible()


def test_a_phone_shows_all_of_it(visit: Any) -> None:
    page = visit("/Training", width=390, height=844, touch=True)
    expect(page.locator(".screen")).to_have_attribute("data-ready", "true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = maps(page).bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390


def test_two_wrong_values_in_a_link_are_each_told_and_leave_the_page_whole(
    visit: Callable[..., Page],
) -> None:
    page = visit("/Training?watch=zz&moment=-5")
    notices = page.get_by_test_id("stAlert").filter(has_text="The link asks for")
    expect(notices).to_have_count(2)
    expect(slider(page)).to_be_visible()


def test_the_page_scrolls_to_the_training_and_to_what_came_of_it(started: Any) -> None:
    page = started(reduced_motion="reduce")
    expect(maps(page)).to_be_visible()
    page.wait_for_function(AT_THE_TOP)
    page.mouse.move(900, 500)
    page.mouse.wheel(0, -9000)
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop === 0")
    stop(page).click()
    expect(slider(page)).to_be_visible()
    page.wait_for_function(AT_THE_TOP)
