"""`python -m convviz batch`: what a network makes of every picture of a folder."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convviz.cli.options import find_layer, load_network, say_whose, weights
from convviz.cli.output import ProgressBar, check_target, write
from convviz.errors import SettingError
from convviz.formatting import size_text
from convviz.plain_text import csv_table, one_line

if TYPE_CHECKING:
    from convviz.features.image_features import ImageFeatures
    from convviz.structure.layers import Layer

_ARCHIVE_BYTES = 2_000_000_000
_ENDINGS = (".csv", ".npz")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "batch",
        parents=[weights()],
        help="a whole folder: predictions, empty channels and maxima of every picture",
        description="Look at every picture of a folder and the folders in it: the most probable "
        "classes and, for each LAYER, the share of empty channels and the largest activation. One "
        "line of the table for each picture; one that is broken has the reason in its line.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="pictures, or class folders")
    parser.add_argument(
        "--network",
        metavar="NETWORK",
        help="alexnet, vgg16, resnet18, …; not needed with the file of a design (--weights)",
    )
    parser.add_argument(
        "--layer",
        action="append",
        default=[],
        metavar="LAYER",
        help="dotted name (features.6) or title (conv3); may be given several times",
    )
    parser.add_argument("--top", type=int, default=5, metavar="K", help="classes (default: 5)")
    parser.add_argument(
        "--threshold", type=float, default=0.0, metavar="0…1", help="(default: 0, exactly silent)"
    )
    parser.add_argument(
        "--out",
        default="-",
        metavar="FILE",
        help="a table FILE.csv, - for the output (the default); or FILE.npz with names, reasons, "
        "labels where the pictures are in folders, top_classes and top_probabilities, and of a "
        "layer features and maxima, shape (pictures, channels): the global average and the maximum "
        "of each channel of its output, not-a-numbers for a picture that is broken. With several "
        "layers these are called features:LAYER and maxima:LAYER",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    _check(args)

    from convviz.datasets.image_folder import open_folder
    from convviz.datasets.image_set import InFolder
    from convviz.features.image_features import image_features

    folder = open_folder(args.folder, with_broken=True, limited=False)
    images = InFolder(folder)
    labels = [entry.folder.rpartition("/")[2] for entry in folder.entries]
    broken = 0
    with ProgressBar() as progress:
        network = load_network(args, progress)
        say_whose(network.name)
        found = [find_layer(network, name) for name in args.layer]
        layers = list({layer.name: layer for layer in found}.values())
        names = [layer.name for layer in layers]
        rows = image_features(network, images, names, k=args.top, threshold=args.threshold)
        result: _Table | _Archive
        if args.out.lower().endswith(".npz"):
            result = _Archive(labels, layers, args.top)
        else:
            result = _Table(labels, layers, args.top if network.weights.has_decoder else 0)
        for done, row in enumerate(rows, 1):
            result.add(row)
            broken += row.is_broken
            progress.show(done / len(images), f"{done} of {len(images)} pictures")
    write(args.out, result.written())
    for file in folder.left_out:
        print(f"left out: {file.title}: {file.reason}", file=sys.stderr)
    if not network.weights.has_decoder:
        print(
            f"{network.title} has no decoder with these weights, so there are no predictions.",
            file=sys.stderr,
        )
    if args.out != "-":
        print(f"{args.out}: {len(images):,} pictures, of which {broken:,} could not be read")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Check the options before any work is done.

    Raises:
        SettingError: One of them cannot be followed.
    """
    if args.out != "-":
        if not args.out.lower().endswith(_ENDINGS):
            raise SettingError(
                f"{args.out} ends neither in .csv nor in .npz; give the file such a name."
            )
        check_target(args.out)
    if args.out.lower().endswith(".npz") and not args.layer:
        raise SettingError(
            "An archive holds the features of layers, and none is named: add --layer, or choose a "
            "table, FILE.csv."
        )
    if args.top < 1:
        raise SettingError(f"--top {args.top} leaves no class to name; choose 1 or more.")


class _Table:
    """The table, line by line.

    Args:
        labels: Of the pictures.
        layers: Whose numbers it has.
        top: How many classes it has.
    """

    def __init__(self, labels: Sequence[str], layers: Sequence[Layer], top: int) -> None:
        self._labels, self._top = labels, top
        self._names = [layer.name for layer in layers]
        self._lines: list[list[object]] = []

    def add(self, row: ImageFeatures) -> None:
        """Add a line."""
        line: list[object] = [row.title, self._labels[row.index], one_line(row.reason)]
        for rank in range(self._top):
            best = row.predictions[rank : rank + 1]
            line += [best[0].label, best[0].index, best[0].probability] if best else [""] * 3
        for name in self._names:
            numbers = row.layers.get(name)
            line += (
                [""] * 3
                if numbers is None
                else [numbers.empty_share, numbers.largest, numbers.largest_channel]
            )
        self._lines.append(line)

    def written(self) -> bytes:
        """Return the file's bytes."""
        header = ["file", "label", "reason"]
        for rank in range(1, self._top + 1):
            header += [f"class_{rank}", f"index_{rank}", f"probability_{rank}"]
        for name in self._names:
            header += [f"{what}:{name}" for what in ("empty_share", "max", "max_channel")]
        return csv_table(header, self._lines).encode()


class _Archive:
    """The archive, a row of each array for each picture, without any pickled object.

    Args:
        labels: Of the pictures.
        layers: Whose features it has.
        top: How many classes it has.

    Raises:
        SettingError: The features do not fit into memory.
    """

    def __init__(self, labels: Sequence[str], layers: Sequence[Layer], top: int) -> None:
        import numpy as np

        count = len(labels)
        needed = count * sum(layer.shape[0] for layer in layers) * 2 * 4
        if needed > _ARCHIVE_BYTES:
            raise SettingError(
                f"The features of {count:,} pictures take {size_text(needed)}; at most "
                f"{size_text(_ARCHIVE_BYTES)} are written at once: name fewer layers, or split "
                "the folder."
            )
        self._names = [""] * count
        self._reasons = [""] * count
        self._layers = {layer.name: f":{layer.name}" * (len(layers) > 1) for layer in layers}
        self._arrays: dict[str, Any] = {
            "layers": np.array(list(self._layers)),
            "top_classes": np.full((count, top), -1, dtype=np.int64),
            "top_probabilities": np.full((count, top), np.nan, dtype=np.float32),
        }
        if any(labels):
            self._arrays["labels"] = np.array(labels)
        for layer in layers:
            for what in ("features", "maxima"):
                values = np.full((count, layer.shape[0]), np.nan, dtype=np.float32)
                self._arrays[what + self._layers[layer.name]] = values

    def add(self, row: ImageFeatures) -> None:
        """Fill a row in."""
        self._names[row.index], self._reasons[row.index] = row.title, row.reason
        for rank, best in enumerate(row.predictions):
            self._arrays["top_classes"][row.index, rank] = best.index
            self._arrays["top_probabilities"][row.index, rank] = best.probability
        for name, numbers in row.layers.items():
            self._arrays[f"features{self._layers[name]}"][row.index] = numbers.mean
            self._arrays[f"maxima{self._layers[name]}"][row.index] = numbers.maximum

    def written(self) -> bytes:
        """Return the file's bytes."""
        import numpy as np

        file = io.BytesIO()
        self._arrays["names"] = np.array(self._names)
        self._arrays["reasons"] = np.array(self._reasons)
        np.savez(file, **self._arrays)
        return file.getvalue()
