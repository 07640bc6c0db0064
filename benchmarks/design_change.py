"""How long the counting of a design takes after one edit, for each design to begin with.

    OMP_NUM_THREADS=1 python -m benchmarks.design_change

An edit adds a ReLU after one of the blocks, each in turn, so that no text has been counted before;
the clock runs while `count_text` reads it, places its blocks and counts them, as the page Design
does after each change. What the page draws then is not part of it. As in the server, what is loaded
is left out of the garbage collector's rounds. Needs a quiet machine.
"""

from __future__ import annotations

import argparse
import gc
import time
from statistics import median

from convviz.networks.design_starts import STARTS, start
from convviz.structure.design_costs import count_text
from tests.load.visitor import percentile


def main() -> None:
    """Measure each start and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", default=",".join(STARTS))
    parser.add_argument("--edits", type=int, default=50)
    options = parser.parse_args()
    print("| design | blocks | edits | median | 95th percentile |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in options.starts.split(","):
        seconds = measure(name, options.edits)
        blocks, slow = len(start(name).blocks), percentile(seconds, 0.95)
        print(f"| {name} | {blocks} | {len(seconds)} | {median(seconds):.3f} s | {slow:.3f} s |")


def measure(name: str, edits: int) -> list[float]:
    """Return the seconds that the counting took after each edit of a start."""
    lines = start(name).text.splitlines()
    count_text("\n".join(lines))  # what is imported and set up once is no part of an edit
    gc.collect()
    gc.freeze()
    seconds = []
    for number in range(edits):
        line = 2 + number % (len(lines) - 2)  # after the name and the input
        text = "\n".join([*lines[:line], f"relu  # {number}", *lines[line:]])
        begin = time.perf_counter()
        counted = count_text(text)
        seconds.append(time.perf_counter() - begin)
        if counted.error is not None:
            raise SystemExit(f"{name} does not fit any more: {counted.error}")
    return seconds


if __name__ == "__main__":
    main()
