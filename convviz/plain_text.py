"""Foreign text, made to stay text: names, titles and links that somebody else can write.

Streamlit reads most texts as Markdown, plotly reads some as HTML, and spreadsheets take some cells
of a CSV for formulas. Whatever a page did not write
itself passes through here: it then shows the characters that it has, fetches nothing and links to
nothing. What convviz has told and kept, such as the kinds in a layer's title, is told again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from html import escape

from convviz.language import again

# Bare addresses become links after the backslashes have been taken away, and :names: become icons;
# a character of no width that keeps words together prevents both.
_JOINER = "\u2060"
_ADDRESS = re.compile(r"(?i)(:)(?=//|[\w+-]+[:/])|(\bwww)(?=\.)|(?<=[\w.+-])(@)(?=[\w-])")
# A _ inside a word is none: names of layers have it.
_SPECIAL = re.compile(
    r"([\\`*\[\]{}#!|<>~$]|(?<![^\W_])_|_(?![^\W_])|:(?=[\w/+\-\u2060])|&(?=[\w#]))"
)
# What makes a list of a text that begins with it.
_BEGINNING = re.compile(r"^(\s*)(?:([-+])|(\d+)([.)]))(?=\s|$)")
# Where Streamlit shows text, and what of an address or of Markdown makes a link there.
_LINK = re.compile(
    r"(?i)\](?=\()|\bwww(?=\.)|:(?=//)|(?<=[\w.+-])@(?=[\w-]+\.)|(?:<|\\u003c)(?=a\b)"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def plain(text: str) -> str:
    """Keep Markdown from reading a foreign text as anything but text, in one line."""
    text = _ADDRESS.sub(lambda match: match[0] + _JOINER, one_line(again(text)))
    text = _SPECIAL.sub(r"\\\1", text)
    return _BEGINNING.sub(
        lambda match: match[1] + (f"\\{match[2]}" if match[2] else f"{match[3]}\\{match[4]}"), text
    )


def plain_name(text: str) -> str:
    """Do the same for the name of a file: every sign in it is escaped."""
    text = _ADDRESS.sub(lambda match: match[0] + _JOINER, one_line(shorten(text, 40)))
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def plain_html(text: str) -> str:
    """Keep plotly, which reads texts as HTML and fills in %{…}, from reading more than text."""
    return escape(one_line(again(text)), quote=False).replace("%{", f"%{_JOINER}{{")


def unlinked(text: str) -> str:
    """Break every link and image in a text that Streamlit will draw: no page has any of its own.

    For the server, which sees all texts of all pages; what is not a link stays as it is.
    """
    return _LINK.sub(lambda match: match[0] + _JOINER, text)


def code(text: str) -> str:
    """Show a foreign text in the letters of code, as the names of layers are."""
    text = _ADDRESS.sub(lambda match: match[0] + _JOINER, one_line(text))
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}" if text.strip() else plain(text)


def one_line(text: str) -> str:
    """Replace what is no character that can be shown: breaks, controls, halves of a character."""
    return _CONTROL.sub(" ", text.encode("utf-8", "replace").decode("utf-8"))


def shorten(text: str, length: int = 60) -> str:
    """Cut a foreign text to a length that fits into a sentence."""
    text = again(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def quoted(text: str) -> str:
    """Make a foreign text, one from a link, fit into a sentence: short, and without Markdown."""
    return plain(shorten(text))


def csv_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write rows as CSV; what holds commas, quotes or breaks is quoted.

    A spreadsheet would compute a text that begins like a formula, so an apostrophe goes before it.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(map(_cell, header))
    writer.writerows(map(_cell, row) for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str) or not value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value  # a number with its sign
