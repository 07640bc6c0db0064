"""Foreign text stays text."""

import csv
import io
import re

import pytest

from convviz.language import speaking, tr
from convviz.plain_text import (
    code,
    csv_table,
    one_line,
    plain,
    plain_html,
    plain_name,
    quoted,
    shorten,
    unlinked,
)

HOSTILE = (
    "![x](https://elsewhere.example/seen.png)",
    "[Log in again](https://elsewhere.example)",
    "https://elsewhere.example/path",
    "HTTP://elsewhere.example",
    "www.elsewhere.example",
    "someone@elsewhere.example",
    "<https://elsewhere.example>",
    "<a href='https://elsewhere.example'>x</a>",
    ":smile: :material/home: :red[x]",
    "**b** _i_ `c` ~~d~~ $e$ # f",
    "1. one",
    "- one",
    "a\n\n# b\u2028c\x00d",
    "half \ud800 a character",
    "\u202eesrever",
)
# What Markdown with GitHub's extension makes a link of, after escapes are taken away.
ADDRESS = re.compile(r"(?i)https?://|\bwww\.|[\w.+-]@[\w-]+\.\w")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("make", [plain, quoted, plain_name])
def test_no_sign_of_markdown_is_left_without_an_escape(make, text: str) -> None:  # type: ignore[no-untyped-def]
    made = make(text)
    made.encode("utf-8")
    assert not re.search(r"[\x00-\x1f\u2028\u202e]", made)
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]#!<>~$]", made)
    unescaped = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", made)
    assert not ADDRESS.search(unescaped)
    assert not re.search(r":[\w+-]+:", unescaped)
    assert not re.match(r"\s*(\d+[.)]|[-+])\s", made)
    assert unescaped.replace("\u2060", "") in (one_line(text), one_line(text)[:39] + "…")


@pytest.mark.parametrize(
    "text",
    ["relu5_3", "features.8", "cat.png", "Tiny ImageNet-200 – “mine”, 46.0 %", "a: b", "3.5"],
)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


def test_links_are_broken_and_the_rest_stays() -> None:
    assert unlinked("**bold** [a](b) c") == "**bold** [a]\u2060(b) c"
    assert unlinked("see https://a.b") == "see https:\u2060//a.b"
    assert unlinked(r"{\"x\": \"\u003ca href=1>\"}") == '{\\"x\\": \\"\\u003c\u2060a href=1>\\"}'
    assert unlinked("<b>5</b> of 7: 3 @ 4") == "<b>5</b> of 7: 3 @ 4"


def test_what_was_kept_is_told_in_the_readers_language(bracketed: None) -> None:
    kept = tr("{layer} · {kind}", layer="a*b", kind=tr("convolution"))
    with speaking("da"):
        assert plain(kept) == r"⟦a\*b · ⟦convolution⟧⟧"
        assert plain_html(kept) == shorten(kept) == "⟦a*b · ⟦convolution⟧⟧"
    assert plain(kept) == r"a\*b · convolution"


def test_code_takes_what_it_is_given() -> None:
    assert code("features.8") == "`features.8`"
    assert code("a`b``c") == "``` a`b``c ```"


def test_charts_take_a_text_as_text() -> None:
    assert plain_html("<b>x</b> & %{y}\n") == "&lt;b&gt;x&lt;/b&gt; &amp; %\u2060{y} "
    assert plain_html("relu5_3") == "relu5_3"


def test_titles_of_the_built_in_networks_stay_as_they_are() -> None:
    from convviz.networks.registry import available, spec
    from convviz.structure.layers import layers

    for name in ("alexnet", "vgg16", "googlenet"):
        assert name in available()
        texts = [spec(name).title]
        for layer in layers(spec(name)):
            texts += [layer.title, layer.name, layer.kind, layer.stage]
        assert [plain(text) for text in texts] == texts


@pytest.mark.parametrize("text", ["_i_", "a _i_", "__i__", "a__b", "_", "i_ j_"])
def test_signs_of_emphasis_are_escaped(text: str) -> None:
    assert plain(text) == text.replace("_", r"\_")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_begins_like_a_formula_stays_a_text_in_a_spreadsheet(start: str) -> None:
    (row,) = list(csv.reader(io.StringIO(csv_table([f"{start}a"], []), newline="")))
    assert row == [f"'{start}a"]


def test_numbers_commas_quotes_and_breaks_come_back_from_csv() -> None:
    values: list[object] = ["-1.5", "+3", -2.5, 'a, "b"', "c\nd", "", "a=b"]
    text = csv_table(["n"], [values])
    assert list(csv.reader(io.StringIO(text, newline="")))[1] == [str(value) for value in values]
