"""`python -m convviz reconstruct`: find the image that a layer cannot tell from a given one."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from convviz.cli.options import find_layer, layer_and_image, load_network, read_image, say_whose
from convviz.cli.output import ProgressBar, check_target, interruptible, write, write_json
from convviz.formatting import percent
from convviz.reconstruction import optimizers
from convviz.reconstruction.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from PIL import Image

    from convviz.networks.network import Network
    from convviz.reconstruction.config import ReconstructionConfig
    from convviz.reconstruction.reconstruct import ReconstructionResult, ReconstructionStep


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "reconstruct",
        parents=[layer_and_image()],
        help="find an image with the same feature maps at a layer",
        description="Start from noise and change the image until its feature maps at a layer are "
        "those of a given picture: given enough time, what is left out is what the layer does not "
        "know. Ctrl-C ends early and keeps the best image. All measures are those of the image as "
        "it is saved.",
    )
    parser.add_argument("--steps", type=int, metavar="N", help="at most so many steps")
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="at most so long (default: 12, without --steps)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: 0)")
    parser.add_argument(
        "--precision",
        default="auto",
        choices=("auto", "float32", "bfloat16"),
        help="(default: auto, bfloat16 where that is fast)",
    )
    parser.add_argument(
        "--optimizer", choices=tuple(OPTIMIZERS), help=f"(default: {optimizers.DEFAULT})"
    )
    rates = {name: optimizer.rate for name, optimizer in OPTIMIZERS.items()}
    parser.add_argument(
        "--learning-rate", type=float, metavar="R", help=f"(default: {_by_optimizer(rates)})"
    )
    decays = {name: optimizer.decay for name, optimizer in OPTIMIZERS.items()}
    parser.add_argument(
        "--decay",
        type=float,
        metavar="P",
        help=f"learning rate · (1 − t)^P (default: {_by_optimizer(decays)})",
    )
    parser.add_argument("--tv", type=float, metavar="W", help="weight of the total variation")
    parser.add_argument(
        "--start", metavar="START", help="noise, grey or a picture's file (default: noise)"
    )
    parser.add_argument("--image-size", type=int, metavar="PIXELS", help="side of the image")


def _by_optimizer(defaults: Mapping[str, float]) -> str:
    """Write a setting's default, and of the other optimizers theirs: "1; 0.02 for adam"."""
    default = f"{defaults[optimizers.DEFAULT]:g}"
    rates = (f"{x:g} for {name}" for name, x in defaults.items() if name != optimizers.DEFAULT)
    return "; ".join((default, *rates))


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    check_target(args.json)
    check_target(args.out, ".png")
    image = read_image(args.image)
    start = args.start
    if start not in (None, "noise", "grey"):
        start = read_image(start)

    from convviz.reconstruction.reconstruct import reconstruct

    with ProgressBar() as progress:
        network = load_network(args, progress)
        say_whose(network.name)
        config = _config(args, network, start)
        result = None
        with interruptible() as interrupted:
            for step in reconstruct(network, image, config, stop=lambda: bool(interrupted)):
                progress.show(step.fraction, _line(step))
                result = step.result
    if result is None:
        raise RuntimeError("a reconstruction ended without a result")
    if args.out is not None:
        write(args.out, _png(result))
    if args.json is not None:
        write_json(args.json, _as_json(result, network, config))
    if args.json != "-":
        _print(result, network, config)
    return 130 if interrupted else 0


def _config(
    args: argparse.Namespace, network: Network, start: str | Image.Image | None
) -> ReconstructionConfig:
    """Join the layer's preset and what the user asked for."""
    from convviz.reconstruction.config import preset

    config = preset(network.name, find_layer(network, args.layer).name)
    options: dict[str, Any] = {
        "steps": args.steps,
        "seconds": args.seconds,
        "optimizer": args.optimizer,
        "learning_rate": args.learning_rate,
        "decay": args.decay,
        "tv": args.tv,
        "start": start,
        "image_size": args.image_size,
        "seed": args.seed,
        "precision": args.precision,
    }
    if args.steps is not None or args.seconds is not None:
        config = replace(config, steps=None, seconds=None)
    return replace(config, **{name: value for name, value in options.items() if value is not None})


def _line(step: ReconstructionStep) -> str:
    from convviz.reconstruction.findings import error_text

    of = "" if step.total is None else f"/{step.total}"
    remaining = "" if step.seconds_left is None else f", {math.ceil(step.seconds_left)} s left"
    error = error_text(step.relative_error, is_silent=step.is_silent)
    return f"step {step.index}{of}, relative error {error}{remaining}"


def _png(result: ReconstructionResult) -> bytes:
    from convviz.images.encode import png
    from convviz.images.preprocess import to_image

    return png(to_image(result.image))


def _as_json(
    result: ReconstructionResult, network: Network, config: ReconstructionConfig
) -> dict[str, Any]:
    from convviz.reconstruction.findings import is_settled

    half, baselines = result.halfway, result.baselines
    return {
        "network": network.name,
        "weights": {"source": network.weights.source, "sha256": network.weights.sha256},
        "layer": config.layer,
        "relative_error": None if result.is_silent else result.relative_error,
        "loss": list(result.losses),
        "steps": result.steps,
        "seconds": round(result.seconds, 4),
        "seconds_per_step": round(result.seconds / result.steps, 5),
        "precision": result.precision,
        "psnr": result.psnr if math.isfinite(result.psnr) else None,
        "ssim": result.ssim,
        "ssim_flat_grey": baselines and baselines.grey,
        "ssim_unrelated": baselines and list(baselines.unrelated),
        "halfway": half
        and {
            "step": half.step,
            "relative_error": None if result.is_silent else half.relative_error,
            "ssim": half.ssim,
        },
        "settled": is_settled(result),
        "predictions": [
            {"label": prediction.label, "probability": prediction.probability}
            for prediction in result.predictions
        ],
        "note": result.note,
    }


def _print(result: ReconstructionResult, network: Network, config: ReconstructionConfig) -> None:
    from convviz.reconstruction import findings

    weights = network.weights
    error = findings.error_text(result.relative_error, is_silent=result.is_silent)
    print(f"{network.title}, {config.layer}: relative error {error}")
    print(f"Weights: {weights.title} (source {weights.source}, sha256 {weights.sha256})")
    print(
        f"{result.steps} steps in {result.seconds:.1f} s, {result.precision}; "
        f"PSNR {result.psnr:.1f} dB, SSIM {result.ssim:.3f}"
    )
    for text in (
        findings.likeness_in_context(result.ssim, result.baselines),
        findings.how_far(result, config),
    ):
        if text:
            print(text)
    for title, predictions in (
        ("Original", result.original_predictions),
        ("Reconstruction", result.predictions),
    ):
        if predictions:
            guesses = ", ".join(
                f"{prediction.label} {percent(prediction.probability, 0)}"
                for prediction in predictions
            )
            print(f"{title}: {guesses}")
    if result.note:
        print(result.note)
