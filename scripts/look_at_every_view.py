"""Take a picture of every view of every page, on three screens, light and dark.

    CHROMIUM=/usr/bin/chromium PYTHONPATH=. python scripts/look_at_every_view.py FOLDER
    … --only course --screens phone --themes dark    a part of them
    … --language da                                  in Danish

Starts the app with an empty cache. Each picture shows the page down to its end, in
FOLDER/VIEW-SCREEN-THEME.png. What can be told without looking is printed: a page that is wider
than its screen, that shows an error, or that logs one. Looking at the pictures is left to you.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from convviz.language import ENGLISH, LANGUAGES
from convviz.ui.course.steps import STEPS
from tests.load.server import Server

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
SCREENS = {"laptop": (1440, 900), "projector": (1920, 1080), "phone": (390, 844)}
THEMES = ("light", "dark")
ALEXNET = "network=alexnet&layer=features.0"
DEEPER = "network=alexnet&layer=features.6"
CHANNEL = f"/Activations?{DEEPER}&view=One+channel&question="
COMPARE = f"/Activations?{DEEPER}&view=Compare&compare="
# Of each view: its address.
VIEWS = {
    "home": "/",
    "home-vgg16": "/?network=vgg16",
    "home-googlenet": "/?network=googlenet",
    "home-presenting": "/?present=1",
    **{f"course-{step.name}": f"/Course?step={step.name}&laboratory=True" for step in STEPS},
    "activations": f"/Activations?{ALEXNET}",
    "activations-vgg16": "/Activations?network=vgg16&layer=features.15",
    "activations-googlenet": "/Activations?network=googlenet&layer=inception4a",
    "activations-presenting": f"/Activations?{ALEXNET}&present=1",
    "activations-map": f"{CHANNEL}Map+and+field",
    "activations-stimulates": f"{CHANNEL}What+stimulates+it",
    "activations-arithmetic": f"{CHANNEL}Arithmetic",
    "activations-switch-off": f"{CHANNEL}Switch+it+off",
    "activations-two-images": f"{COMPARE}Two+images",
    "activations-two-layers": f"{COMPARE}Two+layers",
    "activations-two-networks": f"{COMPARE}Two+networks",
    "activations-two-checkpoints": f"{COMPARE}Two+checkpoints",
    "activations-all-layers": f"/Activations?{ALEXNET}&view=All+layers",
    "evidence": "/Evidence?network=alexnet",
    "evidence-true": "/Evidence?network=alexnet&evidence=Is+it+true%3F",
    "evidence-worse": "/Evidence?network=alexnet&evidence=A+worse+image",
    "evidence-networks": "/Evidence?network=alexnet&evidence=Two+networks",
    "filters": f"/Filters?{ALEXNET}",
    "filters-deeper": f"/Filters?{DEEPER}",
    "filters-first-layers": f"/Filters?{ALEXNET}&filters_view=First+layers",
    "filters-untrained": f"/Filters?{ALEXNET}&filters_view=Trained+and+untrained",
    "architectures": "/Architectures",
    "architectures-layers": "/Architectures?architectures=layers&network=googlenet",
    "architectures-papers": "/Architectures?architectures=papers",
    "design": "/Design?design=small-googlenet",
    "design-train": "/Design?design_view=train",
    "design-sweep": "/Design?design_view=sweep",
    "reconstruction": "/Reconstruction?network=alexnet&series=depth",
    "reconstruction-one": f"/Reconstruction?{DEEPER}&series=layer",
    "reconstruction-networks": "/Reconstruction?network=alexnet&series=networks",
    "reconstruction-amplify": f"/Reconstruction?{DEEPER}&series=amplify",
    "transfer": "/Transfer_learning?network=alexnet",
    "transfer-separate": "/Transfer_learning?network=alexnet&transfer=separate",
    "training": "/Training",
    "training-live": "/Training?watch=live",
    "auxiliary": "/Auxiliary_classifiers",
}
_MOST_PIXELS = 7000  # of a picture's height
_PATIENCE = 180_000  # milliseconds for a view


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", default=[""], help="beginnings of views' names")
    parser.add_argument("--screens", nargs="+", choices=SCREENS, default=[*SCREENS])
    parser.add_argument("--themes", nargs="+", choices=THEMES, default=[*THEMES])
    parser.add_argument("--language", choices=LANGUAGES, default=ENGLISH)
    options = parser.parse_args()
    language = f"lang={options.language}"
    options.folder.mkdir(parents=True, exist_ok=True)
    views = {name: path for name, path in VIEWS.items() if name.startswith(tuple(options.only))}
    expect.set_options(timeout=_PATIENCE)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for name, path in views.items():
            for sentence in _take(
                browser,
                f"http://{server.address}{path}{'&' if '?' in path else '?'}{language}",
                options.folder / name,
                options.screens,
                options.themes,
            ):
                print(f"{name}: {sentence}", flush=True)
        browser.close()


def _take(
    browser: Browser, address: str, file: Path, screens: Sequence[str], themes: Sequence[str]
) -> Iterator[str]:
    """Take one view's pictures; gives a sentence on each thing that is wrong."""
    for screen in screens:
        width, height = SCREENS[screen]
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(_PATIENCE)
        problems: list[str] = []
        page.on("pageerror", lambda error, problems=problems: problems.append(str(error)))
        try:
            page.goto(address)
            _wait(page)
            for theme in themes:
                page.emulate_media(color_scheme=theme)
                _picture(page, file.with_name(f"{file.name}-{screen}-{theme}.png"), width, height)
            yield from (f"{screen}: {problem}" for problem in [*_wrong(page, width), *problems])
        except (AssertionError, Error) as error:
            yield f"{screen}: {str(error).splitlines()[0]}"
        page.close()


def _wait(page: Page) -> None:
    """Wait until the script has run to its end."""
    app = page.get_by_test_id("stApp")
    expect(page.locator(".st-key-next, .st-key-course_buttons").first).to_be_attached()
    expect(app).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def _picture(page: Page, file: Path, width: int, height: int) -> None:
    """Take the page down to its end; the page itself does not scroll, its main part does."""
    whole = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(max(whole, height), _MOST_PIXELS)})
    time.sleep(1.5)  # what fades in has done so, and charts have the theme's colours
    page.screenshot(path=file)
    page.set_viewport_size({"width": width, "height": height})


def _wrong(page: Page, width: int) -> Iterator[str]:
    """Say what can be told without looking."""
    wide = page.get_by_test_id("stMain").evaluate("main => main.scrollWidth")
    if wide > width:
        yield f"the page is {wide} pixels wide"
    for each in page.get_by_test_id("stAlertContentError").all_inner_texts():
        yield f"shows an error: {each}"
    for each in page.get_by_test_id("stAlertContentInfo").all_inner_texts():
        if each.startswith("The link asks for"):
            yield each  # the address here is wrong


if __name__ == "__main__":
    main()
