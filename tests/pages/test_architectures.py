"""The page Architectures without a browser: what it says, in the networks' own numbers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from convviz.networks import registry
from convviz.networks.registry import spec
from convviz.structure import costs

PAGE = "pages/3_Architectures.py"

OpenPage = Callable[..., AppTest]


def text(app: AppTest) -> str:
    """All that the page says in words and formulas."""
    said = [each.value for kind in ("markdown", "caption", "html") for each in app.get(kind)]
    return "\n".join(str(each) for each in said)


def formulas(app: AppTest) -> str:
    return "\n".join(each.proto.body for each in app.get("html"))


def sound(app: AppTest) -> AppTest:
    assert [each.value for each in app.exception] == []
    assert [each.value for each in app.error] == []
    return app


def component_data(app: AppTest, key: str) -> dict[str, Any]:
    found = [each.proto for each in app.get("bidi_component") if key in each.proto.id]
    assert found, f"no component with the key {key}"
    data: dict[str, Any] = json.loads(found[0].json)
    return data


def test_the_comparison_begins_with_alexnet_and_vgg16(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE))
    alexnet, vgg = costs.count(spec("alexnet")), costs.count(spec("vgg16"))
    said = text(app)
    assert "VGG16 has 2.26 times the parameters of AlexNet" in said
    assert f"{alexnet.parameters:,}" in said
    assert f"{vgg.part('decoder').parameters:,}" in said
    assert "fully connected layers" in said
    table = app.dataframe[0].value.set_index("what")
    for name, found, top1 in (("alexnet", alexnet, "56.5 %"), ("vgg16", vgg, "71.6 %")):
        assert table[name]["Parameters"] == f"{found.parameters:,}"
        assert table[name]["MACs"] == f"{found.macs:,}"
        share = 100 * found.part("decoder").parameters / found.parameters
        assert table[name]["Decoder, share"] == f"{share:.1f} %"
        assert (table[name]["Top-1"], table[name]["Year"]) == (top1, str(spec(name).year))


def test_other_networks_and_sizes(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, compared="alexnet,googlenet", side="128"))
    found = costs.count(spec("googlenet"), 128)
    table = app.dataframe[0].value.set_index("what")
    assert table["googlenet"]["Activations, bytes"] == f"{found.activation_bytes:,}"
    assert table["googlenet"]["… auxiliary heads"] == "6,379,984"
    assert table["googlenet"]["Parameters"] == "6,624,904"
    assert list(table.loc["… with auxiliary heads"]) == ["61,100,840", "13,004,888"]
    app.segmented_control(key="axis").set_value("log").run()
    sound(app)
    assert any("cannot be added" in each.value for each in app.caption)


def test_a_picture_that_is_too_small_gets_a_sentence(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, side="40"))
    assert "VGG16 has 2.26 times" in text(app)  # parameters do not depend on the picture
    assert "AlexNet cannot take an image of 40×40 pixels: choose 63×63" in app.warning[0].value
    assert list(app.dataframe[0].value.columns) == ["what", "vgg16"]


def test_any_of_torchvisions_networks_can_be_compared(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, compared="alexnet,resnet18"))
    assert app.multiselect(key="architectures_more_networks").value == ["resnet18"]
    table = app.dataframe[0].value.set_index("what")
    assert table["resnet18"]["Parameters"] == "11,689,512"
    assert table["resnet18"]["MACs"] == "1,814,073,344"
    assert table["resnet18"]["Top-1"] == "69.8 %"
    app.multiselect(key="architectures_more_networks").set_value(["squeezenet1_1"]).run()
    assert list(sound(app).dataframe[0].value.columns) == ["what", "alexnet", "squeezenet1_1"]
    assert app.pills(key="architectures_networks").value == ["alexnet"]


def test_nothing_chosen(open_page: OpenPage) -> None:
    app = open_page(PAGE)
    app.pills(key="architectures_networks").set_value([]).run()
    assert "Choose at least one network" in sound(app).info[0].value


def test_the_papers_alexnet_layer_by_layer(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, view="layers", network="alexnet", weights="random", form="paper"))
    said = formulas(app)
    for formula in (
        "(227 − 11 + 0)/4 + 1 = 55",
        "11·11·3·96 + 96 = 34,944",
        "55·55·11·11·3·96 = 105,415,200",
        "1 + (11 − 1)·1 = 11",
    ):
        assert formula in said
    drawn = component_data(app, "architectures_diagram")
    assert drawn["selected"] == "conv1.0"
    assert [block["id"] for block in drawn["blocks"]][:2] == ["", "conv1.0"]
    seen = component_data(app, "architectures_field")
    assert len(seen["rows"]) == 55
    assert seen["rows"][0] == [0, 10]


def test_stepping_from_row_to_row(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="layers", network="alexnet", weights="random")
    assert component_data(app, "architectures_diagram")["selected"] == "features.0"
    app.button(key="architectures_next_row").click().run()
    assert component_data(sound(app), "architectures_diagram")["selected"] == "features.1"
    app.button(key="architectures_previous_row").click().run()
    assert component_data(app, "architectures_diagram")["selected"] == "features.0"
    assert app.button(key="architectures_previous_row").disabled


def test_a_row_inside_a_module_unfolds_it(open_page: OpenPage) -> None:
    row = "inception4a.branch2.1.conv"
    app = sound(open_page(PAGE, view="layers", network="googlenet", row=row))
    drawn = component_data(app, "architectures_diagram")
    assert (drawn["selected"], drawn["open"]) == (row, "inception4a")
    assert drawn["modules"]["inception4a"]["formula"] == "192 + 208 + 48 + 64 = 512"
    assert "3·3·96·208 = 179,712" in formulas(app)
    elsewhere = "The weights that come with convviz take it at 128 × 128"
    assert elsewhere in text(app)
    link = {"view": "layers", "network": "googlenet"}
    assert elsewhere not in text(open_page(PAGE, **link, form="paper"))
    assert elsewhere not in text(open_page(PAGE, view="layers", network="vgg16"))


def test_a_row_that_another_network_has_is_replaced(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="layers", network="vgg16", weights="random", row="inception4a.cat()")
    assert component_data(sound(app), "architectures_diagram")["selected"] == "features.0"


def test_a_size_that_does_not_fit_gets_a_sentence(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="layers", network="alexnet", weights="random", form="paper")
    app.selectbox(key="side_paper").set_value(277).run()
    assert "choose 227×227" in app.error[0].value


ACTIVATIONS = "pages/1_Activations.py"


def test_this_page_and_activations_each_keep_their_view(open_page: Any) -> None:
    app = open_page(ACTIVATIONS, view="All layers")
    sound(app.switch_page(PAGE).run())
    key = "architectures"
    assert app.segmented_control(key=key).value == "compare"
    sound(app.segmented_control(key=key).set_value("papers").run())
    assert app.query_params[key] == "papers"
    sound(app.switch_page(ACTIVATIONS).run())
    assert app.session_state["view"] == "All layers"
    assert app.query_params["view"] == "All layers"
    sound(app.switch_page(PAGE).run())
    assert app.segmented_control(key=key).value == "papers"


@pytest.mark.parametrize("name", ["view", "architectures"])
@pytest.mark.parametrize("value", ["compare", "layers", "papers"])
def test_a_link_opens_a_view(open_page: Any, name: str, value: str) -> None:
    app = sound(open_page(PAGE, **{name: value}))
    assert app.segmented_control(key="architectures").value == value
    assert not app.info
    assert "view" not in app.query_params
    sound(app.switch_page(ACTIVATIONS).run())
    assert app.session_state["view"] == "This layer"
    assert not app.info


def test_a_link_to_a_view_of_activations_leaves_this_page_at_its_first(open_page: Any) -> None:
    app = sound(open_page(PAGE, view="All layers"))
    assert app.segmented_control(key="architectures").value == "compare"
    sound(app.switch_page(ACTIVATIONS).run())
    assert app.session_state["view"] == "All layers"


@pytest.mark.parametrize("paper", ["alexnet", "vgg", "googlenet"])
def test_papers(open_page: OpenPage, paper: str) -> None:
    app = sound(open_page(PAGE, view="papers", paper=paper))
    assert len(app.dataframe) >= 1
    if paper == "alexnet":
        assert app.metric[0].value == "60,965,224"
    if paper == "googlenet":
        assert "380,928" in text(app)


def test_an_own_network_can_be_compared_and_walked_through(
    open_page: OpenPage, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import torchvision\n"
        "from convviz.networks import NetworkSpec, register\n"
        "register(NetworkSpec('mine18', 'Mine', lambda: torchvision.models.resnet18()))\n"
    )
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))
    monkeypatch.setattr(registry, "_outcomes", {})
    monkeypatch.setenv(registry.VARIABLE, str(file))
    app = sound(open_page(PAGE, compared="mine18,alexnet"))
    table = app.dataframe[0].value.set_index("what")
    assert list(table.loc["Parameters"]) == ["61,100,840", "11,689,512"]
    assert list(table.loc["Top-1"]) == ["56.5 %", "–"]
    app = sound(open_page(PAGE, view="layers", network="mine18"))
    assert component_data(app, "architectures_diagram")["selected"] == "conv1"
