"""`python -m convviz weights`: what is here, fetch what is not, clear the cache."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from convviz.cli.output import ProgressBar, check_target, write_json
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
    from convviz.datasets import published
    from convviz.formatting import size_text
    from convviz.networks.catalogue import OF_THE_COURSE
    from convviz.networks.registry import available
    from convviz.weights.load import source_statuses
    from convviz.weights.unused import unused_files

    check_target(target)
    names = [network] if network else list(available())
    statuses = {name: source_statuses(name) for name in names}
    unused = unused_files({each.archive for each in published.SETS.values()})
    if target is not None:
        rows = {name: [_plain(status) for status in row] for name, row in statuses.items()}
        if unused:  # no network can have this name
            rows["CONVVIZ_WEIGHTS"] = [asdict(file) for file in unused]
        write_json(target, rows)
        return 0
    course = {spec.name for spec in OF_THE_COURSE}
    folded = [
        name
        for name in names
        if not network and name not in course and _only_torchvisions(statuses[name])
    ]
    for name, row in statuses.items():
        if name in folded:
            continue
        print(name)
        for status in row:
            if status.here:
                size = f", {size_text(status.bytes)}" if status.bytes else ""
                print(f"  {status.source:<9} here      {status.title}{size} ({status.note})")
            else:
                size = size_text(status.fetch_bytes)
                print(f"  {status.source:<9} to fetch  {status.title}, {size} ({status.note})")
    if folded:
        print(f"{len(folded)} more of torchvision's networks")
        print("  imagenet  to fetch  “weights status NETWORK” says how much each of them is:")
        for line in textwrap.wrap(", ".join(folded), 76):
            print(f"    {line}")
    if unused:
        print("not used, in your CONVVIZ_WEIGHTS folder")
    for file in unused:
        print(f"  {file.name} {file.reason}")
    return 0


def _only_torchvisions(row: Sequence[SourceStatus]) -> bool:
    """Whether a network has nothing on this machine but random numbers."""
    return not any(status.here and status.source != "random" for status in row)


def _plain(status: SourceStatus) -> dict[str, Any]:
    return {**asdict(status), "path": str(status.path) if status.path else None}


def _fetch(name: str, source: str | None) -> int:
    from convviz.downloads.tickets import follow
    from convviz.formatting import size_text
    from convviz.networks.registry import spec
    from convviz.weights.encoder import ENCODERS
    from convviz.weights.load import SOURCES, load, source_statuses, start_fetch

    source = source or ("encoder" if name in ENCODERS else "imagenet")
    is_here = any(status.here for status in source_statuses(name) if status.source == source)
    if not is_here:
        if download := SOURCES[source].download(spec(name)):
            print(download.about, file=sys.stderr)
        with ProgressBar() as progress:
            follow(start_fetch(name, source), progress.megabytes)
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
