"""Read the names of classes from a file beside the weights: text or JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from convviz.errors import WeightsError
from convviz.language import tr
from convviz.weights import checkpoint

_MAX_BYTES = 2_000_000
_NUMBERED = re.compile(r"(\d+)[\s:,;]+(\S.*)")


def read_class_names(file: str, data: bytes) -> tuple[str, ...]:
    """Read the names of classes, in the order of a network's scores.

    JSON may hold a list, an object from name to number or from number to name, as ImageFolder's
    `class_to_idx` and the index of ImageNet are, or either under a key such as "classes". Other
    text has one name a line; lines that each begin with their number are put in that order.

    Args:
        file: The file's name.
        data: Its bytes.

    Raises:
        WeightsError: It is too large, or holds no names.
    """
    try:
        if len(data) > _MAX_BYTES:
            raise ValueError("too large")
        text = data.decode("utf-8-sig")
    except ValueError as error:
        raise _no_names(file) from error
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, (list, dict)):  # a line may be a number, or stand in quotes
        value = _lines(text)
    names = _in_order(value)
    if not names:
        raise _no_names(file)
    return names


def _in_order(value: list[Any] | dict[str, Any]) -> tuple[str, ...]:
    """Return the names in what was read; () if there are none."""
    if isinstance(value, list):
        return checkpoint.class_names({"classes": [_plain(each) for each in value]})
    by_number = {number: _plain(name) for number, name in value.items()}
    return (
        checkpoint.class_names(value)
        or checkpoint.class_names({"class_to_idx": value})
        or checkpoint.class_names({"idx_to_class": by_number})
    )


def _plain(name: Any) -> Any:
    """Return a name; ImageNet's index has pairs of an identifier and a name."""
    if isinstance(name, list) and len(name) == 2:
        name = name[1]
    return name.strip() if isinstance(name, str) else name


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    by_number = {int(match[1]): match[2] for match in matches if match}
    if lines and sorted(by_number) == list(range(len(lines))):
        return [by_number[number] for number in range(len(lines))]
    return lines


def _no_names(file: str) -> WeightsError:
    return WeightsError(
        tr(
            "The file {file} does not hold names of classes: give a text file (UTF-8) with "
            "one name a line, or JSON with a list of names or an object from name to number.",
            file=file,
        )
    )
