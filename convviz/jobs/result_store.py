"""Finished results on disk, by what was computed: bounded, and safe to damage, share or delete.

Each result is a file of its own, named by a digest. It is written beside its place and then moved
there, so another process finds it whole or not at all. Whatever is wrong with the folder costs the
time to compute a result again and nothing else.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)

_KEY = re.compile(r"[0-9a-f]{64}")
_PART_SECONDS = 3600.0  # an unfinished file that is older was left behind


class ResultStore:
    """Results in one folder; those used last stay.

    Args:
        folder: Returns the folder; it need not exist.
        most_bytes: Returns how many bytes the files may take together; 0 keeps nothing.
        write: Turns a result into bytes; raises ValueError for one that cannot be kept.
        read: Makes the result again; raises ValueError for bytes that are damaged.
    """

    def __init__(
        self,
        folder: Callable[[], Path],
        most_bytes: Callable[[], int],
        write: Callable[[Any], bytes],
        read: Callable[[bytes], Any],
    ) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        self._write, self._read = write, read

    def get(self, key: str) -> Any | None:
        """Return the result that is kept under a key; None where there is none that can be read.

        Args:
            key: 64 hexadecimal digits.
        """
        path = self._path(key)
        try:
            if path.stat().st_size > self._most_bytes():
                return None
            data = path.read_bytes()
        except OSError:
            return None
        try:
            result = self._read(data)
        except ValueError as error:
            _log.warning("a kept result is dropped: %s", error)
            _unlink(path)
            return None
        try:
            os.utime(path)
        except OSError:  # it was deleted meanwhile, or the folder is another user's
            _log.debug("the time of a kept result could not be set", exc_info=True)
        return result

    def put(self, key: str, result: Any) -> None:
        """Keep a result, and drop those that were not used for longest.

        Args:
            key: 64 hexadecimal digits.
            result: The result; one that cannot be kept is passed over.
        """
        path, most = self._path(key), self._most_bytes()
        if not most:
            return
        try:
            data = self._write(result)
        except (ValueError, TypeError) as error:
            _log.warning("a result is not kept: %s", error)
            return
        if len(data) > most:
            return
        part = path.with_name(f"{key}.{secrets.token_hex(8)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
            self._trim(path, most)
        except OSError as error:
            _log.warning("a result could not be kept: %s", error)
            _unlink(part)

    def _trim(self, newest: Path, most: int) -> None:
        """Delete what is too much, and what a process that ended has left behind."""
        found = []
        for path in newest.parent.iterdir():
            try:
                state = path.stat()
            except OSError:  # another process was faster
                continue
            if path.suffix == ".part" and time.time() - state.st_mtime > _PART_SECONDS:
                _unlink(path)
            elif path.suffix == ".result" and path != newest:
                found.append((state.st_mtime, state.st_size, path))
        size = newest.stat().st_size
        for _, bytes_, path in sorted(found, reverse=True):
            size += bytes_
            if size > most:
                _unlink(path)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError("a key has 64 hexadecimal digits")
        return self._folder() / f"{key}.result"


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        _log.debug("a kept result could not be deleted", exc_info=True)
