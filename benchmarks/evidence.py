"""Do maps of evidence beat chance? Deletion and insertion for every sample photograph.

For each network, photograph and method the areas under the two curves, deletion / insertion
(deletion: less is better, insertion: more is better). Below them stand their means, those of three
shuffled maps, and in how many photographs the map beats all three. The class is the most probable
one.

    python -m benchmarks.evidence
    python -m benchmarks.evidence --networks googlenet --methods gradcam integrated
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Areas:
    """The areas under a map's curves, beside the means of shuffled maps, and what it beats."""

    deletion: float
    random_deletion: float
    insertion: float
    random_insertion: float
    beats_in_deletion: bool
    beats_in_insertion: bool

    @classmethod
    def of(cls, step: DeletionStep) -> Areas:
        """Read them from the last step."""
        deletion, insertion = (
            0.0 if curve is None else curve.area for curve in (step.deletion, step.insertion)
        )
        return cls(
            deletion,
            step.random_deletion_area,
            insertion,
            step.random_insertion_area,
            step.beats_random_in_deletion,
            step.beats_random_in_insertion,
        )


def table(areas: Mapping[str, Mapping[str, Areas]]) -> list[str]:
    """Write a network's table, a column for each method and a row for each photograph.

    Args:
        areas: By method and photograph.
    """
    methods = list(areas)
    images = list(areas[methods[0]])
    rows = [_row("image", *methods), _row("---", *("---:" for _ in methods))]
    for image in images:
        of = [areas[method][image] for method in methods]
        rows.append(_row(image, *(f"{each.deletion:.3f} / {each.insertion:.3f}" for each in of)))
    columns = [list(areas[method].values()) for method in methods]
    means = (f"{_mean(c, 'deletion'):.3f} / {_mean(c, 'insertion'):.3f}" for c in columns)
    chance = (
        f"{_mean(c, 'random_deletion'):.3f} / {_mean(c, 'random_insertion'):.3f}" for c in columns
    )
    won = (
        f"{sum(each.beats_in_deletion for each in column)} / "
        f"{sum(each.beats_in_insertion for each in column)} of {len(images)}"
        for column in columns
    )
    return [
        *rows,
        _row("mean", *means),
        _row("mean, shuffled", *chance),
        _row("better than all three shuffled", *won),
    ]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=["alexnet", "vgg16", "googlenet"])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--images", nargs="+", default=list(names_of_samples()))
    args = parser.parse_args()
    for network in map(load, args.networks):
        areas: dict[str, dict[str, Areas]] = {}
        for method in args.methods:
            areas[method] = {name: Areas.of(test_of(network, name, method)) for name in args.images}
        print(f"{network.title}, {network.weights.title}:\n")
        print("\n".join(table(areas)), flush=True)


def _mean(areas: Sequence[Areas], name: str) -> float:
    return sum(getattr(each, name) for each in areas) / len(areas)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
