"""Zips and folders of class folders, read as labelled images.

Each folder is a class and gives it its name. Folders train, val and test above them are a division
that somebody has made already; it is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Generic, Protocol, TypeVar

from convviz.datasets.image_folder import FolderEntry, open_folder
from convviz.datasets.image_set import YOUR_FOLDER, YOUR_ZIP, ImageSet, InFolder, Zipped
from convviz.datasets.labelled_set import Dataset, Part, fingerprint, number_groups
from convviz.datasets.zip_archive import LeftOut, ListedImage, ZipEntry, open_archive
from convviz.errors import ImageError
from convviz.images.decode import decode
from convviz.language import later, tr

MAX_CLASSES = 40
"""More would not fit on a page."""

PART_FOLDERS: Mapping[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validate": "validation",
    "validation": "validation",
    "dev": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "test": "test",
    "testing": "test",
}
"""What the images in a folder of this name, in any case, are for, if class folders are in it.

So are those in a folder of it and words such as "set": "training_set", "Test images", "seg_train".
"""

_BESIDE_PART = frozenset(
    (
        "set",
        "data",
        "dataset",
        "image",
        "images",
        "img",
        "imgs",
        "pictures",
        "seg",
        "split",
        "folder",
    )
)

_LEAST = 2  # different images of a class: one for training, one for validation

_BESIDE = later("It lies beside the class folders, in none of them, so it has no class.")
_OUTSIDE = later("It lies outside the folders train, val and test that divide the others.")
_NOT_LEARNED = later("Its class has no picture in train, so nobody learns it.")


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
    name: str = YOUR_ZIP,
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
    name: str = YOUR_FOLDER,
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
    found = _class_folders(folder.entries, tr("The folder"))

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


def read_zip(data: bytes, name: str = YOUR_ZIP) -> Iterator[ReadingStep]:
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
    found = _class_folders(archive.entries, tr("The zip archive"))

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


def _class_folders(entries: Sequence[E], what: str) -> _Found[E]:
    """Find the class folders, which lie side by side, and the folders train, val and test above.

    Images beside the outer folders or the class folders are left out.

    Args:
        entries: All images.
        what: What holds them, as sentences begin: "The folder".

    Raises:
        ImageError: The folders cannot be classes.
    """
    inside, left_out = list(entries), []
    while True:
        root = _common_folder(inside)
        beside = [entry for entry in inside if _folders(entry) == root]
        if len(beside) in (0, len(inside)):
            break
        left_out += [LeftOut(entry.path, tr(_BESIDE)) for entry in beside]
        inside = [entry for entry in inside if _folders(entry) != root]
    if not root and beside:
        raise ImageError(
            tr(
                "{what} has pictures but no folders: put the pictures of each class into "
                "a folder named after the class, and take those.",
                what=what,
            )
        )
    above = len(root) - bool(beside)  # of a single class folder, the root is that folder itself
    paths = [_once(_folders(entry)[above:]) for entry in inside]
    parts = [_part_of(path[0]) for path in paths]
    divided = any(
        part == "train" and len(path) > 1 for path, part in zip(paths, parts, strict=True)
    )
    given: tuple[Part, ...] = ()
    if divided and len({*parts} - {None}) > 1:
        rows: list[tuple[E, str, Part]] = []
        for entry, path, part in zip(inside, paths, parts, strict=True):
            if part is None:
                left_out.append(LeftOut(entry.path, tr(_OUTSIDE)))
            elif len(path) == 1:
                left_out.append(LeftOut(entry.path, tr(_BESIDE)))
            else:
                _check_depth(len(path) == 2, entry, what)
                rows.append((entry, path[1], part))
        learned = {name for _, name, part in rows if part == "train"}
        left_out += [
            LeftOut(entry.path, tr(_NOT_LEARNED)) for entry, name, _ in rows if name not in learned
        ]
        rows = [row for row in rows if row[1] in learned]
        inside, classes = [row[0] for row in rows], tuple(row[1] for row in rows)
        if {row[2] for row in rows} != {"train"}:
            given = tuple(row[2] for row in rows)
    else:
        if None not in parts and "train" not in parts and all(len(path) > 1 for path in paths):
            raise ImageError(
                tr(
                    "{what} has no folder train, only {folders}: name the folder train whose "
                    "pictures are to be learned from.",
                    what=what,
                    folders=", ".join(sorted({path[0][:60] for path in paths})),
                )
            )
        deepest = max(inside, key=lambda entry: len(_folders(entry)))
        _check_depth(all(len(path) == 1 for path in paths), deepest, what)
        classes = tuple(path[0] for path in paths)
    found = _Found(tuple(inside), classes, given, tuple(left_out))
    _check_classes(set(classes), what)
    _check_counts(found.counts(), is_given=bool(given))
    return found


def _part_of(folder: str) -> Part | None:
    """Return what the images in a folder are for, by its name; None if that does not say it."""
    words = [word for word in re.split(r"[\W_]+|(?<=\w)set$", folder.lower()) if word]
    said = [word for word in words if word not in _BESIDE_PART]
    return PART_FOLDERS.get(said[0]) if len(said) == 1 else None


def _once(path: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out a folder that lies in one of its own name, as unpacking and packing again makes."""
    return path[1:] if len(path) > 1 and path[0] == path[1] and _part_of(path[0]) else path


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
            tr(
                "{what} has folders in folders ({folder}): put all class folders side by "
                "side, with pictures only inside them; only train, val and test may lie "
                "above.",
                what=what,
                folder=entry.folder[:60],
            )
        )


def _check_classes(classes: set[str], what: str) -> None:
    """Refuse folders that cannot be classes, before any image is decoded."""
    if len(classes) < 2:
        raise ImageError(
            tr(
                "{what} has one class only, {name}: there is nothing to tell apart; add "
                "a folder with pictures of another class.",
                what=what,
                name=next(iter(classes))[:60],
            )
        )
    if len(classes) > MAX_CLASSES:
        raise ImageError(
            tr(
                "{what} has {count:,} classes; at most {most} fit on a page: take fewer folders.",
                what=what,
                count=len(classes),
                most=MAX_CLASSES,
            )
        )


def _check_counts(counts: Mapping[str, int], *, is_given: bool, are_decoded: bool = False) -> None:
    """Refuse classes of too few images: a given division needs none to set aside.

    Args:
        counts: How many images of each class can be used, as far as is known.
        is_given: Whether somebody has divided the images.
        are_decoded: Whether the images were decoded, so that all that count can be used.
    """
    if are_decoded:
        one, none = tr("one picture that can be used"), tr("no picture that can be used")
    else:
        one, none = tr("one picture"), tr("no picture")
    for name, count in sorted(counts.items()):
        if not count and is_given:
            raise ImageError(
                tr(
                    "The class {name} has {pictures} in train; at least one is needed to learn "
                    "from.",
                    name=name[:60],
                    pictures=none,
                )
            )
        if count < _LEAST and not is_given:
            raise ImageError(
                tr(
                    "The class {name} has {pictures}; at least two are needed, one to learn from "
                    "and one to check with.",
                    name=name[:60],
                    pictures=one if count else none,
                )
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
        _check_counts({label: found.counts(broken)[label]}, is_given=is_given, are_decoded=True)
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
