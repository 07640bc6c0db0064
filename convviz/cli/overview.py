"""`python -m convviz overview`: what a whole network makes of one image, as Home shows it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from convviz.cli.options import json_output, load_network, network, read_image, say_whose
from convviz.cli.output import ProgressBar, check_target, table, write_json
from convviz.formatting import percent

if TYPE_CHECKING:
    from convviz.features.overview import StageSummary
    from convviz.features.predictions import Prediction


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "overview",
        parents=[json_output(), network()],
        help="what a network makes of a picture, stage by stage, and its best guesses",
        description="List a network's stages with the channels that draw the clearest maps of a "
        "picture and how many are empty, and the classes that it takes the picture for.",
    )
    parser.add_argument("image", metavar="IMAGE", help="a picture's file, or sample:cat")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    check_target(args.json)
    image = read_image(args.image)

    from convviz.features.overview import overview
    from convviz.features.predictions import predict

    with ProgressBar() as progress:
        network = load_network(args, progress)
    say_whose(network.name)
    seen = overview(network, image)
    guesses = seen.predictions
    if guesses is None:  # they take a pass of their own
        guesses = predict(network, image)
    if args.json is not None:
        stages = [_stage(each) for each in seen.stages]
        named = [_guess(each) for each in guesses]
        write_json(args.json, {"network": network.name, "stages": stages, "classes": named})
    if args.json != "-":
        print(f"{network.title}, {network.weights.title}\n")
        header = ("layer", "title", "output", "clearest maps", "empty")
        print(table(header, [_row(each) for each in seen.stages]))
        if guesses:
            print()
        for guess in guesses:
            print(f"{percent(guess.probability, 1):>7} {guess.label}")
    return 0


def _row(stage: StageSummary) -> tuple[str, ...]:
    layer = stage.layer
    return (
        *(layer.name, layer.title, "×".join(map(str, layer.shape))),
        *(", ".join(map(str, stage.strongest)), "" if stage.is_signed else str(stage.empty)),
    )


def _stage(stage: StageSummary) -> dict[str, Any]:
    return {
        "layer": stage.layer.name,
        "title": stage.layer.title,
        "shape": list(stage.layer.shape),
        "clearest": list(stage.strongest),
        "empty": None if stage.is_signed else stage.empty,
    }


def _guess(guess: Prediction) -> dict[str, Any]:
    return {"index": guess.index, "names": guess.names, "probability": guess.probability}
