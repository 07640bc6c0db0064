"""`python -m convviz costs`: what networks cost, in all or layer by layer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from convviz.cli.options import find_spec, json_output, say_whose
from convviz.cli.output import table, write_json
from convviz.formatting import grouped

if TYPE_CHECKING:
    from convviz.structure.costs import Costs, LayerCost

_PARTS = ("encoder", "decoder", "auxiliary")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "costs",
        parents=[json_output()],
        help="count parameters, MACs and activation memory",
        description="Count a network's parameters, without and with auxiliary heads, its "
        "multiply–accumulates (MACs) for one image, and the bytes of activations that training "
        "keeps of one image for the backward pass, in float32. A network that is named twice is "
        "counted once. No weights are needed.",
    )
    parser.add_argument(
        "networks", nargs="+", metavar="NETWORK", help="a name, or the file of a trained design"
    )
    parser.add_argument(
        "--input-size",
        type=int,
        metavar="PIXELS",
        help="side of the square image (default: each network's own)",
    )
    parser.add_argument("--per-layer", action="store_true", help="a row for every layer as well")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from convviz.structure import costs
    from convviz.structure.findings import on_zeros_sentence

    specs = {spec.name: spec for spec in map(find_spec, args.networks)}
    counts = {name: costs.count(spec, args.input_size) for name, spec in specs.items()}
    for name in specs:
        say_whose(name)
    if args.json is not None:
        rows = {name: as_json(total) for name, total in counts.items()}
        write_json(args.json, rows, indent=2)
    if args.json != "-":
        header = (
            *("network", "encoder", "decoder", "parameters", "with auxiliary", "MACs"),
            "bytes kept in training",
        )
        print(table(header, [_summary(name, total) for name, total in counts.items()]))
        if args.per_layer:
            for total in counts.values():
                size = total.input_size
                print(f"\n{total.title}, {size}×{size} pixels")
                cells = [[cell(row) for cell in _COLUMNS.values()] for row in total.layers]
                print(table(list(_COLUMNS), cells))
        for total in counts.values():
            if total.on_zeros:
                print(f"\n{on_zeros_sentence(total.title)}")
    return 0


def as_json(costs: Costs) -> dict[str, Any]:
    """Return a network's costs as plain numbers."""
    values: dict[str, Any] = {
        "parameters": costs.parameters,
        "parameters_with_auxiliary": costs.parameters_with_auxiliary,
    }
    for part in _PARTS:
        values[f"{part}_parameters"] = costs.part(part).parameters
    values |= {"macs": costs.macs, "activation_bytes": costs.activation_bytes}
    if costs.on_zeros:
        values["on_zeros"] = True
    return values | {"layers": [_row_as_json(row) for row in costs.layers]}


def _row_as_json(row: LayerCost) -> dict[str, Any]:
    window = row.window
    return {
        "name": row.name,
        "title": row.title,
        "kind": row.kind,
        "part": row.part,
        "executed": row.executed,
        "input_shapes": [list(shape) for shape in row.input_shapes],
        "output_shape": list(row.output_shape),
        "kernel": list(window.kernel) if window else None,
        "stride": list(window.stride) if window else None,
        "padding": list(window.padding) if window else None,
        "dilation": list(window.dilation) if window else None,
        "groups": window.groups if window else None,
        "weights": row.weights,
        "biases": row.biases,
        "parameters": row.parameters,
        "macs": row.macs,
        "activation_bytes": row.activation_bytes,
        "output_bytes": row.output_bytes,
        "shares_memory": row.shares_memory,
        "receptive_field": row.receptive_field,
        "receptive_fields": [row.field.rows.size, row.field.columns.size] if row.field else None,
        "jump": row.jump,
    }


def _summary(name: str, costs: Costs) -> tuple[str, ...]:
    numbers = (
        costs.part("encoder").parameters,
        costs.part("decoder").parameters,
        costs.parameters,
        costs.parameters_with_auxiliary,
        costs.macs,
        costs.activation_bytes,
    )
    return name, *map(grouped, numbers)


def _output(row: LayerCost) -> str:
    return "×".join(map(str, row.output_shape)) if row.executed else "not run"


def _kernel(row: LayerCost) -> str:
    window = row.window
    return f"{window.kernel[0]}×{window.kernel[1]}/{_pair(window.stride)}" if window else ""


def _field(row: LayerCost) -> str:
    return _pair((row.field.rows.size, row.field.columns.size)) if row.field else ""


def _pair(numbers: tuple[int, int]) -> str:
    rows, columns = numbers
    return str(rows) if rows == columns else f"{rows}×{columns}"


# The columns of --per-layer: heading and cell.
_COLUMNS: dict[str, Callable[[LayerCost], str]] = {
    "layer": lambda row: row.name,
    "kind": lambda row: row.kind,
    "part": lambda row: row.part,
    "output": _output,
    "kernel": _kernel,
    "field": _field,
    "parameters": lambda row: grouped(row.parameters),
    "MACs": lambda row: grouped(row.macs),
    "bytes kept": lambda row: grouped(row.activation_bytes),
}
