"""The settings of a reconstruction: their limits, and presets by network and layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from convviz.errors import SettingError
from convviz.language import later, tr, trp
from convviz.networks.device import PRECISIONS, Precision
from convviz.networks.registry import spec
from convviz.reconstruction import optimizers
from convviz.reconstruction.optimizers import OPTIMIZERS
from convviz.structure.layers import layer, layers
from convviz.structure.trunk import trunk_depth

STARTS = ("noise", "grey")

DEFAULT_SECONDS = 12.0
"""How long a run takes where neither `steps` nor `seconds` is set."""

MOST_STEPS = 100_000
MOST_SECONDS = 86_400.0
LARGEST_IMAGE = 1024

# Network: (layer, standard deviation of the noise), from shallow to deep. Measured at each of these
# layers: half or twice as much noise makes no difference beyond chance.
_NOISE = {
    "alexnet": (("features.7", 0.01), ("features.11", 0.01)),
    "vgg16": (("features.15", 0.02), ("features.22", 0.02), ("features.29", 0.02)),
    "googlenet": (("inception3b", 0.02), ("inception4a", 0.02), ("inception5b", 0.02)),
}

MEASURED = tuple(_NOISE)
"""The networks with which the presets were measured, with trained weights."""

# For other networks, a guess: depth in the encoder up to which it holds, and noise.
_NOISE_BY_DEPTH = ((0.6, 0.01), (1.0, 0.02))


@dataclass(frozen=True, eq=False)
class ReconstructionConfig:
    """How to reconstruct; `preset` chooses some settings by the network and the layer.

    Attributes:
        layer: Dotted name of the layer whose feature maps are matched.
        steps: How many steps at most, one forward and one backward pass each.
        seconds: How long at most, everything included, but for ten steps at least. With neither of
            the two: 12 s.
        optimizer: A name in `optimizers.OPTIMIZERS`.
        learning_rate: For L-BFGS the length of each step before it is tried, as a multiple of the
            one it computes; for Adam the change of each Fourier coefficient in one step. None for
            the optimizer's usual rate.
        decay: p in learning rate · (1 − t)^p, where t goes from 0 to 1 over the run; None for the
            optimizer's usual decay.
        tv: Weight of the total variation, the mean squared difference of neighbouring pixels in
            0…1 (Mahendran & Vedaldi 2015, with β = 2); the feature loss is 1 for a silent layer.
        start: "noise", "grey", or an image to go on from: a PIL image or pixels in 0…1, shape
            (3, H, W) or (1, 3, H, W), such as the `image` of an earlier result.
        noise: Standard deviation of the noise around mid-grey that "noise" starts from, in 0…1.
        spectrum: How that noise falls with frequency: p in the amplitude 1 / frequency^p of each
            wave. 0 is white noise; 1 is the spectrum of photographs, in their colours too.
        smoothness: How much easier coarse structure changes than fine: p in the weight
            1 / frequency^p of each Fourier coefficient. 1 is the spectrum of photographs.
        local_scale: Whether L-BFGS estimates how the loss curves for each part of the image by
            itself, and not for the whole image alone.
        seed: Of the noise.
        precision: "auto", "float32" or "bfloat16"; "auto" is bfloat16 where that is fast.
        image_size: Side of the square image in pixels; None for what suits the weights.
    """

    layer: str = ""
    steps: int | None = None
    seconds: float | None = None
    optimizer: str = optimizers.DEFAULT
    learning_rate: float | None = None
    decay: float | None = None
    tv: float = 0.0
    start: str | Image.Image | Tensor = "noise"
    noise: float = 0.01
    spectrum: float = 1.0
    smoothness: float = 1.0
    local_scale: bool = True
    seed: int = 0
    precision: Precision = "auto"
    image_size: int | None = None


def check(config: ReconstructionConfig) -> None:
    """Check everything about the settings that does not depend on the network.

    Raises:
        SettingError: A setting is out of range; the sentence names the limit.
    """
    whole(trp("a setting", "number of steps"), config.steps, 1, MOST_STEPS)
    within(trp("a setting", "time in seconds"), config.seconds, 0.0, MOST_SECONDS, above=True)
    _choice(trp("a setting", "optimizer"), config.optimizer, tuple(OPTIMIZERS))
    within(trp("a setting", "learning rate"), config.learning_rate, 0.0, math.inf, above=True)
    within(trp("a setting", "decay"), config.decay, 0.0, 10.0)
    within(trp("a setting", "weight of the total variation"), config.tv, 0.0, 1e6)
    within(trp("a setting", "noise"), config.noise, 0.0, 1.0)
    within(trp("a setting", "spectrum of the noise"), config.spectrum, 0.0, 3.0)
    within(trp("a setting", "smoothness"), config.smoothness, 0.0, 3.0)
    whole(trp("a setting", "seed"), config.seed, 0, 2**63 - 1)
    _choice(trp("a setting", "precision"), config.precision, PRECISIONS)
    whole(trp("a setting", "image size"), config.image_size, 1, LARGEST_IMAGE)
    _start(config.start)


def _start(start: Any) -> None:
    if isinstance(start, str):
        _choice(trp("a setting", "start"), start, STARTS)
    elif isinstance(start, Tensor):
        if start.dim() not in (3, 4) or start.shape[-3] != 3 or start.numel() == 0:
            raise SettingError(
                tr(
                    "The start's shape {shape} is not that of an image; give pixels of shape "
                    "(3, height, width).",
                    shape=str(tuple(start.shape)),
                )
            )
        if start.dim() == 4 and start.shape[0] != 1:
            raise SettingError(
                tr("The start holds {count} images; give exactly one.", count=start.shape[0])
            )
        if not start.is_floating_point() or not bool(torch.isfinite(start).all()):
            raise SettingError(tr("The start's pixels must be finite decimal numbers in 0 to 1."))
    elif not isinstance(start, Image.Image):
        raise SettingError(
            tr(
                "The start must be {starts} or an image, not a {kind}.",
                starts=tr(" or ").join(STARTS),
                kind=type(start).__name__,
            )
        )


def _choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingError(
            tr(
                "The {setting} {given} does not exist; choose {choices}.",
                setting=name,
                given=repr(value),
                choices=", ".join(choices),
            )
        )


def whole(name: str, value: Any, low: int, high: int) -> None:
    """Check a whole number; None is a setting that is not made.

    Args:
        name: Name of the setting, for the sentence, in the reader's language.
        value: Its value.
        low: The smallest valid value.
        high: The largest one.

    Raises:
        SettingError: It is none, or out of range.
    """
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise SettingError(
            tr(
                "The {setting} must be a whole number from {low} to {high}, not {given}.",
                setting=name,
                low=low,
                high=high,
                given=value,
            )
        )


def within(name: str, value: Any, low: float, high: float, *, above: bool = False) -> None:
    """Check a number; None is a setting that is not made, not-a-number is outside every range.

    Args:
        name: Name of the setting, for the sentence, in the reader's language.
        value: Its value.
        low: The smallest valid value.
        high: The largest one.
        above: Whether `low` itself is not valid.

    Raises:
        SettingError: It is none, or out of range.
    """
    if value is None:
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and low <= value <= high and math.isfinite(value) and not (above and value == low):
        return
    limits: dict[str, Any] = {"setting": name, "low": low, "high": high, "given": value}
    if above and math.isinf(high):
        message = later("The {setting} must be a number above {low:g}, not {given}.")
    elif above:
        message = later(
            "The {setting} must be a number above {low:g} and at most {high:g}, not {given}."
        )
    elif math.isinf(high):
        message = later("The {setting} must be a number {low:g} or more, not {given}.")
    else:
        message = later(
            "The {setting} must be a number {low:g} or more and at most {high:g}, not {given}."
        )
    raise SettingError(tr(message, **limits))


def preset(network_name: str, layer_name: str) -> ReconstructionConfig:
    """Return settings for a layer: those measured at the layer that is closest in depth.

    For a network that was not measured they are a guess from the layer's depth: see `is_measured`.

    Raises:
        NetworkError: There is no such network or layer.
    """
    network_spec = spec(network_name)
    network_layers = layers(network_spec)
    depth = trunk_depth(network_layers, layer(network_spec, layer_name))
    if network_name in _NOISE:
        noise = min(
            (abs(trunk_depth(network_layers, layer(network_spec, name)) - depth), noise)
            for name, noise in _NOISE[network_name]
        )[1]
    else:
        noise = next(noise for limit, noise in _NOISE_BY_DEPTH if depth <= limit)
    return ReconstructionConfig(layer=layer_name, seconds=DEFAULT_SECONDS, noise=noise)


def is_measured(network_name: str, source: str) -> bool:
    """Whether a network's presets were measured with it, and with trained weights.

    Args:
        network_name: Its short name.
        source: Where its weights are from, as for `weights.load`.
    """
    return network_name in _NOISE and source != "random"
