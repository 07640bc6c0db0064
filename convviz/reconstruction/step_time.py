"""How long a step of a reconstruction takes on this machine, and what a time buys.

The time of a step is measured before the first run, on one step of the same network up to the same
layer. What so many steps are good for was found with `benchmarks/passes.py`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from convviz.errors import ConvvizError
from convviz.images.fourier import FourierImage
from convviz.images.preprocess import normalise
from convviz.networks import device
from convviz.networks.device import Precision
from convviz.networks.network import Network
from convviz.reconstruction.objective import Objective
from convviz.reconstruction.reconstruct import LEAST_STEPS
from convviz.structure.layers import Layer, layer

BLUR_STEPS = 40
"""With fewer steps the image of a deep layer is blurred."""

PICTURE_STEPS = 80
"""So many steps make a picture of it."""

DEEP = 0.5
"""Depth in the encoder from which on this was measured; an earlier layer wants fewer steps."""

_SMALL = 112  # pixels: a step of an image of half the side takes a quarter of the time
_LONG = 0.05  # seconds of such a step; shorter ones are measured at full size as well
_REPEATS, _ENOUGH_SECONDS = 5, 0.5  # at most; two steps are taken in any case


def seconds_per_step(
    network: Network,
    layer_name: str,
    *,
    precision: Precision = "auto",
    threads: int | None = None,
) -> float:
    """Measure how long one step takes; this takes about half a second, or as long as two steps.

    Where a step is long it is measured on an image of 112 × 112 pixels, and counted by the area.

    Args:
        network: The network; it is not changed.
        layer_name: The layer to reconstruct from.
        precision: That of the run.
        threads: How many the run will have; None for as many as the caller has.

    Raises:
        NetworkError: There is no such layer.
        ReconstructionError: The layer cannot be reconstructed from.
    """
    side = network.input_size
    with device.threads(threads):
        if side > _SMALL:
            try:
                found = layer(network, layer_name, _SMALL)
                seconds = _measure(network, found, _SMALL, precision) * (side / _SMALL) ** 2
            except ConvvizError:  # it takes no image so small
                seconds = 0.0
            if seconds > _LONG:
                return seconds
        return _measure(network, layer(network, layer_name), side, precision)


def _measure(network: Network, found: Layer, side: int, precision: Precision) -> float:
    on = device.best_device()
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand((1, 3, side, side), generator=generator)
    canvas = FourierImage(side, device=on)
    coefficients = canvas.coefficients(noise.to(on))
    objective = Objective(
        network,
        found,
        normalise(noise, mean=network.spec.mean, std=network.spec.std),
        tv=0.0,
        dtype=device.resolve(precision, on),
        device=on,
    )
    seconds: list[float] = []
    # The first one also reserves memory. The shortest of the others counts: what else happens at
    # this moment, such as the drawing of this page, is over when a run has begun.
    while len(seconds) < 2 or (len(seconds) <= _REPEATS and sum(seconds) < _ENOUGH_SECONDS):
        began = time.perf_counter()
        value = objective.evaluate(canvas.pixels(coefficients), precise=False)
        float(canvas.transpose(value.gradient).norm())  # a GPU has computed it by then
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


def steps_within(seconds: float, step_seconds: float) -> int:
    """Return how many steps a run of so many seconds takes, about."""
    return max(LEAST_STEPS, int(seconds / step_seconds))


def seconds_for_a_picture(step_seconds: float, choices: Sequence[float]) -> float | None:
    """Return the first of some times, in order, that is enough for a picture; None if none is."""
    return next((each for each in choices if each >= PICTURE_STEPS * step_seconds), None)


def usual_seconds(
    step_seconds: float, choices: Sequence[float], *, least: float, most: float
) -> float:
    """Choose the time that a run has unless somebody chooses another.

    Args:
        step_seconds: How long one step takes.
        choices: What can be chosen, in order.
        least: No shorter time than this, if so long a time can be chosen.
        most: No longer time than this, if so short a time can be chosen.

    Returns:
        The first time that is enough for a picture, within these bounds.
    """
    enough = seconds_for_a_picture(step_seconds, choices)
    wanted = most if enough is None else min(max(least, enough), most)
    return max((each for each in choices if each <= wanted), default=choices[0])
