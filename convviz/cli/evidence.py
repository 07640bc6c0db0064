"""`python -m convviz evidence`: what in a picture speaks for a class."""

from __future__ import annotations

import argparse
import io
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convviz.cli.options import find_layer, json_output, load_network, network, read_image
from convviz.cli.output import ProgressBar, check_target, write, write_json
from convviz.errors import SettingError

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from convviz.features.class_target import ClassTarget
    from convviz.networks.network import Network
    from convviz.structure.layers import Layer

_AT_A_LAYER = ("gradcam", "hirescam", "layercam")
_OF_PIXELS = ("gradient", "smoothgrad", "integrated", "guided", "occlusion")
_METHODS = (*_AT_A_LAYER, "cam", *_OF_PIXELS)
_PIXELS = 448  # side of the picture that is written


@dataclass(frozen=True)
class _Evidence:
    """What a method has found.

    Attributes:
        map: None below 0, on the layer's grid or that of the pixels, shape (H, W).
        arrays: What else the archive holds, by name.
        layer: The layer; None for a method that looks at pixels.
        box: Where the map lies on the input; None for all of it.
        side: Side of that input, in pixels; None for that of the picture.
        facts: What else the JSON holds.
        lines: What is printed besides.
    """

    map: Tensor
    arrays: dict[str, Tensor]
    layer: Layer | None = None
    box: tuple[float, float, float, float] | None = None
    side: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "evidence",
        parents=[json_output(), network()],
        help="what in a picture speaks for a class",
        description="Show what in a picture speaks for a class: in the maps of a layer (gradcam, "
        "hirescam, layercam, or cam where averages and one linear layer follow the last maps), or "
        "in the picture's pixels (gradient, smoothgrad, integrated, guided, occlusion).",
    )
    parser.add_argument("image", metavar="IMAGE", help="a picture's file, or sample:cat")
    parser.add_argument(
        "--class",
        dest="class_name",
        metavar="NAME|INDEX",
        help="the class: a name of it or, where no class is called so, its number (default: the "
        "most probable one)",
    )
    parser.add_argument(
        "--against",
        metavar="NAME|INDEX",
        help="why the one class and not this one: the difference of the two scores",
    )
    parser.add_argument("--method", default="gradcam", choices=_METHODS, help="(default: gradcam)")
    parser.add_argument(
        "--layer",
        metavar="LAYER",
        help="dotted name (features.6) or title (conv3), for gradcam, hirescam and layercam "
        "(default: the last one with maps that the score depends on)",
    )
    parser.add_argument(
        "--samples", type=int, default=25, help="of smoothgrad: copies with noise (default: 25)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of smoothgrad's noise (default: 0)")
    parser.add_argument(
        "--most-steps",
        type=int,
        default=243,
        help="of integrated: gradients at most, until completeness is within 1 %% (default: 243)",
    )
    parser.add_argument("--out", metavar="FILE.png", help="write the map over the picture")
    parser.add_argument(
        "--npz",
        metavar="FILE.npz",
        help="write the numbers: map is on the layer's own grid (or the pixels'), what is negative "
        "set to 0, and not scaled",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    check_target(args.json)
    check_target(args.out, ".png")
    check_target(args.npz, ".npz")
    if args.layer is not None and args.method not in _AT_A_LAYER:
        raise SettingError(
            f"The method {args.method} looks at no layer that could be chosen: leave --layer out, "
            f"or choose {', '.join(_AT_A_LAYER)}."
        )
    image = read_image(args.image)

    from convviz.features.class_target import ClassTarget, class_scores, decoder_input, find_class
    from convviz.features.evidence_json import evidence_json
    from convviz.features.findings import what_is_scored
    from convviz.features.score_before_softmax import are_scores_reached, final_activation_of

    with ProgressBar() as progress:
        network = load_network(args, progress)
        batch = decoder_input(network, image)
        scores, final = class_scores(network, batch), final_activation_of(network)
        index = int(scores[0].argmax())
        if args.class_name is not None:
            index = find_class(network, args.class_name)
        against = None if args.against is None else find_class(network, args.against)
        target = ClassTarget(index, against)
        start = time.perf_counter()
        evidence = _find(network, image, target, args, progress)
        seconds = time.perf_counter() - start
    if args.out is not None:
        write(args.out, _picture(network, image, evidence))
    if args.npz is not None:
        _write_archive(args.npz, evidence)
    if args.json is not None:
        values = evidence_json(
            network, target, scores, args.method, evidence.layer, evidence.map, evidence.facts
        )
        write_json(args.json, values | {"seconds": round(seconds, 4)})
    if args.json != "-":
        _print(network, target, scores, args.method, evidence)
        if final is not None:
            print(what_is_scored(final, is_reached=are_scores_reached(network, batch)))
    return 0


def _find(
    network: Network,
    image: Image.Image,
    target: ClassTarget,
    args: argparse.Namespace,
    progress: ProgressBar,
) -> _Evidence:
    if args.method in _AT_A_LAYER:
        return _at_a_layer(network, image, target, args)
    if args.method == "cam":
        return _cam(network, image, target)
    if args.method == "occlusion":
        return _occlusion(network, image, target, progress)
    return _saliency(network, image, target, args, progress)


def _at_a_layer(
    network: Network, image: Image.Image, target: ClassTarget, args: argparse.Namespace
) -> _Evidence:
    from convviz.features import grad_cam
    from convviz.features.evidence_json import class_map_facts

    layer = (
        grad_cam.last_with_maps(network) if args.layer is None else find_layer(network, args.layer)
    )
    found = grad_cam.grad_cam(network, image, layer.name, target, args.method)
    if args.layer is None and not found.is_reached:
        reached = grad_cam.reached_before(network, image, found)
        if reached is not None:
            layer = reached
            found = grad_cam.grad_cam(network, image, layer.name, target, args.method)
    grad_cam.check_reached(network, image, found)
    box, side = grad_cam.evidence_box(network, layer.name)
    contributions, facts = found.contributions, class_map_facts(found)
    return _Evidence(
        found.map,
        {
            "evidence": found.evidence,
            "weights": found.weights,
            "contributions": contributions,
        },
        layer,
        box,
        side,
        facts,
        tuple(
            f"Channel {each['channel']}: {each['contribution']:+.3g}" for each in facts["channels"]
        ),
    )


def _cam(network: Network, image: Image.Image, target: ClassTarget) -> _Evidence:
    from convviz.errors import NetworkError
    from convviz.features.class_evidence import class_activation_map
    from convviz.features.grad_cam import evidence_box

    found = class_activation_map(network, image, target)
    if found is None:
        raise NetworkError(
            f"In {network.title} more than averages and one linear layer follows the last maps, or "
            "the linear layer makes nothing of them, so class activation mapping does not apply: "
            "choose gradcam."
        )
    box, side = evidence_box(network, found.layer.name)
    arrays = {"evidence": found.evidence, "weights": found.weights}
    return _Evidence(found.map, arrays, found.layer, box, side, {"bias": found.bias})


def _occlusion(
    network: Network, image: Image.Image, target: ClassTarget, progress: ProgressBar
) -> _Evidence:
    from convviz.features.occlusion import occlude_class

    for step in occlude_class(network, image, target):
        progress.show(step.fraction, f"{step.done} of {step.total} places covered")
    return _Evidence(step.map, {"falls": step.falls}, facts={"patch": step.patch})


def _saliency(
    network: Network,
    image: Image.Image,
    target: ClassTarget,
    args: argparse.Namespace,
    progress: ProgressBar,
) -> _Evidence:
    from convviz.features import findings
    from convviz.features.evidence_json import saliency_facts
    from convviz.features.saliency import find_saliency

    steps = find_saliency(
        network,
        image,
        target,
        args.method,
        samples=args.samples,
        seed=args.seed,
        most_steps=args.most_steps,
    )
    for step in steps:
        progress.show(step.fraction, f"{step.done} gradients")
    found = step.saliency
    lines = (findings.completeness(found),) if found.method == "integrated" else ()
    arrays = {"attribution": found.attribution}
    return _Evidence(found.map, arrays, facts=saliency_facts(found), lines=lines)


def _picture(network: Network, image: Image.Image, evidence: _Evidence) -> bytes:
    from convviz.features.capture import network_crop
    from convviz.images.encode import png
    from convviz.sprites.overlay import overlay

    square = network_crop(network, image).resize((_PIXELS, _PIXELS))
    return png(overlay(square, evidence.map, box=evidence.box, side=evidence.side))


def _write_archive(target: str, evidence: _Evidence) -> None:
    """Write the archive of numbers.

    Raises:
        SettingError: It cannot be written.
    """
    import numpy as np

    file = io.BytesIO()
    tensors = {"map": evidence.map} | evidence.arrays
    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in tensors.items()}
    np.savez(file, **arrays)
    write(target, file.getvalue())


def _print(
    network: Network, target: ClassTarget, scores: Tensor, method: str, evidence: _Evidence
) -> None:
    from convviz.formatting import probability

    layer = evidence.layer
    where = "pixels" if layer is None else layer.title
    shape = "×".join(map(str, evidence.map.shape))
    print(f"{network.title}, {target.title(network)}: {method}, {where}, {shape}")
    print(f"Weights: {network.weights.title} (source {network.weights.source})")
    share = probability(float(target.probability(network, scores)[0]))
    print(f"Score {float(target.score(scores)[0]):.3f}, probability {share}")
    print(f"Largest value: {float(evidence.map.max()):.3g}")
    for line in evidence.lines:
        print(line)
