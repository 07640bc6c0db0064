"""Data to learn from: pictures with classes, split into a training and a validation part.

Pictures stay as they came (files in a zip, or code that draws them) and are decoded when asked for.
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
from convviz.datasets.zip_archive import Archive, Entry, LeftOut, open_archive
from convviz.errors import ImageError, SettingError
from convviz.images.decode import decode
from convviz.images.preprocess import crop, normalise

MAX_CLASSES = 40


"""More would not fit on a page."""


_LEAST = 2  # pictures of a class: one to learn from, one to check with


@dataclass(frozen=True)
class Dataset:
    """Pictures and the class of each.

    Attributes:
        name: For people, "your zip".
        classes: Name of each class.
        pictures: The pictures.
        labels: Number of each picture's class.
        left_out: Files that are not used, and why.
    """

    name: str
    classes: tuple[str, ...]
    pictures: ImageSet
    labels: tuple[int, ...]
    left_out: tuple[LeftOut, ...] = ()

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self.labels)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of pictures of each class."""
        found = Counter(self.labels)
        return tuple(found[label] for label in range(len(self.classes)))


@dataclass(frozen=True)
class Split:
    """Which pictures are learned from, and which only check what was learned.

    Attributes:
        train: Places in the data set.
        validation: Places in the data set; none of them is in `train`.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]


def split(dataset: Dataset, share: float = 0.25, seed: int = 0) -> Split:
    """Put about a share of every class aside for validation: at least one picture, never all.

    Raises:
        SettingError: The share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise SettingError(f"The share of validation pictures, {share:g}, must be between 0 and 1.")
    generator = torch.Generator().manual_seed(seed)
    train: list[int] = []
    validation: list[int] = []
    for label, count in enumerate(dataset.counts):
        places = [place for place, each in enumerate(dataset.labels) if each == label]
        order = torch.randperm(count, generator=generator).tolist()
        aside = min(max(1, round(share * count)), count - 1)
        validation += [places[k] for k in order[:aside]]
        train += [places[k] for k in order[aside:]]
    return Split(tuple(sorted(train)), tuple(sorted(validation)))


def from_zip(
    data: bytes,
    name: str = "your zip",
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Read a zip of class folders: each folder is a class, and is named after it.

    A folder that holds all of them (as most programs pack) does not matter. Every picture is
    decoded once, so that a broken one is found now and not while something learns.

    Args:
        data: The zip's bytes.
        name: What to call the data set.
        progress: Called with the pictures looked at and the pictures in all.

    Raises:
        ImageError: The archive breaks a limit, or its folders are no classes.
    """
    archive = open_archive(data)
    entries, left_out = _in_folders(archive)
    stated = Counter(entry.folder for entry in entries)
    _check_folders(set(stated))
    _check_counts(stated, that="")
    counts: Counter[str] = Counter()
    broken: dict[Entry, str] = {}
    done = 0
    # The smallest classes first: if one has too few pictures, that is known soon.
    for folder in sorted(stated, key=lambda each: (stated[each], each)):
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
    kept = Archive(archive.data, tuple(usable), archive.left_out)
    labels = tuple(folders.index(entry.folder) for entry in usable)
    classes = tuple(PurePosixPath(folder).name for folder in folders)
    return Dataset(name, classes, Zipped(kept, name), labels, (*archive.left_out, *left_out))


def _in_folders(archive: Archive) -> tuple[list[Entry], list[LeftOut]]:
    """Take the pictures that lie in class folders; all folders must be equally deep."""
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


def _check_folders(named: set[str]) -> None:
    """Refuse folders that can be no classes, before any picture is looked at."""
    if len(named) < 2:
        folder = PurePosixPath(next(iter(named))).name
        raise ImageError(
            f"The zip archive has one class only, {folder[:60]}: there is nothing to tell apart; "
            "add a folder with pictures of another class."
        )
    if len(named) > MAX_CLASSES:
        raise ImageError(
            f"The zip archive has {len(named):,} classes; at most {MAX_CLASSES} fit on a page: "
            "pack fewer folders."
        )


def _check_counts(counts: Mapping[str, int], that: str = " that can be used") -> None:
    for folder, count in sorted(counts.items()):
        if count < _LEAST:
            raise ImageError(
                f"The class {PurePosixPath(folder).name[:60]} has "
                f"{'one picture' if count else 'no picture'}{that}; "
                "at least two are needed, one to learn from and one to check with."
            )


_BYTES = 600_000_000


def read(
    dataset: Dataset, places: Sequence[int], size: int
) -> Iterator[tuple[float, tuple[Tensor, Tensor] | None]]:
    """Decode pictures, the middle square of each, scaled to the same size.

    Yields:
        The share that is done and None, again and again; at the end 1 and the pictures,
        (N, 3, size, size) uint8, with the numbers of their classes, (N,).
    """
    pixels = torch.empty(len(places), 3, size, size, dtype=torch.uint8)
    for row, place in enumerate(places):
        picture = crop(dataset.pictures.picture(place), size=size, resize=size)
        pixels[row] = pil_to_tensor(picture)
        if row % 16 == 15:
            yield row / len(places), None
    labels = torch.tensor([dataset.labels[place] for place in places])
    yield 1.0, (pixels, labels)


def to_input(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Turn uint8 pictures, (N, 3, H, W), into a network's normalised input, float32."""
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
