import csv
import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from convviz.features.activations import LayerSummary, measure
from convviz.images.encode import png
from convviz.language import numeral, speaking, tr
from convviz.structure.layers import Branch, Layer
from convviz.ui import exports

LAYER = Layer(
    name="mix",
    title="mix",
    kind="concatenation",
    stage="mix",
    shape=(3, 1, 2),
    index=0,
    detail=False,
    pre_relu=None,
    branches=(Branch("mix.a", "1×1", 0, 2), Branch("mix.b", "3×3", 2, 3)),
    in_encoder=True,
)
MAPS = torch.tensor([[[0.0, 2.0]], [[0.0, 0.0]], [[1.0, 5.0]]])


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_numbers_of_every_channel() -> None:
    found = rows(exports.statistics(measure(LAYER, MAPS, None), 0.0))
    assert [row["branch"] for row in found] == ["1×1", "1×1", "3×3"]
    assert [float(row["maximum"]) for row in found] == [2, 0, 5]
    assert [float(row["mean"]) for row in found] == [1, 0, 3]
    assert [float(row["active_share"]) for row in found] == [0.5, 0, 1]
    assert [row["rank_by_maximum"] for row in found] == ["2", "3", "1"]
    assert [row["empty"] for row in found] == ["False", "True", "False"]


def test_equal_maxima_share_their_rank() -> None:
    maps = torch.tensor([[[2.0]], [[0.0]], [[5.0]], [[2.0]], [[-1.0]]])
    found = rows(exports.statistics(measure(replace(LAYER, branches=()), maps, None), 0.0))
    assert [row["rank_by_maximum"] for row in found] == ["2", "4", "1", "2", "5"]


def test_the_threshold_counts() -> None:
    found = rows(exports.statistics(measure(LAYER, MAPS, None), 0.4))
    assert [row["empty"] for row in found] == ["True", "True", "False"]


def test_empty_channels_by_depth() -> None:
    summaries = [LayerSummary(LAYER, 3, 1, 1 / 3), LayerSummary(replace(LAYER, name="b"), 4, 4, 1)]
    found = rows(exports.depth(summaries))
    assert [(row["layer"], row["empty"], row["channels"]) for row in found] == [
        ("mix", "1", "3"),
        ("b", "4", "4"),
    ]


def test_a_file_name_says_what_it_shows_and_is_safe() -> None:
    image = SimpleNamespace(name="my dog:1.final.jpg")
    choice = cast(Any, SimpleNamespace(image=image, network_name="vgg16"))
    assert exports.file_name(choice, "features.8", ending="png") == (
        "my_dog_1.final-vgg16-features.8.png"
    )


def test_a_png_file_is_lossless() -> None:
    picture = Image.linear_gradient("L").convert("RGB")
    with Image.open(io.BytesIO(png(picture))) as read:
        assert read.format == "PNG"
        assert read.tobytes() == picture.tobytes()


def saving() -> None:
    """A page of an app with three files to save; runs as a script of its own."""
    from PIL import Image

    from convviz.ui.exports import save_button

    save_button("Table", "a,b", "table.csv", key="save_table")
    save_button("Image", Image.new("L", (1, 1)), "image.png", key="save_image", help="A grey one.")
    save_button("Weights", lambda: b"1", "weights.safetensors", key="save_weights")


def test_a_button_saves_without_running_the_page() -> None:
    app = AppTest.from_function(saving).run()
    assert not app.exception
    buttons = app.get("download_button")
    assert [(button.key, button.label) for button in buttons] == [
        ("save_table", "Table"),
        ("save_image", "Image"),
        ("save_weights", "Weights"),
    ]
    assert [button.proto.ignore_rerun for button in buttons] == [True] * 3
    assert [bool(button.proto.deferred_file_id) for button in buttons] == [False, True, True]
    assert buttons[1].proto.help == "A grey one."


def test_what_is_saved_is_an_image_as_png_or_the_data_themselves() -> None:
    assert exports._encoded("a,b") == "a,b"
    assert exports._encoded(lambda: b"1") == b"1"
    image = Image.new("L", (2, 1), 7)
    assert exports._encoded(lambda: image) == exports._encoded(image) == png(image)


def test_every_file_is_saved_by_the_same_button() -> None:
    files = Path(exports.__file__).parent.rglob("*.py")
    assert [file.name for file in files if "download_button" in file.read_text("utf-8")] == [
        "exports.py"
    ]


def test_files_are_in_english_whatever_is_read(bracketed: None) -> None:
    with speaking("da"):
        rows = [
            [tr("Name"), numeral("0.5"), 0.5, "a, b"],
            [tr("{count:,} maps", count=1000), 2, 3, 4],
        ]
        assert rows[0][0] == "⟦Name⟧"
        text = exports.table(["name", "first", "second", "third"], rows)
    assert list(csv.reader(io.StringIO(text))) == [
        *(["name", "first", "second", "third"], ["Name", "0.5", "0.5", "a, b"]),
        ["1,000 maps", "2", "3", "4"],
    ]


def test_why_a_file_could_not_be_made_is_said_in_the_language_that_is_read(
    bracketed: None,
) -> None:
    def fail() -> bytes:
        raise RuntimeError

    for code, first in (("da", "⟦"), ("en", "T")):
        with pytest.raises(RuntimeError):
            exports._made(fail, "somebody", code)
        assert exports.why_not_made("somebody")[0] == first
    assert exports.why_not_made("somebody else")[0] == "T"
