"""Sentences about a labelled set, made from its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from convviz.datasets import zip_archive
from convviz.datasets.class_folders import ReadingStep
from convviz.datasets.labelled_set import Dataset
from convviz.formatting import size_text
from convviz.language import tr

_NAMED = 3  # pictures that are named one by one


def duplicates(dataset: Dataset) -> str:
    """Say how many images are there more than once; empty if none is."""
    groups = dataset.duplicates
    if not groups:
        return ""
    files = sum(map(len, groups))
    what = (
        tr("One picture is")
        if len(groups) == 1
        else tr("{count:,} pictures are", count=len(groups))
    )
    text = tr(
        "{what} there more than once, with equal pixels under {files:,} names.",
        what=what,
        files=files,
    )
    if dataset.given:  # by somebody else; what that means, `leaks` says
        return text
    return tr(
        "{text} The same picture always stays on one side: it is never learned from and "
        "tested as well.",
        text=text,
    )


def given_division(dataset: Dataset) -> str:
    """Say which division the images' folders give, and how it is used; empty if they give none."""
    if not dataset.given:
        return ""
    counts: Counter[str] = Counter(dataset.given)
    folders = (("train", "train"), ("val", "validation"), ("test", "test"))
    there = [f"{name} ({counts[part]:,})" for name, part in folders if counts[part]]
    are_all = len(there) == 3
    listed = (", " if are_all else " and ").join(there)
    text = tr("The folders divide these pictures already: {listed}.", listed=listed)
    if are_all:
        return tr(
            "{text} That is how they are used: val chooses the epoch, test measures the result.",
            text=text,
        )
    measuring = "test" if counts["test"] else "val"
    return tr(
        "{text} The result is measured with {measuring}; the pictures that choose the "
        "epoch are set aside from train.",
        text=text,
        measuring=measuring,
    )


def leaks(dataset: Dataset) -> str:
    """Name images that lie on both sides of a given division; empty if none does."""
    groups = dataset.leaks
    if not groups:
        return ""
    what, named = _which_lie(dataset, groups)
    return tr(
        "{what} in more than one of the folders train, val and test: {named}. The "
        "division is used as it is, so the result may look better than it is.",
        what=what,
        named=named,
    )


def conflicts(dataset: Dataset) -> str:
    """Name images that lie in more than one class; empty if none does."""
    groups = dataset.conflicts
    if not groups:
        return ""
    what, named = _which_lie(dataset, groups)
    return tr(
        "{what} in several classes at once, so at least one label is wrong: {named}. "
        "Such a label counts as it stands.",
        what=what,
        named=named,
    )


def _which_lie(dataset: Dataset, groups: Sequence[tuple[int, ...]]) -> tuple[str, str]:
    """Count groups of equal images, and name the first of them."""
    what = (
        tr("One picture lies")
        if len(groups) == 1
        else tr("{count:,} pictures lie", count=len(groups))
    )
    titles = dataset.images.titles
    named = "; ".join(" = ".join(titles[index] for index in group) for group in groups[:_NAMED])
    more = tr("; and {count:,} more", count=len(groups) - _NAMED) if len(groups) > _NAMED else ""
    return what, named + more


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
    more = tr(" and {count:,} more", count=len(names) - _NAMED) if len(names) > _NAMED else ""
    return tr(
        "One picture is all there is, under several names, of: {join}{more}. It cannot "
        "be learned from and tested as well: add different ones.",
        join=", ".join(names[:_NAMED]),
        more=more,
    )


def upload_limits() -> str:
    """Say what a zip may hold, and what becomes of it."""
    return tr(
        "At most {max_files:,} files of at most {max_file_bytes}, {max_bytes} unpacked. "
        "Folders train, val and test above the class folders are used as the division "
        "that they are. It stays in this visit: it is neither stored nor passed on.",
        max_files=zip_archive.MAX_FILES,
        max_file_bytes=size_text(zip_archive.MAX_FILE_BYTES),
        max_bytes=size_text(zip_archive.MAX_BYTES),
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
