"""What a network costs: parameters, MACs and activation memory, layer by layer.

Conventions, used wherever a cost is shown:

- Parameters are counted as ``sum(p.numel())``, shared ones once, at the layer that uses them first.
  Those that are not used when the network classifies (the auxiliary heads of GoogLeNet) have
  separate rows, whose part is "auxiliary"; a network's `parameters` are those of all other rows,
  and `parameters_with_auxiliary` those of all.
- MACs are multiply–accumulates for one image, as `ops` defines them; FLOPs are twice that.
- Activation bytes are what PyTorch keeps of one image for the backward pass while the network
  trains, in float32: every piece of memory once, at the row that writes it. The inputs of
  convolutions and linear layers, the outputs of ReLUs, the indices of max poolings and the masks of
  dropouts are kept; an output that nothing needs for its gradient is not, and what works in the
  memory of its input (in-place ReLU, flatten) adds nothing. The image counts at the first row that
  keeps it. Parameters, and auxiliary heads, do not count.

A row is one step of the forward pass, see `steps`; so is each module with parameters that are not
used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from torch import nn

from convviz.errors import NetworkError, SettingError
from convviz.language import in_english, tr
from convviz.networks import registry
from convviz.networks.clone import per_module
from convviz.networks.network import Network, NetworkSpec, is_within
from convviz.structure.input_size import check_input_size, size_sentence
from convviz.structure.layers import Output, built, encoder_end, layer
from convviz.structure.ops import LAYER, Window, kind_of, kind_text, part_title
from convviz.structure.receptive_field import ReceptiveField, receptive_fields
from convviz.structure.steps import Step, group, row_names, steps_of
from convviz.structure.trace import Shape, Trace, TraceError, trace

PARTS = ("encoder", "decoder", "auxiliary")
BYTES_PER_VALUE = 4  # float32
FLOPS_PER_MAC = 2


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
        title: Human title; `again` tells the kinds in it.
        kind: Plain words, "convolution", as `ops.kind_text` tells them.
        part: "encoder", "decoder" or "auxiliary", see `PARTS`.
        executed: False for parameters that are not used when the network classifies.
        weights: Parameters that are not biases.
        biases: Parameters that are added.
        input_shapes: Shapes of the inputs, without the batch.
        output_shape: Shape of the output, without the batch; (1,) of a single number.
        window: Kernel, stride, padding, dilation and groups, for a convolution or pooling.
        macs: Multiply–accumulates for one image.
        activation_bytes: Bytes that training keeps, of those that this row writes.
        shares_memory: Whether the output is in memory that an earlier layer wrote.
        depth: Layers with kernels on the longest path from the image to this one, itself included.
        field: What each output position sees of the image; None where it cannot be followed.
        of_image: Whether the output depends on the image; a network may also compute with its own
            numbers alone, as Swin v2 makes its biases of positions.
        norm_follows: Whether a batch norm reads the output of this convolution or linear layer.
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
    of_image: bool = True
    norm_follows: bool = False

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases

    @property
    def output_bytes(self) -> int:
        """Bytes of the output in float32, kept or not."""
        return BYTES_PER_VALUE * prod(self.output_shape) if self.executed else 0

    @property
    def receptive_field(self) -> int | None:
        """Pixels of the longer side, on an infinite plane."""
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
        on_zeros: Whether they are those of an image of zeros, as the network reads numbers.
    """

    name: str
    title: str
    input_size: int
    layers: tuple[LayerCost, ...]
    on_zeros: bool = False

    @property
    def total(self) -> Total:
        """The sum of all rows but those of auxiliary heads."""
        return total(row for row in self.layers if row.part != "auxiliary")

    @property
    def parameters(self) -> int:
        """Parameters without those of auxiliary heads, which only help training."""
        return self.total.parameters

    @property
    def parameters_with_auxiliary(self) -> int:
        """Parameters of the whole network; the same where there are no auxiliary heads."""
        return total(self.layers).parameters

    @property
    def macs(self) -> int:
        """Multiply–accumulates for one image."""
        return self.total.macs

    @property
    def activation_bytes(self) -> int:
        """Bytes that training keeps of one image for the backward pass, in float32."""
        return self.total.activation_bytes

    @property
    def depth(self) -> int:
        """Layers with kernels (convolutions, linear layers) on the longest path."""
        return max((row.depth for row in self.layers), default=0)

    def part(self, part: str) -> Total:
        """Return the sum over the encoder, the decoder or the auxiliary heads."""
        return total(row for row in self.layers if row.part == part)

    def within(self, module: str) -> Total:
        """Return the sum over all rows inside one module, such as an Inception branch."""
        return total(row for row in self.layers if is_within(row.module, module))


def total(rows: Iterable[LayerCost]) -> Total:
    """Sum rows."""
    rows = tuple(rows)
    return Total(
        sum(row.parameters for row in rows),
        sum(row.macs for row in rows),
        sum(row.activation_bytes for row in rows),
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
    check_input_size(size)
    try:
        record = trace(module, size)
    except TraceError as error:
        raise _refusal(module, size, usual, spec, error) from error
    rows = rows_of(record, module, size, spec)
    return Costs(spec.name, spec.title, size, rows, record.on_zeros)


def rows_of(
    record: Trace, module: nn.Module, image: int | Shape, spec: NetworkSpec, *, own: bool = False
) -> tuple[LayerCost, ...]:
    """Make the rows of a network's costs.

    Args:
        record: Of a pass in eval mode.
        module: The network.
        image: Side of the square image in pixels, or the shape (C, H, W) of another input.
        spec: Says where the encoder ends, which parts are auxiliary, and the layers' titles.
        own: As for `trace`.
    """
    steps = steps_of(record)
    kept = _kept_bytes(module, image, steps, {call.name for call in record.calls}, own=own)
    return _rows(steps, module, spec, kept)


def _module(network: Network | NetworkSpec | nn.Module) -> nn.Module:
    if isinstance(network, Network):
        return network.module
    return built(network) if isinstance(network, NetworkSpec) else network


def _refusal(
    module: nn.Module, size: int, usual: int, spec: NetworkSpec, error: TraceError
) -> BaseException:
    """Make the error for a network that cannot be run at some size; it names a size that works.

    If none works, it is the network's own error, unless its author is to mend it.
    """
    sentence = size_sentence(module, size, usual, spec.title)
    if sentence is not None:
        return SettingError(sentence)
    if not registry.is_networks_fault(spec, error.cause):
        return error.cause
    line, reason = registry.place(error.cause), registry.reason(error.cause)
    if line:
        return NetworkError(
            tr(
                "{title} could not be run on an image of {size}×{size} pixels: {line}: {reason}.",
                title=spec.title,
                size=size,
                line=line,
                reason=reason,
            )
        )
    return NetworkError(
        tr(
            "{title} could not be run on an image of {size}×{size} pixels: {reason}.",
            title=spec.title,
            size=size,
            reason=reason,
        )
    )


def _kept_bytes(
    module: nn.Module,
    image: int | Shape,
    steps: Sequence[Step],
    classifying: Collection[str],
    *,
    own: bool,
) -> dict[str, int]:
    """Count what training keeps for the backward pass, by the names of the rows that write it.

    A network that cannot run in train mode is read in eval mode, where no dropout is active.

    Args:
        module: The network.
        image: As for `rows_of`.
        steps: The steps of the pass in eval mode.
        classifying: Names of the modules that are called in it.
        own: As for `trace`.
    """
    for train in (True, False):
        try:
            record = trace(module, image, train=train, gradients=True, own=own)
        except TraceError:
            continue
        break
    else:  # it runs without gradients only: nothing of it is kept for them
        return {}
    ran = {"", *classifying}
    calls = {call.position: call for call in record.calls}
    training_steps = list(group(record))
    names = row_names(training_steps)
    writers: dict[int, str] = {}
    for step, name in zip(training_steps, names, strict=True):
        for operation in step.everything:
            for value in operation.outputs:
                if value.memory != record.image.memory:
                    writers.setdefault(value.memory, name)
    by_module: dict[str, str] = {}
    for step, name in zip(steps, rows := row_names(steps), strict=True):
        by_module.setdefault(step.module, name)
    known = set(rows)
    kept: Counter[str] = Counter()
    counted: set[int] = set()
    for saved in record.saved:
        call = calls.get(saved.call)
        at = "" if call is None else call.name
        in_head = at not in ran  # what runs in training only is thrown away after it
        if saved.stored or in_head or saved.memory in counted:
            continue
        counted.add(saved.memory)
        row = writers.get(saved.memory) or by_module.get(at, rows[0])
        if row not in known:  # a function that works in training only, such as a dropout
            row = by_module.get(row.rpartition(".")[0], rows[0])
        kept[row] += saved.bytes
    return dict(kept)


def _output(step: Step) -> Output:
    return Output(step.module, step.output.shape, bool(step.parameters))


def _rows(
    steps: Sequence[Step], module: nn.Module, spec: NetworkSpec, kept: Mapping[str, int]
) -> tuple[LayerCost, ...]:
    """Make the table: a row for each step, and one for each module with unused parameters."""
    sizes = {name: parameter.numel() for name, parameter in module.named_parameters()}
    end = encoder_end(spec, [_output(step) for step in steps])
    rows = []
    for i, (name, step) in enumerate(zip(row_names(steps), steps, strict=True)):
        in_head = any(is_within(step.module, head) for head in spec.auxiliary)
        # What is the same for every image has no batch; a single number has a shape as well.
        output = step.output.shape[1 if step.of_image else 0 :] or (1,)
        weights, biases = _parameters(step.parameters, sizes)
        rows.append(
            LayerCost(
                name=name,
                module=step.module,
                title=_title(spec, step.module, step.function, step.kind),
                kind=step.kind or LAYER,
                part="auxiliary" if in_head else "encoder" if i <= end else "decoder",
                executed=True,
                weights=weights,
                biases=biases,
                input_shapes=step.inputs,
                output_shape=output,
                window=step.window,
                macs=step.macs,
                activation_bytes=kept.get(name, 0),
                shares_memory=step.shares_memory,
                norm_follows=step.norm_follows,
                depth=step.depth,
                field=step.field,
                of_image=step.of_image,
            )
        )
    used_names = {name for step in steps for name in step.parameters}
    owners: dict[str, list[str]] = {}
    for name in sizes:
        if name not in used_names:
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
                # Parameters that are not used to classify can only have been used in training.
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
    owner, title = module, None
    while owner and not (title := spec.title_of(owner)):
        owner = owner.rpartition(".")[0]
    if title == module or (title and owner == module and not function):
        return title
    if title:  # a part without a title is named by its kind
        return part_title(title, kind)
    if not function:
        return module
    return part_title(module, kind) if module else in_english(kind_text(kind))


def receptive_field(
    network: Network, layer_name: str, channel: int | None = None
) -> ReceptiveField | None:
    """Find what the positions of a layer's maps see; None where it cannot be followed.

    Args:
        network: The network.
        layer_name: Dotted name of the layer.
        channel: Channel of the map: in a concatenation each branch has its own receptive field.
            None for the largest of all.

    Raises:
        NetworkError: There is no such layer.
        SettingError: The network's images are too large to be followed.
    """
    target = layer(network, layer_name)
    if channel is not None:
        for branch in target.branches:
            if branch.start <= channel < branch.stop:
                return receptive_field(network, branch.name, channel - branch.start)
    check_input_size(network.input_size)
    field = _fields(network.module, network.input_size).get(target.name)
    # Of tokens that a product mixed, what the record follows is one field for them all.
    return field if field is not None and field.shape == (target.shape[1:] or (1, 1)) else None


@per_module()
def _fields(module: nn.Module, size: int) -> dict[str, ReceptiveField | None]:
    # Of a module that is used several times, the last use counts; each has its number as well.
    recorded = trace(module, size)
    by_value, uses = receptive_fields(recorded), Counter[str]()
    fields: dict[str, ReceptiveField | None] = {}
    for call in recorded.calls:
        uses[call.name] += 1
        if call.output is None:
            continue
        field = by_value.get(call.output)
        fields[call.name] = fields[f"{call.name}:{uses[call.name]}"] = field
    return fields


@dataclass(frozen=True)
class Head:
    """An auxiliary classifier in a network.

    Attributes:
        name: Dotted name.
        after: Dotted name of the layer whose output it reads.
        shape: (C, H, W) of that output.
        depth: Layers with kernels between the image and that output.
        network_depth: The same for the main classifier's scores.
        encoder_depth: The same for what the main classifier reads.
        parameters: Its number of parameters.
        macs: Its multiply–accumulates for one image; it runs in training only.
    """

    name: str
    after: str
    shape: tuple[int, ...]
    depth: int
    network_depth: int
    encoder_depth: int
    parameters: int
    macs: int


def heads(network: Network | NetworkSpec, input_size: int | None = None) -> tuple[Head, ...]:
    """Find a network's auxiliary classifiers, from one pass in train mode.

    Args:
        network: A network or its spec.
        input_size: Side of the square image, in pixels; None for the network's.

    Returns:
        One for each of the spec's auxiliary heads that runs, in the order of execution.

    Raises:
        SettingError: The size is out of range, or the network cannot take it.
        NetworkError: The network cannot be copied or run.
    """
    spec = network.spec if isinstance(network, Network) else network
    size = network.input_size if input_size is None else input_size
    check_input_size(size)
    if not spec.auxiliary:
        return ()
    module = _module(network)
    try:
        steps = steps_of(trace(module, size, train=True))
    except TraceError as error:
        raise _refusal(module, size, network.input_size, spec, error) from error
    main = [s for s in steps if not any(is_within(s.module, name) for name in spec.auxiliary)]
    end = encoder_end(spec, [_output(step) for step in main])
    sizes = {name: p.numel() for name, p in module.named_parameters()}
    result = []
    for name in spec.auxiliary:
        inside = [step for step in steps if is_within(step.module, name)]
        if inside:
            before = [step for step in steps[: steps.index(inside[0])] if step in main][-1]
            result.append(
                Head(
                    name=name,
                    after=before.module,
                    shape=before.output.shape[1:],
                    depth=before.depth,
                    network_depth=main[-1].depth,
                    encoder_depth=max((step.depth for step in main[: end + 1]), default=0),
                    parameters=sum(sizes[p] for step in inside for p in step.parameters),
                    macs=sum(step.macs for step in inside) // 2,  # of two images
                )
            )
    return tuple(sorted(result, key=lambda head: head.depth))
