"""`python -m convviz activations`: what one layer's channels answer to one picture."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convviz.cli.layers import find
from convviz.cli.output import (
    WEIGHTS_HELP,
    Progress,
    check_target,
    weights_given,
    write,
    write_json,
)
from convviz.errors import ImageError

if TYPE_CHECKING:
    from PIL import Image

    from convviz.features.activations import Activations
    from convviz.networks.network import Network

_MOST_BYTES = 200_000_000  # no picture within the limits of pixels is larger
_SAMPLE = "sample:"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "activations",
        help="what a layer's channels answer to a picture, and which are empty",
        description="Show what each channel of a layer answers to a picture, and which channels "
        "are empty: their largest activation after the ReLU is at most THRESHOLD times the "
        "layer's largest.",
    )
    parser.add_argument("image", metavar="IMAGE", help=f"a picture's file, or {_SAMPLE}cat")
    parser.add_argument("--network", required=True, metavar="NETWORK", help="alexnet, vgg16, …")
    parser.add_argument(
        "--layer", required=True, metavar="LAYER", help="dotted name (features.6) or title (conv3)"
    )
    parser.add_argument("--out", metavar="FILE.png", help="write all channels as one picture")
    parser.add_argument("--json", metavar="FILE", help="write JSON to FILE, or - for the output")
    parser.add_argument(
        "--weights",
        default="auto",
        metavar="SOURCE",
        type=weights_given,
        help=WEIGHTS_HELP,
    )
    parser.add_argument(
        "--threshold", type=float, default=0.0, metavar="0…1", help="(default: 0, exactly silent)"
    )
    parser.add_argument(
        "--order",
        default="index",
        choices=("index", "strength", "active"),
        help="of the channels in the picture: by index, largest activation, or share of active "
        "pixels (default: index)",
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


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    check_target(args.json)
    check_target(args.out, ".png")
    image = read_picture(args.image)

    from convviz.features.activations import activations, check_threshold
    from convviz.weights.load import load

    check_threshold(args.threshold)
    with Progress() as progress:
        network = load(args.network, args.weights, progress=progress.megabytes)
    layer = find(network, args.layer)
    start = time.perf_counter()
    found = activations(network, image, layer.name)
    seconds = time.perf_counter() - start
    if args.out is not None:
        write(args.out, _grid(found, network, args))
    if args.json is not None:
        write_json(args.json, _plain(found, network, args.threshold, seconds))
    if args.json != "-":
        _say(found, network, args.threshold)
    return 0


def read_picture(name: str) -> Image.Image:
    """Read a picture from a file, or a sample photograph by "sample:" and its name.

    Raises:
        ImageError: There is no such file, or it is no picture that convviz reads.
    """
    from convviz.images.decode import decode
    from convviz.images.samples import sample

    if name.startswith(_SAMPLE):
        return decode(sample(name.removeprefix(_SAMPLE)).read())
    path = Path(name)
    try:
        if path.stat().st_size > _MOST_BYTES:
            limit = _MOST_BYTES // 1_000_000
            raise ImageError(f"{name} is larger than {limit} MB; choose a smaller picture.")
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{name} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # a name with a null character
        raise ImageError("The picture's file name holds a null character.") from error
    try:
        return decode(data)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error


def _grid(found: Activations, network: Network, args: argparse.Namespace) -> bytes:
    from convviz.images.encode import png
    from convviz.sprites.grid import branch_sections, grid_picture

    order = found.order(args.order).tolist()
    picture = grid_picture(
        found,
        title=network.title,
        sections=branch_sections(found, order, args.threshold),
        contrast=args.contrast,
        threshold=args.threshold,
        colormap=args.colormap,
    )
    return png(picture)


def _plain(
    found: Activations, network: Network, threshold: float, seconds: float
) -> dict[str, Any]:
    # JSON knows neither infinity nor not-a-number.
    maxima = [value if math.isfinite(value) else None for value in found.maximum.tolist()]
    return {
        "network": network.name,
        "weights": {"source": network.weights.source, "sha256": network.weights.sha256},
        "layer": found.layer.name,
        "shape": list(found.layer.shape),
        "empty": found.empty(threshold).nonzero().flatten().tolist(),
        "max": maxima,
        "seconds": round(seconds, 4),
    }


def _say(found: Activations, network: Network, threshold: float) -> None:
    layer, weights = found.layer, network.weights
    name = layer.title if layer.title == layer.name else f"{layer.title} ({layer.name})"
    print(f"{network.title}, {name}, {'×'.join(map(str, layer.shape))}")
    print(f"Weights: {weights.title} (source {weights.source}, sha256 {weights.sha256})")
    print(found.sentence(threshold))
    if threshold:
        print(f"Threshold: {threshold:g} of the layer's largest activation")
    empty = found.empty(threshold).nonzero().flatten().tolist()
    if empty:
        print(f"Empty: {', '.join(map(str, empty))}")
