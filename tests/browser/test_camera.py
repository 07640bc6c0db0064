"""Live: what the browser's camera shows, seen by a layer; the camera is Chromium's moving one."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

ALEXNET = "/Activations?image=cat&network=alexnet&weights=random&layer=features.0"
OTHER_DRAWING = """canvas => new Promise((resolve, reject) => {
  const first = canvas.toDataURL();
  const end = performance.now() + 60000;
  const look = () => {
    if (canvas.toDataURL() !== first) resolve(true);
    else if (performance.now() > end) reject(new Error("the drawing stays the same"));
    else requestAnimationFrame(look);
  };
  look();
})"""


def live(page: Page) -> Any:
    return page.locator(".st-key-activations_live label")


def test_the_maps_follow_the_camera_and_a_frame_can_be_kept(visit: Any) -> None:
    page = visit(ALEXNET)
    console: list[str] = []
    sent: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    page.on("request", lambda request: sent.append(request.url))
    without_a_camera(page)
    live(page).click()
    grid, stage = page.locator("canvas.grid"), page.locator("canvas.stage")
    expect(grid).to_be_visible()
    assert grid.evaluate(OTHER_DRAWING)
    assert stage.evaluate(OTHER_DRAWING)
    expect(page.locator(".headline")).to_contain_text("from this frame")
    expect(page.get_by_role("heading", name="to your camera")).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("(from|to) this image"))).to_have_count(0)
    expect(page.locator(".rate")).to_have_text(re.compile(r"\d frames a second"))
    expect(grid).to_have_attribute("aria-valuemax", "63")

    grid.press("ArrowRight")
    picked = str(grid.get_attribute("aria-valuenow"))
    expect(page).to_have_url(re.compile(f"channel={picked}(&|$)"))

    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(1000)  # what was on its way arrives
    count = len(sent)
    page.wait_for_timeout(1000)  # that nothing happens no event tells
    assert len(sent) == count
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    assert grid.evaluate(OTHER_DRAWING)

    page.get_by_role("button", name="Freeze").click()
    expect(page).to_have_url(re.compile("image=upload"))
    expect(grid).to_have_count(0)
    expect(page.get_by_role("option").first).to_be_visible()
    assert [text for text in console if "Policy" in text or "violates" in text] == []


def without_a_camera(page: Page) -> None:
    """Without leave, and on a page that is not secure, it says what to do."""
    page.evaluate(
        "() => { window.real = MediaDevices.prototype.getUserMedia;"
        " MediaDevices.prototype.getUserMedia = () =>"
        " Promise.reject(new DOMException('no', 'NotAllowedError')); }"
    )
    live(page).click()
    denied = page.get_by_text("does not let this page use the camera")
    expect(denied).to_be_visible()
    live(page).click()
    expect(denied).to_have_count(0)
    page.evaluate("() => { MediaDevices.prototype.getUserMedia = window.real; }")
    page.evaluate(
        "Object.defineProperty(window, 'isSecureContext', {value: false, configurable: true})"
    )
    live(page).click()
    insecure = page.get_by_text("or put https in front of the server")
    expect(insecure).to_be_visible()
    live(page).click()
    expect(insecure).to_have_count(0)
    page.evaluate(
        "Object.defineProperty(window, 'isSecureContext', {value: true, configurable: true})"
    )
