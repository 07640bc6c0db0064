"""Where the server's CPU time goes while visitors look around: the real app, sampled.

    python -m benchmarks.load --visitors 4 --rounds 2

Visitors as those of tests/load make their visits at once, without pauses. Prints the CPU time of a
visit, the functions of convviz that it goes into, with and without what they call, and the places
in other packages. What is imported while the server warms up is not counted. Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.load.server import Server
from tests.load.simulation import VISIT, Class, Pace, cpu_table, table

Stacks = dict[tuple[str, ...], float]


def main() -> None:
    """Start the app, let visitors in, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--think", type=float, default=0.0, help="seconds between two actions")
    parser.add_argument("--top", type=int, default=30)
    parser.add_argument("--threads", default="1", help="OMP_NUM_THREADS of the server")
    parser.add_argument("--no-sampling", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples.json"
        settings = {"CONVVIZ_SAMPLES": str(samples), "OMP_NUM_THREADS": options.threads}
        launcher = ("-m", "streamlit") if options.no_sampling else ("-m", "benchmarks.sampled")
        with Server(Path(folder), settings=settings, launcher=launcher) as server:
            visitors = Class(server)
            visitors.warm_up()
            pace = Pace(options.think, options.think)
            rounds = [visitors.round(1, pace)]
            before = _read(samples)
            rounds += [visitors.round(options.visitors, pace) for _ in range(options.rounds)]
            after = _read(samples)
        many = rounds[1:]
        print(table(rounds))
        print(cpu_table(rounds))
        for fault in (*visitors.owners.wrong, *(f for each in rounds for f in each.faults)):
            print("!", fault)
        print(
            f"{visitors.owners.checked} pictures, {visitors.owners.own} of them one visitor's own"
        )
        visits = options.visitors * len(many)
        print(
            f"{sum(each.cpu for each in many) / visits:.2f} CPU s a visit of {len(VISIT)} actions"
        )
        if not options.no_sampling:
            _print_places(before, after, visits, options.top)


def _read(file: Path) -> tuple[Stacks, float]:
    if "CONVVIZ_SAMPLES" not in os.environ and not file.exists():
        return {}, 0.0
    time.sleep(2.5)  # it is written once a second
    data = json.loads(file.read_text(encoding="utf-8"))
    return {tuple(stack): seconds for stack, seconds in data["stacks"]}, data["native"]


def _print_places(
    before: tuple[Stacks, float], after: tuple[Stacks, float], visits: int, top: int
) -> None:
    stacks = {stack: s - before[0].get(stack, 0.0) for stack, s in after[0].items()}
    native = after[1] - before[1]
    total = sum(stacks.values()) + native
    within: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    leaves: Counter[str] = Counter()
    for stack, seconds in stacks.items():
        own = [name for name in stack if name.startswith(("convviz.", "app:", "pages."))]
        alone[own[-1] if own else _outside(stack)] += seconds
        for name in set(own):
            within[name] += seconds
        leaves[" < ".join(reversed(stack[-2:]))] += seconds
    alone["threads that Python knows nothing of"] = native
    print(f"\n{total / visits:.2f} CPU s a visit were sampled")
    for title, counter in (
        ("functions of convviz, with what they call", within),
        ("functions of convviz, the innermost one", alone),
        ("innermost functions", leaves),
    ):
        print(f"\n| share | CPU s a visit | {title} |\n| ---: | ---: | --- |")
        for name, seconds in counter.most_common(top):
            print(f"| {seconds / total:.1%} | {seconds / visits:.3f} | {name} |")


def _outside(stack: Sequence[str]) -> str:
    """Name what runs outside convviz: Streamlit's own loop, say."""
    inside = [name for name in stack if name.startswith("streamlit.")]
    return inside[-1] if inside else stack[min(2, len(stack) - 1)]


if __name__ == "__main__":
    main()
