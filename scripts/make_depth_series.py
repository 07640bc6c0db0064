"""Make the depth series that the page Reconstruction opens with.

    python scripts/make_depth_series.py [--networks alexnet ...] [--samples coffee ...]

For each sample photograph that is offered and each of the course's networks with the weights that
come with convviz, the last layer of each stage is reconstructed with its preset, a fixed number
of steps, float32 and one thread. The results go to convviz/reconstruction/data/. What is there
with these settings already is left alone, so that an interrupted run goes on where it was.
"""

import argparse
import time
from collections.abc import Sequence

import torch

from convviz import __version__
from convviz.errors import RecordingError
from convviz.images.decode import decode
from convviz.images.samples import gallery, sample
from convviz.networks.network import Network
from convviz.reconstruction import recorded
from convviz.reconstruction.progress import Plan
from convviz.weights.load import load

STEPS = {
    "alexnet": (40,) * 5,
    "googlenet": (40,) * 6,
    "vgg16": (30, 25, 30, 40, 70),  # a step at its deepest layer takes a second, and leads less far
}
"""For each image, from shallow to deep; the network that takes longest is the last."""


def is_done(network: Network, sample_name: str, plans: Sequence[Plan]) -> bool:
    """Whether a series is there, with these weights and with the plans' layers and settings."""
    try:
        series = recorded.read(network, sample_name).series
    except RecordingError:
        return False
    return [vars(run.config) for run in series.runs] == [vars(plan.config) for plan in plans]


def main() -> None:
    """Compute what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", choices=STEPS, default=list(STEPS))
    names = [each.name for each in gallery()]
    parser.add_argument("--samples", nargs="+", choices=names, default=names)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.networks:
        network = load(name)
        for sample_name in arguments.samples:
            photograph = sample(sample_name)
            image = decode(photograph.read())
            plans = recorded.plans(network, image, photograph.title, STEPS[name])
            if is_done(network, sample_name, plans):
                continue
            began, worked = time.perf_counter(), time.process_time()
            file = recorded.write(recorded.record(network, sample_name, plans, version=__version__))
            seconds = time.perf_counter() - began
            processor = time.process_time() - worked
            size = file.stat().st_size
            print(
                f"{file.name}: {size:,} bytes, {seconds:.0f} s ({processor:.0f} s of a core)",
                flush=True,
            )


if __name__ == "__main__":
    main()
