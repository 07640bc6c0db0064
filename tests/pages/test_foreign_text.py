"""Names that somebody else wrote stay text on every page: titles, layers, classes, files, zips."""

import io
import json
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest
from torch import nn

from convviz.figures import reconstruction, transfer
from convviz.networks.clone import clone
from convviz.networks.decoders import Form, in_form
from convviz.networks.design_link import to_link
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register
from convviz.plain_text import code, plain
from convviz.weights import trained
from convviz.weights.load import load
from convviz.weights.trained import TrainedInfo

OpenPage = Callable[..., AppTest]

HOSTILE = (
    "![x](https://elsewhere.example/x.png) [a](https://elsewhere.example) **bold** "
    ":material/home: $x$ <b>"
)
# Without slashes, which a file's name cannot have.
FILE_NAME = "![x](x) [a](www.elsewhere.example) **bold** :material_home: $x$ <b>.png"
# What Markdown would make something of, where no backslash stands before it.
READ = re.compile(
    r"!\[x|\[a\]|\]\(|(?i:https?://|\bwww\.)|\*\*bold|:material[/_]home:|\$x|<b>(?!\d)"
)
MARKDOWN = {"body", "label", "help", "caption", "text", "content", "title"}
TAG = re.compile(r"\$x\$ <b>")  # of plotly and of HTML, whose own tags come after nothing foreign


def nested(name: str, module: nn.Module) -> nn.Sequential:
    """Put a module where its dotted name is this one, whatever is in it."""
    for part in reversed(name.split(".")):
        module = nn.Sequential(OrderedDict([(part, module)]))
    assert isinstance(module, nn.Sequential)
    return module


class Hostile(nn.Module):
    """Two convolutions with ReLUs, and a decoder; the second layer's name is hostile."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        first = OrderedDict(conv=nn.Conv2d(3, 6, 5, stride=4), relu=nn.ReLU(inplace=True))
        second = OrderedDict(conv=nn.Conv2d(6, 8, 3), relu=nn.ReLU(inplace=True))
        self.features = nn.Sequential(
            OrderedDict(
                [
                    ("first", nn.Sequential(first)),
                    ("second", nested(HOSTILE, nn.Sequential(second))),
                ]
            )
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.fc(self.pool(self.features(x)).flatten(1))
        return scores


LAYER = f"features.second.{HOSTILE}.conv"


@pytest.fixture
def hostile(fresh_registry: None) -> NetworkSpec:
    """Register a network whose title, stage and layers' names are hostile."""
    torch.manual_seed(0)
    spec = NetworkSpec(
        name="hostile",
        title=HOSTILE,
        build=Hostile,
        input_size=64,
        stage_of=lambda name: HOSTILE,
        differences=(),
    )
    register(spec)
    return spec


@pytest.fixture
def hostile_weights(hostile: NetworkSpec) -> Iterator[str]:
    """Keep a saved network of it, whose training set, note and classes are hostile."""
    base = load("hostile", "own")
    form = Form("fc", 8, (HOSTILE, f"{HOSTILE}2", "fish"))
    module = clone(base.module)
    info = TrainedInfo("hostile", form, 64, HOSTILE, HOSTILE, 0.9)
    data = trained.write(in_form(module, form), info)
    source = trained.keep(trained.read(data, lambda *_: base))
    yield source
    trained.forget(source)


def texts(app: AppTest) -> Iterator[tuple[str, str, str]]:
    """Find what the browser reads as Markdown or HTML: the element's kind, the field, the text."""

    def of(message: Any, kind: str) -> Iterator[tuple[str, str, str]]:
        for field, value in message.ListFields():
            is_one = isinstance(value, str | int | float | bytes) or hasattr(value, "ListFields")
            for part in (value,) if is_one else value:
                if hasattr(part, "ListFields"):
                    yield from of(part, kind)
                elif isinstance(part, str):
                    yield kind, field.name, part

    def walk(node: Any) -> Iterator[tuple[str, str, str]]:
        if hasattr(getattr(node, "proto", None), "ListFields"):
            yield from of(node.proto, str(node.type))
        for child in getattr(node, "children", {}).values():
            yield from walk(child)

    yield from walk(app._tree)


def is_read(kind: str, field: str, text: str) -> bool:
    """Tell whether something foreign in a text is read as more than text."""
    if kind == "plotly_chart":
        return field == "spec" and bool(
            TAG.search(json.dumps(json.loads(text), ensure_ascii=False))
        )
    if kind == "html":
        return bool(TAG.search(text))
    if field not in MARKDOWN or kind == "bidi_component":
        return False
    without_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    return bool(READ.search(re.sub(r"\\[!-/:-@\[-`{-~]", "", without_code)))


def assert_text(app: AppTest) -> None:
    """Check that nothing foreign on the page is read as more than text."""
    assert not app.exception
    read = [
        f"{kind}.{field}: {text[:400]}"
        for kind, field, text in texts(app)
        if is_read(kind, field, text)
    ]
    assert not read, "\n".join(read)


VIEWS = (
    ("app.py", {}),
    ("pages/1_Activations.py", {}),
    ("pages/1_Activations.py", {"tau": "0.1", "order": "maximum"}),
    *(
        ("pages/1_Activations.py", {"view": "One channel", "question": question})
        for question in ("Map and field", "What stimulates it", "Arithmetic", "Switch it off")
    ),
    (
        "pages/1_Activations.py",
        {"view": "One channel", "question": "What stimulates it", "way": "Occlusion"},
    ),
    (
        "pages/1_Activations.py",
        {"view": "One channel", "question": "What stimulates it", "way": "Synthesis"},
    ),
    *(
        ("pages/1_Activations.py", {"view": "Compare", "compare": subject})
        for subject in ("Two images", "Two layers", "Two networks", "Two checkpoints")
    ),
    ("pages/1_Activations.py", {"view": "All layers"}),
    ("pages/2_Filters.py", {}),
    ("pages/2_Filters.py", {"filters_view": "First layers"}),
    ("pages/2_Filters.py", {"filters_view": "Trained and untrained"}),
    ("pages/3_Architectures.py", {"compared": "alexnet,hostile"}),
    ("pages/3_Architectures.py", {"architectures": "layers", "row": LAYER}),
    ("pages/0_Course.py", {"step": "gap", "laboratory": "True"}),
    ("pages/4_Reconstruction.py", {}),
    ("pages/4_Reconstruction.py", {"series": "depth"}),
    ("pages/4_Reconstruction.py", {"series": "networks"}),
    ("pages/5_Transfer_learning.py", {}),
    ("pages/6_Training.py", {}),
    ("pages/7_Auxiliary_classifiers.py", {}),
)


@pytest.mark.parametrize(
    ("page", "link"), VIEWS, ids=lambda value: re.sub(r"[^\w ]+", " ", str(value))[:60]
)
def test_a_users_network_and_its_classes_are_text(
    page: str, link: dict[str, str], hostile_weights: str, open_page: OpenPage
) -> None:
    chosen = {"network": "hostile", "weights": hostile_weights, "layer": LAYER}
    app = open_page(page, **(chosen | link))
    assert [one.value for one in app.error] == []
    assert app.query_params["network"] == "hostile"  # some views do without the list
    assert_text(app)


def picture(colour: str = "teal") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (90, 60), colour).save(data, "PNG")
    return data.getvalue()


def hostile_zip() -> bytes:
    """Pack folders with hostile names, hostile pictures in them, one twice, and a broken one."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for folder in (
            "![x](www.elsewhere.example) **bold** $x$ <b>",
            "[a](x) :material_home: <b>",
        ):
            for number in range(6):
                colour = "teal" if number == 0 else f"#{number}{number}{len(folder) % 10}"
                archive.writestr(f"{folder}/{number} {FILE_NAME}", picture(colour))
            archive.writestr(f"{folder}/broken {FILE_NAME}", b"nothing")
    return data.getvalue()


def test_names_of_files_are_text(open_page: OpenPage) -> None:
    app = open_page()
    app.file_uploader(key="home_upload").upload(FILE_NAME, picture(), "image/png").run()
    assert_text(app)
    app.file_uploader(key="home_upload").upload(FILE_NAME, b"none", "image/png").run()
    assert app.error
    assert_text(app)
    app.file_uploader(key="sidebar_saved_upload").upload(
        FILE_NAME, b"none", "application/octet-stream"
    ).run()
    assert len(app.error) >= 1
    assert_text(app)
    for page in ("1_Activations", "2_Filters", "3_Architectures", "4_Reconstruction"):
        app.switch_page(f"pages/{page}.py").run()
        assert_text(app)


def test_names_in_a_zip_of_classes_are_text(open_page: OpenPage) -> None:
    app = open_page("pages/5_Transfer_learning.py", data="zip")
    app.file_uploader(key="training_zip").upload(FILE_NAME, hostile_zip(), "application/zip").run()
    assert not app.error
    assert any("elsewhere" in caption.value for caption in app.caption)
    assert any("several classes" in warning.value for warning in app.warning)
    assert_text(app)


def test_names_in_a_zip_of_pictures_are_text(open_page: OpenPage) -> None:
    link = {"view": "One channel", "question": "What stimulates it"}
    app = open_page("pages/1_Activations.py", **link)
    app.segmented_control(key="set").set_value("My pictures").run()
    app.file_uploader(key="activations_set_upload").upload(
        FILE_NAME.replace(".png", ".zip"), hostile_zip(), "application/zip"
    ).run()
    assert_text(app)


def test_refused_names_in_a_zip_are_text(open_page: OpenPage) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(f"../{HOSTILE}", b"x")
    for page, key, link in (
        ("pages/5_Transfer_learning.py", "training_zip", {"data": "zip"}),
        ("pages/7_Auxiliary_classifiers.py", "training_zip", {"data": "zip"}),
    ):
        app = open_page(page, **link)
        app.file_uploader(key=key).upload("a.zip", data.getvalue(), "application/zip").run()
        assert app.error
        assert_text(app)


NAME = "![x](x) **bold** :material_home: <b>"
DESIGN = """name {name}
input 3x64x64  # {comment}
conv 8 3x3 p1
relu
gap
fc 3
"""


@pytest.mark.parametrize("view", ["build", "train", "sweep"])
def test_a_name_and_a_comment_in_a_design_are_text(view: str, open_page: OpenPage) -> None:
    text = DESIGN.format(name=NAME, comment=HOSTILE)
    app = open_page("pages/9_Design.py", design=to_link(text), design_view=view)
    assert not app.error
    assert app.query_params["design"] == to_link(text)
    assert_text(app)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("", HOSTILE),
        ("relu", HOSTILE),
        ("relu", f"relu {HOSTILE}"),
        ("3x3", HOSTILE.replace(" ", "")),
        ("3x64x64", HOSTILE),
        (NAME, HOSTILE * 2),
        ("relu", "relu\udc80".encode("utf-8", "surrogatepass").decode("latin-1")),
    ],
    ids=["no design", "a block", "an option", "a kernel", "the input", "the name", "a surrogate"],
)
def test_what_is_wrong_in_the_file_of_a_design_is_named_as_text(
    line: str, wrong: str, open_page: OpenPage
) -> None:
    design = DESIGN.format(name=NAME, comment="")
    data = (design.replace(line, wrong) if line else wrong).encode("latin-1")
    app = open_page("pages/9_Design.py")
    file = FILE_NAME.replace(".png", ".txt")
    app.file_uploader(key="design_file").upload(file, data, "text/plain").run()
    assert app.error
    assert_text(app)


def test_what_the_sweep_looks_for_would_be_found() -> None:
    for text in HOSTILE.split(" ")[:-1]:
        assert is_read("markdown", "body", f"Of {text} here"), text
    assert is_read("alert", "body", HOSTILE)
    assert is_read("html", "body", HOSTILE)
    assert is_read("plotly_chart", "spec", json.dumps({"title": HOSTILE}))
    assert not is_read("markdown", "body", plain(HOSTILE))
    assert not is_read("markdown", "body", code(HOSTILE))


def test_classes_in_charts_are_text() -> None:
    classes = [HOSTILE, "cat"]
    for figure in (
        transfer.confusion(classes, [[1, 2], [3, 4]]),
        transfer.compared(classes, [0.5, 0.6], [1.0, 2.0]),
        reconstruction.survival(classes, [0.9, 0.5], [0.8, 0.1]),
    ):
        assert not is_read("plotly_chart", "spec", figure.to_json())
