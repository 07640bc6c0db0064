"""What one position of a feature map can see of the input image.

The positions of every tensor are followed through the operations of a traced pass: `axis` says what
happens to what they see, `positions` where they lie in a tensor, `position_rules` what each
operation does to both, and `position_flow` follows the tensors. A convolution without bias, a
weight that is computed from others, a constant that is added: what does not depend on the image
sees nothing of it, and changes nothing.

Where branches meet (concatenation, addition), the largest of them counts, and all channels of a map
count as one. Batch norm with the statistics of training works position by position. Group norm,
instance norm, layer norm over positions, attention, and a value that was pooled from the whole map
and is given to all of its positions make each position depend on the whole map.

The method is that of Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural
Networks", Distill 2019, beyond it where operations move positions.
"""

from __future__ import annotations

from dataclasses import dataclass

from convviz.structure.axis import Axis
from convviz.structure.position_flow import Tensors
from convviz.structure.positions import COLUMNS, ROWS, Positions
from convviz.structure.trace import Operation, Shape, Trace, Value


@dataclass(frozen=True)
class ReceptiveField:
    """What the positions of a feature map see of the input image.

    Attributes:
        rows: The vertical axis.
        columns: The horizontal axis.
        mixed_by: What made every position depend on the whole image, "attention", told where it is
            shown; empty if nothing.
        mixed_in: Dotted name of the module in which that happened; empty for the network's own
            forward().
    """

    rows: Axis
    columns: Axis
    mixed_by: str = ""
    mixed_in: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the feature map."""
        return len(self.rows.seen), len(self.columns.seen)

    @property
    def size(self) -> int:
        """Pixels, of the longer side, on an infinite plane."""
        return max(self.rows.size, self.columns.size)

    @property
    def jump(self) -> float:
        """Input pixels between two neighbouring positions."""
        return float(max(self.rows.jump, self.columns.jump))

    @property
    def map_box(self) -> tuple[float, float, float, float]:
        """Where the whole map lies on the image: (top, left, bottom, right), in input pixels.

        A map that is drawn over the image belongs there. Stretched over the whole image instead,
        it lies up to 14 pixels beside what it has looked at (AlexNet's last pooling).
        """
        (top, bottom), (left, right) = self.rows.extent, self.columns.extent
        return top, left, bottom, right

    def box(self, row: int, column: int) -> tuple[int, int, int, int] | None:
        """Return what one position sees, cut at the image's edges.

        Returns:
            (top, left, bottom, right) in input pixels, the last two exclusive, or None for a
            position that sees padding only.
        """
        top, bottom = self.rows.seen[row]
        left, right = self.columns.seen[column]
        if bottom < top or right < left:
            return None
        return top, left, bottom + 1, right + 1


def receptive_fields(trace: Trace) -> dict[Value, ReceptiveField]:
    """Follow what every value of a forward pass sees of the image, as far as it can be followed."""
    tensors = Tensors(trace.image)
    names = {call.position: call.name for call in trace.calls}
    fields: dict[Value, ReceptiveField] = {}
    made: dict[tuple[Positions, Shape], ReceptiveField | None] = {}

    def note(value: Value) -> None:
        positions = tensors.of(value)
        if isinstance(positions, Positions):
            entry = (positions, value.shape)
            if entry not in made:
                made[entry] = _as_field(positions, value.shape, names)
            field = made[entry]
            if field is not None:
                fields[value] = field

    note(trace.image)
    for event in trace.events:
        if isinstance(event, Operation):
            tensors.follow(event)
            for value in event.outputs:
                note(value)
        elif event.output is not None:
            note(event.output)
    return fields


def _as_field(positions: Positions, shape: Shape, names: dict[int, str]) -> ReceptiveField | None:
    """Return the field of a tensor whose positions are known; None if it is no map of the image."""
    axes = [_map_axis(positions, axis, shape) for axis in (ROWS, COLUMNS)]
    rows, columns = axes
    if rows is None or columns is None:
        return None
    mixed = rows.whole and columns.whole
    since = names.get(positions.mixed_in, "") if mixed else ""
    return ReceptiveField(rows, columns, positions.mixed_by if mixed else "", since)


def _map_axis(positions: Positions, axis: int, shape: Shape) -> Axis | None:
    """Return one axis as a map of this shape shows it."""
    along, dimensions = positions.axes[axis], positions.dimensions
    if len(shape) <= 2:
        return along.pool_to(1)
    holding = [i for i, each in enumerate(dimensions) if any(f.axis == axis for f in each)]
    if len(shape) == 3 or 0 in holding:  # tokens, or windows: the map that they were
        return along
    if not holding:
        if len(shape) != 4:
            return along.pool_to(1)
        beside = [i - (1 - axis) for i in (1, 2, 3) if positions.has_places(i)]
        first = 1 if 1 in beside else 2  # rows lie there, in channels-last maps in the second
        return along.pool_to(1).spread(shape[first + axis])
    # Where pixels have been unshuffled to channels, the map is where the distances are larger.
    strides = {i: max(f.stride for f in dimensions[i] if f.axis == axis) for i in holding}
    pure = positions.pure(max(holding, key=lambda i: (strides[i], i)))
    if pure is None:
        return along  # rows and columns in one dimension
    return pure[0].axes[axis]
