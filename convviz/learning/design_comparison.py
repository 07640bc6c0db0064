"""Designs trained fairly: the same images, split and seeds, for equal epochs or for equal time.

Equal epochs ask which design learns more from the same images, equal time which one gets further on
this machine. Seed after seed trains every design, so that a stop leaves as many seeds of each. A
seed draws the first weights, the order of the images and the dropout; the split never changes, and
neither do the test images, which choose nothing: the validation images choose each run's epoch.

Two designs are compared in pairs, seed by seed: see `significance.paired_interval`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, count
from string import ascii_uppercase

from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import Dataset, Split, partition
from convviz.errors import DesignError, SettingError
from convviz.language import tr
from convviz.learning.config import TrainingStep
from convviz.learning.design_results import (
    UNNAMED,
    DesignComparison,
    DesignResult,
    DesignRun,
    DesignSettings,
    Written,
    follow,
)
from convviz.learning.design_training import (
    DesignImages,
    DesignTraining,
    linear_accuracy,
    watch_design,
)
from convviz.learning.encoding import DecodedImages
from convviz.learning.image_side import LEAST_SIDE
from convviz.learning.loop import one_thread
from convviz.networks.design import Design
from convviz.networks.design_blocks import (
    ConvBlock,
    EndBlock,
    FcBlock,
    InceptionBlock,
    InputBlock,
)
from convviz.networks.design_module import place_blocks
from convviz.networks.design_reading import name_with
from convviz.structure.design_costs import DesignCosts, check_trainable, count_design

LARGEST_SIDE = 512
"""Pixels of a square image that designs are trained on, at most."""


def for_classes(design: Design, classes: int) -> Design:
    """Give a design as many outputs as there are classes, in its last convolution or fc.

    Raises:
        DesignError: Its blocks do not fit, or its last outputs come from no such line.
    """
    outputs = place_blocks(design).classes
    if outputs == classes:
        return design
    blocks = list(design.blocks)
    for index in reversed(range(len(blocks))):
        block = blocks[index]
        if isinstance(block, FcBlock):
            blocks[index] = replace(block, units=classes)
        elif isinstance(block, ConvBlock) and not classes % block.groups:
            blocks[index] = replace(block, channels=classes)
        elif isinstance(block, ConvBlock | InceptionBlock | EndBlock | InputBlock):
            break
        else:
            continue
        changed = replace(design, blocks=tuple(blocks))
        if place_blocks(changed).classes == classes:
            return changed
        break
    raise DesignError(
        blocks[-1].line,
        tr(
            "the data have {classes} classes, and the outputs of the network are no line's "
            "that could be given as many: end the design with “fc {classes}”.",
            classes=classes,
        ),
    )


def distinct(designs: Sequence[Design]) -> tuple[Design, ...]:
    """Name designs so that no two have one name: those that share it get A, B, … at its end."""
    counts = Counter(design.name or UNNAMED for design in designs)
    taken = set(counts)
    named: list[Design] = []
    for design in designs:
        name = design.name or UNNAMED
        if counts[name] > 1:
            names = (name_with(name, f" {each}") for each in chain(ascii_uppercase, count(27)))
            design = replace(design, name=next(each for each in names if each not in taken))
            taken.add(design.name)
        named.append(design)
    return tuple(named)


def compare_designs(
    designs: Sequence[Design],
    dataset: Dataset,
    settings: DesignSettings | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
    keep: bool = True,
    baseline: bool = True,
) -> Iterator[DesignComparison]:
    """Train one design or several on the same images, from the same seeds, for as long.

    Args:
        designs: One or more; each gets as many outputs as there are classes.
        dataset: The images.
        settings: How to train; None for the defaults.
        stop: Asked between two steps; once it returns True, it ends with the runs that are over.
        keep: Whether gradients and dead ReLUs of the first seed's networks are measured, and the
            networks kept, so that `load` finds them.
        baseline: Whether a linear classifier on pixels is trained first.

    Raises:
        SettingError: A setting is out of range, a design cannot be built or trained here, or the
            images are too few or do not fit in memory.
    """
    settings = settings or DesignSettings()
    settings.check()
    if not designs:
        raise SettingError(tr("There is no design to train: give one or more."))
    split = _split(dataset)
    designs = distinct(designs)
    results = tuple(_untrained(design, dataset, split, settings) for design in designs)
    return _compare(results, dataset, split, settings, stop, keep, baseline)


def _split(dataset: Dataset) -> Split:
    """Divide the images once; of a small set the first fold is the test."""
    division = partition(dataset)
    split = division.split if division.split.test else division.folds[0]
    # Copies get the same answer, and would make a difference look surer than it is.
    return replace(split, test=dataset.different(split.test))


def check_images(design: Design, dataset: Dataset) -> None:
    """Check that a design takes images as training gives them, and that they fit in memory.

    Raises:
        SettingError: It does not, or they do not.
    """
    channels, height, width = design.input.shape
    if height != width or channels not in (1, 3) or not LEAST_SIDE <= height <= LARGEST_SIDE:
        raise SettingError(
            tr(
                "{name} takes images of {channels}×{height}×{width}, and training gives it "
                "square pictures of {least} to {most} pixels in three colours or grey: begin it "
                "with “input 3x32x32”, for example.",
                name=design.name or UNNAMED,
                channels=channels,
                height=height,
                width=width,
                least=LEAST_SIDE,
                most=LARGEST_SIDE,
            )
        )
    labelled_set.check_fits(len(dataset), height)


def count_trained(design: Design, classes: int) -> DesignCosts:
    """Give a design as many outputs as there are classes, and count what is trained then.

    Raises:
        DesignError: It does not fit, cannot have so many outputs, or cannot be trained here.
    """
    costs = count_design(for_classes(design, classes))
    check_trainable(costs)
    return costs


def _untrained(
    design: Design, dataset: Dataset, split: Split, settings: DesignSettings
) -> DesignResult:
    check_images(design, dataset)
    try:
        costs = count_trained(design, len(dataset.classes))
        written = None if costs.design == design else count_design(design)
    except DesignError as error:
        raise SettingError(
            tr("{design}: {problem}", design=design.name or UNNAMED, problem=str(error))
        ) from error
    whole, rest = divmod(len(split.train), settings.batch)
    return DesignResult(
        costs.design,
        costs.parameters,
        costs.parameters_with_auxiliary - costs.parameters,
        costs.macs,
        max(1, whole + (rest > 1)),  # one image left over is no batch
        written=None if written is None else Written(written.classes or 0, written.parameters),
    )


def _compare(
    results: tuple[DesignResult, ...],
    dataset: Dataset,
    split: Split,
    settings: DesignSettings,
    stop: Callable[[], bool],
    keep: bool,
    baseline: bool,
) -> Iterator[DesignComparison]:
    view = DesignComparison(
        settings,
        dataset.name,
        dataset.classes,
        len(split.train),
        len(split.validation),
        len(split.test),
        dataset.guessing(split.test),
        results,
    )
    yield view
    indices = tuple(sorted({*split.train, *split.validation, *split.test}))
    decoded: dict[int, DecodedImages] = {}
    for result in results:
        side = result.design.input.height
        if side not in decoded:
            decoded[side] = DecodedImages(dataset, indices, side)
            for _ in decoded[side].decode():
                yield view
                if stop():
                    yield _stopped(view)
                    return
    images = [
        DesignImages(decoded[result.design.input.height], split, result.design.input.channels)
        for result in results
    ]
    if baseline:
        view = replace(view, stage="baseline")
        yield view
        with one_thread():
            linear = linear_accuracy(_richest(images), len(dataset.classes), stop)
        view = replace(view, linear=linear)
    view = replace(view, stage="training")
    total = settings.seeds * len(results)
    for number in range(total):
        if stop():
            yield _stopped(view)
            return
        seed, place = divmod(number, len(results))
        before = view.results[place]
        run = DesignRun(seed)
        filmed = keep and not before.source
        seen = watch_design(before.design, dataset, images[place]) if filmed else None
        training = DesignTraining(before.design, images[place], settings, seed, stop, seen)
        for step in _on_one_core(training.steps()):
            run = follow(run, step)
            view = _with(view, place, replace(before, runs=(*before.runs, run)))
            yield (view := replace(view, fraction=(number + step.fraction) / total))
        run = training.finished(run)
        after = replace(before, runs=(*before.runs, run))
        if keep and not after.source and run.is_complete:
            with one_thread():
                after = training.measured(after, dataset)
        view = _with(view, place, after)
        yield view
    yield _stopped(view) if stop() else replace(view, stage="done", fraction=1.0)


def _richest(images: Sequence[DesignImages]) -> DesignImages:
    """Return the images that show most, whichever design comes first: in colour, then largest."""
    return max(images, key=lambda each: (each.channels, each.images.size))


def _with(view: DesignComparison, place: int, result: DesignResult) -> DesignComparison:
    results = (*view.results[:place], result, *view.results[place + 1 :])
    return replace(view, results=results)


def _stopped(view: DesignComparison) -> DesignComparison:
    note = tr("It was stopped; what is compared are the seeds that were trained to their end.")
    return replace(view, stage="done", fraction=1.0, note=note)


def _on_one_core(steps: Iterator[TrainingStep]) -> Iterator[TrainingStep]:
    """Take step after step, each on one core; none is held while a step is looked at."""
    while True:
        with one_thread():
            step = next(steps, None)
        if step is None:
            return
        yield step
