"""How long a change of layer takes, from the click to the drawn grid, in a real browser.

    CHROMIUM=/usr/bin/chromium python -m benchmarks.layer_change

For each network: eight layers deeper and eight shallower again, the deepest of them that of the
goal, until there are as many clicks as asked for. The clock runs in the page, from the click on
Deeper or Shallower to the second frame after the new layer's maps are in the grid. The first table
has the clicks that led to a layer not seen before, the second all of them. Needs a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from tests.load.server import Server
from tests.load.visitor import percentile

STEPS = 8
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_WAIT_SECONDS = 60
_IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


@dataclass(frozen=True)
class Way:
    """Where the clicks lead.

    Attributes:
        first: The layer that the page is opened with.
        layer: The layer that eight steps lead to.
    """

    first: str
    layer: str


WAYS = {
    "alexnet": Way("features.0", "features.8"),
    "vgg16": Way("features.20", "features.28"),
    "googlenet": Way("maxpool2", "inception4e"),
}


@dataclass(frozen=True)
class Click:
    """One click.

    Attributes:
        seconds: From the click to the drawn grid.
        is_new: Whether its layer had not been seen before.
    """

    seconds: float
    is_new: bool


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
    parser.add_argument("--networks", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--clicks", type=int, default=100)
    options = parser.parse_args()
    rows = dict(measure(options.networks, options.clicks))
    for title, only_new in (("not seen before", True), ("all clicks", False)):
        print(f"\n| {title} | clicks | median | 95th percentile |\n| --- | ---: | ---: | ---: |")
        for network, clicks in rows.items():
            some = [each.seconds for each in clicks if each.is_new or not only_new]
            slow = percentile(some, 0.95)
            print(f"| {network} | {len(some)} | {median(some):.3f} s | {slow:.3f} s |")


def measure(networks: Sequence[str], clicks: int) -> Iterator[tuple[str, list[Click]]]:
    """Click through the layers of each network, in one server and one browser."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for network in networks:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            yield network, _clicks(page, server.address, network, clicks)
            page.close()
        browser.close()


def _clicks(page: Page, address: str, network: str, count: int) -> list[Click]:
    way = WAYS[network]
    page.goto(f"http://{address}/Activations?network={network}&layer={way.first}")
    page.locator("[data-channel]").first.wait_for(timeout=1000 * _WAIT_SECONDS)
    directions = cycle(["deeper"] * STEPS + ["shallower"] * STEPS)
    made: list[Click] = []
    for number, direction in enumerate(islice(directions, count), start=1):
        sidebar = page.get_by_test_id("stSidebar")
        button = sidebar.locator(f".st-key-sidebar_layer_{direction} button").last
        _until_idle(page)
        made.append(Click(button.evaluate(_CLICK) / 1000, is_new=number <= STEPS))
        if number == STEPS:
            # The grid is there before the server has answered, and the address comes with that.
            page.wait_for_url(f"**layer={way.layer}&**", timeout=1000 * _WAIT_SECONDS)
    return made


def _until_idle(page: Page) -> None:
    """Wait until the script has ended: the next click shall not meet the last one's run."""
    page.wait_for_timeout(150)  # until it has begun
    page.locator(_IDLE).wait_for(timeout=1000 * _WAIT_SECONDS)


if __name__ == "__main__":
    main()
