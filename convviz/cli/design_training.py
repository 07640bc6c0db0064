"""`python -m convviz design … --train`: train a design, or two of them fairly."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convviz.cli.output import ProgressBar, table, write
from convviz.cli.train import read_data
from convviz.errors import SettingError
from convviz.formatting import grouped, percent

if TYPE_CHECKING:
    from convviz.learning.design_results import DesignComparison, DesignResult
    from convviz.networks.design import Design

_SECONDS, _SEEDS = 20.0, 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a training."""
    training = parser.add_argument_group("training")
    training.add_argument(
        "--train",
        metavar="DATA",
        help="train it on a zip or folder with a folder of pictures for each class, or: shapes, "
        "directions, distant-marks or marks-anywhere (made by code), imagenette or cifar10 "
        "(fetched once)",
    )
    training.add_argument(
        "--pictures",
        type=int,
        metavar="N",
        help="so many of imagenette or cifar10 (default: 600)",
    )
    training.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="time of each training (default: 20, unless --epochs)",
    )
    training.add_argument("--epochs", type=int, metavar="N", help="train for epochs instead")
    training.add_argument(
        "--seeds",
        type=int,
        metavar="K",
        help="trainings of each design, from seeds 0, 1, … (default: 3)",
    )
    training.add_argument(
        "--rate", type=float, metavar="R", help="largest learning rate, of AdamW (default: 0.002)"
    )
    training.add_argument(
        "--out",
        metavar="FILE.safetensors",
        help="write the first design as seed 0 has trained it; --weights FILE opens it again",
    )


def check_options(args: argparse.Namespace) -> None:
    """Refuse options that would be ignored.

    Raises:
        SettingError: There is one.
    """
    if args.train is not None:
        if len(args.files) > 2:
            raise SettingError(
                f"{len(args.files)} files are too many: --train takes one design, or two to "
                "compare."
            )
        return
    if len(args.files) > 1:
        raise SettingError(
            f"{len(args.files)} files are too many to count at once: give one, or two with --train "
            "DATA to compare them."
        )
    for name in ("pictures", "seconds", "epochs", "seeds", "rate", "out"):
        if getattr(args, name) is not None:
            raise SettingError(
                f"--{name} goes with --train DATA, which says what to train on: give that as well."
            )


def train(designs: Sequence[Design], args: argparse.Namespace) -> DesignComparison:
    """Train one design, or two of them, and write the first one's network.

    Raises:
        SettingError: A setting, a design or the data cannot be used.
    """
    from convviz.learning.design_comparison import compare_designs
    from convviz.learning.design_results import LEARNING_RATE, DesignSettings
    from convviz.learning.design_training import saved

    seconds = _SECONDS if args.seconds is None and args.epochs is None else args.seconds
    settings = DesignSettings(
        epochs=args.epochs,
        seconds=seconds,
        seeds=_SEEDS if args.seeds is None else args.seeds,
        learning_rate=LEARNING_RATE if args.rate is None else args.rate,
    )
    settings.check()
    dataset = read_data(args.train, args.pictures)
    with ProgressBar() as progress:
        for view in compare_designs(designs, dataset, settings):
            progress.show(view.fraction, line(view))
    if args.out is not None:
        write(args.out, saved(view.results[0]))
    return view


def line(view: DesignComparison) -> str:
    """Say in a few words what is done."""
    if view.stage == "reading":
        return "reading pictures"
    if view.stage == "baseline":
        return "a linear classifier on pixels"
    running = [r for r in view.results if r.runs and r.runs[-1].ending is None]
    if not running:
        return "measuring"
    run = running[0].runs[-1]
    text = f"{running[0].name}, seed {run.seed}"
    return f"{text}, validation {percent(run.points[-1].accuracy, 1)}" if run.points else text


def print_result(view: DesignComparison) -> None:
    """Print what the trainings reached."""
    from convviz.learning import design_findings

    print()
    print(
        f"{view.dataset}: {view.train_images:,} pictures to learn from, "
        f"{view.validation_images:,} to choose the epoch by, {view.test_images:,} to test"
    )
    header = ("design", "test accuracy by seed", "mean", "parameters", "MACs", "s an epoch")
    print(table(header, [_row(result) for result in view.results]))
    if text := design_findings.outputs_of_designs(view):
        print(text)
    for result in view.results:
        print()
        rows = [(n.name, f"{n.before:.3g}", f"{n.after:.3g}") for n in result.gradients]
        print(table((f"{result.name}: gradient norms", "before", "after training"), rows))
        if text := design_findings.dead_relus(result):
            print(text)
    print()
    print(design_findings.design_baselines(view))
    if text := design_findings.diverged_designs(view):
        print(text)
    if len(view.results) == 2:
        print(design_findings.design_verdict(view))


def _row(result: DesignResult) -> tuple[str, ...]:
    seconds = result.seconds_per_epoch
    return (
        result.name,
        ", ".join(percent(accuracy, 1) for accuracy in result.accuracies),
        "" if result.accuracy is None else percent(result.accuracy, 1),
        grouped(result.parameters),
        grouped(result.macs),
        "" if seconds is None else f"{seconds:.2f}",
    )


def as_json(view: DesignComparison) -> dict[str, Any]:
    """Return the trainings as plain numbers."""
    from convviz.learning import design_findings

    paired, images = view.interval, view.images
    return {
        "data": view.dataset,
        "classes": list(view.classes),
        "train_images": view.train_images,
        "val_images": view.validation_images,
        "test_images": view.test_images,
        "epochs": view.settings.epochs,
        "seconds": view.settings.seconds,
        "guessing": view.guessing,
        "linear": view.linear,
        "designs": [_as_json(result) for result in view.results],
        "difference": None
        if paired is None
        else {"mean": paired.mean, "interval": [paired.low, paired.high], "seeds": paired.pairs},
        "mcnemar_p": None if images is None else images.p_value,
        "verdict": design_findings.design_verdict(view) if len(view.results) == 2 else "",
        "note": view.note,
    }


def _as_json(result: DesignResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "text": result.design.text,
        "parameters": result.parameters,
        "parameters_with_auxiliary": result.parameters + result.auxiliary_parameters,
        "macs": result.macs,
        "seconds_per_epoch": result.seconds_per_epoch,
        "test_accuracy": list(result.accuracies),
        "runs": [
            {
                "seed": run.seed,
                "epochs": run.points[-1].epoch if run.points else 0,
                "seconds": run.seconds,
                "ending": run.ending,
            }
            for run in result.runs
        ],
        "gradient_norms": [
            {"layer": n.name, "before": _finite(n.before), "after": _finite(n.after)}
            for n in result.gradients
        ],
        "dead_relus": [
            {"layer": d.name, "channels": d.channels, "dead": d.dead, "images": d.images}
            for d in result.dead
        ],
    }


def _finite(number: float) -> float | None:
    """Return a number that JSON can hold; None for one that is infinite or not a number."""
    return number if math.isfinite(number) else None
