"""On paper: the figure and its caption, dark on white; no sidebar and nothing to press."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

VIEWS = {
    "Activations": (
        "/Activations?network=alexnet&layer=features.0",
        ".st-key-activations_explorer [data-channel] >> nth=0",
    ),
    "Compare": ("/Architectures", ".st-key-architectures_parameters .plotly"),
    "Layer by layer": (
        "/Architectures?architectures=layers&network=alexnet",
        ".st-key-architectures_diagram svg >> nth=0",
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
        "button:not([role=option]), input, select, a[href], [role=slider], [role=combobox]");
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
