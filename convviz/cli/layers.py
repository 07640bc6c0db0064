"""`python -m convviz layers`: the layers of a network, in the order in which they run."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

from convviz.cli.output import check_target, table, write_json
from convviz.errors import NetworkError
from convviz.formatting import did_you_mean, near_matches

if TYPE_CHECKING:
    from convviz.networks.network import Network
    from convviz.structure.layers import Layer


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "layers",
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
    parser.add_argument("--json", metavar="FILE", help="write JSON to FILE, or - for the output")


_KEYS = {"pre_relu": "gate"}  # fields that have another name in JSON


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from convviz.networks.registry import spec as network_spec
    from convviz.structure.layers import layers

    check_target(args.json)
    spec = network_spec(args.network)
    size = spec.input_size if args.input_size is None else args.input_size
    found = layers(spec, size)
    shown = [each for each in found if args.all or not each.detail]
    if args.json is not None:
        rows = [{_KEYS.get(key, key): v for key, v in asdict(each).items()} for each in shown]
        write_json(args.json, {"network": spec.name, "input_size": size, "layers": rows})
    if args.json != "-":
        header = ("layer", "title", "kind", "stage", "output")
        rows_ = [(e.name, e.title, e.kind, e.stage, "×".join(map(str, e.shape))) for e in shown]
        print(f"{spec.title}, {len(shown)} layers for an image of {size} × {size} pixels\n")
        print(table(header, rows_))
        if len(shown) < len(found):
            print(
                f"\n{len(found) - len(shown)} parts of these layers are hidden; --all shows them."
            )
    return 0


def find(network: Network, text: str) -> Layer:
    """Find a layer by its dotted name or by its title, with or without signs such as × and ·.

    Raises:
        NetworkError: There is none, or several have this title; the sentence names near matches.
    """
    from convviz.structure.layers import layer, layers

    found = layers(network)
    for each in found:
        if each.name == text:
            return each
    titled = [each for each in found if _plain(each.title) == _plain(text)]
    if len(titled) == 1:
        return titled[0]
    if titled:
        names = ", ".join(each.name for each in titled)
        raise NetworkError(
            f"{network.title} has several layers called {text}: choose one of {names}."
        )
    titles = did_you_mean(text, [each.title for each in found], "")
    if titles and not near_matches(text, [each.name for each in found]):
        raise NetworkError(f"{network.title} has no layer called {text}: {titles}")
    return layer(network, text)  # it knows best what to say


def _plain(title: str) -> str:
    return re.sub(r"[^a-z0-9_.]", "", title.lower().replace("×", "x"))
