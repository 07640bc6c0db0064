"""Processor time and memory of `layers` and `costs` for every classifier of torchvision.

    OMP_NUM_THREADS=1 python -m benchmarks.networks > benchmarks/NETWORKS.md

Each command runs in a process of its own, which is forked after `import torch, torchvision`; its
seconds of processor time count from there, and its memory is the largest that the process had,
PyTorch included. Processor time hardly depends on what else runs on the machine; with one thread it
is about what a clock shows on a quiet one. The first line of the table is a process that does
nothing else. Works on Linux and macOS.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torchvision

_KIB = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes or in kibibytes
_COMMANDS = ("layers", "costs")


@dataclass(frozen=True)
class Measured:
    """One process.

    Attributes:
        seconds: Of processor time, from the fork to its end.
        bytes: The largest memory that it had.
        status: Its exit status.
    """

    seconds: float
    bytes: int
    status: int


def measure(work: Callable[[], int]) -> Measured:
    """Run something in a forked process, its output thrown away."""
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os._exit(work())
    _, status, usage = os.wait4(child, 0)
    seconds = usage.ru_utime + usage.ru_stime
    return Measured(seconds, usage.ru_maxrss * _KIB, os.waitstatus_to_exitcode(status))


def command(words: list[str]) -> int:
    """Run a command of convviz, which is imported here for the first time."""
    from convviz.cli import main

    return main(words)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="default: all")
    args = parser.parse_args()
    names = args.networks or torchvision.models.list_models(module=torchvision.models)
    empty = measure(lambda: 0)
    print("# `layers` and `costs` of every classifier of torchvision\n")
    print(
        "Seconds of processor time beyond `import torch, torchvision`, and the largest memory of "
        "the process, PyTorch included; written by `python -m benchmarks.networks`.\n"
    )
    print(
        f"Measured with torch {torch.__version__}, torchvision {torchvision.__version__}, Python "
        f"{platform.python_version()}, {os.cpu_count()} processor cores, threads: "
        f"{torch.get_num_threads()}; load average at the start {os.getloadavg()[0]:.1f}.\n"
    )
    print("| network | layers, s | layers, MB | costs, s | costs, MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    megabytes = f"{empty.bytes / 1e6:.0f}"
    print(f"| (import torch, torchvision alone) | 0 | {megabytes} | 0 | {megabytes} |")
    slowest, largest = 0.0, 0
    for name in names:
        runs = [measure(lambda words=[what, name]: command(words)) for what in _COMMANDS]
        if any(run.status for run in runs):
            raise SystemExit(f"{name}: a command failed")
        cells = [f"{run.seconds:.2f} | {run.bytes / 1e6:.0f}" for run in runs]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
        slowest = max(slowest, *(run.seconds for run in runs))
        largest = max(largest, *(run.bytes for run in runs))
    print(
        f"\nThe slowest took {slowest:.2f} s of processor time beyond `import torch, torchvision`, "
        f"the largest {largest / 1e6:.0f} MB; load average at the end {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
