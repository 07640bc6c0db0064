"""Record what fine-tuning adds on the generated stripes, for the page Transfer learning.

    python scripts/record_fine_tuning.py [--networks alexnet,vgg16] [--seeds 5]

For each seed: a new last layer on the frozen encoder, then the end of the encoder with it. The
result goes to convviz/learning/data/fine_tuning.json after each seed; seeds that are there are
kept.
"""

import argparse
import time
from dataclasses import replace

import torch

from convviz import __version__
from convviz.datasets.directions import directions
from convviz.datasets.labelled_set import Dataset, partition
from convviz.learning import fine_tuning_record
from convviz.learning.config import TrainingSettings
from convviz.learning.fine_tuning_record import FineTuningRecord, SeedFigures
from convviz.learning.plan import plan, plan_further
from convviz.learning.transfer import train_transfer
from convviz.networks.network import Network
from convviz.weights.load import load

BEFORE = TrainingSettings(epochs=20)
RATE = 0.0001  # of the thawed part, the page's usual one; the decoder's is ten times that
AFTER = TrainingSettings(epochs=12, learning_rate=10 * RATE)
SOURCES = {"googlenet": "bundled"}


def main() -> None:
    """Train what is missing, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default="alexnet,googlenet,vgg16")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    dataset = directions()
    for name in options.networks.split(","):
        network = load(name, SOURCES.get(name, "encoder"), fetch=False)
        records = fine_tuning_record.read()
        seeds = records[name].seeds if name in records else ()
        for seed in range(len(seeds), options.seeds):
            began = time.perf_counter()
            seeds = (*seeds, _figures(network, dataset, seed))
            records[name] = FineTuningRecord(
                name,
                network.weights.source,
                dataset.name,
                BEFORE.epochs or 0,
                AFTER.epochs or 0,
                RATE,
                seeds,
                __version__,
            )
            fine_tuning_record.write(records)
            print(name, seeds[-1], f"{time.perf_counter() - began:.0f} s", flush=True)


def _figures(network: Network, dataset: Dataset, seed: int) -> SeedFigures:
    division = partition(dataset, seed=seed)
    first = plan(network, "last-layer", dataset.classes)
    *_, view = train_transfer(
        stop=lambda: False,
        plan=first,
        dataset=dataset,
        partition=division,
        settings=replace(BEFORE, seed=seed),
    )
    before = view.outcomes[0]
    further = plan_further(load(network.name, before.source), before.about.form, before.trained)
    *_, view = train_transfer(
        stop=lambda: False,
        plan=further,
        dataset=dataset,
        partition=division,
        settings=replace(AFTER, seed=seed),
        before=before,
        history=view.lesson.recipes,
    )
    after = view.outcomes[0]
    if before.tested != after.tested:
        raise RuntimeError("the two were tested with other images")
    return SeedFigures(seed, len(after.tested), sum(before.correct), sum(after.correct))


if __name__ == "__main__":
    main()
