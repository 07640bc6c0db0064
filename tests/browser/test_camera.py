"""Live: what the browser's camera shows, seen by a layer; the camera is Chromium's moving one."""

import base64
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from convviz.images.samples import sample

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
    live(page).click()
    grid, stage = page.locator("canvas.grid"), page.locator("canvas.stage")
    expect(grid).to_be_visible()
    assert grid.evaluate(OTHER_DRAWING)
    assert stage.evaluate(OTHER_DRAWING)
    expect(page.locator(".headline")).to_contain_text("of this frame")
    expect(page.get_by_role("heading", name="to your camera")).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("(of|to) this image"))).to_have_count(0)
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


REFUSALS = {
    "NotReadableError": "as when another program uses it: close that program",
    "NotFoundError": "no camera that the browser can use: connect one",
    "NotAllowedError": "does not let this page use the camera: allow it",
    "SecurityError": "does not let this page use the camera: allow it",
    "AbortError": "The camera does not start",
    "A newer browser's error": "The camera does not start",
}
REFUSING = """() => {
  const real = MediaDevices.prototype.getUserMedia;
  window.refusal = "";
  MediaDevices.prototype.getUserMedia = async function (wanted) {
    if (window.refusal) throw new DOMException("no", window.refusal);
    window.stream = await real.call(this, wanted);
    return window.stream;
  };
}"""


def test_without_a_camera_it_says_why_and_can_be_tried_again(visit: Any) -> None:
    page = visit(ALEXNET)
    page.evaluate(REFUSING)
    for refusal, sentence in REFUSALS.items():
        page.evaluate("refusal => { window.refusal = refusal; }", refusal)
        without_a_camera(page, sentence)
    page.evaluate("window.refusal = ''")
    hide = "Object.defineProperty({}, {{value: {}, configurable: true}})"
    page.evaluate(hide.format("window, 'isSecureContext'", "false"))
    without_a_camera(page, "or put https in front of the server")
    page.evaluate(hide.format("window, 'isSecureContext'", "true"))
    page.evaluate(hide.format("navigator, 'mediaDevices'", "undefined"))
    without_a_camera(page, "gives no page a camera")
    page.evaluate("delete navigator.mediaDevices")
    live(page).click()
    expect(page.locator("canvas.grid")).to_be_visible()


def without_a_camera(page: Page, sentence: str) -> None:
    """Switch Live on and off again; the page is as it was."""
    live(page).click()
    expect(page.locator(".message")).to_contain_text(sentence)
    expect(page.locator("canvas.grid")).to_be_hidden()
    live(page).click()
    expect(page.get_by_role("option").first).to_be_visible()
    expect(page.locator(".message")).to_have_count(0)


def test_a_camera_that_stops_is_told_and_its_last_frame_is_not_shown_on(visit: Any) -> None:
    page = visit(ALEXNET)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.evaluate(REFUSING)
    live(page).click()
    expect(page.locator("canvas.grid")).to_be_visible()
    page.evaluate(
        "() => { const [track] = window.stream.getVideoTracks();"
        " track.stop(); track.dispatchEvent(new Event('ended')); }"  # as when it is unplugged
    )
    expect(page.locator(".message")).to_contain_text("The camera has stopped")
    expect(page.locator("canvas.grid")).to_be_hidden()
    page.wait_for_timeout(500)  # what was on its way arrives
    count = len(sent)
    page.wait_for_timeout(1000)  # that nothing happens no event tells
    assert len(sent) == count
    expect(page.locator(".message")).to_contain_text("The camera has stopped")
    live(page).click()
    expect(page.get_by_role("option").first).to_be_visible()
    live(page).click()
    expect(page.locator("canvas.grid")).to_be_visible()
    expect(page.locator(".message")).to_be_empty()


def test_a_proxys_page_about_an_error_is_not_shown_and_the_camera_goes_on(visit: Any) -> None:
    page = visit(ALEXNET)
    html = "<html><h1>502 Bad Gateway</h1></html>"
    page.route(
        "**/convviz/camera",
        lambda route: route.fulfill(status=502, content_type="text/html", body=html),
    )
    live(page).click()
    expect(page.locator(".message")).to_have_text(
        "The server does not answer: the camera goes on as soon as it does."
    )
    page.unroute("**/convviz/camera")
    expect(page.locator("canvas.grid")).to_be_visible()


# A camera that films a canvas, where the test draws photographs; and a server that takes half a
# second longer over each frame. Counts the frames that are sent, and how many are on their way.
FILMED = """async photographs => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 384;
  const context = canvas.getContext("2d");
  const images = {};
  for (const [name, data] of Object.entries(photographs)) {
    images[name] = new Image();
    images[name].src = `data:image/jpeg;base64,${data}`;
    await images[name].decode();
  }
  window.film = name => { window.filmed = images[name]; };
  window.setInterval(() => {
    const { width, height } = window.filmed;
    const side = Math.min(width, height);
    context.drawImage(window.filmed, (width - side) / 2, (height - side) / 2, side, side,
      0, 0, 384, 384);
  }, 30);
  MediaDevices.prototype.getUserMedia = async () => canvas.captureStream(30);
  Object.assign(window, { frames: 0, waiting: 0, mostWaiting: 0 });
  const real = window.fetch;
  window.fetch = async (address, ...rest) => {
    if (!String(address).includes("/convviz/camera")) return real(address, ...rest);
    window.frames++;
    window.mostWaiting = Math.max(window.mostWaiting, ++window.waiting);
    const answer = await real(address, ...rest);
    await new Promise(resolve => setTimeout(resolve, 500));
    window.waiting--;
    return answer;
  };
}"""
FRAMES_UNTIL_ANOTHER_CLASS = """async (classes, name) => {
  const best = () => classes.querySelector(".name").textContent;
  const grid = classes.getRootNode().querySelector("canvas.grid");
  const [before, drawing] = [best(), grid.toDataURL()];
  window.film(name);
  const sent = window.frames;
  while (best() === before) await new Promise(requestAnimationFrame);
  return { frames: window.frames - sent, hasChanged: grid.toDataURL() !== drawing };
}"""


def test_a_slow_server_answers_the_newest_frame_and_never_those_before(visit: Any) -> None:
    page = visit("/Activations?image=cat&network=alexnet&layer=features.0", bypass_csp=True)
    photographs = {
        name: base64.b64encode(sample(name).read()).decode() for name in ("koala", "coffee")
    }
    page.evaluate(FILMED, photographs)
    page.evaluate("window.film('koala')")
    live(page).click()
    best = page.locator(".classes .name").first
    expect(best).to_have_text("koala")
    # The camera gives some 30 frames a second, and two at most are answered.
    behind = re.compile(r"^[01]\.\d frames a second; the camera gives \d+, the others are dropped")
    expect(page.locator(".rate")).to_have_text(behind)
    for name, label in (("coffee", "espresso"), ("koala", "koala")):
        # One may be on its way with the photograph before, and the camera is a few frames late.
        told = page.locator(".classes").evaluate(FRAMES_UNTIL_ANOTHER_CLASS, name)
        assert told["frames"] <= 3
        assert told["hasChanged"]
        expect(best).to_have_text(label)
        expect(page.locator(".classes li")).to_have_count(5)
    assert page.evaluate("window.mostWaiting") == 1
