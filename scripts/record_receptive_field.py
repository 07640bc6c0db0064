"""Record what a large receptive field is worth on distant marks, for the page Design.

    python scripts/record_receptive_field.py [--seeds 5] [--epochs 10]

Two designs differ in one line: the first sees 8 pixels of 32 before its maps are averaged, the
second more than the whole image. The result goes to convviz/learning/data/receptive_field.json.
"""

import argparse
import time

from convviz.datasets.distant_marks import distant_marks
from convviz.learning import design_record
from convviz.learning.design_comparison import compare_designs
from convviz.learning.design_findings import design_baselines, design_verdict
from convviz.learning.design_results import DesignSettings
from convviz.networks.design import Design

NEAR = """name sees 8 pixels
input 3x32x32
conv 16 3x3 p1
batchnorm
relu
maxpool 2x2
conv 24 3x3 p1
batchnorm
relu
conv 24 1x1
batchnorm
relu
gap
fc 2
"""
FAR = NEAR.replace("sees 8 pixels", "sees 44 pixels").replace("conv 24 1x1", "conv 24 3x3 p9 d9")


def main() -> None:
    """Train both designs from every seed, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    settings = DesignSettings(epochs=options.epochs, seconds=None, seeds=options.seeds)
    began, said = time.perf_counter(), 0
    for view in compare_designs([Design.parse(NEAR), Design.parse(FAR)], distant_marks(), settings):
        over = sum(len(result.complete) for result in view.results)
        if over > said:
            said = over
            print([result.accuracies for result in view.results], flush=True)
    design_record.write(view)
    print(design_verdict(view), design_baselines(view), sep="\n")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
