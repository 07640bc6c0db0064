"""Sentences on their way between the machines of a cluster, so that each is told in any language.

Dask would make plain English of a told text. It travels as JSON instead, which says how it was
made; nothing in it is run, as the functions that tell are taken from a list.
"""

from __future__ import annotations

import json
from numbers import Integral
from typing import Any

from convviz import language
from convviz.language import Told

_MARK = "\0"  # no other text begins with it
_TELLING = ("_tell", "_tell_many", "_tell_in", "numeral")


def sent(text: str) -> str:
    """Return what travels for a text: itself, unless it knows how it was made."""
    return _MARK + json.dumps(_plain(text)) if isinstance(text, Told) else text


def received(text: str) -> str:
    """Return the text that `sent` made something of, told in the language of whoever reads it.

    Raises:
        ValueError: It is damaged.
    """
    if not text.startswith(_MARK):
        return text
    try:
        return str(_value(json.loads(text.removeprefix(_MARK))))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("the sentence is of another version") from error


def _plain(value: Any) -> Any:
    """Return what stands for a value in JSON; what is told is a list that begins with its way."""
    if isinstance(value, Told):
        tell, what = value.how
        return [tell.__name__, *map(_plain, what)]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, str | int | float):
        return value
    return int(value) if isinstance(value, Integral) else float(value)  # NumPy's


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        name, *what = plain
        if name not in _TELLING:
            raise KeyError(name)
        return getattr(language, name)(*map(_value, what))
    if isinstance(plain, dict):
        return {name: _value(each) for name, each in plain.items()}
    return plain
