"""`python -m convviz separation`: how well each stage of an encoder separates classes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from convviz.cli.options import (
    USUAL_NETWORK,
    json_output,
    load_network,
    network_or_design,
    say_whose,
    weights,
)
from convviz.cli.output import ProgressBar, check_target, table, write_json
from convviz.cli.train import read_data

if TYPE_CHECKING:
    from convviz.learning.separation import ProbeAnswers, Separation


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "separation",
        parents=[network_or_design(), weights(), json_output()],
        help="how well each stage of an encoder tells the classes of pictures apart",
        description="Classify pictures by what each stage of an encoder makes of them: by the "
        "nearest class mean and by a linear probe, cross-validated, beside the untrained encoder "
        "and beside guessing.",
    )
    parser.add_argument("data", metavar="DATA", help="pictures with classes, as train takes them")
    parser.add_argument(
        "--pictures",
        type=int,
        metavar="N",
        help="so many of imagenette or cifar10 (default: 600; at most 600 are looked at)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument(
        "--trained-only", action="store_true", help="leave the untrained encoder out"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    check_target(args.json)

    from convviz.learning.separation import separate
    from convviz.learning.separation_findings import probed, separates

    dataset = read_data(args.data, args.pictures)
    with ProgressBar() as progress:
        network = load_network(args, progress, USUAL_NETWORK)
    say_whose(network.name)
    separation = None
    with ProgressBar() as progress:
        compare = not args.trained_only and network.weights.source != "random"
        for step in separate(network, dataset, compare=compare, seed=args.seed):
            progress.show(step.fraction, step.doing)
            separation = step.separation
    if separation is None:
        raise RuntimeError("the work ended without a result")
    values = _as_json(separation)
    if args.json is not None:
        write_json(args.json, values)
    if args.json != "-":
        print(_stages(values))
        print(separates(separation))
        print(probed(separation))
    return 0


def _as_json(separation: Separation) -> dict[str, Any]:
    return {
        "network": separation.network,
        "weights": separation.source,
        "classes": list(separation.dataset.classes),
        "images": len(separation.indices),
        "different_images": len(separation.different),
        "folds": len(separation.folds),
        "image_size": separation.side,
        "guessing": separation.guessing,
        "stages": [
            {
                "layer": stage.layer.name,
                "title": stage.layer.title,
                "channels": stage.features.shape[1],
                "trained": _accuracies(separation, stage.answers),
                "untrained": None
                if stage.untrained is None
                else _accuracies(separation, stage.untrained),
                "p_value": None
                if (paired := separation.compared(stage)) is None
                else paired.p_value,
            }
            for stage in separation.stages
        ],
        "left_out": [{"layer": name, "reason": reason} for name, reason in separation.gaps],
    }


def _accuracies(separation: Separation, answers: ProbeAnswers) -> dict[str, Any]:
    from convviz.learning.significance import interval

    count, different = len(separation.indices), len(separation.different)
    return {
        name: {
            "accuracy": sum(correct) / count,
            "interval": list(interval(sum(correct), count, different)),
        }
        for name, correct in (("class_mean", answers.mean), ("linear_probe", answers.linear))
    }


def _stages(values: dict[str, Any]) -> str:
    """Line the accuracies of the stages up."""
    from convviz.formatting import percent

    header = ["stage", "class mean", "linear probe"]
    header += [f"untrained, {name}" for name in header[1:]]
    rows = [
        [
            stage["title"],
            *(
                "" if stage[encoder] is None else percent(stage[encoder][name]["accuracy"], 1)
                for encoder in ("trained", "untrained")
                for name in ("class_mean", "linear_probe")
            ),
        ]
        for stage in values["stages"]
    ]
    return table(header, rows)
