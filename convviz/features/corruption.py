"""A worse image: blurred, noisy, brighter, flatter, turned, or partly covered.

Everything is done to the square that goes into the network, before it is normalised, in the order
of `Corruption`'s attributes. Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to
Common Corruptions and Perturbations", ICLR 2019, measure networks with such images.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter
from torch import Tensor

from convviz.errors import SettingError
from convviz.features.capture import network_crop
from convviz.features.class_target import (
    ClassTarget,
    check_target,
    class_scores,
    decoder_input,
)
from convviz.features.predictions import for_decoder
from convviz.images.preprocess import normalise, to_image, to_pixels
from convviz.language import later, tr
from convviz.networks.network import Network

_GREY = (124, 116, 104)  # about ImageNet's mean colour: of a patch, and beside a turned image


@dataclass(frozen=True)
class Corruption:
    """What is done to an image; the values here leave it as it is.

    Attributes:
        rotation: In degrees, counter-clockwise; what comes in from outside is grey.
        blur: Standard deviation of a Gaussian, in hundredths of the image's side.
        brightness: The pixels are multiplied by this.
        contrast: Differences from the mean grey are multiplied by this.
        noise: Standard deviation of Gaussian noise, in 0…1 of the range of pixels.
        patch: Side of a grey square in the middle, as a share of the image's side.
        seed: The noise's.
    """

    rotation: float = 0.0
    blur: float = 0.0
    brightness: float = 1.0
    contrast: float = 1.0
    noise: float = 0.0
    patch: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class CorruptionRange:
    """What one kind of corruption is called and how far it goes.

    Attributes:
        title: For people, with its unit; told where it is shown.
        low: The least value.
        high: The greatest value.
        step: Between values.
    """

    title: str
    low: float
    high: float
    step: float

    def steps(self) -> tuple[float, ...]:
        """Return the values from the least to the greatest, a step apart."""
        return self.values(1 + round((self.high - self.low) / self.step))

    def values(self, count: int) -> tuple[float, ...]:
        """Return evenly spaced values from the least to the greatest."""
        width = (self.high - self.low) / (count - 1)
        return tuple(round(self.low + index * width, 6) for index in range(count))


CORRUPTIONS: dict[str, CorruptionRange] = {
    "blur": CorruptionRange(later("Blur, % of the side"), 0.0, 10.0, 0.25),
    "noise": CorruptionRange(later("Noise, 1 = from black to white"), 0.0, 0.5, 0.01),
    "brightness": CorruptionRange(later("Brightness, times as bright"), 0.0, 3.0, 0.05),
    "contrast": CorruptionRange(later("Contrast, times as strong"), 0.0, 3.0, 0.05),
    "rotation": CorruptionRange(later("Rotation, degrees"), -180.0, 180.0, 5.0),
    "patch": CorruptionRange(later("Grey patch, as a share of the side"), 0.0, 1.0, 0.02),
}
_NAMES = {
    "blur": later("blur"),
    "noise": later("noise"),
    "brightness": later("brightness"),
    "contrast": later("contrast"),
    "rotation": later("rotation"),
    "patch": later("patch"),
}
NOTHING = Corruption()


@dataclass(frozen=True)
class CorruptionStep:
    """Where a curve over the range of one kind of corruption stands.

    Attributes:
        kind: Name of the kind, as in `CORRUPTIONS`.
        target: The class.
        values: The values that were tried so far, in ascending order.
        scores: The class's score with each.
        probabilities: Its probability with each, in 0…1.
        total: How many values there are.
    """

    kind: str
    target: ClassTarget
    values: tuple[float, ...]
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    total: int

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return len(self.values) / self.total


def corrupt(image: Image.Image, corruption: Corruption) -> Image.Image:
    """Make an image worse.

    Args:
        image: The square that goes into the network.
        corruption: What is done to it.

    Raises:
        SettingError: A value is outside its range.
    """
    check_corruption(corruption)
    worse = image.convert("RGB")
    if corruption.rotation:
        worse = worse.rotate(corruption.rotation, Image.Resampling.BILINEAR, fillcolor=_GREY)
    if corruption.blur:
        worse = worse.filter(ImageFilter.GaussianBlur(corruption.blur / 100 * worse.width))
    if corruption.brightness != 1:
        worse = ImageEnhance.Brightness(worse).enhance(corruption.brightness)
    if corruption.contrast != 1:
        worse = ImageEnhance.Contrast(worse).enhance(corruption.contrast)
    if corruption.noise:
        generator = torch.Generator().manual_seed(corruption.seed)
        pixels = to_pixels(worse)
        pixels = pixels + corruption.noise * torch.randn(pixels.shape, generator=generator)
        worse = to_image(pixels)
    if corruption.patch:
        worse = worse.copy()
        width, height = worse.size
        side = (corruption.patch * width, corruption.patch * height)
        left, top = (width - side[0]) / 2, (height - side[1]) / 2
        corner = (round(left + side[0]) - 1, round(top + side[1]) - 1)
        if corner[0] >= round(left) and corner[1] >= round(top):
            ImageDraw.Draw(worse).rectangle((round(left), round(top), *corner), fill=_GREY)
    return worse


def check_corruption(corruption: Corruption) -> None:
    """Check that each value is within its range.

    Raises:
        SettingError: One is not.
    """
    for name, limits in CORRUPTIONS.items():
        value = getattr(corruption, name)
        if not limits.low <= value <= limits.high:
            raise SettingError(
                tr(
                    "A {name} of {value:g} is outside its range: choose {low:g} to {high:g}.",
                    name=tr(_NAMES[name]),
                    value=value,
                    low=limits.low,
                    high=limits.high,
                )
            )


def input_of_crop(network: Network, square: Image.Image) -> Tensor:
    """Turn a square, as `capture.network_crop` cuts it out, into the network's input."""
    spec = network.spec
    return normalise(to_pixels(square)[None], mean=spec.mean, std=spec.std)


def corruption_curve(
    network: Network,
    image: Image.Image,
    target: ClassTarget,
    kind: str,
    *,
    corruption: Corruption = NOTHING,
    count: int = 21,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[CorruptionStep]:
    """Score a class over the whole range of one kind of corruption, the ends and the middle first.

    Whoever watches sees the whole curve soon, and it becomes finer.

    Args:
        network: The network; it is not touched.
        image: The image.
        target: The class, or the two classes that are compared.
        kind: Which kind, a name in `CORRUPTIONS`.
        corruption: What is done to the image besides.
        count: How many values.
        stop: Asked after every step whether to end.

    Yields:
        A step after every value.

    Raises:
        NetworkError: The weights have no decoder.
        SettingError: There is no such kind or class, or a value is outside its range.
    """
    if kind not in CORRUPTIONS:
        raise SettingError(
            tr(
                "There is no corruption {kind!r}; choose {kinds}.",
                kind=kind,
                kinds=", ".join(CORRUPTIONS),
            )
        )
    if not 2 <= count <= 200:
        raise SettingError(tr("A curve cannot have {count} values: choose 2 to 200.", count=count))
    check_corruption(corruption)
    decoder_input(network, image)  # or the weights have no decoder
    check_target(network, target)
    return _curve(network, network_crop(network, image), target, kind, corruption, count, stop)


def _curve(
    network: Network,
    square: Image.Image,
    target: ClassTarget,
    kind: str,
    corruption: Corruption,
    count: int,
    stop: Callable[[], bool],
) -> Iterator[CorruptionStep]:
    values = CORRUPTIONS[kind].values(count)
    tried: dict[float, tuple[float, float]] = {}
    for index in _coarse_to_fine(count):
        value = values[index]
        worse = corrupt(square, with_value(corruption, kind, value))
        found = class_scores(network, for_decoder(network, input_of_crop(network, worse)))
        share = float(target.probability(network, found)[0])
        tried[value] = (float(target.score(found)[0]), share)
        known = sorted(tried)
        scores, probabilities = zip(*(tried[each] for each in known), strict=True)
        yield CorruptionStep(kind, target, tuple(known), scores, probabilities, count)
        if stop():
            return


def _coarse_to_fine(count: int) -> Iterator[int]:
    """Go through 0…count − 1: both ends, then what lies in the middle between those before."""
    yield from (0, count - 1)
    gaps = deque([(0, count - 1)])
    while gaps:
        first, last = gaps.popleft()
        if last - first > 1:
            middle = (first + last) // 2
            yield middle
            gaps += [(first, middle), (middle, last)]


def with_value(corruption: Corruption, kind: str, value: float) -> Corruption:
    """Return the same corruption with another value of one kind, a name in `CORRUPTIONS`."""
    change: dict[str, Any] = {kind: value}
    return replace(corruption, **change)


def changes_of(corruption: Corruption) -> tuple[str, ...]:
    """Name the kinds of corruption that are other than nothing."""
    return tuple(
        field.name
        for field in fields(corruption)
        if field.name != "seed" and getattr(corruption, field.name) != getattr(NOTHING, field.name)
    )
