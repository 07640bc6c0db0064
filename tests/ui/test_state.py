"""What follows a visitor: widgets keep their values, links are read once and checked."""

from dataclasses import fields
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.testing.v1 import AppTest

from convviz.ui import state
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


def titled_page() -> None:
    import streamlit as st

    from convviz.ui import state

    fruits = ["apple", "pear", "plum"][: st.session_state.get("count", 3)]
    if "sent" in st.session_state:
        st.session_state["fruit"] = st.session_state.pop("sent")
    key = state.remember("fruit", "apple", allowed=fruits)
    st.selectbox("Fruit", fruits, format_func=str.upper, key=key)


def test_a_choice_stays_while_its_title_changes() -> None:
    """The browser sends the title that was chosen, which no option may have any more."""
    app = AppTest.from_function(titled_page).run()
    app.selectbox[0].select("plum").run()
    app.session_state["sent"] = "PLUM (to be fetched)"
    assert app.run().selectbox[0].value == "plum"
    app.session_state["count"] = 2  # now it is gone itself
    app.session_state["sent"] = "PLUM"
    assert app.run().selectbox[0].value == "apple"
    assert not app.exception


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
    state.write_address()


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
    assert plain("![x](http://a) *b* :red[c]") == (
        "\\!\\[x\\](http\\:\u2060//a) \\*b\\* \\:red\\[c\\]"
    )
    assert plain("Tiny ImageNet-200 – “mine”, 46.0 %") == "Tiny ImageNet-200 – “mine”, 46.0 %"


def history_page() -> None:
    import streamlit as st

    from convviz.ui import state

    state.enter(st.session_state.get("open_page", "fruit"))
    state.draw_notices(st.empty())
    if state.visit().page == "fruit":
        fruit = st.selectbox("Fruit", ["apple", "pear"], key=state.remember("fruit", "apple"))
        st.slider("Size", 0, 9, key=state.remember("size", 3, allowed=range(10)))
        state.remember_channel(1 if fruit == "apple" else 2, 5, fruit)
        st.button("Pick", on_click=state.pick_channel, args=(4,))
        st.text(f"channel {state.channel()}")
    st.slider("Blend", 0, 9, key=state.remember("blend", 5, in_url=False))
    st.text_input("Name", key=state.remember("name", "Ada", default_in_url=True))
    state.write_address()


class Browser:
    """The address bar: which addresses the app adds to the history, and Back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.pushed: list[dict[str, str]] = []
        push = type(st.query_params).from_dict

        def record(params: Any, query: dict[str, str]) -> None:
            self.pushed.append(dict(query))
            push(params, query)

        monkeypatch.setattr(type(st.query_params), "from_dict", record)

    def go(self, app: AppTest, query: dict[str, str]) -> AppTest:
        with self.monkeypatch.context() as patch:
            patch.setattr(state, "is_back_or_forward", lambda: True)
            app.query_params.clear()
            app.query_params.update(query)
            return app.run()


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    return Browser(monkeypatch)


def test_streamlit_still_marks_a_run_after_back() -> None:
    assert "is_history_navigation" in {each.name for each in fields(ScriptRunContext)}


def test_what_the_script_settles_is_in_the_url_but_not_in_the_history(browser: Browser) -> None:
    app = AppTest.from_function(history_page).run()
    assert app.query_params == {"name": "Ada"}
    app.run()
    assert browser.pushed == []


def test_each_choice_makes_one_entry_whatever_follows_from_it(browser: Browser) -> None:
    app = AppTest.from_function(history_page).run()
    app.button[0].click().run()
    assert browser.pushed == [{"name": "Ada", "channel": "4"}]
    app.selectbox[0].set_value("pear").run()  # its strongest channel takes the picked one's place
    assert browser.pushed[1:] == [{"name": "Ada", "fruit": "pear"}]
    app.slider[1].set_value(7).run()  # no link carries this one
    assert len(browser.pushed) == 2


def test_a_channel_stays_picked_where_its_layer_is_looked_at_again(browser: Browser) -> None:
    app = AppTest.from_function(history_page).run()
    app.button[0].click().run()
    app.selectbox[0].set_value("pear").run()
    assert app.text[0].value == "channel 2"
    app.selectbox[0].set_value("apple").run()
    assert app.text[0].value == "channel 4"
    assert browser.pushed[-1] == {"name": "Ada", "channel": "4"}


def test_back_takes_the_values_from_the_url_and_defaults_where_it_has_none(
    browser: Browser,
) -> None:
    app = AppTest.from_function(history_page).run()
    app.selectbox[0].set_value("pear").run()
    app.slider[0].set_value(8).run()
    app.button[0].click().run()
    app.slider[1].set_value(7).run()
    last = browser.pushed[-1]
    for query, fruit, size, channel in (
        (browser.pushed[1], "pear", 8, 2),
        (browser.pushed[0], "pear", 3, 2),
        ({"name": "Ada"}, "apple", 3, 1),
        (last, "pear", 8, 4),
    ):
        browser.go(app, query)
        assert (app.selectbox[0].value, app.slider[0].value) == (fruit, size)
        assert app.text[0].value == f"channel {channel}"
        assert app.slider[1].value == 7
        assert app.query_params == query
    assert len(browser.pushed) == 3
    app.slider[0].set_value(1).run()
    assert browser.pushed[3:] == [{**last, "size": "1"}]


def test_back_to_another_page_leaves_the_values_of_the_page_before(browser: Browser) -> None:
    app = AppTest.from_function(history_page).run()
    app.slider[0].set_value(8).run()
    app.text_input[0].set_value("Eve").run()
    app.session_state["open_page"] = "none"
    app.query_params.clear()
    app.run()
    assert app.query_params == {"name": "Eve"}
    assert len(browser.pushed) == 2
    app.session_state["open_page"] = "fruit"
    browser.go(app, browser.pushed[0])
    assert (app.slider[0].value, app.text_input[0].value) == (8, "Ada")
    app.session_state["open_page"] = "none"
    browser.go(app, {"name": "Eve"})
    assert app.text_input[0].value == "Eve"
    app.session_state["open_page"] = "fruit"
    app.query_params.clear()
    app.run()  # by a link, not by Back
    assert app.slider[0].value == 8


def test_a_page_that_back_leads_to_says_what_its_address_cannot_have(browser: Browser) -> None:
    app = AppTest.from_function(history_page).run()
    app.slider[0].set_value(8).run()
    browser.go(app, {"size": "12"})
    assert app.slider[0].value == 3
    assert "does not exist" in app.info[0].value
    browser.go(app, {"size": "8"})
    assert app.slider[0].value == 8
    assert not app.info


def test_what_a_page_has_no_use_for_is_not_kept_for_the_next_one(browser: Browser) -> None:
    app = AppTest.from_function(history_page).run()
    browser.go(app, {"name": "Ada", "layer": "conv1"})
    assert app.session_state["convviz.visit"].link == {}
    assert app.query_params == {"name": "Ada", "layer": "conv1"}


def test_a_link_puts_no_markdown_into_its_notice() -> None:
    app = opened(size="![x](http://127.0.0.1/a.png) **b**")
    assert "\\!\\[x\\]" in app.info[0].value
    assert "\\*\\*b" in app.info[0].value
