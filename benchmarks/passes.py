"""Relative error after so many passes: convviz, plain Adam and plain L-BFGS.

    python -m benchmarks.passes                       five layers, five images: hours
    python -m benchmarks.passes --networks alexnet --images cat koala --passes 10 20 40
    python -m benchmarks.passes --table               the table of what is in the file, nothing run
    python -m benchmarks.passes --renew convviz       convviz measured again, the plain runs kept

A pass is one forward and one backward pass of the network, cut off after the layer, at full size;
passes of smaller images count by their area. The number of passes does not depend on the machine,
nor on what else runs there, so these figures can be compared between machines. Everything is in
float32. The plain runs are those of `benchmarks.reconstruction`: they optimise the normalised input
itself from noise, Adam with each of three learning rates, L-BFGS with the strong Wolfe line search,
whose evaluations are counted. convviz is run once for each number of passes, with its preset, as
`--steps N` runs it. An error is that of the image as it is saved, clamped to valid pixels and
rounded to 8 bits for each colour.

Each run is written to the file (`--json`) as it ends, and what is there is not run again.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.reconstruction import START, Case
from convviz import __version__
from convviz.features.capture import input_for
from convviz.images.decode import decode
from convviz.images.preprocess import denormalise
from convviz.images.samples import sample
from convviz.reconstruction.config import preset
from convviz.reconstruction.reconstruct import reconstruct
from convviz.weights.load import load

LAYERS = {
    "alexnet": ("features.11",),
    "vgg16": ("features.15", "features.22", "features.29"),
    "googlenet": ("inception4a",),
}
IMAGES = ("cat", "koala", "arch", "coffee", "rocket")
PASSES = (10, 20, 40, 80, 160)
RATES = (0.02, 0.05, 0.1)
GOALS = {20: 0.7, 80: 0.5}
"""By the number of passes: convviz' error is to be at most this share of the best plain run's."""

FILE = Path(__file__).with_name("passes.json")
CONVVIZ, LBFGS = "convviz", "L-BFGS"
ADAM = tuple(f"Adam, {rate:g}" for rate in RATES)
METHODS = (CONVVIZ, *ADAM, LBFGS)


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        network: The network's name.
        layer: The layer.
        image: The sample's name.
        method: One of `METHODS`.
        errors: Relative error by the number of passes.
        version: Of convviz.
        torch: PyTorch's version.
        machine: The processor's architecture.
    """

    network: str
    layer: str
    image: str
    method: str
    errors: dict[int, float]
    version: str = __version__
    torch: str = torch.__version__
    machine: str = platform.machine()

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from others."""
        return self.network, self.layer, self.image, self.method


Runs = dict[tuple[str, str, str, str], Run]


class EnoughError(Exception):
    """Ends a plain run in the middle of an optimiser's step."""


def plain(
    case: Case,
    passes: Sequence[int],
    make: Callable[[Tensor], torch.optim.Optimizer],
    *,
    best: bool,
) -> dict[int, float]:
    """Measure the image that a plain run has after each number of passes.

    Args:
        case: The network, the layer and the image.
        passes: After which passes to measure.
        make: Makes the optimiser of the image.
        best: Whether a run's image is the one of the lowest loss so far, not the newest: a line
            search also looks at images that it does not take.
    """
    spec, module = case.network.spec, case.module
    original = input_for(case.network, case.image).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        target = module(original)
    generator = torch.Generator().manual_seed(case.seed)
    image = torch.randn(original.shape, generator=generator).mul(START).requires_grad_()
    optimizer = make(image)
    count, lowest, kept = 0, math.inf, image.detach().clone()
    errors: dict[int, float] = {}

    def measure(pixels: Tensor) -> None:
        valid = denormalise(pixels, mean=spec.mean, std=spec.std)
        errors[count] = case.relative_error(valid)
        if count >= max(passes):
            raise EnoughError

    def closure() -> Tensor:
        nonlocal count, lowest, kept
        optimizer.zero_grad()
        features = module(image.contiguous(memory_format=torch.channels_last))
        loss = (features - target).square().sum() / target.square().sum()
        loss.backward()
        count += 1
        if best:
            if float(loss.detach()) < lowest:
                lowest, kept = float(loss.detach()), image.detach().clone()
            if count in passes:
                measure(kept)
        return loss

    try:
        while True:
            optimizer.step(closure)
            if not best and count in passes:
                measure(image.detach())
    except EnoughError:
        return errors


def adam(rate: float) -> Callable[[Tensor], torch.optim.Optimizer]:
    """Return what makes Adam with a learning rate."""
    return lambda image: torch.optim.Adam([image], lr=rate)


def lbfgs(image: Tensor) -> torch.optim.Optimizer:
    """Return L-BFGS, which never thinks that it is done."""
    return torch.optim.LBFGS(
        [image], line_search_fn="strong_wolfe", tolerance_grad=0.0, tolerance_change=0.0
    )


def convviz(case: Case, passes: Sequence[int]) -> dict[int, float]:
    """Reconstruct with the preset, once for each number of passes."""
    errors = {}
    for count in passes:
        config = replace(
            preset(case.network.name, case.layer),
            steps=count,
            seconds=None,
            seed=case.seed,
            precision="float32",
        )
        result = None
        for step in reconstruct(case.network, case.image, config):
            result = step.result
        if result is None:
            raise RuntimeError("a reconstruction ended without a result")
        errors[count] = case.relative_error(result.image[None])
    return errors


def measure(case: Case, method: str, passes: Sequence[int]) -> dict[int, float]:
    """Run one method on one case."""
    if method == CONVVIZ:
        return convviz(case, passes)
    if method == LBFGS:
        return plain(case, passes, lbfgs, best=True)
    return plain(case, passes, adam(RATES[ADAM.index(method)]), best=False)


def read(file: Path) -> Runs:
    """Read the runs in a file; none where there is no file."""
    if not file.exists():
        return {}
    rows = json.loads(file.read_text("utf-8"))
    runs = (
        Run(**{**row, "errors": {int(count): error for count, error in row["errors"].items()}})
        for row in rows
    )
    return {run.key: run for run in runs}


def write(file: Path, runs: Runs) -> None:
    """Write the runs, one in a line."""
    rows = [json.dumps(asdict(runs[key])) for key in sorted(runs)]
    file.write_text("[\n" + ",\n".join(rows) + "\n]\n", "utf-8")


def mean(values: Sequence[float]) -> float:
    """Return the geometric mean."""
    return math.exp(math.fsum(map(math.log, values)) / len(values))


@dataclass(frozen=True)
class Row:
    """One layer after one number of passes: geometric means over the images that all have seen.

    Attributes:
        network: The network's name.
        layer: The layer.
        passes: How many.
        images: How many images.
        errors: Relative error by the method.
    """

    network: str
    layer: str
    passes: int
    images: int
    errors: dict[str, float]

    @property
    def best_plain(self) -> float:
        """The lowest error of a plain run."""
        return min(error for method, error in self.errors.items() if method != CONVVIZ)

    @property
    def ratio(self) -> float:
        """The error of convviz as a share of the best plain run's."""
        return self.errors[CONVVIZ] / self.best_plain


def rows(runs: Runs) -> Iterator[Row]:
    """Compare the methods wherever all of them were run."""
    for network, layers in LAYERS.items():
        for layer in layers:
            for count in PASSES:
                by_image = [
                    [runs.get((network, layer, image, method)) for method in METHODS]
                    for image in IMAGES
                ]
                complete = [
                    [run.errors[count] for run in each if run is not None and count in run.errors]
                    for each in by_image
                ]
                complete = [each for each in complete if len(each) == len(METHODS)]
                if complete:
                    means = map(mean, zip(*complete, strict=True))
                    errors = dict(zip(METHODS, means, strict=True))
                    yield Row(network, layer, count, len(complete), errors)


def table(runs: Runs) -> str:
    """Write the comparison as a Markdown table."""
    lines = [
        f"| layer | images | passes | {' | '.join(METHODS)} | of the best plain run's | goal |",
        f"| --- | ---: | ---: |{' ---: |' * len(METHODS)} ---: | --- |",
    ]
    for row in rows(runs):
        goal = GOALS.get(row.passes)
        # The verdict is on the ratio as it stands in the table.
        met = "met" if goal is not None and round(row.ratio, 2) <= goal else "not met"
        word = "" if goal is None else f"{goal:g}: {met}"
        cells = " | ".join(f"{row.errors[method]:.3f}" for method in METHODS)
        lines.append(
            f"| {row.network}:{row.layer} | {row.images} | {row.passes} | {cells} "
            f"| {row.ratio:.2f} | {word} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=LAYERS, default=list(LAYERS))
    parser.add_argument("--layers", nargs="+", metavar="LAYER", help="(default: all of LAYERS)")
    parser.add_argument("--images", nargs="+", choices=IMAGES, default=list(IMAGES))
    parser.add_argument("--passes", nargs="+", type=int, choices=PASSES, default=list(PASSES))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--renew", nargs="+", choices=METHODS, default=[], help="run these again")
    parser.add_argument("--json", type=Path, default=FILE, help="(default: beside this module)")
    parser.add_argument("--table", action="store_true", help="run nothing")
    args = parser.parse_args()
    runs = read(args.json)
    if not args.table:
        for network in args.networks:
            fill(args, network, runs)
    print(table(runs))


def fill(args: argparse.Namespace, network: str, runs: Runs) -> None:
    """Run what is missing of one network, and write each run as it ends."""
    loaded = load(network)
    for layer in args.layers or LAYERS[network]:
        if layer not in LAYERS[network]:
            continue
        for image in args.images:
            case = Case(loaded, layer, decode(sample(image).read()), 0)
            for method in args.methods:
                key = (network, layer, image, method)
                known = runs[key].errors if key in runs else {}
                again = method in args.renew
                missing = [count for count in args.passes if again or count not in known]
                if not missing:
                    continue
                errors = {**known, **measure(case, method, missing)}
                runs[key] = Run(*key, dict(sorted(errors.items())))
                write(args.json, runs)
                last = ", ".join(f"{count}: {error:.3f}" for count, error in errors.items())
                print(f"{network}:{layer} {image}, {method}: {last}", flush=True)


if __name__ == "__main__":
    main()
