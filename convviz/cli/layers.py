"""`python -m convviz layers`: the layers of a network, in the order in which they run."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from convviz.cli.options import json_output
from convviz.cli.output import check_target, table, write_json

if TYPE_CHECKING:
    from convviz.structure.layers import Layer


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "layers",
        parents=[json_output()],
        help="list a network's layers",
        description="List a network's layers in the order in which they run: dotted name, title, "
        "kind, stage and output. No weights are needed.",
    )
    parser.add_argument("network", metavar="NETWORK")
    parser.add_argument(
        "--all", action="store_true", help="also the parts of layers that are hidden otherwise"
    )
    parser.add_argument(
        "--input-size",
        type=int,
        metavar="PIXELS",
        help="side of the square image (default: the network's own)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from convviz.networks.registry import spec as network_spec
    from convviz.structure.layers import layers

    check_target(args.json)
    spec = network_spec(args.network)
    size = spec.input_size if args.input_size is None else args.input_size
    all_layers = layers(spec, size)
    listed_layers = [layer for layer in all_layers if args.all or not layer.detail]
    if args.json is not None:
        rows = [_as_json(layer) for layer in listed_layers]
        write_json(args.json, {"network": spec.name, "input_size": size, "layers": rows})
    if args.json != "-":
        header = ("layer", "title", "kind", "stage", "output")
        cells = [
            (layer.name, layer.title, layer.kind, layer.stage, "×".join(map(str, layer.shape)))
            for layer in listed_layers
        ]
        print(f"{spec.title}, {len(listed_layers)} layers for an image of {size} × {size} pixels\n")
        print(table(header, cells))
        hidden_count = len(all_layers) - len(listed_layers)
        if hidden_count:
            print(f"\n{hidden_count} parts of these layers are hidden; --all shows them.")
    return 0


def _as_json(layer: Layer) -> dict[str, Any]:
    """Return a layer as plain values, under the names that the command has always written."""
    return {"gate" if name == "pre_relu" else name: value for name, value in asdict(layer).items()}
