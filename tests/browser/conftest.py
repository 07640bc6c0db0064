"""The real app on a free port, and a real browser that visits it.

    def test_something(visit):
        page = visit("/Activations?network=alexnet&weights=random")
        page.locator(".st-key-layer")...

`.st-key-<key>` finds a widget by its key. `expect` waits by itself; nothing here sleeps.

Two processes and a browser meet at moments that no test chooses: while Streamlit draws a page anew,
for example, an element of before may stand beside its successor. So a test here that fails is run a
second time, and the summary counts those; what fails twice is a failure.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
START_SECONDS = 90
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",  # a camera, and leave to use it
    "--use-fake-ui-for-media-stream",
]

# Whether the page has scrolled to a run, or to what came of it.
AT_THE_TOP = """() => {
  const box = document.querySelector(".st-key-job_heading")?.getBoundingClientRect();
  return box && box.top >= 0 && box.top < 160;
}"""

Visit = Callable[..., Page]
PHONE, LAPTOP = (390, 844), (1440, 900)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test in a browser a second try."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def a_few(cases: Iterable[str], few: Collection[str]) -> list[Any]:
    """Return the cases as parameters; all but a few of them run with `make views` only."""
    assert set(few) <= set(cases)
    marks = {case: () if case in few else (pytest.mark.views,) for case in cases}
    return [pytest.param(case, marks=marks[case]) for case in cases]


expect.set_options(timeout=60_000)  # a machine that runs tests may be busy


@pytest.fixture(scope="session")
def app(session_settings: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the app as a user does and return its address; it has no network and an empty cache."""
    with served(tmp_path_factory.mktemp("server") / "log.txt") as address:
        yield address


@contextmanager
def served(log: Path, **settings: str) -> Iterator[str]:
    """Run the app as a user does, with environment variables of its own; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env={**os.environ, **settings},
        )
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _wait_until_healthy(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with direct.open(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)  # between two looks at another process there is nothing to wait for
    pytest.fail(f"the app did not start:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Start the browser once."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def warm_app(app: str, browser: Browser) -> str:
    """Open the app once, so that PyTorch is loaded: on a busy machine that takes a while."""
    page = browser.new_page()
    page.goto(app)
    expect(page.get_by_test_id("stSelectbox").first).to_be_visible(timeout=START_SECONDS * 1000)
    page.context.close()
    return app


@pytest.fixture
def visit(warm_app: str, browser: Browser) -> Iterator[Visit]:
    """Open pages of the app, each call as a new visitor with a browser window of their own.

    `visit(path, width=1440, height=900, dark=False, touch=False)` returns when the page is drawn.
    """
    contexts = []

    def opened(
        path: str = "/",
        *,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        touch: bool = False,
        **more: Any,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            has_touch=touch,
            accept_downloads=True,
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(warm_app + path)
        settled(page)
        return page

    yield opened
    for context in contexts:
        context.close()


def settled(page: Page) -> None:
    """Wait until the script has run to its end."""
    expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def check_widths(page: Page) -> None:
    """Check on a phone's screen and on a laptop's that nothing is wider than it.

    The page must be open on the phone's: what grows with the screen is drawn after it has grown.
    """
    for width, height in (PHONE, LAPTOP):
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
        wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert wide <= width
