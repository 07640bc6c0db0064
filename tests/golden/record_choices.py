"""Record what each page keeps of the visitor's choices, as a browser sees it.

    CONVVIZ_CACHE=$(mktemp -d) python -m streamlit run app.py --server.port 8765
    python tests/golden/record_choices.py http://localhost:8765

The second command rewrites choices.json beside this file; CHROMIUM names the browser. Nothing is
looked at but the address, the widgets and the links, so that any way of keeping choices can be
held against the table.

A scene is one view of one page, opened by an address. Its choices are changed one after the other
by hand; then the visitor goes to another page and comes back, and at last reloads the address.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from playwright.sync_api import Page, sync_playwright

TABLE = Path(__file__).with_name("choices.json")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 90.0  # seconds, for a machine that is busy

HOME, ACTIVATIONS, FILTERS = "/", "/Activations", "/Filters"
ARCHITECTURES, RECONSTRUCTION = "/Architectures", "/Reconstruction"
TRANSFER, TRAINING, AUXILIARY = "/Transfer_learning", "/Training", "/Auxiliary_classifiers"
COURSE = "/Course"
TITLES = {
    HOME: "Home",
    ACTIVATIONS: "Activations",
    FILTERS: "Filters",
    ARCHITECTURES: "Architectures",
    RECONSTRUCTION: "Reconstruction",
    TRANSFER: "Transfer learning",
    TRAINING: "Training",
    AUXILIARY: "Auxiliary classifiers",
    COURSE: "Course",
}


@dataclass(frozen=True)
class Change:
    """How one choice is changed by hand.

    Attributes:
        key: The choice's name in the table; usually the widget's key.
        act: "pick" (by its text), "fill", "press" (a key), or "click" (a selector, or the widget).
        to: What is picked, filled in, pressed or clicked.
        parameter: The choice's name in the address; None: the same as its key.
        widget: Where its value is read; None: at the widget with this key.
        attribute: The attribute that holds the value; None: the value that the widget shows.
    """

    key: str
    act: str
    to: str = ""
    parameter: str | None = None
    widget: str | None = None
    attribute: str | None = None

    @property
    def selector(self) -> str:
        return self.widget or f".st-key-{self.key}"

    @property
    def name(self) -> str:
        return self.parameter or self.key


@dataclass(frozen=True)
class Scene:
    """One view of one page, of GoogLeNet and its module 4a where nothing else is said."""

    name: str
    path: str
    changes: tuple[Change, ...]
    with_: dict[str, str] = field(default_factory=dict)

    @property
    def open(self) -> dict[str, str]:
        """What the address says that opens it."""
        usual = {"network": "googlenet"}
        if self.path in (ACTIVATIONS, FILTERS, RECONSTRUCTION):
            usual["layer"] = "inception4a"
        return {**usual, **self.with_}

    @property
    def elsewhere(self) -> str:
        """The page that the visitor goes to and comes back from."""
        return FILTERS if self.path == HOME else HOME


def pick(key: str, to: str, **more: str) -> Change:
    return Change(key, "pick", to, **more)


def fill(key: str, to: str) -> Change:
    return Change(key, "fill", to)


def slide(key: str, to: str = "ArrowRight", **more: str) -> Change:
    return Change(key, "press", to, **more)


_CHANNEL = Change(
    "channel",
    "click",
    "[role=option] >> nth=5",
    widget="[role=option][aria-selected=true]",
    attribute="data-channel",
)
_ONE = {"view": "One channel"}
_STIMULI = {**_ONE, "question": "What stimulates it"}
_COMPARE = {"view": "Compare"}
_LAYERS = {"architectures": "layers"}
_LABORATORY = {"laboratory": "True"}
_LIVE = {"watch": "live"}

SCENES = (
    Scene(
        "home",
        HOME,
        (
            Change(
                "image",
                "click",
                ".st-key-home_sample_koala button",
                widget="[class*=st-key-home_chosen_] [class*=st-key-home_sample_]",
            ),
            pick("network", "AlexNet"),
            pick("weights", "Untrained"),
        ),
    ),
    Scene(
        "activations-sidebar",
        ACTIVATIONS,
        (
            Change(
                "image",
                "click",
                ".st-key-sidebar_change_image button >> nth=0 >>> .st-key-side_sample_rocket "
                "button",
                widget=".st-key-sidebar_image strong",
            ),
            pick("network", "AlexNet"),
            pick("weights", "Untrained"),
            pick("layer", "block 2 · conv2 — 192 × 27 × 27"),
            slide("tau"),  # a link may still name the layer before until the page runs once more
        ),
    ),
    Scene(
        "activations-layer",
        ACTIVATIONS,
        (
            Change("layer", "click", ".st-key-sidebar_layer_deeper button"),
            slide("tau"),
            pick("order", "Highest maximum first"),
            pick("show", "Hide empty ones"),
            pick("contrast", "Shared"),
            pick("colours", "Magma"),
            _CHANNEL,
            slide("blend"),
        ),
    ),
    Scene("activations-all", ACTIVATIONS, (pick("view", "All layers"), slide("tau"))),
    Scene(
        "activations-channel",
        ACTIVATIONS,
        (
            pick("view", "One channel"),
            Change("channel", "fill", "7", widget=".st-key-activations_inspected"),
            pick("beside", "Rocket"),
        ),
    ),
    Scene(
        "activations-patches",
        ACTIVATIONS,
        (pick("question", "What stimulates it"), pick("set", "My pictures")),
        _ONE,
    ),
    Scene(
        "activations-occlusion",
        ACTIVATIONS,
        (pick("way", "Occlusion"), pick("measure", "its mean over the map")),
        _STIMULI,
    ),
    Scene(
        "activations-synthesis",
        ACTIVATIONS,
        (
            pick("way", "Synthesis"),
            pick("target", "One position: a part"),
            slide("synthesis_steps"),
            fill("synthesis_seed", "7"),
        ),
        _STIMULI,
    ),
    Scene(
        "activations-off",
        ACTIVATIONS,
        (
            pick("question", "Switch it off"),
            pick("silence_mode", "Keep only"),
            pick("silence_deeper", "classifier · fc — 200"),
        ),
        _ONE,
    ),
    Scene(
        "activations-compare",
        ACTIVATIONS,
        (
            pick("view", "Compare"),
            pick("beside", "Rocket"),
            pick("order", "Highest maximum first"),
        ),
    ),
    Scene(
        "activations-compare-layers",
        ACTIVATIONS,
        (
            pick("compare", "Two layers"),
            pick("compare_layer", "stem · conv3 (3×3) — 192 × 32 × 32"),
        ),
        _COMPARE,
    ),
    Scene(
        "activations-compare-networks",
        ACTIVATIONS,
        (pick("compare", "Two networks"), pick("compare_network", "VGG11")),
        _COMPARE,
    ),
    Scene(
        "filters",
        FILTERS,
        (
            _CHANNEL,
            pick("filter_look", "One input channel"),
            fill("filter_input", "9"),
        ),
        {"layer": "conv3"},
    ),
    Scene(
        "filters-pages",
        FILTERS,
        (
            pick("filter_order", "Largest norm first"),
            fill("filter_page", "2"),
            fill("slice_page", "2"),
        ),
        {"layer": "conv3"},
    ),
    Scene(
        "filters-first",
        FILTERS,
        (
            pick("filters_view", "First layers"),
            Change("filters_one_scale", "click", ".st-key-filters_one_scale label"),
        ),
    ),
    Scene(
        "architectures-compare",
        ARCHITECTURES,
        (
            Change(
                "compared",
                "click",
                ".st-key-architectures_networks button:has-text('GoogLeNet')",
                widget=".st-key-architectures_networks",
            ),
            fill("side", "256"),
            pick("axis", "Logarithmic"),
        ),
    ),
    Scene(
        "architectures-layers",
        ARCHITECTURES,
        (
            pick("architectures", "Layer by layer"),
            pick("form", "As published"),
            pick("side_paper", "256"),
            Change(
                "row",
                "click",
                ".st-key-architectures_next_row button",
                widget=".block[aria-selected=true]",
                attribute="data-id",
            ),
        ),
    ),
    Scene(
        "architectures-torchvision",
        ARCHITECTURES,
        (pick("side_torchvision", "256"),),
        _LAYERS,
    ),
    Scene(
        "lesson-size",
        COURSE,
        tuple(slide(key) for key in "nkspd"),
        {**_LABORATORY, "step": "filters"},
    ),
    Scene(
        "lesson-stack",
        COURSE,
        (slide("large"), slide("width")),
        {**_LABORATORY, "step": "vgg"},
    ),
    Scene(
        "lesson-bottleneck",
        COURSE,
        (
            pick("branch", "numbers of your own"),
            fill("side_maps", "14"),
            fill("channels_in", "480"),
            fill("channels_left", "24"),
            fill("channels_out", "64"),
            fill("kernel_large", "7"),
            pick("saving", "torchvision's"),
        ),
        {**_LABORATORY, "step": "bottleneck"},
    ),
    Scene(
        "lesson-bottleneck-branch",
        COURSE,
        (
            slide(
                "left_inception4a.branch3",
                widget="[class*='st-key-left_inception4a']",
            ),
        ),
        {**_LABORATORY, "step": "bottleneck"},
    ),
    Scene(
        "lesson-inception",
        COURSE,
        (pick("module", "4c"),),
        {**_LABORATORY, "step": "inception"},
    ),
    Scene(
        "lesson-auxiliary",
        COURSE,
        (
            pick("trained_form", "torchvision's: batch norm"),
            pick("first_weights", "scaled to each layer (He, 2015)"),
            slide("aux_weight"),
            fill("aux_seed", "5"),
        ),
        {**_LABORATORY, "step": "auxiliary"},
    ),
    Scene(
        "architectures-papers",
        ARCHITECTURES,
        (pick("paper", "VGG, 2015"),),
        {"architectures": "papers"},
    ),
    Scene(
        "reconstruction",
        RECONSTRUCTION,
        (
            pick("series", "Depth series"),
            slide("seconds"),
        ),
    ),
    Scene(
        "reconstruction-amplify",
        RECONSTRUCTION,
        (
            pick("amplify", "One channel"),
            fill("amplify_channel", "5"),
            slide("octaves"),
            slide("strength"),
        ),
        {"series": "amplify"},
    ),
    Scene(
        "reconstruction-advanced",
        RECONSTRUCTION,
        (
            Change("optimizer", "pick", "Adam"),
            fill("learning_rate", "0.05"),
            fill("decay", "1.5"),
            fill("total_variation", "0.25"),
            pick("start_from", "Plain grey"),
            fill("seed", "3"),
            fill("most_steps", "50"),
            pick("precision", "float32"),
        ),
    ),
    Scene(
        "transfer",
        TRANSFER,
        (
            pick("scenario", "Replace several fully connected layers"),
            slide("training_seconds"),
            Change("transfer_compare", "click", ".st-key-transfer_compare label"),
        ),
    ),
    Scene("transfer-zip", TRANSFER, (pick("data", "My own zip"),)),
    Scene(
        "training",
        TRAINING,
        (
            pick("recorded_layer", "conv3 (3×3)"),
            slide("moment", widget=".st-key-training_recorded_film input"),
        ),
    ),
    Scene(
        "training-live",
        TRAINING,
        (
            pick("watch", "Train one here"),
            slide("live_depth"),
            slide("live_width"),
            slide("live_seconds"),
            pick("live_rate", "Far too small: hardly anything moves"),
            Change("live_norm", "click", ".st-key-live_norm label"),
        ),
    ),
    Scene("training-zip", TRAINING, (pick("data", "My own zip"),), _LIVE),
    Scene(
        "auxiliary",
        AUXILIARY,
        (
            slide("aux_weight"),
            pick("aux_start", "variance 2 / inputs (He, 2015)"),
            pick("aux_norm", "after each convolution"),
            slide("aux_rate"),
            slide("aux_steps"),
            fill("aux_seed", "5"),
        ),
    ),
    Scene("auxiliary-zip", AUXILIARY, (pick("data", "My own zip"),)),
)

# One visitor walks from page to page: what each page's address says on arrival.
WALK = {
    "image": "cat",
    "network": "googlenet",
    "weights": "random",
    "layer": "conv3",
    "order": "strength",
    "tau": "0.02",
}

# The text of the value that the widgets show; a value in a shadow root is found as well.
_READ = """wanted => {
    const find = (root, selector) => {
        const direct = root.querySelector(selector);
        if (direct) return direct;
        for (const element of root.querySelectorAll('*')) {
            const inside = element.shadowRoot && find(element.shadowRoot, selector);
            if (inside) return inside;
        }
        return null;
    };
    const seek = selector => {
        const [first, ...rest] = selector.split(' ');
        const whole = find(document, selector);
        if (whole || !rest.length) return whole;
        const outer = document.querySelector(first);
        return outer && find(outer, rest.join(' '));
    };
    const text = element => element.innerText.trim().replace(/\\s+/g, ' ');
    const shown = element => {
        const input = element.matches('input') ? element : element.querySelector('input');
        const taken = element.querySelectorAll(
            'button[aria-checked=true], button[aria-pressed=true]');
        if (taken.length) return [...taken].map(text).join(', ');
        if (!input) return text(element);
        if (input.type === 'checkbox') return input.checked ? 'on' : 'off';
        if (input.type === 'radio') {
            const checked = element.querySelector('input:checked');
            return checked ? text(checked.closest('label')) : '';
        }
        if (input.type === 'range') return input.getAttribute('aria-valuetext') || input.value;
        return input.value;
    };
    return wanted.map(([selector, attribute]) => {
        const element = seek(selector);
        if (!element) return null;
        return attribute ? element.getAttribute(attribute) : shown(element);
    });
}"""

_RESTS = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    const rests = app?.getAttribute('data-test-script-state') === 'notRunning'
        && document.querySelector('h1') && !document.querySelector('[data-testid=stSkeleton]');
    const now = performance.now();
    const address = location.href;
    const before = window.convvizRest;
    if (!rests || !before || before.address !== address) {
        window.convvizRest = rests ? { since: now, address } : null;
        return false;
    }
    return now - before.since > 350;
}"""


def rest(page: Page) -> None:
    """Wait until the script has run to its end and the address stands still."""
    page.evaluate("window.convvizRest = null")
    page.wait_for_function(_RESTS, timeout=PATIENCE * 1000, polling=50)


def query(page: Page) -> dict[str, str]:
    """Return the address's parameters, as the browser has them: `page.url` may lag behind."""
    search = page.evaluate("location.search")
    return dict(parse_qsl(search.removeprefix("?"), keep_blank_values=True))


def address(path: str, parameters: dict[str, str]) -> str:
    """Write an address without its host."""
    return f"{path}?{urlencode(parameters)}" if parameters else path


def values(page: Page, wanted: list[tuple[str, str | None]]) -> list[str | None]:
    """Return what the widgets show; None where there is no such widget."""
    shown: list[str | None] = page.evaluate(_READ, wanted)
    if None in shown and _open_menu(page):
        inside: list[str | None] = page.evaluate(_READ, wanted)
        shown = [one if two is None else two for one, two in zip(shown, inside, strict=True)]
        page.keyboard.press("Escape")
        page.locator("[data-testid=stPopoverBody]").wait_for(state="detached")
    return shown


def _open_menu(page: Page) -> bool:
    """Open the menu of the display options; False where there is none."""
    button = page.locator(".st-key-activations_display button")
    if not button.count():
        return False
    button.first.click()
    page.locator("[data-testid=stPopoverBody] input").first.wait_for()
    return True


def act(page: Page, change: Change) -> None:
    """Change a choice by hand, and wait until the page has followed."""
    widget = page.locator(change.selector)
    expander = page.locator("details:not([open])").filter(has=widget).locator("summary")
    if expander.count():
        expander.first.click()
    in_menu = not widget.count() and change.act != "click" and _open_menu(page)
    if change.act == "click":
        for step in change.to.split(" >>> "):
            page.locator(step).first.click()
    elif change.act == "press":
        slider = widget if change.selector.endswith("input") else widget.locator("input")
        slider.first.press(change.to)
    elif change.act == "fill":
        field_ = widget.locator("input").first
        field_.fill(change.to)
        field_.press("Enter")
    elif widget.locator("[role=combobox]").count():
        box = widget.locator("[role=combobox]").first
        box.click()
        box.fill(change.to)
        page.get_by_role("option", name=change.to, exact=True).first.click()
    else:
        widget.get_by_text(change.to, exact=True).first.click()
    page.wait_for_timeout(450)  # a slider tells the server after a while
    if in_menu:
        page.keyboard.press("Escape")


def go(page: Page, path: str) -> None:
    """Open another page by its link in the sidebar."""
    links = page.locator(".st-key-navigation")
    links.get_by_role("link", name=TITLES[path], exact=True).click()
    page.wait_for_function(
        "path => location.pathname === path", arg=path, timeout=PATIENCE * 1000, polling=50
    )
    rest(page)


def record(page: Page, host: str, scene: Scene) -> dict[str, Any]:
    """Play one scene by hand and return its part of the table."""
    wanted = [(change.selector, change.attribute) for change in scene.changes]
    page.goto(host + address(scene.path, scene.open))
    rest(page)
    at_first = query(page)
    rows: list[dict[str, Any]] = []
    for change, place in zip(scene.changes, wanted, strict=True):
        [default] = _until(
            lambda place=place: values(page, [place]), lambda got: got[0] is not None
        )
        before = query(page).get(change.name)
        act(page, change)
        rest(page)
        [changed] = values(page, [place])
        rows.append(
            {
                "key": change.key,
                "parameter": change.name if change.name in query(page) else None,
                "default": default,
                "value_at_default": before,
                "changed": changed,
                "value": query(page).get(change.name),
            }
        )
    here, shown = query(page), values(page, wanted)
    go(page, scene.elsewhere)
    elsewhere = query(page)
    go(page, scene.path)
    back, after_page_change = query(page), values(page, wanted)
    page.reload()
    rest(page)
    for row, left, returned, reloaded in zip(
        rows, shown, after_page_change, values(page, wanted), strict=True
    ):
        row["after_page_change"] = returned
        row["survives_page_change"] = returned == left
        row["after_reload"] = reloaded
        row["survives_reload"] = reloaded == left
    return {
        "scene": scene.name,
        "page": scene.path,
        "open": scene.open,
        "address_at_first": at_first,
        "address": here,
        "address_elsewhere": elsewhere,
        "address_back": back,
        "address_reloaded": query(page),
        "choices": rows,
    }


def walk(page: Page, host: str) -> list[dict[str, Any]]:
    """Go through all pages by the sidebar's links; return each page's links and address."""
    page.goto(host + address(ACTIVATIONS, WALK))
    rest(page)
    steps = []
    for path in TITLES:
        go(page, path)
        links = page.locator(".st-key-navigation a")
        steps.append(
            {
                "page": path,
                "address": query(page),
                "links": [_link(link.get_attribute("href") or "") for link in links.all()],
            }
        )
    return steps


def _link(target: str) -> dict[str, Any]:
    """Take a link apart: the page it goes to, and the parameters it carries."""
    parts = urlsplit(target)
    return {"to": f"/{parts.path.lstrip('/')}", "carries": dict(parse_qsl(parts.query))}


def _until(get: Callable[[], Any], good: Callable[[Any], bool], patience: float = 20) -> Any:
    """Look until it is good, or until there is no more patience; return the last look."""
    end = time.monotonic() + patience
    while not good(got := get()) and time.monotonic() < end:
        time.sleep(0.1)
    return got


def main(host: str, names: list[str]) -> None:
    """Record all scenes, or those that are named, into the table."""
    whole = json.loads(TABLE.read_text()) if TABLE.exists() else {"walk": [], "scenes": []}
    kept = {scene["scene"]: scene for scene in whole["scenes"]}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "chromium"), args=FLAGS
        )
        for scene in SCENES:
            if names and scene.name not in names:
                continue
            page = browser.new_context(
                viewport={"width": 1440, "height": 900}, bypass_csp=True
            ).new_page()
            started = time.monotonic()
            try:
                kept[scene.name] = record(page, host, scene)
            except Exception as error:  # noqa: BLE001  # the other scenes are recorded
                print(f"{scene.name}: {error}")
            print(f"{scene.name}: {time.monotonic() - started:.1f} s", flush=True)
            page.context.close()
            whole["scenes"] = [kept[one.name] for one in SCENES if one.name in kept]
            TABLE.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
        if not names or "walk" in names:
            page = browser.new_context(
                viewport={"width": 1440, "height": 900}, bypass_csp=True
            ).new_page()
            whole["walk"] = walk(page, host)
        browser.close()
    TABLE.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def table() -> Iterator[tuple[str, tuple[Scene, dict[str, Any]]]]:
    """Yield each scene and its part of the table, by its name."""
    parts = {part["scene"]: part for part in json.loads(TABLE.read_text())["scenes"]}
    for scene in SCENES:
        yield scene.name, (scene, parts[scene.name])


def recorded_walk() -> Any:
    """Return what was recorded of the links."""
    return json.loads(TABLE.read_text())["walk"]


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), sys.argv[2:])
