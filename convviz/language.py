"""The reader's language: every text is written in English and may be told in another.

Texts are messages of gettext. `tr` tells one in the reader's language and fills in its values,
`trn` chooses between one and many, `later` marks a constant that is told where it is shown:

    tr("{count:,} of {total:,} channels are empty", count=empty, total=channels)
    trn("{count:,} channel", "{count:,} channels", count)
    TITLE = later("One channel")  ...  tr(TITLE)

Whoever reads English gets exactly what `str.format` makes of the message. In Danish, numbers are
written as Danish writes them, with a comma before decimals and points between thousands.

The command line never asks for a language, so it is English. The app has its visitor asked
(`follow`). What long work says is told in English, kept, and told `again` to each who reads it.
"""

from __future__ import annotations

import gettext
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from numbers import Number
from pathlib import Path
from typing import Any

ENGLISH = "en"
LANGUAGES: Mapping[str, str] = {ENGLISH: "English", "da": "Dansk"}
"""The languages by their code (ISO 639-1), each by its own name."""

CATALOGUES = Path(__file__).parent / "locale"
DOMAIN = "convviz"

_chosen: ContextVar[str | None] = ContextVar("language", default=None)
_DANISH_SIGNS = str.maketrans(",.", ".,")


def _nobody_asked() -> str:
    return ENGLISH


_ask: Callable[[], str] = _nobody_asked


def follow(ask: Callable[[], str]) -> None:
    """Take the language from a function wherever nothing else was said by `speaking`.

    Args:
        ask: Returns the code of the language of whoever is served now.
    """
    global _ask
    _ask = ask


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Tell everything inside in one language.

    Args:
        code: One of `LANGUAGES`.
    """
    token = _chosen.set(code)
    try:
        yield
    finally:
        _chosen.reset(token)


def current() -> str:
    """Return the code of the language that texts are told in now."""
    return _chosen.get() or _ask()


class Told(str):
    """A text that knows how it was made, so that it can be told again in another language."""

    how: tuple[Callable[..., str], tuple[Any, ...]]

    def __str__(self) -> str:
        """Return the text itself, with what it knows."""
        return self


def _told(text: str, how: Callable[..., str], *what: Any) -> Told:
    told = Told(text)
    told.how = how, what
    return told


def tr(message: str, /, **values: object) -> str:
    """Tell a message in the reader's language.

    Args:
        message: In English, with a name for each value: "{count:,} of {total:,}". Where there are
            values, braces that are meant as such are doubled.
        values: The values by their names.
    """
    return _tell(message, _kept(values))


def trn(one: str, many: str, count: int, /, **values: object) -> str:
    """Tell a message about a number of things, in the form that the number asks for.

    Args:
        one: The message where the number is 1.
        many: The message for every other number.
        count: The number; messages call it `{count}`.
        values: What else they name.
    """
    return _tell_many(one, many, count, _kept(values))


def trp(context: str, message: str, /, **values: object) -> str:
    """Tell a message whose English word has several meanings.

    Args:
        context: Which of them is meant, for whoever translates.
        message: As `tr` takes it.
        values: The values by their names.
    """
    return _tell_in(context, message, _kept(values))


def later(message: str) -> str:
    """Mark a constant as a message; `tr` tells it where it is shown."""
    return message


def numeral(text: str) -> str:
    """Write a number as the reader's language does.

    Args:
        text: The number as Python formats it: "61,100,840", "0.12".
    """
    return _told(text if current() == ENGLISH else text.translate(_DANISH_SIGNS), numeral, text)


def again(text: str) -> str:
    """Tell a kept text in the language of whoever reads it now.

    Args:
        text: What `tr`, `trn`, `trp` or `numeral` returned; any other text stays as it is.
    """
    if not isinstance(text, Told):
        return text
    how, what = text.how
    return how(*what)


def in_english(text: str) -> str:
    """Tell a text in English, which is how texts are kept, compared and written into files.

    Args:
        text: As `again` takes it; it can still be told again afterwards.
    """
    with speaking(ENGLISH):
        return again(text)


def _kept(values: Mapping[str, object]) -> dict[str, object]:
    """Return values that can be kept and sent: texts, numbers, and anything else as its text."""
    return {
        name: value if isinstance(value, str | Number) else str(value)
        for name, value in values.items()
    }


def _tell(message: str, values: dict[str, object]) -> Told:
    code = current()
    # Of the empty message, gettext tells the catalogue's own description.
    text = _catalogue(code).gettext(message) if message and code != ENGLISH else message
    return _told(_filled(text, values, code), _tell, message, values)


def _tell_many(one: str, many: str, count: int, values: dict[str, object]) -> Told:
    code = current()
    if code == ENGLISH:
        text = one if count == 1 else many
    else:
        text = _catalogue(code).ngettext(one, many, count)
    text = _filled(text, {"count": count, **values}, code)
    return _told(text, _tell_many, one, many, count, values)


def _tell_in(context: str, message: str, values: dict[str, object]) -> Told:
    code = current()
    text = message if code == ENGLISH else _catalogue(code).pgettext(context, message)
    return _told(_filled(text, values, code), _tell_in, context, message, values)


def _filled(text: str, values: Mapping[str, object], code: str) -> str:
    if not values:
        return text
    told = {
        name: again(value) if isinstance(value, str) else value for name, value in values.items()
    }
    return text.format(**told) if code == ENGLISH else _DANISH.format(text, **told)


class _DanishFormatter(string.Formatter):
    """Formats as `str.format` does, but numbers as Danish writes them."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        text = super().format_field(value, format_spec)
        return text.translate(_DANISH_SIGNS) if isinstance(value, Number) else text


_DANISH = _DanishFormatter()


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, CATALOGUES, [code])
