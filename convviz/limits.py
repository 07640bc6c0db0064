"""Every limit that whoever starts convviz can set: one table, checked when it starts.

A limit is an environment variable whose value is a whole number. The app and the command line read
the same table. It is read when it is needed, so a change takes effect with the next start.

`python -m convviz.limits` writes the table as README.md and SECURITY.md have it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from convviz.errors import SettingError

_CORES_PER_WORKER = 16  # about as many as one optimisation can use well


@dataclass(frozen=True)
class Limit:
    """A number that bounds what the server spends.

    Attributes:
        name: The environment variable.
        usual: Its value where the variable is not set.
        unit: What is counted.
        least: The smallest value that makes sense.
        most: The largest one.
        bounds: What it bounds, as a phrase.
        find_usual: Works out the usual value on this machine, where that is not a fixed number.
    """

    name: str
    usual: int
    unit: str
    least: int
    most: int
    bounds: str
    find_usual: Callable[[], int] | None = None

    @property
    def value(self) -> int:
        """The number that holds.

        Raises:
            SettingError: The variable has a value that is none.
        """
        text = os.environ.get(self.name, "").strip()
        if not text:
            return self.find_usual() if self.find_usual else self.usual
        allowed = f"a whole number of {self.unit} from {self.least:,} to {self.most:,}"
        # Not int(), which also takes "1_000", "٣" and 5,000 digits.
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
            shown = text if len(text) <= 40 else text[:39] + "…"
            raise SettingError(
                f"{self.name} is set to {shown!r}, which is not a whole number: it bounds "
                f"{self.bounds}, so set it to {allowed}, or leave it out."
            )
        value = int(text)
        if not self.least <= value <= self.most:
            size = "small" if value < self.least else "large"
            raise SettingError(
                f"{self.name} is set to {value:,}, which is too {size}: it bounds {self.bounds}, "
                f"so set it to {allowed}, or leave it out."
            )
        return value

    @property
    def bytes(self) -> int:
        """The number that holds, of a limit in megabytes, in bytes (1 MB is a million bytes)."""
        return self.value * 1_000_000


def cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """Return how many threads PyTorch may use at once: OMP_NUM_THREADS, or one for each core."""
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isascii() and text.isdigit() and int(text) else cores()


def _workers() -> int:
    return max(1, cores() // _CORES_PER_WORKER)


# Long work
WORKERS = Limit(
    *("CONVVIZ_WORKERS", 1, "runs", 1, 64),
    "how many long runs work at a time (usually one for every 16 processor cores)",
    _workers,
)
RUN_SECONDS = Limit("CONVVIZ_RUN_SECONDS", 300, "seconds", 10, 86_400, "how long a run may take")
WAITING_RUNS = Limit("CONVVIZ_WAITING_RUNS", 30, "runs", 1, 10_000, "how many runs may wait")
GONE_SECONDS = Limit(
    *("CONVVIZ_GONE_SECONDS", 120, "seconds", 10, 86_400),
    "how long a run goes on while nobody looks at it",
)
KEPT_RUNS = Limit(
    *("CONVVIZ_KEPT_RUNS", 200, "runs", 1, 100_000), "how many ended runs keep their results"
)
KEPT_MEGABYTES = Limit(
    *("CONVVIZ_KEPT_MEGABYTES", 256, "MB", 1, 1_000_000),
    "how much memory their results take together",
)
KEPT_SECONDS = Limit(
    *("CONVVIZ_KEPT_SECONDS", 1800, "seconds", 10, 604_800),
    "how long a result is kept after its visitor has last looked at it",
)
TURN_SECONDS = Limit(
    *("CONVVIZ_TURN_SECONDS", 4, "seconds", 1, 86_400),
    "how long a run works before the next one has its turn, where several wait",
)
STORED_MEGABYTES = Limit(
    *("CONVVIZ_STORED_MEGABYTES", 500, "MB", 0, 1_000_000),
    "results made from samples that are kept on disk for whoever asks for the same",
)
SHARED_RUNS = Limit(
    *("CONVVIZ_SHARED_RUNS", 100, "results", 1, 100_000), "how many results are shared by a link"
)
SHARED_MEGABYTES = Limit(
    *("CONVVIZ_SHARED_MEGABYTES", 200, "MB", 1, 1_000_000), "how much memory these take together"
)
SHARED_HOURS = Limit(
    *("CONVVIZ_SHARED_HOURS", 24, "hours", 1, 24), "how long each is shared, with its image"
)

# Long work on a cluster
CLUSTER_LOCAL_RUNS = Limit(
    *("CONVVIZ_CLUSTER_LOCAL_RUNS", 1, "runs", 0, 64),
    "how many runs this server works on at a time while its cluster cannot be reached",
)
CLUSTER_WORK_MEGABYTES = Limit(
    *("CONVVIZ_CLUSTER_WORK_MEGABYTES", 200, "MB", 1, 4_000),
    "what one part of a run may send to a cluster",
)
CLUSTER_WORKS_MEGABYTES = Limit(
    *("CONVVIZ_CLUSTER_WORKS_MEGABYTES", 2000, "MB", 1, 1_000_000),
    "what all runs that wait or work have sent to a cluster together",
)
CLUSTER_ITEM_MEGABYTES = Limit(
    *("CONVVIZ_CLUSTER_ITEM_MEGABYTES", 100, "MB", 1, 4_000),
    "what a cluster may send back of a run at once",
)

# What visitors bring
UPLOAD_MEGABYTES = Limit(
    *("CONVVIZ_UPLOAD_MEGABYTES", 200, "MB", 1, 200), "the size of any file that is sent"
)
VISITOR_MEGABYTES = Limit(
    *("CONVVIZ_VISITOR_MEGABYTES", 250, "MB", 1, 100_000),
    "the files of one visitor together; the oldest go first",
)
SERVER_MEGABYTES = Limit(
    *("CONVVIZ_SERVER_MEGABYTES", 2000, "MB", 1, 1_000_000),
    "the files of all visitors together; one more is refused",
)
IMAGE_MEGABYTES = Limit(
    *("CONVVIZ_IMAGE_MEGABYTES", 20, "MB", 1, 200), "the size of an image's file"
)
IMAGE_MEGAPIXELS = Limit(
    *("CONVVIZ_IMAGE_MEGAPIXELS", 25, "million pixels", 1, 500), "the size of an image"
)
ZIP_FILES = Limit(
    *("CONVVIZ_ZIP_FILES", 2000, "files", 1, 100_000), "how many pictures a zip may hold"
)
ZIP_MEGABYTES = Limit(
    *("CONVVIZ_ZIP_MEGABYTES", 200, "MB", 1, 100_000), "what a zip unpacks to, in all"
)

LIMITS = (
    *(WORKERS, RUN_SECONDS, WAITING_RUNS, GONE_SECONDS, KEPT_RUNS, KEPT_MEGABYTES, KEPT_SECONDS),
    *(TURN_SECONDS, STORED_MEGABYTES, SHARED_RUNS, SHARED_MEGABYTES, SHARED_HOURS),
    *(CLUSTER_LOCAL_RUNS, CLUSTER_WORK_MEGABYTES, CLUSTER_WORKS_MEGABYTES, CLUSTER_ITEM_MEGABYTES),
    *(UPLOAD_MEGABYTES, VISITOR_MEGABYTES, SERVER_MEGABYTES),
    *(IMAGE_MEGABYTES, IMAGE_MEGAPIXELS, ZIP_FILES, ZIP_MEGABYTES),
)
"""All limits, in the order of the table."""


DEVICE = "CONVVIZ_DEVICE"


def device() -> str:
    """Return the device that optimisations are to run on: "auto", "cpu", "cuda", "cuda:1", "mps".

    Raises:
        SettingError: The variable names none.
    """
    name = os.environ.get(DEVICE, "").strip().lower() or "auto"
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,2})?", name):
        raise SettingError(
            f"{DEVICE} is set to {name[:40]!r}, which is no device: set it to auto, cpu, cuda, "
            "cuda:1 for the second NVIDIA GPU, or mps for Apple's, or leave it out."
        )
    return name


def check() -> None:
    """Check every limit; whatever starts convviz calls this first.

    Raises:
        SettingError: A variable has a value that cannot hold, alone or beside another.
    """
    for limit in LIMITS:
        _ = limit.value
    device()
    if UPLOAD_MEGABYTES.value > VISITOR_MEGABYTES.value:
        raise SettingError(
            f"{VISITOR_MEGABYTES.name} is {VISITOR_MEGABYTES.value:,} MB and "
            f"{UPLOAD_MEGABYTES.name} is {UPLOAD_MEGABYTES.value:,} MB: a visitor could not hold "
            "one file of the largest size; raise the first or lower the second."
        )
    if VISITOR_MEGABYTES.value > SERVER_MEGABYTES.value:
        raise SettingError(
            f"{SERVER_MEGABYTES.name} is {SERVER_MEGABYTES.value:,} MB and "
            f"{VISITOR_MEGABYTES.name} is {VISITOR_MEGABYTES.value:,} MB: one visitor's files "
            "would not fit; raise the first or lower the second."
        )
    if CLUSTER_WORK_MEGABYTES.value > CLUSTER_WORKS_MEGABYTES.value:
        raise SettingError(
            f"{CLUSTER_WORKS_MEGABYTES.name} is {CLUSTER_WORKS_MEGABYTES.value:,} MB and "
            f"{CLUSTER_WORK_MEGABYTES.name} is {CLUSTER_WORK_MEGABYTES.value:,} MB: one run of the "
            "largest size could not be sent; raise the first or lower the second."
        )


def table() -> str:
    """Write the table of all limits in Markdown."""
    rows = [
        f"| `{limit.name}` | {limit.usual:,} {limit.unit} | {limit.least:,} to {limit.most:,} | "
        f"{limit.bounds} |"
        for limit in LIMITS
    ]
    return "\n".join(
        ("| variable | usually | may be | bounds |", "| --- | --- | --- | --- |", *rows)
    )


def main() -> int:
    """Check the limits of this environment and write the table; 2 and a sentence if one is bad."""
    try:
        check()
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(table() + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
