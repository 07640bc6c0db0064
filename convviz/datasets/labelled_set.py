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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Generic, Literal, Protocol, TypeVar

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor

from convviz.datasets.image_folder import FolderEntry, open_folder
from convviz.datasets.image_set import ImageSet, InFolder, Zipped
from convviz.datasets.zip_archive import LeftOut, ListedImage, ZipEntry, open_archive
from convviz.errors import ImageError, SettingError
from convviz.images.decode import decode
from convviz.images.preprocess import crop, normalise

MAX_CLASSES = 40
"""More would not fit on a page."""

FEW_IMAGES = 200
"""Below so many images a test part would be too small, and folds take its place."""

FOLDS = 5

TEST_SHARE = 0.25
"""Share of the images that are tested where there are enough for a part of their own."""

VALIDATION_SHARE = 0.2
"""Share of the images that are not tested which choose the epoch."""

_BESIDE = "It lies beside the class folders, in none of them, so it has no class."
_OUTSIDE = "It lies outside the folders train, val and test that divide the others."
_NOT_LEARNED = "Its class has no picture in train, so nobody learns it."

_LEAST = 2  # different images of a class: one for training, one for validation
_BYTES = 600_000_000  # of decoded images in memory
_BAND_PIXELS = 250_000
_STEP_PIXELS = 4_000_000  # decoded between two steps: a quarter of a second, about

Group = tuple[int, ...]  # indices of the images that are the same

Part = Literal["train", "validation", "test"]

PART_FOLDERS: Mapping[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""What the images in a folder of this name, in any case, are for, if class folders are in it."""


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
        raise SettingError(f"The share of validation pictures, {share:g}, must be between 0 and 1.")
    if dataset.given:
        aside = dataset.members_of("validation") or dataset.members_of("test")
        return Split(_indices(dataset.members_of("train")), _indices(aside))
    generator = torch.Generator().manual_seed(seed)
    train, validation = _set_aside(dataset, dataset.members, share, generator)
    if not validation:
        raise SettingError(
            "All pictures of each class are the same one under several names, so none is left that "
            "is not learned from: add different pictures."
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
            f"The {len(groups):,} different pictures are too few to learn from some, choose the "
            "epoch by others, and test with others again: add pictures."
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
            "The pictures in train are too few to learn from some and choose the epoch by others: "
            "add different ones."
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


def _folds(dataset: Dataset, generator: torch.Generator) -> list[list[Group]]:
    """Divide the groups into folds, of each class about as many images in every fold."""
    groups = dataset.members
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


@dataclass(frozen=True)
class ReadingStep:
    """Where the first look at all images of a zip or a folder stands.

    Attributes:
        done: Images looked at.
        total: Images in class folders.
        dataset: The data set; None before the last step.
    """

    done: int
    total: int
    dataset: Dataset | None = None

    @property
    def fraction(self) -> float:
        """Share of the images that were looked at, in 0…1."""
        return self.done / self.total


def from_zip(
    data: bytes,
    name: str = "your zip",
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Read a zip of class folders: each folder is a class and gives it its name.

    All of them may be in one outer folder, as most programs pack them, or in folders train, val
    (or valid) and test, whose division is kept then. Every image is decoded once, so that a broken
    one is found now and not during a training, and images of equal pixels, also in files of
    different formats, are found to be the same.

    Args:
        data: The zip's bytes.
        name: Name of the data set, for people.
        progress: Called with the number of images decoded and the number of all images.

    Raises:
        ImageError: The archive breaks a limit, or its folders cannot be classes.
    """
    return _last(read_zip(data, name), progress)


def from_folder(
    path: Path,
    name: str = "your folder",
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Do with a folder on this machine what `from_zip` does with a zip of it.

    Args:
        path: The folder.
        name: Name of the data set, for people.
        progress: Called with the number of images decoded and the number of all images.

    Raises:
        ImageError: The folder breaks a limit, or the folders in it cannot be classes.
    """
    folder = open_folder(path)
    found = _class_folders(folder.entries, "folder")

    def images(entries: tuple[FolderEntry, ...]) -> ImageSet:
        return InFolder(replace(folder, entries=entries), name)

    return _last(_look(folder, found, images, name), progress)


def _last(steps: Iterator[ReadingStep], progress: Callable[[int, int], None] | None) -> Dataset:
    for step in steps:
        if step.dataset is not None:
            return step.dataset
        if progress is not None:
            progress(step.done, step.total)
    raise AssertionError("the last step has the data set")


def read_zip(data: bytes, name: str = "your zip") -> Iterator[ReadingStep]:
    """Do what `from_zip` does, one image at a time, so that it can be watched and stopped.

    Beside the zip's bytes there is never more than one decoded image in memory.

    Args:
        data: The zip's bytes.
        name: Name of the data set, for people.

    Returns:
        A step after each image; the last one has the data set. Taking a step may raise ImageError
        as well: a class has too few images that can be used.

    Raises:
        ImageError: The archive breaks a limit, or its folders cannot be classes.
    """
    archive = open_archive(data)
    found = _class_folders(archive.entries, "zip archive")

    def images(entries: tuple[ZipEntry, ...]) -> ImageSet:
        return Zipped(replace(archive, entries=entries), name)

    return _look(archive, found, images, name)


E = TypeVar("E", bound=ListedImage)


class _Files(Protocol[E]):
    """A zip archive or a folder, opened and checked."""

    @property
    def entries(self) -> tuple[E, ...]: ...

    @property
    def left_out(self) -> tuple[LeftOut, ...]: ...

    def read(self, entry: E) -> bytes: ...


@dataclass(frozen=True)
class _Found(Generic[E]):
    """The images in class folders.

    Attributes:
        entries: The images.
        classes: Name of each one's class.
        given: What each is for, where a folder above says so; else ().
        left_out: Files that are in no class, and why.
    """

    entries: tuple[E, ...]
    classes: tuple[str, ...]
    given: tuple[Part, ...]
    left_out: tuple[LeftOut, ...]

    def counts(self, without: Mapping[E, str] | None = None) -> Counter[str]:
        """Count the images of each class, of which those to learn from must be there.

        Args:
            without: Images that do not count.
        """
        counts = Counter(dict.fromkeys(self.classes, 0))
        for index, (entry, name) in enumerate(zip(self.entries, self.classes, strict=True)):
            is_learned = not self.given or self.given[index] == "train"
            counts[name] += is_learned and entry not in (without or {})
        return counts


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


def _class_folders(entries: Sequence[E], what: str) -> _Found[E]:
    """Find the class folders, which lie side by side, and the folders train, val and test above.

    Images beside the outer folders or the class folders are left out.

    Args:
        entries: All images.
        what: What holds them, for sentences.

    Raises:
        ImageError: The folders cannot be classes.
    """
    inside, left_out = list(entries), []
    while True:
        root = _common_folder(inside)
        beside = [entry for entry in inside if _folders(entry) == root]
        if len(beside) in (0, len(inside)):
            break
        left_out += [LeftOut(entry.path, _BESIDE) for entry in beside]
        inside = [entry for entry in inside if _folders(entry) != root]
    if not root and beside:
        raise ImageError(
            f"The {what} has pictures but no folders: put the pictures of each class into a folder "
            "named after the class, and take those."
        )
    above = len(root) - bool(beside)  # of a single class folder, the root is that folder itself
    paths = [_folders(entry)[above:] for entry in inside]
    parts = [PART_FOLDERS.get(path[0].lower()) for path in paths]
    divided = any(
        part == "train" and len(path) > 1 for path, part in zip(paths, parts, strict=True)
    )
    given: tuple[Part, ...] = ()
    if divided and len({*parts} - {None}) > 1:
        rows: list[tuple[E, str, Part]] = []
        for entry, path, part in zip(inside, paths, parts, strict=True):
            if part is None:
                left_out.append(LeftOut(entry.path, _OUTSIDE))
            elif len(path) == 1:
                left_out.append(LeftOut(entry.path, _BESIDE))
            else:
                _check_depth(len(path) == 2, entry, what)
                rows.append((entry, path[1], part))
        learned = {name for _, name, part in rows if part == "train"}
        left_out += [LeftOut(e.path, _NOT_LEARNED) for e, name, _ in rows if name not in learned]
        rows = [row for row in rows if row[1] in learned]
        inside, classes = [row[0] for row in rows], tuple(row[1] for row in rows)
        if {row[2] for row in rows} != {"train"}:
            given = tuple(row[2] for row in rows)
    else:
        deepest = max(inside, key=lambda entry: len(_folders(entry)))
        _check_depth(all(len(path) == 1 for path in paths), deepest, what)
        classes = tuple(path[0] for path in paths)
    found = _Found(tuple(inside), classes, given, tuple(left_out))
    _check_classes(set(classes), what)
    _check_counts(found.counts(), is_given=bool(given), usable="")
    return found


def _folders(entry: ListedImage) -> tuple[str, ...]:
    """Return the names of the folders that an image lies in, the outermost first."""
    return PurePosixPath(entry.folder).parts


def _common_folder(entries: Sequence[ListedImage]) -> tuple[str, ...]:
    """Return the innermost folder that holds all images; () for none."""
    common = _folders(entries[0])
    for entry in entries:
        folders = _folders(entry)
        while common != folders[: len(common)]:
            common = common[:-1]
    return common


def _check_depth(fits: bool, entry: ListedImage, what: str) -> None:
    if not fits:
        raise ImageError(
            f"The {what} has folders in folders ({entry.folder[:60]}): put all class folders side "
            "by side, with pictures only inside them; only train, val and test may lie above."
        )


def _check_classes(classes: set[str], what: str) -> None:
    """Refuse folders that cannot be classes, before any image is decoded."""
    if len(classes) < 2:
        raise ImageError(
            f"The {what} has one class only, {next(iter(classes))[:60]}: there is nothing to tell "
            "apart; add a folder with pictures of another class."
        )
    if len(classes) > MAX_CLASSES:
        raise ImageError(
            f"The {what} has {len(classes):,} classes; at most {MAX_CLASSES} fit on a page: take "
            "fewer folders."
        )


def _check_counts(
    counts: Mapping[str, int], *, is_given: bool, usable: str = " that can be used"
) -> None:
    """Refuse classes of too few images: a given division needs none to set aside."""
    for name, count in sorted(counts.items()):
        if not count and is_given:
            raise ImageError(
                f"The class {name[:60]} has no picture{usable} in train; at least one is needed to "
                "learn from."
            )
        if count < _LEAST and not is_given:
            raise ImageError(
                f"The class {name[:60]} has "
                f"{'one picture' if count else 'no picture'}{usable}; "
                "at least two are needed, one to learn from and one to check with."
            )


def _look(
    files: _Files[E], found: _Found[E], images: Callable[[tuple[E, ...]], ImageSet], name: str
) -> Iterator[ReadingStep]:
    """Decode every image once, and leave out those that cannot be.

    Args:
        files: Reads each image.
        found: The images, and their classes.
        images: Makes a set of those that can be used.
        name: Name of the data set, for people.
    """
    counts, is_given = found.counts(), bool(found.given)
    broken: dict[E, str] = {}
    fingerprints: dict[E, str] = {}
    # The smallest classes first, so that one with too few images is found soon.
    for label in sorted(counts, key=lambda label: (counts[label], label)):
        for entry, own in zip(found.entries, found.classes, strict=True):
            if own != label:
                continue
            try:
                fingerprints[entry] = fingerprint(decode(files.read(entry), complete=True))
            except ImageError as error:
                broken[entry] = str(error)
            yield ReadingStep(len(fingerprints) + len(broken), len(found.entries))
        _check_counts({label: found.counts(broken)[label]}, is_given=is_given)
    usable = [index for index, entry in enumerate(found.entries) if entry not in broken]
    entries = tuple(found.entries[index] for index in usable)
    classes = sorted(counts)
    given = tuple(found.given[index] for index in usable) if is_given else ()
    dataset = Dataset(
        name,
        tuple(classes),
        images(entries),
        tuple(classes.index(found.classes[index]) for index in usable),
        (
            *files.left_out,
            *found.left_out,
            *(LeftOut(entry.path, broken[entry]) for entry in found.entries if entry in broken),
        ),
        number_groups([fingerprints[entry] for entry in entries]),
        given if set(given) != {"train"} else (),
    )
    yield ReadingStep(len(found.entries), len(found.entries), dataset)


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
            f"{images:,} pictures of {size} × {size} pixels do not fit into the memory set aside: "
            "choose smaller pictures."
        )
