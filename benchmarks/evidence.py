"""Do maps of evidence beat chance? Deletion and insertion for every sample photograph.

For each network, photograph and method the areas under the two curves (deletion: less is better,
insertion: more is better), beside the mean of three shuffled maps; the last row of each method
counts in how many photographs the map beats all three. The class is the most probable one.

    python -m benchmarks.evidence
    python -m benchmarks.evidence --networks googlenet --methods gradcam integrated
"""

from __future__ import annotations

import argparse

from convviz.features.class_target import ClassTarget, class_scores, decoder_input
from convviz.features.deletion import DeletionStep, delete_and_insert
from convviz.features.grad_cam import CAM_METHODS, evidence_box, grad_cam, last_with_maps
from convviz.features.occlusion import occlude_class
from convviz.features.saliency import SALIENCY_METHODS, saliency
from convviz.images.decode import decode
from convviz.images.samples import names_of_samples, sample
from convviz.networks.network import Network
from convviz.weights.load import load

METHODS = (*CAM_METHODS, *SALIENCY_METHODS, "occlusion")


def test_of(network: Network, name: str, method: str) -> DeletionStep:
    """Find a method's map for a photograph, and delete and insert its pixels."""
    image = decode(sample(name).read())
    best = int(class_scores(network, decoder_input(network, image))[0].argmax())
    target, box = ClassTarget(best), None
    if method in CAM_METHODS:
        layer = last_with_maps(network).name
        map_ = grad_cam(network, image, layer, target, method).map
        box, _ = evidence_box(network, layer)
    elif method == "occlusion":
        *_, step = occlude_class(network, image, target)
        map_ = step.map
    else:
        map_ = saliency(network, image, target, method).map
    *_, last = delete_and_insert(network, image, target, map_, box=box)
    return last


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=["alexnet", "vgg16", "googlenet"])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--images", nargs="+", default=list(names_of_samples()))
    args = parser.parse_args()
    print("| network | method | image | deletion | shuffled | insertion | shuffled |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |")
    for network in map(load, args.networks):
        for method in args.methods:
            wins = [0, 0]
            for name in args.images:
                step = test_of(network, name, method)
                curves = (step.deletion, step.insertion)
                deletion, insertion = (0.0 if curve is None else curve.area for curve in curves)
                areas = (deletion, step.random_deletion_area, insertion, step.random_insertion_area)
                print(_row(network.name, method, name, *(f"{area:.3f}" for area in areas)))
                wins[0] += step.beats_random_in_deletion
                wins[1] += step.beats_random_in_insertion
            won = [f"**{count} of {len(args.images)}**" for count in wins]
            print(_row(network.name, method, "beats all three", won[0], "", won[1], ""), flush=True)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
