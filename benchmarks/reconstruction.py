"""Reconstruct the same image with convviz and with what one would write oneself.

    python -m benchmarks.reconstruction                five layers, 12 s a run: 5 minutes
    python -m benchmarks.reconstruction --seconds 4 --cases vgg16:features.22
    python -m benchmarks.reconstruction --presets      which start suits which layer
    python -m benchmarks.reconstruction --settled --steps 100     whether a run is done

All runs of a case follow each other in one process: the same weights, the same network cut off
after the same layer, the same time, set-up included. The plain runs optimise the normalised input
itself in float32, with torch.optim's Adam and L-BFGS. All relative errors are those of the image
as it is saved, clamped to valid pixels and rounded to 8 bits for each colour, in float32.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import torch
from PIL import Image
from torch import Tensor, nn

from convviz.features.capture import input_for, truncated
from convviz.images.decode import decode
from convviz.images.preprocess import as_saved, denormalise, normalise
from convviz.images.samples import sample
from convviz.networks.device import autocast, convert, resolve
from convviz.networks.network import Network
from convviz.reconstruction.config import ReconstructionConfig, preset
from convviz.reconstruction.findings import is_settled
from convviz.reconstruction.reconstruct import reconstruct
from convviz.weights.load import load

CASES = (
    "vgg16:features.22",
    "vgg16:features.15",
    "vgg16:features.29",
    "alexnet:features.11",
    "googlenet:inception4a",
)
PRESET_CASES = (
    *("alexnet:features.7", "alexnet:features.11"),
    *("vgg16:features.15", "vgg16:features.22", "vgg16:features.29"),
    *("googlenet:inception3b", "googlenet:inception4a", "googlenet:inception5b"),
)
NOISES = (0.005, 0.01, 0.02, 0.05)
TURNS = 60
LONGER = 8  # times as many steps
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """One network, layer and image."""

    network: Network
    layer: str
    image: Image.Image
    seed: int

    @property
    def module(self) -> nn.Module:
        """The network cut off after the layer, as fast as float32 gets."""
        return truncated(self.network.module, self.layer).to(memory_format=torch.channels_last)

    def relative_error(self, pixels: Tensor) -> float:
        """Measure an image, shape (1, 3, S, S), as it would be saved."""
        spec, module = self.network.spec, self.module
        with torch.no_grad():
            target = module(input_for(self.network, self.image))
            valid = normalise(as_saved(pixels)[None], mean=spec.mean, std=spec.std)
            return float((module(valid) - target).norm() / target.norm())


@dataclass(frozen=True)
class Row:
    """One run."""

    case: str
    method: str
    relative_error: float
    steps: int
    seconds: float


class OutOfTimeError(Exception):
    """Ends a plain run in the middle of an optimiser's step."""


def plain(case: Case, seconds: float, make: Callable[[Tensor], torch.optim.Optimizer]) -> Row:
    """Do what one would write oneself: match the features by changing the normalised input."""
    began = time.perf_counter()
    spec, module, steps = case.network.spec, case.module, 0
    original = input_for(case.network, case.image).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        target = module(original)
    generator = torch.Generator().manual_seed(case.seed)
    noise = torch.randn(original.shape, generator=generator)  # contiguous, as L-BFGS wants it
    image = noise.mul(START).requires_grad_()
    optimizer = make(image)

    def closure() -> Tensor:
        nonlocal steps
        if time.perf_counter() - began > seconds:
            raise OutOfTimeError
        optimizer.zero_grad()
        features = module(image.contiguous(memory_format=torch.channels_last))
        loss = (features - target).square().sum() / target.square().sum()
        loss.backward()
        steps += 1
        return loss

    try:
        while True:
            optimizer.step(closure)
    except OutOfTimeError:
        pass
    duration = time.perf_counter() - began
    pixels = denormalise(image.detach(), mean=spec.mean, std=spec.std)
    return Row("", "", case.relative_error(pixels), steps, duration)


START = 0.1  # standard deviation of the plain runs' noise, in units of the normalised input


def adam(image: Tensor) -> torch.optim.Optimizer:
    """Return Adam as it is commonly used for this."""
    return torch.optim.Adam([image], lr=0.05)


def lbfgs(image: Tensor) -> torch.optim.Optimizer:
    """Return L-BFGS as it is commonly used for this."""
    return torch.optim.LBFGS([image], line_search_fn="strong_wolfe")


def convviz(case: Case, config: ReconstructionConfig) -> Row:
    """Reconstruct with convviz."""
    began, result = time.perf_counter(), None
    for step in reconstruct(case.network, case.image, config):
        result = step.result
    if result is None:
        raise RuntimeError("a reconstruction ended without a result")
    duration = time.perf_counter() - began
    return Row("", "", case.relative_error(result.image[None]), result.steps, duration)


def step_and_pass(
    case: Case, config: ReconstructionConfig, dtype: torch.dtype
) -> tuple[float, float]:
    """Measure the seconds of a step, and of one forward and backward pass and nothing else.

    The two take turns, so that both see the machine, and its caches, in the same state.
    """
    module = truncated(case.network.module, case.layer).to(memory_format=torch.channels_last)
    names = {name.removeprefix("network.") for name, _ in module.named_modules()}
    convert(module, {f"network.{name}" for name in names}, dtype)
    batch = input_for(case.network, case.image).contiguous(memory_format=torch.channels_last)
    batch.requires_grad_()
    steps, passes = [], []
    began = time.perf_counter()
    # None of these is one of the last steps, which run in float32.
    for _ in itertools.islice(reconstruct(case.network, case.image, config), TURNS):
        steps.append(time.perf_counter() - began)
        began = time.perf_counter()
        with autocast(dtype, CPU):
            output = module(batch)
        torch.autograd.grad(output, batch, torch.ones_like(output))
        passes.append(time.perf_counter() - began)
        began = time.perf_counter()
    return statistics.median(steps[5:]), statistics.median(passes[5:])


def compare(name: str, case: Case, seconds: float) -> list[Row]:
    """Run every method on one case, and print what came out."""
    config = replace(
        preset(case.network.name, case.layer), seconds=seconds, steps=None, seed=case.seed
    )
    dtype = resolve("auto", CPU)
    rows = [replace(convviz(case, config), method=f"convviz, {str(dtype).removeprefix('torch.')}")]
    if dtype != torch.float32:
        float32_row = convviz(case, replace(config, precision="float32"))
        rows.append(replace(float32_row, method="convviz, float32"))
    rows.append(replace(plain(case, seconds, adam), method="plain Adam, float32"))
    rows.append(replace(plain(case, seconds, lbfgs), method="plain L-BFGS, float32"))
    rows = [replace(row, case=name) for row in rows]
    best = min(row.relative_error for row in rows[-2:])
    for row in rows:
        print(
            f"| {row.case} | {row.method} | {row.relative_error:.4f} "
            f"| {row.relative_error / best:.2f} | {row.steps} | {row.seconds:.1f} |",
            flush=True,
        )
    turns = replace(config, steps=2 * TURNS, seconds=None)
    step, pass_ = step_and_pass(case, turns, dtype)
    print(
        f"| {name} | time per step: {1e3 * step:.1f} ms; bare pass: {1e3 * pass_:.1f} ms "
        f"| | {step / pass_:.2f} | | |",
        flush=True,
    )
    return rows


def measure_presets(name: str, cases: list[Case], seconds: float | None, steps: int | None) -> None:
    """Print the geometric mean over the images of the error from each start."""
    means = []
    for noise in NOISES:
        errors = []
        for case in cases:
            config = ReconstructionConfig(case.layer, steps, seconds, noise=noise, seed=case.seed)
            errors.append(convviz(case, config).relative_error)
        means.append(math.exp(statistics.fmean(map(math.log, errors))))
    cells = " | ".join(
        f"**{value:.4f}**" if value == min(means) else f"{value:.4f}" for value in means
    )
    print(f"| {name} | {cells} |", flush=True)


def measure_settled(name: str, case: Case, steps: int) -> None:
    """Print what a run says of itself, and what eight times its steps change."""
    config = replace(
        preset(case.network.name, case.layer),
        seconds=None,
        steps=steps,
        seed=case.seed,
        precision="float32",  # so that the longer run begins with the shorter one
    )
    results = []
    for count in (steps, LONGER * steps):
        *_, step = reconstruct(case.network, case.image, replace(config, steps=count))
        if step.result is None:
            raise RuntimeError("a reconstruction ended without a result")
        results.append(step.result)
    run, longer = results
    changes = [
        "–" if before is None or after is None else f"{after - before:+.3f}"
        for before, after in (
            (run.ssim, longer.ssim),
            (run.layout, longer.layout),
            (run.detail, longer.detail),
        )
    ]
    print(
        f"| {name} | {steps} | {'settled' if is_settled(run) else 'not settled'} "
        f"| {run.relative_error:.4f} → {longer.relative_error:.4f} | {' | '.join(changes)} |",
        flush=True,
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", metavar="NETWORK:LAYER")
    parser.add_argument("--seconds", type=float, help="per run (default: 12)")
    parser.add_argument("--steps", type=int, help="instead of seconds; for --presets, --settled")
    parser.add_argument("--images", nargs="+", metavar="SAMPLE", help="(default: cat)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--presets", action="store_true", help="compare starts, not methods")
    parser.add_argument("--settled", action="store_true", help="compare with longer runs")
    parser.add_argument("--json", metavar="FILE", help="write the rows to a file as well")
    args = parser.parse_args()
    seconds = None if args.steps else args.seconds or 12.0
    case_names = args.cases or (PRESET_CASES if args.presets else CASES)
    pictures = args.images or (["cat", "rocket"] if args.presets else ["cat"])
    loaded = {name: load(name) for name in {case_name.split(":")[0] for case_name in case_names}}
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, images {pictures}")
    if args.presets:
        print(f"| layer | {' | '.join(f'noise {noise:g}' for noise in NOISES)} |")
        print(f"| --- |{' ---: |' * len(NOISES)}")
    elif args.settled:
        print("| layer | steps | it says | relative error after 8 × | SSIM | layout | detail |")
        print("| --- | ---: | --- | --- | ---: | ---: | ---: |")
    else:
        print("| layer | method | relative error | of the best plain run's | steps | seconds |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
    rows: list[Row] = []
    for name in case_names:
        network, layer = name.split(":")
        cases = [
            Case(loaded[network], layer, decode(sample(image_name).read()), args.seed)
            for image_name in pictures
        ]
        if args.presets:
            measure_presets(name, cases, seconds, args.steps)
            continue
        for case, picture in zip(cases, pictures, strict=True):
            title = name if len(cases) == 1 else f"{name}, {picture}"
            if args.settled:
                measure_settled(title, case, args.steps or 100)
                continue
            rows.extend(compare(title, case, seconds or 12.0))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump([asdict(row) for row in rows], file, indent=2)


if __name__ == "__main__":
    main()
