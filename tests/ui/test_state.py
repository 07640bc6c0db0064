"""What follows a visitor: widgets keep their values, links are read once and checked."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from convviz.ui.state import plain, shorten


def small_page() -> None:
    import streamlit as st

    from convviz.ui import state

    if "page" in st.query_params:
        state.enter(st.query_params["page"])
    state.draw_notices(st.empty())
    st.selectbox("Fruit", ["apple", "pear"], key=state.remember("fruit", "apple"))
    if not st.session_state.get("hide"):
        st.slider("Size", 0, 9, key=state.remember("size", 3, allowed=range(10)))
    st.checkbox("Ripe", key=state.remember("ripe", False))
    st.number_input("Weight", key=state.remember("weight", 0.5, allowed=lambda x: 0 <= x <= 1))
    state.write_address()


def opened(**link: str) -> AppTest:
    app = AppTest.from_function(small_page)
    for key, value in link.items():
        app.query_params[key] = value
    return app.run()


def values(app: AppTest) -> tuple[Any, ...]:
    return (
        app.selectbox[0].value,
        app.slider[0].value,
        app.checkbox[0].value,
        app.number_input[0].value,
    )


def test_defaults_stay_out_of_the_url() -> None:
    app = opened()
    assert values(app) == ("apple", 3, False, 0.5)
    assert app.query_params == {}


def test_a_link_sets_values_of_every_type() -> None:
    app = opened(fruit="pear", size="7", ripe="True", weight="0.25")
    assert values(app) == ("pear", 7, True, 0.25)
    assert not app.info


@pytest.mark.parametrize(
    "link",
    [{"size": "12"}, {"size": "many"}, {"ripe": "perhaps"}, {"weight": "2"}, {"weight": "nan"}],
)
def test_a_link_to_what_is_not_allowed_gets_the_default_and_a_sentence(
    link: dict[str, str],
) -> None:
    app = opened(**link)
    assert values(app) == ("apple", 3, False, 0.5)
    assert "does not exist" in app.info[0].value
    assert app.query_params == {}


def test_a_change_is_written_to_the_url_and_taken_back() -> None:
    app = opened()
    app.slider[0].set_value(5).run()
    assert app.query_params["size"] == "5"
    app.slider[0].set_value(3).run()
    assert "size" not in app.query_params


def test_the_visitors_choice_wins_over_an_old_url() -> None:
    """What the browser sends may be older than the last click."""
    app = opened(size="7")
    app.slider[0].set_value(5)
    app.query_params["size"] = "7"
    app.run()
    assert app.slider[0].value == 5
    assert app.query_params["size"] == "5"


def test_a_value_survives_while_its_widget_is_away() -> None:
    app = opened()
    app.slider[0].set_value(8).run()
    app.session_state["hide"] = True
    app.run()
    assert not app.slider
    app.session_state["hide"] = False
    app.run()
    assert app.slider[0].value == 8


def test_a_notice_goes_with_the_next_choice() -> None:
    app = opened(size="12")
    app.slider[0].set_value(5).run()
    assert not app.info


def two_pages() -> None:
    import streamlit as st

    from convviz.ui import state

    state.enter(st.session_state.get("page", "first"))
    state.draw_notices(st.empty())
    if st.session_state.get("page", "first") == "first":
        st.text_input("Number", key=state.remember("one", ""))
        st.checkbox("Ripe", key=state.remember("truth", True))
        st.selectbox("View", ["maps", "list"], key=state.remember("view", "maps"))
    elif st.session_state["page"] == "second":
        st.slider("Number", 0, 9, key=state.remember("one", 3))
        st.number_input("Count", key=state.remember("truth", 2))
        views = ["costs", "tables"]
        key = state.remember("tables_view", "costs", allowed=views, formerly="view")
        st.selectbox("View", views, key=key)
        st.checkbox("Large", key=state.remember("large", False, formerly="size"))
    else:
        st.number_input("Share", key=state.remember("truth", 0.5))
        st.number_input("Count", key=state.remember("one", 0.5))


def on_page(app: AppTest, page: str) -> AppTest:
    app.session_state["page"] = page
    app.run()
    assert not app.exception
    return app


def test_a_remembered_value_of_another_type_gives_way_to_the_default() -> None:
    app = AppTest.from_function(two_pages).run()
    app.text_input[0].set_value("seven").run()
    on_page(app, "second")
    assert app.slider[0].value == 3
    assert app.number_input[0].value == 2  # True is not 1
    assert not app.info
    app.slider[0].set_value(7).run()
    on_page(app, "third")
    assert app.number_input[1].value == 7.0  # an int may stand for a float,
    app.number_input[1].set_value(4.0).run()
    on_page(app, "second")
    assert app.slider[0].value == 3  # a float never for an int


@pytest.mark.parametrize("name", ["view", "tables_view"])
def test_a_link_opens_a_value_by_its_former_name(name: str) -> None:
    app = AppTest.from_function(two_pages)
    app.query_params[name] = "tables"
    on_page(app, "second")
    assert app.selectbox[0].value == "tables"
    assert app.query_params == {"tables_view": "tables"}
    on_page(app, "first")
    assert app.selectbox[0].value == "maps"
    assert not app.info


def test_a_former_name_keeps_the_value_of_the_page_it_belongs_to() -> None:
    app = AppTest.from_function(two_pages)
    app.query_params["view"] = "list"
    app.query_params["size"] = "large"
    on_page(app, "second")
    assert app.selectbox[0].value == "costs"
    assert not app.checkbox[0].value
    assert not app.info
    on_page(app, "first")
    assert app.selectbox[0].value == "list"


def test_the_new_name_wins_over_the_former_one() -> None:
    app = AppTest.from_function(two_pages)
    app.query_params["view"] = "tables"
    app.query_params["tables_view"] = "costs"
    on_page(app, "second")
    assert app.selectbox[0].value == "costs"
    assert not app.info


def test_a_foreign_text_is_cut_to_fit_a_sentence() -> None:
    assert shorten("a" * 60) == "a" * 60
    assert shorten("a" * 61) == "a" * 59 + "…"


def test_markdown_in_a_foreign_text_stays_text() -> None:
    assert plain("![x](http://a) *b* :red[c]") == r"\!\[x\](http\://a) \*b\* \:red\[c\]"
    assert plain("Tiny ImageNet-200 – “mine”, 46.0 %") == "Tiny ImageNet-200 – “mine”, 46.0 %"
