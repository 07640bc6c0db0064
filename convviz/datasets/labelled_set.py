"""Labelled images: images with classes, and how they are divided for a training.

Images stay as they are (files in a zip or a folder, or code that draws them) until `read` decodes
them to tensors.

An accuracy tells how well a network does on new images only if the images that it is measured on
chose nothing: not the weights, and not the epoch whose weights are kept. So `partition` divides
them into three parts (to learn from, to choose the epoch by, to test), or, where they are few, into
five folds, each of which is tested by a network that has not seen it. Files that show the same
image are one group, and a group always lies on one side.

Folders train, val and test above the class folders are a division that somebody has made already.
It is used as it is, copies included: where one image lies on both sides, that is said.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor

from convviz.datasets.image_set import ImageSet
from convviz.datasets.zip_archive import LeftOut
from convviz.errors import SettingError
from convviz.images.preprocess import crop, normalise
from convviz.language import tr

FEW_IMAGES = 200
"""Below so many images a test part would be too small, and folds take its place."""

FOLDS = 5

TEST_SHARE = 0.25
"""Share of the images that are tested where there are enough for a part of their own."""

VALIDATION_SHARE = 0.2
"""Share of the images that are not tested which choose the epoch."""

_BYTES = 600_000_000  # of decoded images in memory
_BAND_PIXELS = 250_000
_STEP_PIXELS = 4_000_000  # decoded between two steps: a quarter of a second, about

Group = tuple[int, ...]  # indices of the images that are the same

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Dataset:
    """Images and the class of each.

    Attributes:
        name: For people, "your zip".
        classes: Name of each class.
        images: The images.
        labels: Number of each image's class.
        left_out: Files that are not used, and why.
        groups: Number of each image's group; images of equal pixels are one group. () where every
            image is a group of its own.
        given: What each image is for, where its folder says so. () where nothing is given, and the
            images are divided by `partition`.
    """

    name: str
    classes: tuple[str, ...]
    images: ImageSet
    labels: tuple[int, ...]
    left_out: tuple[LeftOut, ...] = ()
    groups: tuple[int, ...] = ()
    given: tuple[Part, ...] = ()

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.labels)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of images of each class."""
        counts = Counter(self.labels)
        return tuple(counts[label] for label in range(len(self.classes)))

    @cached_property
    def members(self) -> tuple[tuple[int, ...], ...]:
        """Indices of the images of each group, the groups in the order of their first image."""
        members: dict[int, list[int]] = {}
        for index, group in enumerate(self.groups or range(len(self))):
            members.setdefault(group, []).append(index)
        return tuple(map(tuple, members.values()))

    @property
    def duplicates(self) -> tuple[tuple[int, ...], ...]:
        """The groups that have more than one image."""
        return tuple(group for group in self.members if len(group) > 1)

    @property
    def conflicts(self) -> tuple[tuple[int, ...], ...]:
        """The groups whose image lies in more than one class."""
        return tuple(
            group for group in self.duplicates if len({self.labels[index] for index in group}) > 1
        )

    @property
    def leaks(self) -> tuple[tuple[int, ...], ...]:
        """The groups whose image lies in more than one of the given parts."""
        if not self.given:
            return ()
        return tuple(
            group for group in self.duplicates if len({self.given[index] for index in group}) > 1
        )

    def members_of(self, part: Part) -> tuple[tuple[int, ...], ...]:
        """Indices of the images of one given part, group by group."""
        groups = (
            tuple(index for index in group if self.given[index] == part) for group in self.members
        )
        return tuple(group for group in groups if group)

    def different(self, indices: Sequence[int]) -> tuple[int, ...]:
        """Return some images without copies: of those of one group and class the first alone.

        A copy gets the same answer, so it says nothing more about how good a network is.

        Args:
            indices: The images.
        """
        groups = self.groups or range(len(self))
        first: dict[tuple[int, int], int] = {}
        for index in indices:
            first.setdefault((groups[index], self.labels[index]), index)
        return tuple(first.values())

    def guessing(self, indices: Sequence[int]) -> float:
        """Return the accuracy of always naming the largest class: its share of some images.

        Args:
            indices: The images, at least one.
        """
        counts = Counter(self.labels[index] for index in indices)
        return max(counts.values()) / len(indices)


@dataclass(frozen=True)
class Split:
    """What each image is for; no image is in two parts.

    No two images of one group are either, except where the images' folders say so.

    Attributes:
        train: Indices of the images to learn from.
        validation: Indices of those that choose the epoch whose weights are kept.
        test: Indices of those that choose nothing, and measure the result.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...] = ()


@dataclass(frozen=True)
class Partition:
    """How images are divided for a training whose accuracy is reported.

    Attributes:
        split: For the network that is kept. It has a test part, or there are folds.
        folds: Divisions for further trainings that only test; each image is tested in one of them.
    """

    split: Split
    folds: tuple[Split, ...] = ()

    @property
    def tested(self) -> tuple[int, ...]:
        """Indices of all images that are tested."""
        return tuple(sorted(index for split in (self.split, *self.folds) for index in split.test))


def split(dataset: Dataset, share: float = 0.25, seed: int = 0) -> Split:
    """Set aside about the same share of every class for validation: at least one image, never all.

    Where the images' folders divide them, those of val, else those of test, are the ones set aside.

    Args:
        dataset: Images with their classes. A class whose images are all the same stays whole.
        share: The share of each class that is set aside, above 0 and below 1.
        seed: Seed of the random choice.

    Raises:
        SettingError: The share is not between 0 and 1, or all images of each class are the same.
    """
    if not 0 < share < 1:
        raise SettingError(
            tr("The share of validation pictures, {share:g}, must be between 0 and 1.", share=share)
        )
    if dataset.given:
        aside = dataset.members_of("validation") or dataset.members_of("test")
        return Split(_indices(dataset.members_of("train")), _indices(aside))
    generator = torch.Generator().manual_seed(seed)
    train, validation = _set_aside(dataset, dataset.members, share, generator)
    if not validation:
        raise SettingError(
            tr(
                "All pictures of each class are the same one under several names, so none is "
                "left that is not learned from: add different pictures."
            )
        )
    return Split(_indices(train), _indices(validation))


def partition(dataset: Dataset, seed: int = 0) -> Partition:
    """Divide images so that those which measure the result chose nothing.

    From `FEW_IMAGES` images on, a quarter is tested, and a fifth of the others chooses the epoch.
    Below that there are five folds: each fifth is tested by a network that learned from the other
    four (and whose epoch was chosen by a fifth of those), while the network that is kept learns
    from all images but the fifth that chooses its epoch. Every part has about the same share of
    each class.

    Where the images' folders divide them already, that division holds. Without a test folder, val
    is the test; then, or without val, a fifth of train chooses the epoch.

    Args:
        dataset: Images with their classes.
        seed: Seed of the random choice.

    Raises:
        SettingError: There are too few different images.
    """
    generator = torch.Generator().manual_seed(seed)
    if dataset.given:
        return Partition(_given_split(dataset, generator))
    groups = dataset.members
    if len(dataset) >= FEW_IMAGES:
        others, tested = _set_aside(dataset, groups, TEST_SHARE, generator)
        train, validation = _set_aside(dataset, others, VALIDATION_SHARE, generator)
        if train and validation and tested:
            return Partition(Split(_indices(train), _indices(validation), _indices(tested)))
    folds = []
    for tested in _folds(dataset, generator):
        others = [group for group in groups if group not in tested]
        train, validation = _set_aside(dataset, others, VALIDATION_SHARE, generator)
        folds.append(Split(_indices(train), _indices(validation), _indices(tested)))
    made = Partition(split(dataset, VALIDATION_SHARE, seed), tuple(folds))
    if not all(part.train and part.validation for part in (made.split, *made.folds)):
        raise SettingError(
            tr(
                "The {count:,} different pictures are too few to learn from some, choose the "
                "epoch by others, and test with others again: add pictures.",
                count=len(groups),
            )
        )
    return made


def _given_split(dataset: Dataset, generator: torch.Generator) -> Split:
    """Divide images as their folders say; what chooses the epoch may have to be cut from train."""
    train = list(dataset.members_of("train"))
    validation, tested = dataset.members_of("validation"), dataset.members_of("test")
    if tested and validation:
        return Split(_indices(train), _indices(validation), _indices(tested))
    kept, chosen = _set_aside(dataset, train, VALIDATION_SHARE, generator)
    if not chosen:
        raise SettingError(
            tr(
                "The pictures in train are too few to learn from some and choose the epoch "
                "by others: add different ones."
            )
        )
    return Split(_indices(kept), _indices(chosen), _indices(tested or validation))


def _set_aside(
    dataset: Dataset, groups: Sequence[Group], share: float, generator: torch.Generator
) -> tuple[list[Group], list[Group]]:
    """Set about the same share of each class aside; of no class all groups.

    Returns:
        The groups that stay, and those that are set aside.
    """
    classes = {group: frozenset(dataset.labels[index] for index in group) for group in groups}
    left = Counter(label for labels in classes.values() for label in labels)
    aside: set[Group] = set()
    for label in sorted(left):
        own = [group for group in groups if label in classes[group]]
        images = sum(len(group) for group in own)
        wanted = max(1, round(share * images))
        order = [own[k] for k in torch.randperm(len(own), generator=generator).tolist()]
        taken = sum(len(group) for group in own if group in aside)
        # A group that is too large is passed over; if all are, the smallest ones may go.
        for room in (wanted, min(map(len, own))):
            for group in order:
                fits = taken + len(group) <= room
                if group not in aside and fits and all(left[k] > 1 for k in classes[group]):
                    aside.add(group)
                    left.subtract(classes[group])
                    taken += len(group)
            if taken:
                break
    return [g for g in groups if g not in aside], [g for g in groups if g in aside]


def stratified_folds(
    dataset: Dataset, indices: Sequence[int], seed: int = 0
) -> tuple[tuple[int, ...], ...]:
    """Divide some images into folds; a division that their folders make counts for nothing here.

    Args:
        dataset: Images with their classes.
        indices: The images that are divided.
        seed: Seed of the random choice.

    Returns:
        The images of each fold, five where there are enough: of each class about as many in every
        fold, and copies of an image all in one.

    Raises:
        SettingError: All images are the same one.
    """
    chosen = set(indices)
    groups = [
        tuple(index for index in group if index in chosen)
        for group in dataset.members
        if not chosen.isdisjoint(group)
    ]
    generator = torch.Generator().manual_seed(seed)
    folds = tuple(_indices(fold) for fold in _folds(dataset, generator, groups))
    if len(folds) < 2:
        raise SettingError(
            tr(
                "All pictures are the same one, so none is left that is not learned from: "
                "add different pictures."
            )
        )
    return folds


def _folds(
    dataset: Dataset, generator: torch.Generator, groups: Sequence[Group] | None = None
) -> list[list[Group]]:
    """Divide the groups into folds, of each class about as many images in every fold."""
    groups = dataset.members if groups is None else groups
    folds: list[list[Group]] = [[] for _ in range(FOLDS)]
    counts: list[Counter[int]] = [Counter() for _ in range(FOLDS)]
    order = [groups[k] for k in torch.randperm(len(groups), generator=generator).tolist()]
    # Class by class, and in each class large groups first: the small ones even them out.
    for group in sorted(order, key=lambda group: (dataset.labels[group[0]], -len(group))):
        labels = [dataset.labels[index] for index in group]
        chosen = min(
            range(FOLDS), key=lambda k: (sum(counts[k][n] for n in labels), counts[k].total())
        )
        folds[chosen].append(group)
        counts[chosen].update(labels)
    return [fold for fold in folds if fold]


def _indices(groups: Sequence[Group]) -> tuple[int, ...]:
    return tuple(sorted(index for group in groups for index in group))


def fingerprint(image: Image.Image) -> str:
    """Return a checksum of an image's size and pixels: equal for equal images alone."""
    digest = hashlib.sha256(repr((image.mode, image.size)).encode())
    rows = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):  # in bands: all bytes would be there twice
        bottom = min(top + rows, image.height)
        digest.update(image.crop((0, top, image.width, bottom)).tobytes())
    return digest.hexdigest()


def number_groups(fingerprints: Sequence[str]) -> tuple[int, ...]:
    """Number images so that those with the same fingerprint have the same number."""
    numbers: dict[str, int] = {}
    return tuple(numbers.setdefault(each, len(numbers)) for each in fingerprints)


def read(
    dataset: Dataset, indices: Sequence[int], size: int
) -> Iterator[tuple[float, tuple[Tensor, Tensor] | None]]:
    """Decode images, the middle square of each, scaled to the same size.

    Args:
        dataset: The images and their classes.
        indices: Indices of the images to decode, N of them.
        size: Side of the decoded images, in pixels.

    Yields:
        The share that is decoded so far and None, every 16 images, or after each large one; at the
        end 1 and the images, (N, 3, size, size) uint8, with the numbers of their classes, (N,).

    Raises:
        ImageError: An image cannot be read.
    """
    pixels = torch.empty(len(indices), 3, size, size, dtype=torch.uint8)
    decoded = 0
    for row, index in enumerate(indices):
        image = dataset.images.image(index)
        decoded += image.width * image.height
        pixels[row] = pil_to_tensor(crop(image, size=size, resize=size))
        if row % 16 == 15 or decoded > _STEP_PIXELS:
            decoded = 0
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
            tr(
                "{images:,} pictures of {size} × {size} pixels do not fit into the memory "
                "set aside: choose smaller pictures.",
                images=images,
                size=size,
            )
        )
