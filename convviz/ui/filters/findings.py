"""Sentences of the page Filters, made from a layer's kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from convviz.features.filters import Filters
from convviz.formatting import percent
from convviz.language import later, tr, trn
from convviz.networks.network import Weights
from convviz.plain_text import code, plain
from convviz.structure.layers import Layer


def headline(filters: Filters) -> str:
    """Say how many filters there are, and how large each is."""
    height, width = filters.kernels.shape[2:]
    return tr(
        "{count} filters of {layer}, each {inputs} × {height} × {width}",
        count=filters.channels,
        layer=plain(filters.layer.title),
        inputs=filters.inputs,
        height=height,
        width=width,
    )


def meaning(filters: Filters, network: str, *, is_first: bool) -> str:
    """Say how the drawings of a layer's kernels are read.

    Args:
        filters: The kernels.
        network: The network's title.
        is_first: Whether they read the image itself.
    """
    if filters.sees_colours and is_first:
        text = tr("They look at the image itself, so their three slices make a colour: grey is 0.")
    elif filters.sees_colours:
        text = tr("Each reads three channels, which are drawn as red, green and blue: grey is 0.")
    else:
        text = trn(
            "Each has one slice for the one channel it looks at. Blue adds to the sum where the "
            "channel is above 0, orange takes away, white does nothing.",
            "Each has one slice for each of the {count} channels it looks at. Blue adds to the "
            "sum where the channel is above 0, orange takes away, white does nothing.",
            filters.inputs,
        )
    module = tr("{module} of {network}.", module=code(filters.module), network=plain(network))
    return f"{module} {text} {scale(filters.reach, filters.share_beyond(filters.reach))}"


def scale(bound: float, beyond: float = 0.0) -> str:
    """Say which weights the ends of a scale stand for, that all filters share.

    Args:
        bound: The magnitude at its ends.
        beyond: The share of weights that are larger, in 0…1.
    """
    if not math.isfinite(bound):
        return tr("Some of its weights are not numbers, so there is no scale to draw them on.")
    text = tr("All on one scale, whose ends are ±{bound:.3g}.", bound=bound)
    return f"{text} {clipped(beyond)}".rstrip()


def clipped(beyond: float) -> str:
    """Say how many weights lie beyond the ends of a scale; "" if none does.

    Args:
        beyond: Their share, in 0…1.
    """
    if not beyond:
        return ""
    return tr(
        "Of all weights {share} are further from 0 than that, and drawn as the ends are.",
        share=percent(beyond, 2),
    )


def no_kernels_of_its_own(chosen: Layer, convolution: Layer) -> str:
    """Say whose kernels are shown for a layer without any."""
    return tr(
        "{layer} has no kernels of its own; these are those of {convolution}, the last "
        "convolution before it.",
        layer=plain(chosen.title),
        convolution=plain(convolution.title),
    )


def without_pattern(chosen: Layer, convolution: Layer, first: Layer) -> str:
    """Say why the first layer's kernels are shown instead of those of 1 × 1.

    Args:
        chosen: The layer that was chosen.
        convolution: The one whose kernels of 1 × 1 it has; or the last before it, if it has none.
        first: The network's first layer with larger kernels, which are shown.
    """
    if chosen.name == convolution.name:
        return tr(
            "The kernels of {layer} are 1 × 1: each weighs channels against each other at one "
            "place, so there is no pattern in space to see. Here are those of {first}, the first "
            "layer with larger kernels.",
            layer=plain(convolution.title),
            first=plain(first.title),
        )
    return tr(
        "{layer} has no kernels of its own, and those of {convolution}, the last convolution "
        "before it, are 1 × 1: each weighs channels against each other at one place, so there is "
        "no pattern in space to see. Here are those of {first}, the first layer with larger "
        "kernels.",
        layer=plain(chosen.title),
        convolution=plain(convolution.title),
        first=plain(first.title),
    )


def own_kernels(convolution: Layer) -> str:
    """Return the label of the toggle that shows kernels of 1 × 1 all the same."""
    return tr("Show the 1 × 1 kernels of {layer} all the same", layer=plain(convolution.title))


def slices(filters: Filters, channel: int, indices: Sequence[int], start: int, bound: float) -> str:
    """Say which slices of a filter are drawn.

    Args:
        filters: The kernels.
        channel: The filter's number.
        indices: Of the slices that are drawn, among the filter's own.
        start: How many slices come before them.
        bound: The filter's largest magnitude.
    """
    first_row = ", ".join(str(filters.input_channel(channel, index)) for index in indices[:8])
    return tr(
        "Slices {first} to {last} of {inputs}, on this filter's own scale (±{bound:.3g}); the "
        "first row reads input channels {channels}.",
        first=start + 1,
        last=start + len(indices),
        inputs=filters.inputs,
        bound=bound,
        channels=first_row,
    )


def sheet(filters: Filters, count: int, bound: float) -> str:
    """Say which filters of a layer are drawn, and on what scale.

    Args:
        filters: The kernels.
        count: How many are drawn, the largest first.
        bound: The weight that gets full colour.
    """
    height, width = filters.kernels.shape[2:]
    if count == filters.channels and filters.sees_colours:
        message = later(
            "{height} × {width} kernels, all {channels}, the largest norm first. Full colour: "
            "±{bound:.3g}."
        )
    elif count == filters.channels:
        message = later(
            "{height} × {width} kernels, all {channels}, the largest norm first, each by its "
            "largest slice. Full colour: ±{bound:.3g}."
        )
    elif filters.sees_colours:
        message = later(
            "{height} × {width} kernels, the {count} largest of {channels}, the largest norm "
            "first. Full colour: ±{bound:.3g}."
        )
    else:
        message = later(
            "{height} × {width} kernels, the {count} largest of {channels}, the largest norm "
            "first, each by its largest slice. Full colour: ±{bound:.3g}."
        )
    text = tr(
        message,
        height=height,
        width=width,
        count=count,
        channels=filters.channels,
        bound=bound,
    )
    return f"{text} {clipped(filters.share_beyond(bound))}".rstrip()


def untrained(trained: Filters, weights: Weights) -> str:
    """Say what the kernels in use are compared with.

    Args:
        trained: Those in use.
        weights: Where they come from.
    """
    values = trained.kernels[0].numel()
    spread = math.sqrt(2 / values)
    text = tr(
        "First the weights in use, then random numbers of the same shape; both on one "
        "scale. The random ones are normal with mean 0 and standard deviation √(2 / "
        "{values:,}) = {spread:.3g}: the rule of He et al. (2015), with {values:,} "
        "inputs for each output value, by which convviz draws untrained convolutions.",
        values=values,
        spread=spread,
    )
    if weights.source == "random":
        meaning = tr("Here both are such random numbers.")
    elif weights.source == "own":
        meaning = tr("Whether the weights in use were trained, convviz cannot tell.")
    else:
        meaning = tr(
            "The training of the weights in use may have begun with another rule, but with random "
            "numbers too: a pattern that the first have and the second have not came from "
            "training."
        )
    return f"{text} {meaning}"
