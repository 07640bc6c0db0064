"""`python -m convviz batch`: what a network makes of every picture of a folder."""

from __future__ import annotations

import argparse
import io
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convviz.cli.options import find_layer, load_network, network, say_whose
from convviz.cli.output import ProgressBar, check_target, write
from convviz.errors import ImageError, JobError, SettingError
from convviz.formatting import size_text
from convviz.plain_text import csv_table, one_line

if TYPE_CHECKING:
    from convviz.datasets.image_set import InFolder
    from convviz.features.image_features import ImageFeatures, ImageFeaturesStep
    from convviz.jobs.cluster import ClusterRunner
    from convviz.networks.network import Network
    from convviz.structure.layers import Layer

_ARCHIVE_BYTES = 2_000_000_000
_ENDINGS = (".csv", ".npz")
_SENT_PICTURES, _SENT_BYTES = 1024, 400_000_000  # to a cluster at a time, about
_POLL_SECONDS = 0.2


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "batch",
        parents=[network()],
        help="a whole folder: predictions, empty channels and maxima of every picture",
        description="Look at every picture of a folder and the folders in it: the most probable "
        "classes and, for each LAYER, the share of empty channels and the largest activation. One "
        "line of the table for each picture; one that is broken has the reason in its line.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="pictures, or class folders")
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
        "--cluster",
        metavar="ADDRESS",
        help="let the workers of a Dask cluster do it, tls://scheduler.example.edu:8786, with the "
        "certificates that CONVVIZ_CLUSTER_CA, …_CERT and …_KEY name (docs/DEPLOY.md); the "
        "pictures are sent",
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
        measured: Callable[..., Iterator[ImageFeatures]] = image_features
        if args.cluster is not None:
            measured = _on_cluster(args.cluster, progress)
        network = load_network(args, progress)
        say_whose(network.name)
        found = [find_layer(network, name) for name in args.layer]
        layers = list({layer.name: layer for layer in found}.values())
        names = [layer.name for layer in layers]
        rows = measured(network, images, names, k=args.top, threshold=args.threshold)
        result: _Table | _Archive
        if args.out.lower().endswith(".npz"):
            result = _Archive(labels, layers, args.top)
        else:
            result = _Table(labels, layers, args.top if network.weights.has_decoder else 0)
        for done, row in enumerate(rows, 1):
            result.add(row)
            broken += row.is_broken
            _show(progress, len(images), 0, done)
    write(args.out, result.written())
    for file in folder.left_out:
        print(f"left out: {file.title}: {file.reason}", file=sys.stderr)
    if not network.weights.has_decoder:
        print(
            f"{network.title} knows no class with these weights, so there are no predictions.",
            file=sys.stderr,
        )
    if args.out != "-":
        print(f"{args.out}: {len(images):,} pictures, of which {broken:,} could not be read")
    return 0


def _show(progress: ProgressBar, total: int, before: int, done: int) -> None:
    """Draw how many of the pictures are done: those before, and some more."""
    progress.show((before + done) / total, f"{before + done} of {total} pictures")


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


# ---- on a cluster --------------------------------------------------------------------------------


def _on_cluster(address: str, progress: ProgressBar) -> Callable[..., Iterator[ImageFeatures]]:
    """Return what does on the workers of a cluster what `image_features` does here.

    Args:
        address: The scheduler's.
        progress: Shows how many pictures are done.

    Raises:
        SettingError: The address or the certificates cannot work, or Dask is not installed.
    """
    from convviz.jobs import cluster

    environment = {**os.environ, cluster.ADDRESS: address}
    settings = cluster.settings(environment, named_by="--cluster")
    if settings is None:
        raise SettingError(
            "--cluster names no scheduler: write its address, such as "
            "tls://scheduler.example.edu:8786."
        )

    from convviz.features.image_features import measure_images
    from convviz.features.in_parts import cut_files, join_features
    from convviz.jobs.coordinator import Bounds
    from convviz.jobs.job import Limits, Parts, set_parts
    from convviz.networks import device
    from convviz.networks.network import Network
    from convviz.weights.load import reference

    set_parts(measure_images, Parts(cut_files, join_features))
    runner = cluster.ClusterRunner(
        settings,
        limits=Limits.from_settings(),
        bounds=Bounds.from_settings(),
        reduce={Network: reference},
        common=(Network,),
        prepare=device.use_threads,
    )
    return partial(_measured, runner, progress)


def _measured(
    runner: ClusterRunner,
    progress: ProgressBar,
    network: Network,
    images: InFolder,
    layer_names: Sequence[str],
    **settings: Any,
) -> Iterator[ImageFeatures]:
    """Send some hundred pictures at a time, and yield their rows in the order of the folder.

    Raises:
        JobError: The cluster cannot be reached, or its work has failed.
        ImageError: Not one picture can be read.
    """
    from convviz.datasets.image_set import Files
    from convviz.features.capture import none_readable

    begin, any_read = 0, False
    first_broken: ImageFeatures | None = None
    try:
        while begin < len(images):
            files, rows = _read(images, begin)
            end = begin + len(files) + len(rows)
            while files:  # a run may end before it is through, by the time that it may take
                order = list(files)
                step = _run(
                    runner,
                    partial(_show, progress, len(images), end - len(files)),
                    network=network,
                    pictures=Files(tuple(files.values())),
                    layer_names=tuple(layer_names),
                    **settings,
                )
                for row in step.rows:
                    rows[order[row.index]] = replace(row, index=order[row.index])
                    del files[order[row.index]]
            for index in range(begin, end):
                row = rows[index]
                any_read = any_read or not row.is_broken
                first_broken = first_broken or (row if row.is_broken else None)
                yield row
            begin = end
    finally:
        runner.close()
    if first_broken is not None and not any_read:
        raise none_readable(first_broken.title, first_broken.reason)


def _read(
    images: InFolder, begin: int
) -> tuple[dict[int, tuple[str, bytes]], dict[int, ImageFeatures]]:
    """Read the next pictures of a folder, as many as are sent at a time.

    Returns:
        By index the titles and bytes of files, and the rows of those that cannot be read.
    """
    from convviz.features.image_features import ImageFeatures

    files: dict[int, tuple[str, bytes]] = {}
    rows: dict[int, ImageFeatures] = {}
    size = 0
    for index in range(begin, min(begin + _SENT_PICTURES, len(images))):
        if size > _SENT_BYTES:
            break
        title = images.titles[index]
        try:
            data = images.files.read(images.files.entries[index])
        except ImageError as error:
            rows[index] = ImageFeatures(index, title, (), {}, str(error), is_broken=True)
        else:
            files[index] = title, data
            size += len(data)
    return files, rows


def _run(runner: ClusterRunner, show: Callable[[int], None], **arguments: Any) -> ImageFeaturesStep:
    """Run `measure_images` on the cluster to its end.

    Args:
        runner: Gives it to the cluster.
        show: Is told how many pictures are done.
        arguments: Those of the work.

    Raises:
        JobError: It has failed, or came to an end without any row.
    """
    from convviz.features.image_features import measure_images

    owner = secrets.token_urlsafe(32)
    job = runner.submit(measure_images, owner=owner, title="batch", **arguments)
    try:
        while (view := runner.view(job, owner)).live or view.closing:
            show(0 if view.newest is None else view.newest.done)
            time.sleep(_POLL_SECONDS)
    finally:
        with suppress(JobError):
            runner.forget(job, owner)
    step: ImageFeaturesStep | None = view.newest
    if view.error or step is None or not step.rows:
        raise JobError(view.error or view.note or "The cluster has sent no row back: try again.")
    return step


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
