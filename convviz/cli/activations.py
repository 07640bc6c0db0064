"""`python -m convviz activations`: what one layer's channels answer to one image."""

from __future__ import annotations

import argparse
import math
import time
from typing import TYPE_CHECKING, Any

from convviz.cli.options import find_layer, layer_and_image, load_network, read_image, say_whose
from convviz.cli.output import ProgressBar, check_target, write, write_json
from convviz.errors import SettingError
from convviz.formatting import called

if TYPE_CHECKING:
    from convviz.features.activations import Activations
    from convviz.networks.network import Network


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "activations",
        parents=[layer_and_image()],
        help="what a layer's channels answer to a picture, and which are empty",
        description="Show what each channel of a layer answers to a picture, and which channels "
        "are empty: their largest activation after the ReLU (where none follows, their largest "
        "absolute value) is at most THRESHOLD times the layer's largest.",
    )
    parser.add_argument(
        "--threshold", type=float, default=0.0, metavar="0…1", help="(default: 0, exactly silent)"
    )
    parser.add_argument(
        "--order",
        default="index",
        choices=("index", "salience", "strength", "active"),
        help="of the channels in the picture: by index, clearest pattern, highest activation "
        "(class scores: the highest score first), or share of active pixels (default: index)",
    )
    parser.add_argument(
        "--show",
        default="all",
        choices=("all", "hide", "only"),
        help="all channels, without the empty ones, or only those (default: all)",
    )
    parser.add_argument(
        "--contrast",
        default="channel",
        choices=("channel", "shared"),
        help="each channel on its own scale, or one for all (default: channel)",
    )
    parser.add_argument(
        "--colormap", default="viridis", choices=("viridis", "magma", "cividis", "grey")
    )

    parser.add_argument(
        "--npz",
        metavar="FILE.npz",
        help="write the maps and each channel's numbers as NumPy arrays",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    check_target(args.json)
    check_target(args.out, ".png")
    check_target(args.npz, ".npz")
    image = read_image(args.image)

    from convviz.features import activations as features

    features.check_threshold(args.threshold)
    with ProgressBar() as progress:
        network = load_network(args, progress)
    say_whose(network.name)
    layer = find_layer(network, args.layer)
    start = time.perf_counter()
    activations = features.activations(network, image, layer.name)
    seconds = time.perf_counter() - start
    if args.out is not None:
        write(args.out, _grid(activations, network, args))
    if args.npz is not None:
        from convviz.features.arrays import archive

        write(args.npz, archive(activations, args.threshold))
    if args.json is not None:
        write_json(args.json, _as_json(activations, network, args.threshold, seconds))
    if args.json != "-":
        _print(activations, network, args.threshold)
    return 0


def _grid(activations: Activations, network: Network, args: argparse.Namespace) -> bytes:
    from convviz.images.encode import png
    from convviz.sprites.grid import branch_sections, grid_picture

    empty = activations.empty(args.threshold).tolist()
    wanted = {"all": (True, False), "hide": (False,), "only": (True,)}[args.show]
    order = [
        channel for channel in activations.order(args.order).tolist() if empty[channel] in wanted
    ]
    if not order:
        raise SettingError(
            "There is no channel to draw: leave --show out, or choose another --threshold."
        )
    image = grid_picture(
        activations,
        title=network.title,
        sections=branch_sections(activations, order, args.threshold),
        contrast=args.contrast,
        threshold=args.threshold,
        colormap=args.colormap,
    )
    return png(image)


def _as_json(
    activations: Activations, network: Network, threshold: float, seconds: float
) -> dict[str, Any]:
    # JSON has neither infinity nor NaN.
    maxima = [value if math.isfinite(value) else None for value in activations.maximum.tolist()]
    values = {
        "network": network.name,
        "weights": {"source": network.weights.source, "sha256": network.weights.sha256},
        "layer": activations.layer.name,
        "shape": list(activations.layer.shape),
        "empty": activations.empty(threshold).nonzero().flatten().tolist(),
        "max": maxima,
        "seconds": round(seconds, 4),
    }
    layout, soft = activations.layer.layout, activations.layer.soft
    if layout is not None:
        values |= {"layout": layout.words, "class_tokens": layout.before}
    if soft is not None:  # nothing is exactly 0 behind it
        values |= {"activation": soft.function, "soft_threshold": activations.soft_threshold}
    return values


def _print(activations: Activations, network: Network, threshold: float) -> None:
    from convviz.features.findings import arranged, soft_activation

    layer, weights = activations.layer, network.weights
    name = called(layer.title, layer.name)
    print(f"{network.title}, {name}, {'×'.join(map(str, layer.shape))}")
    print(f"Weights: {weights.title} (source {weights.source}, sha256 {weights.sha256})")
    print(activations.sentence(threshold))
    for sentence in (arranged(layer), "" if threshold else soft_activation(activations)):
        if sentence:
            print(sentence)
    if threshold:
        largest = "absolute value" if activations.is_signed else "activation"
        print(f"Threshold: {threshold:g} of the layer's largest {largest}")
    empty = activations.empty(threshold).nonzero().flatten().tolist()
    if empty:
        print(f"Empty: {', '.join(map(str, empty))}")
