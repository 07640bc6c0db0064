"""One forward pass of a network, recorded: its calls of modules and its operations.

A *call* is one use of a module, seen by hooks. An *operation* is one thing that PyTorch does to
tensors, seen by a dispatch mode, so that what a forward() does between its modules (a functional
ReLU, a concatenation, an addition) is recorded as well. Other modules read layers, costs and
receptive fields from the record; nothing is interpreted here.

Calls and operations are connected by *values*: a tensor has one value until an in-place operation
changes it, and another one from then on. So AlexNet's in-place ReLU makes a new value although the
tensor is the same, and a dropout that does nothing makes none.

The pass runs on the "meta" device: shapes without numbers, no computation and no memory. A network
that reads its numbers cannot run there; it is run on zeros instead.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.utils.parametrize import ParametrizationList
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from convviz.networks.clone import clone, is_atom, is_plainly_no_tensor, per_module
from convviz.networks.image_channels import image_channels
from convviz.structure import ops, shape_inference

Shape = tuple[int, ...]
T = TypeVar("T")

_MOST_NUMBERS = 4096  # of a tensor that is looked through for one and the same number
_FROM_NUMBERS = frozenset((torch.tensor, torch.as_tensor, torch.asarray))


@dataclass(frozen=True, eq=False)
class Value:
    """The content of a tensor until it is written to.

    Attributes:
        shape: Its shape, batch included.
        memory: Number of the memory that it is in.
        stored: Whether that is the memory of one of the network's parameters or buffers.
        before: The tensor's value before another view of its memory was written to.
        number: The number that a tensor holds everywhere which is no result of the pass, such as
            ``torch.tensor(0.0)``; None where that is not known.
    """

    shape: Shape
    memory: int
    stored: bool
    before: Value | None = None
    number: float | None = None


@dataclass(frozen=True, eq=False)
class Operation:
    """One thing that PyTorch did to tensors.

    Attributes:
        function: The operation as PyTorch's dispatcher names it, ``aten.relu_.default``.
        call: Position of the innermost call that it happened in; -1 outside of all calls.
        inputs: The values that it reads, in order.
        outputs: The values that it returns, in order.
        arguments: Its arguments by the names of its schema, defaults included; shapes instead
            of tensors.
        parameters: Dotted names of the parameters that are used here for the first time.
    """

    function: Any
    call: int
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    arguments: Mapping[str, Any]
    parameters: tuple[str, ...]

    @property
    def output(self) -> Value:
        """The value that it returns: the first, if there are several."""
        return self.outputs[0]

    @functools.cached_property
    def name(self) -> str:
        """PyTorch's name without the underscore of in-place forms: ``relu``."""
        return ops.name(self.function)

    @property
    def sources(self) -> tuple[Value, ...]:
        """The values that it reads, without the network's parameters and buffers."""
        return tuple(value for value in self.inputs if not value.stored)


@dataclass(frozen=True, eq=False)
class Call:
    """One use of a module.

    Attributes:
        name: Dotted name; empty for the network itself.
        module: The module, in the copy that was run.
        position: Number in the order of entry.
        parent: Position of the call that it happened in; -1 for the network's own.
        inside: How many calls had ended before it began: the index of the first that ended inside.
        inputs: The input values.
        output: The output value; None if it returned no tensor.
    """

    name: str
    module: nn.Module
    position: int
    parent: int
    inside: int
    inputs: tuple[Value, ...]
    output: Value | None

    @functools.cached_property
    def leaf(self) -> bool:
        """Whether it has no modules inside, but for those that compute its own weights."""
        return not ops.parts(self.module)

    @property
    def shape(self) -> Shape:
        """The output's shape, batch included; empty if it returned no tensor."""
        return () if self.output is None else self.output.shape


@dataclass(frozen=True)
class Saved:
    """A tensor that PyTorch keeps for the backward pass.

    Attributes:
        memory: Number of the memory that it is in, as in `Value`.
        stored: Whether that is the memory of one of the network's parameters or buffers.
        bytes: Size of that memory.
        call: Position of the innermost call that it is kept in; -1 outside of all calls.
    """

    memory: int
    stored: bool
    bytes: int
    call: int


@dataclass(frozen=True, eq=False)
class Trace:
    """The record of one forward pass.

    Attributes:
        image: The input value.
        events: Operations when they happened, and calls when they ended.
        on_zeros: Whether it ran on zeros, because it cannot run without numbers.
        saved: What was kept for the backward pass, in order; empty unless gradients were on.
    """

    image: Value
    events: tuple[Call | Operation, ...]
    on_zeros: bool = False
    saved: tuple[Saved, ...] = ()

    @functools.cached_property
    def calls(self) -> tuple[Call, ...]:
        """The calls, in the order in which they ended."""
        return tuple(event for event in self.events if isinstance(event, Call))

    @functools.cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The operations, in the order in which they happened."""
        return tuple(event for event in self.events if isinstance(event, Operation))

    @functools.cached_property
    def of_image(self) -> frozenset[Value]:
        """The values that depend on the image; others are made of the network's own numbers."""
        memories, found = {self.image.memory}, {self.image}
        for event in self.events:
            if isinstance(event, Operation):
                read = not ops.only_takes_shape(event.name)
                if read and any(value.memory in memories for value in event.inputs):
                    memories.update(value.memory for value in event.outputs)
                values = event.outputs
            else:
                values = () if event.output is None else (event.output,)
            found.update(value for value in values if value.memory in memories)
        return frozenset(found)


class TraceError(Exception):
    """The network could not be run.

    Attributes:
        name: Dotted name of the module that failed; empty for the network's own forward().
        module: That module.
        shape: Shape of its input.
        cause: The error that it raised.
        trace: The record until then.
    """

    def __init__(
        self, name: str, module: nn.Module, shape: Shape, cause: BaseException, trace: Trace
    ) -> None:
        super().__init__(name, module, shape, cause)
        self.name = name
        self.module = module
        self.shape = shape
        self.cause = cause
        self.trace = trace


def trace(
    module: nn.Module,
    size: int | Shape,
    *,
    train: bool = False,
    gradients: bool = False,
    own: bool = False,
) -> Trace:
    """Run a copy of a network once and record its calls and operations.

    Args:
        module: The network; it is not changed.
        size: Side of the square image in pixels, or the shape (C, H, W) of another input.
        train: Whether to run it in train mode, and on two images: batch norm cannot normalise a
            single value there. Else it runs in eval mode on one image.
        gradients: Whether every parameter needs a gradient, so that what PyTorch keeps for the
            backward pass is recorded as well. In train mode such a pass has one image, like the
            pass in eval mode.
        own: Whether the network is on the meta device and nobody else's, so that it can be run
            itself, which saves the time of copying it; it is in eval mode afterwards.

    Raises:
        TraceError: The network cannot be run on an image of this size.
        NetworkError: The network cannot be copied.
    """
    image = (image_channels(module, size), size, size) if isinstance(size, int) else size
    if not own:
        return _trace(module, image, train, gradients)
    batch = torch.zeros((2 if train and not gradients else 1, *image), device="meta")
    try:  # kept by nobody: such a record refers to the network itself
        return record(module.train(train), batch, gradients=gradients)[0]
    finally:
        module.eval()


@per_module()
def _trace(module: nn.Module, image: Shape, train: bool, gradients: bool) -> Trace:
    shape = (2 if train and not gradients else 1, *image)
    tensors = (*module.parameters(), *module.buffers())
    dtype = next((t.dtype for t in module.parameters() if t.is_floating_point()), torch.float32)
    try:
        copy = clone(module, device="meta").train(train)
        batch = torch.zeros(shape, dtype=dtype, device="meta")
        numbers = list(_single_numbers(module, copy))
        return record(copy, batch, gradients=gradients, numbers=numbers)[0]
    except TraceError:
        if any(tensor.is_meta for tensor in tensors):
            raise
    device = tensors[0].device if tensors else "cpu"
    copy = clone(module)
    if train:  # a pass in train mode must not change the network's buffers
        state = copy.state_dict()  # with the versions that some modules ask for
        state.update((name, value.clone()) for name, value in list(state.items()))
        copy.load_state_dict(state, assign=True)
    batch = torch.zeros(shape, dtype=dtype, device=device)
    result, _ = record(copy.train(train), batch, gradients=gradients)
    return replace(result, on_zeros=True)


def _single_numbers(module: nn.Module, copy: nn.Module) -> Iterator[tuple[Tensor, float]]:
    """List the tensors of one number in a copy without numbers, with those of the original."""
    for part, copied in zip(module.modules(), copy.modules(), strict=True):
        for held, of_copy in ((part._buffers, copied._buffers), (vars(part), vars(copied))):
            for name, tensor in held.items():
                if is_plainly_no_tensor(tensor):
                    continue
                other = of_copy.get(name)
                if isinstance(tensor, Tensor) and isinstance(other, Tensor):
                    number = _number(tensor) if tensor.numel() == 1 else None
                    if number is not None:
                        yield other, number


def _number(data: object) -> float | None:
    """Return the number that a tensor, a number or a nested list holds everywhere; None if none."""
    if isinstance(data, Tensor):
        if data.is_meta or data.is_complex() or not 0 < data.numel() <= _MOST_NUMBERS:
            return None
        first = data.detach().flatten()[0]
        return float(first) if bool((data == first).all()) else None
    if isinstance(data, int | float):
        return float(data)
    if isinstance(data, list | tuple):
        numbers = {_number(each) for each in data}
        return numbers.pop() if len(numbers) == 1 else None
    return None


def record(
    module: nn.Module,
    batch: Tensor,
    *,
    gradients: bool = False,
    numbers: Sequence[tuple[Tensor, float]] = (),
) -> tuple[Trace, Any]:
    """Run a network as it is on a batch; return the record of the pass, and its output.

    Args:
        module: The network; it has hooks while it runs, so no other thread may use it.
        batch: The input, shape (N, C, H, W), on the network's device.
        gradients: Whether its parameters, which must be its own, are to need gradients.
        numbers: Tensors of the network that hold no numbers, with the number that stands for each.

    Raises:
        TraceError: The network cannot be run on this batch.
    """
    recorder = _Recorder(module, batch)
    for tensor, number in numbers:
        recorder.hold(tensor, number)
    with ExitStack() as hooks:
        for name, part in _modules(module):
            # The first of its hooks, so that weights which others compute are computed inside.
            begin = part.register_forward_pre_hook(
                recorder.enter(name), prepend=True, with_kwargs=True
            )
            hooks.callback(begin.remove)
            hooks.callback(part.register_forward_hook(recorder.leave).remove)
        try:
            if gradients:
                for parameter in module.parameters():
                    parameter.requires_grad_(parameter.is_floating_point())
                hooks.callback(recorder.forget)
                hooks.enter_context(saved_tensors_hooks(recorder.save, recorder.restore))
            hooks.enter_context(torch.set_grad_enabled(gradients))
            with torch.device(batch.device), _Constants(recorder), recorder:
                output = module(batch)
        except (Exception, SystemExit) as error:  # a user's forward() may raise anything
            entry = recorder.stack[-1] if recorder.stack else _Entry("", module, 0, -1, 0, ())
            shape = entry.inputs[0].shape if entry.inputs else ()
            raise TraceError(entry.name, entry.module, shape, error, recorder.trace()) from error
    return recorder.trace(), output


def _modules(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """List a network's modules by name, without those that only compute weights of others."""
    computing: list[str] = []
    for name, part in module.named_modules():
        if isinstance(part, ParametrizationList):
            computing.append(f"{name}.")
        elif not any(name.startswith(prefix) for prefix in computing):
            yield name, part


@per_module(key=lambda batch: tuple(batch.shape[1:]))
def call_counts(module: nn.Module, batch: Tensor) -> Mapping[str, int]:
    """Count the calls of every module during one forward pass.

    Almost always there is one; but ResNet's blocks call one ReLU several times, and a pass that
    stops after a layer's last call needs their number.

    Args:
        module: The network; it is not changed, and its structure must not change later.
        batch: An input, shape (N, C, H, W). Its numbers are not used, unless the network reads
            them.

    Returns:
        Dotted name to number of calls; modules that are never called are left out. A module with
        several names has each of them.
    """
    names = aliases(module)
    return Counter(name for call in trace_for(module, batch).calls for name in names[call.name])


def trace_for(module: nn.Module, batch: Tensor) -> Trace:
    """Record what a pass over a batch will do; up to where it fails, if it does.

    Args:
        module: The network; it is not changed.
        batch: An input, shape (N, C, H, W). Its numbers are not used, unless the network reads
            them.
    """
    try:
        recorded = trace(module, tuple(batch.shape[1:]))
        if recorded.on_zeros:
            recorded, _ = record(clone(module), batch.detach())
    except TraceError as error:
        # A real pass raises it again, or stops before the part that fails.
        recorded = error.trace
    return recorded


def aliases(module: nn.Module) -> dict[str, list[str]]:
    """Return all names of each module of a network, by its first, which a trace calls it."""
    names: dict[nn.Module, list[str]] = {}
    for name, part in module.named_modules(remove_duplicate=False):
        names.setdefault(part, []).append(name)
    return {group[0]: group for group in names.values()}


def lookup(table: Mapping[Value, T], value: Value) -> T | None:
    """Look up the entry of a value, or of an earlier value of its tensor; None if there is none."""
    while value not in table and value.before is not None:
        value = value.before
    return table.get(value)


def tensors_in(nested: object) -> Iterator[Tensor]:
    """Find every tensor in nested tuples, lists, mappings and dataclass-like outputs, in order."""
    if is_atom(nested):  # most arguments; to find that they are no mapping takes the longest
        return
    if isinstance(nested, Tensor):
        yield nested
    elif isinstance(nested, Mapping):
        for value in nested.values():
            yield from tensors_in(value)
    elif isinstance(nested, (tuple, list)):
        for value in nested:
            yield from tensors_in(value)
    elif is_dataclass(nested):
        for field in fields(nested):
            yield from tensors_in(getattr(nested, field.name, None))


@dataclass(frozen=True, eq=False)
class _Entry:
    """A call that has begun."""

    name: str
    module: nn.Module
    position: int
    parent: int
    inside: int
    inputs: tuple[Value, ...]


class _Constants(TorchFunctionMode):
    """Notes the numbers that a forward() makes tensors of, which have none where it is recorded."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one function of PyTorch's."""
        result = func(*args, **(kwargs or {}))
        if func in _FROM_NUMBERS and isinstance(result, Tensor):
            number = _number(args[0] if args else (kwargs or {}).get("data"))
            if number is not None:
                self._recorder.hold(result, number)
        return result


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Records calls and operations, and the values that connect them."""

    def __init__(self, module: nn.Module, batch: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.stack: list[_Entry] = []
        self._events: list[Call | Operation] = []
        self._saved: list[Saved] = []
        self._entered = 0
        self._ended = 0
        self._values: dict[int, Value] = {}
        # By their memory; kept alive, so that no id is used twice.
        self._tensors: dict[int, list[Tensor]] = defaultdict(list)
        self._kept: list[Tensor] = []  # the same for what is kept for the backward pass
        self._memories: dict[int, int] = {}
        self._parameters: dict[int, list[str]] = {}
        self._copies: dict[int, list[int]] = {}  # memory of a copy, and that of what it copies
        for name, parameter in module.named_parameters():
            self._parameters.setdefault(self._memory(parameter), []).append(name)
        self._stored = {self._memory(buffer) for buffer in module.buffers()} | {*self._parameters}
        self._image = self.value(batch)

    def trace(self) -> Trace:
        """Return what has been recorded."""
        return Trace(self._image, tuple(self._events), saved=tuple(self._saved))

    def save(self, tensor: Tensor) -> int:
        """Record a tensor that is kept for the backward pass; return its number."""
        self._kept.append(tensor)
        memory, size = self._memory(tensor), tensor.untyped_storage().nbytes()
        call = self.stack[-1].position if self.stack else -1
        self._saved.append(Saved(memory, memory in self._stored, size, call))
        return len(self._kept) - 1

    def restore(self, number: int) -> Tensor:
        """Give a backward pass inside forward() what was kept."""
        return self._kept[number]

    def forget(self) -> None:
        """Let go of the tensors.

        Their graph holds `save` and `restore`, and so this record: a circle that no collector sees.
        """
        self._kept.clear()
        self._tensors.clear()

    def value(self, tensor: Tensor) -> Value:
        """Return the value that a tensor has now."""
        value = self._values.get(id(tensor))
        if value is None:
            self._tensors[_storage(tensor)].append(tensor)
            value = self._values[id(tensor)] = self._new(tensor)
        return value

    def hold(self, tensor: Tensor, number: float) -> None:
        """Note the number that a tensor holds everywhere."""
        before = self.value(tensor)
        self._values[id(tensor)] = replace(before, before=before, number=number)

    def _given(self, tensor: Tensor) -> Value:
        """Return the value of a tensor that is read; one that was never seen holds its numbers."""
        if id(tensor) not in self._values and not isinstance(tensor, nn.Parameter):
            number = _number(tensor)
            if number is not None:
                self.hold(tensor, number)
        return self.value(tensor)

    def _new(self, tensor: Tensor, before: Value | None = None) -> Value:
        memory = self._memory(tensor)
        return Value(tuple(tensor.shape), memory, memory in self._stored, before)

    def _memory(self, tensor: Tensor) -> int:
        return self._memories.setdefault(_storage(tensor), len(self._memories))

    def _write(self, tensor: Tensor) -> None:
        """Give a tensor that was written to, and every other view of its memory, a new value."""
        for view in self._tensors[_storage(tensor)]:
            self._values[id(view)] = self._new(view, self._values[id(view)])

    def enter(self, name: str) -> Any:
        """Make the hook that records the beginning of a module's calls."""

        def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
            inputs = tuple(self.value(tensor) for tensor in tensors_in((args, kwargs)))
            parent = self.stack[-1].position if self.stack else -1
            self.stack.append(_Entry(name, module, self._entered, parent, self._ended, inputs))
            self._entered += 1

        return hook

    def leave(self, module: nn.Module, args: Any, output: Any) -> None:
        """Record the end of a call: a forward hook.

        Args:
            module: The module that was called.
            args: Its arguments.
            output: What it returned.
        """
        while (entry := self.stack.pop()).module is not module:
            pass  # a call that an exception ended
        tensor = next(tensors_in(output), None)
        self._events.append(
            Call(
                name=entry.name,
                module=module,
                position=entry.position,
                parent=entry.parent,
                inside=entry.inside,
                inputs=entry.inputs,
                output=None if tensor is None else self.value(tensor),
            )
        )
        self._ended += 1

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation and record it."""
        arguments = ops.arguments(func, args, kwargs or {})
        inputs = tuple(self._given(tensor) for tensor in tensors_in(arguments))
        output = shape_inference.run(func, args, kwargs or {})
        for name in ops.written(func):
            for tensor in tensors_in(arguments.get(name)):
                self._write(tensor)
        outputs = [self.value(tensor) for tensor in tensors_in(output)]
        if outputs:
            read = [m for v in inputs for m in (v.memory, *self._copies.get(v.memory, ()))]
            first_used: list[str] = []
            if ops.is_bookkeeping(ops.name(func)):  # a copy of a parameter is used later
                read = [memory for memory in read if memory in self._parameters]
                self._copies.update((value.memory, read) for value in outputs if read)
            else:
                for memory in read:
                    first_used += self._parameters.pop(memory, [])
            self._events.append(
                Operation(
                    function=func,
                    call=self.stack[-1].position if self.stack else -1,
                    inputs=inputs,
                    outputs=tuple(outputs),
                    arguments={name: _shapes(value) for name, value in arguments.items()},
                    parameters=tuple(first_used),
                )
            )
        return output


def _storage(tensor: Tensor) -> int:
    """Return what tells a tensor's memory from others; sparse ones have a negative number each."""
    return tensor.untyped_storage()._cdata if tensor.layout == torch.strided else -id(tensor)


def _shapes(argument: Any) -> Any:
    if isinstance(argument, Tensor):
        return tuple(argument.shape)
    if isinstance(argument, (tuple, list)):
        return tuple(_shapes(value) for value in argument)
    return argument
