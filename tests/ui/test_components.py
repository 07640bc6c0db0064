"""Every browser component has its files, and no file is without its component."""

import json
import re
from pathlib import Path

import pytest

from convviz.language import speaking
from convviz.plain_text import code, plain
from convviz.ui import components
from convviz.ui.components import texts
from convviz.ui.components.layers_ahead import text_nodes
from convviz.ui.components.store import pack
from convviz.ui.keys import Component

FOLDER = Path(components.__file__).parent
SCRIPTS = sorted(FOLDER.glob("*.js"))
ELSEWHERE = {
    Component.ADDRESS,
    Component.LANGUAGE,
    Component.VISITOR,
    Component.SCROLL,
}  # short scripts that stand in their modules


def test_files_are_called_after_the_components() -> None:
    names = {member.name.lower() for member in set(Component) - ELSEWHERE}
    assert {file.stem for file in SCRIPTS} == names | {"shared", "figures"}
    assert {file.stem for file in FOLDER.glob("*.html")} <= names
    assert {file.stem for file in FOLDER.glob("*.css")} <= names | {
        "buttons",
        "edge",
        "print",
        "slider",
        "tip",
    }


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.html")), ids=lambda file: file.stem)
def test_a_page_names_its_texts_and_holds_none(file: Path) -> None:
    page = file.read_text("utf-8")
    assert re.sub(r"<[^>]*>", "", page).strip() == ""
    assert re.findall(r'(?<!-)\b(?:aria-label|title|alt|placeholder)="[^"]', page) == []
    named = re.findall(r'\bdata-text(?:-label|-alt)?="(\w+)"', page)
    if named:
        assert set(named) <= set(texts.told(Component[file.stem.upper()]))


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_a_script_says_texts_that_there_are(file: Path) -> None:
    said = set(re.findall(r'\btexts(?:, "|\.)(\w+)', file.read_text("utf-8"))) - {"length"}
    if said and file.stem != "shared":
        assert said <= set(texts.told(Component[file.stem.upper()]))


def test_numbers_are_written_as_the_language_does() -> None:
    assert [texts.told(Component.FILM)[sign] for sign in ("point", "comma")] == [".", ","]
    with speaking("da"):
        assert [texts.told(Component.FILM)[sign] for sign in ("point", "comma")] == [",", "."]


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_what_is_shared_is_defined_once(file: Path) -> None:
    """A second definition in the same module would be an error of syntax."""
    pattern = r"^(?:function|class|const) (\w+)"

    def defined(name: str) -> set[str]:
        text = (FOLDER / f"{name}.js").read_text("utf-8")
        return set(re.findall(pattern, text, re.MULTILINE))

    assert {"mount", "Delayed", "element", "saveDrawing"} <= defined("shared")
    assert {"Figure", "imageOfGrid"} <= defined("figures")
    beside = file.with_suffix(".py")
    others = {"shared"}
    if beside.exists() and '"figures"' in beside.read_text("utf-8"):
        others.add("figures")
    for other in others - {file.stem}:
        assert defined(file.stem) & defined(other) == set()


def test_a_message_holds_a_header_and_the_images_in_order() -> None:
    token, message = pack({"title": "x"}, [[b"one", b""], [b"three"]])
    length = int.from_bytes(message[:4], "little")
    header = json.loads(message[4 : 4 + length])
    assert header == {"title": "x", "sizes": [[3, 0], [5]], "token": token}
    assert message[4 + length :] == b"onethree"


def test_the_token_names_header_and_images() -> None:
    token, _ = pack({"title": "x"}, [[b"one"]])
    assert pack({"title": "x"}, [[b"one"]])[0] == token
    assert pack({"title": "y"}, [[b"one"]])[0] != token
    assert pack({"title": "x"}, [[b"two"]])[0] != token
    assert pack({"title": "x"}, [[b"o"], [b"ne"]])[0] != token


@pytest.mark.parametrize(
    ("markdown", "texts"),
    [
        ("conv1 (`features.0`) of AlexNet.", ["conv1 (", "features.0", ") of AlexNet."]),
        ("`a`", ["a"]),
        ("3 of 64 channels (4.7 %) are empty.", ["3 of 64 channels (4.7\u00a0%) are empty."]),
        ("64 :primary[channels]: none", ["64 ", "channels", ": none"]),
        ("", []),
    ],
)
def test_a_sentence_is_cut_where_the_browser_cuts_it(markdown: str, texts: list[str]) -> None:
    assert text_nodes(markdown) == texts


@pytest.mark.parametrize("name", ["a_b", "*x*", "a`b", "[l](u)", "a\\b", "<b>", "``", "1. x"])
def test_foreign_names_come_out_as_they_are(name: str) -> None:
    """As code and as text, beside each other."""
    assert text_nodes(f"{plain(name)} ({code(name)})") == [f"{name} (", name, ")"]
