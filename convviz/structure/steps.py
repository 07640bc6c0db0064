"""The steps of a forward pass: what makes up one row of a table of costs.

A step is a call of a module without parts, or of one of PyTorch's own modules with all its parts;
and each function (``F.relu``, ``torch.cat``) that a module with parts calls itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from convviz.structure import ops
from convviz.structure.ops import Window, kind_of
from convviz.structure.receptive_field import ReceptiveField, receptive_fields
from convviz.structure.trace import Call, Operation, Shape, Trace, Value, lookup

_MOST_WORDS = 4  # a class that does more is called by its name
_RECURRENT = (nn.RNNBase, nn.RNNCellBase)


@dataclass(eq=False)
class Step:
    """The source of one row: a call of a module, or one function call inside a module.

    Attributes:
        module: Dotted name of the module, or of the module that makes the function call.
        inputs: Shapes of the inputs, without the batch.
        output: The output value.
        function: Name of the function (``relu``); empty for a module's own call.
        kind: Its kind, in plain words, as `ops.kind_text` tells them.
        operations: Its operations.
        everything: The same with those that only create or reshape tensors.
        norm_follows: As in `costs.LayerCost`.
        shares_memory: As in `costs.LayerCost`.
        depth: As in `costs.LayerCost`.
        field: As in `costs.LayerCost`.
        of_image: As in `costs.LayerCost`.
    """

    module: str
    inputs: tuple[Shape, ...]
    output: Value
    function: str
    kind: str
    operations: list[Operation]
    everything: list[Operation]
    shares_memory: bool = False
    norm_follows: bool = False
    depth: int = 0
    field: ReceptiveField | None = None
    of_image: bool = True

    @property
    def macs(self) -> int:
        """Multiply–accumulates."""
        return sum(
            ops.macs(operation.function, operation.arguments, operation.output.shape)
            for operation in self.operations
        )

    @property
    def window(self) -> Window | None:
        """The last sliding kernel, if there is one."""
        windows = (ops.window(operation.name, operation.arguments) for operation in self.operations)
        return next(filter(None, reversed(list(windows))), None)

    @property
    def parameters(self) -> list[str]:
        """Dotted names of the parameters that are used here for the first time."""
        return [name for operation in self.everything for name in operation.parameters]


def steps_of(trace: Trace) -> list[Step]:
    """List the steps of a forward pass in the order in which they end."""
    fields, depths, memory = receptive_fields(trace), _depths(trace), {trace.image.memory}
    normed = {
        operation.sources[0]
        for operation in trace.operations
        if operation.sources and ops.is_batch_norm(operation.name)
    }
    steps = list(group(trace))
    for step in steps:
        step.norm_follows = step.output in normed
        step.field = lookup(fields, step.output)
        step.depth = lookup(depths, step.output) or 0
        step.of_image = step.output in trace.of_image
        step.shares_memory = step.output.memory in memory
        memory.add(step.output.memory)
    return steps


def group(trace: Trace) -> Iterator[Step]:
    """Group operations into steps; arithmetic on the image before all others makes one step."""
    calls = {call.position: call for call in trace.calls}
    wholes = _wholes(calls)
    inside: dict[int, list[Operation]] = {}  # operations by the call that they are a part of
    transform: list[Operation] = []  # arithmetic on the image before the first layer
    started = False
    for event in trace.events:
        step: Step | None = None
        if isinstance(event, Operation):
            whole = wholes.get(event.call)
            if whole is not None:
                inside.setdefault(whole.position, []).append(event)
                continue
            around = calls.get(event.call)
            outermost = around is None or around.parent < 0
            if not started and outermost and ops.is_arithmetic(event.name):
                transform.append(event)
                continue
            step = _function_step(event, around)
        elif event.output is not None and wholes[event.position] is event:
            step = _module_step(event, event.output, inside.get(event.position, []))
        if step is None:
            continue
        if transform and not started:
            yield _transform_step(transform, trace.image)
        started = True
        yield step
    if transform and not started:
        yield _transform_step(transform, trace.image)


def _wholes(calls: Mapping[int, Call]) -> dict[int, Call | None]:
    """Find the outermost call around each call, or itself, that is one row with its parts.

    Args:
        calls: By their positions.
    """
    wholes: dict[int, Call | None] = {}
    for position in sorted(calls):  # what is around a call began before it
        call = calls[position]
        whole = wholes.get(call.parent)
        if whole is None and call.parent >= 0:  # the network itself is no row
            from_torch = ops.class_of(call.module).__module__.startswith("torch.nn")
            is_container = isinstance(call.module, (nn.Sequential, nn.ModuleList, nn.ModuleDict))
            if call.leaf or (from_torch and not is_container):
                whole = call
        wholes[position] = whole
    return wholes


def _module_step(call: Call, output: Value, operations: Sequence[Operation]) -> Step:
    computing = [operation for operation in operations if not ops.is_bookkeeping(operation.name)]
    if ops.computes_its_weights(call.module):
        computing = list(_reading(computing, operations, call.inputs))
    kind = kind_of(call.module)
    is_unknown = kind == ops.class_of(call.module).__name__ and not isinstance(
        call.module, _RECURRENT
    )
    if is_unknown:  # describe its operations
        words = [ops.WORDS.get(operation.name, operation.name) for operation in computing]
        if 0 < len(words) <= _MOST_WORDS:
            kind = " + ".join(words)
    inputs = tuple(value.shape[1:] for value in call.inputs)
    return Step(call.name, inputs, output, "", kind, computing, list(operations))


def _reading(
    operations: Sequence[Operation], everything: Sequence[Operation], inputs: Sequence[Value]
) -> Iterator[Operation]:
    """List the operations of a call that read its inputs, not those that compute its weights."""
    reading = dict.fromkeys(inputs, True)
    for operation in everything:
        if any(lookup(reading, value) for value in operation.inputs):
            reading.update(dict.fromkeys(operation.outputs, True))
            if operation in operations:
                yield operation


def _function_step(operation: Operation, around: Call | None) -> Step | None:
    name, output = operation.name, operation.output
    flattens = len(output.shape) == 2 and any(len(v.shape) > 2 for v in operation.sources)
    word, function = ops.WORDS.get(name, name), ops.CALLS.get(name, name)
    if ops.is_bookkeeping(name):
        if not flattens:
            return None
        word = function = "flatten"
    inputs = tuple(value.shape[1:] for value in operation.sources)
    module = "" if around is None else around.name
    return Step(module, inputs, output, function, word, [operation], [operation])


def _transform_step(operations: list[Operation], image: Value) -> Step:
    inputs, output = (image.shape[1:],), operations[-1].output
    return Step("", inputs, output, "transform_input", ops.INPUT_TRANSFORM, operations, operations)


def _depths(trace: Trace) -> dict[Value, int]:
    """Count the layers with kernels on the longest path from the image to every value.

    A kernel is what an operation reads that does not depend on the image, whether it is a parameter
    or computed from some. A recurrent layer counts once, however many steps it takes, and so does a
    recurrent cell: what it remembers of the step before adds no depth.
    """
    calls = {call.position: call for call in trace.calls}
    depths: dict[Value, int] = {trace.image: 0}
    written: dict[int, int] = {}  # by memory: the depth of what was written to any view of it

    def depth_of(value: Value) -> int | None:
        depth = lookup(depths, value)
        if value.before is None or value.memory not in written:
            return depth
        return max(depth or 0, written[value.memory])

    for operation in trace.operations:
        found = [depth_of(value) for value in operation.inputs]
        known = [depth for depth in found if depth is not None]
        if not known or ops.only_takes_shape(operation.name):
            continue  # it does not depend on the image
        call = calls.get(operation.call)
        if call is not None and call.inputs and isinstance(call.module, _RECURRENT):
            first, *memory = [depth_of(value) or 0 for value in call.inputs]
            stacked = call.module.num_layers if isinstance(call.module, nn.RNNBase) else 1
            depth = max([first + stacked, *memory])
        else:
            depth = max(known)
            if None in found:
                depth += ops.kernels(operation.name)
        for value in operation.outputs:
            depths[value] = depth
            if value.before is not None:  # it was written in place
                written[value.memory] = max(depth, written.get(value.memory, 0))
    return depths


def row_names(steps: Sequence[Step]) -> list[str]:
    """Name the row of every step; of several uses, the later ones are numbered."""
    counts: Counter[str] = Counter()
    names = []
    for step in steps:
        name = step.module
        if step.function:
            name = f"{step.module}.{step.function}()".removeprefix(".")
        counts[name] += 1
        names.append(name if counts[name] == 1 else f"{name} #{counts[name]}")
    return names
