"""The image that excites a channel most: activation maximisation.

Gradient ascent on an image's Fourier coefficients (see `fourier`), under transformations to which a
channel should be robust: before each step the image is shifted, scaled and turned a little, as in
Olah, Mordvintsev and Schubert, "Feature Visualization", Distill 2017. So patterns that depend on
one exact arrangement of pixels do not last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import SettingError
from convviz.features.arithmetic import Derivation, Unit
from convviz.features.capture import check_gradient, truncated
from convviz.images.fourier import FourierImage
from convviz.images.preprocess import normalise, to_image, to_tensor, without_colour
from convviz.language import tr
from convviz.networks.network import Network
from convviz.structure.layers import Layer, check_channel
from convviz.structure.layers import layer as find_layer

Target = Literal["channel", "centre"]
TARGETS: tuple[Target, ...] = get_args(Target)
_REPORT = 8  # optimisation steps between two that are reported
_SCALES = (0.9, 0.95, 1.0, 1.05, 1.1)
_DEGREES = 8.0
_NOISE = 0.01  # standard deviation of the starting image's coefficients
_LEAST_SIZE, _LARGEST_SIZE = 32, 512


@dataclass(frozen=True)
class SynthesisConfig:
    """How an image is optimised.

    Attributes:
        steps: Steps of gradient ascent.
        rate: Learning rate of Adam, on the Fourier coefficients.
        size: Side of the image, in pixels; None for the network's input.
        target: "channel" excites the whole map, and gives texture; "centre" excites the number in
            its middle, and gives one part.
        jitter: Largest shift in each direction, in pixels; None for one sixteenth of the size.
        seed: For the starting image and the transformations.
    """

    steps: int = 128
    rate: float = 0.05
    size: int | None = None
    target: Target = "channel"
    jitter: int | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class SynthesisStep:
    """Where an optimisation stands.

    The maximised number is the mean of the channel's map or the number in its middle, before the
    ReLU where the layer ends in one or one follows.

    Attributes:
        step: Steps taken.
        total: Steps to take.
        score: The maximised number for `picture`, as it is and as a file would hold it.
        scores: What was maximised in every step so far: the number for the image as it was shifted,
            scaled and turned before that step.
        picture: The image, not transformed.
        start: The maximised number for the noise that it began with, measured as `score` is.
        before_relu: Whether the number is one before a ReLU.
        changed: Whether any step changed the noise; it does not where no pixel has an influence.
        target: What was maximised: the mean of the "channel" or the number in its "centre".
        has_map: Whether the channel is a map; otherwise it is one number, which both targets mean.
    """

    step: int
    total: int
    score: float
    scores: tuple[float, ...]
    picture: Image.Image
    start: float
    before_relu: bool
    changed: bool
    target: Target
    has_map: bool

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return self.step / self.total

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        return 3 * self.picture.width * self.picture.height + 32 * len(self.scores)


def synthesise(
    network: Network,
    layer_name: str,
    channel: int,
    config: SynthesisConfig | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[SynthesisStep]:
    """Optimise an image so that it excites one channel as much as it can.

    The layer's output before its ReLU is maximised where available, so that an empty channel can
    become active.

    Args:
        network: The network.
        layer_name: Dotted name of the layer.
        channel: The channel.
        config: Settings; None for the defaults.
        stop: Asked after every step whether to end.

    Yields:
        A step after every few steps of ascent; the last one holds the result. The same seed gives
        the same image.

    Raises:
        NetworkError: There is no such layer.
        SettingError: There is no such channel, or a number is out of range.
    """
    target_layer = find_layer(network, layer_name)
    check_channel(target_layer.shape, channel)
    config = config or SynthesisConfig()
    size = network.input_size if config.size is None else config.size
    if not 1 <= config.steps <= 5000:
        raise SettingError(
            tr("{steps} steps cannot be taken: choose 1 to 5000.", steps=config.steps)
        )
    if not 0 < config.rate <= 10:
        raise SettingError(
            tr("A rate of {rate:g} makes no sense: choose above 0, up to 10.", rate=config.rate)
        )
    if not _LEAST_SIZE <= size <= _LARGEST_SIZE and size != network.input_size:
        raise SettingError(
            tr(
                "An image of {size} pixels is out of range: choose {least} to {largest}.",
                size=size,
                least=_LEAST_SIZE,
                largest=_LARGEST_SIZE,
            )
        )
    if config.target not in TARGETS:
        raise SettingError(
            tr(
                "There is no target {target!r}; choose {targets}.",
                target=config.target,
                targets=", ".join(TARGETS),
            )
        )
    find_layer(network, layer_name, size)  # a transformer takes one size only
    jitter = size // 16 if config.jitter is None else config.jitter
    if not 0 <= jitter < size // 2:
        raise SettingError(
            tr(
                "A jitter of {jitter} pixels is out of range: choose 0 to {most}.",
                jitter=jitter,
                most=size // 2,
            )
        )
    return _ascend(network, target_layer, channel, config, size, jitter, stop)


def _ascend(
    network: Network,
    layer: Layer,
    channel: int,
    config: SynthesisConfig,
    size: int,
    jitter: int,
    stop: Callable[[], bool],
) -> Iterator[SynthesisStep]:
    generator = torch.Generator().manual_seed(config.seed)
    image = FourierImage(size, unitary=False)
    coefficients = _NOISE * torch.randn(image.shape, generator=generator)
    coefficients.requires_grad_()
    optimiser = torch.optim.Adam([coefficients], lr=config.rate)
    unit, before_relu = unit_before_relu(network, layer, channel)
    cut = truncated(network.module, unit.name)
    mean, std = network.spec.mean, network.spec.std

    def measured(picture: Image.Image) -> float:
        batch = to_tensor(picture, size=size, resize=size, mean=mean, std=std)
        with torch.no_grad():
            return float(_score(cut(batch)[0, unit.channel], config.target))

    def valid() -> Tensor:
        pixels = _valid(image, coefficients)
        return without_colour(pixels) if len(mean) == 1 else pixels

    begin = measured(to_image(valid()))
    changed, has_map = False, len(layer.shape) == 3
    scores: list[float] = []
    for step in range(1, config.steps + 1):
        with torch.enable_grad():
            pixels = transformed(valid(), jitter, generator)
            output = cut(normalise(pixels, mean=mean, std=std))
            check_gradient(output, unit.name)
            score = _score(output[0, unit.channel], config.target)
            optimiser.zero_grad(set_to_none=True)
            (-score).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        changed = changed or bool(coefficients.grad is not None and coefficients.grad.any())
        optimiser.step()
        scores.append(float(score.detach()))
        if not math.isfinite(scores[-1]):
            raise SettingError(
                tr(
                    "The activations grew beyond every number: choose a smaller rate or "
                    "another layer."
                )
            )
        if step % _REPORT == 0 or step == config.steps or step == 1:
            with torch.no_grad():
                picture = to_image(valid())
            yield SynthesisStep(
                step=step,
                total=config.steps,
                score=measured(picture),
                scores=tuple(scores),
                picture=picture,
                start=begin,
                before_relu=before_relu,
                changed=changed,
                target=config.target,
                has_map=has_map,
            )
            if stop():
                return


def unit_before_relu(network: Network, layer: Layer, channel: int) -> tuple[Unit, bool]:
    """Find where a channel is before its ReLU, so that one that is silent has a gradient too.

    Args:
        network: The network.
        layer: The channel's layer.
        channel: The channel.

    Returns:
        The layer and channel to look at, and whether a ReLU follows there.
    """
    unit = Unit(layer.name, channel, 0, 0)
    if layer.name == layer.module:
        # Height and width stay those of the map: a ReLU, a batch norm or a choice changes neither.
        unit = Derivation(network).before_relu(unit)
    return unit, find_layer(network, unit.name).pre_relu is not None


def _valid(image: FourierImage, coefficients: Tensor) -> Tensor:
    """Return the image with its pixels squeezed into 0…1, shape (1, 3, S, S)."""
    return torch.sigmoid(image.contrast(coefficients))


def transformed(pixels: Tensor, jitter: int, generator: torch.Generator) -> Tensor:
    """Shift, scale and turn an image a little, at random; it stays as large as it is.

    Args:
        pixels: Shape (1, 3, S, S).
        jitter: Largest shift, in pixels.
        generator: Source of the random numbers.
    """
    size = pixels.shape[-1]
    randoms = torch.rand(3, generator=generator)
    scale = _SCALES[int(torch.randint(len(_SCALES), (1,), generator=generator))]
    turn = math.radians(_DEGREES) * (2 * float(randoms[0]) - 1)
    down, across = ((2 * randoms[1:] - 1) * 2 * jitter / size).tolist()
    cosine, sine = math.cos(turn) / scale, math.sin(turn) / scale
    matrix = torch.tensor([[[cosine, -sine, across], [sine, cosine, down]]])
    grid = nn.functional.affine_grid(matrix, [1, 3, size, size], align_corners=False)
    return nn.functional.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)


def _score(map_: Tensor, target: Target) -> Tensor:
    if map_.dim() == 0:
        return map_
    if target == "channel":
        return map_.mean()
    return map_[map_.shape[0] // 2, map_.shape[1] // 2]
