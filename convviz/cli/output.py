"""What commands write: files, JSON, tables, and a bar of progress on a terminal."""

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from tqdm import tqdm

from convviz.errors import SettingError

_BYTES = "{desc}: {n:.1f} of {total:.1f} MB {bar} {remaining} left"
_WORK = "{percentage:3.0f}% {bar} {desc}"


class ProgressBar:
    """A bar on the terminal while something runs; it writes nothing where stderr is not one."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._layout = ""

    def __enter__(self) -> Self:
        """Draw nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()

    def show(self, fraction: float, text: str) -> None:
        """Draw how much of the work is done.

        Args:
            fraction: In 0…1.
            text: What to write beside the bar.
        """
        self._draw(_WORK, fraction, 1.0, text)

    def megabytes(self, received: int, total: int) -> None:
        """Draw how many bytes of how many have been fetched."""
        self._draw(_BYTES, received / 1e6, total / 1e6, "fetching")

    def _draw(self, layout: str, done: float, total: float, text: str) -> None:
        if self._bar is None or self._layout != layout:
            if self._bar is not None:
                self._bar.close()
            self._layout = layout
            self._bar = tqdm(
                desc=text,
                initial=done,
                total=total,
                bar_format=layout,
                file=sys.stderr,
                disable=None,  # where the file is not a terminal
                dynamic_ncols=True,
                leave=False,
            )
        self._bar.total = total
        self._bar.set_description_str(text, refresh=False)
        self._bar.update(done - self._bar.n)


@contextmanager
def interruptible() -> Iterator[list[int]]:
    """Let the first Ctrl-C end the run in good order, and a second one at once."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        handler = signal.signal(signal.SIGINT, note)
    except ValueError:  # not the main thread, which alone gets signals
        yield received
        return
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, handler)


def check_target(target: str | None, suffix: str = "") -> None:
    """Make sure, before any work is done, that a file can be written.

    Args:
        target: Its name; None for no file, "-" for stdout.
        suffix: What the name has to end with; such a file is not text and never goes to stdout.

    Raises:
        SettingError: It cannot, or the name ends with something else.
    """
    if target is None or (target == "-" and not suffix):
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


def write_json(target: str, value: Any, *, indent: int | None = None) -> None:
    """Write plain values as JSON; "-" means stdout.

    Raises:
        SettingError: The file cannot be written.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    write(target, (text + "\n").encode())


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Line columns up; those that hold only numbers, or nothing, to the right."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    aligned_right = [
        all(cell.replace(",", "").isdigit() for cell in column[1:] if cell) for column in columns
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, aligned_right, strict=True)
        ).rstrip()
        for row in [header, *rows]
    )
