"""The table of a network's costs: its rows and their sums."""

from collections.abc import Iterable
from dataclasses import dataclass

from convviz.networks.operations import Window
from convviz.networks.receptive import ReceptiveField
from convviz.networks.steps import Shape

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
