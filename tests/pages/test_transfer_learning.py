"""The page Transfer learning: data, plan, training, result."""

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit
from PIL import Image
from streamlit.testing.v1 import AppTest

from convviz.datasets import published
from convviz.datasets.class_folders import ReadingStep, read_zip
from convviz.datasets.directions import directions
from convviz.datasets.labelled_set import Dataset
from convviz.datasets.published import CIFAR10
from convviz.datasets.shapes import shapes
from convviz.ui import datasets
from convviz.ui.keys import Entry
from tests.pages.guests import end_sharing, open_as_guest, share

PAGE = "pages/5_Transfer_learning.py"


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(kind: str) -> Dataset:
        return {"shapes": shapes, "directions": directions}[kind](per_class=6)

    monkeypatch.setattr(datasets, "_generated", few)
    datasets._in_use.clear()  # zips of tests before this one


def packed() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("red", "blue"):
            for k in range(4):
                picture = io.BytesIO()
                Image.new("RGB", (48 + k, 40), name).save(picture, "PNG")
                archive.writestr(f"{name}/{k}.png", picture.getvalue())
        archive.writestr("red/broken.png", b"no picture")
    return file.getvalue()


def finished(app: AppTest) -> AppTest:
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        app.run()
        if any(element.label == "Test accuracy" for element in app.metric) or app.error:
            return app
        time.sleep(2)  # a run of the page goes before the job
    raise AssertionError("the training did not end")


@pytest.mark.claims("convviz.ui.transfer.plan.draw_parts")
def test_opens_with_stripes_and_recommends_the_last_layer(open_page: Any) -> None:
    app = open_page(PAGE, network="googlenet")
    assert not app.exception
    assert not app.error
    assert app.radio(key="scenario").value == "last-layer"
    assert "Replace the last layer only (recommended)" in app.radio(key="scenario").options
    numbers = {element.label: element.value for element in app.metric}
    assert numbers == {"Trained": "6,150", "Frozen": "5,599,904"}
    assert any("small data set" in element.value for element in app.caption)
    boxes = "".join(element.proto.body for element in app.get("html"))
    # A decoder of 1,024 · 6 + 6; conv1 has 7·7·3·64 weights, and a batch norm of 64 channels.
    assert "new decoder: 6,150 parameters, learned anew" in boxes
    assert f"{7 * 7 * 3 * 64 + 2 * 64:,} parameters, frozen" in boxes


def test_figures_over_seeds_are_shown_with_the_weights_they_are_of(open_page: Any) -> None:
    for weights, is_told in (("encoder", True), ("random", False)):
        app = open_page(PAGE, network="alexnet", weights=weights)
        assert not app.exception
        told = any("was measured beforehand, over 5 seeds" in c.value for c in app.caption)
        assert told == is_told


def test_the_set_that_the_page_begins_with_stays_on_the_page(open_page: Any) -> None:
    app = open_page(PAGE)
    assert app.segmented_control(key="data").value == "directions"
    assert any("was measured beforehand, over 5 seeds" in c.value for c in app.caption)
    app.switch_page("pages/7_Auxiliary_classifiers.py").run()
    assert "data" not in app.query_params
    assert app.session_state["data"] == "shapes"
    app.switch_page(PAGE).run()
    app.segmented_control(key="data").set_value("shapes").run()
    assert not any("was measured beforehand" in c.value for c in app.caption)
    assert app.query_params["data"] == "shapes"


def test_the_plan_follows_the_scenario(open_page: Any) -> None:
    app = open_page(PAGE)
    app.radio(key="scenario").set_value("scratch").run()
    numbers = {element.label: element.value for element in app.metric}
    assert numbers["Frozen"] == "0"
    assert app.query_params["scenario"] == "scratch"


@pytest.mark.parametrize("what", ["Two images", "Two layers"])
def test_opens_after_the_comparison_of_activations(open_page: Any, what: str) -> None:
    """Both pages call a choice `compare`, and it is of another kind on each."""
    app = open_page("pages/1_Activations.py", view="Compare", compare=what)
    assert not app.exception
    app.switch_page(PAGE).run()
    assert not app.exception
    assert not app.error
    app.checkbox(key="transfer_compare").uncheck().run()
    assert app.query_params["transfer_compare"] == "False"
    app.switch_page("pages/1_Activations.py").run()
    assert not app.exception
    assert not app.error
    assert app.segmented_control(key="compare").value == what
    app.switch_page(PAGE).run()
    assert not app.checkbox(key="transfer_compare").value


@pytest.mark.parametrize("name", ["compare", "transfer_compare"])
@pytest.mark.parametrize("value", [True, False])
def test_a_link_says_whether_to_compare(open_page: Any, name: str, value: bool) -> None:
    app = open_page(PAGE, **{name: str(value)})
    assert not app.info
    assert app.checkbox(key="transfer_compare").value is value
    assert "compare" not in app.query_params


def test_trains_compares_names_and_saves(open_page: Any) -> None:
    app = open_page(PAGE, network="googlenet", training_seconds="5", compare="False")
    app.button(key="start").click()
    app = finished(app)
    assert not app.exception
    assert not app.error
    labels = {element.label for element in app.get("download_button")}
    assert labels == {
        "Only the decoder (25 kB)",
        "The whole network (23 MB)",
        "Curves (CSV)",
        "The network (.pt)",
        "The script (.py)",
    }
    assert "torchvision.models.googlenet(num_classes=6, " in app.code[0].value
    captions = [element.value for element in app.caption]
    assert any("of 36 pictures " in c and "each by one of 5 networks" in c for c in captions)
    assert any("largest class would classify 17 % of them" in c for c in captions)
    numbers = {element.label: element.value for element in app.metric}
    assert numbers["Pictures measured on"] == "36"
    assert " to " in numbers["95 % interval"]
    app.run()
    options = app.selectbox(key="weights").options
    assert any(name.startswith("Yours: generated stripes in six directions, ") for name in options)


def cell_page() -> None:
    """The pictures of a confusion matrix's cells, of 20 mistakes known beforehand."""
    from types import SimpleNamespace

    from convviz.datasets.shapes import shapes
    from convviz.learning.transfer import Misclassified
    from convviz.ui.transfer.result import _cell

    dataset = shapes(per_class=6)
    mistakes = [Misclassified(index, 0, 1, 0.9 - index / 100) for index in range(17)]
    mistakes += [Misclassified(30, 2, 0, 0.625), Misclassified(31, 2, 0, 0.5)]
    cells = {(0, 1): tuple(mistakes[:17]), (2, 0): tuple(mistakes[17:])}
    view = SimpleNamespace(classes=dataset.classes, lesson=SimpleNamespace(dataset=dataset))
    _cell(view, SimpleNamespace(cells=lambda: cells), "job")  # type: ignore[arg-type]


def test_a_cell_of_the_confusion_matrix_shows_its_pictures() -> None:
    app = AppTest.from_function(cell_page, default_timeout=60).run()
    assert not app.exception
    first, second, third = shapes(per_class=6).classes[:3]
    box = app.selectbox[0]
    assert box.options == [
        f"{first} taken for {second}: 17 pictures",
        f"{third} taken for {first}: 2 pictures",
    ]
    titles = shapes(per_class=6).images.titles

    assert len(app.get("image")) == 16
    captions = [caption.value for caption in app.caption]
    assert captions[0].endswith("(90.0\u00a0%)")
    assert "16" in captions[16]
    assert "17" in captions[16]
    box.set_value((2, 0)).run()
    assert len(app.get("image")) == 2
    captions = [caption.value for caption in app.caption]
    assert [text.rpartition(" ")[2] for text in captions] == ["(62.5\u00a0%)", "(50.0\u00a0%)"]
    assert all(
        str(titles[index])[:8] in text for index, text in zip((30, 31), captions, strict=True)
    )


def test_fine_tuning_goes_on_from_a_result_and_shows_what_it_adds(open_page: Any) -> None:
    app = open_page(
        PAGE, network="googlenet", training_seconds="5", compare="False", fine_tune_seconds="10"
    )
    app.button(key="start").click()
    app = finished(app)
    app.run()
    numbers = {element.label: element.value for element in app.metric}
    before = numbers["Test accuracy"]
    thawed = next(element for element in app.multiselect if element.label.startswith("Parts"))
    assert thawed.value == ["inception5a", "inception5b"]
    thawed.set_value([]).run()
    assert app.button(key="transfer_fine_tune").disabled
    thawed = next(element for element in app.multiselect if element.label.startswith("Parts"))
    thawed.set_value(["inception5b"]).run()
    app.button(key="transfer_fine_tune").click().run()
    app = finished(app)
    app.run()
    assert not app.exception
    assert not app.error
    numbers = {element.label: element.value for element in app.metric}
    assert numbers["Accuracy before"] == before
    assert float(numbers["Test accuracy"][:-1]) >= float(before[:-1]) - 30
    assert "Time of fine-tuning" in numbers
    link = share(app)
    guest = open_as_guest(open_page, PAGE, link)
    seen = {element.label: element.value for element in guest.metric}
    plan = {"Trained", "Frozen"}  # what the guest would train
    assert {k: v for k, v in seen.items() if k not in plan} == {
        k: v for k, v in numbers.items() if k not in plan
    }
    saved = {element.label for element in app.get("download_button")}
    assert {element.label for element in guest.get("download_button")} == saved
    keys = {str(element.key) for element in guest.button}
    assert not {"transfer_fine_tune", "transfer_back"} & keys
    name = next(n for n in app.session_state["convviz.visit"].trained)
    assert name not in guest.session_state["convviz.visit"].trained
    end_sharing(open_page, PAGE, app, link)
    app.button(key="transfer_back").click().run()
    back = {element.label: element.value for element in app.metric}
    assert "Accuracy before" not in back
    assert back["Test accuracy"] == before
    app.run()
    app.button(key="transfer_fine_tune").click().run()
    app = finished(app)
    # What goes on from here has no encoder of its own file to stand on: the whole is saved.
    labels = {element.label for element in app.get("download_button")}
    assert not any(name.startswith("Only") for name in labels)


def test_a_zip_of_folders_says_what_it_left_out(open_page: Any) -> None:
    app = open_page(PAGE, data="zip")
    assert app.button(key="start").disabled
    app.file_uploader(key="training_zip").upload("colours.zip", packed(), "application/zip").run()
    assert not app.exception
    captions = [element.value for element in app.caption]
    assert {"blue: 4 pictures", "red: 4 pictures"} <= set(captions)
    assert any("1 file was left out" in element.label for element in app.expander)
    assert not app.button(key="start").disabled


def test_a_published_set_is_offered_and_its_absence_is_a_sentence(
    open_page: Any, network_attempts: list[str]
) -> None:
    app = open_page(PAGE, data="cifar10")
    assert app.button(key="start").disabled
    app.button(key="fetch_cifar10").click().run()
    for _ in range(200):
        if app.error:
            break
        app.run()
    assert "CIFAR-10 could not be fetched: " in app.error[0].value
    assert "need no network" in app.error[0].value
    assert not app.exception
    network_attempts.clear()


class Ticket:
    """A download that stands still at two fifths."""

    state, received, total, fraction, error = "running", 68_000_000, 170_000_000, 0.4, ""

    def cancel(self) -> None:
        self.state = "cancelled"


def test_a_fetch_shows_how_far_it_is_and_stops(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = Ticket()
    monkeypatch.setattr(published, "start", lambda key: ticket)
    app = open_page(PAGE, data="cifar10")
    app.button(key="fetch_cifar10").click().run()
    assert "40 % · 68 MB of 170 MB" in [element.proto.text for element in app.get("progress")]
    app.button(key="stop_cifar10").click().run()
    assert ticket.state == "cancelled"
    assert "was stopped" in app.info[0].value
    assert app.button(key="fetch_cifar10")
    assert not app.exception


def test_a_published_set_that_is_here_can_be_learned(open_page: Any, cache_folder: Path) -> None:
    folder = cache_folder / "torchvision" / CIFAR10.folder
    folder.mkdir(parents=True)
    records = np.zeros((300, 3073), np.uint8)
    records[:, 0] = np.arange(300) % 10
    records[:, 1:] = np.arange(300)[:, None] % 251
    records[:, 1] = np.arange(300) // 251  # no two are equal
    (folder / "data_batch_1.bin").write_bytes(records.tobytes())
    app = open_page(PAGE, data="cifar10", pictures="200")
    assert not app.exception
    captions = [element.value for element in app.caption]
    assert {"aeroplane: 20 pictures", "cat: 20 pictures"} <= set(captions)
    assert any("120 pictures to learn from, about 12" in name for name in captions)
    assert any("30 to choose the best epoch by, 50 to test" in name for name in captions)
    assert not app.button(key="start").disabled


def test_a_zip_that_cannot_be_used_gets_a_sentence(open_page: Any) -> None:
    app = open_page(PAGE, data="zip")
    app.file_uploader(key="training_zip").upload("bad.zip", b"no zip", "application/zip").run()
    assert "no zip archive" in app.error[0].value
    assert app.button(key="start").disabled


def test_a_long_look_at_a_zip_is_shown_stopped_and_taken_up_again(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def look(data: bytes, name: str) -> Iterator[ReadingStep]:
        looks.append(0)
        for step in read_zip(data, name):
            yield step
            if step.done == 3 and len(looks) == 1:
                looks.append(3)
                upload = streamlit.session_state[Entry.TRAINING_ZIP]
                upload.stop()  # as a click does, whose rerun ends the script at its next element
                rerun.append(True)

    rerun: list[bool] = []
    wording = datasets.findings.reading

    def interrupted(step: ReadingStep) -> str:
        if rerun:
            rerun.clear()
            streamlit.rerun()
        return wording(step)

    monkeypatch.setattr(datasets, "read_zip", look)
    monkeypatch.setattr(datasets, "_QUICK_SECONDS", -1.0)
    monkeypatch.setattr(datasets, "_SHOWN_SECONDS", -1.0)
    monkeypatch.setattr(datasets.findings, "reading", interrupted)
    app = open_page(PAGE, data="zip")
    app.file_uploader(key="training_zip").upload("c.zip", packed(), "application/zip").run()
    assert app.info[0].value.startswith("Stopped after 4 of 9 pictures")
    assert app.button(key="start").disabled
    app.button(key="zip_go_on").click().run()
    assert not app.exception
    assert not app.info
    assert looks == [0, 3]  # it went on where it was
    assert {"blue: 4 pictures", "red: 4 pictures"} <= {element.value for element in app.caption}
    assert not app.button(key="start").disabled
    # Nothing is looked at again on another page, or when something else is chosen.
    app.switch_page("pages/7_Auxiliary_classifiers.py").run()
    assert {"blue: 4 pictures", "red: 4 pictures"} <= {element.value for element in app.caption}
    assert looks == [0, 3]


def test_a_fault_while_a_zip_is_looked_at_is_said_again(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(data: bytes, name: str) -> Iterator[ReadingStep]:
        yield ReadingStep(1, 2)
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(datasets, "read_zip", look)
    app = open_page(PAGE, data="zip")
    app.file_uploader(key="training_zip").upload("c.zip", packed(), "application/zip").run()
    for _ in range(2):
        assert len(app.error) == 1
        assert "error " in app.error[0].value
        assert "secret" not in app.error[0].value
        app.run()


def test_one_zip_in_two_visits_is_looked_at_once_and_goes_with_the_last(
    open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    monkeypatch.setattr(
        datasets, "read_zip", lambda data, name: looks.append(name) or read_zip(data, name)
    )
    datasets._in_use.clear()
    data = packed()
    apps = []
    for _ in range(2):
        app = open_page(PAGE, data="zip")
        app.file_uploader(key="training_zip").upload("c.zip", data, "application/zip").run()
        assert {"blue: 4 pictures", "red: 4 pictures"} <= {element.value for element in app.caption}
        apps.append(app)
    assert looks == ["c"]
    assert len(datasets._in_use) == 1


def test_classes_separate_with_depth_and_the_own_image_has_neighbours(open_page: Any) -> None:
    app = open_page(PAGE, network="googlenet", transfer="separate")
    assert not app.exception
    app.button(key="start").click()
    deadline = time.monotonic() + 100
    while not app.get("plotly_chart") and not app.error and time.monotonic() < deadline:
        app.run()
        time.sleep(2)  # a run of the page goes before the job
    assert not app.exception
    assert not app.error
    texts = [element.value for element in (*app.markdown, *app.caption)]
    assert any(text.startswith("The linear probe classifies ") for text in texts)
    assert any(text.startswith("36 pictures, 128 × 128 pixels, in 5 parts ") for text in texts)
    assert any("**Nearest to " in text and " at inception5b**" in text for text in texts)
    assert sum(" of 8 are of the class " in text for text in texts) == 1
    labels = {element.label for element in app.get("download_button")}
    assert labels == {"Accuracies (CSV)", "Features (NPZ)"}
    app.select_slider(key="separation_layer").set_value("conv1").run()
    assert not app.exception
    assert any("**Nearest to " in e.value and " at conv1**" in e.value for e in app.markdown)
    assert app.query_params["separation_layer"] == "conv1"
    app.segmented_control(key="plane").set_value("tsne").run()
    assert not app.exception
    assert any("t-SNE keeps neighbours together" in e.value for e in app.caption)
    app.segmented_control(key="transfer_separation_encoder").set_value("Untrained").run()
    assert not app.exception
