"""Sentences of the page Filters, made from a layer's kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from convviz.features.filters import Filters
from convviz.networks.network import Weights
from convviz.plain_text import code, plain
from convviz.structure.layers import Layer


def headline(filters: Filters) -> str:
    """Say how many filters there are, and how large each is."""
    height, width = filters.kernels.shape[2:]
    return (
        f"{filters.channels} filters of {plain(filters.layer.title)}, each {filters.inputs} × "
        f"{height} × {width}"
    )


def meaning(filters: Filters, network: str, *, is_first: bool) -> str:
    """Say how the drawings of a layer's kernels are read.

    Args:
        filters: The kernels.
        network: The network's title.
        is_first: Whether they read the image itself.
    """
    if filters.sees_colours and is_first:
        text = "They look at the image itself, so their three slices make a colour: grey is 0."
    elif filters.sees_colours:
        text = "Each reads three channels, which are drawn as red, green and blue: grey is 0."
    else:
        slices = (
            "one slice for the one channel"
            if filters.inputs == 1
            else (f"one slice for each of the {filters.inputs} channels")
        )
        text = (
            f"Each has {slices} it looks at. Blue adds to the sum where the channel is above 0, "
            "vermilion takes away, white does nothing."
        )
    return f"{code(filters.module)} of {plain(network)}. {text} {scale(filters.largest)}"


def scale(bound: float) -> str:
    """Say which weights the ends of a scale stand for, that all filters share.

    Args:
        bound: The largest magnitude.
    """
    if not math.isfinite(bound):
        return "Some of its weights are not numbers, so there is no scale to draw them on."
    return f"All on one scale, whose ends are ±{bound:.3g}."


def no_kernels_of_its_own(chosen: Layer, convolution: Layer) -> str:
    """Say whose kernels are shown for a layer without any."""
    return (
        f"{plain(chosen.title)} has no kernels of its own; these are those of "
        f"{plain(convolution.title)}, the "
        "last convolution before it."
    )


def without_pattern(chosen: Layer, convolution: Layer, first: Layer) -> str:
    """Say why the first layer's kernels are shown instead of those of 1 × 1.

    Args:
        chosen: The layer that was chosen.
        convolution: The one whose kernels of 1 × 1 it has; or the last before it, if it has none.
        first: The network's first layer with larger kernels, which are shown.
    """
    title = plain(convolution.title)
    whose = f"The kernels of {title}"
    if chosen.name != convolution.name:
        whose = (
            f"{plain(chosen.title)} has no kernels of its own, and those of {title}, the last "
            "convolution before it,"
        )
    return (
        f"{whose} are 1 × 1: each weighs channels against each other at one place, so there is no "
        f"pattern in space to see. Here are those of {plain(first.title)}, the first layer with "
        "larger kernels."
    )


def own_kernels(convolution: Layer) -> str:
    """Return the label of the toggle that shows kernels of 1 × 1 all the same."""
    return f"Show the 1 × 1 kernels of {plain(convolution.title)} all the same"


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
    return (
        f"Slices {start + 1} to {start + len(indices)} of {filters.inputs}, on this filter's own "
        f"scale (±{bound:.3g}); the first row reads input channels {first_row}."
    )


def sheet(filters: Filters, count: int, bound: float) -> str:
    """Say which filters of a layer are drawn, and on what scale.

    Args:
        filters: The kernels.
        count: How many are drawn, the largest first.
        bound: The weight that gets full colour.
    """
    height, width = filters.kernels.shape[2:]
    number = "all" if count == filters.channels else f"the {count} largest of"
    by_slice = "" if filters.sees_colours else ", each by its largest slice"
    return (
        f"{height} × {width} kernels, {number} {filters.channels}, the largest norm "
        f"first{by_slice}. Full colour: ±{bound:.3g}."
    )


def untrained(trained: Filters, weights: Weights) -> str:
    """Say what the kernels in use are compared with.

    Args:
        trained: Those in use.
        weights: Where they come from.
    """
    values = trained.kernels[0].numel()
    spread = math.sqrt(2 / values)
    text = (
        "First the weights in use, then random numbers of the same shape; both on one scale. The "
        f"random ones are normal with mean 0 and standard deviation √(2 / {values:,}) = "
        f"{spread:.3g}: the rule of He et al. (2015), with {values:,} inputs for each output "
        "value, by which convviz draws untrained convolutions."
    )
    if weights.source == "random":
        return f"{text} Here both are such random numbers."
    if weights.source == "own":
        return f"{text} Whether the weights in use were trained, convviz cannot tell."
    return (
        f"{text} The training of the weights in use may have begun with another rule, but with "
        "random numbers too: a pattern that the first have and the second have not came from "
        "training."
    )
