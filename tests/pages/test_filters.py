"""The page Filters."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from convviz.features.filters import filters
from convviz.structure.layers import layer
from convviz.weights.load import load

PAGE = "pages/2_Filters.py"


def listed(app: AppTest) -> list[int]:
    (proto,) = [
        element.proto
        for element in app.get("bidi_component")
        if element.proto.component_name == "convviz_channel_grid"
    ]
    return [channel for _, members in json.loads(proto.json)["sections"] for channel in members]


def text_of(app: AppTest) -> str:
    elements = (*app.header, *app.markdown, *app.caption, *app.info)
    return " ".join(str(element.value) for element in elements)


def test_the_first_layer_in_colour(open_page: Any) -> None:
    app = open_page(PAGE, network="googlenet", layer="conv1")
    assert not app.exception
    assert not app.error
    assert "64 filters of conv1, each 3 × 7 × 7" in text_of(app)
    assert listed(app) == list(range(64))


@pytest.mark.parametrize("order", ["norm", "similarity"])
def test_filters_are_ordered(open_page: Any, order: str) -> None:
    app = open_page(PAGE, network="googlenet", layer="conv1")
    app.selectbox(key="filter_order").set_value(order).run()
    network = load("googlenet", "bundled", fetch=False)
    expected = filters(network, layer(network, "conv1"))
    assert listed(app) == expected.order(order).tolist()  # type: ignore[arg-type]


def test_a_deep_layer_shows_slices_by_page(open_page: Any) -> None:
    app = open_page(PAGE, network="googlenet", layer="inception4a.branch2.1")
    assert "208 filters" in text_of(app)
    assert listed(app) == list(range(128))
    app.number_input(key="filter_page").set_value(2).run()
    assert listed(app) == list(range(128, 208))
    app.selectbox(key="filter_look").set_value("One input channel").run()
    app.number_input(key="filter_input").set_value(95).run()
    assert not app.exception
    assert not app.error


def test_a_layer_without_kernels_shows_those_before_it(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", layer="features.5")
    assert "pool2 has no kernels of its own" in text_of(app)
    assert "192 filters of conv2" in text_of(app)


def test_the_three_first_layers(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", filters_view="First layers")
    assert not app.exception
    assert "11 × 11 kernels" in text_of(app)
    assert "7 × 7 kernels" in text_of(app)
    assert "VGG16" in text_of(app)  # its weights are not here: a sentence says so


def test_trained_beside_untrained(open_page: Any) -> None:
    view = "Trained and untrained"
    app = open_page(PAGE, network="googlenet", layer="conv1", filters_view=view)
    assert not app.exception
    assert not app.error
    assert "conv1, untrained" in text_of(app)
    # conv1 has 3 · 7 · 7 = 147 inputs for each output value: √(2 / 147) = 0.117.
    assert "standard deviation √(2 / 147) = 0.117" in text_of(app)


@pytest.mark.parametrize("view", ["This layer", "Trained and untrained"])
@pytest.mark.parametrize(
    ("layer", "own"),
    [
        ("inception4a", "inception4a · pool projection"),
        ("inception4a.branch1", "inception4a · 1×1"),
        ("conv2", "conv2 (1×1)"),
        ("fc", "inception5b · pool projection"),
    ],
)
def test_kernels_of_one_by_one_give_way_to_the_first_layer(
    open_page: Any, view: str, layer: str, own: str
) -> None:
    app = open_page(PAGE, network="googlenet", layer=layer, filters_view=view)
    assert not app.exception
    assert not app.error
    (notice,) = [info.value for info in app.info]
    assert f"{own.split(' (')[0]}" in notice.replace("\\", "")
    assert "are 1 × 1" in notice
    assert "Here are those of conv1" in notice
    shows_first = "64 filters of conv1" if view == "This layer" else "conv1, untrained"
    assert shows_first in text_of(app)
    assert app.query_params["layer"] == layer
    app.toggle(key="own_kernels").set_value(True).run()
    assert shows_first not in text_of(app)
    assert "1 × 1" in text_of(app)


@pytest.mark.parametrize("layer", ["conv3", "inception4a.branch2.1"])
def test_kernels_with_a_pattern_are_shown(open_page: Any, layer: str) -> None:
    app = open_page(PAGE, network="googlenet", layer=layer)
    assert not app.info
    assert "64 filters of conv1" not in text_of(app)
