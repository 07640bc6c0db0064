"""Runs as a page shows them: small, complete at every moment, and never changed.

A step of an optimisation carries tensors; what a page needs of it is a few numbers and a picture
that the browser can show as it is. Frames and the loss curve are bounded, however long a run is.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from PIL import Image
from torch import Tensor

from convviz.features.predictions import Prediction
from convviz.images.encode import jpeg, png
from convviz.images.preprocess import crop, to_image, to_pixels
from convviz.networks.network import Network
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.quality import agreement
from convviz.reconstruction.reconstruct import ReconstructionStep, reconstruct
from convviz.structure.layers import Layer

FRAMES = 60


"""At most so many frames of one run are kept."""


CURVE = 200


"""At most so many points of the loss curve are shown while a run goes on."""


_POINT_BYTES = 160  # what a Point takes in memory, about


Item = TypeVar("Item")


@dataclass(frozen=True)
class Subject:
    """What one run is about, in words for a person and names for a program.

    Attributes:
        image: The image's title.
        network_name: The network's short name.
        network: The network's title.
        weights_source: Where its weights are from, as for `networks.load`.
        weights: The weights' title.
        layer: The layer's dotted name.
        layer_title: The layer's title for people.
        numbers: How many numbers the layer gives for one image.
        pixels: The image's side.
    """

    image: str
    network_name: str
    network: str
    weights_source: str
    weights: str
    layer: str
    layer_title: str
    numbers: int
    pixels: int


@dataclass(frozen=True)
class Point:
    """One step of the optimisation, in numbers."""

    step: int
    seconds: float
    loss: float
    relative_error: float


@dataclass(frozen=True)
class Frame:
    """The image as it was at one step, as a JPEG."""

    step: int
    seconds: float
    relative_error: float
    jpeg: bytes


@dataclass(frozen=True)
class Ending:
    """What is known of a run only at its end.

    Attributes:
        relative_error: At the layer, in float32, of the image as the visitor gets it.
        psnr: Peak signal-to-noise ratio against the original, in dB; infinite if they are equal.
        ssim: Structural similarity to the original, 1 if they are equal.
        layout: Correlation with the original's layout (see `depth.agreement`).
        detail: Correlation with the original's detail.
        guesses: The network's best guesses for the reconstruction; empty without a decoder.
        original_guesses: Its best guesses for the original.
        precision: "float32", or "bfloat16" if most steps ran in that.
        note: One sentence about how it went, where there is something to say.
        pixels: The image, (3, S, S) in 0…1, to go on from.
    """

    relative_error: float
    psnr: float
    ssim: float
    layout: float | None
    detail: float | None
    guesses: tuple[Prediction, ...]
    original_guesses: tuple[Prediction, ...]
    precision: str
    note: str
    pixels: Tensor = field(repr=False, compare=False)


@dataclass(frozen=True)
class ReconstructionProgress:
    """One run at one moment.

    Attributes:
        subject: What it is about.
        config: Its settings.
        original: The image as the network sees it, as a PNG.
        picture: The newest image: a JPEG while it grows, a PNG at the end; empty at first.
        points: The loss curve, thinned while the run goes on, whole at its end.
        frames: Some of the images on the way, the first and the newest among them.
        fraction: How much of the run is behind it, from 0 to 1.
        seconds_left: How long it will still take, if known.
        ending: What is known at its end; None before.
    """

    subject: Subject
    config: ReconstructionConfig = field(repr=False)
    original: bytes = field(repr=False)
    picture: bytes = field(default=b"", repr=False)
    points: tuple[Point, ...] = field(default=(), repr=False)
    frames: tuple[Frame, ...] = field(default=(), repr=False)
    fraction: float = 0.0
    seconds_left: float | None = None
    ending: Ending | None = None

    @property
    def nbytes(self) -> int:
        """About how much memory it holds."""
        pixels = self.ending.pixels.nbytes if self.ending else 0
        pictures = len(self.original) + len(self.picture) + sum(len(f.jpeg) for f in self.frames)
        return pictures + pixels + _POINT_BYTES * len(self.points)

    @property
    def step(self) -> int:
        """How many steps it has taken."""
        return self.points[-1].step if self.points else 0

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return self.points[-1].seconds if self.points else 0.0

    @property
    def relative_error(self) -> float | None:
        """The newest relative error; at the end the one measured in float32."""
        if self.ending:
            return self.ending.relative_error
        return self.points[-1].relative_error if self.points else None


@dataclass(frozen=True)
class SeriesProgress:
    """Several runs, one after the other, at one moment.

    Attributes:
        subjects: What each run is about, in order.
        runs: The runs begun so far: all but the last one have ended.
        fraction: How much of them all is behind them, from 0 to 1.
    """

    subjects: tuple[Subject, ...]
    runs: tuple[ReconstructionProgress, ...]
    fraction: float = 0.0

    @property
    def nbytes(self) -> int:
        """About how much memory it holds."""
        return sum(run.nbytes for run in self.runs)


def thin(items: Sequence[Item], most: int) -> tuple[Item, ...]:
    """Return at most so many items, evenly taken, the first and the last among them."""
    if len(items) <= most:
        return tuple(items)
    step = (len(items) - 1) / (most - 1)
    return tuple(items[round(i * step)] for i in range(most))


class Frames:
    """Collects frames and keeps a bounded number of them, evenly over the run.

    Where there are too many, every other one is dropped, and from then on only every second, fourth
    and so on is taken in.

    Args:
        most: How many at most; at least 3.
        before: Frames of an earlier run that this one goes on from.
    """

    def __init__(self, most: int = FRAMES, before: Sequence[Frame] = ()) -> None:
        self._most = most
        self._before = list(thin(before, most // 2))
        self._kept: list[Frame] = []
        self._stride = 1
        self._count = 0
        self._newest: Frame | None = None

    def add(self, frame: Frame) -> None:
        """Take in a frame."""
        self._newest = frame
        if self._count % self._stride == 0:
            self._kept.append(frame)
        self._count += 1
        if len(self._before) + len(self._kept) >= self._most:
            self._before, self._kept = self._before[::2], self._kept[::2]
            self._stride *= 2

    @property
    def kept(self) -> tuple[Frame, ...]:
        """What is kept, in order, the newest at the end."""
        kept = (*self._before, *self._kept)
        if self._newest is None or (kept and kept[-1] is self._newest):
            return kept
        return (*kept, self._newest)


_VIEW_SECONDS = 0.25  # a page asks about once a second: more views than that nobody sees


_SERIES_FRAMES = 12  # of each run; a series is looked at side by side, not frame by frame


@dataclass(frozen=True)
class Plan:
    """One run to be done.

    Attributes:
        network: The network.
        config: The settings, the layer among them.
        subject: What it is about.
        original: The image, cropped to exactly what the network sees.
    """

    network: Network
    config: ReconstructionConfig
    subject: Subject
    original: Image.Image


def plan(
    network: Network,
    layer: Layer,
    image: Image.Image,
    image_title: str,
    config: ReconstructionConfig,
) -> Plan:
    """Put together what one run needs.

    Args:
        network: The network.
        layer: The layer to reconstruct from; it takes the place of the settings' own.
        image: The whole image.
        image_title: Its name for people.
        config: The settings.
    """
    weights = network.weights
    subject = Subject(
        image=image_title,
        network_name=network.name,
        network=network.title,
        weights_source=weights.source,
        weights=weights.title,
        layer=layer.name,
        layer_title=layer.title,
        numbers=math.prod(layer.shape),
        pixels=weights.input_size,
    )
    original = crop(image, size=weights.input_size, resize=weights.resize)
    return Plan(network, replace(config, layer=layer.name), subject, original)


def continuation(network: Network, run: ReconstructionProgress) -> Plan:
    """Put together what it needs to go on with a run that has ended.

    Args:
        network: The network the run was made with.
        run: The run.
    """
    return Plan(network, run.config, run.subject, Image.open(io.BytesIO(run.original)))


def reconstruct_one(
    *, stop: Callable[[], bool], plan: Plan, before: ReconstructionProgress | None = None
) -> Iterator[ReconstructionProgress]:
    """Do one run; each item is the run at one moment, the last one has an ending.

    Args:
        stop: Says when to end early.
        plan: The run.
        before: An earlier run with an ending, to go on from where it stopped.
    """
    yield from _run(stop, plan, FRAMES, before)


def reconstruct_series(
    *, stop: Callable[[], bool], plans: Sequence[Plan]
) -> Iterator[SeriesProgress]:
    """Do several runs one after the other; each item is the whole series at one moment."""
    subjects = tuple(each.subject for each in plans)
    ended: tuple[ReconstructionProgress, ...] = ()
    for each in plans:
        if stop():
            return
        view = None
        for view in _run(stop, each, _SERIES_FRAMES, None):
            fraction = (len(ended) + view.fraction) / len(plans)
            yield SeriesProgress(subjects, (*ended, view), fraction)
        if view is not None:
            ended = (*ended, view)


def _run(
    stop: Callable[[], bool], plan: Plan, most_frames: int, before: ReconstructionProgress | None
) -> Iterator[ReconstructionProgress]:
    config, original = plan.config, plan.original
    # The image is cropped already: scaling its shorter side to the crop's side changes nothing.
    weights = replace(plan.network.weights, resize=plan.network.weights.input_size)
    network = replace(plan.network, weights=weights)
    points = list(before.points) if before else []
    frames = Frames(most_frames, before.frames if before else ())
    first_step, first_seconds = (before.step, before.seconds) if before else (0, 0.0)
    if before and before.ending:
        config = replace(config, start=before.ending.pixels)
    view = ReconstructionProgress(
        plan.subject, plan.config, png(original), points=thin(points, CURVE)
    )
    yield view
    seen = -math.inf
    for step in reconstruct(network, original, config, stop=stop):
        at, seconds = first_step + step.index, first_seconds + step.seconds
        points.append(Point(at, seconds, step.loss, step.relative_error))
        if step.image is not None:
            data = jpeg(to_image(step.image), full_colour=True)
            frames.add(Frame(at, seconds, step.relative_error, data))
        now = time.monotonic()
        if step.result is not None:
            view = replace(
                view,
                picture=png(to_image(step.result.image)),
                points=tuple(points),
                frames=frames.kept,
                fraction=1.0,
                seconds_left=0.0,
                ending=_ending(step, original),
            )
        elif now - seen >= _VIEW_SECONDS:
            seen = now
            view = replace(
                view,
                picture=frames.kept[-1].jpeg if frames.kept else b"",
                points=thin(points, CURVE),
                frames=frames.kept,
                fraction=step.fraction,
                seconds_left=step.seconds_left,
            )
        yield view


def _ending(step: ReconstructionStep, original: Image.Image) -> Ending:
    result = step.result
    if result is None:
        raise ValueError("the last step carries the result")
    layout, detail = agreement(to_pixels(original), result.image)
    return Ending(
        relative_error=result.relative_error,
        psnr=result.psnr,
        ssim=result.ssim,
        layout=layout,
        detail=detail,
        guesses=result.predictions,
        original_guesses=result.original_predictions,
        precision=result.precision,
        note=result.note,
        pixels=result.image,
    )
