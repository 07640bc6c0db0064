"""Make the pictures that README shows, of the app as it is now.

    make screenshots

Starts the app with an empty cache and takes each page in headless Chromium.
"""

import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.load.server import ROOT, Server

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
SIZE = {"width": 1440, "height": 900}
# Name of the file: the page, and what has to be on it before it is taken.
PICTURES = {
    "home": ("/?image=coffee&network=alexnet", "[data-stage]"),
    "activations": ("/Activations?image=coffee&network=alexnet&layer=features.0", "[data-channel]"),
}
_SETTLED = """() => [...document.images].every((image) => image.complete)
  && document.querySelector(".st-key-next")
  && !document.querySelector('[data-testid="stStatusWidget"], [data-testid="stSkeleton"]')"""


def main() -> None:
    """Take all of them."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for name, (path, wanted) in PICTURES.items():
            page = browser.new_page(viewport=SIZE, color_scheme="light", bypass_csp=True)
            page.goto(f"http://{server.address}{path}")
            page.locator(wanted).first.wait_for(timeout=120_000)
            page.wait_for_function(_SETTLED)
            page.mouse.move(0, 0)
            page.wait_for_timeout(1500)  # what fades in has done so
            page.screenshot(path=ROOT / "docs" / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
