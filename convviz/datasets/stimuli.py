"""Images drawn by code to find what excites a channel, each with a title that says what it is.

Photographs show few of the patterns that a channel may look for, and never alone. These are edges,
lines, gratings, checkerboards, dots, shapes, colours, gradients, textures and fractals, each at
several angles, sizes and colours. The same seed draws the same images.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convviz.datasets.image_set import SampleCrops
from convviz.errors import at_least
from convviz.images.samples import names_of_samples
from convviz.language import ENGLISH, in_english, later, speaking, tr, trn

SIDE = 224  # pixels

Shares = NDArray[np.float64]
"""How much of the second colour each pixel has, in 0…1, shape (SIDE, SIDE)."""

_COLOURS = {
    later("black"): (0, 0, 0),
    later("white"): (255, 255, 255),
    later("grey"): (128, 128, 128),
    later("red"): (200, 30, 30),
    later("orange"): (240, 140, 30),
    later("yellow"): (240, 220, 40),
    later("green"): (40, 150, 60),
    later("cyan"): (40, 190, 200),
    later("blue"): (40, 70, 200),
    later("violet"): (130, 50, 170),
    later("brown"): (110, 70, 40),
    later("skin"): (222, 184, 160),
}
_PAIRS = (
    *(("black", "white"), ("white", "black"), ("grey", "white"), ("red", "green")),
    *(("blue", "yellow"), ("orange", "blue"), ("green", "violet"), ("brown", "skin")),
    *(("black", "red"), ("white", "blue"), ("cyan", "brown"), ("grey", "orange")),
)
_ANGLES = tuple(range(0, 180, 15))
_SHAPES = {  # by the number of corners: what each is called, and its outline
    3: (later("triangle"), later("outline of a triangle")),
    4: (later("square"), later("outline of a square")),
    5: (later("pentagon"), later("outline of a pentagon")),
    6: (later("hexagon"), later("outline of a hexagon")),
    8: (later("octagon"), later("outline of an octagon")),
    60: (later("disc"), later("outline of a disc")),
}


@dataclass(frozen=True)
class Stimuli:
    """Generated patterns, a few hundred; only their number and the seed are stored.

    Attributes:
        each: How many of each kind.
        seed: Of what is drawn by chance: sizes, places, textures.
        name: Name of the set, for people.
    """

    each: int = 30
    seed: int = 0
    name: str = field(default=in_english(tr("generated patterns")), compare=False)

    def __post_init__(self) -> None:
        """Check how many there are.

        Raises:
            SettingError: There are none.
        """
        at_least(tr("number of patterns of each kind"), self.each, 1)

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each image, what it shows: "edge at 30°, red and green"."""
        with speaking(ENGLISH):
            return tuple(self._drawn(index)[0] for index in range(len(self)))

    def __len__(self) -> int:
        """Return how many there are."""
        return self.each * len(_KINDS)

    def image(self, index: int) -> Image.Image:
        """Draw one image, SIDE × SIDE pixels."""
        _, shares, (first, second) = self._drawn(index)
        back, fore = np.array(_COLOURS[first], float), np.array(_COLOURS[second], float)
        pixels = back + shares()[:, :, None] * (fore - back)
        return Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8))

    def _drawn(self, index: int) -> tuple[str, Callable[[], Shares], tuple[str, str]]:
        """Return an image's title, what draws it, and its two colours."""
        kind, number = _KINDS[index % len(_KINDS)], index // len(_KINDS)
        random = np.random.default_rng((self.seed, index))
        pair = _PAIRS[int(random.integers(len(_PAIRS)))]
        if kind is None:
            return _plain(number)
        title, draw = kind(number, random)
        first, second = map(tr, pair)
        return (
            tr("{title}, {first} and {second}", title=title, first=first, second=second),
            draw,
            pair,
        )


@dataclass(frozen=True)
class CropsAndPatterns:
    """Crops of all sample photographs, and after them the generated patterns."""

    name: str = in_english(tr("crops of the samples and generated patterns"))

    @cached_property
    def _crops(self) -> SampleCrops:
        return SampleCrops(photographs=names_of_samples())

    @cached_property
    def _patterns(self) -> Stimuli:
        return Stimuli()

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each image: its photograph's, or what the pattern is."""
        return self._crops.titles + self._patterns.titles

    @cached_property
    def origins(self) -> tuple[Hashable, ...]:
        """Photograph that a crop was cut out of; a pattern is an image of its own."""
        return (*self._crops.origins, *range(len(self._patterns)))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._crops) + len(self._patterns)

    def image(self, index: int) -> Image.Image:
        """Cut out a crop, or draw a pattern."""
        crops = len(self._crops)
        return self._crops.image(index) if index < crops else self._patterns.image(index - crops)

    def seen_words(self, seen: int, seen_origins: int) -> str:
        """Say how many crops, of how many photographs, and how many patterns were looked at."""
        patterns = max(0, seen - len(self._crops))
        crops = self._crops.seen_words(seen - patterns, seen_origins - patterns)
        if not patterns:
            return crops
        return trn(
            "{crops} and {count} generated pattern",
            "{crops} and {count} generated patterns",
            patterns,
            crops=crops,
        )


Drawn = tuple[str, Callable[[], Shares]]


def _grid() -> tuple[Shares, Shares]:
    """Return each pixel's column and row, from −1 to 1."""
    axis = (np.arange(SIDE) + 0.5) * 2 / SIDE - 1
    across, down = np.meshgrid(axis, axis)
    return across, down


def _along(angle: float) -> Shares:
    """Return how far each pixel lies in a direction, 0° to the right, from the middle."""
    across, down = _grid()
    radians = np.deg2rad(angle)
    distance: Shares = across * np.cos(radians) - down * np.sin(radians)
    return distance


def _edge(number: int, random: np.random.Generator) -> Drawn:
    angle, shift = _ANGLES[number % len(_ANGLES)], random.uniform(-0.3, 0.3)
    blurred = number % 3 == 2
    width = 0.15 if blurred else 1 / SIDE
    title = (
        tr("soft edge at {angle}°", angle=angle) if blurred else tr("edge at {angle}°", angle=angle)
    )
    return title, lambda: (((_along(angle + 90) - shift) / width) / 2 + 0.5).clip(0, 1)


def _line(number: int, random: np.random.Generator) -> Drawn:
    angle, pixels = _ANGLES[number % len(_ANGLES)], int(random.integers(2, 24))
    shift = random.uniform(-0.3, 0.3)
    title = tr("line at {angle}°, {pixels} pixels wide", angle=angle, pixels=pixels)
    return title, lambda: (np.abs(_along(angle + 90) - shift) < pixels / SIDE).astype(float)


def _grating(number: int, random: np.random.Generator) -> Drawn:
    angle, period = _ANGLES[number % len(_ANGLES)], round(4 * 2 ** random.uniform(0, 3.6))
    title = tr("grating at {angle}°, {period} pixels a period", angle=angle, period=period)
    return title, lambda: np.sin(_along(angle + 90) * np.pi * SIDE / period) / 2 + 0.5


def _checkerboard(number: int, random: np.random.Generator) -> Drawn:
    angle, side = (0, 45, 20)[number % 3], round(5 * 2 ** random.uniform(0, 3.2))

    def draw() -> Shares:
        steps = [np.floor(_along(angle + turn) * SIDE / 2 / side) for turn in (0, 90)]
        return (steps[0] + steps[1]) % 2

    return tr("checkerboard at {angle}°, fields of {side} pixels", angle=angle, side=side), draw


def _dots(number: int, random: np.random.Generator) -> Drawn:
    count, radius = int(random.integers(1, 60)), random.uniform(0.03, 0.12)
    places = random.uniform(-0.95, 0.95, (count, 2))

    def draw() -> Shares:
        across, down = _grid()
        inside = np.zeros((SIDE, SIDE), bool)
        for x, y in places:
            inside |= np.hypot(across - x, down - y) < radius
        return inside.astype(float)

    pixels = round(radius * SIDE)
    title = trn(
        "{count} dot of {pixels} pixels", "{count} dots of {pixels} pixels", count, pixels=pixels
    )
    return title, draw


def _shape(number: int, random: np.random.Generator) -> Drawn:
    corners, (title, outline) = list(_SHAPES.items())[number % len(_SHAPES)]
    radius, turn = random.uniform(0.3, 0.8), random.uniform(0, 360)
    is_outline = number % 2 == 1
    apothem = radius * np.cos(np.pi / corners)

    def draw() -> Shares:
        sides = [_along(turn + 360 * side / corners) for side in range(corners)]
        depth = np.max(sides, axis=0)
        inside = depth < apothem
        shares: Shares = (inside & (depth > apothem - 0.08) if is_outline else inside).astype(float)
        return shares

    return tr(outline if is_outline else title), draw


def _plain(number: int) -> tuple[str, Callable[[], Shares], tuple[str, str]]:
    """Return one colour after another, then what lies midway between two."""
    names = list(_COLOURS)
    if number < len(names):
        colour = names[number]
        title = tr("plain {colour}", colour=tr(colour))
        return title, lambda: np.zeros((SIDE, SIDE)), (colour, colour)
    pair = _PAIRS[number % len(_PAIRS)]
    share = 0.5 if number < 2 * len(names) else 0.25
    first, second = map(tr, pair)
    if share == 0.5:
        title = tr("plain, midway between {first} and {second}", first=first, second=second)
    else:
        title = tr(
            "plain, a quarter of the way between {first} and {second}", first=first, second=second
        )
    return title, lambda: np.full((SIDE, SIDE), share), pair


def _gradient(number: int, random: np.random.Generator) -> Drawn:
    angle = 2 * _ANGLES[number % len(_ANGLES)]
    if number % 3 == 2:
        return tr("round gradient"), lambda: (np.hypot(*_grid()) / np.sqrt(2)).clip(0, 1)
    return tr("gradient at {angle}°", angle=angle), lambda: (_along(angle) / 2 + 0.5).clip(0, 1)


def _noise(number: int, random: np.random.Generator) -> Drawn:
    power, seed = (0.0, 1.0, 1.5, 2.0)[number % 4], int(random.integers(2**31))
    title = (
        tr("white noise")
        if not power
        else tr("noise of spectrum 1 / frequency^{power:g}", power=power)
    )
    return title, lambda: _spectrum(power, seed)


def _cells(number: int, random: np.random.Generator) -> Drawn:
    count = int(random.integers(12, 120))
    places = random.uniform(-1, 1, (count, 2))
    is_net = number % 2 == 1

    def draw() -> Shares:
        across, down = _grid()
        near = np.sort([np.hypot(across - x, down - y) for x, y in places], axis=0)[:2]
        shares: Shares = (near[0] / near[0].max()).clip(0, 1)
        if is_net:
            shares = (near[1] - near[0] < 0.03).astype(float)
        return shares

    if is_net:
        return tr("net around {count} points", count=count), draw
    return tr("cells around {count} points", count=count), draw


def _rings(number: int, random: np.random.Generator) -> Drawn:
    period, seed = int(random.integers(8, 40)), int(random.integers(2**31))
    is_wavy = number % 2 == 1

    def draw() -> Shares:
        distance = np.hypot(*_grid())
        if is_wavy:  # as the rings of wood
            distance = distance + 0.3 * (_spectrum(2.0, seed) - 0.5)
        shares: Shares = np.sin(distance * np.pi * SIDE / period) / 2 + 0.5
        return shares

    if is_wavy:
        return tr("wavy rings, {period} pixels apart", period=period), draw
    return tr("rings, {period} pixels apart", period=period), draw


def _fractal(number: int, random: np.random.Generator) -> Drawn:
    if number % 3 == 0:
        levels = 2 + number // 3 % 4
        return tr("Sierpiński carpet of {levels} levels", levels=levels), lambda: _carpet(levels)
    angle = random.uniform(0, 2 * np.pi)
    # On the rim of the Mandelbrot set's largest part Julia sets are rich.
    start = 1.02 * (np.exp(1j * angle) / 2 - np.exp(2j * angle) / 4)
    sign = "+" if start.imag >= 0 else "−"
    title = tr(
        "Julia set of {real:.2f} {sign} {imag:.2f}i",
        real=start.real,
        sign=sign,
        imag=abs(start.imag),
    )
    return title, lambda: _julia(complex(start))


def _spectrum(power: float, seed: int) -> Shares:
    """Draw noise whose amplitudes fall with the frequency, from 0 to 1."""
    random = np.random.default_rng(seed)
    frequencies = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    frequencies[0, 0] = 1
    waves = np.fft.rfft2(random.normal(size=(SIDE, SIDE))) / frequencies**power
    waves[0, 0] = 0
    values = np.fft.irfft2(waves, (SIDE, SIDE))
    shares: Shares = (values / (5 * values.std()) + 0.5).clip(0, 1)
    return shares


def _carpet(levels: int) -> Shares:
    places = np.arange(SIDE) / SIDE
    hole = np.zeros((SIDE, SIDE), bool)
    for level in range(1, levels + 1):
        middle = np.floor(places * 3**level) % 3 == 1
        hole |= middle[:, None] & middle[None]
    return hole.astype(float)


def _julia(start: complex, most: int = 40) -> Shares:
    across, down = _grid()
    values = 1.5 * (across + 1j * down)
    steps = np.zeros((SIDE, SIDE))
    for _ in range(most):
        is_near = np.abs(values) < 2
        steps += is_near
        values = np.where(is_near, values * values + start, values)
    return steps / most


# None stands for plain colours.
_KINDS: tuple[Callable[[int, np.random.Generator], Drawn] | None, ...] = (
    *(_edge, _line, _grating, _checkerboard, _dots, _shape),
    *(None, _gradient, _noise, _cells, _rings, _fractal),
)
