"""What lies in the user's folder (CONVVIZ_WEIGHTS) and is not used, each with the reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from convviz.downloads import cache
from convviz.language import tr
from convviz.networks.registry import available, spec
from convviz.weights import findings, own, trained
from convviz.weights.file_names import stem_of
from convviz.weights.load import source_statuses


@dataclass(frozen=True)
class UnusedFile:
    """A file or folder that is not used.

    Attributes:
        name: Its name, without a path.
        reason: Why, as the rest of a sentence that begins with its name.
    """

    name: str
    reason: str


def unused_files(known: Collection[str] = ()) -> tuple[UnusedFile, ...]:
    """List what lies in the user's folder and is not used; hidden files are not listed.

    Args:
        known: Names of files that are looked for there for another purpose.
    """
    folder = cache.user_folder()
    if folder is None or not folder.is_dir():
        return ()
    others = [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and path.name not in known
    ]
    if not others:
        return ()
    used_by = {
        name: {status.path for status in source_statuses(name) if status.path}
        for name in available()
    }
    used = {path for paths in used_by.values() for path in paths}
    return tuple(
        UnusedFile(path.name, _reason(path, used_by)) for path in others if path not in used
    )


def _reason(path: Path, used_by: dict[str, set[Path]]) -> str:
    if path.is_dir():
        return tr(findings.A_FOLDER)
    stem = stem_of(path.name)
    if stem is None:
        other = findings.other_format(path.name, b"")
        return tr(findings.OTHER_PROGRAMS if other else findings.NOT_BY_ITS_NAME)
    if trained.is_saved(path):
        info = trained.about_file(path)
        return tr(findings.DAMAGED) if info is None else findings.trained_elsewhere(info.network)
    if stem in used_by:
        first = own.files_named_after(spec(stem))[0]
        torchvisions = [each for each in used_by[stem] if each.parent == path.parent]
        return findings.second_to((torchvisions or [first])[0].name)
    return findings.named_after_none(path.name[len(stem) :])
