"""`python -m convviz train`: give a trained network a new decoder, or train all of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convviz.cli.options import json_output, weights
from convviz.cli.output import ProgressBar, check_target, table, write, write_json
from convviz.errors import SettingError

if TYPE_CHECKING:
    from convviz.datasets.labelled_set import Dataset
    from convviz.learning.config import TrainingStep
    from convviz.learning.plan import TransferPlan

_SCENARIOS = ("last-layer", "several", "fine-tune", "scratch")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "train",
        parents=[weights(), json_output()],
        help="transfer learning: teach a trained network the classes of your own pictures",
        description="Teach a trained network the classes of your own pictures.",
    )
    parser.add_argument(
        "data",
        metavar="DATA",
        help="a zip with a folder of pictures for each class, or: shapes (pictures made by code), "
        "imagenette or cifar10 (fetched once)",
    )
    parser.add_argument(
        "--pictures",
        type=int,
        default=600,
        metavar="N",
        help="so many of imagenette or cifar10 (default: 600)",
    )
    parser.add_argument("--network", default="googlenet", metavar="NAME", help="default: googlenet")
    parser.add_argument(
        "--scenario",
        choices=_SCENARIOS,
        help="what is learned anew: the last layer, several fully connected layers, the last layer "
        "and the end of the encoder (fine-tune), or everything (scratch); default: what the course "
        "recommends for so many pictures",
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="default: 20, unless --seconds")
    parser.add_argument("--seconds", type=float, metavar="S", help="end after this time")
    parser.add_argument("--size", type=int, default=128, metavar="PIXELS", help="default: 128")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument("--auxiliary", action="store_true", help="with auxiliary heads (scratch)")
    parser.add_argument("--out", metavar="FILE", help="write the network to FILE.safetensors")
    parser.add_argument(
        "--only-trained",
        action="store_true",
        help="leave out of that file what was frozen: it is small, and opens where the weights "
        "that were trained on are at hand",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from convviz.datasets.labelled_set import split as split_set
    from convviz.learning.config import TrainingSettings
    from convviz.learning.fit import fit
    from convviz.learning.plan import plan as plan_transfer
    from convviz.learning.plan import recommend
    from convviz.learning.transfer import to_bytes
    from convviz.weights.load import load

    check_target(args.out, ".safetensors")
    check_target(args.json)
    settings = TrainingSettings(
        epochs=args.epochs if args.epochs or args.seconds else 20,
        seconds=args.seconds,
        seed=args.seed,
        size=args.size,
    )
    settings.check()
    dataset = _data(args.data, args.pictures)
    split = split_set(dataset, seed=args.seed)
    scenario = args.scenario or recommend(len(split.train), len(dataset.classes)).scenario
    network = load(args.network, args.weights)
    plan = plan_transfer(network, scenario, dataset.classes, auxiliary=args.auxiliary)
    if args.json != "-":
        _print_plan(dataset, plan)
    with ProgressBar() as progress:
        for step in fit(plan, dataset, split, settings):
            progress.show(step.fraction, _line(step))
    result = step.result
    if result is None:
        raise RuntimeError("the training ended without a result")
    if args.out:
        data = to_bytes(plan, dataset, result, args.size, only_trained=args.only_trained)
        write(args.out, data)
    summary: dict[str, Any] = {
        "network": network.name,
        "weights": network.weights.source,
        "scenario": scenario,
        "classes": list(dataset.classes),
        "train_images": len(split.train),
        "val_images": len(split.validation),
        "left_out": [{"file": file.title, "reason": file.reason} for file in dataset.left_out],
        "trainable_parameters": plan.trainable_parameters,
        "frozen_parameters": plan.frozen_parameters,
        "val_accuracy": result.validation.accuracy,
        "seconds": result.seconds,
        "encoding_seconds": result.encoding_seconds,
        "epoch_seconds": list(result.epoch_seconds),
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "ending": result.ending,
        "note": result.note,
    }
    if args.json is not None:
        write_json(args.json, summary)
    if args.json != "-":
        print(
            f"{result.validation.accuracy:.1%} of {len(split.validation)} validation pictures "
            f"named rightly, after {result.epochs} epochs in {result.seconds:.1f} s "
            f"(best: epoch {result.best_epoch})."
        )
        if result.note:
            print(result.note)
    return 0


def _data(name: str, pictures: int) -> Dataset:
    """Read the data set; a published one is fetched first.

    Raises:
        SettingError: There is no such file, or too few pictures are asked for.
        ImageError: It cannot be used.
        WeightsError: It cannot be fetched.
    """
    from convviz.datasets import published
    from convviz.datasets.labelled_set import from_zip
    from convviz.datasets.shapes import shapes
    from convviz.downloads.tickets import follow

    if name == "shapes":
        return shapes()
    if name in published.SETS:
        if pictures < 40:
            raise SettingError(
                f"--pictures {pictures} is too few for ten classes; give 40 or more."
            )
        if not published.is_here(name):
            with ProgressBar() as progress:
                follow(published.start(name), progress.megabytes)
        return published.published(name, pictures)
    path = Path(name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingError(
            f"{name} cannot be read ({error.strerror}): give a zip of class folders, shapes, "
            f"{' or '.join(published.SETS)}."
        ) from error
    return from_zip(data, path.stem)


def _print_plan(dataset: Dataset, plan: TransferPlan) -> None:
    counts = zip(dataset.classes, dataset.counts, strict=True)
    print(f"{dataset.name}: {', '.join(f'{name} {count}' for name, count in counts)}")
    for file in dataset.left_out:
        print(f"left out: {file.title}: {file.reason}")
    rows = [(p.name, p.title, f"{p.parameters:,}", p.state) for p in plan.parts]
    print(table(("part", "title", "parameters", "state"), rows))
    print(
        f"{plan.trainable_parameters:,} of {plan.parameters:,} parameters are trained, "
        f"{plan.frozen_parameters:,} are frozen."
    )


def _line(step: TrainingStep) -> str:
    if step.phase == "reading":
        return "reading pictures"
    if step.phase == "encoding":
        return "computing features, once"
    text = f"epoch {step.epoch}"
    if step.loss is not None:
        text += f", loss {step.loss:.3f}"
    if step.validation is not None:
        text += f", validation {step.validation.accuracy:.1%}"
    return text
