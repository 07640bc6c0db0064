"""Record the comparison that the page Auxiliary classifiers opens with.

    python scripts/record_auxiliary.py [--seeds 5]

Trains the small Inception network with and without auxiliary losses on the generated shapes, with
the page's default settings, once for each seed from 0. The result goes to
convviz/learning/data/auxiliary_recording.json after each seed; seeds that are there are kept.
"""

import argparse
import time
from dataclasses import replace

import torch

from convviz import __version__
from convviz.datasets.labelled_set import split
from convviz.datasets.shapes import shapes
from convviz.errors import RecordingError
from convviz.learning import auxiliary_recording, findings
from convviz.learning.auxiliary import Settings, compare_auxiliary
from convviz.learning.auxiliary_recording import RecordedComparisons


def main() -> None:
    """Train what is missing, print each verdict, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    dataset = shapes()
    try:
        comparisons = auxiliary_recording.read().comparisons
    except RecordingError:
        comparisons = ()
    for seed in range(len(comparisons), seeds):
        began = time.perf_counter()
        settings = replace(Settings(), seed=seed)
        *_, comparison = compare_auxiliary(dataset, split(dataset), settings)
        comparisons = (*comparisons, comparison)
        auxiliary_recording.write(
            RecordedComparisons(comparisons, dataset.name, torch.get_num_threads(), __version__)
        )
        print(f"seed {seed}, {time.perf_counter() - began:.0f} s: {findings.learning(comparison)}")


if __name__ == "__main__":
    main()
