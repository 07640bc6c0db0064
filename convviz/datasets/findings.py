"""Sentences about a labelled set, made from its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from convviz.datasets import zip_archive
from convviz.datasets.class_folders import ReadingStep
from convviz.datasets.labelled_set import Dataset
from convviz.formatting import grouped, size_text
from convviz.language import again, tr, trn

_NAMED = 3  # pictures that are named one by one


def duplicates(dataset: Dataset) -> str:
    """Say how many images are there more than once; empty if none is."""
    groups = dataset.duplicates
    if not groups:
        return ""
    text = trn(
        "One picture is there more than once, with equal pixels under {files:,} names.",
        "{count:,} pictures are there more than once, with equal pixels under {files:,} names.",
        len(groups),
        files=sum(map(len, groups)),
    )
    if dataset.given:  # by somebody else; what that means, `leaks` says
        return text
    one_side = tr(
        "The same picture always stays on one side: it is never learned from and tested as well."
    )
    return f"{text} {one_side}"


def given_division(dataset: Dataset) -> str:
    """Say which division the images' folders give, and how it is used; empty if they give none."""
    if not dataset.given:
        return ""
    counts: Counter[str] = Counter(dataset.given)
    folders = (("train", "train"), ("val", "validation"), ("test", "test"))
    there = [f"{name} ({grouped(counts[part])})" for name, part in folders if counts[part]]
    are_all = len(there) == 3
    listed = (", " if are_all else tr(" and ")).join(there)
    text = tr("The folders divide these pictures already: {listed}.", listed=listed)
    if are_all:
        use = tr("That is how they are used: val chooses the epoch, test measures the result.")
    else:
        use = tr(
            "The result is measured with {folder}; the pictures that choose the epoch are set "
            "aside from train.",
            folder="test" if counts["test"] else "val",
        )
    return f"{text} {use}"


def leaks(dataset: Dataset) -> str:
    """Name images that lie on both sides of a given division; empty if none does."""
    groups = dataset.leaks
    if not groups:
        return ""
    return trn(
        "One picture lies in more than one of the folders train, val and test: {named}. The "
        "division is used as it is, so the result may look better than it is.",
        "{count:,} pictures lie in more than one of the folders train, val and test: {named}. The "
        "division is used as it is, so the result may look better than it is.",
        len(groups),
        named=_named(dataset, groups),
    )


def conflicts(dataset: Dataset) -> str:
    """Name images that lie in more than one class; empty if none does."""
    groups = dataset.conflicts
    if not groups:
        return ""
    return trn(
        "One picture lies in several classes at once, so at least one label is wrong: {named}. "
        "Such a label counts as it stands.",
        "{count:,} pictures lie in several classes at once, so at least one label is wrong: "
        "{named}. Such a label counts as it stands.",
        len(groups),
        named=_named(dataset, groups),
    )


def _named(dataset: Dataset, groups: Sequence[tuple[int, ...]]) -> str:
    """Name the first of several groups of equal images."""
    titles = dataset.images.titles
    named = "; ".join(
        " = ".join(again(titles[index]) for index in group) for group in groups[:_NAMED]
    )
    more = len(groups) - _NAMED
    return tr("{named}; and {count:,} more", named=named, count=more) if more > 0 else named


def whole_classes(dataset: Dataset) -> str:
    """Name classes whose images are all the same, of which none can be set aside; or empty."""
    if dataset.given:  # none needs to be set aside
        return ""
    different = [
        len({group for group in dataset.members if any(dataset.labels[i] == label for i in group)})
        for label in range(len(dataset.classes))
    ]
    names = [name for name, count in zip(dataset.classes, different, strict=True) if count == 1]
    if not names:
        return ""
    named, more = ", ".join(again(name) for name in names[:_NAMED]), len(names) - _NAMED
    if more > 0:
        named = tr("{named} and {count:,} more", named=named, count=more)
    return tr(
        "One picture is all there is, under several names, of: {named}. It cannot be learned from "
        "and tested as well: add different ones.",
        named=named,
    )


def upload_limits() -> str:
    """Say what a zip may hold, and what becomes of it."""
    return tr(
        "At most {files:,} files of at most {file_size}, {size} unpacked. "
        "Folders train, val and test above the class folders are used as the division "
        "that they are. It stays in this visit: it is neither stored nor passed on.",
        files=zip_archive.MAX_FILES,
        file_size=size_text(zip_archive.MAX_FILE_BYTES),
        size=size_text(zip_archive.MAX_BYTES),
    )


def reading(step: ReadingStep) -> str:
    """Say how many images of a zip were looked at."""
    return tr(
        "Looking at every picture once: {done:,} of {total:,}", done=step.done, total=step.total
    )


def reading_stopped(step: ReadingStep | None) -> str:
    """Say where the first look at a zip's images was stopped; None before its first image."""
    if step is None:
        return tr("Stopped before the first picture was looked at: nothing can be trained yet.")
    return tr(
        "Stopped after {done:,} of {total:,} pictures: nothing can be trained before all "
        "of them were looked at once.",
        done=step.done,
        total=step.total,
    )
