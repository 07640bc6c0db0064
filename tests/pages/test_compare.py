"""The view “Compare”."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from convviz.datasets.image_set import SampleCrops
from convviz.ui.activations import dead as dead_channels

PAGE = "pages/1_Activations.py"
LINK = {"network": "googlenet", "layer": "conv1", "view": "Compare"}


def text_of(app: Any) -> str:
    return " ".join(str(element.value) for element in (*app.markdown, *app.caption, *app.info))


def clean(app: Any) -> Any:
    assert not app.exception
    assert not app.error
    return app


@pytest.mark.parametrize("what", ["Two images", "Two layers"])
def test_two_sides(open_page: Any, what: str) -> None:
    app = clean(open_page(PAGE, **LINK, compare=what))
    text = text_of(app)
    assert "**Coffee**, conv1 of GoogLeNet" in text
    assert ("**Cat**, conv1" in text) == (what == "Two images")


def grids(app: Any) -> list[Any]:
    return [
        element.proto
        for element in app.get("bidi_component")
        if element.proto.component_name == "convviz_channel_grid"
    ]


def test_both_sides_are_grids(open_page: Any) -> None:
    app = clean(open_page(PAGE, **LINK))
    assert len(grids(app)) == 2
    assert "Both sides show the same channels" in text_of(app)
    app = clean(open_page(PAGE, **LINK, compare="Two layers"))
    assert len(grids(app)) == 2
    assert "Both sides show the same channels" in text_of(app)  # a pooling keeps them apart
    app.selectbox(key="compare_layer").set_value("conv2").run()
    assert "Both sides show the same channels" not in text_of(app)


def test_the_second_image_can_be_the_visitors_own(open_page: Any) -> None:
    app = clean(open_page(PAGE, **LINK))
    app.selectbox(key="beside").set_value("upload").run()
    assert "Bring a second picture" in text_of(app)
    file = BytesIO()
    Image.radial_gradient("L").convert("RGB").save(file, "PNG")
    app.file_uploader(key="activations_second_image_upload").upload(
        "rings.png", file.getvalue(), "image/png"
    ).run()
    assert "**rings.png**, conv1 of GoogLeNet" in text_of(clean(app))
    upload = app.file_uploader(key="activations_second_image_upload")
    upload.upload("broken.png", b"nonsense", "image/png").run()
    assert "The picture in use has not changed." in app.error[0].value
    assert "**rings.png**, conv1 of GoogLeNet" in text_of(app)


def test_a_shared_scale_is_that_of_both_images(open_page: Any) -> None:
    app = clean(open_page(PAGE, **LINK, contrast="shared"))
    assert len(grids(app)) == 2


def test_a_channel_of_the_other_layer_opens_in_the_inspector(open_page: Any) -> None:
    app = clean(open_page(PAGE, **LINK, compare="Two layers"))
    app.selectbox(key="compare_layer").set_value("inception4a").run()
    app.button(key="activations_compare_closer_right").click().run()
    clean(app)
    assert app.selectbox(key="layer").value == "inception4a"
    assert app.query_params["view"] == "One channel"


def test_two_networks_where_the_other_has_no_weights_here(open_page: Any) -> None:
    app = clean(open_page(PAGE, **LINK, compare="Two networks"))
    app.selectbox(key="compare_network").set_value("vgg19").run()
    assert "not here" in text_of(clean(app))


def test_two_networks(open_page: Any) -> None:
    link = {**LINK, "network": "alexnet", "weights": "random", "layer": "features.4"}
    app = clean(open_page(PAGE, **link, compare="Two networks"))
    app.selectbox(key="compare_network").set_value("googlenet").run()
    assert "of GoogLeNet" in text_of(clean(app))


def test_two_layers_are_at_first_neighbours(open_page: Any) -> None:
    for layer, other in (
        ("conv1", "maxpool1"),
        ("maxpool3", "inception4a"),
        ("inception4a", "inception4b"),
        ("inception4a.branch2.1", "inception4a"),
        ("fc", "avgpool"),  # behind the last there is none
    ):
        app = clean(open_page(PAGE, **{**LINK, "layer": layer}, compare="Two layers"))
        assert app.selectbox(key="compare_layer").value == other
    assert not app.dataframe  # the table of all layers stands in the view of all layers


def test_the_table_of_empty_and_dead(open_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_channels, "CropsAndPatterns", SampleCrops)  # fewer images
    app = open_page(PAGE, **{**LINK, "view": "All layers"})
    table = app.dataframe[0].value
    assert "Empty for Coffee" in table.columns
    assert "Dead share" not in table.columns  # none was looked for
    app.button(key="activations_start_dead_googlenet").click().run()
    for _ in range(200):
        table = app.dataframe[0].value
        if "Dead share" in table.columns:
            break
        app.run()
    clean(app)
    dead, empty = table["Dead share"], table["Empty for Coffee"]
    assert dead.notna().all()
    assert (table["Images looked through (N)"] == "83 crops of 5 photographs").all()
    assert (table["Dead"] / table["Channels"] == dead).all()
    listed = [len(each.split(", ")) if each else 0 for each in table["Dead channels"]]
    assert listed == table["Dead"].astype(int).tolist()
    with_relu = table[table["Kind"].str.split(r" \+ ", regex=True).map(lambda x: "ReLU" in x)]
    sentence = "{:,} of {:,} channels of GoogLeNet are dead".format(
        *with_relu[["Dead", "Channels"]].astype(int).sum()
    )
    assert sentence in text_of(app)
    assert (dead <= 1).all()
    assert (table["Empty"] / table["Channels"] == empty).all()


def test_two_checkpoints_see_the_image_alike_and_say_what_changed(open_page: Any) -> None:
    app = clean(open_page(PAGE, **LINK, compare="Two checkpoints"))
    assert app.selectbox(key="compare_weights").options == ["Untrained"]
    text = text_of(app)
    assert "Both get the image in 128 × 128 pixels" in text
    assert "**Coffee**, conv1 of GoogLeNet, Untrained" in text
    assert "Both sides show the same channels" in text
    assert "For this image the maps of conv1 differ by " in text
    table = app.dataframe[0].value
    moved = table["Map moved by"].astype(float).tolist()
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > 0
    assert len(table) == 24
    assert "**Filters that moved most:**" in text
    app.button(key="activations_compare_closer_right").click().run()
    assert clean(app).selectbox(key="weights").value == "random"
