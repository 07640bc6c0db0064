"""The glossary: what is marked in a text, what is not, and that DESIGN's words are all there."""

import ast
import re
from pathlib import Path

import pytest

from convviz.language import LANGUAGES, speaking
from convviz.ui import glossary

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("A channel has a map.", "A :primary[channel] has a map."),
        ("Channels of a channel.", ":primary[Channels] of a channel."),
        ("Each **feature map** is", "Each **:primary[feature map]** is"),
        ("an empty channel, a channel", "an :primary[empty channel], a :primary[channel]"),
        (
            "global average pooling and pooling",
            ":primary[global average pooling] and :primary[pooling]",
        ),
        ("Inception modules", ":primary[Inception modules]"),
        ("a 1×1 convolution", "a :primary[1×1 convolution]"),
        ("`layer` and $layer$", "`layer` and $layer$"),
        (":material/layer: x", ":material/layer: x"),
        ("[a layer](x)", "[a layer](x)"),
        (":primary[layer] layer", ":primary[layer] layer"),
        ("see Activations, an activation", "see Activations, an :primary[activation]"),
        ("Activations. Activations", ":primary[Activations]. Activations"),
        ("layer.weight of a `x` layer.", "layer.weight of a `x` :primary[layer]."),
        ("player, layered, inter-layer, layer-wise", "player, layered, inter-layer, layer-wise"),
        ("", ""),
    ],
)
def test_the_first_use_of_each_word_is_marked(text: str, marked: str) -> None:
    assert glossary.mark(text) == marked


def test_danish_texts_are_marked_by_the_forms_of_danish_words() -> None:
    with speaking("da"):
        marked = glossary.mark("Kanalerne i et lag: en tom kanal, channels, et feature map")
        assert glossary.meaning("kanalerne") == glossary.meaning("kanal")
        assert glossary.meaning("kanal")
        assert not glossary.meaning("channels")
    assert marked == (
        ":primary[Kanalerne] i et :primary[lag]: en :primary[tom kanal], channels, "
        "et :primary[feature map]"
    )


def test_the_words_of_contributing_are_explained() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## Words")[1].split("##")[0]
    words = [
        word.strip()
        for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
        for word in row.split(",")
        if row not in ("word", "---")
    ]
    assert len(words) >= 10
    assert [word for word in words if glossary.meaning(word) is None] == []


@pytest.mark.parametrize("term", glossary.TERMS, ids=lambda term: term.name)
def test_a_word_has_one_sentence(term: glossary.Term) -> None:
    assert re.fullmatch(r"[A-Z][^.]*\.", term.meaning)
    for spelling in term.spellings:
        assert glossary.meaning(spelling.upper()) == term.meaning
    assert glossary.meaning("something else") is None


def test_no_spelling_belongs_to_two_words() -> None:
    for language in LANGUAGES:
        with speaking(language):
            spellings = [spelling for term in glossary.TERMS for spelling in term.spellings]
            assert len(spellings) == len(set(spellings)) == len(glossary.meanings())
            assert all(spelling == spelling.strip() != "" for spelling in spellings)


def test_no_other_text_is_coloured() -> None:
    """A span of this class is a marked word: no text may make one by hand."""
    coloured = re.compile(r":(primary|red|orange|yellow|green|blue|violet|gr[ae]y|rainbow|color)\[")
    files = [*ROOT.glob("pages/*.py"), ROOT / "app.py", *(ROOT / "convviz").rglob("*.py")]
    found = {
        file.name
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and coloured.search(node.value)
    }
    assert found == {"glossary.py"}


def test_words_that_a_page_lists_are_in_the_glossary() -> None:
    names = {term.name for term in glossary.TERMS}
    for file in (ROOT / "convviz" / "ui").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "words":
                assert {ast.literal_eval(argument) for argument in node.args} <= names
