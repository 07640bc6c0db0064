"""`python -m convviz costs`: what networks cost, in all or layer by layer."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convviz.errors import SettingError

if TYPE_CHECKING:
    from convviz.structure.costs import Costs, LayerCost

_COLUMNS = ("network", "encoder", "decoder", "auxiliary", "parameters", "MACs", "activations")
_LAYER_COLUMNS = ("layer", "kind", "output", "kernel", "field", "parameters", "MACs", "bytes")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "costs",
        help="count parameters, MACs and activation memory",
        description="Count a network's parameters, multiply–accumulates (MACs) for one image, and "
        "the bytes of its layers' outputs in float32. No weights are needed.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    parser.add_argument(
        "--input-size",
        type=int,
        metavar="PIXELS",
        help="side of the square image (default: each network's own)",
    )
    parser.add_argument("--per-layer", action="store_true", help="a row for every layer as well")
    parser.add_argument("--json", metavar="FILE", help="write JSON to FILE, or - for the output")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from convviz.networks.registry import spec
    from convviz.structure import costs

    names = list(dict.fromkeys(args.networks))
    found = {name: costs.count(spec(name), args.input_size) for name in names}
    if args.json is not None:
        rows = {name: as_json(counted) for name, counted in found.items()}
        _write(json.dumps(rows, indent=2, ensure_ascii=False), args.json)
    if args.json != "-":
        print(_table(_COLUMNS, [_summary(name, each) for name, each in found.items()]))
        if args.per_layer:
            for counted in found.values():
                size = counted.input_size
                print(f"\n{counted.title}, {size}×{size} pixels")
                print(_table(_LAYER_COLUMNS, [_row(row) for row in counted.layers]))
    return 0


def as_json(counted: Costs) -> dict[str, Any]:
    """Return a network's costs as plain numbers."""
    plain: dict[str, Any] = {"parameters": counted.parameters}
    for part in ("encoder", "decoder", "auxiliary"):
        plain[f"{part}_parameters"] = counted.part(part).parameters
    plain |= {"macs": counted.macs, "activation_bytes": counted.activation_bytes}
    return plain | {"layers": [_plain(row) for row in counted.layers]}


def _plain(row: LayerCost) -> dict[str, Any]:
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
    return name, *(f"{number:,}" for number in numbers)


def _row(row: LayerCost) -> tuple[str, ...]:
    shape = "×".join(map(str, row.output_shape)) if row.executed else "not run"
    kernel = ""
    if row.window:
        kernel = f"{row.window.kernel[0]}×{row.window.kernel[1]}/{row.window.stride[0]}"
    seen = "" if row.receptive_field is None else str(row.receptive_field)
    numbers = (row.parameters, row.macs, row.activation_bytes)
    return row.name, row.kind, shape, kernel, seen, *(f"{number:,}" for number in numbers)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Line columns up; those that hold numbers to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    right = [
        all(row[i].replace(",", "").isdigit() for row in rows if row[i]) for i in range(len(header))
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in [header, *rows]
    ]
    return "\n".join(lines)


def _write(text: str, target: str) -> None:
    if target == "-":
        sys.stdout.write(text + "\n")
        return
    try:
        Path(target).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise SettingError(f"{target} cannot be written: {error.strerror}.") from error
