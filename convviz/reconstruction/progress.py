"""Reconstructions as a page shows them: the runs of a job, and how far each one is.

A step of an optimisation carries tensors; a page needs a few of its numbers and an image that the
browser can show as it is. Frames and the loss curve are bounded, however long a run is.
A record of progress is never changed: each moment has its own.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, Generic, TypeVar

from PIL import Image

from convviz.images.encode import jpeg, png
from convviz.images.preprocess import crop, to_image
from convviz.networks.network import Network
from convviz.reconstruction.amplify import AmplifyConfig, amplify
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.reconstruct import (
    ReconstructionResult,
    ReconstructionStep,
    reconstruct,
)
from convviz.structure.layers import Layer
from convviz.structure.trunk import thin

FRAMES = 60
"""At most so many frames of one run are kept."""

CURVE = 200
"""At most so many steps of the loss curve are kept while a run goes on."""

AnyFrame = TypeVar("AnyFrame")

_SERIES_FRAMES = 12  # of each run; a series is compared side by side, not frame by frame
_PROGRESS_SECONDS = 0.25  # between two records; a page asks about once a second
_STEP_BYTES = 440  # of memory for the numbers of one step, about


@dataclass(frozen=True)
class Subject:
    """What one run is about: titles to show and names to look up.

    Attributes:
        image: The image's title.
        network_name: The network's short name.
        network: The network's title.
        weights_source: Where its weights are from, as for `weights.load`.
        weights: The weights' title.
        layer: The layer's dotted name.
        layer_title: The layer's title.
        numbers: How many numbers the layer gives for one image.
        pixels: The image's side.
        resize: What the shorter side of an image is scaled to before that square is taken.
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
    resize: int


@dataclass(frozen=True)
class Plan:
    """One run to be done.

    Attributes:
        network: The network.
        config: The settings, with the layer.
        subject: What it is about.
        original: The image, cropped to exactly what the network sees.
    """

    network: Network
    config: ReconstructionConfig
    subject: Subject
    original: Image.Image


@dataclass(frozen=True)
class Frame:
    """The image as it was at one step, as a JPEG, and that step's relative error."""

    step: int
    seconds: float
    relative_error: float
    jpeg: bytes


@dataclass(frozen=True)
class ReconstructionProgress:
    """One run at one moment.

    Attributes:
        subject: What it is about.
        config: Its settings.
        original: The image as the network sees it, as a PNG.
        image: The newest image: a JPEG while it grows, a PNG at the end; empty at first.
        steps: The numbers of the steps, without images and result, counted from the start of the
            first run where this one goes on from another: some of them while the run goes on, all
            at its end.
        frames: Some of the images on the way, the first and the newest among them.
        fraction: Share of the run that is done, from 0 to 1.
        seconds_left: How long it will still take, if known.
        result: At its end; None before.
    """

    subject: Subject
    config: ReconstructionConfig = field(repr=False)
    original: bytes = field(repr=False)
    image: bytes = field(default=b"", repr=False)
    steps: tuple[ReconstructionStep, ...] = field(default=(), repr=False)
    frames: tuple[Frame, ...] = field(default=(), repr=False)
    fraction: float = 0.0
    seconds_left: float | None = None
    result: ReconstructionResult | None = None

    @property
    def nbytes(self) -> int:
        """About how much memory it holds."""
        pixels = 2 * self.result.image.nbytes if self.result else 0  # rounded, and not
        images = len(self.original) + len(self.image) + sum(len(f.jpeg) for f in self.frames)
        return images + pixels + _STEP_BYTES * len(self.steps)

    @property
    def step(self) -> int:
        """How many steps it has taken."""
        return self.steps[-1].index if self.steps else 0

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return self.steps[-1].seconds if self.steps else 0.0

    @property
    def relative_error(self) -> float | None:
        """The newest relative error; at the end that of the image as saved, in float32."""
        if self.result:
            return self.result.relative_error
        return self.steps[-1].relative_error if self.steps else None

    @property
    def is_silent(self) -> bool:
        """Whether the layer is silent for the original, so that there is no relative error."""
        return bool(self.steps) and self.steps[-1].is_silent


@dataclass(frozen=True)
class AmplifyPlan:
    """An image in which a layer is to be amplified; the attributes are those of `Plan`."""

    network: Network
    config: AmplifyConfig
    subject: Subject
    original: Image.Image


@dataclass(frozen=True)
class AmplifyFrame:
    """The image as it was at one step, as a JPEG, and how strongly the layer answered to it."""

    step: int
    seconds: float
    octave: int
    score: float
    jpeg: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class AmplifyProgress:
    """A run that amplifies a layer, at one moment.

    Attributes:
        subject: What it is about.
        config: Its settings.
        original: The image as the network sees it, as a PNG.
        image: The newest image: a JPEG while it grows, a PNG at the end; empty at first.
        points: The measurements so far, without images.
        frames: Some of the images on the way, the first and the newest among them.
        fraction: Share of the run that is done, from 0 to 1.
        seconds_left: How long it will still take, if known.
        start: The measured number for the original; None until the first step.
        before_relu: Whether the number is one before a ReLU.
        rectified: Whether the number counts what the next ReLU lets through.
        changed: Whether any step changed the image.
        octaves: How many octaves there are.
        side: Side of the image in the octave that the run is in, in pixels; 0 at first.
        smallest_side: The same for the smallest octave.
        ended: Whether it is over.
    """

    subject: Subject
    config: AmplifyConfig = field(repr=False)
    original: bytes = field(repr=False)
    image: bytes = field(default=b"", repr=False)
    points: tuple[AmplifyFrame, ...] = field(default=(), repr=False)
    frames: tuple[AmplifyFrame, ...] = field(default=(), repr=False)
    fraction: float = 0.0
    seconds_left: float | None = None
    start: float | None = None
    before_relu: bool = False
    rectified: bool = False
    changed: bool = False
    octaves: int = 0
    side: int = 0
    smallest_side: int = 0
    ended: bool = False

    @property
    def nbytes(self) -> int:
        """About how much memory it holds."""
        images = len(self.original) + len(self.image) + sum(len(f.jpeg) for f in self.frames)
        return images + _STEP_BYTES * len(self.points)

    @property
    def step(self) -> int:
        """How many steps it has taken."""
        return self.points[-1].step if self.points else 0

    @property
    def score(self) -> float | None:
        """The newest measured number."""
        return self.points[-1].score if self.points else None


@dataclass(frozen=True)
class SeriesProgress:
    """Several runs, one after the other, at one moment.

    Attributes:
        subjects: What each run is about, in order.
        runs: The runs begun so far: all but the last one have ended.
        fraction: Share of them all that is done, from 0 to 1.
        seconds_left: How long all of them together will still take, if known.
    """

    subjects: tuple[Subject, ...]
    runs: tuple[ReconstructionProgress, ...]
    fraction: float = 0.0
    seconds_left: float | None = None

    @property
    def nbytes(self) -> int:
        """About how much memory it holds."""
        return sum(run.nbytes for run in self.runs)


AnyRun = TypeVar("AnyRun", ReconstructionProgress, AmplifyProgress)
AnyPlan = TypeVar("AnyPlan", Plan, AmplifyPlan)


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
        layer: The layer to reconstruct from; it replaces that of the settings.
        image: The whole image.
        image_title: Its title.
        config: The settings.
    """
    subject, original = _subject(network, layer, image, image_title)
    return Plan(network, replace(config, layer=layer.name), subject, original)


def amplify_plan(
    network: Network, layer: Layer, image: Image.Image, image_title: str, config: AmplifyConfig
) -> AmplifyPlan:
    """Put together what a run that amplifies a layer needs; see `plan` for the arguments."""
    subject, original = _subject(network, layer, image, image_title)
    return AmplifyPlan(network, config, subject, original)


def _subject(
    network: Network, layer: Layer, image: Image.Image, image_title: str
) -> tuple[Subject, Image.Image]:
    """Say what a run is about, and crop the image to what the network sees."""
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
        resize=weights.resize,
    )
    how = network.spec.interpolation
    original = crop(image, size=weights.input_size, resize=weights.resize, interpolation=how)
    return subject, original


def continuation(network: Network, run: ReconstructionProgress) -> Plan:
    """Put together what is needed to go on with a run that has ended.

    Args:
        network: The network that the run was made with.
        run: The run.
    """
    return Plan(network, run.config, run.subject, Image.open(io.BytesIO(run.original)))


def named(run: AnyRun, image: str) -> AnyRun:
    """Return a run whose image is called so; one that several visitors share has no name for it.

    Args:
        run: The run.
        image: The image's title.
    """
    return replace(run, subject=replace(run.subject, image=image))


def named_series(series: SeriesProgress, image: str) -> SeriesProgress:
    """Return a series whose image is called so; see `named`."""
    subjects = tuple(replace(subject, image=image) for subject in series.subjects)
    return replace(series, subjects=subjects, runs=tuple(named(run, image) for run in series.runs))


def unnamed(plan: AnyPlan) -> AnyPlan:
    """Return a plan without its image's title, so that it is the same whatever a file is called."""
    return replace(plan, subject=replace(plan.subject, image=""))


def reconstruct_one(
    *, stop: Callable[[], bool], plan: Plan, before: ReconstructionProgress | None = None
) -> Iterator[ReconstructionProgress]:
    """Do one run; each item is the run at one moment, the last one has a result.

    Args:
        stop: Says when to end early.
        plan: The run.
        before: An earlier run with a result, to go on from where it stopped.
    """
    yield from _run(stop, plan, FRAMES, before)


def reconstruct_series(
    *, stop: Callable[[], bool], plans: Sequence[Plan]
) -> Iterator[SeriesProgress]:
    """Do several runs one after the other; each item is the whole series at one moment."""
    subjects = tuple(plan.subject for plan in plans)
    results: tuple[ReconstructionProgress, ...] = ()
    for number, plan in enumerate(plans, start=1):
        if stop():
            return
        run = None
        for run in _run(stop, plan, _SERIES_FRAMES, None):
            fraction = (len(results) + run.fraction) / len(plans)
            left = _seconds_left(run, plans[number:])
            yield SeriesProgress(subjects, (*results, run), fraction, left)
        if run is not None:
            results = (*results, run)


def _seconds_left(run: ReconstructionProgress, to_come: Sequence[Plan]) -> float | None:
    """Estimate how long a run and those after it will still take; None before it is known.

    A run without a limit of seconds is taken to last as long as the present one.
    """
    if run.seconds_left is None:
        return None
    present = run.seconds + run.seconds_left
    return run.seconds_left + sum(plan.config.seconds or present for plan in to_come)


def cut_series(
    arguments: Mapping[str, Any], machines: int
) -> tuple[tuple[Subject, ...], list[dict[str, Any]]]:
    """Cut `reconstruct_series` into its runs, so that several machines can do them.

    Args:
        arguments: The series' arguments.
        machines: How many there are; does not matter here.

    Returns:
        What `join_series` needs, and the arguments of each part.
    """
    plans = arguments["plans"]
    return tuple(plan.subject for plan in plans), [{"plans": (plan,)} for plan in plans]


def join_series(
    subjects: tuple[Subject, ...], parts: Sequence[SeriesProgress | None]
) -> SeriesProgress | None:
    """Put the runs of a series together.

    Args:
        subjects: As from `cut_series`.
        parts: The newest item of each part; None for those that have none yet.

    Returns:
        The series, with the runs up to the first that has not begun; None before that.
    """
    begun = takewhile(lambda part: part is not None and part.runs, parts)
    runs = tuple(part.runs[0] for part in begun if part is not None)
    fractions = [part.fraction for part in parts if part is not None]
    return SeriesProgress(subjects, runs, sum(fractions) / len(subjects)) if runs else None


def amplify_one(*, stop: Callable[[], bool], plan: AmplifyPlan) -> Iterator[AmplifyProgress]:
    """Amplify a layer in an image; each item is the run at one moment.

    Args:
        stop: Says when to end early.
        plan: The run.
    """
    frames: Frames[AmplifyFrame] = Frames()
    run = AmplifyProgress(plan.subject, plan.config, png(plan.original))
    yield run
    steps = amplify(
        plan.network, plan.original, plan.subject.layer, plan.config, stop=stop, cropped=True
    )
    for step in steps:
        point = AmplifyFrame(step.step, step.seconds, step.octave, step.score)
        data = jpeg(step.picture, full_colour=True)
        frames.add(replace(point, jpeg=data))
        run = replace(
            run,
            image=png(step.picture) if step.ended else data,
            points=(*run.points, point),
            frames=frames.kept,
            fraction=step.fraction,
            seconds_left=step.seconds_left,
            start=step.start,
            before_relu=step.before_relu,
            rectified=step.rectified,
            changed=step.changed,
            octaves=step.octaves,
            side=step.side,
            smallest_side=step.smallest_side,
            ended=step.ended,
        )
        yield run


def _run(
    stop: Callable[[], bool], plan: Plan, most_frames: int, before: ReconstructionProgress | None
) -> Iterator[ReconstructionProgress]:
    config, original = plan.config, plan.original
    steps = list(before.steps) if before else []
    frames: Frames[Frame] = Frames(most_frames, before.frames if before else ())
    if before and before.result:
        config = replace(config, start=before.result.unrounded)
    run = ReconstructionProgress(plan.subject, plan.config, png(original), steps=thin(steps, CURVE))
    yield run
    reported = -math.inf
    for step in reconstruct(plan.network, original, config, stop=stop, cropped=True):
        numbers = _numbers(step, before)
        steps.append(numbers)
        if step.image is not None:
            data = jpeg(to_image(step.image), full_colour=True)
            frames.add(Frame(numbers.index, numbers.seconds, numbers.relative_error, data))
        now = time.monotonic()
        if step.result is not None:
            run = replace(
                run,
                image=png(to_image(step.result.image)),
                steps=tuple(steps),
                frames=frames.kept,
                fraction=1.0,
                seconds_left=0.0,
                result=step.result,
            )
        elif now - reported >= _PROGRESS_SECONDS:
            reported = now
            run = replace(
                run,
                image=frames.kept[-1].jpeg if frames.kept else b"",
                steps=thin(steps, CURVE),
                frames=frames.kept,
                fraction=step.fraction,
                seconds_left=step.seconds_left,
            )
        yield run


def _numbers(step: ReconstructionStep, before: ReconstructionProgress | None) -> ReconstructionStep:
    """Return the step without its image and result, counted from the start of an earlier run."""
    if before is None:
        return replace(step, image=None, result=None)
    return replace(
        step,
        index=before.step + step.index,
        total=None if step.total is None else before.step + step.total,
        seconds=before.seconds + step.seconds,
        image=None,
        result=None,
    )


class Frames(Generic[AnyFrame]):
    """Collects frames and keeps a bounded number of them, evenly over the run.

    Where there are too many, every other one is dropped, and from then on only every second, fourth
    and so on is kept.

    Args:
        most: How many at most; at least 3.
        before: Frames of an earlier run that this one goes on from.
    """

    def __init__(self, most: int = FRAMES, before: Sequence[AnyFrame] = ()) -> None:
        self._most = most
        self._before = list(thin(before, most // 2))
        self._kept: list[AnyFrame] = []
        self._stride = 1
        self._count = 0
        self._newest: AnyFrame | None = None

    def add(self, frame: AnyFrame) -> None:
        """Add a frame."""
        self._newest = frame
        if self._count % self._stride == 0:
            self._kept.append(frame)
        self._count += 1
        if len(self._before) + len(self._kept) >= self._most:
            self._before, self._kept = self._before[::2], self._kept[::2]
            self._stride *= 2

    @property
    def kept(self) -> tuple[AnyFrame, ...]:
        """The frames that are kept, in order, the newest at the end."""
        frames = (*self._before, *self._kept)
        if self._newest is None or (frames and frames[-1] is self._newest):
            return frames
        return (*frames, self._newest)
