"""How long Home takes from a chosen image to the drawn network, in a real browser.

    CHROMIUM=/usr/bin/chromium python -m benchmarks.home

For each network: a visitor chooses one image of their own after the other, none of which the server
has seen. The clock runs in the page, from the moment the browser has the file to the second frame
after the network is drawn with the new image. Needs a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from benchmarks.layer_change import FLAGS
from tests.load.server import Server
from tests.load.simulation import colours, image_of
from tests.load.visitor import percentile

_WAIT_SECONDS = 60

# The drawing lies in a shadow root.
_WATCH = """() => {
  const shown = () => {
    for (const each of document.querySelectorAll("*")) {
      const flow = each.shadowRoot?.querySelector(".flow");
      if (flow?.querySelector("[data-stage] canvas")) return flow.querySelector("img").src;
    }
    return "";
  };
  const before = shown(), begun = performance.now();
  let start = 0;
  const file = () => { start = performance.now(); };
  document.addEventListener("change", file, { capture: true, once: true });
  window.drawnAfter = new Promise((resolve, reject) => {
    const done = () => resolve(performance.now() - start);
    const look = () => {
      const now = start ? shown() : before;
      if (now && now !== before) requestAnimationFrame(() => requestAnimationFrame(done));
      else if (performance.now() - begun > WAIT) reject(new Error("no other image was drawn"));
      else requestAnimationFrame(look);
    };
    look();
  });
}""".replace("WAIT", str(1000 * _WAIT_SECONDS))


def main() -> None:
    """Measure each network and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="alexnet,vgg16,googlenet")
    parser.add_argument("--images", type=int, default=12)
    options = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    print("| network | images | median | 95th percentile |\n| --- | ---: | ---: | ---: |")
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for number, network in enumerate(options.networks.split(",")):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"http://{server.address}/?network={network}")
            seeds = range(1000 * number, 1000 * number + options.images + 1)
            # The first one loads the network.
            _, *seconds = [_measure(page, seed) for seed in seeds]
            slow = percentile(seconds, 0.95)
            print(f"| {network} | {len(seconds)} | {median(seconds):.2f} s | {slow:.2f} s |")
            page.close()
        browser.close()


def _measure(page: Page, seed: int) -> float:
    """Choose an image, and return the seconds until the network is drawn with it."""
    page.locator("[data-stage] canvas").first.wait_for(timeout=1000 * _WAIT_SECONDS)
    page.get_by_test_id("stStatusWidget").wait_for(state="detached", timeout=1000 * _WAIT_SECONDS)
    page.wait_for_timeout(300)
    page.evaluate(_WATCH)
    image = image_of(colours()[seed % len(colours())], seed)
    chooser = page.locator(".st-key-home_upload input[type=file]")
    chooser.set_input_files({"name": f"own-{seed}.png", "mimeType": "image/png", "buffer": image})
    milliseconds: float = page.evaluate("() => window.drawnAfter")
    return milliseconds / 1000


if __name__ == "__main__":
    main()
