"""The view of one channel: every question, by its page."""

import json
import zipfile
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from convviz.datasets.image_set import SampleCrops
from convviz.features.activations import activations
from convviz.images.decode import decode
from convviz.images.samples import names_of_samples, sample
from convviz.weights.load import load
from tests.pages.guests import end_sharing, open_as_guest, share

PAGE = "pages/1_Activations.py"
LINK = {"network": "googlenet", "layer": "inception4a", "view": "One channel", "channel": "100"}


def text_of(app: AppTest) -> str:
    return " ".join(str(element.value) for element in (*app.markdown, *app.caption))


def clean(app: AppTest) -> AppTest:
    assert not app.exception
    assert not app.error
    return app


def through(app: AppTest, button: str, result: str) -> AppTest:
    """Press a button that starts a job, and look again until its result is there."""
    app.button(key=button).click().run()
    for _ in range(200):
        if any(str(element.key) == result for element in app.get("download_button")):
            return clean(app)
        app.run()
    raise AssertionError(f"no result: {[element.value for element in app.error]}")


def test_the_map_with_its_numbers(open_page: Any) -> None:
    app = clean(open_page(PAGE, **LINK))
    fields = [
        element.proto
        for element in app.get("bidi_component")
        if element.proto.component_name == "convviz_field"
    ]
    assert len(fields) == 1
    assert "What matters at row" in text_of(app)
    assert "is not known yet" in text_of(app)
    assert app.number_input(key="activations_inspected").value == 100


def test_the_second_image_can_be_the_visitors_own(open_page: Any) -> None:
    app = clean(open_page(PAGE, **LINK))
    app.selectbox(key="beside").set_value("upload").run()
    assert "Bring a picture" in text_of(app)
    upload = app.file_uploader(key="activations_second_image_upload")
    upload.upload("broken.png", b"nonsense", "image/png").run()
    assert len(app.error) == 1
    assert not app.exception
    file = BytesIO()
    Image.radial_gradient("L").convert("RGB").save(file, "PNG")
    app.file_uploader(key="activations_second_image_upload").upload(
        "rings.png", file.getvalue(), "image/png"
    ).run()
    assert "the scale that both images share" in text_of(clean(app))


def test_next_and_previous_channel(open_page: Any) -> None:
    app = open_page(PAGE, **LINK)
    app.button(key="activations_inspected_next").click().run()
    assert app.query_params["channel"] == "101"
    app.number_input(key="activations_inspected").set_value(0).run()
    assert app.query_params["channel"] == "0"
    assert app.button(key="activations_inspected_previous").disabled


def test_the_panel_of_the_grid_leads_here(open_page: Any) -> None:
    app = open_page(PAGE, network="googlenet", layer="inception4a", channel="7")
    app.button(key="activations_look_closer").click().run()
    assert app.number_input(key="activations_inspected").value == 7


def test_the_arithmetic_ends_in_the_maps_number(open_page: Any) -> None:
    app = clean(open_page(PAGE, **LINK, question="Arithmetic"))
    app.number_input(key="activations_arithmetic_row").set_value(2).run()
    app.number_input(key="activations_arithmetic_column").set_value(7).run()
    network = load("googlenet", "bundled", fetch=False)
    cat = decode(sample("cat").read())
    number = float(activations(network, cat, "inception4a").maps[100, 1, 6])
    assert f"**Channel 100 at row 2, column 7 is {number:.7g}.**" in text_of(app)
    assert "branch 1×1" in text_of(app)
    windows = [each.proto for each in app.get("bidi_component") if "_window" in each.proto.id]
    drawn = json.loads(next(each.json for each in windows if '"picked"' in each.json))
    assert drawn["picked"] == [1, 6]
    assert [stage["kind"] for stage in drawn["after"]] == ["batch norm", "relu"]
    assert len(drawn["names"]) + drawn["others"] == 480
    assert drawn["input"] == "pool3"


@pytest.mark.parametrize("layer", ["maxpool1", "avgpool", "fc", "conv1"])
def test_every_question_has_an_answer_at_every_kind_of_layer(open_page: Any, layer: str) -> None:
    for question in ("Map and field", "Arithmetic", "Switch it off"):
        link = {**LINK, "layer": layer, "channel": "3", "question": question}
        clean(open_page(PAGE, **link))


def test_switching_channels_off(open_page: Any) -> None:
    app = clean(open_page(PAGE, **LINK, question="Switch it off"))
    assert "1 of 512 channels of inception4a is off" in text_of(app)
    app.multiselect(key="activations_ablated").set_value([100, 101, 102]).run()
    assert "3 of 512 channels" in text_of(clean(app))


def test_patches_over_the_samples_tell_dead_from_alive(open_page: Any) -> None:
    link = {**LINK, "layer": "conv1", "channel": "3"}
    app = open_page(PAGE, **link, question="What stimulates it")
    through(app, "activations_start_patches", "activations_save_patches")
    crops = SampleCrops(photographs=names_of_samples())
    assert f"Alive over N = {len(crops)} crops of 12 photographs" in text_of(app)
    assert "The 9 strongest patches" in text_of(app)
    app.button(key="activations_inspected_next").click().run()
    assert "The 9 strongest patches** for channel 4" in text_of(clean(app))


def test_patches_over_a_zip_of_ones_own(open_page: Any) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name in ("red", "green", "blue"):
            file = BytesIO()
            # Copies of one picture would count once.
            Image.merge(
                "RGB",
                [
                    Image.radial_gradient("L") if band == name else Image.new("L", (256, 256))
                    for band in ("red", "green", "blue")
                ],
            ).save(file, "PNG")
            packed.writestr(f"mine/{name}.png", file.getvalue())
        packed.writestr("mine/broken.png", b"nonsense")
        packed.writestr("notes.txt", b"hello")
    link = {**LINK, "layer": "conv1", "channel": "3"}
    app = open_page(PAGE, **link, question="What stimulates it")
    app.segmented_control(key="set").set_value("My pictures").run()
    upload = app.file_uploader(key="activations_set_upload")
    upload.upload("mine.zip", buffer.getvalue(), "application/zip").run()
    assert any("1 file of the zip is not used" in element.label for element in app.expander)
    through(app, "activations_start_patches", "activations_save_patches")
    assert "N = 3 pictures (mine.zip)" in text_of(app)
    assert any("1 picture could not be read" in element.label for element in app.expander)


def test_what_was_wrong_with_a_set_goes_with_it(open_page: Any) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("broken.png", b"nonsense")
    link = {**LINK, "layer": "conv1", "channel": "3"}
    app = open_page(PAGE, **link, question="What stimulates it")
    app.segmented_control(key="set").set_value("My pictures").run()
    upload = app.file_uploader(key="activations_set_upload")
    upload.upload("broken.zip", buffer.getvalue(), "application/zip").run()
    app.button(key="activations_start_patches").click().run()
    for _ in range(200):
        if app.error:
            break
        app.run()
    assert "Not one picture of the set can be read" in app.error[0].value
    upload = app.file_uploader(key="activations_set_upload")
    upload.upload("none.zip", b"nonsense", "application/zip").run()
    assert [element.value[:24] for element in app.error] == ["The file is no zip archi"]


def test_a_zip_that_breaks_a_limit_is_refused_in_a_sentence(open_page: Any) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("bomb.png", bytes(15_000_000))
    link = {**LINK, "layer": "conv1", "channel": "3"}
    app = open_page(PAGE, **link, question="What stimulates it")
    app.segmented_control(key="set").set_value("My pictures").run()
    upload = app.file_uploader(key="activations_set_upload")
    upload.upload("bomb.zip", buffer.getvalue(), "application/zip").run()
    assert "100 times its size" in app.error[0].value
    assert not app.exception


def test_an_image_made_for_a_channel(open_page: Any) -> None:
    link = {**LINK, "layer": "conv1", "channel": "3", "way": "Synthesis"}
    app = open_page(PAGE, **link, question="What stimulates it")
    app.select_slider(key="synthesis_steps").set_value(32).run()
    through(app, "activations_start_synthesis", "activations_save_synthesis")
    assert "In 32 steps the mean of the map" in text_of(app)
    seen = {str(each.key) for each in app.button}
    link = share(app)
    guest = open_as_guest(open_page, PAGE, link)
    assert "In 32 steps the mean of the map" in text_of(guest)
    assert "An image for channel 3 of conv1" in [each.value for each in guest.header]
    assert "activations_save_synthesis" in {str(e.key) for e in guest.get("download_button")}
    assert not guest.button(key="activations_start_synthesis").disabled  # one of their own
    guest.button(key="handed_on_close").click().run()
    assert "In 32 steps the mean of the map" not in text_of(guest)  # nothing of it stays with them
    end_sharing(open_page, PAGE, app, link)
    app.number_input(key="activations_inspected").set_value(4).run()
    assert "handed_on_share" in seen
    assert "handed_on_share" not in {str(each.key) for each in app.button}  # it is not shown


def test_covering_parts_of_the_image(open_page: Any) -> None:
    link = {**LINK, "layer": "conv1", "channel": "3", "way": "Occlusion"}
    app = open_page(PAGE, **link, question="What stimulates it")
    through(app, "activations_start_occlusion", "activations_save_occlusion")
    assert "was laid over 144 places" in text_of(app)


def test_imagenette_is_offered_and_its_absence_is_a_sentence(
    open_page: Any, network_attempts: list[str]
) -> None:
    link = {**LINK, "layer": "conv1", "channel": "3"}
    app = open_page(PAGE, **link, question="What stimulates it")
    app.segmented_control(key="set").set_value("Imagenette").run()
    app.button(key="fetch_imagenette").click().run()
    for _ in range(200):
        if app.error:
            break
        app.run()
    assert "could not be fetched" in app.error[0].value
    assert not app.exception
    network_attempts.clear()
