"""A link, a refresh, Back and Forward: on every page they show its main choices as they were."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import a_few, settled

pytestmark = pytest.mark.browser

ALEXNET = "network=alexnet&weights=random&image=cat"
GOOGLENET = "network=googlenet&weights=bundled&image=cat"


class Control:
    """A control of a page, found by its key: it can be set, and says whether it has a value.

    While the script runs, an element that moves is on the page twice for a moment; hence `first`.
    """

    def __init__(self, key: str) -> None:
        self.key = key

    def find(self, page: Page, selector: str = "") -> Locator:
        return page.locator(f".st-key-{self.key} {selector}")

    def choose(self, page: Page, value: str) -> None:
        raise NotImplementedError

    def expect(self, page: Page, value: str) -> None:
        raise NotImplementedError


class Select(Control):
    def choose(self, page: Page, value: str) -> None:
        self.find(page, "input").first.fill(value)  # as one finds one of eighty
        page.get_by_role("option", name=value, exact=True).click()

    def expect(self, page: Page, value: str) -> None:
        expect(self.find(page, "input").first).to_have_value(value)


class Buttons(Control):
    role, chosen = "radio", "aria-checked"

    def button(self, page: Page, value: str) -> Locator:
        box = page.locator(f".st-key-{self.key}").first
        return box.get_by_role(self.role, name=value, exact=True)

    def choose(self, page: Page, value: str) -> None:
        self.button(page, value).click()

    def expect(self, page: Page, value: str) -> None:
        expect(self.button(page, value)).to_have_attribute(self.chosen, "true")


class Pills(Buttons):
    """Several may be chosen; the value is all of them, and a choice adds the last."""

    role, chosen = "button", "aria-pressed"

    def choose(self, page: Page, value: str) -> None:
        self.button(page, value.split(", ")[-1]).click()

    def expect(self, page: Page, value: str) -> None:
        wanted = value.split(", ")
        expect(self.find(page, "button[data-selected=true]")).to_have_text(wanted)


class Radio(Control):
    def choose(self, page: Page, value: str) -> None:
        self.find(page, "label").filter(has_text=value).click()

    def expect(self, page: Page, value: str) -> None:
        expect(self.find(page, "label[data-selected=true]").first).to_contain_text(value)


class Check(Control):
    def choose(self, page: Page, value: str) -> None:
        self.find(page, "label").first.click()

    def expect(self, page: Page, value: str) -> None:
        expect(self.find(page, "input").first).to_be_checked(checked=value == "on")


class Slider(Control):
    """The value must be the next one to the right."""

    def choose(self, page: Page, value: str) -> None:
        self.find(page, "input").first.press("ArrowRight")

    def expect(self, page: Page, value: str) -> None:
        expect(self.find(page, "input").first).to_have_attribute("aria-valuetext", value)


class Film(Slider):
    def expect(self, page: Page, value: str) -> None:
        expect(self.find(page, "input").first).to_have_value(value)


class Image(Control):
    def choose(self, page: Page, value: str) -> None:
        page.locator(f".st-key-{self.key}_sample_{value} button").click()

    def expect(self, page: Page, value: str) -> None:
        expect(page.locator(f".st-key-{self.key}_chosen_{value}").first).to_be_visible()


class Channel(Control):
    def choose(self, page: Page, value: str) -> None:
        page.locator(f"[role=option][data-channel='{value}']").click()

    def expect(self, page: Page, value: str) -> None:
        heading = page.get_by_role("heading", name=f"{self.key} {value}", exact=True)
        expect(heading.first).to_be_visible()
        tile = page.locator(f"[role=option][data-channel='{value}']").first
        expect(tile).to_have_attribute("aria-selected", "true")


class Step(Control):
    """The picker of layers, by its button Deeper; the value is in the line below it."""

    def choose(self, page: Page, value: str) -> None:
        page.locator(".st-key-sidebar_layer_deeper button").first.click()

    def expect(self, page: Page, value: str) -> None:
        expect(page.locator(".st-key-sidebar_layer code").first).to_have_text(value)


Values = dict[Control, str | None]  # None: not in view

network, layer = Select("network"), Step("layer")
channel, kernel, order = Channel("Channel"), Channel("Filter"), Select("filter_order")
sample, view, question, filters = (
    Image("home"),
    Buttons("view"),
    Buttons("question"),
    Buttons("filters_view"),
)
part, paper, pills = Buttons("architectures"), Buttons("paper"), Pills("architectures_networks")
watch, moment, recorded = Buttons("watch"), Film("training_recorded_film"), Select("recorded_layer")
seconds, series = Slider("seconds"), Buttons("series")
weight, rate = Slider("aux_weight"), Slider("aux_rate")
scenario, time, comparison = (
    Radio("scenario"),
    Slider("training_seconds"),
    Check("transfer_compare"),
)

# Of every page: a link, what it opens, and choices with what each of them changes in the view.
CASES: dict[str, tuple[str, Values, list[Values]]] = {
    "Home": (
        f"/?{ALEXNET.replace('cat', 'koala')}",
        {sample: "koala", network: "AlexNet"},
        [{sample: "rocket"}, {network: "GoogLeNet"}],
    ),
    "Activations": (
        f"/Activations?{ALEXNET}&layer=features.6&channel=7",
        {layer: "features.6", channel: "7", network: "AlexNet"},
        [{channel: "11"}, {channel: "12"}],
    ),
    "layers": (
        f"/Activations?{ALEXNET}&layer=features.6",
        {layer: "features.6", network: "AlexNet"},
        [{layer: "features.7"}, {layer: "features.8"}, {network: "GoogLeNet", layer: None}],
    ),
    "views": (
        f"/Activations?{ALEXNET}&layer=features.6&view=Compare",
        {view: "Compare"},
        [{view: "One channel", question: "Map and field"}, {question: "Arithmetic"}],
    ),
    "Filters": (
        f"/Filters?{GOOGLENET}&layer=conv1&filter_order=norm",
        {order: "Largest norm first", filters: "This layer"},
        [{kernel: "9"}, {filters: "First layers", kernel: None, order: None}],
    ),
    "Architectures": (
        "/Architectures?view=papers&paper=vgg",
        {part: "Papers", paper: "VGG, 2015"},
        [
            {paper: "GoogLeNet, 2015"},
            {part: "Compare", paper: None, pills: "AlexNet, VGG16"},
            {pills: "AlexNet, VGG16, GoogLeNet"},
        ],
    ),
    "Reconstruction": (
        f"/Reconstruction?{GOOGLENET}&layer=conv1&seconds=20",
        {series: "One layer", seconds: "20"},
        [{seconds: "30"}, {series: "Networks", seconds: None}],
    ),
    "Transfer learning": (
        f"/Transfer_learning?{GOOGLENET}&training_seconds=10",
        {time: "10 s", scenario: "Replace the last layer only", comparison: "on"},
        [{comparison: "off"}, {scenario: "Train everything from scratch"}],
    ),
    "Training": (
        "/Training?moment=300",
        {watch: "A recorded training", recorded: "conv1", moment: "3"},
        [
            {moment: "4"},
            {recorded: "pool1"},
            {watch: "Train one here", recorded: None, moment: None},
        ],
    ),
    "Auxiliary classifiers": (
        "/Auxiliary_classifiers?aux_weight=0.5",
        {weight: "0.50", rate: "0.008"},
        [{rate: "0.01"}, {weight: "0.60"}],
    ),
}
QUICK = ("Home", "layers", "views", "Transfer learning")


def entries(page: Page) -> int:
    count: int = page.evaluate("history.length")
    return count


def look(page: Page, values: Values) -> None:
    for control, value in values.items():
        if value is not None:
            control.expect(page, value)


@pytest.mark.parametrize("case", a_few(CASES, QUICK))
def test_link_refresh_back_and_forward(visit: Any, case: str) -> None:
    link, values, choices = CASES[case]
    page = visit(link)
    look(page, values)
    first = entries(page)
    views = [(values, page.url)]
    for number, changes in enumerate(choices, start=1):
        (control, value), *_ = changes.items()
        before = page.url
        control.choose(page, str(value))
        values = {**values, **changes}
        look(page, values)
        expect(page).not_to_have_url(before)
        settled(page)
        assert entries(page) == first + number
        views.append((values, page.url))
    page.reload()
    look(page, values)
    for values, url in reversed(views[:-1]):
        page.go_back()
        expect(page).to_have_url(url)
        look(page, values)
    for values, url in views[1:]:
        page.go_forward()
        expect(page).to_have_url(url)
        look(page, values)
    settled(page)
    assert entries(page) == first + len(choices)


def test_back_to_another_page_shows_it_as_it_was(visit: Any) -> None:
    page = visit(f"/Activations?{ALEXNET}&layer=features.6")
    first = entries(page)
    channel.choose(page, "11")
    channel.expect(page, "11")
    expect(page).to_have_url(re.compile("channel=11"))
    page.get_by_role("link", name="Filters").first.click()
    kernel.expect(page, "11")  # the filter that makes the picked channel
    order.choose(page, "Largest norm first")
    expect(page).to_have_url(re.compile("filter_order=norm"))
    layer.choose(page, "features.7")
    layer.expect(page, "features.7")
    settled(page)
    assert entries(page) == first + 4
    page.go_back()
    layer.expect(page, "features.6")
    order.expect(page, "Largest norm first")
    page.go_back()
    order.expect(page, "Number")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Activations")
    look(page, {layer: "features.6", channel: "11"})
    page.go_forward()
    expect(page.locator("h1")).to_have_text("Filters")
    look(page, {layer: "features.6", order: "Number"})
    assert entries(page) == first + 4
