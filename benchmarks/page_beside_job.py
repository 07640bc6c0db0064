"""How long a page's pass takes while a job runs, against the same pass with nothing beside it.

    python -m benchmarks.page_beside_job --network vgg16 --layer features.28

A reconstruction runs as a job in a thread, as on the server; this thread makes the passes of a
page, which needs the maps of a layer, with pauses between them. The passes are made alone, beside a
job with the gate and the lower priority of `convviz.jobs.gate`, and beside a job without them, in
turns. Prints the medians, and how many steps a second the job took meanwhile. The goal: at most 1.5
times as long as alone.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from convviz import limits
from convviz.features.activations import activations
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.jobs.gate import Gate, give_way
from convviz.jobs.runner import LocalRunner
from convviz.networks.network import Network
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.progress import plan, reconstruct_one
from convviz.structure.layers import layer
from convviz.weights.load import load

GOAL = 1.5
PAUSE = 0.3  # seconds between two passes
ALONE, GATED, UNGATED = "alone", "beside a job", "beside a job, without the gate"
CASES = (ALONE, GATED, UNGATED)


@contextmanager
def job(network: Network, name: str, gate: Gate, *, gives_way: bool) -> Iterator[LocalRunner]:
    """Run a reconstruction beside what is inside."""

    def prepare() -> None:
        if gives_way:
            give_way()
        torch.set_num_threads(limits.threads())

    runner = LocalRunner(gate=gate, prepare=prepare)
    config = ReconstructionConfig(layer=name, seconds=600.0)
    image = decode(sample("cat").read())
    work = plan(network, layer(network, name), image, "Cat", config)
    job_id = runner.submit(reconstruct_one, owner="benchmark", title="a run", plan=work)
    while (newest := runner.view(job_id, "benchmark").newest) is None or newest.step < 2:
        time.sleep(0.05)
    try:
        yield runner
    finally:
        runner.stop(job_id, "benchmark")
        runner.close(timeout=30.0)


def passes(network: Network, name: str, gate: Gate, count: int) -> list[float]:
    """Make a page's passes; return the seconds of each."""
    image = decode(sample("coffee").read())
    seconds = []
    for _ in range(count):
        time.sleep(PAUSE)
        began = time.perf_counter()
        with gate.page():
            activations(network, image, name)
        seconds.append(time.perf_counter() - began)
    return seconds


def measure(network: Network, name: str, case: str, count: int) -> tuple[list[float], float]:
    """Return the seconds of some passes, and the job's steps per second meanwhile."""
    gate = Gate()
    if case == ALONE:
        return passes(network, name, gate, count), 0.0
    with job(network, name, gate, gives_way=case == GATED) as runner:
        (before,) = runner.mine("benchmark")
        began = time.perf_counter()
        # A gate that the job does not know of holds nobody up.
        seconds = passes(network, name, gate if case == GATED else Gate(), count)
        duration = time.perf_counter() - began
        (after,) = runner.mine("benchmark")
    return seconds, (after.newest.step - before.newest.step) / duration


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="vgg16")
    parser.add_argument("--layer", default="features.28")
    parser.add_argument("--passes", type=int, default=10, help="in each turn")
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(limits.threads())
    network = load(args.network)
    passes(network, args.layer, Gate(), 2)  # the first ones reserve memory
    seconds: dict[str, list[float]] = {case: [] for case in CASES}
    steps: dict[str, list[float]] = {case: [] for case in CASES}
    for turn in range(args.turns):
        for case in CASES if turn % 2 == 0 else reversed(CASES):
            taken, rate = measure(network, args.layer, case, args.passes)
            seconds[case] += taken
            steps[case].append(rate)
    print(f"{args.network}:{args.layer}, {torch.get_num_threads()} threads")
    print("| a page's pass | median, s | of alone | the job's steps per second |")
    print("| --- | ---: | ---: | ---: |")
    alone = statistics.median(seconds[ALONE])
    for case in CASES:
        median = statistics.median(seconds[case])
        rate = "" if case == ALONE else f"{statistics.median(steps[case]):.2f}"
        print(f"| {case} | {median:.3f} | {median / alone:.2f} | {rate} |")
    ratio = statistics.median(seconds[GATED]) / alone
    print(f"goal, at most {GOAL:g}: {'met' if ratio <= GOAL else 'not met'}")


if __name__ == "__main__":
    main()
