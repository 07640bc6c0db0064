"""On paper: the figure and its caption, dark on white; no sidebar and nothing to press."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

VIEWS = {
    "Home": ("/?network=alexnet&image=coffee", "[data-stage] canvas >> nth=0"),
    "Activations": (
        "/Activations?network=alexnet&layer=features.0",
        ".st-key-activations_explorer [data-channel] >> nth=0",
    ),
    "Compare": ("/Architectures", ".st-key-architectures_parameters .plotly"),
    "Layer by layer": (
        "/Architectures?architectures=layers&network=alexnet",
        ".st-key-architectures_diagram svg >> nth=0",
    ),
    "Arithmetic": (
        "/Activations?network=alexnet&layer=features.3&view=One+channel&question=Arithmetic",
        ".st-key-activations_window_box .rows .name >> nth=0",
    ),
    "Evidence": (
        "/Evidence?network=alexnet&image=coffee",
        ".st-key-evidence_over_box canvas >> nth=0",
    ),
    "Reconstruction": (
        "/Reconstruction?network=alexnet&image=coffee",
        ".st-key-reconstruction_tiles img >> nth=0",
    ),
    "Design": ("/Design?design=lenet5", ".st-key-design_diagram svg >> nth=0"),
}
# Of plotly's own buttons only those that can be seen count.
CONTROLS = """() => {
  const found = [];
  const look = (root) => {
    for (const each of root.querySelectorAll("*")) {
      if (each.shadowRoot) look(each.shadowRoot);
      const isControl = each.matches(
        "button:not([role=option], .figure), input, select, a[href], [role=slider], " +
        "[role=combobox]");
      if (isControl && each.checkVisibility({ checkVisibilityCSS: true }))
        found.push(each.outerHTML);
    }
  };
  look(document.body);
  return found.map((html) => html.slice(0, 150));
}"""


@pytest.mark.parametrize("view", VIEWS)
def test_paper_shows_figures_and_no_controls(visit: Callable[..., Page], view: str) -> None:
    path, figure = VIEWS[view]
    page = visit(path, dark=True, bypass_csp=True)
    expect(page.locator(figure)).to_be_visible()
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(figure)).to_be_visible()
    assert page.evaluate(CONTROLS) == []
    written = "h1, [data-testid=stMain] p, [data-testid=stCaptionContainer]"
    colours = page.locator(written).evaluate_all(
        "all => all.map((each) => getComputedStyle(each).color)"
    )
    assert set(colours) == {"rgb(12, 22, 30)"}
    # Nothing scrolls inside the page any more: all of it reaches the paper.
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollHeight <= main.clientHeight + 1")


def test_on_paper_each_sum_stands_beside_its_name(visit: Callable[..., Page]) -> None:
    page = visit(VIEWS["Arithmetic"][0], bypass_csp=True)
    rows = page.locator(".st-key-activations_window_box .rows")
    expect(rows.locator(".name").first).to_be_visible()
    page.emulate_media(media="print")
    boxes = rows.evaluate(
        "rows => [...rows.children].map((each) => each.getBoundingClientRect())"
        ".map(({ left, top, bottom }) => [left, (top + bottom) / 2])"
    )
    lefts = [left for left, _ in boxes[:3]]
    assert lefts == sorted(set(lefts))  # a name, its bar and its value
    for start in range(0, len(boxes), 3):
        name, bar, value = boxes[start : start + 3]
        assert [name[0], bar[0]] == lefts[:2]
        assert value[0] >= bar[0]
        assert max(middle for _, middle in (name, bar, value)) - name[1] < 8
