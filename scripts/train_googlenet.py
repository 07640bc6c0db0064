"""Train the GoogLeNet that comes with convviz: torchvision's, on Tiny ImageNet-200, on a CPU.

    python scripts/train_googlenet.py TAR --out FOLDER [--steps N] [--budget N] [--compare LOG]

TAR is Tiny ImageNet, or a part of it, with train/CLASS/*.JPEG and val/CLASS/*.JPEG in it. FOLDER
gets googlenet_tiny_imagenet.pt, snapshots.pt and training_log.json, from which bundle_googlenet.py
and bundle_recording.py make what convviz carries.

The loss is that of the main classifier plus 0.3 times that of each auxiliary one (Szegedy et al.
2015, section 5), with label smoothing; the optimiser is SGD with Nesterov's momentum; the learning
rate rises, then falls along a cosine, while the pictures grow from 64 to 96 to 128 pixels.

The bundled network's schedule followed the clock: 8,302 steps in 77 minutes. Here it follows the
steps, by where the recorded training was at each of them. `--compare` prints the losses beside
those of a training_log.json. With the recorded training's pictures, 100,000, the batches are the
same as well; with fewer, only the weights at the beginning are. scripts/README.md says how close
the two came over the first 200 steps.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tiny_imagenet
import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, interpolate
from torchvision.models import googlenet

from convviz.images.preprocess import normalise
from convviz.learning.recording import LoggedStep
from convviz.learning.step import Learner
from convviz.networks.network import AUXILIARY_WEIGHT, IMAGENET_MEAN, IMAGENET_STD
from convviz.weights import bundled

STEPS = 8302
BATCH, RATE, DECAY, SMOOTHING = 128, 0.12, 1e-4, 0.1
RISE = 0.15  # share of the time in which the learning rate rises
# Where the recorded training, which went by the clock, was in its time after so many steps.
SCHEDULE = {0: 0.0, 6943: 0.70, 7854: 0.86, STEPS: 1.0}
SNAPSHOTS = (0, 20, 100, 300, 1000, 3000)
RECORDED = ("conv1", "conv2", "conv3", "inception3a")
SMOOTH = 0.98  # how much of the running mean of the loss each step keeps
CHECK_EVERY, CHECKED = 0.08, 2000  # share of the time between two checks; pictures in a check


def build() -> nn.Module:
    """Build GoogLeNet with the recorded training's first weights."""
    torch.manual_seed(0)  # torchvision and torch.nn.init draw from the global generator
    module: nn.Module = googlenet(
        weights=None,
        num_classes=len(bundled.classes()),
        aux_logits=True,
        init_weights=False,
        transform_input=False,
    )
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
    return module.to(memory_format=torch.channels_last)


def share_at(step: int, budget: int = STEPS) -> float:
    """Say which share of the training lies behind a step, in 0…1."""
    at = np.interp(step * STEPS / budget, list(SCHEDULE), list(SCHEDULE.values()))
    return float(at)


def size_at(share: float) -> int:
    """Return the side of the training pictures, in pixels."""
    return 64 if share < 0.70 else 96 if share < 0.86 else 128


def rate_at(share: float) -> float:
    """Return the learning rate."""
    if share < RISE:
        return RATE * (0.05 + 0.95 * share / RISE)
    return RATE * 0.5 * (1 + math.cos(math.pi * (share - RISE) / (1 - RISE))) + 1e-4


def prepare(pixels: Tensor) -> Tensor:
    """Turn pictures, (N, 3, H, W) uint8, into the network's input."""
    return normalise(pixels.float() / 255, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def augment(pixels: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Cut a random part out of each picture, stretch it, mirror half of them, (N, 3, size, size).

    A part is 30 to 100 % of its picture's area, and up to 4:3 wide or high.
    """
    count = len(pixels)

    def draw() -> Tensor:
        return torch.rand(count, generator=generator)

    area = 0.3 + 0.7 * draw()
    stretch = torch.exp((draw() - 0.5) * 2 * math.log(4 / 3))
    width = (area * stretch).sqrt().clamp(max=1)
    height = (area / stretch).sqrt().clamp(max=1)
    across = (draw() * 2 - 1) * (1 - width)
    down = (draw() * 2 - 1) * (1 - height)
    mirror = torch.where(draw() < 0.5, -1.0, 1.0)
    zero = torch.zeros(count)
    rows = (width * mirror, zero, across, zero, height, down)
    grid = affine_grid(
        torch.stack(rows, 1).view(count, 2, 3), [count, 3, size, size], align_corners=False
    )
    return grid_sample(
        prepare(pixels), grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )


@torch.no_grad()
def accuracy(module: nn.Module, pixels: Tensor, labels: Tensor, size: int) -> tuple[float, float]:
    """Measure the shares of pictures named rightly, and within the first five names."""
    module.eval()
    ranks = []
    for images, answers in zip(pixels.split(250), labels.split(250), strict=True):
        batch = prepare(images)
        if size != batch.shape[-1]:
            batch = interpolate(batch, size=size, mode="bilinear", antialias=True)
        with torch.autocast("cpu", torch.bfloat16):
            scores = module(batch.contiguous(memory_format=torch.channels_last)).float()
        ranks.append(scores.topk(5).indices == answers[:, None])
    correct = torch.cat(ranks).float()
    return round(float(correct[:, 0].mean()), 4), round(float(correct.any(1).float().mean()), 4)


@dataclass(frozen=True)
class Pictures:
    """Pictures of 64 × 64 pixels, (N, 3, 64, 64) uint8, with the numbers of their classes."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]


def train(
    module: nn.Module, pictures: Pictures, *, steps: int, budget: int, kept: dict[int, Any]
) -> Iterator[LoggedStep]:
    """Train, and say every 100 steps how it goes.

    Args:
        module: GoogLeNet in its first state.
        pictures: What it learns from, and is checked with.
        steps: When to end.
        budget: Steps of the whole schedule.
        kept: Filled with the first layers' weights at a few moments, by step.
    """
    learner = Learner(
        module,
        optimiser="sgd",
        weight_decay=DECAY,
        auxiliary_weight=AUXILIARY_WEIGHT,
        smoothing=SMOOTHING,
        dtype=torch.bfloat16,
    )
    pixels, labels = pictures.train
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(pixels), generator=generator)
    position, mean, next_check, start = 0, 0.0, 0.0, time.perf_counter()
    module.train()
    for step in range(steps):
        if step in SNAPSHOTS:
            kept[step] = first_layers(module)
        share = share_at(step, budget)
        size, rate = size_at(share), rate_at(share)
        if position + BATCH > len(pixels):
            order, position = torch.randperm(len(pixels), generator=generator), 0
        rows = order[position : position + BATCH]
        position += BATCH
        batch = augment(pixels[rows], size, generator)
        batch = batch.contiguous(memory_format=torch.channels_last)
        losses = learner.step(batch, labels[rows], rate)
        if not losses.finite:
            raise SystemExit(f"The loss is no longer a number at step {step + 1}.")
        mean = losses.main if step == 0 else SMOOTH * mean + (1 - SMOOTH) * losses.main
        if (step + 1) % 100 == 0 or step + 1 == steps:
            checked = None
            if share >= next_check and step + 1 >= 500:
                samples = (each[:CHECKED] for each in pictures.validation)
                checked, _ = accuracy(module, *samples, max(64, size))
                module.train()
                next_check = share + CHECK_EVERY
            second, first = losses.auxiliary  # the deeper head comes first
            seconds = time.perf_counter() - start
            yield LoggedStep(step + 1, seconds, size, rate, mean, (first, second), checked)
    kept[steps] = first_layers(module)


def first_layers(module: nn.Module) -> dict[str, Tensor]:
    """Copy the weights of the layers that the recording keeps, as float16."""
    state = module.state_dict()
    return halved({name: v for name, v in state.items() if name.split(".")[0] in RECORDED})


def halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy weights as float16; counters stay as they are."""
    return {k: v.half() if v.is_floating_point() else v.clone() for k, v in state.items()}


def as_logged(point: LoggedStep) -> dict[str, Any]:
    """Write a line as training_log.json has it."""
    line = {
        "step": point.step,
        "seconds": round(point.seconds),
        "size": point.size,
        "lr": round(point.learning_rate, 5),
        "loss": round(point.loss, 4),
        "aux1": round(point.auxiliary[0], 3),
        "aux2": round(point.auxiliary[1], 3),
    }
    return line if point.accuracy is None else line | {"val_top1": point.accuracy}


def compared(line: dict[str, Any], logged: dict[str, Any]) -> str:
    """Say how far a line is from the one logged at the same step."""
    return "    " + "   ".join(
        f"{key} {line[key]:.4f} − {logged[key]:.4f} = {line[key] - logged[key]:+.4f}"
        for key in ("loss", "aux1", "aux2", "lr")
    )


def main() -> None:
    """Read the pictures, train, measure, and write the files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tar", type=Path)
    parser.add_argument("--out", type=Path, help="folder for what comes of it")
    parser.add_argument("--steps", type=int, help="end after so many; all of them by default")
    parser.add_argument("--budget", type=int, default=STEPS, help="steps of the whole schedule")
    parser.add_argument("--compare", type=Path, help="a training_log.json to print beside")
    args = parser.parse_args()
    steps = min(args.steps or args.budget, args.budget)

    parts = (
        tiny_imagenet.pixels(tiny_imagenet.read(args.tar, part), 64) for part in ("train", "val")
    )
    pictures = Pictures(*parts)
    print(
        f"{len(pictures.train[1]):,} pictures to learn from, "
        f"{len(pictures.validation[1]):,} to check with"
    )
    logged = {}
    if args.compare:
        logged = {line["step"]: line for line in json.loads(args.compare.read_text())["log"]}
    module, kept, lines = build(), {}, []
    start = time.perf_counter()
    for point in train(module, pictures, steps=steps, budget=args.budget, kept=kept):
        lines.append(as_logged(point))
        print(json.dumps(lines[-1]), flush=True)
        if point.step in logged:
            print(compared(lines[-1], logged[point.step]), flush=True)
    seconds = time.perf_counter() - start
    if args.out:
        final = {str(size): accuracy(module, *pictures.validation, size) for size in (64, 128, 160)}
        print(json.dumps(final))
        args.out.mkdir(parents=True, exist_ok=True)
        torch.save(halved(module.state_dict()), args.out / "googlenet_tiny_imagenet.pt")
        torch.save(kept, args.out / "snapshots.pt")
        log = {"log": lines, "final": final, "seconds": seconds}
        log |= {"steps": steps, "images": steps * BATCH, "cores": torch.get_num_threads()}
        log |= {"label_smoothing": SMOOTHING, "validation_images": CHECKED}
        (args.out / "training_log.json").write_text(json.dumps(log, indent=0), encoding="utf-8")


if __name__ == "__main__":
    main()
