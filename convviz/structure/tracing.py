"""Run a network once and write down what happens, so that its layers can be read off.

Two things are recorded. A *call* is one use of a module, found by hooks. An *operation* is one
thing PyTorch does to tensors, found by a dispatch mode, so that what a forward() does between its
modules (a functional ReLU, a concatenation, an addition) is seen as well.

Both speak of *values*: a tensor stands for one value until an in-place operation changes it, and
from then on for another. So AlexNet's in-place ReLU makes a new value although the tensor is the
same, and a dropout that does nothing makes none.

The run uses the "meta" device: shapes without numbers, no work and no memory. Networks that look at
their numbers cannot run there; they are run on zeros instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from convviz.networks.clone import clone


@dataclass(frozen=True, eq=False)
class Call:
    """One use of a module.

    Attributes:
        name: Dotted name; empty for the network itself.
        module: What was called, in the copy that was run.
        leaf: Whether it has no modules inside.
        position: Number in the order of entry; an operation names the call it happened in by it.
        inside: Number of the first call, in the order of exit, that happened inside this one.
        inputs: The values that went in.
        output: The value that came out; None if no tensor did.
        shape: The output's shape, batch included.
    """

    name: str
    module: nn.Module
    leaf: bool
    position: int
    inside: int
    inputs: frozenset[int]
    output: int | None
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Operation:
    """One thing PyTorch did to tensors.

    Attributes:
        name: PyTorch's name for it without the underscore of in-place forms, "relu".
        rectifies: Whether it replaces negative numbers by zero.
        call: Position of the innermost call it happened in.
        inputs: The values it read.
        output: The value it made.
    """

    name: str
    rectifies: bool
    call: int
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True)
class Trace:
    """All calls in the order of exit, and all operations in the order they happened."""

    calls: tuple[Call, ...]
    operations: tuple[Operation, ...]


class TraceError(Exception):
    """The network could not be run; says at which module, and on what shape."""

    def __init__(self, name: str, module: nn.Module, shape: tuple[int, ...], cause: Exception):
        super().__init__(name, module, shape, cause)
        self.name = name
        self.module = module
        self.shape = shape
        self.cause = cause


def tensors(thing: object) -> Iterator[Tensor]:
    """Find every tensor in nested tuples, lists, mappings and dataclass-like outputs, in order."""
    if isinstance(thing, Tensor):
        yield thing
    elif isinstance(thing, Mapping):
        for value in thing.values():
            yield from tensors(value)
    elif isinstance(thing, (tuple, list)):
        for value in thing:
            yield from tensors(value)
    elif hasattr(thing, "__dataclass_fields__"):
        yield from tensors(vars(thing))


def first_tensor(output: object) -> Tensor | None:
    """Take the first tensor of what a module returns: a tensor, tuple, mapping or dataclass."""
    return next(tensors(output), None)


def trace(module: nn.Module, input_size: int) -> Trace:
    """Run a copy of a network on one square image and record its calls and operations.

    Args:
        module: The network; it is not touched.
        input_size: Side of the image, in pixels.

    Raises:
        TraceError: The network cannot be run on an image of this size.
        NetworkError: The network cannot be copied.
    """
    try:
        return _run(clone(module, device="meta"), input_size, "meta")
    except TraceError:
        values = (*module.parameters(), *module.buffers())
        if any(tensor.is_meta for tensor in values):
            raise
        device = values[0].device.type if values else "cpu"
        return _run(clone(module), input_size, device)


def _run(module: nn.Module, input_size: int, device: str) -> Trace:
    recorder = _Recorder()
    for name, part in module.named_modules():
        part.register_forward_pre_hook(recorder.enter(name), with_kwargs=True)
        part.register_forward_hook(recorder.leave)
    image = torch.zeros(1, 3, input_size, input_size, device=device)
    try:
        with torch.no_grad(), torch.device(device), recorder:
            module(image)
    except Exception as error:  # a user's forward() may raise anything
        entry = recorder.stack[-1] if recorder.stack else _Entry("", module, 0, 0, ())
        shape = tuple(entry.inputs[0].shape) if entry.inputs else ()
        raise TraceError(entry.name, entry.module, shape, error) from error
    return Trace(tuple(recorder.calls), tuple(recorder.operations))


@dataclass(frozen=True, eq=False)
class _Entry:
    """A call that has begun."""

    name: str
    module: nn.Module
    position: int
    inside: int
    inputs: tuple[Tensor, ...]
    values: frozenset[int] = field(default=frozenset())


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Follows values through hooks and operations."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.calls: list[Call] = []
        self.operations: list[Operation] = []
        self.stack: list[_Entry] = []
        self._entered = 0
        self._count = 0
        self._values: dict[int, int] = {}
        self._kept: list[Tensor] = []  # so that no tensor's id is given to another one

    def value(self, tensor: Tensor) -> int:
        """Name the value that a tensor stands for now."""
        if id(tensor) not in self._values:
            self._kept.append(tensor)
            self._renew(tensor)
        return self._values[id(tensor)]

    def _renew(self, tensor: Tensor) -> None:
        self._values[id(tensor)] = self._count
        self._count += 1

    def _change(self, tensor: Tensor) -> None:
        """Renew a tensor that was written to, and every other tensor that shows its memory."""
        memory = tensor.untyped_storage()._cdata
        for other in self._kept:
            if other.untyped_storage()._cdata == memory:
                self._renew(other)

    def enter(self, name: str) -> Any:
        """Make the hook that notes the beginning of a module's calls."""

        def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
            inputs = (*tensors(args), *tensors(kwargs))
            values = frozenset(self.value(tensor) for tensor in inputs)
            entry = _Entry(name, module, self._entered, len(self.calls), inputs, values)
            self._entered += 1
            self.stack.append(entry)

        return hook

    def leave(self, module: nn.Module, args: Any, output: Any) -> None:
        """Note the end of a call: a forward hook."""
        entry = self.stack.pop()
        tensor = first_tensor(output)
        self.calls.append(
            Call(
                name=entry.name,
                module=module,
                leaf=next(module.children(), None) is None,
                position=entry.position,
                inside=entry.inside,
                inputs=entry.values,
                output=None if tensor is None else self.value(tensor),
                shape=() if tensor is None else tuple(tensor.shape),
            )
        )

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note one operation and let it happen."""
        kwargs = kwargs or {}
        inputs = tuple(self.value(tensor) for tensor in (*tensors(args), *tensors(kwargs)))
        output = func(*args, **kwargs)
        for argument, given in zip(func._schema.arguments, args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                for tensor in tensors(given):
                    self._change(tensor)
        made = [self.value(tensor) for tensor in tensors(output)]
        if made and made[0] not in inputs:  # else it handed its input on
            self.operations.append(
                Operation(
                    name=func.overloadpacket.__name__.rstrip("_"),
                    rectifies=_rectifies(func, args),
                    call=self.stack[-1].position if self.stack else -1,
                    inputs=inputs,
                    output=made[0],
                )
            )
        return output


def _rectifies(func: Any, args: Any) -> bool:
    """Whether an operation replaces negative numbers by zero."""
    numbers = args[1:]
    match func.overloadpacket.__name__.rstrip("_"):
        case "relu":
            return True
        case "clamp_min" | "clamp" | "hardtanh":
            return len(numbers) > 0 and numbers[0] == 0
        case "threshold":
            return bool(numbers[0] >= 0 and numbers[1] == 0)
    return False
