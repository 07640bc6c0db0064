"""Tiny ImageNet-200 out of a tar archive, for the scripts beside this one.

The archive holds train/CLASS/*.JPEG and val/CLASS/*.JPEG, in any folder; CLASS is a WordNet number.
Classes and files are in the order of their names, as they were when the bundled GoogLeNet trained.
"""

import tarfile
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from convviz.datasets import labelled_set
from convviz.datasets.image_set import Files
from convviz.datasets.labelled_set import Dataset
from convviz.weights import bundled

NAME = "Tiny ImageNet-200"


def read(tar: Path, part: str) -> Dataset:
    """Read a part, "train" or "val"; its pictures stay JPEG files until they are asked for."""
    files: dict[str, list[tuple[str, bytes]]] = {}
    with tarfile.open(tar) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            path = PurePosixPath(member.name)
            if path.suffix == ".JPEG" and path.parts[-3] == part:
                file = archive.extractfile(member)
                files.setdefault(path.parts[-2], []).append(
                    (path.name, file.read() if file else b"")
                )
    classes = bundled.classes()
    if len(files) != len(classes):
        raise SystemExit(f"{tar} has {len(files)} folders under {part}/, not {len(classes)}.")
    numbered = [(label, file) for label, key in enumerate(sorted(files)) for file in files[key]]
    pictures = Files(tuple(file for _, file in numbered), name=NAME)
    return Dataset(NAME, classes, pictures, tuple(label for label, _ in numbered))


def evenly(dataset: Dataset, images: int | None) -> list[int]:
    """Choose so many pictures, the first ones of every class; None for all of them."""
    counts = [0] * len(dataset.classes)
    ranks = []
    for index, label in enumerate(dataset.labels):
        ranks.append((counts[label], label, index))
        counts[label] += 1
    return [index for _, _, index in sorted(ranks)[:images]]


def pixels(dataset: Dataset, size: int, images: int | None = None) -> tuple[Tensor, Tensor]:
    """Decode pictures, (N, 3, size, size) uint8, with the numbers of their classes, (N,)."""
    indices = range(len(dataset)) if images is None else sorted(evenly(dataset, images))
    for _, batch in labelled_set.read(dataset, indices, size):
        if batch is not None:
            return batch
    return torch.empty(0, 3, size, size, dtype=torch.uint8), torch.empty(0, dtype=torch.long)
