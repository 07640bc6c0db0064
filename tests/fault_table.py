"""The table of faults and hostile input: `make test-load` prints it and writes docs/FAULTS.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.peak_memory import Use

REPORT = Path(__file__).parent.parent / "docs" / "FAULTS.md"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was done to convviz.
        must: What must hold.
        measured: What was found.
    """

    what: str
    must: str
    measured: str


ROWS: list[Row] = []
"""What the tests of this run have noted, in their order."""


def note(what: str, must: str, measured: str) -> None:
    """Note one line; the test that does so also asserts what must hold."""
    ROWS.append(Row(what, must, measured))


def largest(uses: Sequence[Use], held_in: Path | None = None) -> str:
    """Say how many files there were, and what the worst of them took.

    Args:
        uses: What became of the files.
        held_in: Their folder, where the memory of a file itself is its caller's and left out.
    """
    held = {use: (held_in / use.name).stat().st_size / 1e6 if held_in else 0.0 for use in uses}
    megabytes = max(use.megabytes - held[use] for use in uses)
    seconds = max(use.seconds for use in uses)
    files = "1 file" if len(uses) == 1 else f"{len(uses)} files"
    return f"{files}, at most {megabytes:.0f} MB and {seconds:.2f} s of CPU"


def report(rows: Sequence[Row]) -> str:
    """Write the page."""
    lines = "\n".join(f"| {row.what} | {row.must} | {row.measured} |" for row in rows)
    return f"""# Faults and hostile input

What large, broken and malicious files cost, and what became of runs that were cut off. Memory is
the growth of the process at its peak. The other promises of SECURITY.md are held by the tests that
run every time.

Written by `make test-load` on {date.today():%Y-%m-%d}: {machine()}.

| what | must hold | measured |
| --- | --- | --- |
{lines}
"""


def machine() -> str:
    """Describe the machine: its kind of processor, how many may be used, and how busy it was."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.is_file():
        lines = information.read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = (
        f", load average {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    )
    return f"{cores} cores of {model}, {platform.system()}{busy}"
