"""`reconstruct()`: from settings to an iterator of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from convviz.images.canvas import GREY
from convviz.images.preprocess import crop
from convviz.networks.network import Network
from convviz.reconstruction.config import ReconstructionConfig, check
from convviz.reconstruction.descent import Descent, Task
from convviz.reconstruction.result import ReconstructionStep
from convviz.structure.layers import layer, layers


def reconstruct(
    network: Network,
    image: Image.Image,
    config: ReconstructionConfig,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[ReconstructionStep]:
    """Find an image whose feature maps at a layer are those of a given image.

    Nothing stays open between two steps: whoever has seen enough just drops the iterator.

    Args:
        network: The network; it is not touched.
        image: The original; it is resized and cropped as the weights want it.
        config: The settings.
        stop: Asked after each step whether to end early, with a result.

    Returns:
        One item per step, at least one; the last one carries the result.

    Raises:
        SettingError: A setting makes no sense (at the call).
        NetworkError: There is no such layer, or the network cannot take images of this size (at
            the call).
        ReconstructionError: There is nothing to aim at or to begin with: the features of the
            original or of every start are not finite, or the layer has no gradient (at the first
            step).
    """
    check(config)
    name = layer(network, config.layer).name
    side = config.image_size or network.input_size
    found = next(each for each in layers(network, side) if each.name == name)
    resize = max(side, round(side * network.weights.resize / network.input_size))
    return _steps(
        Task(
            network=network,
            layer=found,
            config=config,
            original=_pixels(crop(image, size=side, resize=resize)),
            start=_start(config, side, resize),
        ),
        stop,
    )


def _steps(task: Task, stop: Callable[[], bool]) -> Iterator[ReconstructionStep]:
    descent = Descent(task)
    while True:
        step = descent.step(stop)
        yield step
        if step.result is not None:
            return


def _start(config: ReconstructionConfig, side: int, resize: int) -> Tensor:
    """Return the pixels to start from, shape (1, 3, side, side)."""
    if isinstance(config.start, Image.Image):
        if config.start.size == (side, side):
            return _pixels(config.start)
        return _pixels(crop(config.start, size=side, resize=resize))
    if isinstance(config.start, Tensor):
        pixels = config.start.detach().to("cpu", torch.float32)
        pixels = pixels.reshape(1, *pixels.shape[-3:]).clamp(0, 1)
        if pixels.shape[-2:] == (side, side):
            return pixels
        return functional.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
    grey = torch.full((1, 3, side, side), GREY)
    if config.start == "grey":
        return grey
    # On the CPU, whatever the device: the same seed is the same noise everywhere.
    generator = torch.Generator().manual_seed(config.seed)
    return grey + config.noise * torch.randn(grey.shape, generator=generator)


def _pixels(picture: Image.Image) -> Tensor:
    """Turn a picture into pixels in 0…1, shape (1, 3, H, W)."""
    values = torch.from_numpy(np.array(picture.convert("RGB")))
    return values.permute(2, 0, 1).unsqueeze(0).float().div(255)
