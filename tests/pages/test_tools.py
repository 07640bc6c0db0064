"""What can be done with any page: present it, and take its choices back to the defaults."""

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

OpenPage = Callable[..., AppTest]
ARCHITECTURES = "pages/3_Architectures.py"


def sound(app: AppTest) -> AppTest:
    assert [each.value for each in app.exception] == []
    assert [each.value for each in app.error] == []
    return app


def test_reset_takes_a_pages_choices_back(open_page: OpenPage) -> None:
    app = sound(open_page(ARCHITECTURES, side="256", axis="log", compared="alexnet,googlenet"))
    assert app.query_params["side"] == "256"
    app = sound(app.button(key="tools_reset").click().run())
    assert app.number_input(key="side").value == 224
    assert app.segmented_control(key="axis").value == "linear"
    assert app.pills(key="architectures_networks").value == ["alexnet", "vgg16"]
    assert not {"side", "axis", "compared"} & set(app.query_params)


def test_reset_takes_image_network_and_layer_back(open_page: OpenPage) -> None:
    page = "pages/2_Filters.py"
    usual = open_page(page)
    link = {"image": "rocket", "network": "alexnet", "weights": "random", "layer": "features.6"}
    app = sound(open_page(page, **link))
    assert app.selectbox(key="layer").value == "features.6"
    app = sound(app.button(key="tools_reset").click().run())
    for key in ("network", "weights", "layer"):
        assert app.selectbox(key=key).value == usual.selectbox(key=key).value
    assert app.query_params["image"] == usual.query_params["image"]


def test_presenter_mode_goes_along_from_page_to_page(open_page: OpenPage) -> None:
    app = sound(open_page(ARCHITECTURES, present="1"))
    links = [link.proto.query_string for link in app.sidebar.get("page_link")]
    assert all("present=1" in query for query in links)
    app = sound(app.button(key="tools_reset").click().run())
    assert app.query_params["present"] == "1"
    app = sound(app.button(key="tools_present").click().run())
    assert "present" not in app.query_params
    links = [link.proto.query_string for link in app.sidebar.get("page_link")]
    assert not any("present" in query for query in links)


@pytest.mark.parametrize("page", ["app.py", "pages/1_Activations.py", ARCHITECTURES])
def test_a_question_is_answered_where_it_is_unfolded(open_page: OpenPage, page: str) -> None:
    app = sound(open_page(page, network="alexnet", image="koala"))
    asked = [each for each in app.main.expander if each.label.endswith("?")]
    assert len(asked) == 2
    assert [len(each.markdown) for each in asked] == [0, 0]
    key = "page_questions_1"
    app.session_state[key] = True
    app = sound(app.run())
    first, second = (each for each in app.main.expander if each.label.endswith("?"))
    [said] = [each.value for each in first.markdown]
    assert re.match(r"\*\*(Yes|No|A larger share|A smaller share|The same share)\.\*\* ", said)
    assert said.endswith(".")
    assert len(second.markdown) == 0
