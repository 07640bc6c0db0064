"""`python -m convviz costs`: what networks cost, in all or layer by layer."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from convviz.cli.options import json_output
from convviz.cli.output import table, write_json
from convviz.formatting import grouped

if TYPE_CHECKING:
    from convviz.structure.costs import Costs, LayerCost

_COLUMNS = ("network", "encoder", "decoder", "auxiliary", "parameters", "MACs", "activations")
_LAYER_COLUMNS = ("layer", "kind", "output", "kernel", "field", "parameters", "MACs", "bytes")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "costs",
        parents=[json_output()],
        help="count parameters, MACs and activation memory",
        description="Count a network's parameters, multiply–accumulates (MACs) for one image, and "
        "the bytes of its layers' outputs in float32. No weights are needed.",
    )
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    parser.add_argument(
        "--input-size",
        type=int,
        metavar="PIXELS",
        help="side of the square image (default: each network's own)",
    )
    parser.add_argument("--per-layer", action="store_true", help="a row for every layer as well")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from convviz.networks.registry import spec
    from convviz.structure import costs

    names = list(dict.fromkeys(args.networks))
    counts = {name: costs.count(spec(name), args.input_size) for name in names}
    if args.json is not None:
        rows = {name: as_json(counted) for name, counted in counts.items()}
        write_json(args.json, rows, indent=2)
    if args.json != "-":
        print(table(_COLUMNS, [_summary(name, counted) for name, counted in counts.items()]))
        if args.per_layer:
            for counted in counts.values():
                size = counted.input_size
                print(f"\n{counted.title}, {size}×{size} pixels")
                print(table(_LAYER_COLUMNS, [_row(row) for row in counted.layers]))
    return 0


def as_json(counted: Costs) -> dict[str, Any]:
    """Return a network's costs as plain numbers."""
    plain: dict[str, Any] = {"parameters": counted.parameters}
    for part in ("encoder", "decoder", "auxiliary"):
        plain[f"{part}_parameters"] = counted.part(part).parameters
    plain |= {"macs": counted.macs, "activation_bytes": counted.activation_bytes}
    return plain | {"layers": [_row_as_json(row) for row in counted.layers]}


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
        "shares_memory": row.shares_memory,
        "receptive_field": row.receptive_field,
        "jump": row.jump,
    }


def _summary(name: str, counted: Costs) -> tuple[str, ...]:
    parts = [counted.part(part).parameters for part in ("encoder", "decoder", "auxiliary")]
    numbers = (*parts, counted.parameters, counted.macs, counted.activation_bytes)
    return name, *map(grouped, numbers)


def _row(row: LayerCost) -> tuple[str, ...]:
    shape = "×".join(map(str, row.output_shape)) if row.executed else "not run"
    kernel = ""
    if row.window:
        kernel = f"{row.window.kernel[0]}×{row.window.kernel[1]}/{row.window.stride[0]}"
    seen = "" if row.receptive_field is None else str(row.receptive_field)
    numbers = (row.parameters, row.macs, row.activation_bytes)
    return row.name, row.kind, shape, kernel, seen, *map(grouped, numbers)
