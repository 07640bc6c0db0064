"""Sentences of the page Training: about the recorded training, and about one that is run here."""

from __future__ import annotations

import math
from itertools import pairwise

from convviz.formatting import grouped, percent
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
    return (
        f"GoogLeNet learned {classes} classes from {log.images:,} looks at photographs, in "
        f"{log.steps:,} steps and {log.points[-1].seconds / 60:.0f} minutes on {log.cores} "
        f"processor cores, checks on the way included ({log.seconds / 60:.0f} with the measurement "
        f"of the finished network). Its first layers were kept at {moments} moments: move the "
        "slider, and watch what becomes of random numbers."
    )


def loss_curve(log: Log, classes: int) -> str:
    """Say what the recorded loss is, and between which values it can lie."""
    return (
        "The loss is the main classifier's cross-entropy on the training pictures, averaged over "
        f"the last steps, with label smoothing {log.smoothing:g}: even a perfect network would "
        f"stay at {smoothed_floor(log.smoothing, classes):.2f}, not at 0, and guessing costs "
        f"{math.log(classes):.2f}. While it trained, two auxiliary classifiers added theirs, each "
        f"multiplied with {AUXILIARY_WEIGHT:g}."
    )


def sizes(log: Log) -> str:
    """Say how large the pictures were, and what the accuracy did where that changed."""
    points = log.points
    larger = [after for before, after in pairwise(points) if after.size != before.size]
    text = f"The pictures had {points[0].size} × {points[0].size} pixels"
    if not larger:
        return f"{text} all the time, in the checks too."
    changes = " and ".join(f"{p.size} × {p.size} before step {p.step:,}" for p in larger)
    text += f", and grew to {changes}, in the checks too"
    checks = checked(log)
    for before, after in pairwise(checks):
        if after[0].size != before[0].size:
            text += (
                f"; from {percent(before[1], 2)} at {before[0].size} pixels (step "
                f"{before[0].step:,}) the accuracy went to {percent(after[1], 2)} at "
                f"{after[0].size} (step {after[0].step:,})"
            )
            break
    at_sizes = " and ".join(
        f"{percent(share, 1)} at {size} pixels" for size, share in sorted(log.final.items())
    )
    return (
        f"{text}. The size alone makes a difference: with the same weights the finished network "
        f"names {at_sizes} correctly."
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
    return (
        f"The accuracies on the way are of the first {images:,} of the {total:,} validation "
        f"pictures. The last, at step {last.step:,}, is {percent(share, 2)} at {last.size} pixels; "
        f"the finished network's {percent(about.accuracy, 1)} are of all {total:,} at "
        f"{about.input_size} pixels, after step {log.steps:,}. The two differ by "
        f"{100 * difference:.1f} percentage points, where chance alone makes a part of {images:,} "
        f"differ from the whole by about {100 * error:.1f} (its standard error)."
    )


def answers(layer: str) -> str:
    """Name the panel of a layer's maps, by its title."""
    return f"What {layer} answers to your image"


def recorded_kernels(snapshot: Snapshot, bound: float) -> str:
    """Say what the drawing of the first kernels shows.

    Args:
        snapshot: One moment.
        bound: Magnitude of the weight that gets the strongest colour.
    """
    return f"{_kernels(snapshot)} after {_steps(snapshot.step)}, in colour: {_colours(bound)}"


def recorded_maps(snapshot: Snapshot, image: str, emptiness: str) -> str:
    """Say what the drawing of a layer's maps shows.

    Args:
        snapshot: One moment of that layer.
        image: Title of the image.
        emptiness: How many channels are empty, as `Activations.sentence` says it.
    """
    return (
        f"{image} through the same weights, each of {snapshot.maps[0].channels} channels on its "
        f"own scale. {emptiness}"
    )


# A training that is run here


def moment_kernels(snapshot: Snapshot, bound: float) -> str:
    """Say what the drawing of the first kernels shows; see `recorded_kernels`."""
    if snapshot.kernels is None:
        return ""
    return f"{_kernels(snapshot)}, in colour: {_colours(bound)}"


def moment_maps(snapshot: Snapshot, maps: Maps, image: str) -> str:
    """Say what the drawing of a layer's maps shows, and how many channels are empty.

    Args:
        snapshot: One moment.
        maps: Those drawn.
        image: Title of the image.
    """
    crossed = " (crossed out)" if maps.empty else ""
    return (
        f"{image} through the weights of this moment, each channel on its own scale: {maps.empty} "
        f"of {maps.channels} channels empty{crossed}. In all ReLUs together, {snapshot.empty} of "
        f"{snapshot.channels} are empty."
    )


def dead_curve(view: LiveProgress) -> str:
    """Name the curve of dead channels."""
    return f"dead: empty for all of {view.others} validation pictures"


def counted_channels(view: LiveProgress) -> str:
    """Name the figure of empty and dead channels."""
    return f"Channels that let nothing through, of {view.channels}"


def label(view: LiveProgress, frame: Snapshot, *, is_back: bool) -> str:
    """Name a moment.

    Args:
        view: The training.
        frame: The moment.
        is_back: Whether the training ended at a later step than that of the weights kept.
    """
    text = f"Step {frame.step:,} · epoch {frame.epoch}"
    if not frame.kept:
        return f"{text} · {frame.seconds:.0f} s" + (", untrained" if frame.step == 0 else "")
    if is_back:
        return f"{text} · back to the best weights, which are kept"
    return f"{text} · the end: these weights are kept"


def in_short(design: SmallDesign, dataset: str, learning_rate: float, seconds: float) -> str:
    """Describe a training in one line.

    Args:
        design: The network's.
        dataset: Name of what it learns from.
        learning_rate: The largest.
        seconds: How long it may take.
    """
    return f"{design.title}, on {dataset}, learning rate {learning_rate:g}, {seconds:.0f} seconds."


def rate(name: Rate, value: float, depth: int, *, batch_norm: bool) -> str:
    """Say what a learning rate does, and what to change to see the difference.

    Args:
        name: Of the rate.
        value: The rate.
        depth: Stacks of the network.
        batch_norm: Whether each convolution is followed by one.
    """
    text = (
        f"AdamW with a learning rate of {value:g}, which a cosine schedule lowers to nearly zero."
    )
    if name != "deadly":
        return text
    text += (
        " A step that large can push a channel's inputs to its ReLU below zero for every picture. "
        "Then it lets nothing through, gets no gradient back, and stays dead."
    )
    if depth == 1:
        text += (
            " Channels of a first stack seldom die, as the picture's values lie on both sides of "
            "zero: choose more stacks."
        )
    if batch_norm:
        return f"{text} Batch norm mostly prevents that: switch it off to compare."
    return f"{text} Batch norm, which mostly prevents that, is off: switch it on to compare."


def arithmetic(design: SmallDesign, classes: int) -> str:
    """Write the sizes of an image's maps, stack by stack.

    Args:
        design: The network's.
        classes: How many it names.
    """
    costs = count_design(design.design(classes))
    # What comes to each convolution, and to the average at the end.
    shapes = [block.comes for block in costs.blocks if block.text.startswith(("conv", "gap"))]
    steps = " → ".join(f"{height} × {width} × {channels}" for channels, height, width in shapes)
    return (
        f"{steps} → global average pooling: {shapes[-1][0]} numbers → {classes} classes. "
        f"{grouped(costs.parameters)} parameters; the weights are drawn at random at first."
    )


def progress(view: LiveProgress, phase: str) -> str:
    """Say how far a training is.

    Args:
        view: The training.
        phase: What it does, in a word or two.
    """
    if view.phase != "training":
        return phase
    text = f"{phase} · {view.seconds:.0f} s"
    if view.checks:
        text += f" · {percent(view.checks[-1].accuracy)} of validation pictures named correctly"
    return text


def dead_channels(view: LiveProgress) -> str:
    """Warn if most channels died; "" otherwise."""
    dead = view.counts[-1].dead
    if 2 * dead <= view.channels:
        return ""
    return (
        f"{dead} of {view.channels} channels died: they let nothing through for any of "
        f"{view.others} validation pictures. Where nothing comes through no gradient comes back, "
        "so learning seldom wakes them up."
    )


def numbers(view: LiveProgress, probe: str) -> str:
    """Say how the numbers below a finished training are counted.

    Args:
        view: The training.
        probe: Title of the probe image, safe to show.
    """
    return f"{_accuracy(view)}{_channels(view, probe)}"


def _accuracy(view: LiveProgress) -> str:
    outcome = view.outcome
    if outcome is None:
        return ""
    if outcome.best_epoch:
        kept = (
            f"The weights kept are those of epoch {outcome.best_epoch}, the best on these same "
            "pictures, which tends to make the figure a little too good. "
        )
    else:
        kept = (
            "No epoch did better on them than the weights before the first step, which are kept. "
        )
    return (
        f"Accuracy is measured on {view.validation_images:,} pictures that it did not learn from; "
        f"always naming the largest class would name {percent(view.guessing.accuracy)} of them "
        f"correctly. {kept}"
    )


def earlier_image(probe: str) -> str:
    """Say that a training shows the maps of another image than the one in the sidebar.

    Args:
        probe: Title of the training's image.
    """
    return (
        f"The maps below are of your earlier image, {quoted(probe)}: the training began with it. "
        "Start a new one to see those of the image in the sidebar."
    )


def _channels(view: LiveProgress, probe: str) -> str:
    return (
        "Counted at the end of the training, over all ReLUs: a channel is empty when it lets "
        f"nothing through for {probe}, and dead when it lets nothing through for any of "
        f"{view.others} validation pictures."
    )


def _kernels(snapshot: Snapshot) -> str:
    if snapshot.kernels is None:
        return "It has no kernels"
    count, _, height, width = snapshot.kernels.shape
    return f"Its {count} kernels of {height} × {width} pixels"


def _colours(bound: float) -> str:
    if not math.isfinite(bound):
        return "some weights are no longer numbers."
    return f"grey is 0, and the strongest colour is a weight of {bound:.3g}."


def _steps(count: int) -> str:
    return f"{count:,} step{'' if count == 1 else 's'}"
