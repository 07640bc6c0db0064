"""`python -m convviz amplify`: change an image so that a layer or a channel answers it more."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from convviz.cli.options import find_layer, layer_and_image, load_network, read_image, say_whose
from convviz.cli.output import ProgressBar, check_target, interruptible, write, write_json

if TYPE_CHECKING:
    from convviz.networks.network import Network
    from convviz.reconstruction.amplify import AmplifyConfig
    from convviz.reconstruction.progress import AmplifyProgress


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "amplify",
        parents=[layer_and_image()],
        help="change a picture so that a layer or a channel answers it more (DeepDream)",
        description="Start from a picture and change it until a layer, or one of its channels, "
        "answers it more, first as a small picture and then in finer octaves (Mordvintsev et al. "
        "2015). Ctrl-C ends early and keeps the picture so far.",
    )
    parser.add_argument(
        "--channel", type=int, metavar="N", help="the channel (default: the whole layer)"
    )
    parser.add_argument(
        "--octaves", type=int, default=4, metavar="N", help="sizes of the picture (default: 4)"
    )
    parser.add_argument(
        "--strength",
        type=float,
        default=0.1,
        metavar="S",
        help="how far the picture moves in each octave, up to 2 (default: 0.1)",
    )
    parser.add_argument("--steps", type=int, metavar="N", help="at most so many in each octave")
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="at most so long (default: 12, without --steps)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: 0)")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    check_target(args.json)
    check_target(args.out, ".png")
    image = read_image(args.image)

    from convviz.reconstruction.amplify import AmplifyConfig
    from convviz.reconstruction.findings import amplified, amplified_how
    from convviz.reconstruction.progress import amplify_one, amplify_plan

    config = AmplifyConfig(
        channel=args.channel,
        octaves=args.octaves,
        strength=args.strength,
        steps=args.steps,
        seconds=args.seconds,
        seed=args.seed,
    )
    with ProgressBar() as progress:
        network = load_network(args, progress)
        say_whose(network.name)
        plan = amplify_plan(network, find_layer(network, args.layer), image, args.image, config)
        with interruptible() as interrupted:
            for done in amplify_one(stop=lambda: bool(interrupted), plan=plan):
                progress.show(done.fraction, f"step {done.step}")
    if args.out is not None:
        write(args.out, done.image)
    if args.json is not None:
        write_json(args.json, _as_json(done, network, config))
    if args.json != "-":
        weights = network.weights
        print(f"{network.title}, {done.subject.layer}: {amplified(done)}")
        print(f"Weights: {weights.title} (source {weights.source}, sha256 {weights.sha256})")
        print(amplified_how(done))
    return 130 if interrupted else 0


def _as_json(done: AmplifyProgress, network: Network, config: AmplifyConfig) -> dict[str, Any]:
    return {
        "network": network.name,
        "weights": {"source": network.weights.source, "sha256": network.weights.sha256},
        "layer": done.subject.layer,
        "channel": config.channel,
        "before": done.start,
        "after": done.score,
        "before_relu": done.before_relu,
        "rectified": done.rectified,
        "octaves": done.octaves,
        "smallest_side": done.smallest_side,
        "strength": config.strength,
        "steps": done.step,
        "seconds": round(done.points[-1].seconds, 4),
        "answers": [[point.step, point.score] for point in done.points],
    }
