import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import convolve
from streamlit.testing.v1 import AppTest

from convviz.datasets.image_set import SampleCrops
from convviz.features.activations import Activations, activations, depth_trend, empty_by_depth
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.ui import camera
from convviz.ui.activations import dead as dead_channels
from convviz.ui.keys import Entry
from convviz.weights.load import load

PAGE = "pages/1_Activations.py"


def headline(app: AppTest) -> str:
    """Return what stands under the channels that draw most: the layer, and what is empty."""
    return str(app.main.caption[0].value)


def three_most_salient(activations: Activations) -> list[int]:
    """Find the channels by SciPy: smoothed by 1, 2, 1 in both directions, the widest spread."""
    weights = np.outer((1, 2, 1), (1, 2, 1)) / 16
    maps = activations.rectified.double().numpy()
    inner = [each[1:-1, 1:-1] for each in maps]  # the rim answers to the padding
    spread = [convolve(each, weights, mode="nearest").std() for each in inner]
    return [int(channel) for channel in np.argsort(spread)[::-1][:3]]


def grid(app: AppTest) -> dict[str, Any]:
    (proto,) = [
        element.proto
        for element in app.get("bidi_component")
        if element.proto.component_name == "convviz_channel_grid"
    ]
    data: dict[str, Any] = json.loads(proto.json)
    return data


def channels(app: AppTest) -> list[int]:
    return [channel for _, members in grid(app)["sections"] for channel in members]


def activations_of(network: str, weights: str, layer: str, image: str = "coffee") -> Activations:
    pixels = decode(sample(image).read())
    return activations(load(network, weights, fetch=False), pixels, layer)


def test_opens_on_a_layer_with_its_count_of_empty_channels(open_page: Any) -> None:
    app = open_page(PAGE)
    layer = app.query_params["layer"]
    expected = activations_of("alexnet", "encoder", layer)
    assert layer == "features.0"
    one, two, three = three_most_salient(expected)
    assert app.header[0].value == (
        f"64 channels; {one}, {two} and {three} draw the clearest maps of this image."
    )
    assert grid(app)["selected"] == one
    assert "`features.0`" in headline(app)
    assert headline(app).endswith(expected.sentence())
    assert channels(app) == list(range(expected.channels))
    assert not app.error
    assert not app.warning
    assert not app.exception


def test_the_third_convolution_of_alexnet(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random")
    app.selectbox(key="layer").set_value("features.6").run()
    expected = activations_of("alexnet", "random", "features.6")
    assert headline(app).endswith(expected.sentence())
    assert expected.empty_count() > 0
    assert channels(app) == list(range(384))
    captions = " ".join(caption.value for caption in app.caption)
    assert "conv3" in captions
    assert "384 maps of 13 × 13" in captions
    assert "ReLU after this layer is still to come" in app.main.caption[0].proto.help
    assert app.query_params["layer"] == "features.6"


def test_layers_are_listed_with_stage_and_shape(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random")
    options = app.selectbox(key="layer").options
    assert "block 3 · conv3 — 384 × 13 × 13" in options
    assert not any("dropout" in option for option in options)


def test_stepping_through_the_layers(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", layer="features.0")
    assert app.button(key="sidebar_layer_shallower").disabled
    app.button(key="sidebar_layer_deeper").click().run()
    assert app.query_params["layer"] == "features.1"


@pytest.mark.parametrize(
    ("link", "network", "layer"),
    [
        ({}, "alexnet", "features.0"),
        ({"network": "vgg16"}, "vgg16", "features.0"),
        ({"network": "googlenet"}, "googlenet", "conv1"),
        ({"layer": "features.6"}, "alexnet", "features.6"),
        ({"layer": "inception4a"}, "googlenet", "inception4a"),
        ({"layer": "features.28"}, "vgg16", "features.28"),
        ({"layer": "avgpool"}, "googlenet", "avgpool"),  # what ships of the others is an encoder
        ({"layer": "classifier.6", "weights": "random"}, "alexnet", "classifier.6"),
        ({"weights": "bundled"}, "googlenet", "conv1"),
        ({"weights": "bundled", "layer": "inception3b"}, "googlenet", "inception3b"),
        ({"layer": "nowhere"}, "alexnet", "features.0"),
        ({"weights": "gold", "layer": "nowhere"}, "alexnet", "features.0"),
    ],
)
def test_a_link_without_a_network_opens_one_that_has_what_it_names(
    open_page: Any, link: dict[str, str], network: str, layer: str
) -> None:
    app = open_page(PAGE, **link)
    assert (app.query_params["network"], app.query_params["layer"]) == (network, layer)


def test_the_first_layer_of_one_network_leads_to_the_first_of_another(open_page: Any) -> None:
    app = open_page(PAGE)
    app.selectbox(key="network").set_value("vgg16").run()
    assert app.query_params["layer"] == "features.0"
    app.selectbox(key="network").set_value("googlenet").run()
    assert app.query_params["layer"] == "conv1"


def test_another_network_opens_at_a_comparable_layer_and_the_old_one_is_kept(
    open_page: Any,
) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", layer="features.11")
    app.selectbox(key="network").set_value("googlenet").run()
    assert app.query_params["layer"].startswith("inception5")
    app.selectbox(key="layer").set_value("inception3a").run()
    app.selectbox(key="network").set_value("alexnet").run()
    assert app.query_params["layer"] == "features.11"
    assert app.query_params["weights"] == "random"
    app.selectbox(key="network").set_value("googlenet").run()
    assert app.query_params["layer"] == "inception3a"


def test_a_link_opens_the_same_view(open_page: Any) -> None:
    link = {
        "image": "cat",
        "network": "alexnet",
        "weights": "random",
        "layer": "features.4",
        "order": "strength",
        "show": "hide",
        "tau": "0.05",
        "channel": "7",
    }
    app = open_page(PAGE, **link)
    expected = activations_of("alexnet", "random", "features.4", "cat")
    assert headline(app).endswith(expected.sentence(0.05))
    empty = expected.empty(0.05).tolist()
    strongest_first = expected.order("strength").tolist()
    assert channels(app) == [channel for channel in strongest_first if not empty[channel]]
    assert grid(app)["selected"] == 7
    assert {key: app.query_params[key] for key in link} == link


def test_a_channel_stays_picked_while_its_layers_keep_it(open_page: Any) -> None:
    link = {"network": "alexnet", "weights": "random", "layer": "features.3"}
    app = open_page(PAGE, **link, channel="3")
    for layer, channel in (
        ("features.4", "3"),
        ("features.5", "3"),
        ("features.6", None),
        ("features.5", "3"),
    ):
        app = app.selectbox(key="layer").set_value(layer).run()
        assert app.query_params.get("channel") == channel
        assert (grid(app)["selected"] == 3) == bool(channel)
    app = app.switch_page("pages/2_Filters.py").run()  # the layer's filters are those of conv2
    assert app.query_params.get("channel") == "3"
    assert not app.exception


@pytest.mark.parametrize("channel", ["192", "-1", "many"])
def test_a_link_to_a_channel_that_is_not_there(open_page: Any, channel: str) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", layer="features.4", channel=channel)
    assert f"channel “{channel}”; this layer has channels 0 to 191" in app.info[0].value
    assert "channel" not in app.query_params
    expected = activations_of("alexnet", "random", "features.4")
    assert grid(app)["selected"] == three_most_salient(expected)[0]


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"layer": "inception9z"}, "no layer called “inception9z”"),
        ({"order": "beauty"}, "order “beauty”, which does not exist"),
        ({"tau": "0.123"}, "tau “0.123”"),
        ({"tau": "nan"}, "tau “nan”"),
        ({"view": "Nothing"}, "view “Nothing”"),
    ],
)
def test_a_link_that_asks_for_the_impossible_gets_a_sentence(
    open_page: Any, link: dict[str, str], sentence: str
) -> None:
    app = open_page(PAGE, **link)
    assert sentence in app.info[0].value
    assert not app.exception
    assert not app.error
    assert channels(app)


def test_only_empty_channels(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", layer="features.6")
    app.selectbox(key="show").set_value("only").run()
    expected = activations_of("alexnet", "random", "features.6")
    assert channels(app) == expected.empty().nonzero().flatten().tolist()


def test_the_threshold_changes_the_count_and_the_mark(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", layer="features.6")
    before = grid(app)
    app.select_slider(key="tau").set_value(0.1).run()
    expected = activations_of("alexnet", "random", "features.6")
    assert headline(app).endswith(expected.sentence(0.1))
    assert expected.sentence(0.1) != expected.sentence(0.0)
    marked = expected.empty(0.1).nonzero().flatten().tolist()
    assert grid(app)["empty"] == marked != before["empty"]
    assert grid(app)["token"] == before["token"]  # the image stays
    assert app.query_params["tau"] == "0.1"


def test_an_inception_module_is_divided_by_branch(open_page: Any) -> None:
    app = open_page(PAGE, layer="inception4a")
    titles = [title for title, _ in grid(app)["sections"]]
    assert [title.split(":")[0] for title in titles] == ["1×1", "3×3", "“5×5”", "pool"]
    assert channels(app) == list(range(512))


def test_a_branch_can_be_chosen_as_a_layer(open_page: Any) -> None:
    app = open_page(PAGE, network="googlenet")
    app.selectbox(key="layer").set_value("inception4a.branch2.1").run()
    assert len(channels(app)) == 208
    assert grid(app)["sections"][0][0] == ""


def test_a_part_of_a_layer_can_be_linked_to(open_page: Any) -> None:
    app = open_page(PAGE, layer="inception4a.branch2.1.bn")
    assert app.query_params["layer"] == "inception4a.branch2.1.bn"
    assert len(channels(app)) == 208
    assert not app.info


@pytest.mark.parametrize("layer", ["avgpool", "fc"])
def test_a_layer_of_single_numbers(open_page: Any, layer: str) -> None:
    app = open_page(PAGE, layer=layer)
    captions = " ".join(caption.value for caption in app.caption)
    assert "single number" in captions
    assert channels(app)
    assert not app.slider  # there is no map to blend
    assert not app.exception
    assert not app.error


def test_the_grid_marks_what_the_headline_counts(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", layer="features.6")
    stores = [
        element.proto.bytes
        for element in app.get("bidi_component")
        if element.proto.component_name == "convviz_store"
    ]
    headers = [json.loads(each[4 : 4 + int.from_bytes(each[:4], "little")]) for each in stores]
    # The others hold the photograph, and the grids of the neighbours that a step may lead to.
    ((atlas, header),) = [
        (each, header)
        for each, header in zip(stores, headers, strict=True)
        if header.get("token") == grid(app)["token"]
    ]
    length = int.from_bytes(atlas[:4], "little")
    expected = activations_of("alexnet", "random", "features.6")
    assert grid(app)["empty"] == expected.empty().nonzero().flatten().tolist()
    with Image.open(BytesIO(atlas[4 + length :])) as picture:
        assert picture.size == (header["width"], header["height"])


def test_previous_and_next_follow_the_order_shown(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", layer="features.6", order="salience")
    first, second = channels(app)[:2]
    assert grid(app)["selected"] == first
    assert app.button(key="activations_channel_previous").disabled
    app.button(key="activations_channel_next").click().run()
    assert grid(app)["selected"] == second
    assert app.query_params["channel"] == str(second)


def test_the_strongest_can_come_first_by_contrast_or_by_maximum(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", layer="features.6")
    expected = activations_of("alexnet", "random", "features.6")
    assert app.selectbox(key="order").options == [
        "Number",
        "Strongest first",
        "Highest maximum first",
        "Most active first",
    ]
    app.selectbox(key="order").set_value("salience").run()
    assert channels(app)[:3] == three_most_salient(expected)
    assert app.query_params["order"] == "salience"
    app.selectbox(key="order").set_value("strength").run()
    assert channels(app)[0] == int(expected.maximum.argmax())


def test_another_layer_begins_at_its_strongest_channel(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", layer="features.6", channel="3")
    app.selectbox(key="layer").set_value("features.8").run()
    assert "channel" not in app.query_params
    expected = activations_of("alexnet", "random", "features.8")
    assert grid(app)["selected"] == three_most_salient(expected)[0]


def test_another_image_keeps_the_channel(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random", layer="features.6", channel="3")
    app.session_state["sidebar_change_image"] = True  # the menu is open
    app.run()
    app.button(key="side_sample_rocket").click().run()
    assert app.query_params["image"] == "rocket"
    assert grid(app)["selected"] == 3


def test_all_layers_in_one_chart(open_page: Any) -> None:
    app = open_page(PAGE, network="googlenet", view="All layers")
    network = load("googlenet", "bundled", fetch=False)
    coffee = decode(sample("coffee").read())
    summaries = empty_by_depth(network, coffee)
    assert depth_trend(summaries) in [text.value for text in app.markdown]
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert len(figure["data"][0]["customdata"]) == len(summaries)
    (table,) = (frame.value for frame in app.dataframe)
    assert "Empty" in table.columns
    assert not [name for name in table.columns if "ead" in name]  # no set was looked through yet
    drawn = [element.key for element in app.get("bidi_component")]
    assert "channel_grid" not in drawn  # the grid is not computed while nobody sees it


def test_the_image_follows_from_page_to_page(open_page: Any) -> None:
    file = BytesIO()
    Image.linear_gradient("L").resize((300, 200)).convert("RGB").save(file, "PNG")
    app = open_page()
    app.file_uploader(key="home_upload").upload("mine.png", file.getvalue(), "image/png")
    app.run()
    app.selectbox(key="network").set_value("vgg11").run()
    app.button(key="use_untrained").click().run()
    app.switch_page(PAGE).run()
    assert app.query_params["image"] == "upload"
    assert app.query_params["network"] == "vgg11"
    assert app.query_params["weights"] == "random"
    assert any(r"mine\.png" in text.value for text in app.sidebar.markdown)
    picture = decode(file.getvalue())
    network = load("vgg11", "random", fetch=False)
    expected = activations(network, picture, app.query_params["layer"])
    assert headline(app).endswith(expected.sentence())


def test_a_bad_file_in_the_sidebar_leaves_the_page_as_it_was(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet", weights="random")
    before = headline(app)
    app.session_state["sidebar_change_image"] = True  # the menu is open
    app.run()
    app.file_uploader(key="side_upload").upload("x.png", b"no picture", "image/png")
    app.run()
    assert "It reads JPEG, PNG" in app.error[0].value
    assert headline(app) == before


def test_dead_channels_are_marked_after_a_set_was_looked_through(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_channels, "CropsAndPatterns", SampleCrops)  # fewer images
    app = open_page(PAGE, network="googlenet", layer="inception4a")
    legend = lambda: " ".join(str(element.proto.body) for element in app.get("html"))  # noqa: E731
    assert "empty: never above zero in this image" in legend()
    assert "dead" not in legend()
    app.button(key="activations_start_dead_googlenet").click().run()
    for _ in range(300):
        if "dead" in legend():
            break
        app.run()
    assert "dead: never above zero in any of N = 83 crops of 5 photographs" in legend()
    assert not app.exception
    assert not app.error


@pytest.mark.claims("convviz.ui.activations.live.headline")
def test_live_ends_with_its_switch_with_another_view_and_with_forget_my_data(
    open_page: Any,
) -> None:
    def switched_on() -> AppTest:
        app = open_page(PAGE, network="googlenet", layer="conv1")
        assert Entry.LIVE_CAMERA not in app.session_state
        app.toggle(key="activations_live").set_value(True).run()
        assert not app.exception
        assert app.session_state[Entry.LIVE_CAMERA] in camera._cameras
        said = [each.value for each in (*app.main.header, *app.main.caption)]
        assert not [text for text in said if "this image" in text]  # it is the camera's turn
        height, width = load("googlenet").input_size // 2, load("googlenet").input_size // 2
        start = "Layer `conv1` of GoogLeNet, convolution + batch norm + ReLU: 64 maps of "
        assert any(text.startswith(f"{start}{height} × {width}.") for text in said)
        return app

    app = switched_on()
    secret = app.session_state[Entry.LIVE_CAMERA]
    known = camera._cameras[secret]
    assert (known.through.layer, known.through.network.name) == ("conv1", "googlenet")
    app.selectbox(key="layer").set_value("inception3a").run()
    assert camera._cameras[secret].through.layer == "inception3a"  # the same camera
    app.toggle(key="activations_live").set_value(False).run()
    assert secret not in camera._cameras

    other = switched_on()
    secret = other.session_state[Entry.LIVE_CAMERA]
    other.segmented_control(key="view").set_value("All layers").run()
    assert secret not in camera._cameras

    third = switched_on()
    secret = third.session_state[Entry.LIVE_CAMERA]
    third.button(key="forget_my_data").click().run()
    assert secret not in camera._cameras
    assert not third.toggle(key="activations_live").value
