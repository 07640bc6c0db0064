"""`python -m convviz train`: give a trained network a new decoder, or train all of it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convviz.cli.options import (
    USUAL_NETWORK,
    json_output,
    load_network,
    network_or_design,
    say_whose,
    weights,
)
from convviz.cli.output import ProgressBar, check_target, table, write, write_json
from convviz.errors import SettingError

if TYPE_CHECKING:
    from convviz.datasets.labelled_set import Dataset, Partition
    from convviz.learning.evaluation import Evaluation, EvaluationStep
    from convviz.learning.plan import TransferPlan

_PICTURES = 600  # of a published set, as the help says
_SCENARIOS = ("last-layer", "several", "fine-tune", "scratch")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "train",
        parents=[network_or_design(), weights(), json_output()],
        help="transfer learning: teach a trained network the classes of your own pictures",
        description="Teach a trained network the classes of your own pictures.",
    )
    parser.add_argument(
        "data",
        metavar="DATA",
        help="a zip or folder with a folder of pictures for each class (train, val and test may be "
        "above), or: shapes, directions, distant-marks or marks-anywhere (made by code), "
        "imagenette or cifar10 (fetched once)",
    )
    parser.add_argument(
        "--pictures",
        type=int,
        metavar="N",
        help="so many of imagenette or cifar10 (default: 600)",
    )
    parser.add_argument(
        "--scenario",
        choices=_SCENARIOS,
        help="what is learned anew: the last layer, several fully connected layers, the last layer "
        "and the end of the encoder (fine-tune), or everything (scratch); default: what the course "
        "recommends for so many pictures",
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="default: 20, unless --seconds")
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="end the training after this time"
    )
    parser.add_argument(
        "--size",
        type=int,
        metavar="PIXELS",
        help="side of the pictures (default: 128, or the network's own side where that is less or "
        "it takes no other)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument(
        "--augment",
        action="store_true",
        help="mirror and crop the pictures to learn from, and change their colours a little, anew "
        "in each epoch; a frozen encoder then runs over all of them every time",
    )
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
    from convviz.datasets.labelled_set import partition as divide
    from convviz.learning.config import TrainingSettings
    from convviz.learning.evaluation import Stage, evaluate
    from convviz.learning.image_side import SIDE, side_for
    from convviz.learning.plan import plan as plan_transfer
    from convviz.learning.plan import recommend
    from convviz.learning.significance import interval
    from convviz.learning.transfer import to_bytes

    check_target(args.out, ".safetensors")
    check_target(args.json)
    _check_options(args)
    no_end = args.epochs is None and args.seconds is None
    settings = TrainingSettings(
        epochs=20 if no_end else args.epochs,
        seconds=args.seconds,
        seed=args.seed,
        size=SIDE if args.size is None else args.size,
        augment=args.augment,
    )
    settings.check()
    dataset = read_data(args.data, args.pictures)
    partition = divide(dataset, seed=args.seed)
    split = partition.split
    scenario = args.scenario or recommend(len(split.train), len(dataset.classes)).scenario
    if args.auxiliary and scenario != "scratch":
        raise SettingError(
            f"--auxiliary goes with --scenario scratch, not with {scenario}: auxiliary heads help "
            "only where all weights are learned anew."
        )
    with ProgressBar() as progress:
        network = load_network(args, progress, USUAL_NETWORK)
    say_whose(network.name)
    if args.size is None:
        settings = replace(settings, size=side_for(network))
    plan = plan_transfer(network, scenario, dataset.classes, auxiliary=args.auxiliary)
    if args.only_trained and plan.is_drawn_anew:
        raise SettingError(
            f"--only-trained would write a file that nothing opens: the build() of {network.title} "
            "sets other weights each time; let it set the same ones, or leave the option out."
        )
    if args.only_trained and not plan.parts_to_save():
        raise SettingError(
            "--only-trained would leave nothing out: the file needs the whole network where it was "
            "trained from scratch or goes on from a trained file; leave the option out."
        )
    if args.json != "-":
        _print_plan(dataset, plan, partition)
    with ProgressBar() as progress:
        for step in evaluate([Stage(plan, settings)], dataset, partition):
            progress.show(step.fraction, _line(step))
    evaluation = step.evaluation
    if evaluation is None:
        raise RuntimeError("the training ended without a result")
    result = evaluation.result
    if args.out:
        data = to_bytes(
            plan,
            dataset,
            result,
            settings.size,
            only_trained=args.only_trained,
            evaluation=evaluation,
        )
        write(args.out, data)
    different = len(dataset.different(evaluation.tested))
    ends = interval(sum(evaluation.correct), len(evaluation.tested), different)
    guessing = dataset.guessing(evaluation.tested)
    summary: dict[str, Any] = {
        "network": network.name,
        "weights": network.weights.source,
        "scenario": scenario,
        "classes": list(dataset.classes),
        "train_images": len(split.train),
        "val_images": len(split.validation),
        "test_images": len(evaluation.tested),
        "test_folds": evaluation.folds,
        "duplicates": [
            [dataset.images.titles[index] for index in group] for group in dataset.duplicates
        ],
        "conflicts": [
            [dataset.images.titles[index] for index in group] for group in dataset.conflicts
        ],
        "left_out": [{"file": file.title, "reason": file.reason} for file in dataset.left_out],
        "trainable_parameters": plan.trainable_parameters,
        "frozen_parameters": plan.frozen_parameters,
        "val_accuracy": result.validation.accuracy,
        "test_accuracy": evaluation.accuracy,
        "test_interval": list(ends),
        "train_accuracy": evaluation.train_accuracy,
        "guessing": guessing,
        "seconds": result.seconds,
        "test_seconds": evaluation.seconds - result.work_seconds,
        "encoding_seconds": result.encoding_seconds,
        "epoch_seconds": list(result.epoch_seconds),
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "ending": result.ending,
        "note": evaluation.note,
    }
    if args.json is not None:
        write_json(args.json, summary)
    if args.json != "-":
        _print_result(evaluation, partition, guessing, ends)
    return 0


def _check_options(args: argparse.Namespace) -> None:
    """Refuse options that would be ignored.

    Raises:
        SettingError: There is one.
    """
    if args.only_trained and not args.out:
        raise SettingError(
            "--only-trained says what goes into the file that --out names: give --out as well."
        )


def read_data(name: str, pictures: int | None) -> Dataset:
    """Read the data set; a published one is fetched first.

    Raises:
        SettingError: There is no such file, or too few pictures are asked for.
        ImageError: It cannot be used.
        WeightsError: It cannot be fetched.
    """
    from convviz.datasets import published
    from convviz.datasets.class_folders import from_folder, from_zip
    from convviz.datasets.generated import GENERATED
    from convviz.downloads.tickets import follow

    if name not in published.SETS and pictures is not None:
        raise SettingError(
            f"--pictures goes with {' or '.join(published.SETS)}; of other data all pictures are "
            "used: leave the option out."
        )
    if name in GENERATED:
        return GENERATED[name].make()
    if name in published.SETS:
        pictures = _PICTURES if pictures is None else pictures
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
        data = None if path.is_dir() else path.read_bytes()
    except OSError as error:
        raise SettingError(
            f"{name} cannot be read ({error.strerror}): give a zip of class folders, "
            f"{', '.join(GENERATED)}, {' or '.join(published.SETS)}."
        ) from error
    with ProgressBar() as bar:

        def looked(done: int, total: int) -> None:
            bar.show(done / total, "looking at every picture")

        if data is None:
            return from_folder(path, path.resolve().name or "folder", progress=looked)
        return from_zip(data, path.stem, progress=looked)


def _print_plan(dataset: Dataset, plan: TransferPlan, partition: Partition) -> None:
    from convviz.datasets import findings

    counts = zip(dataset.classes, dataset.counts, strict=True)
    print(f"{dataset.name}: {', '.join(f'{name} {count}' for name, count in counts)}")
    for file in dataset.left_out:
        print(f"left out: {file.title}: {file.reason}")
    for text in (
        findings.given_division(dataset),
        findings.duplicates(dataset),
        findings.leaks(dataset),
        findings.conflicts(dataset),
    ):
        if text:
            print(text)
    split = partition.split
    print(
        f"{len(split.train):,} pictures to learn from, {len(split.validation):,} to choose the "
        f"epoch by, {len(partition.tested):,} to test"
        + (
            f" (each by one of {len(partition.folds)} further networks, trained without it)."
            if partition.folds
            else "."
        )
    )
    rows = [(p.name, p.title, f"{p.parameters:,}", p.state) for p in plan.parts]
    print(table(("part", "title", "parameters", "state"), rows))
    print(
        f"{plan.trainable_parameters:,} of {plan.parameters:,} parameters are trained, "
        f"{plan.frozen_parameters:,} are frozen."
    )


def _print_result(
    evaluation: Evaluation, partition: Partition, guessing: float, ends: tuple[float, float]
) -> None:
    from convviz.formatting import percent

    result, images = evaluation.result, len(evaluation.tested)
    low, high = ends
    by = f", by {evaluation.folds} networks trained without them" if evaluation.folds else ""
    epochs = "1 epoch" if result.epochs == 1 else f"{result.epochs} epochs"
    print(
        f"{percent(evaluation.accuracy, 1)} of {images:,} test pictures classified correctly{by} "
        f"(95 % interval {percent(low)} to {percent(high)}); the largest class alone would give "
        f"{percent(guessing)}."
    )
    print(
        f"The network was trained for {epochs} in {sum(result.epoch_seconds):.1f} s, without the "
        "reading of the pictures and the features of what is frozen; kept is epoch "
        f"{result.best_epoch}, with {percent(result.validation.accuracy, 1)} of the "
        f"{len(partition.split.validation):,} pictures that choose it."
    )
    if evaluation.note:
        print(evaluation.note)


def _line(progress: EvaluationStep) -> str:
    step = progress.training
    if step.phase == "reading":
        return "reading pictures"
    if step.phase == "encoding":
        return "computing features, once"
    text = f"test {progress.fold} of {progress.folds}, " if progress.fold else ""
    if step.phase == "testing":
        return f"{text}testing"
    text += f"epoch {step.epoch}"
    if step.loss is not None:
        text += f", loss {step.loss:.3f}"
    if step.validation is not None:
        from convviz.formatting import percent

        text += f", validation {percent(step.validation.accuracy, 1)}"
    return text
