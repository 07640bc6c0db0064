"""What a network costs: parameters, MACs and activation memory, layer by layer.

Conventions, used wherever a cost is shown:

- Parameters are counted as ``sum(p.numel())``, shared ones once, at the layer that uses them first.
  Those that nothing uses when the network classifies (the auxiliary heads of GoogLeNet) have
  separate rows, so that the rows always add up to the whole.
- MACs are multiply–accumulates for one image, as `ops` defines them; FLOPs are twice that.
- Activation bytes are each row's output for one image in float32. Outputs that reuse the memory of
  their input (in-place ReLU, flatten) are counted as well, and marked.

A row is a call of a module without parts, or of one of PyTorch's own modules with all its parts;
and each function (``F.relu``, ``torch.cat``) that a module with parts calls itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from torch import nn

from convviz.errors import NetworkError, SettingError, at_least
from convviz.networks.clone import per_module
from convviz.networks.network import Network, NetworkSpec, is_within
from convviz.networks.registry import build
from convviz.structure import ops
from convviz.structure.layers import encoder_end, layer
from convviz.structure.ops import Window, kind_of
from convviz.structure.receptive_field import ReceptiveField, receptive_fields
from convviz.structure.trace import (
    Call,
    Operation,
    Shape,
    Trace,
    TraceError,
    Value,
    lookup,
    trace,
)

PARTS = ("encoder", "decoder", "auxiliary")
BYTES_PER_VALUE = 4  # float32
FLOPS_PER_MAC = 2
LARGEST_INPUT = 1024  # pixels; beyond it the tables of receptive fields only grow slow


@dataclass(frozen=True)
class Total:
    """A sum over layers: parameters, MACs and activation bytes."""

    parameters: int
    macs: int
    activation_bytes: int


@dataclass(frozen=True)
class LayerCost:
    """One row: what one layer, or one function call, costs.

    Attributes:
        name: Dotted module name; for a function call the module's name, a dot and ``relu()``.
        module: Dotted name of the module, or of the module that makes the call.
        title: Human title.
        kind: Plain words, "convolution".
        part: "encoder", "decoder" or "auxiliary".
        executed: False for parameters that nothing uses when the network classifies.
        weights: Parameters that are not biases.
        biases: Parameters that are added.
        input_shapes: Shapes of what goes in, without the batch.
        output_shape: Shape of what comes out, without the batch.
        window: Kernel, stride, padding, dilation and groups, for a convolution or pooling.
        macs: Multiply–accumulates for one image.
        activation_bytes: Bytes of the output in float32.
        shares_memory: Whether the output lies in memory that an earlier layer filled.
        depth: Layers with kernels on the longest way from the image to here, this one included.
        field: What each output position sees of the image; None where it cannot be followed.
    """

    name: str
    module: str
    title: str
    kind: str
    part: str
    executed: bool
    weights: int
    biases: int
    input_shapes: tuple[Shape, ...] = ()
    output_shape: Shape = ()
    window: Window | None = None
    macs: int = 0
    activation_bytes: int = 0
    shares_memory: bool = False
    depth: int = 0
    field: ReceptiveField | None = None

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases

    @property
    def receptive_field(self) -> int | None:
        """Pixels of the longer side, on an endless plane."""
        return self.field.size if self.field else None

    @property
    def jump(self) -> float | None:
        """Input pixels between two neighbouring positions: the product of the strides."""
        return self.field.jump if self.field else None


@dataclass(frozen=True)
class Costs:
    """A network's rows in the order of execution, then the parameters it does not use.

    Attributes:
        name: Short name.
        title: Name for people.
        input_size: Side of the square image, in pixels.
        layers: The rows.
    """

    name: str
    title: str
    input_size: int
    layers: tuple[LayerCost, ...]

    @property
    def total(self) -> Total:
        """All rows together."""
        return total(self.layers)

    @property
    def parameters(self) -> int:
        """Parameters of the whole network, auxiliary heads included."""
        return self.total.parameters

    @property
    def macs(self) -> int:
        """Multiply–accumulates for one image."""
        return self.total.macs

    @property
    def activation_bytes(self) -> int:
        """Bytes of all outputs for one image in float32."""
        return self.total.activation_bytes

    @property
    def depth(self) -> int:
        """Layers with kernels (convolutions, linear layers) on the longest way through."""
        return max((row.depth for row in self.layers), default=0)

    def part(self, part: str) -> Total:
        """Return the sum over the encoder, the decoder or the auxiliary heads."""
        return total(row for row in self.layers if row.part == part)

    def within(self, module: str) -> Total:
        """Return the sum over everything inside one module, such as an Inception branch."""
        return total(row for row in self.layers if is_within(row.module, module))


def total(rows: Iterable[LayerCost]) -> Total:
    """Sum rows."""
    kept = tuple(rows)
    return Total(
        sum(row.parameters for row in kept),
        sum(row.macs for row in kept),
        sum(row.activation_bytes for row in kept),
    )


def flops(macs: int) -> int:
    """Convert multiply–accumulates to floating-point operations: one product and one sum each."""
    return FLOPS_PER_MAC * macs


def count(network: Network | NetworkSpec | nn.Module, input_size: int | None = None) -> Costs:
    """Count what a network costs, from one pass through it.

    Args:
        network: A network, its spec, or any module that takes (1, 3, S, S).
        input_size: S in pixels; None: the network's own.

    Raises:
        SettingError: The size is out of range, or the network cannot take it.
        NetworkError: The network cannot be copied or run.
    """
    spec = network.spec if isinstance(network, Network) else network
    module = _module(network)
    if not isinstance(spec, NetworkSpec):
        title = type(module).__name__
        spec = NetworkSpec(name=title, title=title, build=lambda: module)
    usual = network.input_size if isinstance(network, Network) else spec.input_size
    size = usual if input_size is None else input_size
    _check_size(size)
    try:
        steps = _steps(trace(module, size))
    except TraceError as error:
        raise _refusal(module, size, usual, spec.title, error) from error
    return Costs(spec.name, spec.title, size, _rows(steps, module, spec))


def _check_size(size: int) -> None:
    if not 1 <= size <= LARGEST_INPUT:
        raise SettingError(
            f"A picture of {size}×{size} pixels cannot be counted: choose 1 to {LARGEST_INPUT}."
        )


def _module(network: Network | NetworkSpec | nn.Module) -> nn.Module:
    if isinstance(network, Network):
        return network.module
    return build(network) if isinstance(network, NetworkSpec) else network


def _refusal(
    module: nn.Module, size: int, usual: int, title: str, error: TraceError
) -> NetworkError | SettingError:
    """Say why a network cannot be run on an image of some size, and which size works."""
    least = _least(module, size, usual)
    if least is None:
        lines = str(error.cause).splitlines() or [type(error.cause).__name__]
        return NetworkError(
            f"{title} could not be run on a picture of {size}×{size} pixels: {lines[0]}."
        )
    return SettingError(
        f"{title} cannot take a picture of {size}×{size} pixels: "
        f"choose {least}×{least}" + (" or more." if least > size else ".")
    )


def _least(module: nn.Module, size: int, usual: int) -> int | None:
    """Find a size that works: the least above `size` if it is too small, else the usual one."""

    def works(candidate: int) -> bool:
        try:
            trace(module, candidate)
        except TraceError:
            return False
        return True

    if size == usual or not works(usual):
        return None
    low, high = size, usual
    while size < usual and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high


@dataclass(eq=False)
class _Step:
    """What one row is made from: a call of a module, or one function call inside a module.

    Attributes:
        module: Dotted name of the module, or of the module that makes the function call.
        inputs: Shapes of what goes in, without the batch.
        output: The value that comes out.
        function: Name of the function (``relu``); empty for a module's own call.
        kind: What it is, in plain words.
        operations: What happens in it.
        shares_memory: Whether the output lies in memory that an earlier step filled.
        depth: As in `LayerCost`.
        field: As in `LayerCost`.
    """

    module: str
    inputs: tuple[Shape, ...]
    output: Value
    function: str
    kind: str
    operations: list[Operation]
    shares_memory: bool = False
    depth: int = 0
    field: ReceptiveField | None = None

    @property
    def macs(self) -> int:
        """Multiply–accumulates."""
        return sum(
            ops.macs(each.function, each.arguments, each.output.shape) for each in self.operations
        )

    @property
    def window(self) -> Window | None:
        """The last sliding kernel, if there is one."""
        windows = (ops.window(each.name, each.arguments) for each in self.operations)
        return next(filter(None, reversed(list(windows))), None)

    @property
    def parameters(self) -> list[str]:
        """Dotted names of the parameters that are used here for the first time."""
        return [name for each in self.operations for name in each.parameters]


def _steps(trace: Trace) -> list[_Step]:
    """List the steps of a forward pass in the order in which their results are finished."""
    fields, depths, memory = receptive_fields(trace), _depths(trace), {trace.image.memory}
    steps = list(_finished(trace))
    for step in steps:
        step.field = lookup(fields, step.output)
        step.depth = lookup(depths, step.output) or 0
        step.shares_memory = step.output.memory in memory
        memory.add(step.output.memory)
    return steps


def _finished(trace: Trace) -> Iterator[_Step]:
    """Group operations into steps; arithmetic on the image before all others makes one step."""
    calls = {call.position: call for call in trace.calls}
    inside: dict[int, list[Operation]] = {}  # operations by the call that they are a part of
    opening: list[Operation] = []  # arithmetic on the image before the first layer
    started = False
    for event in trace.events:
        step: _Step | None = None
        if isinstance(event, Operation):
            whole = _whole(calls.get(event.call), calls)
            if whole is not None:
                inside.setdefault(whole.position, []).append(event)
                continue
            around = calls.get(event.call)
            outermost = around is None or around.parent < 0
            if not started and outermost and ops.is_arithmetic(event.name):
                opening.append(event)
                continue
            step = _function_step(event, around)
        elif event.output is not None and _whole(event, calls) is event:
            step = _module_step(event, event.output, inside.get(event.position, []))
        if step is None:
            continue
        if opening and not started:
            yield _transform_step(opening, trace.image)
        started = True
        yield step
    if opening and not started:
        yield _transform_step(opening, trace.image)


def _whole(call: Call | None, calls: Mapping[int, Call]) -> Call | None:
    """Find the outermost call around a call, or itself, that is one row with all its parts."""
    whole = None
    while call is not None and call.parent >= 0:
        torchs = type(call.module).__module__.startswith("torch.nn")
        holds = isinstance(call.module, (nn.Sequential, nn.ModuleList, nn.ModuleDict))
        if call.leaf or (torchs and not holds):
            whole = call
        call = calls.get(call.parent)
    return whole


def _module_step(call: Call, output: Value, operations: Sequence[Operation]) -> _Step:
    counted = [each for each in operations if not ops.is_bookkeeping(each.name)]
    kind = kind_of(call.module)
    if kind == type(call.module).__name__:  # an unknown class: describe what happens in it
        kind = " + ".join(ops.WORDS.get(each.name, each.name) for each in counted) or kind
    inputs = tuple(value.shape[1:] for value in call.inputs)
    return _Step(call.name, inputs, output, "", kind, counted)


def _function_step(operation: Operation, around: Call | None) -> _Step | None:
    name, output = operation.name, operation.output
    flattens = len(output.shape) == 2 and any(len(v.shape) > 2 for v in operation.sources)
    word, function = ops.WORDS.get(name, name), ops.CALLS.get(name, name)
    if ops.is_bookkeeping(name):
        if not flattens:
            return None
        word = function = "flatten"
    inputs = tuple(value.shape[1:] for value in operation.sources)
    module = "" if around is None else around.name
    return _Step(module, inputs, output, function, word, [operation])


def _transform_step(opening: list[Operation], image: Value) -> _Step:
    inputs, output = (image.shape[1:],), opening[-1].output
    return _Step("", inputs, output, "transform_input", "input transform", opening)


def _depths(trace: Trace) -> dict[Value, int]:
    """Count the layers with kernels on the longest way from the image to every value."""
    depths: dict[Value, int] = {}
    for operation in trace.operations:
        before = max((lookup(depths, value) or 0 for value in operation.sources), default=0)
        learned = ops.has_kernel(operation.name) and len(operation.sources) < len(operation.inputs)
        depths[operation.output] = before + learned
    return depths


def _rows(steps: Sequence[_Step], module: nn.Module, spec: NetworkSpec) -> tuple[LayerCost, ...]:
    """Make the table: a row for each step, and one for each module with parameters not used."""
    sizes = {name: parameter.numel() for name, parameter in module.named_parameters()}
    end = encoder_end(spec, [(step.module, step.output.shape) for step in steps])
    seen: Counter[str] = Counter()
    rows = []
    for i, step in enumerate(steps):
        name = (
            f"{step.module}.{step.function}()".removeprefix(".") if step.function else step.module
        )
        seen[name] += 1
        heads = any(is_within(step.module, head) for head in spec.auxiliary)
        output = step.output.shape[1:]
        weights, biases = _parameters(step.parameters, sizes)
        rows.append(
            LayerCost(
                name=name if seen[name] == 1 else f"{name} #{seen[name]}",
                module=step.module,
                title=_title(spec, step.module, step.function, step.kind),
                kind=step.kind or "layer",
                part="auxiliary" if heads else "encoder" if i <= end else "decoder",
                executed=True,
                weights=weights,
                biases=biases,
                input_shapes=step.inputs,
                output_shape=output,
                window=step.window,
                macs=step.macs,
                activation_bytes=BYTES_PER_VALUE * prod(output),
                shares_memory=step.shares_memory,
                depth=step.depth,
                field=step.field,
            )
        )
    used = {name for step in steps for name in step.parameters}
    owners: dict[str, list[str]] = {}
    for name in sizes:
        if name not in used:
            owners.setdefault(name.rpartition(".")[0], []).append(name)
    for owner, parameters in owners.items():
        kind = kind_of(module.get_submodule(owner))
        weights, biases = _parameters(parameters, sizes)
        rows.append(
            LayerCost(
                name=owner or "(network)",
                module=owner,
                title=_title(spec, owner, "", kind),
                kind=kind,
                # What a network does not use to classify can only have helped to train it.
                part="auxiliary",
                executed=False,
                weights=weights,
                biases=biases,
            )
        )
    return tuple(rows)


def _parameters(names: Iterable[str], sizes: Mapping[str, int]) -> tuple[int, int]:
    """Count the weights and the biases among some parameters."""
    names = tuple(names)
    biases = sum(sizes[name] for name in names if name.endswith("bias"))
    return sum(sizes[name] for name in names) - biases, biases


def _title(spec: NetworkSpec, module: str, function: str, kind: str) -> str:
    around, known = module, None
    while around and not (known := spec.title_of(around)):
        around = around.rpartition(".")[0]
    if known == module or (known and around == module and not function):
        return known
    if known:  # a part without a title is named by what it does in the whole
        return f"{known} · {kind}"
    if not function:
        return module
    return f"{module} · {kind}" if module else kind


def receptive_field(
    network: Network, layer_name: str, channel: int | None = None
) -> ReceptiveField | None:
    """Find what the positions of a layer's maps see; None where it cannot be followed.

    Args:
        network: The network.
        layer_name: Dotted name of the layer.
        channel: Whose map it is: in a concatenation each branch sees something else. None for the
            largest of all.

    Raises:
        NetworkError: There is no such layer.
        SettingError: The network's images are too large to be followed.
    """
    branches = layer(network, layer_name).branches
    if channel is not None:
        for branch in branches:
            if branch.start <= channel < branch.stop:
                return receptive_field(network, branch.name, channel - branch.start)
    _check_size(network.input_size)
    return _fields(network.module, network.input_size).get(layer_name)


@per_module()
def _fields(module: nn.Module, size: int) -> dict[str, ReceptiveField | None]:
    # Of a module that makes several steps, or is used several times, the last one counts.
    return {step.module: step.field for step in _steps(trace(module, size))}


@dataclass(frozen=True)
class Head:
    """An auxiliary classifier in a network.

    Attributes:
        name: Dotted name.
        after: Dotted name of the layer whose output it reads.
        shape: (C, H, W) of that output.
        depth: Layers with kernels between the image and that output.
        network_depth: The same for the main classifier's scores.
        parameters: Its parameters.
        macs: Its multiply–accumulates for one image, paid in training only.
    """

    name: str
    after: str
    shape: tuple[int, ...]
    depth: int
    network_depth: int
    parameters: int
    macs: int


def heads(network: Network | NetworkSpec, input_size: int | None = None) -> tuple[Head, ...]:
    """Find where a network's auxiliary classifiers sit, from one pass in train mode.

    Returns:
        One for each of the spec's auxiliary heads that runs, in the order of execution.

    Raises:
        SettingError: The size is out of range, or the network cannot take it.
        NetworkError: The network cannot be copied or run.
    """
    spec = network.spec if isinstance(network, Network) else network
    size = network.input_size if input_size is None else input_size
    at_least("picture's size", size, 1)
    if not spec.auxiliary:
        return ()
    module = _module(network)
    try:
        steps = _steps(trace(module, size, train=True))
    except TraceError as error:
        raise _refusal(module, size, network.input_size, spec.title, error) from error
    main = [s for s in steps if not any(is_within(s.module, name) for name in spec.auxiliary)]
    sizes = {name: p.numel() for name, p in module.named_parameters()}
    found = []
    for name in spec.auxiliary:
        inside = [step for step in steps if is_within(step.module, name)]
        if inside:
            before = [step for step in steps[: steps.index(inside[0])] if step in main][-1]
            found.append(
                Head(
                    name=name,
                    after=before.module,
                    shape=before.output.shape[1:],
                    depth=before.depth,
                    network_depth=main[-1].depth,
                    parameters=sum(sizes[p] for step in inside for p in step.parameters),
                    macs=sum(step.macs for step in inside) // 2,  # of two images
                )
            )
    return tuple(sorted(found, key=lambda head: head.depth))
