"""One row of a network's costs, written out: every formula with its numbers put in."""

from dataclasses import dataclass
from math import prod

from convviz.errors import SettingError
from convviz.formatting import grouped, product
from convviz.language import numeral, tr, trn
from convviz.lessons.sliding import Sliding, slide
from convviz.structure.costs import BYTES_PER_VALUE, LayerCost
from convviz.structure.ops import Window
from convviz.structure.receptive_field import ReceptiveField


@dataclass(frozen=True)
class WrittenLayer:
    """The arithmetic of one layer in full; a formula is empty where there is nothing to compute.

    Attributes:
        output: How often the kernel fits: "(227 − 11 + 0)/4 + 1 = 55".
        depth: Where the number of output channels comes from.
        parameters: "11·11·3·96 + 96 = 34,944".
        macs: "55·55·11·11·3·96 = 105,415,200".
        memory: The output's bytes: "96·55·55·4 = 1,161,600 bytes".
        field: How far one output position sees: "1 + (11 − 1)·1 = 11".
        jump: Input pixels between two neighbouring positions: "1·4 = 4".
        dropped: A sentence on what the kernel drops at the far edge or goes past.
    """

    output: str
    depth: str
    parameters: str
    macs: str
    memory: str
    field: str
    jump: str
    dropped: str


def write_out(row: LayerCost) -> WrittenLayer:
    """Write out the arithmetic of one row."""
    output, dropped = _output(row)
    field, jump = _field(row)
    memory = ""
    if row.executed:
        memory = tr(
            "{product} = {size} bytes",
            product=product(*row.output_shape, BYTES_PER_VALUE),
            size=grouped(row.output_bytes),
        )
    return WrittenLayer(
        output=output,
        depth=_depth(row),
        parameters=_parameters(row),
        macs=_macs(row),
        memory=memory,
        field=field,
        jump=jump,
        dropped=dropped,
    )


def _output(row: LayerCost) -> tuple[str, str]:
    window = row.window
    if window is None or len(row.output_shape) != 3 or len(row.input_shapes[0]) != 3:
        return "", ""
    axes = [_axis(row, window, i) for i in (0, 1)]
    if None in axes:
        return "", ""
    (rows, sentence), (columns, _) = (axis or ("", "") for axis in axes)
    return (rows if rows == columns else f"{rows}; {columns}"), sentence


def _axis(row: LayerCost, window: Window, i: int) -> tuple[str, str] | None:
    """Return the formula and the sentence of one axis; None if it is not plain sliding."""
    length, positions = row.input_shapes[0][1 + i], row.output_shape[1 + i]
    try:
        slid = slide(
            length, window.kernel[i], window.stride[i], window.padding[i], window.dilation[i]
        )
    except SettingError:  # pooling may round up to a window that is larger than the map
        return None
    if slid.output == positions:
        return slid.formula, _remark(slid)
    if slid.output + 1 == positions:
        return _rounded_up(slid), tr("The last window hangs over the far edge: nothing is dropped.")
    return None


def _remark(slid: Sliding) -> str:
    """Say what the kernel leaves over, and what it goes past; empty if neither."""
    text = slid.sentence if slid.dropped else ""
    if not slid.skipped:
        return text
    skipped = trn(
        "{count} position is gone past and never looked at.",
        "{count} positions are gone past and never looked at.",
        slid.skipped,
    )
    return " ".join(filter(None, (text, skipped)))


def _rounded_up(slid: Sliding) -> str:
    fraction = f"({slid.length} − {slid.span} + {2 * slid.padding})/{slid.stride}"
    quotient = numeral(f"{slid.quotient:.4g}")
    return f"⌈{fraction}⌉ + 1 = ⌈{quotient}⌉ + 1 = {slid.output + 1}"


def _depth(row: LayerCost) -> str:
    if row.kind != "concatenation" or len(row.input_shapes) < 2:
        return ""
    return f"{' + '.join(str(shape[0]) for shape in row.input_shapes)} = {row.output_shape[0]}"


def _kernel(row: LayerCost) -> str:
    """Write the factors of a layer's weights; empty if they are not those of one kernel."""
    if not row.input_shapes or not row.weights:
        return ""
    inputs, outputs = row.input_shapes[0][0], row.output_shape[0]
    if row.window is None:
        return product(inputs, outputs) if inputs * outputs == row.weights else ""
    kernel, groups = row.window.kernel, row.window.groups
    if prod(kernel) * inputs // groups * outputs != row.weights:
        return ""
    if groups == 1:
        return product(*kernel, inputs, outputs)
    return f"{product(*kernel)}·({inputs}/{groups})·{grouped(outputs)}"


def _parameters(row: LayerCost) -> str:
    if not row.parameters:
        return "0"
    kernel = _kernel(row) or grouped(row.weights)
    if row.biases:
        return f"{kernel} + {grouped(row.biases)} = {grouped(row.parameters)}"
    total = grouped(row.parameters)
    return total if kernel == total else f"{kernel} = {total}"


def _macs(row: LayerCost) -> str:
    kernel, macs = _kernel(row), grouped(row.macs)
    if not row.macs:
        return "0"
    if not kernel:
        return macs
    positions = row.output_shape[1:]
    if prod(positions) * row.weights != row.macs:
        return macs
    return f"{product(*positions)}·{kernel} = {macs}" if positions else f"{kernel} = {macs}"


def _field(row: LayerCost) -> tuple[str, str]:
    if row.field is None or row.window is None:
        return "", ""
    if row.field.rows.whole or row.field.columns.whole:
        return "", ""  # it no longer grows
    axes = [_axis_field(row.field, row.window, i) for i in (0, 1)]
    (field, jump), columns = axes
    if axes[0] == columns:
        return field, jump
    return (
        field if field == columns[0] else f"{field}; {columns[0]}",
        jump if jump == columns[1] else f"{jump}; {columns[1]}",
    )


def _axis_field(field: ReceptiveField, window: Window, i: int) -> tuple[str, str]:
    """Write how far one position sees along one axis, and how far its neighbour is."""
    axis = (field.rows, field.columns)[i]
    input_jump = axis.jump / window.stride[i]
    reach = window.dilation[i] * (window.kernel[i] - 1) * input_jump
    step = numeral(f"{float(input_jump):g}")
    span = f"({window.kernel[i]} − 1)·{step}"
    if window.dilation[i] > 1:
        span = f"{window.dilation[i]}·{span}"
    jump = f"{step}·{window.stride[i]} = {numeral(f'{float(axis.jump):g}')}"
    if reach.denominator > 1:  # half a pixel, behind an upsampling
        return "", jump
    return f"{axis.size - int(reach)} + {span} = {axis.size}", jump
