"""Sentences of the page Training: about the recorded training, and about one that is run here."""

from __future__ import annotations

import math
from itertools import pairwise

from convviz.formatting import percent
from convviz.language import later, tr, trn
from convviz.learning.guessing import smoothed_floor
from convviz.learning.live import LiveProgress, Rate
from convviz.learning.recording import Log, LoggedStep
from convviz.learning.small_design import SmallDesign
from convviz.learning.snapshots import Maps, Snapshot
from convviz.networks.network import AUXILIARY_WEIGHT
from convviz.plain_text import quoted
from convviz.structure.design_costs import count_design
from convviz.weights.bundled import BundledInfo

# The recorded training


def introduction(log: Log, classes: int, moments: int) -> str:
    """Say what the recorded training was.

    Args:
        log: Its log.
        classes: How many it learned.
        moments: At how many its first layers were kept.
    """
    return tr(
        "GoogLeNet learned {classes} classes from {images:,} looks at photographs, in "
        "{steps:,} steps and {minutes:.0f} minutes on {cores} processor cores, checks on "
        "the way included ({all_minutes:.0f} with the measurement of the finished "
        "network). Its first layers were kept at {moments} moments: move the slider, and "
        "watch what becomes of random numbers.",
        classes=classes,
        images=log.images,
        steps=log.steps,
        minutes=log.points[-1].seconds / 60,
        cores=log.cores,
        all_minutes=log.seconds / 60,
        moments=moments,
    )


def loss_curve(log: Log, classes: int) -> str:
    """Say what the recorded loss is, and between which values it can lie."""
    return tr(
        "The loss is the main classifier's cross-entropy on the training pictures, "
        "averaged over the last steps, with label smoothing {smoothing:g}: even a "
        "perfect network would stay at {floor:.2f}, not at 0, and guessing "
        "costs {guessing:.2f}. While it trained, two auxiliary classifiers added theirs, each "
        "multiplied with {weight:g}.",
        smoothing=log.smoothing,
        floor=smoothed_floor(log.smoothing, classes),
        guessing=math.log(classes),
        weight=AUXILIARY_WEIGHT,
    )


def sizes(log: Log) -> str:
    """Say how large the pictures were, and what the accuracy did where that changed."""
    points = log.points
    larger = [after for before, after in pairwise(points) if after.size != before.size]
    size = points[0].size
    if not larger:
        return tr(
            "The pictures had {size} × {size} pixels all the time, in the checks too.", size=size
        )
    changes = tr(" and ").join(
        tr("{size} × {size} before step {step:,}", size=p.size, step=p.step) for p in larger
    )
    at_sizes = tr(" and ").join(
        tr("{share} at {size} pixels", share=percent(share, 1), size=size)
        for size, share in sorted(log.final.items())
    )
    alone = tr(
        "The size alone makes a difference: with the same weights the finished network names "
        "{shares} correctly.",
        shares=at_sizes,
    )
    return f"{_grown(size, changes, log)} {alone}"


def _grown(size: int, changes: str, log: Log) -> str:
    """Say how the pictures grew, and what the accuracy did when they first did."""
    checks = checked(log)
    for before, after in pairwise(checks):
        if after[0].size != before[0].size:
            return tr(
                "The pictures had {size} × {size} pixels, and grew to {changes}, in the checks "
                "too; from {before} at {size_before} pixels (step {step_before:,}) the accuracy "
                "went to {after} at {size_after} (step {step_after:,}).",
                size=size,
                changes=changes,
                before=percent(before[1], 2),
                size_before=before[0].size,
                step_before=before[0].step,
                after=percent(after[1], 2),
                size_after=after[0].size,
                step_after=after[0].step,
            )
    return tr(
        "The pictures had {size} × {size} pixels, and grew to {changes}, in the checks too.",
        size=size,
        changes=changes,
    )


def checked(log: Log) -> list[tuple[LoggedStep, float]]:
    """List the logged steps at which accuracy was measured, with the accuracy."""
    return [(point, point.accuracy) for point in log.points if point.accuracy is not None]


def validation(log: Log, about: BundledInfo) -> str:
    """Say which images the accuracies are of, and why they end elsewhere than the stated one.

    Args:
        log: The training's log.
        about: The finished network, with its accuracy.
    """
    last, share = checked(log)[-1]
    images, total = log.validation_images, about.validation_images
    # Of a part that is drawn from the whole without repetition.
    error = math.sqrt(about.accuracy * (1 - about.accuracy) / images * (1 - images / total))
    difference = abs(share - about.accuracy)
    return tr(
        "The accuracies on the way are of the first {images:,} of the {total:,} "
        "validation pictures. The last, at step {step:,}, is {share} at {size} pixels; "
        "the finished network's {accuracy} are of all {total:,} at {full_size} pixels, "
        "after step {steps:,}. The two differ by {difference:.1f} percentage points, "
        "where chance alone makes a part of {images:,} differ from the whole by about "
        "{error:.1f} (its standard error).",
        images=images,
        total=total,
        step=last.step,
        share=percent(share, 2),
        size=last.size,
        accuracy=percent(about.accuracy, 1),
        full_size=about.input_size,
        steps=log.steps,
        difference=100 * difference,
        error=100 * error,
    )


def answers(layer: str) -> str:
    """Name the panel of a layer's maps, by its title."""
    return tr("What {layer} answers to your image", layer=layer)


def recorded_kernels(snapshot: Snapshot, bound: float) -> str:
    """Say what the drawing of the first kernels shows.

    Args:
        snapshot: One moment.
        bound: Magnitude of the weight that gets the strongest colour.
    """
    return tr(
        "{kernels} after {steps}, in colour: {colours}",
        kernels=_kernels(snapshot),
        steps=_steps(snapshot.step),
        colours=_colours(bound),
    )


def recorded_maps(snapshot: Snapshot, image: str, emptiness: str) -> str:
    """Say what the drawing of a layer's maps shows.

    Args:
        snapshot: One moment of that layer.
        image: Title of the image.
        emptiness: How many channels are empty, as `Activations.sentence` says it.
    """
    return tr(
        "{image} through the same weights, each of {channels} channels on its own scale. "
        "{emptiness}",
        image=image,
        channels=snapshot.maps[0].channels,
        emptiness=emptiness,
    )


# A training that is run here


def moment_kernels(snapshot: Snapshot, bound: float) -> str:
    """Say what the drawing of the first kernels shows; see `recorded_kernels`."""
    if snapshot.kernels is None:
        return ""
    return tr(
        "{kernels}, in colour: {colours}", kernels=_kernels(snapshot), colours=_colours(bound)
    )


def moment_maps(snapshot: Snapshot, maps: Maps, image: str) -> str:
    """Say what the drawing of a layer's maps shows, and how many channels are empty.

    Args:
        snapshot: One moment.
        maps: Those drawn.
        image: Title of the image.
    """
    if maps.empty:
        text = tr(
            "{image} through the weights of this moment, each channel on its own scale: {empty} of "
            "{channels} channels empty (crossed out).",
            image=image,
            empty=maps.empty,
            channels=maps.channels,
        )
    else:
        text = tr(
            "{image} through the weights of this moment, each channel on its own scale: {empty} of "
            "{channels} channels empty.",
            image=image,
            empty=maps.empty,
            channels=maps.channels,
        )
    everywhere = tr(
        "In all ReLUs together, {empty} of {channels} are empty.",
        empty=snapshot.empty,
        channels=snapshot.channels,
    )
    return f"{text} {everywhere}"


def dead_curve(view: LiveProgress) -> str:
    """Name the curve of dead channels."""
    return tr("dead: empty for all of {count} validation pictures", count=view.others)


def counted_channels(view: LiveProgress) -> str:
    """Name the figure of empty and dead channels."""
    return tr("Channels that let nothing through, of {channels}", channels=view.channels)


def label(view: LiveProgress, frame: Snapshot, *, is_back: bool) -> str:
    """Name a moment.

    Args:
        view: The training.
        frame: The moment.
        is_back: Whether the training ended at a later step than that of the weights kept.
    """
    if not frame.kept:
        message = (
            later("Step {step:,} · epoch {epoch} · {seconds:.0f} s")
            if frame.step
            else later("Step {step:,} · epoch {epoch} · {seconds:.0f} s, untrained")
        )
        return tr(message, step=frame.step, epoch=frame.epoch, seconds=frame.seconds)
    message = (
        later("Step {step:,} · epoch {epoch} · back to the best weights, which are kept")
        if is_back
        else later("Step {step:,} · epoch {epoch} · the end: these weights are kept")
    )
    return tr(message, step=frame.step, epoch=frame.epoch)


def in_short(design: SmallDesign, dataset: str, learning_rate: float, seconds: float) -> str:
    """Describe a training in one line.

    Args:
        design: The network's.
        dataset: Name of what it learns from.
        learning_rate: The largest.
        seconds: How long it may take.
    """
    return tr(
        "{title}, on {dataset}, learning rate {learning_rate:g}, {seconds:.0f} seconds.",
        title=design.title,
        dataset=dataset,
        learning_rate=learning_rate,
        seconds=seconds,
    )


def rate(name: Rate, value: float, depth: int, *, batch_norm: bool) -> str:
    """Say what a learning rate does, and what to change to see the difference.

    Args:
        name: Of the rate.
        value: The rate.
        depth: Stacks of the network.
        batch_norm: Whether each convolution is followed by one.
    """
    texts = [
        tr(
            "AdamW with a learning rate of {rate:g}, which a cosine schedule lowers to nearly "
            "zero.",
            rate=value,
        )
    ]
    if name != "deadly":
        return texts[0]
    texts.append(
        tr(
            "A step that large can push a channel's inputs to its ReLU below zero for every "
            "picture. Then it lets nothing through, gets no gradient back, and stays dead."
        )
    )
    if depth == 1:
        texts.append(
            tr(
                "Channels of a first stack seldom die, as the picture's values lie on both sides "
                "of zero: choose more stacks."
            )
        )
    texts.append(
        tr("Batch norm mostly prevents that: switch it off to compare.")
        if batch_norm
        else tr("Batch norm, which mostly prevents that, is off: switch it on to compare.")
    )
    return " ".join(texts)


def arithmetic(design: SmallDesign, classes: int) -> str:
    """Write the sizes of an image's maps, stack by stack.

    Args:
        design: The network's.
        classes: How many it names.
    """
    costs = count_design(design.design(classes))
    # What comes to each convolution, and to the average at the end.
    shapes = [block.comes for block in costs.blocks if block.text.startswith(("conv", "gap"))]
    sizes = " → ".join(f"{channels} × {height} × {width}" for channels, height, width in shapes)
    return tr(
        "{sizes} → global average pooling: {numbers} numbers → {classes} classes. {parameters:,} "
        "parameters; the weights are drawn at random at first.",
        sizes=sizes,
        numbers=shapes[-1][0],
        classes=classes,
        parameters=costs.parameters,
    )


def progress(view: LiveProgress, phase: str) -> str:
    """Say how far a training is.

    Args:
        view: The training.
        phase: What it does, in a word or two.
    """
    if view.phase != "training":
        return phase
    if not view.checks:
        return f"{phase} · {view.seconds:.0f} s"
    return tr(
        "{phase} · {seconds:.0f} s · {share} of validation pictures named correctly",
        phase=phase,
        seconds=view.seconds,
        share=percent(view.checks[-1].accuracy),
    )


def dead_channels(view: LiveProgress) -> str:
    """Warn if most channels died; "" otherwise."""
    dead = view.counts[-1].dead
    if 2 * dead <= view.channels:
        return ""
    return tr(
        "{dead} of {channels} channels died: they let nothing through for any of "
        "{count} validation pictures. Where nothing comes through no gradient comes "
        "back, so learning seldom wakes them up.",
        dead=dead,
        channels=view.channels,
        count=view.others,
    )


def numbers(view: LiveProgress, probe: str) -> str:
    """Say how the numbers below a finished training are counted.

    Args:
        view: The training.
        probe: Title of the probe image, safe to show.
    """
    return f"{_accuracy(view)} {_channels(view, probe)}".strip()


def _accuracy(view: LiveProgress) -> str:
    outcome = view.outcome
    if outcome is None:
        return ""
    if outcome.best_epoch:
        kept = tr(
            "The weights kept are those of epoch {epoch}, the best on these same "
            "pictures, which tends to make the figure a little too good.",
            epoch=outcome.best_epoch,
        )
    else:
        kept = tr(
            "No epoch did better on them than the weights before the first step, which are kept."
        )
    measured = tr(
        "Accuracy is measured on {count:,} pictures that it did not learn from; always naming the "
        "largest class would name {share} of them correctly.",
        count=view.validation_images,
        share=percent(view.guessing.accuracy),
    )
    return f"{measured} {kept}"


def earlier_image(probe: str) -> str:
    """Say that a training shows the maps of another image than the one in the sidebar.

    Args:
        probe: Title of the training's image.
    """
    return tr(
        "The maps below are of your earlier image, {image}: the training began with it. "
        "Start a new one to see those of the image in the sidebar.",
        image=quoted(probe),
    )


def _channels(view: LiveProgress, probe: str) -> str:
    return tr(
        "Counted at the end of the training, over all ReLUs: a channel is empty when it "
        "lets nothing through for {image}, and dead when it lets nothing through for any "
        "of {count} validation pictures.",
        image=probe,
        count=view.others,
    )


def _kernels(snapshot: Snapshot) -> str:
    if snapshot.kernels is None:
        return tr("It has no kernels")
    count, _, height, width = snapshot.kernels.shape
    return tr(
        "Its {count} kernels of {height} × {width} pixels", count=count, height=height, width=width
    )


def _colours(bound: float) -> str:
    if not math.isfinite(bound):
        return tr("some weights are no longer numbers.")
    return tr("grey is 0, and the strongest colour is a weight of {bound:.3g}.", bound=bound)


def _steps(count: int) -> str:
    return trn("{count:,} step", "{count:,} steps", count)
