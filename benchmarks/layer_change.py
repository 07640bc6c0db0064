"""How long a change of layer takes, from the click to the drawn grid, in a real browser.

    CHROMIUM=/usr/bin/chromium python -m benchmarks.layer_change

For each network: eight layers deeper and eight shallower again, until there are as many clicks as
asked for. The clock runs in the page, from the click on Deeper or Shallower to the second frame
after the new layer's maps are in the grid. After the first way there and back the layers have been
seen before; the first table has the first clicks, the second all others. Needs a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from playwright.sync_api import Locator, Page, sync_playwright

from tests.load.server import Server
from tests.load.visitor import percentile

STEPS = 8
FIRST = {"alexnet": "features.0", "vgg16": "features.0", "googlenet": "conv1"}
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_WAIT_SECONDS = 60

# The grid lies in a shadow root; the image of all maps is named by the tiles' background.
_CLICK = """(button) => new Promise((resolve, reject) => {
  const shown = () => {
    for (const each of document.querySelectorAll(".st-key-channel_grid_box *")) {
      const map = each.shadowRoot?.querySelector("[data-channel] .map[style]");
      if (map) return map.style.backgroundImage;
    }
    return "";
  };
  const before = shown(), start = performance.now();
  const look = () => {
    const now = shown();
    if (now && now !== before) {
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - start)));
    } else if (performance.now() - start > WAIT) reject(new Error("no other grid was drawn"));
    else requestAnimationFrame(look);
  };
  button.click();
  look();
})""".replace("WAIT", str(1000 * _WAIT_SECONDS))


def main() -> None:
    """Measure each network and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="alexnet,vgg16,googlenet")
    parser.add_argument("--clicks", type=int, default=100)
    options = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for network in options.networks.split(","):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            rows.append((network, _measure(page, server.address, network, options.clicks)))
            page.close()
        browser.close()
    for title, part in (("first seen", slice(0, 2 * STEPS)), ("all clicks", slice(None))):
        print(f"\n| {title} | clicks | median | 95th percentile |\n| --- | ---: | ---: | ---: |")
        for network, seconds in rows:
            some = seconds[part]
            slow = percentile(some, 0.95)
            print(f"| {network} | {len(some)} | {median(some):.3f} s | {slow:.3f} s |")


def _measure(page: Page, address: str, network: str, clicks: int) -> list[float]:
    """Return the seconds that each click took."""
    page.goto(f"http://{address}/Activations?network={network}&layer={FIRST[network]}")
    page.locator("[data-channel]").first.wait_for(timeout=1000 * _WAIT_SECONDS)
    way = cycle(["deeper"] * STEPS + ["shallower"] * STEPS)
    seconds = []
    for direction in islice(way, clicks):
        sidebar = page.get_by_test_id("stSidebar")
        button = sidebar.locator(f".st-key-sidebar_layer_{direction} button").last
        _until_idle(page)
        seconds.append(button.evaluate(_CLICK) / 1000)
    return seconds


def _until_idle(page: Page) -> None:
    """Wait until the script has ended: the next click shall not meet the last one's run."""
    running: Locator = page.get_by_test_id("stStatusWidget")
    running.wait_for(state="detached", timeout=1000 * _WAIT_SECONDS)
    page.wait_for_timeout(150)


if __name__ == "__main__":
    main()
