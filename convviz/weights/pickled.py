"""Check a file of `torch.save` before PyTorch reads it: what it would unpack, build and call.

Such a file is a zip archive, or, before torch 1.6, a row of pickles. A pickle is a program. Its
instructions are read here one by one and none is carried out: they may build dictionaries, lists
and tuples, and call the functions that make plain tensors, nothing else.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any

_MAX_INSTRUCTIONS = 500_000  # a network has about forty for each tensor
_MAX_PICKLE_BYTES = 20_000_000
_MAX_LIST_BYTES = 5_000_000  # of a zip archive's list of contents
_LEGACY_PICKLES = 5  # a mark, the version, the system, the tensors, the names of their storages

_MAKES_TENSORS = re.compile(
    r"torch\._utils _rebuild_(tensor|tensor_v2|tensor_v3|parameter|parameter_with_state)"
)
_NAMES_A_TYPE = re.compile(
    r"torch(\.cuda)? \w+Storage|torch\.storage (Typed|Untyped)Storage"
    r"|torch (b?float|u?int|bool|complex)\w*"
)
_DICTIONARY = "collections OrderedDict"

_MARK = object()
_VALUE = object()  # a container, a tensor, or a literal that is no name


class ForeignFileError(ValueError):
    """The file holds other things than plain tensors, or is damaged."""


def check(path: Path) -> None:
    """Check a file.

    Args:
        path: The file.

    Raises:
        ForeignFileError: It would build or call other things than plain tensors and containers,
            unpacks to more than its own size, or takes too many instructions.
        Exception: It is damaged.
    """
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            _check_archive(file, path.stat().st_size)
            return
        file.seek(0)
        pickles = BytesIO(file.read(_MAX_PICKLE_BYTES))
    for _ in range(_LEGACY_PICKLES):
        _check_pickle(pickles)


def _check_archive(file: IO[bytes], size: int) -> None:
    file.seek(max(0, size - 66_000))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    listed = int.from_bytes(tail[end + 12 : end + 16], "little")
    if listed == 0xFFFFFFFF:  # Zip64 states it elsewhere
        end = tail.rfind(b"PK\x06\x06")
        listed = int.from_bytes(tail[end + 40 : end + 48], "little")
    if end < 0 or listed > _MAX_LIST_BYTES:
        raise ForeignFileError("its list of contents is missing or too long")
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if len({entry.filename for entry in entries}) < len(entries):
            raise ForeignFileError("two of its entries have the same name")
        # PyTorch does not compress; entries that share bytes have more than the file, too.
        if sum(max(entry.file_size, entry.compress_size) for entry in entries) > size:
            raise ForeignFileError("it unpacks to more than its size")
        for entry in entries:
            if entry.filename.endswith(".pkl"):
                if entry.file_size > _MAX_PICKLE_BYTES:
                    raise ForeignFileError("its pickle is too long")
                _check_pickle(BytesIO(archive.read(entry)))


def _check_pickle(stream: IO[bytes]) -> None:
    """Follow one pickle's instructions up to its end, with stand-ins for all that it builds."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for count, (name, argument) in enumerate(_instructions(stream)):
        if count > _MAX_INSTRUCTIONS:
            raise ForeignFileError("it takes too many instructions")
        match name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return
            case "GLOBAL":
                stack.append(_known(str(argument)))
            case "MARK":
                stack.append(_MARK)
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE":
                stack.append(tuple(_pop_to_mark(stack)))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                length = int(name[-1])
                stack[-length:] = [tuple(stack[-length:])]
            case "SETITEMS" | "APPENDS":
                _pop_to_mark(stack)
            case "APPEND" | "BUILD":
                stack.pop()
            case "SETITEM":
                del stack[-2:]
            case "BINPERSID":
                stack[-1] = _VALUE
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "REDUCE":
                arguments = stack.pop()
                if not _may_be_called(stack.pop(), arguments):
                    raise ForeignFileError("it calls something")
                stack.append(_VALUE)
            case _ if name in _LITERALS:
                stack.append(_VALUE)
            case _:
                raise ForeignFileError(f"it has the instruction {name}")


_LITERALS = {
    *("EMPTY_DICT", "EMPTY_LIST", "NONE", "NEWTRUE", "NEWFALSE", "BINFLOAT"),
    *("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE"),
    *("SHORT_BINSTRING", "BINSTRING"),
}


def _instructions(stream: IO[bytes]) -> Iterator[tuple[str, Any]]:
    for opcode, argument, _ in pickletools.genops(stream):
        yield opcode.name, argument


def _known(name: str) -> str:
    if name == _DICTIONARY or _MAKES_TENSORS.fullmatch(name) or _NAMES_A_TYPE.fullmatch(name):
        return name
    raise ForeignFileError(f"it names {name}")


def _may_be_called(function: Any, arguments: Any) -> bool:
    """Whether a call is one that makes an empty dictionary, or a tensor."""
    if not isinstance(function, str) or not isinstance(arguments, tuple):
        return False
    if function == _DICTIONARY:
        return arguments == ()
    return bool(_MAKES_TENSORS.fullmatch(function)) and len(arguments) <= 10


def _pop_to_mark(stack: list[Any]) -> list[Any]:
    items: list[Any] = []
    while (item := stack.pop()) is not _MARK:
        items.append(item)
    return items[::-1]
