"""The content policy lets all that convviz does happen: no page breaks it, even at work."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

VIOLATION = ("Content Security Policy", "Content-Security-Policy", "Refused to", "violates the")

PAGES = (
    "/",
    "/Activations?network=alexnet&weights=random",
    "/Activations?view=Compare&network=alexnet&weights=random",
    "/Activations?view=Table&network=alexnet&weights=random",
    "/Filters?network=alexnet&weights=random",
    "/Architectures?network=alexnet&weights=random",
    "/Design?design=small-googlenet",
    "/Reconstruction?network=alexnet&weights=random",
    "/Transfer_learning?network=alexnet&weights=random",
    "/Training",
    "/Training?watch=live",
    "/Auxiliary_classifiers",
)


class Console:
    """What the browser says of a page that breaks the policy, and where else it turned to."""

    def __init__(self, page: Page, address: str) -> None:
        self.violations: list[str] = []
        self.elsewhere: list[str] = []
        self.address = address
        page.on("console", lambda message: self._read(message.text))
        page.on("request", lambda request: self._look(request.url))

    def _read(self, text: str) -> None:
        if any(word in text for word in VIOLATION):
            self.violations.append(text)

    def _look(self, url: str) -> None:
        if not url.startswith((self.address, "blob:", "data:")):
            self.elsewhere.append(url)


Watch = Callable[[str], tuple[Page, Console]]


@pytest.fixture
def watch(warm_app: str, browser: Browser) -> Iterator[Watch]:
    """Open pages in one window and listen to the console from the first byte on."""
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    console = Console(page, warm_app)

    def opened(path: str) -> tuple[Page, Console]:
        page.goto(warm_app + path)
        expect(page.locator("h1")).to_be_visible()
        app = page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-script-state", "notRunning")
        return page, console

    yield opened
    context.close()


def test_a_page_that_breaks_the_policy_would_be_noticed(watch: Watch) -> None:
    page, console = watch("/")
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/a'}))")
    page.wait_for_timeout(500)  # the browser reports when it likes
    assert console.violations


@pytest.mark.parametrize("path", PAGES)
def test_no_page_breaks_the_policy_or_asks_elsewhere(watch: Watch, path: str) -> None:
    page, console = watch(path)
    for frame in page.get_by_test_id("stExpander").all()[:6]:
        frame.locator("summary").click()
    page.wait_for_timeout(300)
    assert console.violations == []
    assert console.elsewhere == []


def test_a_reconstruction_and_what_is_saved_of_it_keep_to_the_policy(
    watch: Watch,
) -> None:
    link = "/Reconstruction?network=alexnet&weights=random&layer=features.0&seconds=3"
    page, console = watch(link)
    page.locator(".st-key-start button").click()
    expect(page.locator(".st-key-stop")).to_have_count(0)
    buttons = page.get_by_test_id("stDownloadButton").locator("button")
    expect(buttons.first).to_be_visible()
    with page.expect_download() as saved:
        buttons.first.click()
    assert saved.value.path().stat().st_size > 100
    assert console.violations == []
    assert console.elsewhere == []


def test_a_chart_that_is_saved_keeps_to_the_policy(watch: Watch) -> None:
    page, console = watch("/Architectures?network=alexnet&weights=random")
    chart = page.locator(".js-plotly-plot").first
    expect(chart).to_be_visible()
    chart.hover()
    save = chart.locator("[data-title*='ownload'], [data-title*='Save']").first
    with page.expect_download() as saved:
        save.click()
    assert saved.value.path().stat().st_size > 1000
    assert console.violations == []


def test_a_live_training_keeps_to_the_policy(watch: Watch) -> None:
    page, console = watch("/Training?watch=live&live_seconds=10")
    page.locator(".st-key-start button").click()
    expect(page.get_by_text("Curves (CSV)")).to_be_visible()  # it has ended
    assert console.violations == []
    assert console.elsewhere == []
