"""What a network costs: parameters, MACs and activation memory, layer by layer.

Conventions, used wherever a cost is shown:

- Parameters are counted as ``sum(p.numel())``, shared ones once, at the layer that uses them first.
  Those that nothing uses when the network classifies (the auxiliary heads of GoogLeNet) have rows
  of their own, so that the rows always add up to the whole.
- MACs are multiply–accumulates for one picture, as `operations` defines them; FLOPs are twice that.
- Activation bytes are each row's output for one picture in float32. Outputs that reuse the memory
  of their input (in-place ReLU, flatten) are counted as well, and marked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

import torch
from torch import nn

from convviz.errors import ConvvizError, NetworkError, SettingError, at_least
from convviz.networks.clone import clone
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import build
from convviz.structure.layers import layer
from convviz.structure.ops import Window, kind_of
from convviz.structure.receptive_field import ReceptiveField
from convviz.structure.steps import Shape, Step, follow

__all__ = ["PARTS", "Costs", "LayerCost", "Total", "count", "flops", "is_within", "total"]


PARTS = ("encoder", "decoder", "auxiliary")


BYTES_PER_VALUE = 4  # float32


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
        input_shapes: Shapes of what goes in, without the batch.
        output_shape: Shape of what comes out, without the batch.
        window: Kernel, stride, padding, dilation and groups, for a convolution or pooling.
        weights: Parameters that are not biases.
        biases: Parameters that are added.
        macs: Multiply–accumulates for one picture.
        activation_bytes: Bytes of the output in float32.
        shares_memory: Whether the output lies in memory that an earlier layer filled.
        depth: Layers with kernels on the longest way from the picture to here, this one included.
        field: What each output position sees of the picture; None where it cannot be followed.
    """

    name: str
    module: str
    title: str
    kind: str
    part: str
    executed: bool
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    window: Window | None
    weights: int
    biases: int
    macs: int
    activation_bytes: int
    shares_memory: bool
    depth: int
    field: ReceptiveField | None

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
        input_size: Side of the square picture, in pixels.
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
        """Multiply–accumulates for one picture."""
        return self.total.macs

    @property
    def activation_bytes(self) -> int:
        """Bytes of all outputs for one picture in float32."""
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


def is_within(name: str, module: str) -> bool:
    """Tell whether a dotted name is a module or lies inside it."""
    return not module or name == module or name.startswith(f"{module}.")


FLOPS_PER_MAC = 2


LARGEST_INPUT = 1024  # pixels; beyond it the tables of receptive fields only grow slow


def flops(macs: int) -> int:
    """Convert multiply–accumulates to floating-point operations: one product and one sum each."""
    return FLOPS_PER_MAC * macs


def count(network: Network | NetworkSpec | nn.Module, input_size: int | None = None) -> Costs:
    """Count what a network costs, from one pass through it.

    The pass runs on torch's meta device: shapes without values, so no weight is copied and nothing
    is computed. A network that must look at values on its way is run for real, on a grey picture.

    Args:
        network: A network, its spec, or any module that takes (1, 3, S, S).
        input_size: S in pixels; None: the network's own.

    Raises:
        SettingError: The size is no size, or the network cannot take it.
        NetworkError: The network cannot be copied or run.
    """
    spec = network.spec if isinstance(network, Network) else network
    described = spec if isinstance(spec, NetworkSpec) else None
    usual = network.input_size if isinstance(network, Network | NetworkSpec) else 224
    size = usual if input_size is None else input_size
    if not 1 <= size <= LARGEST_INPUT:
        raise SettingError(
            f"A picture of {size}×{size} pixels cannot be counted: choose 1 to {LARGEST_INPUT}."
        )
    original = _built(network)
    title = described.title if described else type(original).__name__
    steps = _steps(original, size, usual, title)
    rows = (*_rows(steps, original, described), *_unused(steps, original, described))
    return Costs(described.name if described else title, title, size, rows)


def _built(network: Network | NetworkSpec | nn.Module) -> nn.Module:
    if isinstance(network, Network):
        return network.module
    return build(network) if isinstance(network, NetworkSpec) else network


def _steps(original: nn.Module, size: int, usual: int, title: str) -> tuple[Step, ...]:
    try:
        return _pass(original, size)
    except ConvvizError:
        raise
    except Exception as error:  # whatever a user's network or a too small map raises
        least = _least(original, size, usual)
        if least is None:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise NetworkError(
                f"{title} could not be run on a picture of {size}×{size} pixels: {reason}."
            ) from error
        raise SettingError(
            f"{title} cannot take a picture of {size}×{size} pixels: "
            f"choose {least}×{least}" + (" or more." if least > size else ".")
        ) from error


def _pass(original: nn.Module, size: int) -> tuple[Step, ...]:
    real = not any(p.is_meta for p in original.parameters())
    try:
        return follow(clone(original, device="meta"), torch.empty(1, 3, size, size, device="meta"))
    except ConvvizError:
        raise
    except Exception:  # a network that looks at values on its way: these are only there for real
        if not real:
            raise
    return follow(clone(original), torch.zeros(1, 3, size, size))


def _least(original: nn.Module, size: int, usual: int) -> int | None:
    """Find a size that works: the least above `size` if it is too small, else the usual one."""

    def works(candidate: int, device: str | None) -> bool:
        picture = torch.zeros(1, 3, candidate, candidate, device=device)
        try:
            with torch.no_grad():
                clone(original, device=device)(picture)
        except Exception:  # noqa: BLE001 - any failure means that this size does not work
            return False
        return True

    real = not any(p.is_meta for p in original.parameters())
    devices = ("meta", None) if real else ("meta",)
    device = next((d for d in devices if works(usual, d)), "none")
    if size == usual or device == "none":
        return None
    low, high = size, usual
    while size < usual and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle, device) else (middle, high)
    return high


def _rows(
    steps: tuple[Step, ...], original: nn.Module, spec: NetworkSpec | None
) -> tuple[LayerCost, ...]:
    sizes = {name: p.numel() for name, p in original.named_parameters()}
    end = _encoder_end(steps, spec)
    rows, seen = [], dict[str, int]()
    for i, step in enumerate(steps):
        name = step.module
        if step.function:
            name = f"{step.module}.{step.function}()".removeprefix(".")
        seen[name] = seen.get(name, 0) + 1
        biases = sum(sizes[p] for p in step.parameters if _is_bias(p))
        rows.append(
            LayerCost(
                name=name if seen[name] == 1 else f"{name} #{seen[name]}",
                module=step.module,
                title=_title(step, spec),
                kind=step.kind or "layer",
                part=_part(step.module, spec) or ("encoder" if i <= end else "decoder"),
                executed=True,
                input_shapes=step.inputs,
                output_shape=step.output,
                window=step.window,
                weights=sum(sizes[p] for p in step.parameters) - biases,
                biases=biases,
                macs=step.macs,
                activation_bytes=BYTES_PER_VALUE * torch.Size(step.output).numel(),
                shares_memory=step.shares_memory,
                depth=step.depth,
                field=step.field,
            )
        )
    return tuple(rows)


def _unused(
    steps: tuple[Step, ...], original: nn.Module, spec: NetworkSpec | None
) -> tuple[LayerCost, ...]:
    """Make a row of each module whose parameters no step uses."""
    used = {name for step in steps for name in step.parameters}
    owners: dict[str, list[tuple[str, int]]] = {}
    for name, parameter in original.named_parameters():
        if name not in used:
            owners.setdefault(name.rpartition(".")[0], []).append((name, parameter.numel()))
    rows = []
    for owner, parameters in owners.items():
        biases = sum(size for name, size in parameters if _is_bias(name))
        module = original.get_submodule(owner)
        step = Step(owner, kind=kind_of(module))
        rows.append(
            LayerCost(
                name=owner or "(network)",
                module=owner,
                title=_title(step, spec),
                kind=step.kind,
                # What a network does not use to classify can only have helped to train it.
                part="auxiliary",
                executed=False,
                input_shapes=(),
                output_shape=(),
                window=None,
                weights=sum(size for _, size in parameters) - biases,
                biases=biases,
                macs=0,
                activation_bytes=0,
                shares_memory=False,
                depth=0,
                field=None,
            )
        )
    return tuple(rows)


def _encoder_end(steps: tuple[Step, ...], spec: NetworkSpec | None) -> int:
    """Return the index of the encoder's last step: the spec's, or the last map with pixels."""
    if spec is not None and spec.encoder_end is not None:
        inside = [i for i, step in enumerate(steps) if is_within(step.module, spec.encoder_end)]
    else:
        inside = [
            i
            for i, step in enumerate(steps)
            if len(step.output) == 3 and torch.Size(step.output[1:]).numel() > 1
        ]
    return max(inside, default=-1)


def _part(module: str, spec: NetworkSpec | None) -> str | None:
    heads = spec.auxiliary if spec else ()
    return "auxiliary" if any(is_within(module, head) for head in heads) else None


def _is_bias(parameter: str) -> bool:
    return parameter.rpartition(".")[2].endswith("bias")


def _title(step: Step, spec: NetworkSpec | None) -> str:
    around, known = step.module, None
    while spec and around and not (known := spec.title_of(around)):
        around = around.rpartition(".")[0]
    if known == step.module or (known and around == step.module and not step.function):
        return known
    if known:  # a part without a title of its own is called by what it does in the whole
        return f"{known} · {step.kind}"
    if not step.function:
        return step.module
    return f"{step.module} · {step.kind}" if step.module else step.kind


_known: WeakKeyDictionary[nn.Module, dict[int, dict[str, ReceptiveField | None]]] = (
    WeakKeyDictionary()
)


_lock = Lock()


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
    """
    found = layer(network, layer_name)
    if channel is not None:
        for branch in found.branches:
            if branch.start <= channel < branch.stop:
                return receptive_field(network, branch.name, channel - branch.start)
    with _lock:
        fields = _known.get(network.module, {}).get(network.input_size)
    if fields is None:
        # Of a module that makes several steps, or is used several times, the last one counts.
        fields = {row.module: row.field for row in count(network).layers if row.executed}
        with _lock:
            _known.setdefault(network.module, {})[network.input_size] = fields
    return fields.get(found.name)


@dataclass(frozen=True)
class Head:
    """An auxiliary classifier in a network.

    Attributes:
        name: Dotted name.
        after: Dotted name of the layer whose output it reads.
        shape: (C, H, W) of that output.
        depth: Layers with kernels between the picture and that output.
        network_depth: The same for the main classifier's scores.
        parameters: Its parameters.
        macs: Its multiply–accumulates for one picture, paid in training only.
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
        SettingError: The size is no size.
    """
    spec = network.spec if isinstance(network, Network) else network
    original = network.module if isinstance(network, Network) else build(network)
    size = network.input_size if input_size is None else input_size
    at_least("picture's size", size, 1)
    if not spec.auxiliary:
        return ()
    module = clone(original, device="meta").train()
    # Two pictures: batch norm in train mode has nothing to normalise over with one value.
    steps = follow(module, torch.empty(2, 3, size, size, device="meta"))
    main = [s for s in steps if not any(is_within(s.module, name) for name in spec.auxiliary)]
    sizes = {name: p.numel() for name, p in original.named_parameters()}
    found = []
    for name in spec.auxiliary:
        inside = [s for s in steps if is_within(s.module, name)]
        if inside:
            before = _source(steps, inside[0], main)
            parameters = sum(sizes[p] for s in inside for p in s.parameters)
            macs = sum(s.macs for s in inside) // 2
            depth = main[-1].depth
            found.append(
                Head(name, before.module, before.output, before.depth, depth, parameters, macs)
            )
    return tuple(sorted(found, key=lambda head: head.depth))


def _source(steps: tuple[Step, ...], first: Step, main: list[Step]) -> Step:
    """Return the main network's last step before a head's first."""
    return [s for s in steps[: steps.index(first)] if s in main][-1]
