"""Change an image so that a layer, or one of its channels, answers it more: DeepDream.

After Mordvintsev, Olah and Tyka, "Inceptionism: Going Deeper into Neural Networks", 2015: gradient
ascent that begins with the image itself, in octaves. The image is first small, so that patterns
come out large; what was added is then enlarged and gets finer detail in the next octave.

A step follows the gradient of the image's Fourier coefficients (see `images.fourier`), as it is
after the image was shifted, scaled and turned a little (see `features.synthesis`), scaled to a
root mean square of 1. So the strength says how far the image moves, and the time how finely that
way is divided: a slow computer takes fewer, longer steps, and not a shorter way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from convviz import work_clock
from convviz.errors import NetworkError, ReconstructionError, SettingError
from convviz.features.activations import judged, rectified
from convviz.features.capture import check_gradient, truncated
from convviz.features.synthesis import transformed, unit_before_relu
from convviz.images.fourier import FourierImage
from convviz.images.preprocess import (
    as_saved,
    crop,
    in_grey,
    normalise,
    to_image,
    to_pixels,
    without_colour,
)
from convviz.language import tr, trp
from convviz.networks.network import Network
from convviz.reconstruction.config import DEFAULT_SECONDS, MOST_SECONDS, whole, within
from convviz.structure.layers import Layer, check_channel
from convviz.structure.layers import layer as find_layer

MOST_OCTAVES = 8
MOST_STRENGTH = 2.0
MOST_OCTAVE_STEPS = 10_000

_RATIO = 1.4  # between the sides of two octaves, as in Mordvintsev et al.
_SMALLEST = 16  # pixels
_DECAY = 0.5  # twice, there and back, the spectrum of photographs: 1 / frequency
_LEAST_STEPS = 3  # in each octave, however short the time
_REPORT_SECONDS = 0.4
_JITTER = 16  # a shift is at most this part of the side


@dataclass(frozen=True)
class AmplifyConfig:
    """How a layer is amplified.

    Attributes:
        channel: The channel that is to answer more; None for the whole layer.
        octaves: How many sizes of the image, each 1.4 times as large as the one before; the last is
            the network's own. Sizes that the network cannot take are left out.
        strength: How far the image moves in each octave: the root mean square of all changes of a
            pixel, in 0…1, if they all went the same way.
        steps: Steps in each octave; None for as many as fit into the time.
        seconds: How long at most, but for three steps in each octave; with neither, 12 s.
        seed: Of the shifts, scales and turns.
    """

    channel: int | None = None
    octaves: int = 4
    strength: float = 0.1
    steps: int | None = None
    seconds: float | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class AmplifyStep:
    """Where a run stands; every step that is reported carries the image.

    What is measured is, of a layer, the root mean square of what its next ReLU lets through, or of
    its own numbers where none follows; of a channel, the mean of its map, before its ReLU where it
    has one. It is measured on `picture` as a file would hold it, at the network's own size.

    Attributes:
        step: Steps taken, in all octaves.
        octave: The octave, from 1.
        octaves: How many there are.
        side: Side of the image in this octave, in pixels.
        smallest_side: The same for the first octave.
        fraction: Share of the run that is done, in 0…1.
        seconds: Since the start.
        seconds_left: About how long it will still take; None if not known.
        score: What is measured.
        start: The same for the original.
        before_relu: Whether a channel's number is one before a ReLU.
        rectified: Whether a layer's number counts what the next ReLU lets through.
        changed: Whether any step has changed the image; none does where no pixel has an influence.
        ended: Whether it is the last.
        picture: The image, as large as the network takes it.
    """

    step: int
    octave: int
    octaves: int
    side: int
    smallest_side: int
    fraction: float
    seconds: float
    seconds_left: float | None
    score: float
    start: float
    before_relu: bool
    rectified: bool
    changed: bool
    ended: bool
    picture: Image.Image = field(repr=False)

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        return 3 * self.picture.width * self.picture.height


def amplify(
    network: Network,
    image: Image.Image,
    layer_name: str,
    config: AmplifyConfig | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
    cropped: bool = False,
) -> Iterator[AmplifyStep]:
    """Change an image so that a layer or a channel answers it more.

    Args:
        network: The network; it is not changed.
        image: The image to begin with; it is resized and cropped as the weights require.
        layer_name: Dotted name of the layer.
        config: The settings; None for the defaults.
        stop: Asked after every step whether to end.
        cropped: Whether the image is exactly what the network sees already.

    Returns:
        Steps, a few each second; the last one is `ended`. With a number of steps and no time, the
        same seed gives the same image.

    Raises:
        NetworkError: There is no such layer (at the call).
        SettingError: There is no such channel, or a number is out of range (at the call).
        ReconstructionError: The layer's numbers are not finite (at a step).
    """
    config = config or AmplifyConfig()
    layer = find_layer(network, layer_name)
    whole(trp("a setting", "number of octaves"), config.octaves, 1, MOST_OCTAVES)
    within(trp("a setting", "strength"), config.strength, 0.0, MOST_STRENGTH, above=True)
    whole(trp("a setting", "number of steps"), config.steps, 1, MOST_OCTAVE_STEPS)
    within(trp("a setting", "time in seconds"), config.seconds, 0.0, MOST_SECONDS, above=True)
    whole(trp("a setting", "seed"), config.seed, 0, 2**63 - 1)
    if config.channel is not None:
        whole(trp("a setting", "channel"), config.channel, 0, 10**9)
        check_channel(layer.shape, config.channel)
    size, how = network.input_size, network.spec.interpolation
    resize = network.weights.resize
    seen = image if cropped else crop(image, size=size, resize=resize, interpolation=how)
    sides = octave_sides(network, layer, config.octaves)
    return _ascend(network, layer, seen, config, sides, stop)


def octave_sides(network: Network, layer: Layer, octaves: int) -> tuple[int, ...]:
    """Return the sides of the octaves that a network can take, the smallest first.

    Args:
        network: The network.
        layer: The layer that is amplified.
        octaves: How many are wanted.
    """
    sides = [network.input_size]
    for octave in range(1, octaves):
        side = round(network.input_size / _RATIO**octave)
        if side < _SMALLEST or not _takes(network, layer, side):
            break
        sides.append(side)
    return tuple(reversed(sides))


def _takes(network: Network, layer: Layer, side: int) -> bool:
    """Whether the network runs on an image of this size, up to the layer and beyond."""
    try:
        find_layer(network, layer.name, side)
    except (NetworkError, SettingError):
        return False  # a transformer takes one size; pooling may leave nothing of a small image
    return True


class _Answer:
    """Measures how strongly a layer or a channel answers, and which way it would answer more."""

    def __init__(self, network: Network, layer: Layer, channel: int | None) -> None:
        self._spec, self._layer = network.spec, layer
        if channel is None:
            self._name, self._channel = judged(layer), None
            self.before_relu, self.rectified = False, layer.pre_relu is not None
        else:
            unit, self.before_relu = unit_before_relu(network, layer, channel)
            self._name, self._channel = unit.name, unit.channel
            self.rectified = False
        self._cut = truncated(network.module, self._name)

    def measure(self, pixels: Tensor) -> float:
        """Return the number that is reported, for pixels, shape (1, 3, S, S)."""
        with torch.no_grad():
            energy = self._energy(pixels)
        value = float(energy if self._channel is not None else energy.sqrt())
        return self._checked(value)

    def gradient(self, pixels: Tensor, transform: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the gradient by the pixels as they are before a transformation, (1, 3, S, S)."""
        batch = pixels.detach().requires_grad_()
        with torch.enable_grad():
            energy = self._energy(transform(batch))
            check_gradient(energy, self._name)
            slope: Tensor = torch.autograd.grad(energy, batch)[0]
        self._checked(float(slope.sum()))
        return slope

    def _energy(self, pixels: Tensor) -> Tensor:
        output = self._cut(normalise(pixels, mean=self._spec.mean, std=self._spec.std))[0].float()
        if self._channel is not None:
            mean: Tensor = output[self._channel].mean()
            return mean
        return rectified(self._layer, output).square().mean()

    def _checked(self, value: float) -> float:
        if value - value != 0:  # not a number, or infinite
            raise ReconstructionError(
                tr(
                    "{layer} puts out values that are not finite for this image, so it "
                    "cannot be amplified; choose another layer or a smaller strength.",
                    layer=self._layer.title,
                )
            )
        return value


def _ascend(
    network: Network,
    layer: Layer,
    seen: Image.Image,
    config: AmplifyConfig,
    sides: tuple[int, ...],
    stop: Callable[[], bool],
) -> Iterator[AmplifyStep]:
    answer = _Answer(network, layer, config.channel)
    is_grey = len(network.spec.mean) == 1
    original = to_pixels(in_grey(seen) if is_grey else seen).unsqueeze(0)
    generator = torch.Generator().manual_seed(config.seed)
    start = answer.measure(as_saved(original)[None])
    budget = _OctaveBudget(config, sides)
    detail = torch.zeros_like(original)
    changed, count, reported = False, 0, -_REPORT_SECONDS
    for octave, side in enumerate(sides, 1):
        waves = FourierImage(side, decay=_DECAY)
        base = _resized(original, side)
        pixels = (base + _resized(detail, side)).clamp_(0, 1)
        transform = partial(transformed, jitter=side // _JITTER, generator=generator)
        budget.begin(octave)
        share = 0.0
        while share < 1.0:
            slope = answer.gradient(pixels, transform)
            direction = waves.contrast(waves.transpose(slope))
            if is_grey:
                direction = without_colour(direction)
            length = float(direction.square().mean().sqrt())
            count += 1
            before, share = share, budget.next_share()
            if length > 0:
                way = config.strength * (share - before) / length
                pixels = pixels.add(direction, alpha=way).clamp_(0, 1)
                changed = True
            detail = pixels - base
            stopped = stop()
            ended = stopped or (share >= 1.0 and octave == len(sides))
            due = budget.seconds - reported >= _REPORT_SECONDS
            if ended or share >= 1.0 or due:
                reported = budget.seconds
                enlarged = _resized(detail, original.shape[-1])
                picture = to_image((original + enlarged).clamp_(0, 1))
                yield AmplifyStep(
                    step=count,
                    octave=octave,
                    octaves=len(sides),
                    side=side,
                    smallest_side=sides[0],
                    fraction=1.0 if ended else min(budget.fraction, 0.999),
                    seconds=budget.seconds,
                    seconds_left=0.0 if ended else budget.seconds_left,
                    score=answer.measure(to_pixels(picture)[None]),
                    start=start,
                    before_relu=answer.before_relu,
                    rectified=answer.rectified,
                    changed=changed,
                    ended=ended,
                    picture=picture,
                )
            if stopped:
                return


def _resized(pixels: Tensor, side: int) -> Tensor:
    if pixels.shape[-1] == side:
        return pixels
    return functional.interpolate(pixels, (side, side), mode="bilinear", antialias=True)


class _OctaveBudget:
    """Shares the time out among the octaves, so that all take about equally many steps.

    Args:
        config: The settings.
        sides: The octaves' sides; an octave's time grows with its pixels.
    """

    def __init__(self, config: AmplifyConfig, sides: tuple[int, ...]) -> None:
        self._steps = config.steps
        unlimited = config.steps is None and config.seconds is None
        self._seconds = DEFAULT_SECONDS if unlimited else config.seconds
        pixels = [side * side for side in sides]
        self._shares = [count / sum(pixels) for count in pixels]
        self._started = work_clock.seconds()
        self._done = self._begun = self._share = 0.0
        self._octave = self._count = 0

    def begin(self, octave: int) -> None:
        """Begin an octave, counted from 1."""
        self._done = sum(self._shares[: octave - 1])
        self._octave, self._count, self._share = octave, 0, 0.0
        self._begun = self.seconds

    def next_share(self) -> float:
        """Count a step; return which share of its octave is done now, in 0…1."""
        self._count += 1
        shares = [self._share]
        if self._steps is not None:
            shares.append(self._count / self._steps)
        if self._seconds is not None:
            until = self._seconds * (self._done + self._shares[self._octave - 1])
            left = until - self._begun
            passed = (self.seconds - self._begun) / left if left > 0 else 1.0
            shares.append(min(passed, self._count / _LEAST_STEPS))
        self._share = min(1.0, max(shares))
        return self._share

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return work_clock.seconds() - self._started

    @property
    def fraction(self) -> float:
        """Share of the run that is done, in 0…1."""
        return self._done + self._shares[self._octave - 1] * self._share

    @property
    def seconds_left(self) -> float | None:
        """About how long the run will still take; None before the first step has ended."""
        fraction = self.fraction
        return self.seconds * (1 - fraction) / fraction if fraction > 0 else None
