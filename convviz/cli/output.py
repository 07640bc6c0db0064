"""Where commands put what they have to say: files, JSON, tables, a line of progress."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from convviz.errors import SettingError


class Progress:
    """Shows on a terminal how far something is, in one line, and nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = 0

    def __enter__(self) -> Self:
        """Show nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the line away."""
        if self._shown:
            print("\r" + " " * self._shown + "\r", end="", file=sys.stderr, flush=True)

    def show(self, text: str) -> None:
        """Replace the line."""
        if sys.stderr.isatty():
            print(f"\r{text:<{self._shown}}", end="", file=sys.stderr, flush=True)
            self._shown = len(text)

    def megabytes(self, received: int, total: int) -> None:
        """Show how many bytes of how many have come."""
        self.show(f"fetching: {received / 1e6:.1f} of {total / 1e6:.1f} MB")


WEIGHTS_HELP = (
    "auto, imagenet, bundled, encoder, own or random, or a FILE.safetensors that train --out has "
    "written (default: auto)"
)


def weights_given(text: str) -> str | Path:
    """Read --weights: the name of a source, or a file that a training has saved."""
    return Path(text) if text.lower().endswith(".safetensors") else text


def check_target(target: str | None, suffix: str = "") -> None:
    """Make sure, before any work is done, that a file can be written.

    Args:
        target: Its name; None for no file, "-" for stdout.
        suffix: What the name has to end with.

    Raises:
        SettingError: It cannot, or the name ends with something else.
    """
    if target is None or target == "-":
        return
    path = Path(target)
    if suffix and path.suffix.lower() != suffix:
        raise SettingError(f"{target} does not end in {suffix}; give the file such a name.")
    if path.is_dir():
        raise SettingError(f"{target} is a folder; give the name of a file.")
    if not path.parent.is_dir():
        raise SettingError(f"{target} cannot be written: there is no folder {path.parent}.")


def write(target: str, data: bytes) -> None:
    """Write a file; "-" means stdout.

    Raises:
        SettingError: It cannot be written.
    """
    try:
        if target == "-":
            sys.stdout.write(data.decode())
        else:
            Path(target).write_bytes(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SettingError(f"{target} cannot be written: {error.strerror}.") from error


def write_json(target: str, value: Any) -> None:
    """Write plain values as JSON; "-" means stdout.

    Raises:
        SettingError: The file cannot be written.
    """
    write(target, (json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n").encode())


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Line columns up; those that hold only numbers to the right."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(cell.replace(",", "").isdigit() for cell in column[1:]) for column in columns]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in [header, *rows]
    )
