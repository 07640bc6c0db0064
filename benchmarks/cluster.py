"""A depth series on one and on two workers of a Dask cluster, each of one thread, in turns.

Starts a scheduler and two workers on this machine and lets them reconstruct an image from ten
layers, each with the same number of steps; then the same with one of the workers. Prints the
seconds from the click to the last result, and how much faster two are. Wants two idle cores.

    python -m benchmarks.cluster --network vgg16 --steps 10 --turns 3
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from convviz.images.samples import samples
from convviz.jobs.cluster import ClusterRunner, ClusterSettings
from convviz.jobs.job import Limits, Parts, set_parts
from convviz.networks import device
from convviz.networks.network import Network
from convviz.reconstruction import progress
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.progress import Plan
from convviz.structure.layers import layers
from convviz.weights import load
from tests.jobs.cluster import Cluster, eventually

LAYERS = 10


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="vgg16")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args(argv)

    one, two = compare(options.network, options.steps, options.turns)
    print("| depth series | one worker | two workers | faster | goal |")
    print("| --- | ---: | ---: | ---: | ---: |")
    what = f"{options.network}, {LAYERS} layers, {options.steps} steps each"
    print(f"| {what} | {one:.1f} s | {two:.1f} s | {one / two:.2f}× | 1.50× |")


def compare(network: str, steps: int, turns: int) -> tuple[float, float]:
    """Return the median seconds of the series on one worker and on two."""
    set_parts(progress.reconstruct_series, Parts(progress.cut_series, progress.join_series))
    plans = _plans(network, steps)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with ExitStack() as stack:
        runners = {}
        for workers in seconds:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            runners[workers] = _runner(stack.enter_context(Cluster(folder)), workers)
            _run(runners[workers], plans)  # loads the network
        for _ in range(turns):
            for workers, runner in runners.items():
                seconds[workers].append(_run(runner, plans))
                print(f"{workers} worker(s): {seconds[workers][-1]:.1f} s", flush=True)
        for runner in runners.values():
            runner.close()
    return statistics.median(seconds[1]), statistics.median(seconds[2])


def _plans(name: str, steps: int) -> tuple[Plan, ...]:
    """Plan ten layers, evenly over the network's convolutions and pools."""
    network = load.load(name, fetch=False)
    shown = [each for each in layers(network) if len(each.shape) == 3 and not each.detail]
    chosen = [shown[round(i * (len(shown) - 1) / (LAYERS - 1))] for i in range(LAYERS)]
    config = ReconstructionConfig(steps=steps)
    image = samples()[0]
    return tuple(
        progress.plan(network, each, image.image(), image.title, config) for each in chosen
    )


def _runner(cluster: Cluster, workers: int) -> ClusterRunner:
    cluster.start_scheduler()
    for _ in range(workers):
        cluster.start_worker()
    runner = ClusterRunner(
        ClusterSettings(cluster.address),
        limits=Limits(seconds=3600.0),
        reduce={Network: load.reference},
        prepare=device.use_threads,
    )
    eventually(lambda: runner._workers() == workers)
    return runner


def _run(runner: ClusterRunner, plans: tuple[Plan, ...]) -> float:
    """Do the series once; return how many seconds it took."""
    start = time.perf_counter()
    job = runner.submit(progress.reconstruct_series, owner="benchmark", title="series", plans=plans)
    while (view := runner.view(job, "benchmark")).live:
        time.sleep(0.1)
    seconds = time.perf_counter() - start
    if view.state != "done" or [run.step for run in view.newest.runs] != [
        plan.config.steps for plan in plans
    ]:
        raise SystemExit(f"The series did not end as planned: {view.state} {view.error}")
    runner.forget(job, "benchmark")
    return seconds


if __name__ == "__main__":
    main()
