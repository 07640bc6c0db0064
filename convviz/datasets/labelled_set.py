"""Data to learn from: images with classes, split into a training and a validation part.

Images stay as they are (files in a zip, or code that draws them) until `read` decodes them to
tensors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import torch
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor

from convviz.datasets.image_set import ImageSet, Zipped
from convviz.datasets.zip_archive import LeftOut, ZipArchive, ZipEntry, open_archive
from convviz.errors import ImageError, SettingError
from convviz.images.decode import decode
from convviz.images.preprocess import crop, normalise

MAX_CLASSES = 40
"""More would not fit on a page."""

_LEAST = 2  # images of a class: one to learn from, one to check with
_BYTES = 600_000_000  # of decoded images in memory


@dataclass(frozen=True)
class Dataset:
    """Images and the class of each.

    Attributes:
        name: For people, "your zip".
        classes: Name of each class.
        images: The images.
        labels: Number of each image's class.
        left_out: Files that are not used, and why.
    """

    name: str
    classes: tuple[str, ...]
    images: ImageSet
    labels: tuple[int, ...]
    left_out: tuple[LeftOut, ...] = ()

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.labels)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of images of each class."""
        counts = Counter(self.labels)
        return tuple(counts[label] for label in range(len(self.classes)))


@dataclass(frozen=True)
class Split:
    """Which images are learned from, and which only check what was learned.

    Attributes:
        train: Indices in the data set.
        validation: Indices in the data set; none of them is in `train`.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]


def split(dataset: Dataset, share: float = 0.25, seed: int = 0) -> Split:
    """Put about a share of every class aside for validation: at least one image, never all.

    Raises:
        SettingError: The share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise SettingError(f"The share of validation pictures, {share:g}, must be between 0 and 1.")
    generator = torch.Generator().manual_seed(seed)
    train: list[int] = []
    validation: list[int] = []
    for label, count in enumerate(dataset.counts):
        indices = [index for index, other in enumerate(dataset.labels) if other == label]
        order = torch.randperm(count, generator=generator).tolist()
        aside = min(max(1, round(share * count)), count - 1)
        validation += [indices[k] for k in order[:aside]]
        train += [indices[k] for k in order[aside:]]
    return Split(tuple(sorted(train)), tuple(sorted(validation)))


def from_zip(
    data: bytes,
    name: str = "your zip",
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Read a zip of class folders: each folder is a class and gives it its name.

    All of them may lie in one outer folder, as most programs pack. Every image is decoded once, so
    that a broken one is found now and not during a training.

    Args:
        data: The zip's bytes.
        name: Name of the data set, for people.
        progress: Called with the number of images decoded and the number of all images.

    Raises:
        ImageError: The archive breaks a limit, or its folders cannot be classes.
    """
    archive = open_archive(data)
    entries, left_out = _in_folders(archive)
    stated = Counter(entry.folder for entry in entries)
    _check_folders(set(stated))
    _check_counts(stated, usable="")
    counts: Counter[str] = Counter()
    broken: dict[ZipEntry, str] = {}
    done = 0
    # The smallest classes first, so that one with too few images is found soon.
    for folder in sorted(stated, key=lambda name: (stated[name], name)):
        for entry in entries:
            if entry.folder != folder:
                continue
            try:
                decode(archive.read(entry))
            except ImageError as error:
                broken[entry] = str(error)
            else:
                counts[folder] += 1
            done += 1
            if progress is not None:
                progress(done, len(entries))
        _check_counts({folder: counts[folder]})
    usable = [entry for entry in entries if entry not in broken]
    left_out += [LeftOut(entry.path, broken[entry]) for entry in entries if entry in broken]
    folders = sorted(counts)
    kept = ZipArchive(archive.data, tuple(usable), archive.left_out)
    labels = tuple(folders.index(entry.folder) for entry in usable)
    classes = tuple(PurePosixPath(folder).name for folder in folders)
    return Dataset(name, classes, Zipped(kept, name), labels, (*archive.left_out, *left_out))


def _in_folders(archive: ZipArchive) -> tuple[list[ZipEntry], list[LeftOut]]:
    """Take the images in class folders; all folders must be equally deep."""
    inside = [entry for entry in archive.entries if entry.folder]
    left_out = [
        LeftOut(entry.path, "It lies in no folder, so it has no class.")
        for entry in archive.entries
        if not entry.folder
    ]
    if not inside:
        raise ImageError(
            "The zip archive has pictures but no folders: put the pictures of each class into a "
            "folder named after the class, and pack those."
        )
    depths = Counter(len(PurePosixPath(entry.folder).parts) for entry in inside)
    above = {str(PurePosixPath(entry.folder).parent) for entry in inside}
    if len(depths) > 1 or len(above) > 1:
        deepest = max(inside, key=lambda entry: entry.folder.count("/")).folder
        raise ImageError(
            f"The zip archive has folders in folders ({deepest[:60]}): put all class folders side "
            "by side, with pictures only inside them."
        )
    return inside, left_out


def _check_folders(folders: set[str]) -> None:
    """Refuse folders that cannot be classes, before any image is decoded."""
    if len(folders) < 2:
        folder = PurePosixPath(next(iter(folders))).name
        raise ImageError(
            f"The zip archive has one class only, {folder[:60]}: there is nothing to tell apart; "
            "add a folder with pictures of another class."
        )
    if len(folders) > MAX_CLASSES:
        raise ImageError(
            f"The zip archive has {len(folders):,} classes; at most {MAX_CLASSES} fit on a page: "
            "pack fewer folders."
        )


def _check_counts(counts: Mapping[str, int], usable: str = " that can be used") -> None:
    for folder, count in sorted(counts.items()):
        if count < _LEAST:
            raise ImageError(
                f"The class {PurePosixPath(folder).name[:60]} has "
                f"{'one picture' if count else 'no picture'}{usable}; "
                "at least two are needed, one to learn from and one to check with."
            )


def read(
    dataset: Dataset, indices: Sequence[int], size: int
) -> Iterator[tuple[float, tuple[Tensor, Tensor] | None]]:
    """Decode images, the middle square of each, scaled to the same size.

    Yields:
        The share that is done and None, again and again; at the end 1 and the images,
        (N, 3, size, size) uint8, with the numbers of their classes, (N,).
    """
    pixels = torch.empty(len(indices), 3, size, size, dtype=torch.uint8)
    for row, index in enumerate(indices):
        image = crop(dataset.images.image(index), size=size, resize=size)
        pixels[row] = pil_to_tensor(image)
        if row % 16 == 15:
            yield row / len(indices), None
    labels = torch.tensor([dataset.labels[index] for index in indices])
    yield 1.0, (pixels, labels)


def to_input(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Turn uint8 images, (N, 3, H, W), into a network's normalised input, float32."""
    return normalise(pixels.to(torch.float32).div_(255), mean=mean, std=std)


def check_fits(images: int, size: int) -> None:
    """Check that so many images of this size may be held in memory.

    Raises:
        SettingError: They may not.
    """
    if images * 3 * size * size > _BYTES:
        raise SettingError(
            f"{images:,} pictures of {size} × {size} pixels do not fit into the memory set aside: "
            "choose smaller pictures."
        )
