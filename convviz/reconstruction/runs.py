"""The work functions of the reconstruction page's jobs: one run, or several one after the other.

Both look before each step whether they are asked to end. If so, the run under way does its closing
measurements on what it has, and no further run begins: a stopped run has a result like any other.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from PIL import Image

from convviz.images.preprocess import crop
from convviz.networks.network import Network
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.optimise import reconstruct
from convviz.reconstruction.quality import agreement
from convviz.reconstruction.result import ReconstructionStep
from convviz.reconstruction.views import (
    CURVE,
    FRAMES,
    Ending,
    Frame,
    Frames,
    Point,
    RunView,
    SeriesView,
    Subject,
    jpeg,
    picture,
    pixels_of,
    png,
    thin,
)
from convviz.structure.layers import Layer

_VIEW_SECONDS = 0.25  # a page asks about once a second: more views than that nobody sees
_SERIES_FRAMES = 12  # of each run; a series is looked at side by side, not frame by frame


class Signal(Protocol):
    """How a runner asks a work to come to its end."""

    @property
    def asked(self) -> bool:
        """Whether the work should end now."""
        ...


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


def continuation(network: Network, run: RunView) -> Plan:
    """Put together what it needs to go on with a run that has ended.

    Args:
        network: The network the run was made with.
        run: The run.
    """
    return Plan(network, run.config, run.subject, Image.open(io.BytesIO(run.original)))


def reconstruct_one(
    signal: Signal, *, plan: Plan, before: RunView | None = None
) -> Iterator[RunView]:
    """Do one run; each item is the run at one moment, the last one has an ending.

    Args:
        signal: Says when to end early.
        plan: The run.
        before: An earlier run with an ending, to go on from where it stopped.
    """
    yield from _run(signal, plan, FRAMES, before)


def reconstruct_series(signal: Signal, *, plans: Sequence[Plan]) -> Iterator[SeriesView]:
    """Do several runs one after the other; each item is the whole series at one moment."""
    subjects = tuple(each.subject for each in plans)
    ended: tuple[RunView, ...] = ()
    for each in plans:
        if signal.asked:
            return
        view = None
        for view in _run(signal, each, _SERIES_FRAMES, None):
            fraction = (len(ended) + view.fraction) / len(plans)
            yield SeriesView(subjects, (*ended, view), fraction)
        if view is not None:
            ended = (*ended, view)


def _run(signal: Signal, plan: Plan, most_frames: int, before: RunView | None) -> Iterator[RunView]:
    config, original = plan.config, plan.original
    # The image is cropped already: scaling its shorter side to the crop's side changes nothing.
    weights = replace(plan.network.weights, resize=plan.network.weights.input_size)
    network = replace(plan.network, weights=weights)
    points = list(before.points) if before else []
    frames = Frames(most_frames, before.frames if before else ())
    first_step, first_seconds = (before.step, before.seconds) if before else (0, 0.0)
    if before and before.ending:
        config = replace(config, start=before.ending.pixels)
    view = RunView(plan.subject, plan.config, png(original), points=thin(points, CURVE))
    yield view
    seen = -math.inf
    for step in reconstruct(network, original, config, stop=lambda: signal.asked):
        at, seconds = first_step + step.index, first_seconds + step.seconds
        points.append(Point(at, seconds, step.loss, step.relative_error))
        if step.image is not None:
            shown = picture(step.image)
            frames.add(Frame(at, seconds, step.relative_error, jpeg(shown)))
        now = time.monotonic()
        if step.result is not None:
            view = replace(
                view,
                picture=png(picture(step.result.image)),
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
    layout, detail = agreement(pixels_of(original), result.image)
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
