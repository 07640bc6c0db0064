"""`python -m convviz layers`: the layers of a network, in the order in which they run."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from convviz.cli.options import find_spec, json_output, say_whose
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
    parser.add_argument(
        "network", metavar="NETWORK", help="a name, or the file of a trained design"
    )
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
    from convviz.structure.findings import left_out_sentence, on_zeros_sentence
    from convviz.structure.layers import further_layers, layers, left_out, runs_on_zeros

    check_target(args.json)
    spec = find_spec(args.network)
    say_whose(spec.name)
    size = spec.input_size if args.input_size is None else args.input_size
    all_layers, missing = layers(spec, size), left_out(spec, size)
    further, on_zeros = further_layers(spec, size), runs_on_zeros(spec, size)
    if args.all:  # what is around a layer comes after it
        all_layers = tuple(sorted((*all_layers, *further), key=lambda layer: layer.index))
    listed_layers = [layer for layer in all_layers if args.all or not layer.detail]
    if args.json is not None:
        rows = [_as_json(layer) for layer in listed_layers]
        value = {"network": spec.name, "input_size": size, "layers": rows}
        value |= {"left_out": missing} | ({"on_zeros": True} if on_zeros else {})
        write_json(args.json, value)
    if args.json != "-":
        header = ("layer", "title", "kind", "stage", "output")
        cells = [
            (layer.name, layer.title, layer.kind, layer.stage, "×".join(map(str, layer.shape)))
            for layer in listed_layers
        ]
        print(f"{_heading(spec.title, len(listed_layers), size)}\n")
        print(table(header, cells))
        for sentence in (
            _hidden(len(all_layers) - len(listed_layers)),
            left_out_sentence(missing),
            on_zeros_sentence(spec.title) if on_zeros else "",
        ):
            if sentence:
                print(f"\n{sentence}")
    return 0


def _heading(title: str, count: int, size: int) -> str:
    layers = "1 layer" if count == 1 else f"{count} layers"
    return f"{title}, {layers} for an image of {size} × {size} pixels"


def _hidden(count: int) -> str:
    """Say how many layers are not listed although they could be; empty if all are."""
    if not count:
        return ""
    if count == 1:
        return "1 part of these layers is hidden; --all shows it."
    return f"{count} parts of these layers are hidden; --all shows them."


def _as_json(layer: Layer) -> dict[str, Any]:
    """Return a layer as plain values, under the names that the command has always written.

    What is no map of its own says how it is turned into one.
    """
    values = asdict(layer)
    del values["layout"], values["soft"]
    if layer.layout is not None:
        values |= {"layout": layer.layout.words, "class_tokens": layer.layout.before}
    return {"gate" if name == "pre_relu" else name: value for name, value in values.items()}
