"""Results as bytes: dataclasses of numbers, text, bytes and what a codec can write.

Nothing in such bytes is run: classes are taken from a list, and a checksum tells damage. A file is
a line that names the format, the sha256 of all that follows, the length of a JSON text, that text,
and the bytes that it refers to, one after the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from convviz.jobs import sentences
from convviz.language import Told

_MAGIC = b"convviz result 1\n"
_SUM = hashlib.sha256().digest_size
_LENGTH = 8


@dataclass(frozen=True)
class Codec:
    """How objects of one type are written.

    Attributes:
        kind: The type.
        encode: Returns plain values and bytes, in tuples, that tell all of an object.
        decode: Makes the object of these again.
    """

    kind: type
    encode: Callable[[Any], tuple[Any, ...]]
    decode: Callable[..., Any]


def write(result: Any, classes: Sequence[type], codecs: Mapping[str, Codec]) -> bytes:
    """Write a result.

    Args:
        result: The result.
        classes: The dataclasses that it may consist of.
        codecs: How objects of other types are written, each with a name.

    Raises:
        ValueError: It holds something that cannot be written.
    """
    blobs: list[bytes] = []
    names = {each: each.__name__ for each in classes}
    plain = _plain(result, names, codecs, blobs)
    text = json.dumps([plain, [len(blob) for blob in blobs]]).encode()
    body = b"".join((len(text).to_bytes(_LENGTH, "big"), text, *blobs))
    return _MAGIC + hashlib.sha256(body).digest() + body


def read(data: bytes, classes: Sequence[type], codecs: Mapping[str, Codec]) -> Any:
    """Read what `write` has written with the same classes and codecs.

    Raises:
        ValueError: The bytes are damaged, or of another version.
    """
    start = len(_MAGIC) + _SUM
    body = data[start:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : start] != hashlib.sha256(body).digest():
        raise ValueError("the file is damaged")
    end = _LENGTH + int.from_bytes(body[:_LENGTH], "big")
    blobs = []
    try:
        plain, lengths = json.loads(body[_LENGTH:end])
        for length in lengths:
            blobs.append(body[end : end + length])
            end += length
        return _value(plain, {each.__name__: each for each in classes}, codecs, blobs)
    except (TypeError, KeyError, IndexError, AttributeError, RuntimeError) as error:
        raise ValueError("the file is of another version") from error


def _plain(
    value: Any, names: Mapping[type, str], codecs: Mapping[str, Codec], blobs: list[bytes]
) -> Any:
    """Return what stands for a value in JSON: itself, or a list that begins with its kind."""
    if isinstance(value, Told):  # so that whoever reads it is told it in their language
        return ["told", sentences.sent(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value

    def plain(each: Any) -> Any:
        return _plain(each, names, codecs, blobs)

    if isinstance(value, bytes):
        blobs.append(value)
        return ["bytes", len(blobs) - 1]
    if isinstance(value, tuple):
        return ["tuple", *map(plain, value)]
    for name, codec in codecs.items():
        if isinstance(value, codec.kind):
            return ["codec", name, *map(plain, codec.encode(value))]
    if is_dataclass(value) and type(value) in names:
        each = [plain(getattr(value, field.name)) for field in fields(value)]
        return ["class", names[type(value)], *each]
    raise ValueError(f"a {type(value).__name__} cannot be kept in a file")


def _value(
    plain: Any, classes: Mapping[str, type], codecs: Mapping[str, Codec], blobs: Sequence[bytes]
) -> Any:
    if not isinstance(plain, list):
        return plain
    kind, *rest = plain
    if kind == "bytes":
        return blobs[rest[0]]
    if kind == "told":
        return sentences.received(rest[0])
    if kind == "tuple":
        return tuple(_value(each, classes, codecs, blobs) for each in rest)
    name, *parts = rest
    values = [_value(each, classes, codecs, blobs) for each in parts]
    if kind == "codec":
        return codecs[name].decode(*values)
    if kind == "class":
        made = classes[name]
        known = list(vars(made)["__dataclass_fields__"])
        if len(known) != len(values):
            raise KeyError(name)
        return made(**dict(zip(known, values, strict=True)))
    raise KeyError(kind)
