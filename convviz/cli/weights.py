"""`python -m convviz weights`: what is here, fetch what is not, clear the cache."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from convviz.cli.output import Progress, check_target, write_json
from convviz.errors import WeightsError

if TYPE_CHECKING:
    from convviz.weights.source import SourceStatus


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "weights",
        help="which weights are here; fetch others; clear the cache",
        description="Say which weights are here, fetch others, or clear convviz's cache.",
    )
    parser.set_defaults(network=None, json=None)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    status = actions.add_parser("status", help="say which weights are here (this is the default)")
    status.add_argument("network", nargs="?", metavar="NETWORK", help="only this network")
    status.add_argument("--json", metavar="FILE", help="write JSON to FILE, or - for the output")
    fetch = actions.add_parser("fetch", help="fetch weights into convviz's cache")
    fetch.add_argument("network", metavar="NETWORK")
    fetch.add_argument(
        "--source",
        choices=("imagenet", "encoder"),
        help="imagenet: torchvision's full weights; encoder: the convolutional part alone, for "
        "AlexNet and VGG16 (their default; comes with convviz)",
    )
    actions.add_parser("clear", help="remove what convviz fetched, and nothing else")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.action == "fetch":
        return _fetch(args.network, args.source)
    if args.action == "clear":
        return _clear()
    return _status(args.network, args.json)


def _status(network: str | None, target: str | None) -> int:
    from convviz.formatting import size_text
    from convviz.networks.registry import available
    from convviz.weights import sources

    check_target(target)
    names = [network] if network else list(available())
    found = {name: sources.status(name) for name in names}
    if target is not None:
        rows = {name: [_plain(place) for place in places] for name, places in found.items()}
        write_json(target, rows)
        return 0
    for name, places in found.items():
        print(name)
        for place in places:
            if place.here:
                size = f", {size_text(place.bytes)}" if place.bytes else ""
                print(f"  {place.source:<9} here      {place.title}{size} ({place.note})")
            else:
                size = size_text(place.fetch_bytes)
                print(f"  {place.source:<9} to fetch  {place.title}, {size} ({place.note})")
    return 0


def _plain(place: SourceStatus) -> dict[str, Any]:
    return {**asdict(place), "path": str(place.path) if place.path else None}


def _fetch(name: str, source: str | None) -> int:
    from convviz.formatting import size_text
    from convviz.weights import fetch, sources
    from convviz.weights.encoder import ENCODERS
    from convviz.weights.load import load

    source = source or ("encoder" if name in ENCODERS else "imagenet")
    here = any(place.here for place in sources.status(name) if place.source == source)
    if not here:
        with Progress() as progress:
            fetch.follow(fetch.start(name, source), progress.megabytes)
    weights = load(name, source, fetch=False).weights
    print(f"{name}: {weights.title}, {size_text(weights.bytes)}, sha256 {weights.sha256}")
    return 0


def _clear() -> int:
    from convviz.downloads import cache
    from convviz.formatting import size_text

    cleared = cache.clear()
    if cleared.files:
        files = "1 file" if cleared.files == 1 else f"{cleared.files} files"
        print(f"Removed {files}, {size_text(cleared.bytes)}.")
    else:
        print("There was nothing to remove.")
    if cleared.kept:
        raise WeightsError(
            f"{', '.join(cleared.kept)} could not be removed: a download may be running, or "
            "another program may use it; try again later."
        )
    return 0
