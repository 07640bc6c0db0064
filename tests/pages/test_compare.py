"""The view “Compare”."""

from typing import Any

import pytest

PAGE = "pages/1_Activations.py"
PLACE = {"network": "googlenet", "layer": "conv1", "view": "Compare"}


def said(app: Any) -> str:
    return " ".join(str(each.value) for each in (*app.markdown, *app.caption, *app.info))


def clean(app: Any) -> Any:
    assert not app.exception
    assert not app.error
    return app


@pytest.mark.parametrize("what", ["Two images", "Two layers"])
def test_two_sides(open_page: Any, what: str) -> None:
    app = clean(open_page(PAGE, **PLACE, compare=what))
    text = said(app)
    assert "**Coffee**, conv1 of GoogLeNet" in text
    assert ("**Cat**, conv1" in text) == (what == "Two images")


def test_two_networks_where_the_other_has_no_weights_here(open_page: Any) -> None:
    app = clean(open_page(PAGE, **PLACE, compare="Two networks"))
    app.selectbox(key="compare_network").set_value("alexnet").run()
    assert "not here" in said(clean(app))


def test_two_networks(open_page: Any) -> None:
    place = {**PLACE, "network": "alexnet", "weights": "random", "layer": "features.4"}
    app = clean(open_page(PAGE, **place, compare="Two networks"))
    app.selectbox(key="compare_network").set_value("googlenet").run()
    assert "of GoogLeNet" in said(clean(app))


def test_the_table_of_empty_and_dead(open_page: Any) -> None:
    app = open_page(PAGE, **PLACE)
    table = app.dataframe[0].value
    assert "Empty for Coffee" in table.columns
    app.button(key="start_dead_googlenet").click().run()
    for _ in range(200):
        table = app.dataframe[0].value
        if table["Dead over N = 83"].notna().all():
            break
        app.run()
    clean(app)
    dead, empty = table["Dead over N = 83"], table["Empty for Coffee"]
    assert dead.notna().all()
    assert (dead <= 1).all()
    assert (empty >= 0).all()
