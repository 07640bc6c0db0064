"""convviz's cache folder, and files that are checked before they are used.

Each file of the cache has a small text file beside it, `NAME.sha256`, which holds the checksum that
the file had when it was put there. A file without one, or with another checksum, is not used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from convviz.errors import SettingError, WeightsError
from convviz.formatting import size_text
from convviz.language import tr

RESULTS = "results"
"""The folder in it that keeps results: what computed them can compute them again."""

_checksums: dict[tuple[str, int, int], str] = {}  # path, time and size to checksum


@dataclass(frozen=True)
class Cleared:
    """The result of `clear`.

    Attributes:
        files: How many files, of weights and of results.
        bytes: How many bytes that freed.
        kept: Names of files that could not be removed, because something still uses them.
    """

    files: int
    bytes: int
    kept: tuple[str, ...] = ()


def folder() -> Path:
    """Return the folder: CONVVIZ_CACHE, or `convviz` in the platform's folder for caches."""
    path = os.environ.get("CONVVIZ_CACHE")
    if path:
        return Path(path).expanduser().absolute()  # child processes get it, too
    try:
        home = Path.home()
    except RuntimeError:  # a container's user without an entry in the system's list of users
        return Path(tempfile.gettempdir()) / "convviz"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "convviz"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData" / "Local") / "convviz" / "Cache"
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification says that a relative path is to be ignored.
    return (Path(xdg) if os.path.isabs(xdg) else home / ".cache") / "convviz"


def user_folder() -> Path | None:
    """Return the user's folder of weight files, CONVVIZ_WEIGHTS; None if it is not set."""
    path = os.environ.get("CONVVIZ_WEIGHTS")
    return Path(path).expanduser() if path else None


def check_user_folder() -> None:
    """Check, at the start of the app or of a command, that CONVVIZ_WEIGHTS names a folder.

    Raises:
        SettingError: It names something else, nothing that is there, or what cannot be read.
    """
    path = user_folder()
    if path is None:
        return
    try:
        with os.scandir(path):
            return
    except FileNotFoundError:
        reason = tr("there is no such folder")
    except NotADirectoryError:
        reason = tr("that is a file")
    except (OSError, ValueError) as error:  # ValueError: a null character
        cause = getattr(error, "strerror", None) or error
        reason = tr("it cannot be read ({cause})", cause=cause)
    raise SettingError(
        tr(
            "CONVVIZ_WEIGHTS names {name!r}, but {reason}: set it to the folder that the "
            "files of weights lie in, or leave it out.",
            name=path.name[:60],
            reason=reason,
        )
    )


def prepare() -> Path:
    """Make the folder if it does not exist, and check that it can be written to.

    Raises:
        WeightsError: It cannot.
    """
    path = folder()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise unwritable(error) from error
    return path


def require_room(needed: int) -> None:
    """Check that a download fits on the disk.

    Args:
        needed: Bytes that are about to be written.

    Raises:
        WeightsError: The disk is too full.
    """
    free = shutil.disk_usage(folder()).free
    if free < needed:
        raise WeightsError(
            tr(
                "The disk is too full: the download needs {needed} and {free} are free; make "
                "room, or set CONVVIZ_CACHE to a folder on another disk.",
                needed=size_text(needed),
                free=size_text(free),
            )
        )


def unwritable(error: OSError) -> WeightsError:
    """Make the error for a file of the cache that could not be written."""
    reason = error.strerror or type(error).__name__
    return WeightsError(
        tr(
            "convviz cannot write to its cache folder ({reason}): make room there, or set "
            "CONVVIZ_CACHE to a folder that you may write to.",
            reason=reason,
        )
    )


def sha256(path: Path) -> str:
    """Compute a file's checksum, once per process as long as the file stays as it is.

    Raises:
        OSError: The file cannot be read.
    """
    state = path.stat()
    key = (str(path), state.st_mtime_ns, state.st_size)
    if key not in _checksums:
        with path.open("rb") as file:
            _checksums[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _checksums[key]


def record(path: Path, checksum: str) -> None:
    """Write a file's checksum beside it, in the form that `sha256sum -c` reads."""
    checksum_file = _record_of(path)
    part = checksum_file.with_name(f"{checksum_file.name}.{os.getpid()}.part")
    part.write_text(f"{checksum}  {path.name}\n", encoding="utf-8")
    part.replace(checksum_file)


def intact(path: Path) -> bool:
    """Whether a file of the cache is as it was when it was put there."""
    try:
        recorded = _record_of(path).read_text(encoding="utf-8").split()
        return recorded[:1] == [sha256(path)]
    except (OSError, UnicodeDecodeError):
        return False


def remove(path: Path) -> None:
    """Remove a file of the cache and its checksum.

    Raises:
        WeightsError: It cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
        _record_of(path).unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(error) from error


def clear() -> Cleared:
    """Remove the files that convviz put into its cache folder, and no others."""
    files, freed, kept = 0, 0, []
    for checksum_file in sorted(folder().glob("*.sha256")):
        path = checksum_file.with_suffix("")
        try:
            size = path.stat().st_size if path.exists() else 0
            remove(path)
        except (OSError, WeightsError):
            kept.append(path.name)
            continue
        files += size > 0
        freed += size
    for result in sorted((folder() / RESULTS).glob("*.result")):
        try:
            size = result.stat().st_size
            result.unlink(missing_ok=True)
        except OSError:  # gone already, or another user's
            continue
        files, freed = files + 1, freed + size
    for lock in sorted(folder().glob("*.lock")):
        try:
            with FileLock(lock, timeout=0):
                freed += remove_parts(lock.with_suffix(""))
        except (Timeout, OSError):  # a running download removes its own file
            kept.append(lock.stem)
    return Cleared(files, freed, tuple(kept))


def parts(path: Path) -> list[Path]:
    """List the unfinished downloads of a file, of this process and of others."""
    return sorted(path.parent.glob(f"{path.name}.*.part"))


def remove_parts(path: Path) -> int:
    """Remove what interrupted downloads of a file left behind; only while holding its lock.

    Returns:
        The bytes that this freed.
    """
    freed = 0
    for part in parts(path):
        freed += bytes_in(part)
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
    return freed


def bytes_in(path: Path) -> int:
    """Measure a file, or the largest file in a folder; the folder may change meanwhile."""
    sizes = [0]
    for file in (path, *path.rglob("*")):
        try:
            if file.is_file():
                sizes.append(file.stat().st_size)
        except OSError:  # it is gone already
            continue
    return max(sizes)


def _record_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
