"""When two works are the same: a digest of the work and of all its arguments, by their content.

Everything that a work is given goes into its digest, so that nothing which changes the result can
be left out by mistake. What cannot be told by its content makes no digest: such work is nobody
else's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from convviz.jobs.job import Work

Describe = Callable[[Any], Any]
"""Returns what an object is to be told by: numbers, text, bytes, and tuples of these."""


class _Unknown(Exception):
    """An object that cannot be told by its content."""


def digest(
    work: Work,
    arguments: Mapping[str, Any],
    describe: Mapping[type, Describe],
    *,
    beside: tuple[str, ...] = (),
) -> str:
    """Return 64 hexadecimal digits that are the same for works that compute the same.

    Args:
        work: The work function.
        arguments: Its arguments: numbers, text, bytes, sequences, mappings, dataclasses of these,
            and objects of the types below.
        describe: By type, how to tell an object that is none of these.
        beside: What else tells works apart.

    Returns:
        The digest; empty if an argument cannot be told by its content.
    """
    hashed = hashlib.sha256()
    try:
        for part in _parts((beside, work, dict(arguments)), describe):
            hashed.update(len(part).to_bytes(8, "big") + part)
    except _Unknown:
        return ""
    return hashed.hexdigest()


def _parts(value: Any, describe: Mapping[type, Describe]) -> Iterable[bytes]:
    """Yield what tells a value, beginning with its type; each part is hashed with its length."""
    kind = type(value)
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    if value is None:
        return
    if isinstance(value, bool | int | float | str):
        yield repr(value).encode()
    elif isinstance(value, bytes):
        yield value
    elif isinstance(value, tuple | list):
        yield str(len(value)).encode()
        for each in value:
            yield from _parts(each, describe)
    elif isinstance(value, Mapping):
        yield str(len(value)).encode()
        for key in sorted(value, key=repr):
            yield from _parts(key, describe)
            yield from _parts(value[key], describe)
    elif (found := _describer(kind, describe)) is not None:
        yield from _parts(found(value), describe)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield each.name.encode()
            yield from _parts(getattr(value, each.name), describe)
    elif hasattr(value, "__qualname__") and "<" not in value.__qualname__:
        yield f"{value.__module__}.{value.__qualname__}".encode()
    else:
        raise _Unknown


def _describer(kind: type, describe: Mapping[type, Describe]) -> Describe | None:
    return next((describe[base] for base in kind.__mro__ if base in describe), None)
