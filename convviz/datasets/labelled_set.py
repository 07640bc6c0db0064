"""Labelled images: images with classes, split into a training and a validation part.

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

_LEAST = 2  # images of a class: one for training, one for validation
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
    """Which images are for training and which for validation.

    Attributes:
        train: Indices in the data set.
        validation: Indices in the data set; none of them is in `train`.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]


def split(dataset: Dataset, share: float = 0.25, seed: int = 0) -> Split:
    """Set aside about the same share of every class for validation: at least one image, never all.

    Args:
        dataset: Images with their classes, at least two of each.
        share: The share of each class that is set aside, above 0 and below 1.
        seed: Seed of the random choice.

    Raises:
        SettingError: The share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise SettingError(f"The share of validation pictures, {share:g}, must be between 0 and 1.")
    generator = torch.Generator().manual_seed(seed)
    train: list[int] = []
    validation: list[int] = []
    for label, count in enumerate(dataset.counts):
        indices = [index for index, own in enumerate(dataset.labels) if own == label]
        order = torch.randperm(count, generator=generator).tolist()
        checked = min(max(1, round(share * count)), count - 1)
        validation += [indices[k] for k in order[:checked]]
        train += [indices[k] for k in order[checked:]]
    return Split(tuple(sorted(train)), tuple(sorted(validation)))


def from_zip(
    data: bytes,
    name: str = "your zip",
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Read a zip of class folders: each folder is a class and gives it its name.

    All of them may be in one outer folder, as most programs pack them. Every image is decoded once,
    so that a broken one is found now and not during a training.

    Args:
        data: The zip's bytes.
        name: Name of the data set, for people.
        progress: Called with the number of images decoded and the number of all images.

    Raises:
        ImageError: The archive breaks a limit, or its folders cannot be classes.
    """
    archive = open_archive(data)
    entries, left_out = _in_folders(archive)
    entry_counts = Counter(entry.folder for entry in entries)
    _check_folders(set(entry_counts))
    _check_counts(entry_counts, usable="")
    counts: Counter[str] = Counter()
    broken: dict[ZipEntry, str] = {}
    decoded = 0
    # The smallest classes first, so that one with too few images is found soon.
    for folder in sorted(entry_counts, key=lambda name: (entry_counts[name], name)):
        for entry in entries:
            if entry.folder != folder:
                continue
            try:
                decode(archive.read(entry))
            except ImageError as error:
                broken[entry] = str(error)
            else:
                counts[folder] += 1
            decoded += 1
            if progress is not None:
                progress(decoded, len(entries))
        _check_counts({folder: counts[folder]})
    usable = [entry for entry in entries if entry not in broken]
    left_out += [LeftOut(entry.path, broken[entry]) for entry in entries if entry in broken]
    folders = sorted(counts)
    usable_archive = ZipArchive(archive.data, tuple(usable), archive.left_out)
    labels = tuple(folders.index(entry.folder) for entry in usable)
    classes = tuple(PurePosixPath(folder).name for folder in folders)
    return Dataset(
        name, classes, Zipped(usable_archive, name), labels, (*archive.left_out, *left_out)
    )


def _in_folders(archive: ZipArchive) -> tuple[list[ZipEntry], list[LeftOut]]:
    """Take the images in class folders; all folders must be equally deep."""
    in_folders = [entry for entry in archive.entries if entry.folder]
    left_out = [
        LeftOut(entry.path, "It lies in no folder, so it has no class.")
        for entry in archive.entries
        if not entry.folder
    ]
    if not in_folders:
        raise ImageError(
            "The zip archive has pictures but no folders: put the pictures of each class into a "
            "folder named after the class, and pack those."
        )
    depths = Counter(len(PurePosixPath(entry.folder).parts) for entry in in_folders)
    parents = {str(PurePosixPath(entry.folder).parent) for entry in in_folders}
    if len(depths) > 1 or len(parents) > 1:
        deepest = max(in_folders, key=lambda entry: entry.folder.count("/")).folder
        raise ImageError(
            f"The zip archive has folders in folders ({deepest[:60]}): put all class folders side "
            "by side, with pictures only inside them."
        )
    return in_folders, left_out


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

    Args:
        dataset: The images and their classes.
        indices: Indices of the images to decode, N of them.
        size: Side of the decoded images, in pixels.

    Yields:
        The share that is decoded so far and None, every 16 images; at the end 1 and the images,
        (N, 3, size, size) uint8, with the numbers of their classes, (N,).

    Raises:
        ImageError: An image cannot be read.
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
    """Turn uint8 images, (N, 3, H, W), into a network's normalised input, float32.

    Args:
        pixels: The images, 0…255.
        mean: Subtracted from red, green and blue.
        std: What they are divided by then.
    """
    return normalise(pixels.to(torch.float32).div_(255), mean=mean, std=std)


def check_fits(images: int, size: int) -> None:
    """Check that a number of images of this size may be kept in memory.

    Raises:
        SettingError: They need more memory than is allowed.
    """
    if images * 3 * size * size > _BYTES:
        raise SettingError(
            f"{images:,} pictures of {size} × {size} pixels do not fit into the memory set aside: "
            "choose smaller pictures."
        )
