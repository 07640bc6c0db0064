"""A recorded training: the first layers of the bundled GoogLeNet at seven moments, and its losses.

The weights of conv1, conv2, conv3 and inception3a, with their batch norms, were kept while it
trained on Tiny ImageNet-200, from the random numbers of step 0 to the end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from PIL import Image
from safetensors import safe_open
from torch import nn

from convviz.errors import SettingError
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
        size: Side of the training pictures then, in pixels.
        learning_rate: Then in use.
        loss: Of the main classifier: a running mean that forgets with a factor of 0.98 per step.
        auxiliary: The auxiliary losses of that step alone.
        accuracy: Share of validation pictures named rightly; None where it was not measured.
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
        seconds: How long it took.
        images: How many pictures it looked at, with repetitions.
    """

    points: tuple[LoggedStep, ...]
    steps: int
    seconds: float
    images: int


@cache
def steps() -> tuple[int, ...]:
    """List the recorded moments, by the number of steps behind them."""
    with safe_open(_SNAPSHOTS, framework="pt") as file:
        return tuple(sorted({int(key.split("/")[0]) for key in file.keys()}))  # noqa: SIM118


@cache
def log() -> Log:
    """Read the training's log."""
    said = json.loads((_DATA / "googlenet_training_log.json").read_text(encoding="utf-8"))
    points = tuple(
        LoggedStep(
            each["step"],
            each["seconds"],
            each["size"],
            each["lr"],
            each["loss"],
            (each["aux1"], each["aux2"]),
            each.get("val_top1"),
        )
        for each in said["log"]
    )
    return Log(points, said["steps"], said["seconds"], said["images"])


def network_at(step: int) -> Network:
    """Return GoogLeNet with its first layers as they were after so many steps.

    What lies behind inception3a was not recorded: look at `recorded_layers` only.

    Raises:
        SettingError: That moment was not recorded.
    """
    if step not in steps():
        raise SettingError(f"Step {step} was not recorded; choose {', '.join(map(str, steps()))}.")
    bundled = _bundled()
    module = clone(bundled.module)
    _put(module, step)
    weights = replace(
        bundled.weights,
        source=f"recording-{step}",
        title=f"after {step:,} steps",
        has_decoder=False,
        classes=(),
        note="",
    )
    return Network(bundled.spec, module, weights)


def snapshots(picture: Image.Image, layer: str) -> tuple[Snapshot, ...]:
    """Look at one layer's maps for a picture, and at the first kernels, at every moment.

    Raises:
        SettingError: The network has no such layer with maps.
    """
    bundled = _bundled()
    looked = watch(bundled, picture, bundled.input_size, wanted=[layer])
    seconds = {point.step: point.seconds for point in log().points}
    # One module for all moments: what is known of its structure is found once.
    module = clone(bundled.module)
    found = []
    for step in steps():
        _put(module, step)
        taken = looked.take(module, step=step, epoch=0, seconds=seconds.get(step, 0.0))
        found.append(replace(taken, kept=step == steps()[-1]))
    return tuple(found)


@cache
def _bundled() -> Network:
    return load("googlenet", "bundled")


def _put(module: nn.Module, step: int) -> None:
    """Give a clone its first layers as they were at a recorded moment."""
    prefix = f"{step}/"
    with safe_open(_SNAPSHOTS, framework="pt") as file:
        state = {
            key.removeprefix(prefix): file.get_tensor(key).to(torch.float32)
            for key in file.keys()  # noqa: SIM118 - it is no dictionary
            if key.startswith(prefix)
        }
    # `assign` replaces the clone's parameters, and leaves those that it shares with others alone.
    module.load_state_dict(state, strict=False, assign=True)
    module.requires_grad_(False)


def recorded_layers() -> tuple[Layer, ...]:
    """List the layers whose maps can be looked at at every moment."""
    found = layers(_bundled())
    return tuple(
        each
        for each in found
        if not each.detail
        and len(each.shape) == 3
        and (each.name.split(".")[0] in _PARTS or each.name in ("maxpool1", "maxpool2"))
    )
