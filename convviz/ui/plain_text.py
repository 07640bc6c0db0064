"""Foreign text, made to stay text: names, titles and links that somebody else can write.

Streamlit reads most texts as Markdown, plotly reads some as HTML. Whatever a page did not write
itself passes through here: it then shows the characters that it has, fetches nothing and links to
nothing.
"""

from __future__ import annotations

import re

# Markdown turns bare addresses into links after it has taken the backslashes away, and directives
# such as :material/… into icons; a character of no width that keeps words together prevents both.
_JOINER = "\u2060"
_ADDRESS = re.compile(r"(?i)(:)(?=//|[a-z_+-])|(\bwww)(?=\.)|(?<=[\w.+-])(@)(?=[\w-])")
_SPECIAL = re.compile(r"([\\`*_\[\]{}#!|<>~$]|:(?=[\w/+\-\u2060])|&(?=[\w#]))")
# What begins a list, a quotation or an underlined heading at the beginning of a text.
_BEGINNING = re.compile(r"^(\s*)(?:([-+=])|(\d+)([.)]))")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def plain(text: str) -> str:
    """Keep Markdown from reading a foreign text as anything but text, in one line."""
    text = _ADDRESS.sub(lambda match: match[0] + _JOINER, one_line(text))
    text = _SPECIAL.sub(r"\\\1", text)
    return _BEGINNING.sub(
        lambda match: match[1] + (f"\\{match[2]}" if match[2] else f"{match[3]}\\{match[4]}"), text
    )


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
    return text if len(text) <= length else text[: length - 1] + "…"


def quoted(text: str) -> str:
    """Make a foreign text, one from a link, fit into a sentence: short, and without Markdown."""
    return plain(shorten(text))
