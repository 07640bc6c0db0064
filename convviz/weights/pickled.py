"""Read a file of `torch.save`, or a plain pickle, as data: tensors, texts and numbers.

Such a file is a zip archive, or, before torch 1.6, a row of pickles with the numbers behind them.
A pickle is a program. Its instructions are followed here one by one, by code of this module alone:
they may build dictionaries, lists, tuples, texts and numbers, and describe tensors and NumPy's
arrays whose numbers lie in the file. Whatever else they name, such as the class of somebody's
settings, is never looked up: a stand-in without any effect takes its place. A file that names what
starts programs is refused.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from math import prod
from typing import IO, Any

import torch
from torch import Tensor

from convviz.weights.sent_file import SentFile, WeightsFile, opened, size_of

_MAX_INSTRUCTIONS = 1_000_000  # a network has about forty for each tensor
_MAX_PICKLE_BYTES = 20_000_000
_MAX_PLAIN_BYTES = 800_000_000  # of a pickle that has the tensors' or arrays' numbers in itself
_MAX_LIST_BYTES = 5_000_000  # of a zip archive's list of contents
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LOCAL_HEADER = 30  # bytes before an entry's name in a zip archive

# What starts programs, loads code, or reaches into the interpreter; training leaves none behind.
_STARTS_PROGRAMS = re.compile(
    r"(os|posix|nt|sys|subprocess|shutil|socket|importlib|runpy|pty|ctypes|pickle|_pickle|marshal"
    r"|webbrowser|torch\.hub|torch\.utils\.cpp_extension)(\.[\w.]+)? .*"
    r"|(builtins|__builtin__) ((apply|breakpoint|compile|delattr|eval|exec|execfile|exit|file"
    r"|globals|help|input|locals|open|quit|raw_input|reload|setattr|vars)(\..*)?|.*__.*)"
    r"|torch (load|hub\..*|ops\..*)|_?io (open\w*|FileIO)"
)

_MAPPINGS = {"collections OrderedDict", "collections defaultdict"}
_MAKES_TENSORS = re.compile(
    r"torch\._utils _rebuild_(tensor|tensor_v2|tensor_v3|parameter|parameter_with_state)"
)
_OTHER_TENSORS = re.compile(r"torch\.\w+ _rebuild_\w+")
_STORAGE = re.compile(r"torch(?:\.cuda)? (\w+)Storage|torch\.storage (?:Typed|Untyped)Storage")
_DTYPES = {
    **{name: each for name, each in vars(torch).items() if isinstance(each, torch.dtype)},
    **{"Float": torch.float32, "Double": torch.float64, "Half": torch.float16},
    **{"BFloat16": torch.bfloat16, "Long": torch.int64, "Int": torch.int32, "Short": torch.int16},
    **{"Char": torch.int8, "Byte": torch.uint8, "Bool": torch.bool},
    **{"ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128},
}

# How NumPy's arrays are rebuilt: by protocols up to 4, and by protocol 5; and what is in them.
_ARRAY = re.compile(r"numpy(\._core|\.core)\.multiarray _reconstruct")
_ARRAY_FROM_BUFFER = re.compile(r"numpy(\._core|\.core)\.numeric _frombuffer")
_ARRAY_DTYPES = {
    **{"f2": torch.float16, "f4": torch.float32, "f8": torch.float64, "b1": torch.bool},
    **{"i1": torch.int8, "i2": torch.int16, "i4": torch.int32, "i8": torch.int64},
    "u1": torch.uint8,
}

_MARK = object()


class ForeignFileError(ValueError):
    """The file is damaged, or names what starts programs."""


class ScriptFileError(ValueError):
    """The file is a TorchScript network."""


class ExportedFileError(ValueError):
    """The file is a program that torch.export wrote."""


class PackedFileError(ValueError):
    """The file is a zip archive of other files than torch.save's."""


class Named(str):
    """The name of something that a pickle refers to: module and name, with a space between."""

    __slots__ = ()


@dataclass(eq=False)
class Foreign:
    """Stands for an object of a class that is never looked up.

    Attributes:
        kind: Name of what would have made it, "argparse Namespace".
        state: What it would have been given to remember; None for nothing.
        items: What would have been put into it, by key.
        arguments: What would have made it was to be called with; kept for NumPy's alone.
    """

    kind: str
    state: Any = None
    items: dict[Hashable, Any] = field(default_factory=dict)
    arguments: tuple[Any, ...] = ()

    @property
    def is_module(self) -> bool:
        """Whether it is a whole network or a part of one."""
        return isinstance(self.state, Mapping) and "_modules" in self.state

    @property
    def is_tensor(self) -> bool:
        """Whether it is a tensor of a kind that networks' weights are not, a sparse one say."""
        return _OTHER_TENSORS.fullmatch(self.kind) is not None

    @property
    def is_array(self) -> bool:
        """Whether it is one of NumPy's arrays."""
        return bool(_ARRAY.fullmatch(self.kind) or _ARRAY_FROM_BUFFER.fullmatch(self.kind))


@dataclass(frozen=True, eq=False)
class Stored:
    """A tensor whose numbers lie in the file.

    Attributes:
        storage: Where they lie.
        dtype: Type of number.
        offset: Index of its first number.
        shape: Its shape.
        stride: Steps between neighbours, in numbers, for each dimension.
    """

    storage: Storage
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def is_whole(self) -> bool:
        """Whether each of its numbers has a place of its own in the file."""
        steps = zip(self.shape, self.stride, strict=True)
        last = self.offset + sum((count - 1) * step for count, step in steps)
        numbers = self.storage.length // self.dtype.itemsize
        return self.count <= numbers and (not self.count or last < numbers)


@dataclass(eq=False)
class Storage:
    """Numbers in the file, which tensors share.

    Attributes:
        key: Its name in the file.
        dtype: Type of its numbers; None if only the tensors know.
        start: Offset in it of what is meant, in numbers.
        length: Of it, in bytes.
        position: Where it begins in the file.
        data: Its bytes, where they are not read from the file itself.
    """

    key: str
    dtype: torch.dtype | None
    start: int = 0
    length: int = 0
    position: int = 0
    data: bytes | None = None


@dataclass(frozen=True, eq=False)
class Contents:
    """What a file holds.

    Attributes:
        file: The file.
        value: Plain values, with `Stored` for each tensor and `Foreign` for what was not built.
    """

    file: WeightsFile
    value: Any

    def tensors(self, stored: Mapping[str, Stored], *, mapped: bool) -> dict[str, Tensor]:
        """Read tensors; those of one storage share memory.

        Args:
            stored: Which, by name.
            mapped: Whether to map a file on disk into memory instead of reading it.

        Raises:
            ForeignFileError: One has more numbers than the file.
        """
        read: dict[tuple[str, int], torch.UntypedStorage] = {}
        whole = None
        result = {}
        for name, each in stored.items():
            if not each.is_whole:
                raise ForeignFileError(f"{name} has more numbers than the file")
            storage = each.storage
            key = (storage.key, storage.position)
            if key not in read:
                if mapped and storage.data is None and not isinstance(self.file, SentFile):
                    if whole is None:
                        size = size_of(self.file)
                        whole = torch.UntypedStorage.from_file(str(self.file), False, size)
                    end = storage.position + storage.length
                    read[key] = whole[storage.position : end]
                else:
                    read[key] = self._read(storage)
            empty = torch.empty(0, dtype=each.dtype)
            result[name] = empty.set_(read[key], each.offset, each.shape, each.stride)
        return result

    def _read(self, storage: Storage) -> torch.UntypedStorage:
        values = torch.empty(storage.length, dtype=torch.uint8)
        if storage.length:
            target = values.numpy().data
            if storage.data is not None:
                target[:] = storage.data
            else:
                with opened(self.file) as file:
                    file.seek(storage.position)
                    if file.readinto(target) != storage.length:
                        raise ForeignFileError("it ends too early")
        return values.untyped_storage()


def read(source: WeightsFile) -> Contents:
    """Read a file without its tensors' numbers, which `Contents.tensors` reads.

    Args:
        source: The file.

    Raises:
        ScriptFileError: It is a TorchScript network.
        ExportedFileError: It is a program by torch.export.
        PackedFileError: It is a zip archive of other files.
        ForeignFileError: It names what starts programs, unpacks to more than its own size, or takes
            too many instructions.
        Exception: It is damaged.
    """
    size = size_of(source)
    with opened(source) as file:
        if file.read(4) == b"PK\x03\x04":
            return Contents(source, _read_archive(file, size))
        file.seek(0)
        return Contents(source, _read_pickles(file, size))


def stored(value: Any) -> Any:
    """Describe one of NumPy's arrays like a tensor; return anything else as it is.

    An array of other numbers than PyTorch's, or in the order of another kind of machine, stays a
    stand-in.
    """
    if not isinstance(value, Foreign) or not value.is_array:
        return value
    if _ARRAY.fullmatch(value.kind):
        state = value.state if isinstance(value.state, tuple) else ()
        _, shape, kind, by_columns, data = state if len(state) == 5 else (None,) * 5
    else:
        arguments = value.arguments if len(value.arguments) == 4 else (None,) * 4
        data, kind, shape, order = arguments
        by_columns = order == "F"
    if isinstance(data, Foreign) and isinstance(data.state, str):
        data = data.state.encode("latin1")
    dtype = _array_dtype(kind)
    if (
        dtype is None
        or not isinstance(data, (bytes, bytearray))
        or not isinstance(shape, tuple)
        or not all(type(each) is int and 0 <= each < 1 << 62 for each in shape)
        or prod(shape) * dtype.itemsize != len(data)
    ):
        return value
    lengths = shape if by_columns else shape[::-1]
    steps = [1]
    for length in lengths[:-1]:
        steps.append(steps[-1] * max(1, length))
    stride = tuple(steps if by_columns else steps[::-1])[: len(shape)]
    storage = Storage(f"array {id(value)}", dtype, length=len(data), data=bytes(data))
    return Stored(storage, dtype, 0, shape, stride)


def _array_dtype(kind: Any) -> torch.dtype | None:
    """Return the type of an array's numbers; None for one that tensors do not have."""
    if not isinstance(kind, Foreign) or kind.kind != "numpy dtype" or not kind.arguments:
        return None
    order = kind.state[1] if isinstance(kind.state, tuple) and len(kind.state) > 1 else "|"
    return _ARRAY_DTYPES.get(str(kind.arguments[0])) if order in ("<", "|", "=") else None


def _read_archive(file: IO[bytes], size: int) -> Any:
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
        entries = {entry.filename: entry for entry in archive.infolist()}
        if len(entries) < len(archive.infolist()):
            raise ForeignFileError("two of its entries have the same name")
        if any(re.fullmatch(r"([^/]*/)?(code/.*|constants\.pkl)", name) for name in entries):
            raise ScriptFileError("it has TorchScript's code")
        if any(re.fullmatch(r"([^/]*/)?archive_format", name) for name in entries):
            raise ExportedFileError("it has a program's graph")
        if entries and not any(re.search(r"(^|/)data\.pkl$", name) for name in entries):
            raise PackedFileError("it has no pickle")
        # PyTorch does not compress; entries that share bytes have more than the file, too.
        if sum(max(entry.file_size, entry.compress_size) for entry in entries.values()) > size:
            raise ForeignFileError("it unpacks to more than its size")
        names = [name for name in entries if re.fullmatch(r"([^/]*/)?data\.pkl", name)]
        if len(names) != 1:
            raise ForeignFileError("it has not one pickle")
        root = names[0].removesuffix("data.pkl")
        order = entries.get(f"{root}byteorder")
        if order is not None and archive.read(order) != b"little":
            raise ForeignFileError("its numbers are in the order of another kind of machine")
        if entries[names[0]].file_size > _MAX_PLAIN_BYTES:
            raise ForeignFileError("its pickle is too long")
        machine = _Machine(BytesIO(archive.read(entries[names[0]])))
        value = machine.run()
        for storage in machine.storages:
            entry = entries.get(f"{root}data/{storage.key}")
            if entry is None:
                continue  # it stays without any bytes, and its tensors are refused
            storage.length = entry.file_size
            if entry.compress_type != zipfile.ZIP_STORED:
                storage.data = archive.read(entry)
                continue
            file.seek(entry.header_offset)
            header = file.read(_LOCAL_HEADER)
            lengths = (int.from_bytes(header[k : k + 2], "little") for k in (26, 28))
            storage.position = entry.header_offset + _LOCAL_HEADER + sum(lengths)
            if storage.position + storage.length > size:
                raise ForeignFileError("an entry lies outside of it")
        return value


def _read_pickles(file: IO[bytes], size: int) -> Any:
    """Read a plain pickle, or the row of pickles of a torch before 1.6."""
    if size > _MAX_PLAIN_BYTES:
        file = BytesIO(file.read(_MAX_PICKLE_BYTES))
    else:
        file = BytesIO(file.read())
    first = _Machine(file)
    value = first.run()
    if value != _LEGACY_MAGIC:
        return value
    for _ in range(2):  # the version, and the kind of machine
        _Machine(file).run()
    machine = _Machine(file)
    value = machine.run()
    keys = _Machine(file).run()
    position = file.tell()
    lengths = _legacy_lengths(machine.storages)
    places: dict[str, tuple[int, int]] = {}
    for key in keys:
        dtype_bytes = lengths[key]
        file.seek(position)
        count = int.from_bytes(file.read(8), "little", signed=True)
        if count < 0:
            raise ForeignFileError("a storage has less than no numbers")
        places[key] = (position + 8, count * dtype_bytes)
        position += 8 + count * dtype_bytes
        if position > size:
            raise ForeignFileError("it ends too early")
    for storage in machine.storages:
        storage.position, storage.length = places.get(storage.key, (0, 0))
    return value


def _legacy_lengths(storages: list[Storage]) -> dict[str, int]:
    return {each.key: each.dtype.itemsize if each.dtype else 1 for each in storages}


class _Machine:
    """Follows one pickle's instructions up to its end.

    Args:
        stream: Where they come from.
        embedded: Whether the pickle lies in another one.

    Attributes:
        storages: The storages that it refers to.
    """

    def __init__(self, stream: IO[bytes], *, embedded: bool = False) -> None:
        self.storages: list[Storage] = []
        self._stream = stream
        self._embedded = embedded
        self._files = 0
        self._embedded_bytes = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._by_key: dict[tuple[str, int], Storage] = {}

    def run(self) -> Any:
        """Follow them, and return what they built.

        Raises:
            ForeignFileError: They name what starts programs, or are too many.
        """
        for count, (name, argument) in enumerate(self._instructions()):
            if count > _MAX_INSTRUCTIONS:
                raise ForeignFileError("it takes too many instructions")
            if name == "STOP":
                return self._stack.pop()
            self._follow(name, argument)
        raise ForeignFileError("it has no end")

    def _instructions(self) -> Iterator[tuple[str, Any]]:
        for opcode, argument, _ in pickletools.genops(self._stream):
            yield opcode.name, argument

    def _follow(self, name: str, argument: Any) -> None:
        stack = self._stack
        match name:
            case "PROTO" | "FRAME":
                pass
            case "GLOBAL":
                stack.append(_named(str(argument)))
            case "STACK_GLOBAL":
                attribute = stack.pop()
                stack.append(_named(f"{stack.pop()} {attribute}"))
            case "MARK":
                stack.append(_MARK)
            case "POP":
                stack.pop()
            case "POP_MARK":
                self._to_mark()
            case "DUP":
                stack.append(stack[-1])
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(name == "NEWTRUE")
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE":
                stack.append(tuple(self._to_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                length = int(name[-1])
                stack[-length:] = [tuple(stack[-length:])]
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_SET":
                stack.append(Foreign("builtins set"))
            case "DICT":
                items = self._to_mark()
                stack.append({})
                self._put(items)
            case "LIST":
                stack.append(self._to_mark())
            case "FROZENSET":
                self._to_mark()
                stack.append(Foreign("builtins frozenset"))
            case "SETITEM":
                value = stack.pop()
                self._put([stack.pop(), value])
            case "SETITEMS":
                self._put(self._to_mark())
            case "APPEND":
                self._append([stack.pop()])
            case "APPENDS":
                self._append(self._to_mark())
            case "ADDITEMS":
                self._to_mark()
            case "BUILD":
                state = stack.pop()
                if isinstance(stack[-1], Foreign):
                    stack[-1].state = state
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "BINPERSID":
                stack.append(self._storage(stack.pop()))
            case "REDUCE" | "NEWOBJ":
                arguments = stack.pop()
                stack.append(self._call(stack.pop(), arguments))
            case "NEWOBJ_EX":
                del stack[-2:]
                stack.append(self._call(stack.pop(), None))
            case "OBJ":
                kind, *_ = self._to_mark()
                stack.append(Foreign(str(kind)[:200]))
            case "INST":
                self._to_mark()
                stack.append(Foreign(_named(str(argument))))
            case _ if name in _LITERALS:
                stack.append(argument)
            case _:
                raise ForeignFileError(f"it has the instruction {name}")

    def _to_mark(self) -> list[Any]:
        """Take what lies above the last mark off the stack."""
        items: list[Any] = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _put(self, items: list[Any]) -> None:
        """Put keys and values into the mapping on top of the stack."""
        target = self._stack[-1]
        into = target.items if isinstance(target, Foreign) else target
        if not isinstance(into, dict):
            raise ForeignFileError("it fills what is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, (str, int, float, bytes, type(None), Foreign)):
                into[key] = value  # a deep tuple could not even be hashed

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif not isinstance(target, Foreign):
            raise ForeignFileError("it fills what is no list")

    def _storage(self, reference: Any) -> Any:
        """Note a storage by PyTorch's reference to it; of a network's class return the name."""
        if isinstance(reference, tuple) and reference[0] == "module":  # before torch 1.6
            return reference[1]
        if not isinstance(reference, tuple) or reference[0] != "storage":
            raise ForeignFileError("it refers to something else than numbers")
        view = reference[5] if len(reference) > 5 else None
        start = int(view[1]) if view else 0
        key = str(reference[2])
        storage = self._by_key.get((key, start))
        if storage is None:
            storage = Storage(key, _storage_dtype(reference[1]), start)
            self._by_key[key, start] = storage
            self.storages.append(storage)
        return storage

    def _call(self, function: Any, arguments: Any) -> Any:
        """Build what a call would return: a dictionary, a tensor's description, or a stand-in."""
        if not isinstance(function, Named) or not isinstance(arguments, tuple):
            return Foreign(str(function)[:200] if isinstance(function, str) else "object")
        if (
            function in _MAPPINGS
            and len(arguments) <= 1
            and not isinstance(arguments[0] if arguments else None, (dict, list))
        ):
            return {}
        if function == "torch Size" and len(arguments) == 1 and isinstance(arguments[0], tuple):
            return arguments[0]
        if function == "_codecs encode" and arguments[1:] == ("latin1",):
            return Foreign(function, arguments[0])  # bytes, as protocol 2 writes them
        if function == "torch.storage _load_from_bytes" and len(arguments) == 1:
            data = arguments[0]
            if isinstance(data, Foreign) and isinstance(data.state, str):
                data = data.state.encode("latin1")
            if isinstance(data, bytes):
                return self._embedded_storage(data)
        if function == "torch._tensor _rebuild_from_type_v2" and len(arguments) == 4:
            return self._call(arguments[0], arguments[2])
        if _MAKES_TENSORS.fullmatch(function):
            if "parameter" in function:
                return arguments[0]
            return _stored(*arguments)
        if function == "numpy dtype" or _ARRAY_FROM_BUFFER.fullmatch(function):
            return Foreign(function, arguments=arguments)
        return Foreign(function)

    def _embedded_storage(self, data: bytes) -> Any:
        """Read a storage that is a file of its own inside a pickle."""
        self._files += 1
        self._embedded_bytes += len(data)
        # One text may be named again and again.
        if self._embedded or self._embedded_bytes > self._stream.tell():
            raise ForeignFileError("it has too many files inside")
        stream = BytesIO(data)
        for _ in range(3):
            _Machine(stream, embedded=True).run()
        machine = _Machine(stream, embedded=True)
        storage = machine.run()
        _Machine(stream, embedded=True).run()
        if not isinstance(storage, Storage):
            raise ForeignFileError("it has a file inside that is no tensor's")
        storage.key = f"inside {self._files}"
        storage.data = stream.read()[8:]
        storage.length = len(storage.data)
        self.storages.append(storage)
        return storage


_LITERALS = {
    *("BINFLOAT", "FLOAT", "INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"),
    *("SHORT_BINSTRING", "BINSTRING", "STRING"),
    *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}


def _named(name: str) -> Named:
    """Take note of a name.

    Raises:
        ForeignFileError: It is the name of what starts programs.
    """
    if _STARTS_PROGRAMS.fullmatch(name):
        raise ForeignFileError(f"it names {name[:80]}")
    return Named(name)


def _storage_dtype(kind: Any) -> torch.dtype | None:
    match = _STORAGE.fullmatch(kind) if isinstance(kind, Named) else None
    if match is None:
        raise ForeignFileError("it refers to numbers of an unknown kind")
    return _DTYPES.get(match[1]) if match[1] else None


def _stored(storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> Stored | Foreign:
    """Describe a tensor by the arguments of the functions that PyTorch rebuilds one with."""
    if not isinstance(storage, Storage):
        return Foreign("torch._utils _rebuild_tensor")
    named = rest[2].partition(" ")[2] if len(rest) > 2 and isinstance(rest[2], Named) else ""
    dtype = storage.dtype or _DTYPES.get(named)
    numbers = (offset, *shape, *stride)
    if dtype is None:
        return Foreign("torch._utils _rebuild_tensor")
    if not all(type(each) is int and 0 <= each < 1 << 62 for each in numbers):
        raise ForeignFileError("a tensor has an impossible shape")
    if len(shape) != len(stride):
        raise ForeignFileError("a tensor has an impossible shape")
    return Stored(storage, dtype, storage.start + offset, tuple(shape), tuple(stride))
