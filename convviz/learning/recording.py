"""A recorded training: the first layers of the bundled GoogLeNet at seven moments, and its losses.

The weights of conv1, conv2, conv3 and inception3a, with their batch norms, were saved while it
trained on Tiny ImageNet-200, from the random weights of step 0 to the end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from PIL import Image
from safetensors import safe_open
from torch import Tensor, nn

from convviz.learning.snapshots import Snapshot, watch
from convviz.networks.clone import clone
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layers
from convviz.weights.load import load

_DATA = Path(__file__).with_name("data")
_SNAPSHOTS = _DATA / "googlenet_recording.safetensors"
_PARTS = ("conv1", "conv2", "conv3", "inception3a")


@dataclass(frozen=True)
class LoggedStep:
    """One line of the training's log.

    Attributes:
        step: Number of the step.
        seconds: Since the beginning.
        size: Side of the training images at that step, in pixels; validation images had the same.
        learning_rate: At that step.
        loss: Of the main classifier, with label smoothing: a running mean over training images that
            forgets with a factor of 0.98 per step.
        auxiliary: The auxiliary losses of that step alone.
        accuracy: Share of the first validation images classified correctly; None where it was not
            measured.
    """

    step: int
    seconds: float
    size: int
    learning_rate: float
    loss: float
    auxiliary: tuple[float, float]
    accuracy: float | None


@dataclass(frozen=True)
class Log:
    """The training's log.

    Attributes:
        points: In the order of their steps.
        steps: How many steps there were.
        seconds: How long it took with the measurement of the finished network; the last of the
            points says how long without.
        images: How many images it learned from, with repetitions.
        smoothing: Label smoothing of all its losses, in 0…1.
        validation_images: How many of the validation images each accuracy was measured with.
        cores: How many processor cores it ran on.
        final: Accuracy of the finished network on all validation images, by their side in pixels.
    """

    points: tuple[LoggedStep, ...]
    steps: int
    seconds: float
    images: int
    smoothing: float
    validation_images: int
    cores: int
    final: dict[int, float]


@cache
def steps() -> tuple[int, ...]:
    """List the recorded moments, by the number of steps behind them."""
    with safe_open(_SNAPSHOTS, framework="pt") as file:
        return tuple(sorted({int(key.split("/")[0]) for key in file.keys()}))  # noqa: SIM118


@cache
def log() -> Log:
    """Read the training's log."""
    data = json.loads((_DATA / "googlenet_training_log.json").read_text(encoding="utf-8"))
    points = tuple(
        LoggedStep(
            row["step"],
            row["seconds"],
            row["size"],
            row["lr"],
            row["loss"],
            (row["aux1"], row["aux2"]),
            row.get("val_top1"),
        )
        for row in data["log"]
    )
    return Log(
        points,
        data["steps"],
        data["seconds"],
        data["images"],
        data["label_smoothing"],
        data["validation_images"],
        data["cores"],
        {int(size): top1 for size, (top1, _top5) in data["final"].items()},
    )


def recorded_layers() -> tuple[Layer, ...]:
    """List the layers whose maps are known at every moment."""
    return tuple(
        layer
        for layer in layers(_bundled())
        if not layer.detail
        and len(layer.shape) == 3
        and (layer.name.split(".")[0] in _PARTS or layer.name in ("maxpool1", "maxpool2"))
    )


def state_at(step: int) -> dict[str, Tensor]:
    """Read the recorded weights and statistics of one of the `steps`, by their dotted names."""
    prefix = f"{step}/"
    with safe_open(_SNAPSHOTS, framework="pt") as file:
        return {
            key.removeprefix(prefix): file.get_tensor(key).to(torch.float32)
            for key in file.keys()  # noqa: SIM118 - not a dictionary
            if key.startswith(prefix)
        }


def kernels(step: int) -> Tensor:
    """Return the recorded kernels of the first convolution, shape (C, 3, h, w), at one moment."""
    return next(
        module.weight.detach()
        for module in _module_at(step).modules()
        if isinstance(module, nn.Conv2d)
    )


def snapshot(image: Image.Image, layer: str, step: int) -> Snapshot:
    """Take a snapshot of one layer's maps for an image, and the first kernels, at one moment.

    Args:
        image: The image.
        layer: Dotted name of one of the `recorded_layers`.
        step: One of the `steps`.

    Raises:
        SettingError: The network has no such layer with maps.
    """
    bundled = _bundled()
    contents = watch(bundled, image, bundled.input_size, layer_names=[layer])
    seconds = next((point.seconds for point in log().points if point.step == step), 0.0)
    taken = contents.take(_module_at(step), step=step, epoch=0, seconds=seconds)
    return replace(taken, kept=step == steps()[-1])


def snapshots(image: Image.Image, layer: str) -> tuple[Snapshot, ...]:
    """Take a snapshot at every moment; see `snapshot`."""
    return tuple(snapshot(image, layer, step) for step in steps())


@cache
def _module_at(step: int) -> nn.Module:
    """Return the network with the recorded weights of one of the `steps`; nobody may change it.

    The seven share all other weights. Kept, so that each is put together and traced once.
    """
    module = clone(_bundled().module)
    # `assign` replaces the clone's parameters; those that it shares are left alone.
    module.load_state_dict(state_at(step), strict=False, assign=True)
    return module.requires_grad_(False)


@cache
def _bundled() -> Network:
    return load("googlenet", "bundled")
