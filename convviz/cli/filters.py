"""`python -m convviz filters`: the kernels of one layer, drawn on one scale."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from convviz.cli.options import find_layer, json_output, load_network, network, say_whose
from convviz.cli.output import ProgressBar, check_target, write, write_json
from convviz.errors import SettingError
from convviz.formatting import called

if TYPE_CHECKING:
    from convviz.features.filters import Filters


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "filters",
        parents=[json_output(), network()],
        help="the kernels of a layer, and how large they are",
        description="Draw the kernels of a layer: in colour where they look at the image itself, "
        "else each filter's slice for its strongest input channel. All are on one scale.",
    )
    parser.add_argument(
        "--layer",
        metavar="LAYER",
        help="dotted name (features.6) or title (conv3) (default: the first that has kernels)",
    )
    parser.add_argument(
        "--order",
        default="index",
        choices=("index", "norm", "similarity"),
        help="by number, the largest first, or alike side by side (default: index)",
    )
    parser.add_argument(
        "--most", type=int, metavar="FILTERS", help="how many are drawn (default: all)"
    )
    parser.add_argument(
        "--input-channel",
        type=int,
        metavar="CHANNEL",
        help="draw the slice for this input channel (default: each filter's strongest)",
    )
    parser.add_argument(
        "--scale",
        type=float,
        metavar="WEIGHT",
        help="the magnitude that gets full colour (default: what the filters call for)",
    )
    parser.add_argument(
        "--untrained",
        action="store_true",
        help="draw random kernels of the same shape in their place",
    )
    parser.add_argument("--out", metavar="FILE.png", help="write the kernels as one picture")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    check_target(args.json)
    check_target(args.out, ".png")
    if args.most is not None and args.most < 1:
        raise SettingError("--most must be at least 1.")
    if args.scale is not None and not (args.scale > 0 and math.isfinite(args.scale)):
        raise SettingError("--scale must be a number above 0.")

    from convviz.features import filters as features

    with ProgressBar() as progress:
        network = load_network(args, progress)
    say_whose(network.name)
    if args.layer is not None:
        layer = find_layer(network, args.layer)
    else:
        with_kernels = features.filter_layers(network)
        if not with_kernels:
            raise SettingError(f"{network.title} has no layer with kernels.")
        layer = with_kernels[0]
    filters = features.filters(network, layer)
    if args.untrained:
        filters = features.untrained_like(filters)
    chosen = args.input_channel
    if chosen is not None and not 0 <= chosen < filters.inputs:
        raise SettingError(f"--input-channel must be from 0 to {filters.inputs - 1}.")
    order = filters.order(args.order).tolist()[: args.most]
    bound = filters.reach if args.scale is None else args.scale
    if args.out is not None:
        write(args.out, _sheet(filters, order, chosen, bound))
    if args.json is not None:
        write_json(args.json, _as_json(network.name, filters, order, bound))
    if args.json != "-":
        _, inputs, height, width = filters.kernels.shape
        norms = filters.norms[order]
        print(f"{network.title}, {called(filters.layer.title, filters.layer.name)}")
        print(f"Weights: {'untrained' if args.untrained else network.weights.title}")
        print(f"{filters.channels} filters of {inputs}×{height}×{width}, {len(order)} drawn")
        print(f"Norms from {float(norms.min()):.3g} to {float(norms.max()):.3g}")
        print(f"Full colour: ±{bound:.3g}")
    return 0


def _sheet(filters: Filters, order: list[int], chosen: int | None, bound: float) -> bytes:
    from convviz.sprites.kernels import kernel_sheet, tile_side

    kernels = [filters.drawn(channel, chosen) for channel in order]
    return kernel_sheet(kernels, tile=tile_side(filters.channels), bound=bound).png


def _as_json(network: str, filters: Filters, order: list[int], bound: float) -> dict[str, Any]:
    return {
        "network": network,
        "layer": filters.layer.name,
        "shape": list(filters.kernels.shape),
        "scale": bound,
        "filters": [
            {"filter": channel, "norm": norm}
            for channel, norm in zip(order, filters.norms[order].tolist(), strict=True)
        ],
    }
