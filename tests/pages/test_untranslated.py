"""No text of any page is forgotten: in a language that sets every message in brackets, all are.

Each view is drawn twice, in English first, so that what the server keeps of it is in English too:
a text that was kept as it was told shows without its brackets. Outside of brackets stand names that
other people gave, numbers, and `EXCEPTIONS`.
"""

import html
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from convviz.errors import ConvvizError
from convviz.images.samples import gallery, samples
from convviz.language import Told
from convviz.networks.registry import available, spec
from convviz.structure.layers import layers
from convviz.weights.load import load

ROOT = Path(__file__).parents[2]
OpenPage = Callable[..., AppTest]

EXCEPTIONS = {
    # Names, the same in each language
    **dict.fromkeys(["convviz", "PyTorch", "torch", "torchvision", "ImageNet"], "a name"),
    **dict.fromkeys(["Language", "Sprog", "English", "Dansk"], "the switch, read in any language"),
    **dict.fromkeys(["Viridis", "Magma", "Cividis"], "a colour map's name"),
    **dict.fromkeys(["Adam", "BFGS", "SGD"], "an optimiser's name"),
    **dict.fromkeys(["Grad", "HiRes", "Layer", "CAM", "SmoothGrad"], "a method's name"),
    **dict.fromkeys(["et", "al"], "of a paper's authors"),
    **dict.fromkeys(["decoder", "Inception"], "a module's name"),
    # Signs and units
    **dict.fromkeys(["px", "MB", "kB", "GB", "ms", "min", "dB", "MACs"], "a unit"),
    **dict.fromkeys(["RGB", "PNG", "CSV", "JSON", "SVG", "GIF", "HTML", "npz"], "a format's name"),
    **dict.fromkeys(["ReLU", "GAP", "PSNR", "SSIM", "PCA", "SNE"], "a term's letters"),
}
"""Words that may stand outside of brackets, each with the reason."""

# A line of a design, as it is typed; a list of lines numbers them.
_DESIGN_LINE = re.compile(
    r"(\d+ · )?(input \d|conv|batchnorm|lrn|relu|maxpool|avgpool|dropout|flatten|gap|fc|inception"
    r"|auxiliary)[\w/>. ]*"
)
_DESIGNS = {f"Small {name}" for name in ("AlexNet", "GoogLeNet", "ResNet", "VGG")}

# Fields of Streamlit's messages that a reader sees or hears; in the others are keys and settings.
_TEXTS = {"label", "help", "body", "text", "caption", "captions", "content", "title", "message"}
_TEXTS |= {"options", "placeholder", "alt", "delta", "tooltip", "default_tab_label"}
# What components get that is no text: names to compare, selectors, addresses, images, code.
_NO_TEXTS = {
    *("id", "key", "name", "path", "secret", "network", "layer", "colours", "token", "link", "url"),
    *("query", "button", "copy", "back", "forward", "language", "kind", "image", "of_image", "src"),
    *("command", "place", "jpeg", "data", "color", "colour", "type", "class", "fill", "selected"),
    *("look", "side", "maps", "left_out"),
}
_PIECES = {
    "convviz_layers_ahead"
}  # has sentences as the browser cuts them; the pages have them too
_COLUMN = {"type", "format", "type_config", "alignment", "width"}  # what is set of a table's column
# And of what plotly draws.
_PLOTLY_TEXTS = {"text", "hovertext", "hovertemplate", "name", "ticktext", "title", "label"}


def views() -> list[Any]:
    """Every view of every page, as a page's file and a link; all but one of a page are marked."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from look_at_every_view import VIEWS
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    files = {file.stem.split("_", 1)[1]: file for file in ROOT.glob("pages/*.py")}
    seen: set[str] = set()
    cases = []
    for name, address in VIEWS.items():
        parts = urlsplit(address)
        file = files.get(parts.path.strip("/"))
        page = "app.py" if file is None else file.relative_to(ROOT).as_posix()
        marks = (pytest.mark.views,) if page in seen else ()
        seen.add(page)
        link = dict(parse_qsl(parts.query, keep_blank_values=True))
        cases.append(pytest.param(page, link, id=name, marks=marks))
    assert len(seen) == len(files) + 1
    return cases


def texts(app: AppTest) -> Iterator[tuple[str, str]]:
    """All that reaches the reader: the kind of element with its field, and the text."""

    def walk(node: Any) -> Iterator[tuple[str, str]]:
        proto = getattr(node, "proto", None)
        if hasattr(proto, "ListFields"):
            yield from of_message(proto, str(node.type))
        for child in getattr(node, "children", {}).values():
            yield from walk(child)

    yield from walk(app._tree)


def of_message(message: Any, kind: str) -> Iterator[tuple[str, str]]:
    """The texts in one of Streamlit's messages, and in those inside it."""
    for field, value in message.ListFields():
        where = f"{kind}.{field.name}"
        if kind == "bidi_component" and message.component_name in _PIECES:
            continue
        if kind == "bidi_component" and field.name == "json":
            yield from of_json(json.loads(value), f"{kind} {message.component_name}", _NO_TEXTS)
        elif kind == "plotly_chart" and field.name == "spec":
            yield from of_plotly(json.loads(value), kind)
        elif field.name == "arrow_data" and kind in ("dataframe", "arrow_data_frame", "table"):
            table = convert_arrow_bytes_to_pandas_df(value.data)
            named = json.loads(getattr(message, "columns", "") or "{}")
            heads = [name for name in table.columns if "label" not in (named.get(name) or {})]
            cells = [*heads, *table.index, *table.to_numpy().ravel()]
            yield from ((where, cell) for cell in cells if isinstance(cell, str))
        elif kind == "dataframe" and field.name == "columns":
            yield from of_json(json.loads(value), where, _COLUMN)
        elif kind == "html" and field.name == "body":
            yield from ((where, text) for text in of_html(value))
        elif field.type == field.TYPE_MESSAGE:
            for part in [value] if hasattr(value, "ListFields") else value:
                if hasattr(part, "ListFields"):
                    yield from of_message(part, kind)
        elif field.type == field.TYPE_STRING and field.name in _TEXTS:
            yield from ((where, text) for text in ([value] if isinstance(value, str) else value))


def of_json(value: Any, where: str, leave_out: set[str]) -> Iterator[tuple[str, str]]:
    """The texts in what a component gets."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in leave_out:
                yield from of_json(part, f"{where}.{key}", leave_out)
    elif isinstance(value, list):
        for part in value:
            yield from of_json(part, where, leave_out)
    elif isinstance(value, str) and not value.startswith(("data:", ".st-key", "#", "rgb")):
        yield from ((where, text) for text in of_html(value)) if "</" in value else [(where, value)]


def of_plotly(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """The texts in a chart."""
    if isinstance(value, list):
        for part in value:
            yield from of_plotly(part, where)
    if not isinstance(value, dict):
        return
    for key, part in value.items():
        if key in ("template", "meta"):
            continue
        lines = part if isinstance(part, list) else [part]
        if key in _PLOTLY_TEXTS and all(isinstance(line, str) for line in lines):
            for line in lines:
                shown = re.sub(r"%\{[^}]*\}", "", line)  # what plotly itself fills in
                yield from ((f"{where}.{key}", text) for text in of_html(shown))
        else:
            yield from of_plotly(part, f"{where}.{key}")


def of_html(body: str) -> Iterator[str]:
    """What is read of HTML or SVG: between the tags, and in some of their attributes."""
    body = re.sub(r"(?s)<(style|script|defs)\b.*?</\1>", " ", body)
    for name in ("aria-label", "alt", "title", "placeholder"):
        yield from (html.unescape(text) for text in re.findall(rf'\b{name}="([^"]*)"', body))
    yield html.unescape(re.sub(r"<[^>]*>", " ", body))


@cache
def foreign() -> re.Pattern[str]:
    """What other people have named: networks, their layers and classes, photographs."""
    names = {spec(name).title for name in available()} | set(available()) | _DESIGNS
    for name in ("alexnet", "vgg16", "googlenet"):
        for layer in layers(spec(name)):  # what a title says of kinds is told
            names |= {layer.name} if isinstance(layer.title, Told) else {layer.name, layer.title}
        with suppress(ConvvizError):  # some weights are fetched
            names |= set(load(name, fetch=False).weights.classes)
    for sample in (*samples(), *gallery()):
        names |= {sample.credit, sample.licence, sample.label}
    long_first = sorted((name for name in names if name), key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, long_first)) + r")(?!\w)")


def outside_of_brackets(text: str) -> str:
    """What of a text was not told."""
    depth, kept = 0, []
    for sign in text:
        depth += sign == "⟦"
        if not depth:
            kept.append(sign)
        depth -= sign == "⟧"
    return "".join(kept)


def forgotten(text: str) -> list[str]:
    """The words of a text that should have been told."""
    rest = "" if _DESIGN_LINE.fullmatch(text) else outside_of_brackets(text)
    rest = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", " ", rest)  # code
    rest = re.sub(r"\$[^$]+\$|:material/\w+:|:[a-z-]+(?=\[)|\\", " ", rest)
    words = [word.strip("()[]{}<>.,:;!?*“”»«–—-+=/'’") for word in foreign().sub(" ", rest).split()]
    parts = [
        part
        for word in words
        if not re.search(r"\d|_|\w\.\w", word)  # a name in code, or a number with its unit
        for part in re.findall(r"[^\W\d_]{2,}", word)
    ]
    return [part for part in parts if part not in EXCEPTIONS]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("⟦All of ⟦it⟧⟧", []),
        ("⟦Channel⟧ 3", []),
        ("⟦Channel⟧ of conv1", ["of"]),
        ("Channel 3", ["Channel"]),
        (":material/home: **⟦Home⟧** `features.0` 12.5 MB", []),
        ("AlexNet, features.3 · ⟦maps⟧", []),
        ("less than 0.1 %", ["less", "than"]),
        ("13 · inception 16 16>32 4>8 >8 bn", []),
        ("input", ["input"]),
    ],
)
def test_words_outside_of_brackets_are_found(text: str, words: list[str]) -> None:
    assert forgotten(text) == words


@pytest.mark.parametrize(("page", "link"), views())
def test_every_text_is_a_message(
    page: str, link: dict[str, str], open_page: OpenPage, bracketed: None
) -> None:
    open_page(page, **link)
    app = open_page(page, **link, lang="da")
    assert [each.value for each in app.exception] == []
    found = {
        f"{where}: {' '.join(words)[:80]!r} in {text[:160]!r}"
        for where, text in texts(app)
        if (words := forgotten(text))
    }
    assert len(list(texts(app))) > 20
    assert not found, "\n".join(sorted(found))
