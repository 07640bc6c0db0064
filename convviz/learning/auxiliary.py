"""The same network with and without auxiliary losses, learning side by side.

Szegedy et al. (2015, section 5) hang two small classifiers into GoogLeNet while it trains, add
their losses, weighted 0.3, to the main one, and throw them away afterwards. Here two networks begin
with the same weights and see the same batches in the same order; the only difference is the term
that is added to the loss.

Both are measured at a number of moments: gradients over the same training pictures each time, and
how many of the other pictures the main classifier names rightly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import Dataset, Split
from convviz.errors import SettingError
from convviz.learning.auxiliary_steps import Comparison, Settings
from convviz.learning.inception import drawn, small_inception, without_heads
from convviz.learning.runs import Signal
from convviz.learning.twins import Twin, measure
from convviz.networks.network import IMAGENET_MEAN, IMAGENET_STD

_PROBE = 64  # training pictures that gradients are measured with
_NOT_FINITE = (
    "A loss is no longer a number: the steps were too large. Choose a smaller learning rate."
)
_STOPPED = "It was stopped; what is shown is how far the two had come."


def compare_auxiliary(
    signal: Signal, *, dataset: Dataset, split: Split, settings: Settings
) -> Iterator[Comparison]:
    """Compare as a job: the same as `compare`."""
    yield from compare(dataset, split, settings, stop=lambda: signal.asked)


def compare(
    dataset: Dataset,
    split: Split,
    settings: Settings | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Comparison]:
    """Train the small Inception network twice, with and without auxiliary losses.

    Args:
        dataset: The pictures.
        split: Which of them are learned from, and which check it.
        settings: How; None for the usual.
        stop: Asked between two steps; once it says yes, it ends with what it has.

    Raises:
        SettingError: A setting makes no sense, or the pictures do not fit into memory.
    """
    settings = settings or Settings()
    settings.check()
    if not labelled_set.fits(len(dataset), settings.size):
        raise SettingError(
            f"{len(dataset):,} pictures of {settings.size} × {settings.size} pixels do not fit "
            "into the memory set aside: choose smaller pictures."
        )
    return _compare(dataset, split, settings, stop)


def _compare(
    dataset: Dataset, split: Split, settings: Settings, stop: Callable[[], bool]
) -> Iterator[Comparison]:
    batch, labels = _read(dataset, split.train, settings.size)
    checked = _read(dataset, split.validation, settings.size)
    blank = small_inception(len(dataset.classes), batch_norm=settings.batch_norm)
    whole = drawn(blank, settings.start, settings.seed)
    twins = [Twin(whole, settings.weight), Twin(without_heads(whole), 0.0)]
    parameters = _count(twins[1].module)
    now = Comparison(
        settings,
        dataset.classes,
        len(labels),
        len(checked[1]),
        parameters,
        _count(whole) - parameters,
    )
    generator = torch.Generator().manual_seed(settings.seed)
    order = torch.randperm(len(labels), generator=generator)
    probe = batch[order[:_PROBE]], labels[order[:_PROBE]]
    marks = {settings.steps * k // settings.moments for k in range(1, settings.moments + 1)}
    now = replace(now, moments=(measure(0, twins, probe, checked),))
    yield now
    size, place = min(settings.batch, len(labels)), 0
    for step in range(1, settings.steps + 1):
        if place + size > len(labels):
            order, place = torch.randperm(len(labels), generator=generator), 0
        rows = order[place : place + size]
        place += size
        some, answers = batch[rows], labels[rows]
        rate = settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - 1) / settings.steps))
        learned = [twin.learn(some, answers, rate) for twin in twins]
        fine = all(learned)
        now = replace(now, step=step)
        if not fine:
            now = replace(now, ending="not finite", note=_NOT_FINITE)
        elif step == settings.steps:
            now = replace(now, ending="steps")
        elif stop():
            now = replace(now, ending="stopped", note=_STOPPED)
        if fine and (now.ending or step in marks):
            now = replace(now, moments=(*now.moments, measure(step, twins, probe, checked)))
        yield now
        if now.ending:
            return


def _read(dataset: Dataset, places: tuple[int, ...], size: int) -> tuple[Tensor, Tensor]:
    """Decode pictures to (N, 3, size, size), normalised, with the numbers of their classes."""
    found = [each for _, each in labelled_set.read(dataset, places, size) if each is not None]
    pixels, labels = found[0]
    return labelled_set.to_input(pixels, IMAGENET_MEAN, IMAGENET_STD), labels


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
